"""A page in a browser, from its load until it is left, over as many sockets as it takes.

The rules are those of the client (client/connection.js, client/anew.js), as plainly as they
can be said, and of docs/protocol.md. Nothing moves by itself: frames lie in `up` until
somebody takes them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import dom
from browser import Browser
from simulated.asked import Asked

PENDING_MAX = 64
NUMBER_MAX = 2**53
# The application closed it, another page took over, another Origin: nobody comes back.
FINAL = frozenset({1008, 4409, 4411})
GONE = 4410


@dataclass(slots=True)
class Pending:
    """An event that the server has not handled yet, as far as the browser knows."""

    click: int
    target: str
    data: dict[str, Any]
    fields: dict[str, Any]


@dataclass(slots=True)
class Kept:
    """What a page leaves to the next page of its tab, as in sessionStorage."""

    resume: str
    count: int
    pending: dict[int, Pending]
    #: The fields that were not as the HTML says, the newest last, and which the server had
    #: not been told of.
    fields: dict[str, Any]
    untold: set[str]
    #: What has an `id`, by its uuid.
    names: dict[str, str]
    typed: str | None


@dataclass(slots=True)
class Told:
    """What a page heard of its user's clicks, by their numbers in the whole run."""

    acknowledged: set[int] = field(default_factory=set)
    #: Why a click came to nothing, or failed.
    failed: dict[int, str] = field(default_factory=dict)
    #: Of what became of these the user heard nothing, having left the page.
    left: set[int] = field(default_factory=set)
    #: These happened on elements that the session has not.
    stale: set[int] = field(default_factory=set)
    #: What the user was asked.
    shown: list[str] = field(default_factory=list)


