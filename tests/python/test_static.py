"""Static files: those of the folder are served, and nothing else, however it is asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from starlette.testclient import TestClient

from sapwood import App, AppError

INSIDE, OUTSIDE = b"inside", b"outside"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files, and around it what nobody may see."""
    folder = tmp_path / "files"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "index.html").write_bytes(INSIDE)
    (folder / "logo.svg").write_bytes(b"0123456789")
    (folder / "deep" / "er" / "a b ü.css").write_bytes(INSIDE)
    (tmp_path / "secret.txt").write_bytes(OUTSIDE)
    beside = tmp_path / "files-private"
    beside.mkdir()
    (beside / "secret.txt").write_bytes(OUTSIDE)
    (folder / ".env").write_bytes(OUTSIDE)
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_bytes(OUTSIDE)
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "beside.txt").symlink_to(beside / "secret.txt")
    (folder / "up").symlink_to(tmp_path)
    (folder / "around").symlink_to(folder)
    (folder / "dangling.txt").symlink_to(tmp_path / "nothing")
    (folder / "same.svg").symlink_to(folder / "logo.svg")
    os.mkfifo(folder / "pipe")
    return folder


def serving(folder: Path, **options: Any) -> App:
    app = App(**options)
    app.static("/static", folder)
    return app


@pytest.fixture
def client(folder: Path) -> Iterator[TestClient]:
    with TestClient(serving(folder)) as client:
        yield client


# --- What is served ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["index.html", "deep/er/a b ü.css", "deep/er/a%20b%20%C3%BC.css"])
def test_a_file_is_served_by_its_name(client: TestClient, name: str) -> None:
    answer = client.get(f"/static/{name}")
    assert (answer.status_code, answer.content) == (200, INSIDE)


def test_its_type_is_told_by_its_name_and_not_guessed(client: TestClient) -> None:
    headers = client.get("/static/logo.svg").headers
    assert (headers["content-type"], headers["x-content-type-options"]) == (
        "image/svg+xml",
        "nosniff",
    )


def test_a_link_to_a_file_inside_is_that_file(client: TestClient) -> None:
    assert client.get("/static/same.svg").content == b"0123456789"


def test_head_tells_of_a_file_without_sending_it(client: TestClient) -> None:
    answer = client.head("/static/logo.svg")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (
        200,
        b"",
        "10",
    )


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_a_file_can_only_be_read(client: TestClient, method: str) -> None:
    assert client.request(method, "/static/logo.svg").status_code == 405


def test_a_folder_is_named_from_the_file_that_serves_it(tmp_path: Path) -> None:
    (tmp_path / "its").mkdir()
    (tmp_path / "its" / "file.txt").write_bytes(INSIDE)
    names: dict[str, Any] = {"__file__": str(tmp_path / "app.py")}
    exec("import sapwood\napp = sapwood.App()\napp.static('/s', 'its')", names)
    assert TestClient(names["app"]).get("/s/file.txt").content == INSIDE


# --- What is kept --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asking", "answering"), [("if-none-match", "etag"), ("if-modified-since", "last-modified")]
)
def test_what_a_browser_has_is_not_sent_again(
    client: TestClient, asking: str, answering: str
) -> None:
    first = client.get("/static/logo.svg")
    again = client.get("/static/logo.svg", headers={asking: first.headers[answering]})
    other = client.get("/static/logo.svg", headers={asking: '"other"'})
    assert (again.status_code, again.content, other.status_code) == (304, b"", 200)
    assert again.headers["etag"] == first.headers["etag"]


@pytest.mark.parametrize("value", ["*", 'W/{}, "x"', '"x", {}'])
def test_a_browser_may_have_several_versions(client: TestClient, value: str) -> None:
    etag = client.get("/static/logo.svg").headers["etag"]
    headers = {"if-none-match": value.format(etag)}
    assert client.get("/static/logo.svg", headers=headers).status_code == 304


def test_what_is_asked_for_by_its_version_is_kept_for_ever(folder: Path) -> None:
    app = serving(folder)
    client, url = TestClient(app), app.static_url("logo.svg")
    kept = [client.get(it).headers["cache-control"] for it in (url, url[:-1], "/static/logo.svg")]
    assert kept == ["public, max-age=31536000, immutable", "no-cache", "no-cache"]


