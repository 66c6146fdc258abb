"""A browser's half of the protocol, as docs/protocol.md has it, and a tab that joins both halves.

Nothing moves by itself: frames lie in `up` and `down` until somebody delivers them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import dom
from sapwood import Session, Template, _core
from sapwood.connection import Turn
from sapwood.events import given
from sapwood.protocol import decode


class Browser:
    """One page: what it shows, what the user did, what it still has to tell."""

    def __init__(self, html: str) -> None:
        self.page = dom.Page.parse(html, _core.uuid_prefix())
        self.page.holds = self._holds
        self.sequence = 0
        self.handled = 0
        self.count = 0
        self.outbox: dict[int, str] = {}
        self.edited: dict[str, Any] = {}
        self.carriers: dict[str, int] = {}
        self.waits_for_whole = False
        #: Frames to the server that were not delivered yet.
        self.up: list[str] = []
        #: What the server said went wrong: number, code, text.
        self.errors: list[list[Any]] = []
        self._covers = 0

    # --- The user ------------------------------------------------------------------

    def do(self, uuid: str, type: str = "click", data: Any = None) -> None:
        """Let something happen on an element."""
        self.count += 1
        fields = [part for id, value in self.edited.items() for part in (self.page.id(id), value)]
        self.edited.clear()
        tail = [type, data, fields]
        while (tail and tail[-1] in ([], None)) or tail == ["click"]:
            tail.pop()
        event = [self.count, self.sequence, self.page.id(uuid), *tail]
        self.outbox[self.count] = json.dumps(event)
        self.up.append(self.outbox[self.count])

    def type(self, uuid: str, value: Any) -> None:
        """Edit a field; the next event tells."""
        name = "checked" if isinstance(value, bool) else "value"
        self.page.elements[uuid].properties[name] = value
        self.edited[uuid] = value
        self.carriers[uuid] = self.count + 1

    def _holds(self, node: dom.Node, name: str) -> bool:
        return self.carriers.get(node.uuid or "", 0) > self._covers

    # --- The wire --------------------------------------------------------------------

    def receive(self, text: str) -> None:
        """Take a frame from the server."""
        frame = json.loads(text)
        match frame:
            case [-1, int() as handled]:
                self._acknowledged(handled)
            case [-2, _]:
                pass
            case [-3, number, code, told]:
                self.errors.append([number, code, told])
                self.outbox.pop(number, None)
            case [int() as sequence, [handled, taken], *ops]:
                assert sequence > 0
                assert taken > handled
                self._patch(sequence, handled, taken, ops)
            case [int() as sequence, int() as handled, *ops]:
                assert sequence > 0
                self._patch(sequence, handled, handled, ops)
            case _:
                raise AssertionError(f"no frame that the protocol has: {text}")

    def _patch(self, sequence: int, handled: int, taken: int, ops: list[Any]) -> None:
        # A whole tree that comes late, or again, is of the past.
        is_whole = ops[:2] == [10, 0] and sequence > self.sequence
        if self.waits_for_whole and not is_whole:
            return
        if not is_whole and sequence != self.sequence + 1:
            self.waits_for_whole = True
            self.up.append(json.dumps([-3, "gap"]))
            return
        self.waits_for_whole = False
        self._covers = taken
        self.page.apply(ops)
        self.sequence = sequence
        self._acknowledged(handled)
        self.up.append(json.dumps([-1, sequence]))

    def _acknowledged(self, handled: int) -> None:
        self.handled = max(self.handled, handled)
        self.outbox = {n: frame for n, frame in self.outbox.items() if n > handled}

    def welcome(self, handled: int) -> None:
        """Go on after a lost connection."""
        self._acknowledged(handled)
        self.up = [json.dumps([-3, "gap"])] if self.waits_for_whole else []
        self.up += self.outbox.values()


class Tab:
    """A browser, its session on the server, and the wire between them."""

    def __init__(self, template: Template, *, debug: bool = False) -> None:
        html, version = template._render_page("", "")
        self.template = template
        self.session = Session("id", template, "/", debug=debug)
        self.connection = self.session.attach(version, browser="")
        self.browser = Browser(html)
        #: Frames to the browser that were not delivered yet.
        self.down: list[str] = []
        self.is_awake = False
        self.epoch = self.connection.open(self.wake)

    def wake(self) -> None:
        """Hear that there is something to send."""
        self.is_awake = True

    def node(self, selector: str) -> dom.Node:
        """Return what the browser shows for an element of the template."""
        return self.browser.page.elements[self.uuid(selector)]

    def uuid(self, selector: str) -> str:
        """Return the uuid of an element of the template."""
        found = self.template.querySelector(selector)
        assert found
        return found.uuid

    def click(self, selector: str, type: str = "click", data: Any = None) -> None:
        """Let something happen in the browser."""
        self.browser.do(self.uuid(selector), type, data)

    # --- Steps -----------------------------------------------------------------------

    def deliver_up(self) -> None:
        """Let the server have one frame."""
        self.connection.receive(decode(self.browser.up.pop(0)))

    def handle(self, between: Callable[[], None] = lambda: None) -> None:
        """Let the server handle one event."""
        turn = self.session.next_arrived()
        if turn is None:
            return
        assert isinstance(turn, Turn)
        self.connection.begin(turn)
        for handler, event in self.session.calls(turn):
            try:
                handler(*given(handler, event))
            except Exception as error:
                self.session.fail(turn, handler, error)
            between()
        self.session.finish(turn)

    def send(self) -> None:
        """Let the server send what it has."""
        self.is_awake = False
        self.down += self.connection.take()

    def deliver_down(self) -> None:
        """Let the browser have one frame."""
        self.browser.receive(self.down.pop(0))

    def settle(self) -> None:
        """Go on until nothing is on its way."""
        while self.browser.up or self.session.is_busy or self.is_awake or self.down:
            while self.browser.up:
                self.deliver_up()
            while self.session.is_busy:
                self.handle()
            self.send()
            while self.down:
                self.deliver_down()

    # --- The connection ----------------------------------------------------------------

    def lose(self) -> None:
        """Lose the connection and all that was on its way."""
        self.connection.close(self.epoch)
        self.browser.up, self.down = [], []

    def resume(self) -> None:
        """Connect again."""
        self.connection.resume(self.browser.sequence)
        self.epoch = self.connection.open(self.wake)
        self.down = []
        self.browser.welcome(self.connection.handled)
        self.wake()

    # --- Comparing ---------------------------------------------------------------------

    @property
    def shown(self) -> Any:
        """What the browser shows, as a value that compares."""
        return dom.shape(dom.shown(self.browser.page.document))

    @property
    def published(self) -> Any:
        """What it should show when all is said."""
        version = self.template._published
        whole = _core.Sync(version).cut_whole(version, 0)
        return dom.shape(dom.shown(dom.whole(whole, _core.uuid_prefix()).document))
