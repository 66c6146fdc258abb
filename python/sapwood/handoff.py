"""Tokens: what lets a browser's socket find what its page was rendered from.

A token is 256 random bits. Only its hash is kept, so who reads our memory or a dump of
it cannot use it; a look-up by hash takes the same time for every wrong token. What is
kept is bounded in number and in time, oldest out first.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sapwood import _core
from sapwood.record import ConnectionRecord
from sapwood.template import Template

TTL_S = 300.0
PAGES_MAX = 10_000
PAGES_OF_BROWSER_MAX = 20


class Start(NamedTuple):
    """What a page's session begins with."""

    #: How the browser is welcomed: `"handoff"`, or `"restored"` or `"fresh"` if it asked for
    #: the page itself because its session was gone.
    mode: str = "handoff"
    #: What the session's state will be.
    state: dict[str, Any] | None = None
    #: Whether the route's function takes it, so that it is kept even while it is empty.
    declares_state: bool = False
    #: The session that is to be restored, which of its tabs this is, and the others, which
    #: may come back too.
    session_id: str = ""
    #: Which version of what is kept of it this is.
    version: bytes = b""
    #: How often that session's browsers had been sent away.
    closings: int = 0
    tab: ConnectionRecord | None = None
    absent: Sequence[ConnectionRecord] = ()

    @property
    def handled(self) -> int:
        """The number of the tab's last event that was handled."""
        return self.tab.handled if self.tab is not None else 0


AT_FIRST = Start()


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was rendered and waits for its browser's socket."""

    template: Template
    #: The version of the tree that the page shows.
    version: _core.Tree
    path: str
    browser: str
    start: Start = AT_FIRST


class Handoff:
    """Pages that wait, by the hash of their token.

    *clock* gives seconds, *token* a fresh secret.
    """

    def __init__(self, clock: Callable[[], float], token: Callable[[], str]) -> None:
        self._clock = clock
        self._token = token
        #: Pages and, in seconds, when they expire.
        self._pages: OrderedDict[bytes, tuple[float, Page]] = OrderedDict()
        #: Their keys, the oldest first: a few of each browser.
        self._of_browser: dict[str, list[bytes]] = {}

    def mint(self, page: Page) -> str:
        """Keep a page and return the token that claims it, once."""
        self.expire()
        browser = page.browser
        own = self._of_browser.get(browser, [])
        if len(own) >= PAGES_OF_BROWSER_MAX:
            self._drop(own[0])
        if len(self._pages) >= PAGES_MAX:
            self._drop(next(iter(self._pages)))
        token = self._token()
        key = digest(token)
        self._pages[key] = self._clock() + TTL_S, page
        self._of_browser.setdefault(browser, []).append(key)
        return token

    def claim(self, token: str, browser: str) -> Page | None:
        """Return the page of *token* and forget it; None if there is none for this browser.

        A token that another browser tries stays good for its owner. It opens the page
        it was made for and no other, whatever path the browser claims to show.
        """
        self.expire()
        key = digest(token)
        _, page = self._pages.get(key, (0.0, None))
        if page is None or page.browser != browser:
            return None
        self._drop(key)
        return page

    def __len__(self) -> int:
        return len(self._pages)

    def expire(self) -> float | None:
        """Forget pages whose time is over; else that is done when the next one comes.

        Returns in how many seconds the next one's is, None if there is none.
        """
        now = self._clock()
        while self._pages:
            key, (expires_s, _) = next(iter(self._pages.items()))
            if expires_s > now:
                return expires_s - now
            self._drop(key)
        return None

    def _drop(self, key: bytes) -> None:
        browser = self._pages.pop(key)[1].browser
        own = self._of_browser[browser]
        own.remove(key)
        if not own:
            del self._of_browser[browser]


def digest(token: str) -> bytes:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
