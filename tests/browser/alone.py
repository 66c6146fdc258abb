"""A page with the built client and no server: the test says what the server would.

Requests and the socket end in the browser's driver. The page has the policy that a real
one has, so what is imported later must be allowed by it.
"""

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, Route, WebSocketRoute

from sapwood.responses import DEFAULT_POLICY, client

ADDRESS = "https://alone.test"
NONCE = "nonce"
Frame = list[Any]

STEP_MS = 20
PATIENCE_MS = 10_000


class Alone:
    """A page at ADDRESS; `body` is what its body holds, `prefix` what its own ids begin with."""

    def __init__(self, page: Page, body: str) -> None:
        self.page = page
        self.body = body
        self.prefix = "Own1"
        self.headers: list[dict[str, str]] = []
        self.sockets: list[WebSocketRoute] = []
        self.frames: list[Frame] = []
        self.loaded = 0
        #: The number of the last join.
        self.joined = 1
        page.route(f"{ADDRESS}/**", self._answer)
        page.route_web_socket(f"{ADDRESS.replace('http', 'ws')}/**", self._open)

    def open(self, address: str = "/") -> None:
        """Open the page and wait for its join."""
        self.page.goto(ADDRESS + address)

    def take(self, kind: Callable[[Frame], bool] = lambda frame: True) -> Frame:
        """Return the next frame of a kind, and leave out what came before it."""
        for _ in range(PATIENCE_MS // STEP_MS):
            while self.frames:
                frame = self.frames.pop(0)
                if kind(frame):
                    return frame
            self.page.wait_for_timeout(STEP_MS)
        raise AssertionError("the browser said nothing of that kind")

    def join(self) -> dict[str, Any]:
        """Return the next join, without its number, which is no smaller than the last one's."""
        joined: dict[str, Any] = self.take(lambda frame: frame[0] == 0)[1]
        number = joined.pop("n")
        assert number >= self.joined > 0
        self.joined = number
        return joined

    def say(self, *frame: Any) -> None:
        """Send the browser a frame."""
        self.sockets[-1].send(json.dumps(frame))

    def welcome(self, mode: str = "handoff", *, s: int = 0, c: int = 0) -> None:
        """Send the browser a welcome, and wait until it is taken up."""
        self.say(0, {"mode": mode, "s": s, "c": c, "resume": "secret", "dev": False})
        if mode == "handoff":  # any other page says so when it is filled
            self.page.wait_for_selector("html[data-sapwood=online]")

    def fill(self, s: int, body: Frame, *, c: int = 0) -> None:
        """Send the whole page, its body's count of nodes and the nodes, and await it."""
        head = ["html", 1, 2, "head", 2, 0, "body", 3]
        self.say(s, c, 10, 0, 1, *head, *body)
        for _ in range(PATIENCE_MS // STEP_MS):
            said = [frame for frame in self.frames if frame[0] != 0]
            assert all(frame[0] != -3 for frame in said), said
            # An event acknowledges too.
            if any(frame[1] == s for frame in said if frame[0] == -1 or frame[0] > 0):
                return
            self.page.wait_for_timeout(STEP_MS)
        raise AssertionError("the browser did not take the page")

    def _open(self, socket: WebSocketRoute) -> None:
        self.sockets.append(socket)
        socket.on_message(lambda text: self.frames.append(json.loads(text)))

    def _answer(self, route: Route) -> None:
        path = route.request.url.removeprefix(ADDRESS).partition("?")[0]
        if path == "/_sapwood/client.js":
            route.fulfill(body=client("client")[0], content_type="text/javascript")
        elif path == "/_sapwood/more.js":
            self.loaded += 1
            route.fulfill(body=client("more")[0], content_type="text/javascript")
        else:
            self.headers.append(route.request.headers)
            policy = DEFAULT_POLICY.replace("{nonce}", NONCE)
            route.fulfill(
                body=self._html(),
                content_type="text/html; charset=utf-8",
                headers={"content-security-policy": policy, "cache-control": "no-store"},
            )

    def _html(self) -> str:
        return (
            f'<!DOCTYPE html><html uuid="{self.prefix}1"><head uuid="{self.prefix}2">'
            f'<meta name="sapwood" content="token-{len(self.headers)}" data-prefix="{self.prefix}"'
            f' data-path="" data-more="more.js"><script defer nonce="{NONCE}"'
            f' src="/_sapwood/client.js"></script></head>'
            f'<body uuid="{self.prefix}3">{self.body}</body></html>'
        )
