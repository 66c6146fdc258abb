"""A page as a browser has it, for tests: what it shows, what was typed, what it has to tell.

It follows docs/protocol.md as the client does (client/connection.js, client/anew.js), with
the core's own `apply` for the patches; no I/O. Frames come in and go out as text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sapwood import _core
from sapwood.element import Element
from sapwood.errors import PatchError, TabError

# As many events as a browser keeps, whole trees as it asks for, and answers as it gives again.
PENDING_MAX = 64
RESYNCS_MAX = 3
ANSWERS_MAX = 16

FIELDS = "input, select, textarea"

FieldValue = str | bool | list[str]


@dataclass(slots=True)
class Pending:
    """An event that the server has not handled, as far as the page knows."""

    number: int
    target: str
    type: str
    data: Mapping[str, Any] | None
    fields: dict[str, FieldValue]
    #: What it is called in messages.
    said: str


@dataclass(frozen=True, slots=True)
class Dialog:
    """What the page asks its user: `kind` is `"alert"`, `"confirm"` or `"prompt"`."""

    kind: str
    text: str
    #: What stands in the line of a prompt at first.
    default: str = ""


class Replica:
    """A page that was loaded; *html* is what the server sent, *url* what it was asked for.

    *storage* holds what `localStorage` and `sessionStorage` do. Raises TabError if the page
    is not a live one.
    """

    def __init__(
        self, html: str, url: str, storage: dict[str, dict[str, str]], share: str = ""
    ) -> None:
        self.tree: _core.Tree = _core.Tree.parse(html, Element)
        self.url: str = url
        self._storage = storage
        self._share = share
        self._token, mount = self._begin()
        #: Under which path the app is mounted.
        self.mount: str = mount
        self.resume: str = ""
        #: How the server took the page in: the mode of its welcome.
        self.mode: str = ""
        self.is_online: bool = False
        #: How many browsers wait for a place, this one among them.
        self.place: int = 0
        self.sequence: int = 0
        self.count: int = 0
        self.pending: dict[int, Pending] = {}
        #: Events that came to nothing: what the server says of them.
        self.failed: list[tuple[Pending, str, str]] = []
        #: Events of a session that is gone, which nobody will handle.
        self.lost: list[Pending] = []
        #: The number of the last ping that was answered.
        self.pong: int = 0
        #: What the user is asked, by its number.
        self.dialogs: dict[int, Dialog] = {}
        #: Where the server sends the page: an address, `""` for where it is.
        self.goes: str | None = None
        self._answers: dict[int, str] = {}
        #: What the user did to fields and no event has carried yet; and what one has, which
        #: the server must not undo before it knows.
        self._edited: dict[str, FieldValue] = {}
        self._carried: dict[str, tuple[int, FieldValue]] = {}
        #: Whether the page waits for the whole tree, and leaves out what comes before it.
        self.waits_for_whole: bool = False
        self._resyncs = 0
        self._is_renewed = False

    def _begin(self) -> tuple[str, str]:
        """Take out what Sapwood added to the page's head; return what it said."""
        meta = self.tree.query('meta[name="sapwood"][content]')
        if meta is None:
            raise TabError(f"{self.url} is not a live page: it was not made of a Template")
        said = meta.attrs["content"], meta._attribute("data-path") or ""
        client = self.tree.query(f'script[src^="{said[1]}/_sapwood/"]')
        for added in (meta, client):
            if added is not None:
                added.destroy()
        return said

    # --- The user --------------------------------------------------------------------

    def edit(self, field: Element, value: FieldValue) -> None:
        """Let the user put a value into a field; the next event tells."""
        group = field._group() if field._attribute("type") == "radio" else [field]
        _put(field, value)
        for each in group:
            self._edited[each.uuid] = each.checked if isinstance(value, bool) else value

    def happen(
        self, target: Element, type: str, data: Mapping[str, Any] | None, said: str
    ) -> str | None:
        """Let an event happen; return the frame to send, if the page is online.

        Raises TabError if as many wait as a browser keeps.
        """
        if len(self.pending) >= PENDING_MAX:
            raise TabError(f"{said}: the page keeps no more than {PENDING_MAX} events")
        self.count += 1
        fields, self._edited = self._edited, {}
        self._carried |= {uuid: (self.count, value) for uuid, value in fields.items()}
        event = Pending(self.count, target.uuid, type, data, fields, said)
        self.pending[event.number] = event
        return self._frame(event) if self.is_online and not self.waits_for_whole else None

    def answer(self, value: str | bool | None) -> str:
        """Answer the dialog that came first; return the frame to send."""
        number = next(iter(self.dialogs))
        del self.dialogs[number]
        return self._answer(number, value)

    # --- Coming and going --------------------------------------------------------------

    def join(self, number: int) -> str:
        """Return the first frame of a new socket, the tab's join with this *number*."""
        body: dict[str, Any] = {"v": 1, "n": number}
        if not self._token:
            return _encode([0, {**body, "resume": self.resume, "s": self.sequence}])
        body["token"] = self._token
        if self._share:
            body["share"] = self._share
        if self.resume and not self._is_renewed:
            body |= {"resume": self.resume, "fields": _flat(self._edited)}
        return _encode([0, body])

    def take_over(self, before: Replica) -> None:
        """Go on, as the next page of the same tab, with the session of the one *before*."""
        self.resume, self.count = before.resume, before.count
        self.pending, self.lost, self.failed = before.pending, before.lost, before.failed
        self._edited, self._carried = before._edited, before._carried

    def renew(self, html: str) -> None:
        """Take the token out of *html*, the page as it is sent now that the session is gone."""
        self._token = Replica(html, self.url, {})._token
        self._is_renewed = True

    @property
    def owed(self) -> str:
        """What the server owes the page: the first event that is not handled, or the page."""
        return next((it.said for it in self.pending.values()), "the whole page")

    def receive(self, text: str) -> list[str]:
        """Take a frame from the server; return what there is to send then."""
        match json.loads(text):
            case [0, dict() as body]:
                return self._welcomed(body)
            case [-1, int() as handled]:
                self._acknowledge(handled)
            case [-2, int() as mark]:
                self.pong = mark
            case [-3, int() as number, str() as code, str() as told]:
                if (event := self.pending.pop(number, None)) is not None:
                    self.failed.append((event, code, told))
            case [-4, int() as place]:
                self.place = place
            case [-5, int() as number, str() as name, list() as arguments]:
                return self._asked(number, name, arguments)
            case [-5, int() as number]:
                self.dialogs.pop(number, None)
                return [self._answer(number, None)]
            case [int() as sequence, int() | list() as handled, *ops]:
                return self._patch(sequence, handled, ops)
            case _:
                raise TabError(f"no frame of this protocol: {text[:200]}")
        return []

    # --- Frames ------------------------------------------------------------------------

    def _welcomed(self, body: dict[str, Any]) -> list[str]:
        self.mode, self.sequence, self.resume = body["mode"], body["s"], body["resume"]
        self.is_online, self.place = True, 0
        if self._token:
            self._token = ""
            self.dialogs, self._answers = {}, {}
            self.waits_for_whole = self.mode != "handoff"
            if self.mode == "resume":
                self._edited = {}  # the join has told of them
            elif self.mode != "restored":
                self.lost += self.pending.values()
                self.pending, self.count, self._carried = {}, 0, {}
        self._acknowledge(body["c"])
        return [] if self.waits_for_whole else self._waiting()

    def _waiting(self) -> list[str]:
        return [self._frame(event) for event in self.pending.values()]

    def _frame(self, event: Pending) -> str:
        tail = [event.type, event.data, _flat(event.fields)]
        return _encode([event.number, self.sequence, event.target, *tail])

    def _acknowledge(self, handled: int) -> None:
        self.pending = {it: event for it, event in self.pending.items() if it > handled}

    def _patch(self, sequence: int, handled: int | list[int], ops: list[Any]) -> list[str]:
        handled, taken = handled if isinstance(handled, list) else (handled, handled)
        is_whole = ops[:2] == [10, 0]
        replies: list[str] = []
        if sequence > self.sequence and (is_whole or not self.waits_for_whole):
            replies = self._apply(sequence, taken, ops, is_whole=is_whole)
        self._acknowledge(handled)
        return replies

    def _apply(self, sequence: int, taken: int, ops: list[Any], *, is_whole: bool) -> list[str]:
        waited, names, typed = self.waits_for_whole, self._names(), self._typed()
        try:
            if not is_whole and sequence != self.sequence + 1:
                raise PatchError(f"patch {sequence} after {self.sequence}")
            _core.apply(self.tree, _encode(ops))
        except PatchError as error:
            self._resyncs += 1
            if self._resyncs > RESYNCS_MAX:
                raise
            self.waits_for_whole = True
            return [_encode([-3, str(error)])]
        self.sequence, self.waits_for_whole, self._resyncs = sequence, False, 0
        replies = [_encode([-1, sequence])]
        if is_whole and self._is_renewed:
            self._rename(names, typed)
            replies.append(_encode([-4, _flat(self._edited), []]))
        self._is_renewed = False
        self._carried = {it: held for it, held in self._carried.items() if held[0] > taken}
        held = {uuid: value for uuid, (_, value) in self._carried.items()}
        for uuid, value in (held | self._edited).items():
            if (field := self.tree.find(uuid)) is not None:
                _put(field, value)
        return replies + self._waiting() if waited else replies

    # --- Another session -----------------------------------------------------------------

    def _names(self) -> dict[str, str]:
        """Return by what selector fields and targets of events are found again, by uuid."""
        if not self._is_renewed:
            return {}
        targets = (self.tree.find(it.target) for it in self.pending.values())
        wanted = [*self.tree.query_all(FIELDS), *(it for it in targets if it is not None)]
        named = ((it.uuid, it._attribute("id"), it._attribute("name")) for it in wanted)
        return {
            uuid: f"[id={json.dumps(id)}]" if id else f"[name={json.dumps(name)}]"
            for uuid, id, name in named
            if id or name
        }

    def _typed(self) -> dict[str, FieldValue]:
        """Return the fields that are not as the HTML says."""
        if not self._is_renewed:
            return {}
        fields = self.tree.query_all(FIELDS)
        live = [it for it in fields if it._attribute(".value") or it._attribute(".checked")]
        return {
            it.uuid: it.checked if it._attribute(".checked") else it.value for it in live
        } | self._edited

    def _rename(self, names: dict[str, str], typed: dict[str, FieldValue]) -> None:
        """Go on with what was done in a page of other ids, as far as it is found again."""

        def renamed(uuid: str) -> str:
            found = self.tree.query_all(names[uuid]) if uuid in names else []
            return found[0].uuid if len(found) == 1 else uuid

        for event in self.pending.values():
            event.target, event.fields = renamed(event.target), {}
        self._carried = {}
        found = {renamed(uuid): value for uuid, value in typed.items()}
        self._edited = {it: value for it, value in found.items() if self.tree.find(it) is not None}

    # --- The window ----------------------------------------------------------------------

    def _asked(self, number: int, name: str, arguments: list[Any]) -> list[str]:
        if number in self._answers:
            return [self._answers[number]]
        if name in {"alert", "confirm", "prompt"}:
            self.dialogs.setdefault(number, Dialog(name, *arguments))
            return []
        return [self._answer(number, self._done(name, arguments))]

    def _answer(self, number: int, value: Any) -> str:
        frame = _encode([-5, number, value])
        self._answers[number] = frame
        for old in list(self._answers)[:-ANSWERS_MAX]:
            del self._answers[old]
        return frame

    def _done(self, name: str, arguments: list[Any]) -> Any:
        """Do what the window is asked, as far as there is something of it here."""
        area = self._storage.setdefault(arguments[0], {}) if name in _OF_STORAGE else {}
        match name, arguments[1:] if name in _OF_STORAGE else arguments:
            case "get", [key]:
                return area.get(key)
            case "keys", []:
                return list(area)
            case "set", [key, value]:
                area[key] = value
            case "remove", [key]:
                area.pop(key, None)
            case "clear", []:
                area.clear()
            case "assign" | "replace", [url]:
                self.goes = url
            case "reload", []:
                self.goes = ""
            case "info", []:
                return {**_INFO, "url": self.url}
        return None


_OF_STORAGE = frozenset({"get", "keys", "set", "remove", "clear"})

#: What a window says of itself where there is none.
_INFO = {
    "language": "en-US",
    "timezone": "UTC",
    "user_agent": "sapwood.testing",
    "platform": "",
    "width": 1280,
    "height": 720,
    "screen_width": 1280,
    "screen_height": 720,
    "pixel_ratio": 1.0,
    "scroll_x": 0.0,
    "scroll_y": 0.0,
}


def _put(field: Element, value: FieldValue) -> None:
    if isinstance(value, bool):
        field.checked = value
    else:
        field._set_attribute(".value", _encode(value))


def _flat(fields: Mapping[str, FieldValue]) -> list[Any]:
    return [part for pair in fields.items() for part in pair]


def _encode(value: Any) -> str:
    # Half of a surrogate pair, which can be pasted, is no text.
    return _SURROGATE.sub("\ufffd", json.dumps(value, ensure_ascii=False))


_SURROGATE = re.compile("[\ud800-\udfff]")
