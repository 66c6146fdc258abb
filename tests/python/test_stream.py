"""A stream and posts in place of a WebSocket: the same frames, the same doors."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest

from browser import Browser
from sapwood import App, EventHandler, Template
from sapwood import stream as streaming
from sapwood.protocol import JOIN_BYTES_MAX

HTML = "<body><p id=shown>0</p><button id=more _onclick=more>more</button></body>"
ORIGIN = ("origin", "http://testserver")


class Counter(Template):
    """Counts clicks."""

    def __init__(self) -> None:
        super().__init__(HTML)
        self.count = 0

    def more(self, e: EventHandler) -> None:
        self.count += 1
        shown = self.getElementById("shown")
        assert shown
        shown.content = self.count
        e.update()


class Call:
    """One HTTP request to an ASGI app, whose answer comes piece by piece."""

    def __init__(
        self,
        app: App,
        method: str,
        path: str,
        body: bytes,
        *headers: tuple[str, str],
        is_whole: bool = True,
    ) -> None:
        self._parts: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._requests: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._requests.put_nowait({"type": "http.request", "body": body, "more_body": not is_whole})
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "server": ("testserver", 80),
            "client": ("192.0.2.1", 5),
            "headers": [(b"host", b"testserver")]
            + [(name.encode(), value.encode()) for name, value in headers],
        }
        self._task = asyncio.create_task(app(scope, self._receive, self._send))
        self._text = ""
        #: Whether the network takes what is sent.
        self.has_room = asyncio.Event()
        self.has_room.set()

    async def _send(self, part: Any) -> None:
        await self.has_room.wait()
        self._parts.put_nowait(part)

    async def _receive(self) -> dict[str, Any]:
        part = await self._requests.get()
        if part["type"] == "http.disconnect":
            self._requests.put_nowait(part)  # whoever asks is told
        return part

    async def start(self) -> tuple[int, dict[str, str]]:
        """Return the status and the headers."""
        part = await asyncio.wait_for(self._parts.get(), 5)
        headers = {name.decode(): value.decode() for name, value in part["headers"]}
        return part["status"], headers

    async def body(self) -> str:
        """Return the next piece of the body; an empty one ends it."""
        part = await asyncio.wait_for(self._parts.get(), 5)
        return bytes(part.get("body", b"")).decode()

    async def event(self) -> tuple[str, str]:
        """Return the next event's type and data."""
        while "\n\n" not in self._text:
            self._text += await self.body()
        event, _, self._text = self._text.partition("\n\n")
        fields = dict(re.findall(r"(\w+): (.*)", event))
        return fields.get("event", "message"), fields.get("data", "")

    async def frame(self) -> Any:
        """Return the next frame."""
        kind, data = await self.event()
        assert kind == "message", data
        return json.loads(data)

    async def end(self) -> None:
        """Wait until the server is done with it."""
        await asyncio.wait_for(asyncio.shield(self._task), 5)

    async def leave(self) -> None:
        """Go away, as a browser does whose page is closed."""
        self._requests.put_nowait({"type": "http.disconnect"})
        await self.end()


