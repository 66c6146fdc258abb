"""Frames, as docs/protocol.md has them: bytes in, typed values out, and back.

`decode` is total: whatever a stranger sends becomes a frame or a FrameError, at a cost
that the frame's size bounds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite
from typing import Annotated, Any, NoReturn

import msgspec

from sapwood.errors import FrameError
from sapwood.events import Event
from sapwood.foreign import check_foreign

VERSION = "sapwood.1"
EVENT_BYTES_MAX = 64 * 1024
JOIN_BYTES_MAX = 1024 * 1024
_NUMBER_MAX = 2**53
_TYPE_LENGTH_MAX = 64
_UUID_LENGTH_MAX = 256
_DATA_ITEMS_MAX = 64
_FIELDS_MAX = 20_000
# Arrays and objects in a frame, of its largest size. They cost most for their two bytes.
_BYTES_FOR_CONTAINER = 16
# Also one that does not end: whatever the text, it is gone through once.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)

Id = int | str
FieldValue = str | bool | list[str]


class Join(msgspec.Struct, frozen=True):
    """The first frame of a connection."""

    token: str | None = None
    resume: str | None = None
    #: Lets one more browser into a session; from `Session.url`.
    share: str | None = None
    sequence: int = 0
    #: Grows with each join of a tab, over F5 too; 0 if the page does not say.
    number: int = 0
    fields: tuple[tuple[Id, FieldValue], ...] = ()
    #: Ops for `_core.apply_foreign`, each with one tree.
    foreign: tuple[str, ...] = ()


class Synced(msgspec.Struct, frozen=True):
    """What the page holds that the server does not know: fields and foreign nodes."""

    fields: tuple[tuple[Id, FieldValue], ...] = ()
    #: Ops for `_core.apply_foreign`, each with one tree.
    foreign: tuple[str, ...] = ()


class Happened(msgspec.Struct, frozen=True):
    """An event, the patch it was made on, and the fields edited before it."""

    event: Event
    acknowledged: int
    fields: tuple[tuple[Id, FieldValue], ...] = ()


class Acknowledge(msgspec.Struct, frozen=True):
    """All patches up to `sequence` are in the page."""

    sequence: int


class Ping(msgspec.Struct, frozen=True):
    """A question whether anybody is there."""

    mark: float


class Resync(msgspec.Struct, frozen=True):
    """A patch could not be applied; the whole tree is wanted."""

    reason: str


class Answered(msgspec.Struct, frozen=True):
    """What the page says to question `number`, or why it says nothing."""

    number: int
    value: Any
    error: str | None = None


Frame = Join | Happened | Acknowledge | Ping | Resync | Synced | Answered


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"a number out of range: {text:.20}")
    return number


def _no_float(text: str) -> NoReturn:
    raise ValueError(f"a number that is not whole: {text:.20}")


# msgspec's own way takes 10 microseconds for some numbers, such as 1e308; Python's does not.
_DECODER = msgspec.json.Decoder(list[Any], float_hook=_finite)
# What tells of the page's content has no such number, and room for 200,000.
_CONTENT_DECODER = msgspec.json.Decoder(list[Any], float_hook=_no_float)


class _EventBody(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    number: Annotated[int, msgspec.Meta(ge=1, lt=_NUMBER_MAX)]
    acknowledged: Annotated[int, msgspec.Meta(ge=0, lt=_NUMBER_MAX)]
    target: (
        Annotated[int, msgspec.Meta(gt=0, lt=_NUMBER_MAX)]
        | Annotated[str, msgspec.Meta(max_length=_UUID_LENGTH_MAX)]
    )
    type: Annotated[str, msgspec.Meta(max_length=_TYPE_LENGTH_MAX)] | None = None
    # Not more closely: a number that is expected to be a float is read in msgspec's own way.
    data: Any = None
    fields: Any = None


# Most frames are events.
_EVENT_DECODER = msgspec.json.Decoder(_EventBody, float_hook=_finite)


class _JoinBody(msgspec.Struct, forbid_unknown_fields=False):
    v: int
    token: str | None = None
    resume: str | None = None
    share: str | None = None
    s: int = 0
    n: int = 0
    fields: list[Any] = msgspec.field(default_factory=list)
    foreign: list[Any] = msgspec.field(default_factory=list)


def decode(text: str, *, is_first: bool = False) -> Frame:
    """Return the frame that *text* is; raise FrameError for anything else.

    Only the first frame of a connection may be a join, and it must be one.
    """
    # A frame that tells of the page's content is as long as that.
    is_content = is_first or text.startswith("[-4,")
    limit = JOIN_BYTES_MAX if is_content else EVENT_BYTES_MAX
    # A character is at least a byte: what is too long in characters needs no encoding.
    if len(text) > limit:
        raise FrameError(f"a frame of over {limit} bytes", 1009)
    try:
        raw = text.encode()
        if len(raw) > limit:
            raise FrameError(f"a frame of over {limit} bytes", 1009)
        _check_containers(raw, limit // _BYTES_FOR_CONTAINER)
        if not (is_first or text.startswith("[-")):
            try:
                return _event(_EVENT_DECODER.decode(raw))
            except msgspec.ValidationError:
                pass  # another frame, with white space in front of its number, or none
        parts = (_CONTENT_DECODER if is_content else _DECODER).decode(raw)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError) as error:
        raise FrameError("not a JSON array") from error
    head = parts[0] if parts else None
    if type(head) is not int:  # 0 == False == 0.0, but only one of them is a number here
        raise FrameError("no frame that this protocol has")
    if is_first != (head == 0):
        raise FrameError("a join comes first, and only then")
    match parts:
        case [0, dict() as body]:
            return _join(body)
        case [-1, int() as sequence]:
            return Acknowledge(_count(sequence))
        case [-2, int() | float() as mark] if not isinstance(mark, bool):
            return Ping(mark)
        case [-3, str() as reason]:
            return Resync(reason[:200])
        case [-4, list() as fields, list() as foreign]:
            return Synced(_fields(fields), tuple(check_foreign(foreign)))
        case [-5, int() as number, value]:
            return Answered(_count(number), value)
        case [-5, int() as number, None, str() as reason]:
            return Answered(_count(number), None, reason[:200])
    raise FrameError("no frame that this protocol has")


def _check_containers(raw: bytes, count_max: int) -> None:
    # In strings there may be as many brackets as a person types.
    if len(raw) <= count_max or _brackets(raw) <= count_max:
        return
    if _brackets(_STRING.sub(b"", raw)) > count_max:
        raise FrameError(f"a frame of over {count_max} arrays and objects")


def _brackets(raw: bytes) -> int:
    return raw.count(b"[") + raw.count(b"{")


def _join(body: dict[str, Any]) -> Join:
    try:
        join = msgspec.convert(body, _JoinBody)
    except msgspec.ValidationError as error:
        raise FrameError(f"a join that is none: {error}") from error
    if join.v != 1 or (join.token is None and join.resume is None):
        raise FrameError("a join has version 1, and a token or a resume token")
    return Join(
        token=join.token,
        resume=join.resume,
        share=join.share,
        sequence=_count(join.s),
        number=_count(join.n),
        fields=_fields(join.fields),
        foreign=tuple(check_foreign(join.foreign)),
    )


def _event(body: _EventBody) -> Happened:
    event = Event(body.number, body.target, body.type or "click", _data(body.data))
    return Happened(event, body.acknowledged, () if body.fields is None else _fields(body.fields))


def _data(data: Any) -> Mapping[str, Any]:
    if data is None:
        return {}
    if not isinstance(data, dict) or len(data) > _DATA_ITEMS_MAX:
        raise FrameError(f"event data is an object of at most {_DATA_ITEMS_MAX} items")
    if not all(isinstance(value, str | int | float | None) for value in data.values()):
        raise FrameError("event data holds strings, numbers and booleans")
    return data


def _fields(fields: Any) -> tuple[tuple[Id, FieldValue], ...]:
    if not isinstance(fields, list) or len(fields) % 2 or len(fields) > 2 * _FIELDS_MAX:
        raise FrameError(f"fields are pairs of id and value, at most {_FIELDS_MAX}")
    return tuple((_id(fields[at]), _field_value(fields[at + 1])) for at in range(0, len(fields), 2))


def _field_value(value: Any) -> FieldValue:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    if not isinstance(value, str | bool):
        raise FrameError("a field holds a string, a boolean or a list of strings")
    return value


def _id(value: Any) -> Id:
    if isinstance(value, str) and len(value) <= _UUID_LENGTH_MAX:
        return value
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < _NUMBER_MAX:
        raise FrameError("an id is a positive number or a short string")
    return value


def _count(value: int) -> int:
    if isinstance(value, bool) or not 0 <= value < _NUMBER_MAX:
        raise FrameError("a count is a number from 0 to 2^53")
    return value


class Welcome(msgspec.Struct, frozen=True):
    """The answer to a join."""

    mode: str
    sequence: int
    handled: int
    resume: str
    debug: bool = False

    def encode(self) -> str:
        """Return the frame."""
        body = {
            "mode": self.mode,
            "s": self.sequence,
            "c": self.handled,
            "resume": self.resume,
            "dev": self.debug,
        }
        return encode([0, body])


def encode(frame: list[Any]) -> str:
    """Return a control frame as text."""
    return msgspec.json.encode(frame).decode()
