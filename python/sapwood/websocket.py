"""The socket of one tab: reads frames into its session, writes what the session has.

All rules are the session's; here are only the waiting and the sending.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import threading
from typing import TYPE_CHECKING

from starlette.websockets import WebSocket, WebSocketDisconnect

from sapwood._core import Tree
from sapwood.errors import FrameError
from sapwood.origin import is_from_own_page
from sapwood.protocol import VERSION, Frame, Join, Welcome, decode
from sapwood.responses import browser_of
from sapwood.session import Session
from sapwood.template import Template

if TYPE_CHECKING:
    from sapwood.app import App

JOIN_TIMEOUT_S = 10.0
# While a handler runs, an update waits this long for more: most handlers end at once,
# and then their last update and the event's acknowledgement are one frame.
GATHER_S = 0.002

log: logging.Logger = logging.getLogger("sapwood")


async def serve(websocket: WebSocket, app: App) -> None:
    """Serve one WebSocket from handshake to close."""
    if (
        not is_from_own_page(websocket, app.allowed_origins)
        or VERSION not in websocket.scope["subprotocols"]
    ):
        await websocket.close(1008)
        return
    await websocket.accept(VERSION)
    try:
        try:
            async with asyncio.timeout(JOIN_TIMEOUT_S):
                join = await _receive(websocket, is_first=True)
        except TimeoutError:
            raise FrameError("no join in time", 4408) from None
        assert isinstance(join, Join)
        session, welcome = await _join(websocket, app, join)
        await _converse(websocket, app, session, welcome)
    except FrameError as error:
        log.info("socket closed with %d: %s", error.code, error)
        await _close(websocket, error.code)
    except WebSocketDisconnect:
        pass


async def _close(websocket: WebSocket, code: int) -> None:
    with contextlib.suppress(RuntimeError):  # the other side was faster
        await websocket.close(code)


async def _receive(websocket: WebSocket, *, is_first: bool = False) -> Frame:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    text = message.get("text")
    if text is None:
        raise FrameError("a binary frame")
    return decode(text, is_first=is_first)


async def _join(websocket: WebSocket, app: App, join: Join) -> tuple[Session, Welcome]:
    """Find or make the session that *join* is for."""
    browser = browser_of(websocket) or ""
    session = app.sessions.find(join.resume, browser) if join.resume is not None else None
    page = app.handoff.claim(join.token, browser) if join.token is not None else None
    sequence = 0
    if session is not None:
        mode = "resume"
        sequence = join.sequence
        session.connection.resume(sequence)
    elif page is not None:
        mode = "handoff"
        session = _session(app, page.template, page.path, page.version, browser)
    else:
        # The page loads itself again over HTTP, as anybody may or may not, for a new token.
        raise FrameError("neither a session nor a page waits for this", 4410)
    session.take_fields(join.fields)
    secret = app.sessions.secret(session)
    return session, Welcome(mode, sequence, session.handled, secret, app.debug)


def _session(app: App, template: Template, route: str, version: Tree, browser: str) -> Session:
    id = secrets.token_hex(4)
    session = Session(id, template, route, version, browser=browser, debug=app.debug)
    app.sessions.add(session)
    return session


async def _converse(websocket: WebSocket, app: App, session: Session, welcome: Welcome) -> None:
    """Read and write until the socket or its epoch ends."""
    waker = _Waker(session)
    epoch = session.connection.open(waker)
    try:
        await websocket.send_text(welcome.encode())
        waker()
        writer = asyncio.create_task(_write(websocket, session, waker, epoch))
        try:
            while session.connection.is_current(epoch):
                session.receive(await _receive(websocket))
                app.drive(session)
        finally:
            writer.cancel()
    finally:
        if session.connection.close(epoch):
            app.expire_later(session)


async def _write(websocket: WebSocket, session: Session, waker: _Waker, epoch: int) -> None:
    """Send what the session has whenever it has something."""
    connection = session.connection
    while True:
        await waker.woken.wait()
        waker.woken.clear()
        if not connection.is_current(epoch):
            await _close(websocket, 4409)
            return
        for frame in connection.take():
            await websocket.send_text(frame)


class _Waker:
    """Wakes the writer of one socket, from any thread."""

    def __init__(self, session: Session) -> None:
        self.woken = asyncio.Event()
        self._session = session
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._gathering: asyncio.TimerHandle | None = None

    def __call__(self) -> None:
        if threading.get_ident() == self._thread:
            self._wake()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        if self._session.is_busy:
            if self._gathering is None:
                self._gathering = self._loop.call_later(GATHER_S, self._wake_now)
        else:
            self._wake_now()

    def _wake_now(self) -> None:
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None
        self.woken.set()