def test_a_url_changes_with_the_content_and_is_quoted(folder: Path) -> None:
    urls = []
    for content in (b"one", b"two", b"one"):
        (folder / "deep" / "er" / "a b ü.css").write_bytes(content)
        urls.append(serving(folder).static_url("deep/er/a b ü.css"))
    assert (urls[0] == urls[2], urls[0] == urls[1]) == (True, False)
    assert urls[0].startswith("/static/deep/er/a%20b%20%C3%BC.css?v=")


def test_a_file_that_changed_under_a_running_app_is_not_kept_for_ever(folder: Path) -> None:
    app = serving(folder, debug=False)
    url = app.static_url("logo.svg")
    (folder / "logo.svg").write_bytes(b"another")
    answer = TestClient(app).get(url)
    assert (answer.content, answer.headers["cache-control"]) == (b"another", "no-cache")


def test_the_first_folder_that_has_a_file_names_it(folder: Path, tmp_path: Path) -> None:
    app = App()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        app.static(f"/{name}", tmp_path / name)
    app.static("/static", folder)
    app.static("/again", folder)
    assert app.static_url("logo.svg").startswith("/static/logo.svg?v=")


@pytest.mark.parametrize("name", ["none.svg", "../secret.txt", ".env", "link.txt", "", "deep"])
def test_a_url_of_what_is_not_served_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(AppError, match="among the static ones"):
        serving(folder).static_url(name)


# --- Ranges --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "status", "content"),
    [
        ("bytes=2-4", 206, b"234"),
        ("bytes=8-", 206, b"89"),
        ("bytes=-3", 206, b"789"),
        ("bytes=10-", 416, b""),
        ("bytes=0-1,3-4", 200, b"0123456789"),
        ("bytes=" + ",".join("0-" for _ in range(1000)), 200, b"0123456789"),
    ],
    ids=["middle", "end", "last", "beyond", "two", "many"],
)
def test_one_range_of_a_file_may_be_asked_for(
    client: TestClient, asked: str, status: int, content: bytes
) -> None:
    answer = client.get("/static/logo.svg", headers={"range": asked})
    assert (answer.status_code, answer.content) == (status, content)


def test_two_headers_with_a_range_are_none(client: TestClient) -> None:
    headers = [("range", "bytes=0-1"), ("range", "bytes=3-4")]
    assert client.get("/static/logo.svg", headers=headers).status_code == 200


# --- Changes -------------------------------------------------------------------------


@pytest.mark.parametrize("debug", [True, False])
def test_in_development_a_new_file_is_found_without_a_restart(folder: Path, debug: bool) -> None:
    client = TestClient(serving(folder, debug=debug))
    headers = {"host": "127.0.0.1"}
    (folder / "new.txt").write_bytes(INSIDE)
    assert client.get("/static/new.txt", headers=headers).status_code == (200 if debug else 404)


def test_in_development_a_changed_file_has_another_url(folder: Path) -> None:
    app = serving(folder, debug=True)
    before = app.static_url("logo.svg")
    (folder / "logo.svg").write_bytes(b"another")
    after = app.static_url("logo.svg")
    answer = TestClient(app).get(after, headers={"host": "127.0.0.1"})
    assert (before == after, "immutable" in answer.headers["cache-control"]) == (False, True)


@pytest.mark.parametrize("debug", [True, False])
def test_a_file_that_went_is_not_there(folder: Path, debug: bool) -> None:
    client = TestClient(serving(folder, debug=debug))
    (folder / "logo.svg").unlink()
    assert client.get("/static/logo.svg", headers={"host": "127.0.0.1"}).status_code == 404


def test_a_file_that_became_a_link_is_not_there(folder: Path, tmp_path: Path) -> None:
    client = TestClient(serving(folder))
    (folder / "logo.svg").unlink()
    (folder / "logo.svg").symlink_to(tmp_path / "secret.txt")
    assert client.get("/static/logo.svg").status_code == 404


@pytest.mark.parametrize("path", ["static", "/static/", "/", "", "/{name}"])
def test_a_path_that_is_none_is_refused_at_once(folder: Path, path: str) -> None:
    with pytest.raises(AppError, match="static folder"):
        App().static(path, folder)


def test_a_folder_that_is_none_is_refused_at_once(folder: Path) -> None:
    with pytest.raises(AppError, match="there is no folder"):
        App().static("/static", folder / "logo.svg")


# --- What is not served --------------------------------------------------------------

