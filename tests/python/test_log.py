"""What stands in the log: nothing that a stranger could write there, and no secret."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from live import ORIGIN, LiveTab
from sapwood import App, EventHandler, LogFormatter, Template

# What ends a line, moves the cursor, turns the text around or hides it.
HOSTILE = "x\r\nERROR forged\x1b[2J\x00\x85\u2028\u202e\u200b"


class Page(Template):
    """A page whose handlers fail, forget to update, or work."""

    def __init__(self) -> None:
        super().__init__(
            "<b id=fail _onclick=fail></b><b id=quiet _onclick=quiet></b>"
            "<b id=work _onclick=work></b>"
        )

    def fail(self) -> None:
        raise ZeroDivisionError

    def quiet(self) -> None:
        self.querySelector("#work").content = "changed"  # type: ignore[union-attr]

    def work(self, e: EventHandler) -> None:
        self.quiet()
        e.update()


@pytest.fixture
def client() -> Iterator[TestClient]:
    app = App(debug=True, allowed_hosts=["testserver"])
    app.route("/")(Page)
    app.route("/item/{name}")(lambda name: Page())
    with TestClient(app) as client:
        yield client


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """All that is logged, down to the least."""
    caplog.set_level(logging.DEBUG)
    return caplog


def work(tab: LiveTab) -> None:
    """Let all that can happen to a page happen to it."""
    with tab:
        for id in ("fail", "quiet", "work"):
            tab.click(id)
            tab.until_handled()
    with tab.back():
        tab.click("work")
        tab.until_handled()


def end(client: TestClient, path: str, frame: str, **headers: str) -> None:
    """Send a frame on a socket of its own, and wait for the end."""
    headers = {**ORIGIN, **headers}
    with contextlib.suppress(WebSocketDisconnect):  # noqa: SIM117
        with client.websocket_connect(path, subprotocols=["sapwood.1"], headers=headers) as socket:
            socket.send_text(frame)
            pytest.fail(f"the socket is open, and says {socket.receive_text()}")


def hear_out(tab: LiveTab) -> NoReturn:
    """Take all that comes, to the end of the socket."""
    while True:
        tab.receive()


def test_nothing_that_a_stranger_sends_is_in_the_log_as_it_is(
    client: TestClient, said: pytest.LogCaptureFixture
) -> None:
    # In a URL a server decodes it, before we see it.
    work(LiveTab(client, "/item/%0d%0aERROR%20forged%1b%5b2J%00%c2%85%e2%80%a8%e2%80%ae"))
    with LiveTab(client) as tab:
        tab.socket.send_text(json.dumps([1, 0, HOSTILE, HOSTILE]))
        tab.socket.send_text(json.dumps([-3, HOSTILE]))
        tab.ping()
        tab.socket.send_text(json.dumps([HOSTILE, HOSTILE]))
        with pytest.raises(WebSocketDisconnect):
            hear_out(tab)
    for join in ({HOSTILE: 1}, {"token": HOSTILE}, {"resume": HOSTILE}, {"token": [HOSTILE]}):
        end(client, "/_sapwood/ws", json.dumps([0, {"v": 1, **join}]))
    end(client, "/_sapwood/ws", "", origin="http://x\x1b[2J")
    client.get("/", headers={"host": "x\x1b[2J", "cookie": "sapwood=\x1b[2J"})
    messages = [it.getMessage() for it in said.records if it.name == "sapwood"]
    assert [message for message in messages if not message.isprintable()] == []
    # So that it cannot pass because nothing is logged at all.
    assert sum("forged" in message for message in messages) >= 4


def test_no_secret_is_ever_in_the_log(client: TestClient, said: pytest.LogCaptureFixture) -> None:
    tab = LiveTab(client)
    secrets = {tab.token, *client.cookies["sapwood"].split("."), *tab.client.app.doors.secrets}
    work(tab)
    secrets.add(tab.resume_secret)
    # Those that are good for nothing any more, or for somebody else, are none the less secret.
    end(client, "/_sapwood/ws", json.dumps([0, {"v": 1, "token": tab.token}]))
    other = LiveTab(client)
    secrets.add(other.token)
    client.cookies.clear()
    end(client, "/_sapwood/ws", json.dumps([0, {"v": 1, "token": other.token}]))
    end(client, "/_sapwood/ws", json.dumps([0, {"v": 1, "resume": tab.resume_secret, "s": 0}]))
    shown: list[Any] = [said.text, *(vars(record) for record in said.records)]
    assert [it for it in secrets if it in str(shown)] == []
    assert (len(secrets), "ZeroDivisionError" in said.text) == (6, True)


# --- How it is written ------------------------------------------------------------------


def written(message: str, error: Exception | None = None) -> str:
    record = logging.LogRecord("sapwood", logging.ERROR, "", 0, message, (), None)
    if error is not None:
        try:
            raise error
        except Exception:
            record.exc_info = sys.exc_info()
    return LogFormatter().format(record)


def test_an_ordinary_record_is_written_with_its_level() -> None:
    assert written("a handler failed: Ä") == "ERROR: a handler failed: Ä"


def test_a_traceback_is_whole_and_indented() -> None:
    first, *more = written("failed", ValueError("why")).split("\n")
    assert (first, more[0]) == ("ERROR: failed", "    Traceback (most recent call last):")
    assert more[1].startswith('      File "')
    assert more[-1] == "    ValueError: why"


@pytest.mark.parametrize("where", ["message", "error"])
def test_nothing_hostile_is_written_as_it_is(where: str) -> None:
    text = written(HOSTILE) if where == "message" else written("failed", ValueError(HOSTILE))
    first, *more = text.split("\n")
    assert all(line.isprintable() for line in [first, *more])
    assert all(line.startswith("    ") for line in more)
    assert text.endswith(r"    ERROR forged\x1b[2J\x00\x85\u2028\u202e\u200b")


@pytest.mark.parametrize(
    "text",
    ["x" * 100_000, "x\n" * 100_000, "\x1b" * 100_000, ("\U000e0001" * 500 + "\n") * 200],
    ids=["a line", "lines", "escapes", "both"],
)
def test_of_a_record_that_is_too_long_the_middle_is_left_out(text: str) -> None:
    shown = written("failed", ValueError(f"begin{text}end"))
    assert len(shown) < 8192 + 50
    assert shown.startswith("ERROR: failed\n    Traceback")
    assert "ValueError: begin" in shown
    assert shown.endswith("end")
    assert "characters left out]" in shown
    assert all(line.startswith("    ") for line in shown.split("\n")[1:])
