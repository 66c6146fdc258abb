"""Tokens: what lets a browser's socket find what its page was rendered from.

A token is 256 random bits. Only its hash is kept, so who reads our memory or a dump of
it cannot use it; a look-up by hash takes the same time for every wrong token. What is
kept is bounded in number and in time, oldest out first.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from sapwood import _core
from sapwood.template import Template

TTL_S = 300.0
PAGES_MAX = 10_000
PAGES_OF_BROWSER_MAX = 20


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was rendered and waits for its browser's socket."""

    template: Template
    #: The version of the tree that the page shows.
    version: _core.Tree
    path: str
    browser: str
    expires_s: float


class Handoff:
    """Pages that wait, by the hash of their token.

    *clock* gives seconds, *token* a fresh secret.
    """

    def __init__(self, clock: Callable[[], float], token: Callable[[], str]) -> None:
        self._clock = clock
        self._token = token
        self._pages: OrderedDict[bytes, Page] = OrderedDict()
        self._of_browser: dict[str, OrderedDict[bytes, None]] = {}

    def mint(self, template: Template, version: _core.Tree, path: str, browser: str) -> str:
        """Keep a page and return the token that claims it, once."""
        self._expire()
        own = self._of_browser.setdefault(browser, OrderedDict())
        if len(own) >= PAGES_OF_BROWSER_MAX:
            self._drop(next(iter(own)))
        if len(self._pages) >= PAGES_MAX:
            self._drop(next(iter(self._pages)))
        token = self._token()
        key = digest(token)
        expires_s = self._clock() + TTL_S
        self._pages[key] = Page(template, version, path, browser, expires_s)
        self._of_browser.setdefault(browser, OrderedDict())[key] = None
        return token

    def claim(self, token: str, browser: str) -> Page | None:
        """Return the page of *token* and forget it; None if there is none for this browser.

        A token that another browser tries stays good for its owner. It opens the page
        it was made for and no other, whatever path the browser claims to show.
        """
        self._expire()
        key = digest(token)
        page = self._pages.get(key)
        if page is None or page.browser != browser:
            return None
        self._drop(key)
        return page

    def __len__(self) -> int:
        return len(self._pages)

    def _expire(self) -> None:
        now = self._clock()
        while self._pages:
            key, oldest = next(iter(self._pages.items()))
            if oldest.expires_s > now:
                break
            self._drop(key)

    def _drop(self, key: bytes) -> None:
        browser = self._pages.pop(key).browser
        own = self._of_browser[browser]
        del own[key]
        if not own:
            del self._of_browser[browser]


def digest(token: str) -> bytes:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
