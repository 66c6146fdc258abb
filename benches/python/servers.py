"""Starts servers to be measured, and talks to them without a browser."""

import asyncio
import json
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from websockets.asyncio.client import ClientConnection as AsyncConnection
from websockets.asyncio.client import connect as connect_async
from websockets.sync.client import ClientConnection, connect

HERE = Path(__file__).parent
SAPWOOD = [str(Path(sys.executable).parent / "sapwood"), "run", "--no-debug", str(HERE / "app.py")]
ECHO = [sys.executable, str(HERE / "echo.py")]
START_S = 20.0


@dataclass(frozen=True, slots=True)
class Server:
    """A server in a process of its own."""

    port: int
    pid: int

    def cpu_s(self) -> float:
        """Return the seconds of CPU that the process took, user and system."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/cpu") as response:
            return json.load(response)["cpu_s"]

    def rss_bytes(self) -> int:
        """Return how much memory the process holds."""
        return rss_bytes(self.pid)


def rss_bytes(pid: int | str = "self") -> int:
    """Return how much memory a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024


@contextmanager
def sapwood() -> Iterator[Server]:
    """Run the app in `app.py`."""
    port = _free_port()
    with _running([*SAPWOOD, "--port", str(port)], port) as server:
        yield server


@contextmanager
def echo() -> Iterator[Server]:
    """Run the server in `echo.py`."""
    port = _free_port()
    with _running([*ECHO, str(port)], port) as server:
        yield server


@contextmanager
def _running(command: list[str], port: int) -> Iterator[Server]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _wait_for(process, port)
        yield Server(port, process.pid)
    finally:
        process.terminate()
        process.wait()


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{process.args} does not serve") from None
            time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass(frozen=True, slots=True)
class Tab:
    """A live page in a client that does not render: its socket, and what can be clicked."""

    socket: ClientConnection
    button: int


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was loaded and not joined yet."""

    token: str
    cookie: str
    button: int


def page(server: Server, path: str) -> Page:
    """Load a page."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}") as response:
        html = response.read().decode()
        cookie = response.headers["set-cookie"].partition(";")[0]
    meta = re.search(r'<meta name="sapwood" content="([^"]+)" data-prefix="(\w+)"', html)
    token, prefix = meta.groups()
    button = re.search(rf'<button[^>]* uuid="?{prefix}(\w+)', html)
    return Page(token, cookie, int(button[1], 36))


async def joined(server: Server, stack: AsyncExitStack, path: str) -> tuple[AsyncConnection, int]:
    """Load a page and join its session, until *stack* ends; return its button, too."""
    loaded = await asyncio.to_thread(page, server, path)
    socket = await stack.enter_async_context(
        connect_async(
            f"ws://127.0.0.1:{server.port}/_sapwood/ws",
            subprotocols=["sapwood.1"],
            origin=f"http://127.0.0.1:{server.port}",
            additional_headers={"cookie": loaded.cookie},
            compression=None,
            ping_interval=None,
        )
    )
    await socket.send(json.dumps([0, {"v": 1, "token": loaded.token}]))
    assert json.loads(await socket.recv())[1]["mode"] == "handoff"
    return socket, loaded.button


@contextmanager
def tab(server: Server, path: str = "/") -> Iterator[Tab]:
    """Load a page and join its session as the browser's client does."""
    loaded = page(server, path)
    connecting = connect(
        f"ws://127.0.0.1:{server.port}/_sapwood/ws",
        subprotocols=["sapwood.1"],
        origin=f"http://127.0.0.1:{server.port}",
        additional_headers={"cookie": loaded.cookie},
        compression=None,
    )
    with connecting as websocket:
        websocket.send(json.dumps([0, {"v": 1, "token": loaded.token, "fields": []}]))
        assert json.loads(websocket.recv())[1]["mode"] == "handoff"
        yield Tab(websocket, loaded.button)


def bare_socket(server: Server, answer_bytes: int, *, in_thread: bool = False) -> connect:
    """Connect to the echo server, whose answers are to be so long; enter what is returned."""
    path = f"/thread/{answer_bytes}" if in_thread else f"/{answer_bytes}"
    return connect(f"ws://127.0.0.1:{server.port}{path}", compression=None)
