"""WebSockets as `sapwood run` has uvicorn speak them: a little of each in a turn of the loop.

The network hands over up to 256 KiB at once, which may be 40,000 frames. What came is taken
in slices, and reading waits until all are: so a flood takes turns with everybody else, and
order is kept. What no browser sends (pings, pongs that nobody asked for, messages in crumbs)
has a budget, and who goes beyond it is sent away.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import OPEN

from sapwood.conversation import Bucket

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
    from websockets.frames import Frame

SLICE_BYTES = 4096
# A browser cuts up only what is longer than this.
FRAGMENT_BYTES_MIN = 1024
ODD_FRAMES_PER_S = 1.0
ODD_FRAMES_AT_ONCE = 20
FLOOD = 4429
NOT_TEXT = 1007

log: logging.Logger = logging.getLogger("sapwood")


class _Messages(asyncio.Queue[Any]):
    """What the app has not taken yet, for one reader at a time.

    asyncio's own queue is for many, and takes 2 KB a socket and ten calls a message more.
    """

    def __init__(self) -> None:
        self._messages: list[ASGIReceiveEvent] = []
        #: Is done when there is something for whoever waits, or waited.
        self._arrival: asyncio.Future[None] | None = None

    def put_nowait(self, item: ASGIReceiveEvent) -> None:
        self._messages.append(item)
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    async def get(self) -> ASGIReceiveEvent:
        if not self._messages:
            # Not undone when it is cancelled: somebody else may be waiting by then.
            self._arrival = asyncio.get_running_loop().create_future()
            await self._arrival
        return self._messages.pop(0)

    def qsize(self) -> int:
        return len(self._messages)

    def empty(self) -> bool:
        return not self._messages


class PacedWebSocket(WebSocketsSansIOProtocol):
    """One WebSocket, or what shall be one."""

    #: What has come and is not taken yet; while there is any, the transport is paused.
    _waiting: bytes = b""
    #: For frames that no browser sends, when there are any.
    _odd: Bucket | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.queue: asyncio.Queue[ASGIReceiveEvent] = _Messages()

    def data_received(self, data: bytes) -> None:
        """Take what the network brings, now if it is little."""
        if len(data) <= SLICE_BYTES and not self._waiting:
            self._take(data)
            return
        is_fed = bool(self._waiting)
        self._waiting += data
        self.transport.pause_reading()
        if not is_fed:
            self._take_slice()

    def _take_slice(self) -> None:
        if self.transport.is_closing():
            self._waiting = b""
            return
        data, self._waiting = self._waiting[:SLICE_BYTES], self._waiting[SLICE_BYTES:]
        self._take(data)
        if self._waiting:
            self.loop.call_soon(self._take_slice)
        elif self.close_sent or self.queue.empty():
            self.transport.resume_reading()
        else:
            # Uvicorn goes on reading when its queue is empty, if it is so that it waits.
            self.read_paused = True

    def _take(self, data: bytes) -> None:
        super().data_received(data)
        if not self.handshake_initiated and self.conn.handshake_exc is not None:
            # A request with too many headers, say; uvicorn would leave it without an answer.
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    def send_receive_event_to_app(self) -> None:
        """Hand a message to the app, and read no more when it has not taken the one before.

        Uvicorn stops reading at every message, and goes on when it is taken: that is two
        system calls more than the message itself takes.
        """
        if self.curr_msg_data_type != "text":
            super().send_receive_event_to_app()
        else:
            self._hand_text(b"".join(self.frames))
        if self._waiting:
            # Else uvicorn would read on when its queue is empty, and slices still wait.
            self.read_paused = False

    def _hand_text(self, message: bytes) -> None:
        self.frames: list[bytes] = []
        if self.close_sent:
            return
        try:
            text = message.decode()
        except UnicodeDecodeError:
            self._fail(NOT_TEXT, "a text that is not UTF-8")
            return
        self.queue.put_nowait({"type": "websocket.receive", "text": text})
        if self.queue.qsize() > 1 and not self.read_paused:
            self.read_paused: bool = True
            self.transport.pause_reading()

    def handle_ping(self) -> None:
        """Answer a ping."""
        if self._is_in_budget():
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        """Take the answer to a ping of ours."""
        if self.pending_ping_payload is not None or self._is_in_budget():
            super().handle_pong(event)

    def handle_cont(self, event: Frame) -> None:
        """Take one more part of a message."""
        if event.fin or len(event.data) >= FRAGMENT_BYTES_MIN or self._is_in_budget():
            super().handle_cont(event)

    def _is_in_budget(self) -> bool:
        if self.transport.is_closing():  # and what is left of its slice counts for nothing
            return False
        self._odd = self._odd or Bucket(ODD_FRAMES_PER_S, ODD_FRAMES_AT_ONCE)
        if not self._odd.take(self.loop.time()):
            return True
        self._fail(FLOOD, "frames that no browser sends")
        return False

    def _fail(self, code: int, reason: str) -> None:
        log.info("socket closed with %d: %s", code, reason)
        if self.conn.state is OPEN:
            self.conn.send_close(code)
            self.handle_parser_exception()
        else:  # it is not open yet, or no more
            self.transport.close()

    def send(self, message: ASGISendEvent) -> Coroutine[Any, Any, None]:
        """Send what the app says."""
        if message["type"] == "websocket.http.response.body":
            return self._refuse(message)
        return super().send(message)

    async def _refuse(self, message: ASGISendEvent) -> None:
        await super().send(message)
        # Uvicorn would log that nobody answered; this was the answer.
        self.handshake_complete: bool = self.close_sent
