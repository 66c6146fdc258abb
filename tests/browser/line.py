"""An app on a server of the test's own, and the line to it, which a test can tamper with.

The server runs in a thread of this process, so a test sees what handlers do and can make
them wait. The line sits between the server and the app and knows frames: it can lose,
hold, repeat or replace them, and be cut.
"""

import asyncio
import json
import random
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any

import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from sapwood import App

Frame = Any
Hook = Callable[[Frame], Iterable[Frame]]

TIMEOUT_S = 15.0


class Cut(Exception):
    """Raised by a hook: the frame is lost, and the connection with it."""


def whole(frame: Frame) -> list[Frame]:
    """Let every frame pass, as a good line does."""
    return [frame]


class Held:
    """A hook that keeps the frames that *is_held* says, until they are passed on."""

    def __init__(self, is_held: Callable[[Frame], bool] = lambda frame: True) -> None:
        self.frames: list[Frame] = []
        self._is_held = is_held

    def __call__(self, frame: Frame) -> list[Frame]:
        if not self._is_held(frame):
            return [frame]
        self.frames.append(frame)
        return []


class Once:
    """A hook that does something to the first frame that *is_meant* says, and no more."""

    def __init__(self, is_meant: Callable[[Frame], bool], do: Hook) -> None:
        self._is_meant = is_meant
        self._do = do
        self.done = False

    def __call__(self, frame: Frame) -> Iterable[Frame]:
        if self.done or not self._is_meant(frame):
            return [frame]
        self.done = True
        return self._do(frame)


def cut(_: Frame) -> list[Frame]:
    """Lose the frame and the connection."""
    raise Cut


class CutAtRandom:
    """Loses a frame and the connection now and then, and counts how often."""

    def __init__(self, chance: random.Random, share: float) -> None:
        self.count = 0
        self._chance = chance
        self._share = share

    def __call__(self, frame: Frame) -> list[Frame]:
        """Let a frame pass, or raise Cut."""
        if self._chance.random() < self._share:
            self.count += 1
            raise Cut
        return [frame]


def lose(_: Frame) -> list[Frame]:
    """Lose the frame alone."""
    return []


class Link:
    """One WebSocket while it lasts."""

    def __init__(self, line: "Line", receive: Receive, send: Send) -> None:
        self._line = line
        self._receive = receive
        self._send = send
        self._incoming: asyncio.Queue[Message] = asyncio.Queue()
        self._is_cut = False

    async def pump(self) -> None:
        """Read what the browser sends until the link is cut."""
        while True:
            message = await self._receive()
            frame = _frame_of(message)
            if frame is not None and self._line.up is not whole:
                await self._through(self._line.up, frame, self.up)
            else:
                # As it was, to the byte: it may be no frame at all.
                self._line.passed_up.append(frame)
                self._incoming.put_nowait(message)

    async def _through(self, hook: Hook, frame: Frame, on: Callable[[Frame], Any]) -> None:
        try:
            for passed in hook(frame):
                await on(passed)
        except Cut:
            await self.cut()

    async def up(self, frame: Frame) -> None:
        """Hand a frame to the app."""
        self._line.passed_up.append(frame)
        self._incoming.put_nowait({"type": "websocket.receive", "text": json.dumps(frame)})

    async def down(self, frame: Frame) -> None:
        """Hand a frame to the browser."""
        if not self._is_cut:
            self._line.passed_down.append(frame)
            await self._send({"type": "websocket.send", "text": json.dumps(frame)})

    async def receive(self) -> Message:
        """Stand for the server's `receive`."""
        return await self._incoming.get()

    async def send(self, message: Message) -> None:
        """Stand for the server's `send`."""
        if message["type"] == "websocket.send":
            await self._through(self._line.down, json.loads(message["text"]), self.down)
        elif not self._is_cut:
            await self._send(message)

    async def cut(self) -> None:
        """End the connection for both sides."""
        if not self._is_cut:
            self._is_cut = True
            self._incoming.put_nowait({"type": "websocket.disconnect", "code": 1006})
            await self._send({"type": "websocket.close", "code": 1012})


def _frame_of(message: Message) -> Frame | None:
    try:
        return json.loads(message.get("text") or "")
    except (ValueError, RecursionError):
        return None


class Line:
    """The way between browsers and an app, as an ASGI app around it.

    `up` and `down` see each frame (to the server, to the browser) and say what passes;
    `passed_up` and `passed_down` list what did.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        self.up: Hook = whole
        self.down: Hook = whole
        self.passed_up: list[Frame | None] = []
        self.passed_down: list[Frame] = []
        self._is_up = True
        self._links: set[Link] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        self._loop = asyncio.get_running_loop()
        if scope["type"] != "websocket":
            # Else a page that gets no WebSocket would be live by a stream.
            is_stream = scope.get("path") == "/_sapwood/stream"
            app = PlainTextResponse("", 503) if is_stream and not self._is_up else self.app
            return await app(scope, receive, send)
        if not self._is_up:
            await receive()
            return await send({"type": "websocket.close"})
        link = Link(self, receive, send)
        self._links.add(link)
        pump = asyncio.create_task(link.pump())
        try:
            await self.app(scope, link.receive, link.send)
        finally:
            pump.cancel()
            self._links.discard(link)

    def cut(self) -> None:
        """End all connections; there are no new ones before `mend`."""

        async def cut() -> None:
            self._is_up = False
            for link in list(self._links):
                await link.cut()

        self.run(cut())

    def mend(self) -> None:
        """Let there be connections again."""
        self._is_up = True

    def pass_down(self, frames: list[Frame]) -> None:
        """Hand frames to the browser, past the hook."""
        self.run(self._pass(lambda link: link.down, frames))

    def pass_up(self, frames: list[Frame]) -> None:
        """Hand frames to the app, past the hook."""
        self.run(self._pass(lambda link: link.up, frames))

    async def _pass(self, way: Callable[[Link], Callable[[Frame], Any]], frames: Any) -> None:
        for link in list(self._links):
            for frame in frames:
                await way(link)(frame)

    def run(self, coroutine: Any) -> Any:
        """Run a coroutine where the app runs, and wait for it."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(TIMEOUT_S)

    def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for something that the server does."""

        async def until() -> None:
            async with asyncio.timeout(TIMEOUT_S):
                while not is_so():  # noqa: ASYNC110  # what is waited for says nothing
                    await asyncio.sleep(0.005)

        self.run(until())

    @property
    def modes(self) -> list[str]:
        """How the browser's connections began."""
        return [frame[1]["mode"] for frame in self.passed_down if frame[0] == 0]

    @property
    def patches(self) -> list[Frame]:
        """The patches that passed, whole trees among them."""
        return [frame for frame in self.passed_down if frame[0] > 0]


class _Server(uvicorn.Server):
    """A server that says when it takes connections."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


class Live:
    """An app that is served, at `url`, while the `with` block lasts."""

    def __init__(self, app: App) -> None:
        self.line = Line(app)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        config = uvicorn.Config(
            self.line,
            ws="websockets-sansio",
            ws_max_size=2**21,
            ws_per_message_deflate=False,
            log_level="warning",
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._listener],))

    def __enter__(self) -> "Live":
        self._thread.start()
        assert self._server.ready.wait(TIMEOUT_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(TIMEOUT_S)
        self._listener.close()
