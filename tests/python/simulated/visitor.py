"""A user with a tab: the pages that it loads, and the sockets that they open."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import dom
from simulated.page import LoadedPage, Told
from simulated.wire import Wire

if TYPE_CHECKING:
    from simulated.world import World


class Visitor:
    """A user with a tab."""

    def __init__(self, world: World, name: str, browser: str) -> None:
        self.world = world
        self.name = name
        self.browser = browser
        self.told = Told()
        self.lineages: set[str] = set()
        self.page: LoadedPage
        self.wire: Wire | None = None
        #: Which marks the page must have focused, and how often it had been filled by then.
        self.due: dict[str, int] = {}
        #: The last version seen of each board.
        self.seen: dict[int, int] = {}

    def load(self, *, share: str | None = None, again: bool = False) -> None:
        """Load a page; *again* in the same tab, which goes on with its session."""
        self.leave()
        kept = self.page.keep() if again and self.page.resume else None
        if hasattr(self, "page"):
            # Nobody waits for what becomes of what is not kept.
            pending = {it.click for it in self.page.pending.values()}
            self.told.left |= (
                pending - {it.click for it in kept.pending.values()} if kept else pending
            )
        html = self.world.get(self)
        self.page = LoadedPage(html, self.told, kept, share)
        self.lineages.add(self.shown("data-lineage"))
        self.due, self.seen = {}, {}

    def leave(self) -> None:
        """Close the socket; what was sent may still arrive."""
        if self.wire is not None:
            self.send()
            self.wire = None

    def connect(self) -> None:
        """Open a socket in place of any other, and join."""
        self.leave()
        if self.page.must_renew:
            html = self.world.get(self, resume=self.page.resume)
            self.lineages.add(_attribute(html, "data-lineage"))
            self.page.renew(html)
        self.wire = self.world.open(self)
        self.wire.up.append(self.page.join(self.world.count("join")))

    def send(self) -> None:
        """Let what the page has to say go on its way."""
        assert self.wire is not None
        if not self.wire.is_cut:
            self.wire.up += self.page.up
        self.page.up.clear()

    def hears(self, wire: Wire) -> bool:
        """Say whether the page listens to a socket."""
        return wire is self.wire

    def receive(self, wire: Wire, what: str | int) -> None:
        """Take what arrived."""
        if not self.hears(wire):
            return
        if isinstance(what, int):
            self.wire = None
            self.page.lost(what)
            return
        self.page.receive(what)
        if self.wire is not None:
            self.send()

    def shown(self, name: str) -> str:
        """Return an attribute of what the page shows of its body."""
        bodies = (it for it in self.page.page.document.walk() if it.tag == "body")
        return next(bodies).attributes[name]

    @property
    def field(self) -> dom.Node:
        """The field that it types into."""
        return self.element("field")

    def element(self, id: str) -> dom.Node:
        """Return the element with an id."""
        nodes = self.page.page.document.walk()
        return next(it for it in nodes if it.attributes.get("id") == id)

    @property
    def rows(self) -> list[dom.Node]:
        """The rows that it shows."""
        return [it for it in self.page.page.document.walk() if it.tag == "li"]


def _attribute(html: str, name: str) -> str:
    found = re.search(rf' {name}="?([^" >]*)', html)
    assert found, html
    return found[1]