TARGETS = ["secret.txt", "files-private/secret.txt", "files/../secret.txt"]
UP = [
    "..", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "%25252e%25252e", "..;", "..%00", "%00..",
    "%c0%ae%c0%ae", "%e0%80%ae%e0%80%ae", "%uff0e%uff0e", "．．", "...", "....", "..%20", "..\t",
    "..%09", "..%0d%0a", "up", "around/..", "deep/../..", "deep/er/../../..", "./..", "%2e/%2e%2e",
    "..::$DATA", "..%5c", ".%5c..",
]  # fmt: skip
SEPARATORS = ["/", "//", "\\", "%2f", "%5c", "%255c", "%252f", "%c0%af", "/./", "∕", "%00/"]
ABSOLUTE = [
    "{secret}", "/{secret}", "//{secret}", "%2f{secret}", "{quoted}", "\\{secret}",
    "file://{secret}", "file:{secret}", "C:\\windows\\win.ini", "C:/windows/win.ini", "c:",
    "\\\\?\\C:\\windows\\win.ini",
    "\\\\.\\pipe\\x", "\\\\host\\share\\file", "//host/share/file", "%5c%5chost%5cshare%5cfile",
    "~/.ssh/id_rsa", "~root/.profile", "/proc/self/environ", "/dev/zero", "/etc/passwd",
]  # fmt: skip
NAMES = [
    "", ".", "..", "/", "deep", "deep/", "deep/er", "index.html/", "index.html/.", "index.html/..",
    "index.html%00", "index.html%00.png", "%00index.html", "index.html::$DATA", "index.html:stream",
    "index.html.", "index.html%20", "INDEX.HTML", "index.htm%6c%00", "index~1.htm", "./index.html",
    "deep/../index.html", "deep//er/a%20b.css", "//index.html", "/index.html",
    "index.html%0d%0aX:%20y",
    "index.html%3fv=1", "index.html%23x", "index%2ehtml%2f", "deep%2fer", "deep\\er", "deep%5cer",
    ".env", ".git/config", "%2eenv", "./.env", "link.txt", "beside.txt", "up/secret.txt", "up",
    "around/index.html",
    "dangling.txt", "pipe", "con", "nul", "aux.txt", "com1", "a" * 5000, "a/" * 5000, "../" * 5000,
    "\udcff", "\ufeffindex.html", "index.html\u202e", "{name}", "%", "%zz", "%u002e", "*", "?",
    "[a-z]*",
]  # fmt: skip


def corpus(secret: Path) -> list[str]:
    climbing = [
        f"{separator.join([up] * depth)}{separator}{target}"
        for up in UP
        for separator in SEPARATORS
        for depth, target in zip((1, 2, 9), TARGETS, strict=True)
    ]
    absolute = [it.format(secret=secret, quoted=quote(str(secret), safe="")) for it in ABSOLUTE]
    return [*climbing, *absolute, *NAMES]


class Opened:
    """What the interpreter opens and lists, while it is asked to watch."""

    def __init__(self) -> None:
        self.paths: list[str] | None = None
        sys.addaudithook(self._hear)  # which stays for as long as the interpreter does

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.paths is not None and event in ("open", "os.listdir", "os.scandir"):
            self.paths.append(os.fsdecode(arguments[0]) if arguments[0] else ".")


OPENED = Opened()


async def asked(app: App, path: str) -> tuple[int, bytes]:
    """Ask as a server does, which decodes a path once and changes no more of it."""
    sent: list[Any] = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "method": "GET",
        "scheme": "http",
        "path": path,
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1")],
    }

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], body


@pytest.mark.parametrize("debug", [True, False])
async def test_whatever_is_asked_for_nothing_else_is_opened(folder: Path, debug: bool) -> None:
    app = serving(folder, debug=debug)
    # What the interpreter and the system read at first use is read now.
    assert await asked(app, "/static/index.html") == (200, INSIDE)
    raw = corpus(folder.parent / "secret.txt")
    assert len(raw) > 900
    OPENED.paths = []
    try:
        answers = [(name, await asked(app, f"/static/{unquote(name)}")) for name in raw]
        answers += [(name, await asked(app, f"/static/{name}")) for name in raw]
        opened, OPENED.paths = OPENED.paths, []
        assert await asked(app, "/static/index.html") == (200, INSIDE)
        watched = OPENED.paths
    finally:
        OPENED.paths = None
    served = [name for name, (status, body) in answers if status not in (307, 404)]
    assert served == []
    assert all(OUTSIDE not in body for _, (_, body) in answers)
    # In development a name that is not there has the folder listed, and that is all.
    assert {path for path in opened if not Path(path).is_relative_to(folder)} == set()
    assert any(path.endswith("index.html") for path in watched)
