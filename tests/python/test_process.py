"""A server as a process: stopped it is gone in time, killed it loses what nobody was told of.

The app keeps its sessions in a file; the client is a socket and the model of a page.
"""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from simulated.page import LoadedPage, Told, meta_of

COMMAND = str(Path(sys.executable).with_name("sapwood"))
# docs/sessions.md: a server that is told to stop is gone after so long.
EXIT_S = 20.0
DEADLINE_S = 30.0

APP = """
import asyncio, sys, time
import sapwood

app = sapwood.App(store=sapwood.SQLiteStore("sessions.db"))

class Board(sapwood.Template):
    def __init__(self, state):
        super().__init__(
            "<p id=shown>0</p><button id=add _onclick=add></button>"
            "<button id=thread _onclick=thread></button><button id=task _onclick=task></button>"
            "<button id=loop _onclick=loop></button>"
        )
        self.state = state
        self.show()

    def show(self):
        self.getElementById("shown").content = " ".join(map(str, self.state.get("done", [])))

    async def add(self, e):
        await asyncio.sleep(0.001)
        self.state.setdefault("done", []).append(e.event_data["n"])
        self.show()
        e.update()

    def thread(self):
        hangs()
        time.sleep(3600)

    async def task(self):
        hangs()
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                pass

    async def loop(self):
        hangs()
        time.sleep(3600)

def hangs():
    print("hangs", flush=True)

@app.route("/")
def home(state):
    return Board(state)
"""


class Server:
    """`sapwood run`, with its sessions in a folder; one after the other, at the same port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.cookie = ""
        self.tabs = ExitStack()
        self.start()

    def start(self) -> None:
        """Begin; return when it serves."""
        command = [COMMAND, "run", "board.py", "--port", str(self.port)]
        self.process = subprocess.Popen(
            command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.reads("Sapwood serves")
        self.get()

    def reads(self, text: str) -> None:
        """Wait until it prints a line with *text*."""
        assert self.process.stdout
        for line in self.process.stdout:
            if text in line:
                return
        raise AssertionError(f"it ended and never said {text!r}")

    def ends(self, how: signal.Signals) -> float:
        """End it, and return after how many seconds it was gone."""
        start = time.monotonic()
        self.process.send_signal(how)
        self.process.wait(DEADLINE_S)
        took_s = time.monotonic() - start
        self.process.communicate()
        return took_s

    def get(self, resume: str = "") -> str:
        """Load the page, as this one browser."""
        headers = {"cookie": self.cookie, **({"sapwood-resume": resume} if resume else {})}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/", headers=headers)
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
            self.cookie = (answer.headers["set-cookie"] or self.cookie).partition(";")[0]
            return str(answer.read().decode())

    def connect(self) -> AbstractContextManager[ClientConnection]:
        """Open a socket, as a page of it does."""
        return connect(
            f"ws://127.0.0.1:{self.port}/_sapwood/ws",
            origin=f"http://127.0.0.1:{self.port}",  # type: ignore[arg-type]
            additional_headers={"cookie": self.cookie},
            subprotocols=["sapwood.1"],  # type: ignore[list-item]
        )

    def stream(self) -> http.client.HTTPResponse:
        """Open a stream, as a page does where WebSocket is blocked; return it after its welcome."""
        token = meta_of(self.get(), "content")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        self.tabs.callback(connection.close)
        headers = {"origin": f"http://127.0.0.1:{self.port}", "cookie": self.cookie}
        connection.request(
            "POST", "/_sapwood/stream", json.dumps([0, {"v": 1, "token": token}]), headers
        )
        answer = connection.getresponse()
        assert answer.readline().startswith(b"data: [0,")
        return answer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "board.py").write_text(APP)
    server = Server(tmp_path)
    yield server
    server.ends(signal.SIGKILL)
    server.tabs.close()


class Tab:
    """A page of that server, over a socket."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.told = Told()
        self.sockets = ExitStack()
        self.page = LoadedPage(server.get(), self.told)
        self.clicks = 0
        self.connect()
        server.tabs.push(lambda *_: self.sockets.close())

    def connect(self) -> None:
        """Open a socket and join; find another session if need be."""
        while True:
            if self.page.must_renew:
                self.page.renew(self.server.get(self.page.resume))
            self.sockets.close()
            self.socket = self.sockets.enter_context(self.server.connect())
            self.socket.send(self.page.join())
            while not (self.page.is_online or self.page.must_renew):
                self.hear()
            if self.page.is_online:
                return

    def click(self, id: str) -> None:
        """Click on the element with an id."""
        nodes = self.page.page.elements.values()
        (uuid,) = (it.uuid for it in nodes if it.attributes.get("id") == id)
        assert uuid
        self.clicks += 1
        assert self.page.click(uuid, self.clicks)
        self.flush()

    def flush(self) -> None:
        """Tell the server what there is to tell; what does not get there waits in the page."""
        try:
            while self.page.up:
                self.socket.send(self.page.up.pop(0))
        except ConnectionClosed:
            self.page.up.clear()

    def hear(self) -> None:
        """Wait for a frame, or for the end."""
        try:
            frame = self.socket.recv(timeout=DEADLINE_S)
        except ConnectionClosed as closed:
            self.page.lost(closed.rcvd.code if closed.rcvd else 1006)
            return
        assert isinstance(frame, str)
        self.page.receive(frame)
        self.flush()

    def until_handled(self) -> None:
        """Wait until nothing waits any more."""
        while self.page.pending:
            self.hear()

    def until_lost(self) -> None:
        """Take what still comes, until the socket is gone."""
        while self.page.is_online:
            self.hear()

    @property
    def done(self) -> list[int]:
        """The clicks that were carried out, as the page shows them."""
        nodes: Any = self.page.page.document.walk()
        (shown,) = (it for it in nodes if it.attributes.get("id") == "shown")
        return [int(it) for it in "".join(leaf.data for leaf in shown.children).split()]


