"""What is kept of a session for the time after a restart, as bytes and back.

A record is JSON with a version in front. State goes in only as plain JSON data, so that
what comes out is what went in; what is not a record of this version comes out as
nothing, because an older or newer server may have written it.
"""

from __future__ import annotations

import logging
import math
import re
from typing import Annotated, Any, NoReturn

import msgspec

from sapwood.errors import StateError

STATE_BYTES_MAX = 64 * 1024
# The rest is for the connections, at about 100 bytes for each of their secrets.
RECORD_BYTES_MAX = 96 * 1024
DEPTH_MAX = 64

_SURROGATE = re.compile("[\ud800-\udfff]")
_Count = Annotated[int, msgspec.Meta(ge=0)]

log: logging.Logger = logging.getLogger("sapwood")


class ConnectionRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """One tab's way back into a session."""

    #: The hash of its browser's cookie.
    browser: str
    #: The hashes, in hex, of the secrets that the tab may come back with.
    secrets: list[str]
    #: Events up to this one were handled.
    handled: _Count
    #: Numbers of those that came to nothing or failed, and a code for why, of which the page
    #: may not have heard.
    reports: list[tuple[_Count, str]] = []


class Record(msgspec.Struct, frozen=True, tag_field="v", tag=1):
    """A session as far as it outlives the server."""

    id: str
    #: The path that the page was loaded from.
    route: str
    #: What the application declared as state: plain JSON data.
    state: dict[str, Any]
    connections: list[ConnectionRecord]


def encode(record: Record) -> bytes:
    """Return *record* as bytes; its state must have passed `check_state`."""
    return msgspec.json.encode(record)


def decode(data: bytes) -> Record | None:
    """Return the record that *data* is; None, and a line in the log, for anything else."""
    try:
        return msgspec.json.decode(data, type=Record)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        log.warning("a record of a session is none of this version: %s", error)
        return None


# The keys that lead to a value, the last one first.
_Path = tuple["_Path", str | int] | None


def check_state(state: object) -> None:
    """Raise StateError unless *state* is plain JSON data of at most 64 KiB.

    Plain are dicts with strings as keys, lists, strings, booleans, None and finite
    numbers of at most 64 bits; neither tuples nor subclasses of these, which would come
    back as something else.
    """
    if type(state) is not dict:
        raise StateError(f"state is a dict, not {_a(state)}")
    waiting: list[tuple[object, _Path, int]] = [(state, None, 0)]
    held = 0
    while waiting:
        value, path, depth = waiting.pop()
        if depth > DEPTH_MAX:
            raise StateError(f"state is nested over {DEPTH_MAX} deep, or holds itself")
        inside = _inside(value, path)
        # Each takes a byte at least, so that values that are held often end this soon.
        held += len(inside)
        if held > STATE_BYTES_MAX:
            _refuse_size()
        waiting += [(item, (path, key), depth + 1) for key, item in inside]
    if len(msgspec.json.encode(state)) > STATE_BYTES_MAX:
        _refuse_size()


def _inside(value: object, path: _Path) -> list[tuple[str | int, object]]:
    """Return what *value* holds, by key or index; raise StateError if it is not plain."""
    if type(value) is dict:
        for key in value:
            if type(key) is not str:
                raise StateError(f"a key of {_said(path)} is {_a(key)}, not a string: {key!r:.60}")
            _check_string(key, path)
        return list(value.items())
    if type(value) is list:
        return list(enumerate(value))
    if type(value) is str:
        _check_string(value, path)
    elif type(value) is int:
        if not -(2**63) <= value < 2**64:
            raise StateError(f"{_said(path)} is an int of over 64 bits")
    elif type(value) is float:
        if not math.isfinite(value):
            raise StateError(f"{_said(path)} is {value}, which JSON does not have")
    elif value is not None and type(value) is not bool:
        raise StateError(
            f"{_said(path)} is {_a(value)}, not plain JSON data: "
            "dict with strings as keys, list, str, int, float, bool or None"
        )
    return []


def _check_string(text: str, path: _Path) -> None:
    if not text.isascii() and _SURROGATE.search(text):
        raise StateError(f"{_said(path)} has half a surrogate pair, which is no character")


def _refuse_size() -> NoReturn:
    raise StateError(f"state is over {STATE_BYTES_MAX // 1024} KiB as JSON")


def _said(path: _Path) -> str:
    keys: list[str] = []
    while path is not None:
        path, key = path
        keys.append(f"[{key!r:.60}]")
    return "state" + "".join(reversed(keys))


def _a(value: object) -> str:
    name = type(value).__qualname__
    return f"{'an' if name[:1] in 'aeiouAEIOU' else 'a'} {name}"