class LoadedPage(Browser):
    """A page that joins, resumes, and finds another session when its own is gone."""

    def __init__(
        self, html: str, told: Told, kept: Kept | None = None, share: str | None = None
    ) -> None:
        super().__init__(html)
        self.told = told
        self.asked = Asked(told.shown)
        self.token: str | None = meta_of(html, "content")
        self.page.prefix = meta_of(html, "data-prefix")
        self.resume = ""
        self.pending: dict[int, Pending] = {}
        self.is_online = False
        #: The page is to be filled with the tree of a session that it was not made for.
        self.is_anew = bool(kept or share)
        self.mode = ""
        self.typed: str | None = None
        self.must_renew = False
        self.is_over = False
        #: How often a whole tree took the place of patches, whose calls are not made then.
        self.breaks = 0
        self._is_new_session = False
        self._share = share
        self._former = 0
        self._kept_fields: dict[str, Any] = {}
        self._untold: set[str] = set()
        #: Fields that held what was typed before the session was restored.
        self._held: set[str] = set()
        #: Which event carries what a field of the page before held.
        self._carriers_before: dict[str, int] = {}
        self._names: dict[str, str] = {}
        self._typed_before: str | None = None
        if kept:
            self._names = kept.names
            self.resume = kept.resume
            self.pending = dict(kept.pending)
            self.count = self._former = kept.count
            self.typed = self._typed_before = kept.typed
            carried = [it.fields for it in kept.pending.values()]
            self._kept_fields = _merged(*carried, kept.fields)
            self._untold = kept.untold
            self._carriers_before = {
                uuid: number for number, it in kept.pending.items() for uuid in it.fields
            }

    # --- The user --------------------------------------------------------------------

    def click(self, uuid: str, click: int) -> Pending | None:
        """Click on an element; return the event, if the page takes it."""
        if len(self.pending) >= PENDING_MAX:
            return None
        self.count += 1
        event = Pending(click, uuid, {"n": click}, self._report(self.count))
        self.pending[self.count] = event
        if self.is_online and not self.is_anew:
            self.up.append(self._frame(self.count))
        return event

    def edit(self, uuid: str, text: str) -> None:
        """Type into a field; the next event tells."""
        self.typed = text
        self.type(uuid, text)

    def answer(self, number: int, answer: str) -> None:
        """Say what the user has answered."""
        self.asked.answer(number, answer)
        # Else the server asks again when it is there.
        if self.is_online:
            self._say(number, answer)

    def _say(self, number: int, answer: str | None) -> None:
        self.up.append(json.dumps([-5, number, answer]))

    def _report(self, carrier: int) -> dict[str, Any]:
        edited, self.edited = self.edited, {}
        for uuid in edited:
            self.carriers[uuid] = carrier
        return edited

    def keep(self) -> Kept:
        """Return what the next page of the tab begins with."""
        nodes = self.page.document.walk()
        names = {it.uuid: it.attributes["id"] for it in nodes if it.uuid and "id" in it.attributes}
        fields = _merged(self._kept_fields, dict(self._changed()), self.edited)
        held = [*fields.values(), *(it.properties.get("value") for it in self.page.document.walk())]
        return Kept(
            self.resume,
            self.count,
            dict(self.pending),
            fields,
            self._untold | self.edited.keys(),
            self._names | names,
            # Else the server set something newer.
            self.typed if self.typed in held else None,
        )

    # --- Joining ---------------------------------------------------------------------

    def join(self, number: int = 0) -> str:
        """Return the first frame of a new socket, which is the tab's join with this number."""
        self.up.clear()
        self.is_online = False
        body: dict[str, Any] = {"v": 1, "n": number}
        if self.token is None:
            return json.dumps([0, body | {"resume": self.resume, "s": self.sequence}])
        body["token"] = self.token
        if self.is_anew:
            if not self._is_new_session:
                if self.resume:
                    body |= {"resume": self.resume, "fields": self._named(self._kept_untold)}
                else:
                    body["share"] = self._share
        else:
            self._survey(0)
            # Events that wait carry older values, which must not come last.
            if not self.pending:
                body["fields"] = self._named(self._report(0))
        return json.dumps([0, body])

    def renew(self, html: str) -> None:
        """Go on with the token of a page that was loaded in the background."""
        self.must_renew = False
        self.breaks += 1
        self.token, self.is_anew, self._is_new_session = meta_of(html, "content"), True, True
        self.page.prefix = meta_of(html, "data-prefix")
        self._former = NUMBER_MAX
        self.asked.forget()

    def lost(self, code: int) -> None:
        """Hear that the socket is gone."""
        self.is_online = False
        self.is_over = code in FINAL
        self.must_renew = code == GONE
        self.up.clear()

    def _welcomed(self, body: dict[str, Any]) -> None:
        self.resume, self.sequence = body["resume"], body["s"]
        self.is_online = True
        had_token, self.token = self.token is not None, None
        if had_token and self.is_anew:
            self._begin(body["mode"])
        self._acknowledged(body["c"])
        if self.waits_for_whole and not (had_token and self.is_anew and self.mode != "handoff"):
            self._ask("new session" if self.is_anew else "gap")
        self._flush()

    def _begin(self, mode: str) -> None:
        if mode not in {"resume", "restored"}:
            self._drop_former()
            self._forget_kept()
        self.mode = mode
        if mode == "restored":
            self._held = {uuid for uuid, _ in self._changed()}
            # The server that was told of what was typed is gone: what fills the page is older.
            for uuid, _ in self._told_before():
                self.carriers[uuid] = self.count + 1
        if mode == "handoff" and not self._is_new_session:
            # Nothing is known of the former session: this is a page like any other.
            self.is_anew = False
            return
        self.waits_for_whole = True

    def _forget_kept(self) -> None:
        # It was typed into the page before this one, and its session is gone.
        if self.typed == self._typed_before:
            self.typed = None
        self._kept_fields, self._untold, self._names = {}, set(), {}

    def _drop_former(self) -> None:
        """Give up the events of a session that is gone; say so, and count from 1 again."""
        mine = [it for number, it in self.pending.items() if number > self._former]
        for number, event in self.pending.items():
            if number <= self._former:
                self.told.failed[event.click] = "not carried out"
        self.pending = dict(enumerate(mine, 1))
        self.count, self.handled, self._covers = len(mine), 0, 0
        edited = set(self.edited)
        self.carriers.clear()
        self._survey(0)
        for number, event in self.pending.items():
            for uuid in event.fields.keys() - edited:
                self._carry(uuid, number)

    def _survey(self, number: int) -> None:
        """Take as edited what is not as the HTML says, and carried by no event after that one."""
        for uuid, value in self._changed():
            if self.carriers.get(uuid, 0) <= number:
                self._edit(uuid, value)

    def _edit(self, uuid: str, value: Any) -> None:
        self.edited[uuid] = value
        self.carriers[uuid] = self.count + 1

    def _carry(self, uuid: str, number: int) -> None:
        self.edited.pop(uuid, None)
        self.carriers[uuid] = number

    def _told_before(self) -> list[tuple[str, Any]]:
        """Return what no event that waits carries, and what is no news either."""
        carried = set().union(*(it.fields for it in self.pending.values()))
        uuids = self._held - self.edited.keys() - carried
        return [it for it in self._changed() if it[0] in uuids]

    @property
    def _kept_untold(self) -> dict[str, Any]:
        return {uuid: it for uuid, it in self._kept_fields.items() if uuid in self._untold}

    def _changed(self) -> Iterator[tuple[str, Any]]:
        for uuid, node in self.page.elements.items():
            value = node.properties.get("value")
            if value is not None and value != node.attributes.get("value", ""):
                yield uuid, value

    # --- Frames ----------------------------------------------------------------------

    def receive(self, text: str) -> None:
        """Take a frame from the server; before its welcome a socket says nothing else."""
        frame = json.loads(text)
        if frame[0] == 0:
            self._welcomed(frame[1])
        elif not self.is_online:
            pass
        elif frame[0] == -3:
            event = self.pending.pop(frame[1], None)
            if event is not None:
                self.told.failed[event.click] = frame[2]
        elif frame[0] == -5:
            question = frame[3][0] if frame[2:] else None
            for answer in self.asked.ask(frame[1], question):
                self._say(frame[1], answer)
        else:
            super().receive(text)

    def _patch(self, sequence: int, handled: int, taken: int, ops: list[Any]) -> None:
        is_fill = ops[:2] == [10, 0] and sequence > self.sequence
        if is_fill and self.is_anew:
            self._rename(ops)
        waited = self.waits_for_whole
        super()._patch(sequence, handled, taken, ops)
        self.breaks += is_fill or (self.waits_for_whole and not waited)
        if is_fill and self.is_anew:
            self._filled()

    def _ask(self, reason: str) -> None:
        self.breaks += 1
        self.up.append(json.dumps([-3, reason]))

    def _acknowledged(self, handled: int) -> None:
        self.handled = max(self.handled, handled)
        for number in [it for it in self.pending if it <= handled]:
            self.told.acknowledged.add(self.pending.pop(number).click)

    def _rename(self, ops: list[Any]) -> None:
        """Give what is there the ids of the tree to come, where both have the same `id`."""
        held = [it.properties.get("value") for it in self.page.document.walk()]
        if self.typed not in held and self.typed != self._typed_before:
            self.typed = None  # the session before set something newer
        coming = dom.Page(self.page.prefix)
        coming.apply(ops)
        new = {it.attributes["id"]: it for it in coming.document.walk() if "id" in it.attributes}
        ids: dict[str, str] = {}
        for node in self.page.document.walk():
            match = new.get(node.attributes.get("id", ""))
            if match is not None and match.uuid and node.uuid:
                ids[node.uuid] = node.uuid = match.uuid
        for uuid, id in self._names.items():
            if uuid not in coming.elements and id in new and new[id].uuid:
                ids.setdefault(uuid, new[id].uuid)
        self.carriers = {ids.get(uuid, uuid): it for uuid, it in self.carriers.items()}
        self.edited = {ids.get(uuid, uuid): it for uuid, it in self.edited.items()}
        for event in self.pending.values():
            event.target = ids.get(event.target, event.target)
            event.fields = {ids.get(uuid, uuid): it for uuid, it in event.fields.items()}
        self._kept_fields = {ids.get(uuid, uuid): it for uuid, it in self._kept_fields.items()}
        self._untold = {ids.get(uuid, uuid) for uuid in self._untold}
        self._held = {ids.get(uuid, uuid) for uuid in self._held}
        self._carriers_before = {ids.get(it, it): n for it, n in self._carriers_before.items()}

    def _filled(self) -> None:
        self.is_anew = self._is_new_session = False
        for uuid, value in self._kept_fields.items():
            carrier = self._carriers_before.get(uuid, 0)
            is_news, is_carried = uuid in self._untold, carrier in self.pending
            if (
                (is_news or is_carried or self.mode == "restored")
                and uuid in self.page.elements
                and not self.carriers.get(uuid)
            ):
                self._put_back(uuid, value)
                if not is_news:
                    self._carry(uuid, carrier if is_carried else 0)
                    self._held.add(uuid)
        if self.mode == "restored":
            self._tell_again()
        self._kept_fields, self._untold, self._names = {}, set(), {}
        self._typed_before = None
        for event in self.pending.values():
            if event.target not in self.page.elements:
                self.told.stale.add(event.click)
        if self.mode in {"restored", "fresh"}:
            self._tell_all()
        self._flush()

    def _tell_again(self) -> None:
        """Tell what the server before knew: by the first event that waits, or by the next."""
        number = min(self.pending, default=0)
        for uuid, value in self._told_before():
            if number:
                self.pending[number].fields[uuid] = value
                self._carry(uuid, number)
            else:
                self._edit(uuid, value)

    def _put_back(self, uuid: str, value: Any) -> None:
        # Older events, which the server handled since the join, may have undone it.
        self.type(uuid, value)

    def _tell_all(self) -> None:
        # They stay edited: until an event has carried them too, the server may set what it
        # does without knowing of them.
        self.up.append(json.dumps([-4, self._named(self.edited), []]))

    def _flush(self) -> None:
        """Send all that waits, in its order."""
        if self.is_online and not self.is_anew:
            self.up += map(self._frame, self.pending)

    def _frame(self, number: int) -> str:
        event = self.pending[number]
        target = self.page.id(event.target)
        fields = self._named(event.fields)
        return json.dumps([number, self.sequence, target, "click", event.data, fields])

    def _named(self, fields: dict[str, Any]) -> list[Any]:
        return [part for uuid, value in fields.items() for part in (self.page.id(uuid), value)]


def _merged(*fields: dict[str, Any]) -> dict[str, Any]:
    """Return the newest of all, in the order in which they were new."""
    merged: dict[str, Any] = {}
    for uuid, value in (it for each in fields for it in each.items()):
        merged.pop(uuid, None)
        merged[uuid] = value
    return merged


def meta_of(html: str, name: str) -> str:
    """Return what the meta element of a live page says."""
    found = re.search(rf'<meta name="sapwood"[^>]* {name}="([^"]+)"', html)
    assert found, html[:500]
    return found[1]
