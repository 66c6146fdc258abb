"""What a socket brings at once is taken bit by bit, in order, and a flood is sent away.

Each test drives a connection with no network: the transport notes what is done to it.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState
from websockets.frames import Opcode

from sapwood import App
from sapwood.pacing import (
    FRAGMENT_BYTES_MIN,
    ODD_FRAMES_AT_ONCE,
    SLICE_BYTES,
    PacedWebSocket,
)

HANDSHAKE = (
    "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
PING = int(Opcode.PING)
PONG = int(Opcode.PONG)
TEXT = int(Opcode.TEXT)
CONTINUATION = int(Opcode.CONT)


class Transport(asyncio.Transport):
    """The network, as far as a connection can see it."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        super().__init__({"socket": None})
        self.protocol = protocol
        self.written = b""
        self.is_paused = False
        self.resumed = 0
        self.closing = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.resumed += 1
        self.is_paused = False

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        if not self.closing:
            self.closing = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    @property
    def code(self) -> int:
        """The code of the close frame that was written last."""
        at = self.written.rindex(bytes([0x80 | Opcode.CLOSE]))
        return int(struct.unpack("!H", self.written[at + 2 : at + 4])[0])


class Line:
    """A connection to an app that notes what it is told, when it may."""

    def __init__(self, app: Any = None) -> None:
        self.told: list[Any] = []
        self.may_read = asyncio.Event()
        self.may_read.set()
        config = uvicorn.Config(
            app or self.app,
            interface="asgi3",
            ws=PacedWebSocket,
            ws_per_message_deflate=False,
            proxy_headers=False,
            log_config=None,
        )
        config.load()
        self.state = ServerState()
        self.protocol = PacedWebSocket(config, self.state, {}, asyncio.get_running_loop())
        self.transport = Transport(self.protocol)
        self.protocol.connection_made(self.transport)

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        message = {"type": ""}
        while message["type"] != "websocket.disconnect":
            await self.may_read.wait()
            message = await receive()
            self.told.append(message.get("text", message["type"]))

    async def open(self, headers: str = "") -> None:
        """Shake hands."""
        self.protocol.data_received((HANDSHAKE + headers + "\r\n").encode())
        await self.settle()

    async def settle(self) -> None:
        """Let the loop turn until all that is under way is done."""
        for _ in range(200):
            await asyncio.sleep(0)


def frame(opcode: int, data: bytes = b"", *, is_last: bool = True) -> bytes:
    """Return a frame as a browser writes it."""
    long = struct.pack("!BH", 0xFE, len(data)) if len(data) > 125 else bytes([0x80 | len(data)])
    return bytes([opcode | (0x80 if is_last else 0)]) + long + b"\0\0\0\0" + data


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    line = Line()
    await line.open()
    assert line.transport.written.startswith(b"HTTP/1.1 101")
    yield line
    line.transport.close()
    await line.settle()


def texts(count: int) -> tuple[bytes, list[str]]:
    said = [str(number) for number in range(count)]
    return b"".join(frame(TEXT, text.encode()) for text in said), said


async def test_what_comes_at_once_is_taken_a_slice_a_turn_and_in_order(line: Line) -> None:
    data, said = texts(2000)
    line.protocol.data_received(data)
    at_once = len(line.told) + line.protocol.queue.qsize()
    assert 0 < at_once <= SLICE_BYTES / 7
    assert line.transport.is_paused
    await asyncio.sleep(0)
    assert line.transport.is_paused
    await line.settle()
    assert line.told == said
    assert not line.transport.is_paused


async def test_a_small_frame_is_taken_at_once(line: Line) -> None:
    line.protocol.data_received(frame(TEXT, b"small"))
    assert line.protocol.queue.qsize() == 1


async def test_reading_waits_for_the_app_too(line: Line) -> None:
    line.may_read.clear()
    line.protocol.data_received(frame(TEXT, b"the app waits behind this one"))
    await line.settle()
    data, said = texts(1000)
    line.protocol.data_received(data)
    await line.settle()
    assert line.transport.is_paused  # all slices are taken, and the app has them before it
    line.may_read.set()
    await line.settle()
    assert line.told[1:] == said
    assert not line.transport.is_paused


async def test_reading_waits_for_the_app_when_little_comes_at_a_time(line: Line) -> None:
    line.may_read.clear()
    said = []
    while not line.transport.is_paused:
        said.append(f"message {len(said)}")
        line.protocol.data_received(frame(TEXT, said[-1].encode()))
        await line.settle()
        assert len(said) <= 3  # one with the app, one that waits, and one too many
    line.may_read.set()
    await line.settle()
    assert line.told == said
    assert not line.transport.is_paused


async def test_the_app_does_not_open_what_the_slices_keep_shut(line: Line) -> None:
    data, said = texts(2000)
    line.protocol.data_received(data)
    await line.settle()
    assert line.told == said
    assert line.transport.resumed == 1


async def test_a_message_of_many_slices_is_whole(line: Line) -> None:
    line.protocol.data_received(frame(TEXT, b"a" * 60_000) + frame(TEXT, b"next"))
    await line.settle()
    assert [len(text) for text in line.told] == [60_000, 4]


