"""A page where no WebSocket gets through: the same frames over a stream and posts."""

import json
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from sapwood.responses import client

HTML = (
    '<!DOCTYPE html><html uuid="Own11"><head uuid="Own12"><meta name="sapwood" content="token"'
    ' data-prefix="Own1" data-path="" data-more="more.js">'
    '<script defer src="/_sapwood/client.js"></script></head>'
    '<body uuid="Own13"><button uuid="Own14" _onclick="">0</button></body></html>'
)


class Server(ThreadingHTTPServer):
    """Serves one page; a WebSocket is refused, or not answered while `swallows` is set."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.swallows = False
        self.ended = threading.Event()
        #: What to write to the stream next; None ends it.
        self.answers: queue.Queue[str | None] = queue.Queue()
        #: What was posted, the path and the body.
        self.posts: queue.Queue[tuple[str, str]] = queue.Queue()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"

    def say(self, *frame: Any) -> None:
        self.answers.put(f"data: {json.dumps(frame)}\n\n")

    def posted(self, path: str) -> list[Any]:
        """Return the frames of the next post to a path; it must be the next post at all."""
        found, body = self.posts.get(timeout=15)
        assert found == f"/_sapwood/{path}"
        return [json.loads(line) for line in body.split("\n")]

    def joined(self) -> dict[str, Any]:
        """Return the join with which the next stream was asked for, without its number."""
        [[kind, join]] = self.posted("stream")
        assert (kind, join.pop("n") > 0) == (0, True)
        return dict(join)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        if self.path == "/_sapwood/ws":
            if self.server.swallows:
                self.server.ended.wait()
            self.send_error(403)
        elif self.path.startswith("/_sapwood/"):
            part = "more" if "more" in self.path else "client"
            self._respond(client(part)[0], "text/javascript")
        else:
            self._respond(HTML.encode(), "text/html")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.server.posts.put((self.path, body))
        if self.path == "/_sapwood/send":
            self.send_response(204 if self.headers["sapwood-channel"] == "channel" else 410)
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("sapwood-channel", "channel")
        self.end_headers()
        while (text := self.server.answers.get()) is not None:
            self.wfile.write(text.encode())
            self.wfile.flush()

    def _respond(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("content-type", f"{kind}; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a refused WebSocket is what the test wants."""


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.ended.set()
    server.answers.put(None)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("swallows", [False, True], ids=["refused", "swallowed"])
def test_a_page_is_live_over_a_stream(page: Page, server: Server, swallows: bool) -> None:
    page.add_init_script("Math.random = () => 0.01")
    server.swallows = swallows
    page.goto(server.url)
    assert server.joined() == {"v": 1, "token": "token", "fields": []}
    server.say(0, {"mode": "handoff", "s": 0, "c": 0, "resume": "secret", "dev": False})
    expect(page.locator("html")).to_have_attribute("data-sapwood", "online")
    page.locator("button").click()
    assert server.posted("send") == [[1, 0, 4]]
    server.answers.put(":\n\n")
    server.say(1, 1, 0, 4, "1 é")
    expect(page.locator("button")).to_have_text("1 é")
    assert server.posted("send") == [[-1, 1]]


def test_a_stream_that_ends_is_resumed_by_another_one(page: Page, server: Server) -> None:
    page.add_init_script("Math.random = () => 0.01")
    page.goto(server.url)
    server.posted("stream")
    server.say(0, {"mode": "handoff", "s": 0, "c": 0, "resume": "secret", "dev": False})
    expect(page.locator("html")).to_have_attribute("data-sapwood", "online")
    server.answers.put("event: close\ndata: 4429\n\n")
    server.answers.put(None)
    assert server.joined() == {"v": 1, "resume": "secret", "s": 0}
