"""The window that shows a page, in the browser: asks its user, reads it, moves it.

What a window is asked is an `Answer`: to be awaited, to be waited for in a thread, or, if
it is something to do, to be left alone. A window belongs to one tab; no other tab of the
session sees what it is asked.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Awaitable, Generator
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from sapwood.errors import WindowError

if TYPE_CHECKING:
    from sapwood.connection import Connection
    from sapwood.questions import Question, WindowInfo

# How long one waits for a person, and how long for a browser, in seconds.
PERSON_S = 60.0
BROWSER_S = 10.0

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Answer(Awaitable[T_co], Generic[T_co]):
    """What a window will answer.

    `await` it in a coroutine function; call `result()` in any other one.
    """

    __slots__ = ("_connection", "_question", "_timeout_s")

    def __init__(
        self, connection: Connection, question: Question[T_co], timeout_s: float | None
    ) -> None:
        self._connection = connection
        self._question = question
        self._timeout_s = timeout_s

    def __await__(self) -> Generator[Any, None, T_co]:
        return self._wait().__await__()

    async def _wait(self) -> T_co:
        answered = asyncio.wrap_future(self._question.future)
        # Else what nobody waits for any more would be logged as an error that nobody heard of.
        answered.add_done_callback(lambda it: it.cancelled() or it.exception())
        try:
            await asyncio.wait({answered}, timeout=self._timeout_s)
        except asyncio.CancelledError:
            withdrawn = WindowError(f"{self._question.name}: withdrawn")
            self._connection.withdraw(self._question, withdrawn)
            raise
        return answered.result() if answered.done() else self._give_up()

    def result(self) -> T_co:
        """Wait for the answer in this thread, and return it; raises what `await` raises.

        Raises RuntimeError where the event loop runs, which the answer comes in by.
        """
        if not self._question.future.done() and _is_in_loop():
            raise RuntimeError(f"await {self._question.name}(): its answer comes by the event loop")
        try:
            return self._question.future.result(self._timeout_s)
        except TimeoutError:
            return self._give_up()

    def _give_up(self) -> NoReturn:
        late = TimeoutError(f"{self._question.name}: no answer in {self._timeout_s} s")
        self._connection.withdraw(self._question, late)
        raise late from None

    def __bool__(self) -> NoReturn:
        # An `if` without `await` would take every answer to be a yes.
        name = self._question.name
        raise TypeError(f"{name}() is no answer yet: await it, or take its result() in a thread")


class Storage:
    """What a window keeps for the page's origin: strings by key."""

    __slots__ = ("_area", "_window")

    def __init__(self, window: Window, area: str) -> None:
        self._window = window
        self._area = area

    def get(self, key: str) -> Answer[str | None]:
        """Return what is kept under *key*, or None; of at most 64 KiB."""
        return self._ask("get", _text(key))

    def keys(self) -> Answer[list[str]]:
        """Return all keys."""
        return self._ask("keys")

    def set(self, key: str, value: str) -> Answer[None]:
        """Keep *value* under *key*; whoever awaits it learns if there is no room."""
        return self._ask("set", _text(key), _text(value))

    def remove(self, key: str) -> Answer[None]:
        """Forget what is kept under *key*."""
        return self._ask("remove", _text(key))

    def clear(self) -> Answer[None]:
        """Forget all that is kept, also by the page's scripts."""
        return self._ask("clear")

    def _ask(self, name: str, *arguments: str) -> Answer[Any]:
        return self._window._ask(name, self._area, *arguments)


class Location:
    """Where a window is.

    It goes to addresses of http, https and mailto, and such as are relative to the
    page's; others are a ValueError.
    """

    __slots__ = ("_window",)

    def __init__(self, window: Window) -> None:
        self._window = window

    def assign(self, url: str) -> Answer[None]:
        """Go to *url*."""
        return self._window._ask("assign", _url(url))

    def replace(self, url: str) -> Answer[None]:
        """Go to *url*, and leave the page out of what "back" leads to."""
        return self._window._ask("replace", _url(url))

    def reload(self) -> Answer[None]:
        """Load the page again; the session stays."""
        return self._window._ask("reload")


class Window:
    """The window of one tab.

    What is to be done is done once, also if the connection is lost meanwhile and comes
    back, as long as the page is there. Who waits for an answer gets WindowGone when the
    page is left, when the session ends, and when the connection is lost and not back in a
    second; TimeoutError if there is none in time; WindowError for what the browser refuses.
    A call raises WindowError if 16 others have not been answered, ValueError for over 64 KiB.
    """

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # --- The user --------------------------------------------------------------------

    def alert(self, text: str, *, timeout_s: float | None = PERSON_S) -> Answer[None]:
        """Show *text* until it is dismissed, also after *timeout_s*."""
        return self._ask("alert", _text(text), timeout_s=timeout_s)

    def confirm(self, text: str, *, timeout_s: float | None = PERSON_S) -> Answer[bool]:
        """Ask for a yes or a no, which Escape is."""
        return self._ask("confirm", _text(text), timeout_s=timeout_s)

    def prompt(
        self, text: str, default: str = "", *, timeout_s: float | None = PERSON_S
    ) -> Answer[str | None]:
        """Ask for a line of text; None if there is to be none."""
        return self._ask("prompt", _text(text), _text(default), timeout_s=timeout_s)

    # --- The window ------------------------------------------------------------------

    def info(self) -> Answer[WindowInfo]:
        """Return the window's address, size, scrolling, screen, language and the like."""
        return self._ask("info")

    def open(self, url: str, target: str = "_blank") -> Answer[None]:
        """Open *url* in the window of the name *target*, a new one by default.

        Browsers refuse it some seconds after the user's last click. For *url* see `Location`.
        """
        return self._ask("open", _url(url), _text(target))

    def close(self) -> Answer[None]:
        """Close the window; browsers refuse it for one that no script has opened."""
        return self._ask("close")

    def scroll_to(self, x: float, y: float) -> Answer[None]:
        """Scroll the page to a place, in CSS pixels."""
        return self._ask("scroll_to", _number(x), _number(y))

    def scroll_by(self, x: float, y: float) -> Answer[None]:
        """Scroll the page on, in CSS pixels."""
        return self._ask("scroll_by", _number(x), _number(y))

    @property
    def location(self) -> Location:
        """Where the window is, and goes."""
        return Location(self)

    @property
    def local_storage(self) -> Storage:
        """What the browser keeps for the page's origin."""
        return Storage(self, "localStorage")

    @property
    def session_storage(self) -> Storage:
        """What the browser keeps for the page's origin in this tab, as long as there is one."""
        return Storage(self, "sessionStorage")

    def _ask(self, name: str, *arguments: Any, timeout_s: float | None = BROWSER_S) -> Answer[Any]:
        question = self._connection.ask(name, *arguments)
        return Answer(self._connection, question, timeout_s)


def _is_in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _text(value: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a window is told strings, not {type(value).__name__}: {value!r}")
    return value


def _number(value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(f"a place in a page is a number of pixels, not {value!r}")
    return value


# Browsers take some blanks and line breaks out of an address, also of its scheme.
_ODD = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\ufeff]")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_SCHEMES = frozenset({"http", "https", "mailto"})


def _url(url: str) -> str:
    if odd := _ODD.search(_text(url)):
        raise ValueError(f"an address has no {odd[0]!a}; quote what it is made of: {url!a}")
    scheme = _SCHEME.match(url)
    if scheme and scheme[1].lower() not in _SCHEMES:
        raise ValueError(f"a window goes to addresses of http, https and mailto, not {url!a}")
    return url