async def test_slices_of_a_connection_that_is_lost_are_dropped(line: Line) -> None:
    data, said = texts(2000)
    line.protocol.data_received(data)
    line.transport.close()
    await line.settle()
    assert line.told[-1] == "websocket.disconnect"
    assert len(line.told) < len(said)
    assert line.protocol._waiting == b""


async def test_what_comes_after_the_apps_close_is_read_up_to_the_browsers() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 1000})

    line = Line(app)
    await line.open()
    for _ in range(5):
        line.protocol.data_received(frame(TEXT, b"late"))
    assert not line.transport.is_paused
    line.protocol.data_received(frame(int(Opcode.CLOSE), struct.pack("!H", 1000)))
    assert line.transport.closing


async def test_a_browsers_close_among_slices_is_heard(line: Line) -> None:
    data, said = texts(1500)
    line.protocol.data_received(data + frame(int(Opcode.CLOSE), struct.pack("!H", 1001)))
    await line.settle()
    assert line.told == [*said, "websocket.disconnect"]
    assert line.transport.code == 1001


async def test_who_reads_after_a_reader_that_was_cancelled_is_told() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        given_up = asyncio.create_task(receive())
        await asyncio.sleep(0)
        given_up.cancel()
        for _ in range(2):
            line.told.append((await receive()).get("text"))

    line = Line(app)
    await line.open()
    line.protocol.data_received(frame(TEXT, b"one"))
    await line.settle()
    line.protocol.data_received(frame(TEXT, b"two"))
    await line.settle()
    assert line.told == ["one", "two"]


# --- Floods ------------------------------------------------------------------------------


@pytest.mark.parametrize("opcode", [PING, PONG], ids=["pings", "pongs"])
@pytest.mark.parametrize("more", [0, 1])
async def test_so_many_control_frames_may_come_at_once(
    line: Line, opcode: int, more: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sapwood")
    line.protocol.data_received(frame(opcode, b"hi") * (ODD_FRAMES_AT_ONCE + more))
    await line.settle()
    assert line.transport.closing is bool(more)
    if more:
        assert line.transport.code == 4429
        assert line.told == ["websocket.disconnect"]


async def test_a_flood_is_logged_in_one_short_line(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sapwood")
    line.protocol.data_received(frame(PING, b"hi") * 5000)
    await line.settle()
    assert caplog.messages == ["socket closed with 4429: frames that no browser sends"]


async def test_answers_to_our_pings_are_no_flood(line: Line) -> None:
    for _ in range(3 * ODD_FRAMES_AT_ONCE):
        line.protocol.send_keepalive_ping()
        assert line.protocol.pending_ping_payload is not None
        line.protocol.data_received(frame(PONG, line.protocol.pending_ping_payload))
    assert not line.transport.closing
    line.protocol.stop_keepalive()


@pytest.mark.parametrize("length", [0, FRAGMENT_BYTES_MIN - 1, FRAGMENT_BYTES_MIN])
async def test_a_message_may_come_in_parts_but_not_in_crumbs(line: Line, length: int) -> None:
    part = frame(CONTINUATION, b"a" * length, is_last=False)
    line.protocol.data_received(
        frame(TEXT, is_last=False) + part * 100 + frame(CONTINUATION, b"end")
    )
    await line.settle()
    if length < FRAGMENT_BYTES_MIN:
        assert line.transport.code == 4429
        assert line.told == ["websocket.disconnect"]
    else:
        assert line.told == ["a" * 100 * length + "end"]


async def test_a_flood_before_the_app_accepts_ends_it() -> None:
    line = Line()
    line.protocol.data_received((HANDSHAKE + "\r\n").encode() + frame(PING) * 100)
    assert line.transport.closing
    await line.settle()


# --- What is no text, and no handshake ---------------------------------------------------------


async def test_what_is_not_utf_8_is_refused_in_few_words(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    line.protocol.data_received(frame(TEXT, b"\xff" * 60_000))
    await line.settle()
    assert line.transport.code == 1007
    assert sum(map(len, caplog.messages)) < 200
    assert not any(record.exc_info for record in caplog.records)


async def test_what_is_not_utf_8_may_come_before_the_app_accepts() -> None:
    line = Line()
    line.protocol.data_received((HANDSHAKE + "\r\n").encode() + frame(TEXT, b"\xff"))
    assert line.transport.closing
    await line.settle()


async def test_a_character_may_lie_in_two_parts(line: Line) -> None:
    start, end = "ä".encode()[:1], "ä".encode()[1:]
    line.protocol.data_received(frame(TEXT, start, is_last=False) + frame(CONTINUATION, end))
    await line.settle()
    assert line.told == ["ä"]


@pytest.mark.parametrize("headers", ["X: " + "y" * 9000 + "\r\n", "X: y\r\n" * 200])
async def test_a_handshake_with_too_many_headers_is_answered(headers: str) -> None:
    line = Line()
    await line.open(headers)
    assert line.transport.written.startswith(b"HTTP/1.1 431 ")
    assert line.transport.closing


async def test_a_handshake_under_a_foreign_name_is_refused_quietly(
    caplog: pytest.LogCaptureFixture,
) -> None:
    line = Line(App(debug=False, secret="s" * 32, allowed_hosts=["example.org"]))
    await line.open()
    assert line.transport.written.startswith(b"HTTP/1.1 400 ")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
