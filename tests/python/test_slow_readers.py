"""Who reads slowly, or not at all, over a real server and a socket without a browser.

Such a reader costs what the window lets through, and one that takes nothing ends. The
server's patience is a parameter, so that a test need not wait for a minute.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from sapwood import App, Template
from sapwood.cli import listen

pytestmark = pytest.mark.skipif(
    not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux ends a connection that stalls"
)

STALL_S = 1.0
DEADLINE_S = 20.0
#: A page whose every update is larger than what a socket's buffers hold for a reader.
FILLER_BYTES = 1_000_000
WINDOW_BYTES = 256 * 1024


class Board(Template):
    """A page that many look at, and that is changed from outside."""

    def __init__(self) -> None:
        super().__init__("<body><p id=filler></p></body>", shared=True)
        self.count = 0

    def change(self, size: int) -> None:
        """Make all of it another one."""
        filler = self.getElementById("filler")
        assert filler
        self.count += 1
        filler.content = str(self.count % 10) * size
        self.update()


class Site:
    """A server in a thread."""

    def __init__(self) -> None:
        self.app, self.board = App(debug=True), Board()
        self.app.route("/")(lambda: self.board)
        self.listener = listen("127.0.0.1", 0, stall_s=STALL_S)
        self.port = self.listener.getsockname()[1]
        config = uvicorn.Config(
            self.app, ws="websockets-sansio", log_level="error", ws_ping_interval=None
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, args=([self.listener],))
        self.thread.start()

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join(DEADLINE_S)

    def change(self, times: int, size: int) -> None:
        """Change the page, in the server's thread and with time for each."""

        async def change() -> None:
            for _ in range(times):
                self.board.change(size)
                await asyncio.sleep(0)

        assert self.app._loop
        asyncio.run_coroutine_threadsafe(change(), self.app._loop).result(DEADLINE_S)

    @property
    def connections(self) -> int:
        """How many TCP connections the server has."""
        return len(self.server.server_state.connections)

    @property
    def is_connected(self) -> bool:
        """Whether a browser is, as far as its session knows."""
        return any(session.is_connected for session in self.app.registry)

    def load(self) -> tuple[str, str]:
        """Load the page; return its token and its cookie."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/") as answer:
            (token,) = re.findall(r'content="([^"]+)" data-prefix', answer.read().decode())
            return token, answer.headers["set-cookie"].partition(";")[0]

    def connect(self) -> socket.socket:
        """Connect, with as small a buffer as there may be."""
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        made.settimeout(DEADLINE_S)
        made.connect(("127.0.0.1", self.port))
        return made

    def websocket(self) -> socket.socket:
        """Join by WebSocket, and return the bare socket."""
        token, cookie = self.load()
        made = self.connect()
        origin: Any = f"http://127.0.0.1:{self.port}"
        protocol = ClientProtocol(
            parse_uri(f"ws://127.0.0.1:{self.port}/_sapwood/ws"),
            origin=origin,
            subprotocols=["sapwood.1"],  # type: ignore[list-item]
        )
        request = protocol.connect()
        request.headers["cookie"] = cookie
        protocol.send_request(request)
        made.sendall(b"".join(protocol.data_to_send()))
        while not protocol.events_received():
            protocol.receive_data(made.recv(1000))
        protocol.send_text(json.dumps([0, {"v": 1, "token": token}]).encode())
        made.sendall(b"".join(protocol.data_to_send()))
        return made

    def stream(self) -> socket.socket:
        """Join by a stream, and return the bare socket."""
        token, cookie = self.load()
        body = json.dumps([0, {"v": 1, "token": token}])
        made = self.connect()
        made.sendall(
            f"POST /_sapwood/stream HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\n"
            f"origin: http://127.0.0.1:{self.port}\r\ncookie: {cookie}\r\n"
            f"content-length: {len(body)}\r\n\r\n{body}".encode()
        )
        return made


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.01)


def test_small_frames_do_not_wait_for_each_other(site: Site) -> None:
    with site.websocket():
        until(lambda: site.is_connected)
        # Else the second of two waits for the other side's TCP, 40 ms, to have taken the first.
        for connection in list(site.server.server_state.connections):
            made = connection.transport.get_extra_info("socket")
            assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize("how", ["websocket", "stream"])
def test_who_reads_nothing_is_sent_little_and_ends(site: Site, how: str) -> None:
    with getattr(site, how)():
        until(lambda: site.is_connected)
        site.change(100, FILLER_BYTES)
        # The first was cut when there was room; the others wait, and are one by then.
        assert site.app.metrics.bytes_sent < WINDOW_BYTES + FILLER_BYTES + 1000
        until(lambda: not site.is_connected)
        until(lambda: not site.connections)


@pytest.mark.parametrize("how", ["websocket", "stream"])
def test_who_reads_slowly_goes_on(site: Site, how: str) -> None:
    with getattr(site, how)() as reader:
        until(lambda: site.is_connected)
        site.change(1, 5 * FILLER_BYTES)
        end, got = time.monotonic() + 4 * STALL_S, 0
        while time.monotonic() < end:
            got += len(reader.recv(4096))
            time.sleep(STALL_S / 100)
        assert site.is_connected
        assert got < 5 * FILLER_BYTES