class Visit:
    """A page that was loaded, and the stream that it opens."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def load(self) -> Visit:
        page = Call(self.app, "GET", "/", b"")
        _, headers = await page.start()
        html = await page.body()
        self.cookie = ("cookie", headers["set-cookie"].partition(";")[0])
        self.browser = Browser(html)
        token = re.search(r'content="([^"]*)"', html)
        assert token
        self.join: dict[str, Any] = {"v": 1, "token": token[1]}
        return self

    def open(self, *headers: tuple[str, str]) -> Call:
        body = json.dumps([0, self.join]).encode()
        return Call(self.app, "POST", "/_sapwood/stream", body, *(headers or (ORIGIN, self.cookie)))

    async def connect(self) -> Call:
        stream = self.open()
        status, headers = await stream.start()
        assert (status, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        self.channel = ("sapwood-channel", headers["sapwood-channel"])
        self.welcome = (await stream.frame())[1]
        return stream

    async def post(self, body: str | bytes, *headers: tuple[str, str]) -> int:
        data = body.encode() if isinstance(body, str) else body
        headers = headers or (ORIGIN, self.cookie, self.channel)
        status, _ = await Call(self.app, "POST", "/_sapwood/send", data, *headers).start()
        return status

    def click(self) -> str:
        (button,) = (
            it for it in self.browser.page.elements.values() if it.attributes.get("id") == "more"
        )
        assert button.uuid
        self.browser.do(button.uuid)
        return self.browser.up.pop()


@pytest.fixture
def app() -> App:
    app = App(debug=True)
    app.route("/")(Counter)
    return app


async def test_frames_go_up_by_post_and_come_down_as_events(app: App) -> None:
    visit = await Visit(app).load()
    stream = await visit.connect()
    assert visit.welcome["mode"] == "handoff"
    (session,) = app.sessions.values()
    assert (session.info.protocol, session.info.address) == ("stream", "192.0.2.1")
    assert await visit.post(f"{visit.click()}\n{visit.click()}\n[-2,7]\n") == 204
    is_answered = False
    while visit.browser.outbox or not is_answered:
        frame = await stream.frame()
        is_answered |= frame == [-2, 7]
        visit.browser.receive(json.dumps(frame))
    assert isinstance(session.template, Counter)
    assert session.template.count == 2
    await stream.leave()
    assert not session.is_connected
    assert await visit.post("[-2,7]") == 410


async def test_a_stream_resumes_what_another_one_left(app: App) -> None:
    visit = await Visit(app).load()
    stream = await visit.connect()
    await stream.leave()
    visit.join = {"v": 1, "resume": visit.welcome["resume"], "s": 0}
    again = await visit.connect()
    assert visit.welcome["mode"] == "resume"
    await again.leave()


async def test_a_refused_join_ends_the_stream_with_its_code(app: App) -> None:
    visit = await Visit(app).load()
    visit.join["token"] = "wrong"
    stream = visit.open()
    await stream.start()
    assert await stream.event() == ("close", "4410")


async def test_a_bad_frame_ends_the_stream_with_its_code(app: App) -> None:
    visit = await Visit(app).load()
    stream = await visit.connect()
    assert await visit.post("nonsense") == 204
    assert await stream.event() == ("close", "4400")


async def ending(stream: Call) -> str:
    """Go through what is left of a stream; return the code that it ends with."""
    kind = data = ""
    while kind != "close":
        kind, data = await stream.event()
    return data


async def test_a_post_with_more_events_than_are_read_in_its_time_ends_the_stream(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "POST_TIMEOUT_S", 0.1)
    visit = await Visit(app).load()
    stream = await visit.connect()
    # The same one again and again, which is not run, and does not wait.
    assert await visit.post(f"{visit.click()}\n" * 1000) == 429
    assert await ending(stream) == "4429"


async def test_a_stream_that_says_nothing_is_told_that_it_took_too_long(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "SILENCE_S", 0.01)
    visit = await Visit(app).load()
    stream = await visit.connect()
    assert await ending(stream) == "4408"


async def test_an_app_that_stops_does_not_wait_for_a_body(app: App) -> None:
    visit = await Visit(app).load()
    stream = Call(app, "POST", "/_sapwood/stream", b"", ORIGIN, visit.cookie, is_whole=False)
    await asyncio.sleep(0)
    app.send_away()
    status, _ = await stream.start()
    assert status == 503


@pytest.mark.parametrize("what", ["origin", "cookie", "channel"])
async def test_a_post_without_all_that_makes_it_ours_is_refused(app: App, what: str) -> None:
    visit = await Visit(app).load()
    stream = await visit.connect()
    headers = {"origin": ORIGIN, "cookie": visit.cookie, "channel": visit.channel}
    headers[what] = (headers[what][0], "http://evil.example")
    status = await visit.post(visit.click(), *headers.values())
    assert status == (403 if what == "origin" else 410)
    (session,) = app.sessions.values()
    assert session.connections[0].received == 0
    await stream.leave()


async def test_a_stream_for_another_page_is_refused(app: App) -> None:
    visit = await Visit(app).load()
    status, _ = await visit.open(("origin", "null"), visit.cookie).start()
    assert (status, len(app.handoff)) == (403, 1)


@pytest.mark.parametrize("size", [JOIN_BYTES_MAX, JOIN_BYTES_MAX + 1])
async def test_a_post_brings_a_megabyte_at_most(app: App, size: int) -> None:
    visit = await Visit(app).load()
    stream = await visit.connect()
    body = b"[-2,7]" + b"\n" * (size - 6)
    assert await visit.post(body) == (204 if size == JOIN_BYTES_MAX else 413)
    await stream.leave()


@pytest.mark.parametrize("what", ["a frame", "nothing"])
async def test_a_stream_whose_reader_takes_nothing_ends(
    app: App, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(streaming, "STALL_S", 0.01)
    monkeypatch.setattr(streaming, "KEEP_ALIVE_S", 0.3)
    visit = await Visit(app).load()
    stream = await visit.connect()
    stream.has_room.clear()
    if what == "a frame":
        assert await visit.post("[-2,7]") == 204
    await stream.end()
    (session,) = app.sessions.values()
    assert not session.is_connected
    assert await visit.post("[-2,7]") == 410
