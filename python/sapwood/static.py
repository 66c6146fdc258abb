"""Files that are served as they are, out of a list that is made when the app is.

What a browser asks for is looked up in the list and never made into a path, so there is
no way to write a name that leads anywhere else.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, QueryParams
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse
from starlette.types import Receive, Scope, Send

from sapwood.errors import AppError


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was when somebody looked; no link is in its path."""

    path: Path
    stat: os.stat_result

    def is_as(self, other: File) -> bool:
        """Say whether the file has not changed between two looks."""
        mine, its = self.stat, other.stat
        return (mine.st_mtime_ns, mine.st_size) == (its.st_mtime_ns, its.st_size)


class StaticFolder:
    """An ASGI app that serves the files of a folder, by the names that they have in it.

    `path` is where the folder stands in URLs. Hidden files are left out, and links that
    lead out, and linked folders. With `debug` on, the folder is listed again when a file
    is missing or has changed. Raises AppError for a folder that is none.
    """

    def __init__(self, path: str, folder: Path, *, debug: bool) -> None:
        if not path.startswith("/") or path.endswith("/") or "{" in path:
            raise AppError(f"the path of a static folder is like '/static', not {path!r}")
        if not folder.is_dir():
            raise AppError(f"there is no folder {str(folder)!r} to serve as {path!r}")
        self.path = path
        self.folder: Path = folder.resolve()
        self._debug = debug
        self._list()

    def url(self, name: str) -> str | None:
        """Return the URL of a file, which changes with its content; None if there is no file."""
        found = self._find(name)
        return f"{self.path}/{quote(name)}?v={self._version(name, found[1])}" if found else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, of which the router says what is left of its path."""
        response = await run_in_threadpool(self._respond, scope)
        await response(_with_one_range(scope), receive, send)

    def _respond(self, scope: Scope) -> Response:
        name: str = scope["path_params"]["name"]
        found = self._find(name)
        if found is None:
            raise HTTPException(404)
        listed, now = found
        versions = QueryParams(scope["query_string"]).getlist("v")
        # What has changed since it was listed is no longer what its version says.
        is_version = versions == [self._version(name, listed)] and now.is_as(listed)
        headers = {
            "cache-control": "public, max-age=31536000, immutable" if is_version else "no-cache",
            "x-content-type-options": "nosniff",
        }
        response = FileResponse(now.path, headers=headers, stat_result=now.stat)
        if _is_known(Headers(scope=scope), response):
            return NotModifiedResponse(response.headers)
        return response

    def _find(self, name: str) -> tuple[File, File] | None:
        """Return the file *name* as it was listed, and as it is now."""
        found = self._look_at(name)
        if self._debug and (found is None or not found[1].is_as(found[0])):
            self._list()
            found = self._look_at(name)
        return found

    def _look_at(self, name: str) -> tuple[File, File] | None:
        listed = self._files.get(name)
        now = _look(listed.path) if listed else None
        return (listed, now) if listed and now else None

    def _list(self) -> None:
        self._files = dict(_files_in(self.folder))
        #: The hashes of those that were asked for by version.
        self._versions: dict[str, str] = {}

    def _version(self, name: str, file: File) -> str:
        if name not in self._versions:
            self._versions[name] = hashlib.sha256(file.path.read_bytes()).hexdigest()[:16]
        return self._versions[name]


def _files_in(folder: Path) -> Iterator[tuple[str, File]]:
    """Yield the names of all files that may be served, with `/` between folders."""
    for parent, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(parent, name) for name in names if not name.startswith(".")):
            real = path.resolve()
            file = _look(real) if real.is_relative_to(folder) else None
            if file is not None:
                yield path.relative_to(folder).as_posix(), file


def _look(path: Path) -> File | None:
    """Return the file at *path*; None if it is gone, or no file, or a link."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return File(path, found) if stat.S_ISREG(found.st_mode) else None


def _raise(error: OSError) -> None:
    raise error


def _is_known(asked: Headers, response: Response) -> bool:
    """Say whether the browser has what we would send."""
    if tags := asked.get("if-none-match"):
        known = [tag.strip().removeprefix("W/") for tag in tags.split(",")]
        return response.headers["etag"] in known or known == ["*"]
    return asked.get("if-modified-since") == response.headers["last-modified"]


def _with_one_range(scope: Scope) -> Scope:
    """Return a scope that asks for one range of the file, or for all of it."""
    ranges = Headers(scope=scope).getlist("range")
    if len(ranges) <= 1 and "," not in "".join(ranges):
        return scope
    # Nobody needs several; answering them is work that a stranger could make for us.
    headers = [(name, value) for name, value in scope["headers"] if name.lower() != b"range"]
    return {**scope, "headers": headers}
