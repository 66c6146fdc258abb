"""A browser's visit to an app in this process, for tests: pages, sockets, and the waiting.

Frames lie in the socket's queue until the test asks for something or waits, so all of this
is in the test's own thread; only the app has another one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from sapwood.app import App
from sapwood.connection import CLOSED
from sapwood.element import Element
from sapwood.errors import TabError
from sapwood.inmemory import Cookies, Response, Server, Socket, serve
from sapwood.replica import Replica

# Neither a session nor a page waits for what a join brought.
GONE = 4410
REDIRECTS_MAX = 10
# How often a condition is looked at that no patch is needed for.
LOOK_S = 0.05


class Visit:
    """One tab's way through the pages of an app; *headers* go with each request."""

    def __init__(self, app: App, headers: Mapping[str, str], timeout_s: float) -> None:
        self.timeout_s: float = timeout_s
        self.server: Server = serve(app)
        self._headers = dict(headers)
        self._cookies = Cookies()
        self._storage: dict[str, dict[str, str]] = {}
        self._joins = 0
        self._pings = 0
        self._socket: Socket | None = None
        self._page: Replica | None = None
        #: What the server closed the last socket with; 0 if it was lost otherwise.
        self.code: int = 0

    @property
    def page(self) -> Replica:
        """The page that was loaded last."""
        assert self._page is not None, "load comes first"
        return self._page

    @property
    def is_online(self) -> bool:
        """Whether there is a socket."""
        return self._socket is not None

    @property
    def session_id(self) -> str:
        """The id of the page's session."""
        return self.page.resume.rpartition(".")[0]

    def end(self) -> None:
        """Leave the app."""
        try:
            self.drop()
        finally:
            self.server.leave()

    # --- Loading and joining -------------------------------------------------------------

    def load(self, url: str, before: Replica | None = None) -> None:
        """Load a page and join; *before* is the tab's page that this one goes on with."""
        self.drop()
        address, _, fragment = self._inside(url).partition("#")
        share = fragment.removeprefix("sapwood=") if fragment.startswith("sapwood=") else ""
        response = self._get(address, {})
        for _ in range(REDIRECTS_MAX):
            if response.location is None:
                break
            address = self._inside(urljoin(address, response.location))
            response = self._get(address, {})
        page = Replica(_html(response, address), address, self._storage, share)
        if before is not None:
            page.take_over(before)
        self._page = page
        self.connect()

    def follow(self, url: str) -> None:
        """Load the page that a link leads to."""
        self.load(urljoin(self.page.url, url))

    def connect(self) -> None:
        """Join with a new socket, if need be after asking for the page's session anew."""
        self.drop()
        self._join()
        if self.code == GONE:
            response = self._get(self.page.url, {"sapwood-resume": self.page.resume})
            self.page.renew(_html(response, self.page.url))
            self._join()
        if self._socket is None:
            raise TabError(f"{self.page.url} is not let in: the server closed with {self.code}")
        self.settle()

    def drop(self) -> None:
        """Lose the socket, if there is one."""
        socket, self._socket = self._socket, None
        self.code = 0
        if self._page is not None:
            self._page.is_online = False
        if socket is not None:
            socket.cut(self.timeout_s)

    def _get(self, address: str, headers: Mapping[str, str]) -> Response:
        sent = {**self._cookies.header, **self._headers, **headers}
        response = self.server.get(address, sent, self.timeout_s)
        self._cookies.take(response)
        return response

    def _inside(self, url: str) -> str:
        """Return an address of the app without its host; raise TabError for any other."""
        parts = urlsplit(url)
        if parts.netloc not in {"", self.server.host} or parts.scheme not in {"", "http", "https"}:
            raise TabError(f"{url} leads out of the app")
        return parts._replace(scheme="", netloc="").geturl()

    def _join(self) -> None:
        page = self.page
        self._joins += 1
        headers = {**self._cookies.header, **self._headers}
        self._socket = self.server.connect(f"{page.mount}/_sapwood/ws", headers)
        self._socket.send(page.join(self._joins))
        self._wait(
            lambda: page.is_online,
            lambda: f"{page.url} waits for place {page.place}" if page.place else "no welcome",
        )

    # --- Frames ------------------------------------------------------------------------

    def happen(self, target: Element, type: str, data: Mapping[str, Any] | None, said: str) -> None:
        """Let an event happen in the page, *said* in messages, and tell the server."""
        frame = self.page.happen(target, type, data, said)
        if frame is not None:
            self.send(frame)

    def send(self, frame: str) -> None:
        """Send a frame, if there is a socket."""
        if self._socket is not None:
            self._socket.send(frame)

    def take(self, timeout_s: float = 0) -> bool:
        """Take one frame, waiting *timeout_s* seconds; say whether there was one."""
        if self._socket is None:
            return False
        frame = self._socket.receive(timeout_s)
        if isinstance(frame, str):
            for reply in self.page.receive(frame):
                self.send(reply)
        elif frame is not None:
            self._socket, self.code = None, frame
            self.page.is_online = False
        return frame is not None

    def catch_up(self) -> None:
        """Take all that was published up to now, and go where the server sends the window.

        A patch that is cut as a ping is answered comes after the answer. The second answer
        comes after that.
        """
        while self.take():
            pass
        for _ in range(2):
            self._pings += 1
            self.send(f"[-2,{self._pings}]")
            self._wait(lambda: self.page.pong == self._pings, lambda: "no answer")
        goes, self.page.goes = self.page.goes, None
        if goes == "":
            self.load(self.page.url, self.page)
        elif goes is not None:
            self.follow(goes)

    def _wait(self, is_done: Callable[[], bool], what: Callable[[], str]) -> None:
        """Take frames until something is done, or there is no socket."""
        deadline = time.monotonic() + self.timeout_s
        while self._socket is not None and not is_done():
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError(f"{what()} after {self.timeout_s:g} s")
            self.take(left_s)

    def settle(self) -> None:
        """Wait until all events are handled, or a dialog is open; go where that leads."""
        page = self.page
        was_online = self.is_online
        self._wait(
            lambda: bool(page.dialogs) or not (page.pending or page.waits_for_whole),
            lambda: f"{page.owed} is not handled",
        )
        self.raise_failures()
        if was_online and not self.is_online and self.code != CLOSED:
            raise TabError(f"the server closed the connection with {self.code}")
        self.catch_up()

    def until(self, condition: Callable[[], object], timeout_s: float) -> None:
        """Wait until *condition* returns something true; raise TimeoutError if it never does."""
        deadline = time.monotonic() + timeout_s
        while True:
            before = self.page.sequence
            is_met = condition()
            self.raise_failures()
            if is_met:
                return
            if time.monotonic() > deadline:
                shown = self.page.tree.render(uuids=False)
                raise TimeoutError(f"not so after {timeout_s:g} s; the page shows: {shown:.2000}")
            if not self.is_online:
                time.sleep(LOOK_S)  # nothing comes
            elif self.page.sequence == before:
                self.take(LOOK_S)

    # --- What went wrong ---------------------------------------------------------------

    @property
    def _is_shared(self) -> bool:
        # Another tab's events have the same numbers.
        session = self.server.session(self.session_id)
        return session is not None and len(session.connections) > 1

    def raise_failures(self, *, is_over: bool = False) -> None:
        """Raise what has become of events that were not handled, or not well.

        If it *is_over*, also what handlers have raised so far of events that are not done.
        """
        page = self.page
        errors: list[Exception] = [
            TabError(f"{it.said} is not handled: its session is gone") for it in page.lost
        ]
        for event, code, told in page.failed:
            if code == "refused":
                errors.append(TabError(f"{event.said} is refused: it left, or is disabled"))
                continue
            raised = self.server.take_errors(self.session_id, event.number)
            errors += [_as_exception(it, event.said) for it in raised]
            if not raised:
                errors.append(TabError(f"{event.said}: its handler failed, see the log. {told}"))
        if (is_over or self.code == CLOSED) and not self._is_shared:
            for event in page.pending.values():
                raised = self.server.take_errors(self.session_id, event.number)
                errors += [_as_exception(it, event.said) for it in raised]
        page.failed, page.lost = [], []
        if len(errors) > 1:
            raise ExceptionGroup(f"{len(errors)} events or handlers failed", errors)
        if errors:
            raise errors[0]


def _html(response: Response, address: str) -> str:
    if response.status != 200:
        raise TabError(f"{address} was answered with {response.status}: {response.body[:200]!r}")
    return response.body.decode()


def _as_exception(error: BaseException, said: str) -> Exception:
    """Return what a test may raise: nothing that would end the process, or a task."""
    if isinstance(error, Exception):
        return error
    wrapped = TabError(f"{said}: its handler raised {error!r}")
    wrapped.__cause__ = error
    return wrapped
