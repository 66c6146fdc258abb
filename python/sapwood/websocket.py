"""A WebSocket as a socket of the conversation."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket, WebSocketDisconnect

from sapwood.connection import Info
from sapwood.conversation import Gone, converse
from sapwood.errors import FrameError
from sapwood.origin import is_from_own_page
from sapwood.protocol import VERSION
from sapwood.responses import browser_of

if TYPE_CHECKING:
    from sapwood.app import App

log: logging.Logger = logging.getLogger("sapwood")


async def serve(websocket: WebSocket, app: App) -> None:
    """Serve one WebSocket from handshake to close."""
    # By a request of its own, since a WebSocket would keep for ever what is parsed here.
    request = HTTPConnection(websocket.scope)
    info, browser = _info(request), browser_of(request) or ""
    is_ours = is_from_own_page(request, app.allowed_origins)
    del request
    if not is_ours or VERSION not in websocket.scope["subprotocols"]:
        app.metrics.refuse(1008)
        log.info("a socket was refused: origin %.100r", websocket.headers.get("origin"))
        await websocket.close(1008)
        return
    await websocket.accept(VERSION)
    await converse(_Socket(websocket, info), app, browser)


def _info(request: HTTPConnection) -> Info:
    client, agent = request.client, request.headers.get("user-agent", "")
    # Thousands of browsers are of few kinds.
    return Info("websocket", client.host if client else "", sys.intern(agent))


class _Socket:
    __slots__ = ("_websocket", "info")

    def __init__(self, websocket: WebSocket, info: Info) -> None:
        self._websocket = websocket
        self.info = info

    async def receive(self) -> str:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise Gone
        text: str | None = message.get("text")
        if text is None:
            raise FrameError("a binary frame")
        return text

    async def send(self, frame: str) -> None:
        try:
            await self._websocket.send_text(frame)
        except WebSocketDisconnect:
            raise Gone from None

    async def close(self, code: int) -> None:
        try:
            await self._websocket.close(code)
        except WebSocketDisconnect:
            raise Gone from None