@pytest.mark.parametrize("hung", ["thread", "task", "loop"])
def test_a_server_that_is_stopped_is_gone_in_time_whatever_hangs(server: Server, hung: str) -> None:
    tab = Tab(server)
    for _ in range(10):
        tab.click("add")
    tab.until_handled()
    other = Tab(server)
    other.click(hung)
    server.reads("hangs")
    for _ in range(10):
        tab.click("add")  # under load
    assert server.ends(signal.SIGTERM) < EXIT_S
    tab.until_lost()
    server.start()
    tab.connect()
    tab.until_handled()
    # The last patch may come after the acknowledgement.
    while len(tab.done) < 20:
        tab.hear()
    assert tab.done == list(range(1, 21))
    assert tab.told.failed == {}


@pytest.mark.parametrize("hung", [None, "task"])
def test_a_server_that_is_stopped_tells_sockets_and_streams_to_come_back(
    server: Server, hung: str | None
) -> None:
    tab, stream = Tab(server), server.stream()
    if hung:
        tab.click(hung)
        server.reads("hangs")
    server.process.send_signal(signal.SIGTERM)
    tab.until_lost()
    assert tab.socket.close_code == 1012
    assert stream.read().endswith(b"event: close\ndata: 1012\n\n")


def test_a_server_that_is_killed_loses_nothing_that_was_acknowledged(server: Server) -> None:
    tab = Tab(server)
    for kill in range(3):
        for _ in range(30):
            tab.click("add")
        while len(tab.told.acknowledged) < 30 * kill + 5:
            tab.hear()
        server.ends(signal.SIGKILL)
        tab.until_lost()
        server.start()
        tab.connect()
        tab.until_handled()
    while len(tab.done) < 90:
        tab.hear()
    assert tab.done == list(range(1, 91))
    assert tab.told.failed == {}
