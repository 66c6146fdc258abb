"""A WebSocket as a socket of the conversation.

It speaks ASGI itself: between the server and a page that stays for hours there is nothing
that would take its share of every frame, and memory for each socket.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from sapwood.connection import Info
from sapwood.conversation import Gone, converse
from sapwood.errors import FrameError
from sapwood.origin import is_from_own_page
from sapwood.protocol import VERSION
from sapwood.responses import browser_of

if TYPE_CHECKING:
    from sapwood.app import App

log: logging.Logger = logging.getLogger("sapwood")


class WebSockets:
    """The endpoint of all WebSockets of an app."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket from handshake to close."""
        app = self._app
        app.runs_here()
        await receive()  # that it wants to connect
        request = HTTPConnection(scope)
        info, browser = _info(request), browser_of(request) or ""
        if not is_from_own_page(request, app.allowed_origins) or VERSION not in scope.get(
            "subprotocols", ()
        ):
            app.metrics.refuse(1008)
            log.info("a socket was refused: origin %.100r", request.headers.get("origin"))
            await send({"type": "websocket.close", "code": 1008})
            return
        # Else what it has parsed would stay for as long as the socket.
        del request
        await send({"type": "websocket.accept", "subprotocol": VERSION})
        await converse(_Socket(receive, send, info), app, browser)


def _info(request: HTTPConnection) -> Info:
    client, agent = request.client, request.headers.get("user-agent", "")
    # Thousands of browsers are of few kinds.
    return Info("websocket", client.host if client else "", sys.intern(agent))


class _Socket:
    __slots__ = ("_receive", "_send", "info")

    def __init__(self, receive: Receive, send: Send, info: Info) -> None:
        self._receive = receive
        self._send = send
        self.info = info

    async def receive(self) -> str:
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            raise Gone
        text: str | None = message.get("text")
        if text is None:
            raise FrameError("a binary frame")
        return text

    async def send(self, frame: str) -> None:
        try:
            await self._send({"type": "websocket.send", "text": frame})
        except OSError:  # as ASGI has it for who is not there any more
            raise Gone from None

    async def close(self, code: int) -> None:
        try:
            await self._send({"type": "websocket.close", "code": code})
        except OSError:
            raise Gone from None
