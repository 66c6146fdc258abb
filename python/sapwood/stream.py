"""A stream down and posts up as a socket of the conversation, where WebSockets are blocked.

The stream is server-sent events (HTML standard, 9.2), opened by a POST whose body is the
join; each post brings the frames since the one before. A secret, which only the stream's
own page was told, says which stream a post belongs to.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from sapwood.connection import RESTART, Info
from sapwood.conversation import STALL_S, Gone, converse
from sapwood.errors import FrameError
from sapwood.handoff import digest
from sapwood.origin import is_from_own_page
from sapwood.protocol import JOIN_BYTES_MAX
from sapwood.responses import browser_of

if TYPE_CHECKING:
    from sapwood.app import App

CHANNEL = "sapwood-channel"
# Frames that were read and not yet handled; more have to wait in the network.
INCOMING_MAX = 64
POST_TIMEOUT_S = 10.0
# A page pings every 15 s, one in the background once a minute.
SILENCE_S = 90.0
KEEP_ALIVE_S = 15.0

log: logging.Logger = logging.getLogger("sapwood")


class Streams:
    """The open streams of an app, by the hash of their secret."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._sockets: dict[bytes, _Socket] = {}
        #: Of the bodies that are being read.
        self._reading: set[asyncio.Timeout] = set()

    async def open(self, request: Request) -> Response:
        """Answer the POST that begins a stream."""
        if not is_from_own_page(request, self._app.allowed_origins):
            return _refused(403)
        self._app.runs_here()
        join = await self._body(request)
        if not isinstance(join, str):
            return join
        secret = self._app.token()
        client = request.client
        info = Info("stream", client.host if client else "", request.headers.get("user-agent", ""))
        socket = _Socket(info, browser_of(request) or "")
        socket.incoming.put_nowait(join)
        return _EventStream(self._events(request, socket, digest(secret)), secret)

    async def _events(self, request: Request, socket: _Socket, key: bytes) -> AsyncGenerator[str]:
        self._sockets[key] = socket
        # A response that has nothing to send would not find out that nobody is there.
        watch = asyncio.create_task(_until_left(request))
        watch.add_done_callback(lambda _: socket.leave())
        visit = asyncio.create_task(converse(socket, self._app, socket.browser))
        visit.add_done_callback(lambda _: socket.end())
        try:
            async for event in socket.events():
                yield event
        finally:
            del self._sockets[key]
            watch.cancel()
            socket.leave()
            await asyncio.wait({visit})  # which does not cancel what it waits for

    async def post(self, request: Request) -> Response:
        """Take the frames that one POST brings."""
        if not is_from_own_page(request, self._app.allowed_origins):
            return _refused(403)
        socket = self._sockets.get(digest(request.headers.get(CHANNEL, "")))
        if socket is None or socket.browser != (browser_of(request) or ""):
            return _refused(410)
        frames = await self._body(request)
        if not isinstance(frames, str):
            return frames
        if socket.is_gone:
            return _refused(410)
        try:
            async with asyncio.timeout(POST_TIMEOUT_S):
                for frame in filter(None, frames.split("\n")):
                    await socket.incoming.put(frame)
        except TimeoutError:
            await socket.close(4429)
            return _refused(429)
        return Response(status_code=204)

    async def _body(self, request: Request) -> str | Response:
        """Return what a POST brings; a refusal if it is too much, is no text, or does not come."""
        parts, size = [], 0
        patience = asyncio.timeout(POST_TIMEOUT_S)
        self._reading.add(patience)
        try:
            async with patience:
                async for part in request.stream():
                    size += len(part)
                    if size > JOIN_BYTES_MAX:
                        return _refused(413)
                    parts.append(part)
            return b"".join(parts).decode()
        except (TimeoutError, ClientDisconnect, UnicodeDecodeError):
            return _refused(503 if self._app.is_stopping else 413)
        finally:
            self._reading.discard(patience)

    def send_away(self) -> None:
        """Wait for no body any more; what was read already is handled."""
        for patience in self._reading:
            patience.reschedule(asyncio.get_running_loop().time())


class _EventStream(Response):
    """An answer that ends with its events, or when nobody takes them any more."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[str], secret: str) -> None:
        super().__init__(
            headers={
                CHANNEL: secret,
                "cache-control": "no-store",
                "x-accel-buffering": "no",
                "x-content-type-options": "nosniff",
            }
        )
        del self.headers["content-length"]
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events, each as soon as the network took the one before."""
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        try:
            async with contextlib.aclosing(self._events) as events:
                await _send(send, start)
                async for event in events:
                    await _send(send, _part(event))
            await _send(send, _part("", is_last=True))
        except OSError as error:  # a server may say so when nobody is there
            log.info("a stream ended: %s", error or "its reader took nothing any more")


async def _send(send: Send, message: Message) -> None:
    async with asyncio.timeout(STALL_S):
        await send(message)


def _part(text: str, *, is_last: bool = False) -> Message:
    return {"type": "http.response.body", "body": text.encode(), "more_body": not is_last}


class _Socket:
    def __init__(self, info: Info, browser: str) -> None:
        self.info = info
        self.browser = browser
        self.incoming: asyncio.Queue[str | None] = asyncio.Queue(INCOMING_MAX)
        # One at a time: who sends waits until the network took the one before.
        self._outgoing: asyncio.Queue[str] = asyncio.Queue(1)
        self._is_gone = asyncio.Event()
        #: What is told of an end that nobody else gave a reason for: come back.
        self._code = RESTART

    async def receive(self) -> str:
        try:
            async with asyncio.timeout(SILENCE_S):
                frame = await self.incoming.get()
        except TimeoutError:
            raise FrameError("a stream that says nothing", 4408) from None
        if frame is None or self._is_gone.is_set():
            raise Gone
        return frame

    async def send(self, frame: str) -> None:
        if self._is_gone.is_set():
            raise Gone
        await self._outgoing.put(f"data: {frame}\n\n")

    async def close(self, code: int) -> None:
        if not self._is_gone.is_set():
            self._code = code
            self._is_gone.set()

    @property
    def is_gone(self) -> bool:
        """Whether it ended, for one side or the other."""
        return self._is_gone.is_set()

    def end(self) -> None:
        """Let the stream end when all was sent."""
        self._is_gone.set()

    def leave(self) -> None:
        """Note that nobody is there any more."""
        self._is_gone.set()
        while not self._outgoing.empty():  # who waits to send may go on, and see
            self._outgoing.get_nowait()
        if not self.incoming.full():
            self.incoming.put_nowait(None)

    async def events(self) -> AsyncIterator[str]:
        """Go through the text of the stream."""
        gone = asyncio.create_task(self._is_gone.wait())
        event: asyncio.Task[str] | None = None
        try:
            while True:
                event = asyncio.create_task(self._outgoing.get())
                await asyncio.wait(
                    {gone, event}, timeout=KEEP_ALIVE_S, return_when=asyncio.FIRST_COMPLETED
                )
                if event.done():
                    yield event.result()
                    continue
                event.cancel()
                if gone.done():
                    break
                yield ":\n\n"
            while not self._outgoing.empty():
                yield self._outgoing.get_nowait()
            yield f"event: close\ndata: {self._code}\n\n"
        finally:
            gone.cancel()
            if event is not None:
                event.cancel()


async def _until_left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _refused(status: int) -> Response:
    return Response(status_code=status, headers={"cache-control": "no-store"})
