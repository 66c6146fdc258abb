"""What a window is asked, and what its page answers: once, in time, or not at all."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sapwood
from sapwood import (
    Answer,
    App,
    EventHandler,
    FrameError,
    Session,
    Template,
    Window,
    WindowError,
    WindowGone,
    WindowInfo,
)
from sapwood.connection import CLOSED, RESTART, Info
from sapwood.conversation import Gone, converse
from sapwood.dispatch import Dispatcher
from sapwood.handoff import Page
from sapwood.protocol import Answered, decode
from sapwood.questions import KINDS, QUESTION_BYTES_MAX, QUESTIONS_MAX
from simulated.clockwork import ClockworkLoop
from simulated.server import Asleep

INFO: dict[str, Any] = {
    "url": "https://example.org/?q#part",
    "language": "en-US",
    "timezone": "Europe/Vienna",
    "user_agent": "Browser",
    "platform": "Linux x86_64",
    "width": 800,
    "height": 600,
    "screen_width": 1600,
    "screen_height": 1200,
    "pixel_ratio": 1.25,
    "scroll_x": 0,
    "scroll_y": 12.5,
}


class Tab:
    """A connection whose page the test is."""

    def __init__(self) -> None:
        template = Template("<p>page</p>")
        self.session = Session("id", template, "/")
        self.connection = self.session.attach(template._published, browser="")
        self.window = Window(self.connection)
        self.open()

    def open(self) -> None:
        """Have a new socket."""
        self.epoch = self.connection.open(lambda: None)

    def lose(self) -> None:
        """Lose the socket."""
        self.connection.close(self.epoch)

    def lapse(self) -> None:
        """Let the second pass that a lost connection is waited for."""
        self.connection.lapse(self.epoch)

    def asked(self) -> list[Any]:
        """Return what the page is asked now."""
        return [json.loads(frame) for frame in self.connection.take()]

    def answer(self, *parts: Any) -> None:
        """Answer as a page does, or does not."""
        self.connection.receive(decode(json.dumps([-5, *parts])))


@pytest.fixture
def tab() -> Tab:
    return Tab()


def outcome(answer: Answer[Any]) -> Any:
    """Return what an answer was, or the exception that stands for it; it must be there."""
    future = answer._question.future
    assert future.done()
    return future.exception() or future.result()


# --- What goes over the wire ----------------------------------------------------------

Ask = Callable[[Window], Answer[Any]]

#: A call, the frame that it is, what the page answers, and what that is in Python.
CALLS: dict[str, tuple[Ask, list[Any], Any, Any]] = {
    "alert": (lambda it: it.alert("Hi"), ["alert", ["Hi"]], None, None),
    "yes": (lambda it: it.confirm("Sure?"), ["confirm", ["Sure?"]], True, True),
    "no": (lambda it: it.confirm("Sure?"), ["confirm", ["Sure?"]], False, False),
    "a line": (lambda it: it.prompt("Who?"), ["prompt", ["Who?", ""]], "Ada", "Ada"),
    "no line": (lambda it: it.prompt("Who?", "Ada"), ["prompt", ["Who?", "Ada"]], None, None),
    "info": (lambda it: it.info(), ["info", []], INFO, WindowInfo(**INFO)),
    "open": (lambda it: it.open("/a"), ["open", ["/a", "_blank"]], None, None),
    "open there": (lambda it: it.open("/a", "b"), ["open", ["/a", "b"]], None, None),
    "close": (lambda it: it.close(), ["close", []], None, None),
    "scroll_to": (lambda it: it.scroll_to(0, 9.5), ["scroll_to", [0, 9.5]], None, None),
    "scroll_by": (lambda it: it.scroll_by(-1, 2), ["scroll_by", [-1, 2]], None, None),
    "assign": (lambda it: it.location.assign("/a"), ["assign", ["/a"]], None, None),
    "replace": (lambda it: it.location.replace("/a"), ["replace", ["/a"]], None, None),
    "reload": (lambda it: it.location.reload(), ["reload", []], None, None),
    "get": (lambda it: it.local_storage.get("k"), ["get", ["localStorage", "k"]], "v", "v"),
    "get none": (lambda it: it.local_storage.get("k"), ["get", ["localStorage", "k"]], None, None),
    "keys": (lambda it: it.session_storage.keys(), ["keys", ["sessionStorage"]], ["k"], ["k"]),
    "set": (
        lambda it: it.session_storage.set("k", "v"), ["set", ["sessionStorage", "k", "v"]],
        None, None,
    ),
    "remove": (
        lambda it: it.local_storage.remove("k"), ["remove", ["localStorage", "k"]], None, None
    ),
    "clear": (lambda it: it.local_storage.clear(), ["clear", ["localStorage"]], None, None),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
async def test_a_call_is_a_frame_and_its_answer_the_result(tab: Tab, name: str) -> None:
    ask, frame, said, meant = CALLS[name]
    answer = ask(tab.window)
    assert tab.asked() == [[-5, 1, *frame]]
    tab.answer(1, said)
    assert await answer == meant


def test_both_sides_know_the_same_calls() -> None:
    code = (Path(sapwood.__file__).parent / "client" / "window.js").read_text()
    actions = code.partition("const ACTIONS = {")[2].partition("\n};")[0]
    assert set(re.findall(r"^  (\w+)[:(]", actions, re.MULTILINE)) - {"__proto__"} == set(KINDS)
    assert {frame[0] for _, frame, _, _ in CALLS.values()} == set(KINDS)


def test_calls_are_numbered_and_go_behind_what_was_published_before(tab: Tab) -> None:
    p = tab.session.template.querySelector("p")
    assert p
    tab.window.scroll_to(0, 0)
    p.content = "new"
    tab.session.template.update()
    tab.window.alert("new")
    frames = tab.asked()
    assert [frame[:2] for frame in frames[1:]] == [[-5, 1], [-5, 2]]
    assert frames[0][-1] == "new"
    assert tab.asked() == []


async def test_several_are_waited_for_at_once(tab: Tab) -> None:
    both = asyncio.gather(tab.window.confirm("a"), tab.window.local_storage.get("b"))
    await asyncio.sleep(0)
    tab.answer(2, "B")
    tab.answer(1, True)
    assert await both == [True, "B"]


async def test_an_answer_may_be_awaited_twice(tab: Tab) -> None:
    answer = tab.window.confirm("a")
    tab.answer(1, True)
    assert (await answer, await answer, answer.result()) == (True, True, True)


# --- Over lost connections ------------------------------------------------------------


def test_what_is_not_answered_is_asked_again_by_a_new_socket(tab: Tab) -> None:
    first, second = tab.window.confirm("a"), tab.window.scroll_to(0, 0)
    before = tab.asked()
    tab.lose()
    tab.connection.resume(0)
    tab.open()
    assert tab.asked() == before
    tab.answer(1, True)
    tab.lose()
    tab.connection.resume(0)
    tab.open()
    assert tab.asked() == before[1:]
    tab.answer(2, None)
    assert (outcome(first), outcome(second)) == (True, None)


def test_an_answer_that_comes_twice_is_nothing_new(tab: Tab) -> None:
    answer = tab.window.confirm("a")
    for said in (True, False, "no answer at all"):
        tab.answer(1, said)
    assert outcome(answer) is True


def test_a_connection_that_is_not_back_in_a_second_lets_go(tab: Tab) -> None:
    question, order = tab.window.confirm("a"), tab.window.alert("b")
    tab.asked()
    tab.lose()
    tab.lapse()
    assert repr(outcome(question)) == "WindowGone('confirm: the connection was lost')"
    assert isinstance(outcome(order), WindowGone)
    # When it is back the dialog goes; the order is carried out all the same.
    tab.open()
    assert tab.asked() == [[-5, 1], [-5, 2, "alert", ["b"]]]
    tab.answer(1, None)
    tab.answer(2, None)
    tab.open()
    assert tab.asked() == []


def test_a_connection_that_is_back_in_a_second_loses_nothing(tab: Tab) -> None:
    answer, epoch = tab.window.confirm("a"), tab.epoch
    tab.lose()
    tab.connection.resume(0)
    tab.open()
    tab.connection.lapse(epoch)
    tab.lapse()
    # It is lost again; the second of the first time does not count.
    tab.lose()
    tab.connection.lapse(epoch)
    tab.connection.resume(0)
    tab.open()
    tab.answer(1, True)
    assert outcome(answer) is True


def test_a_tab_that_is_away_is_asked_nothing_and_told_what_to_do(tab: Tab) -> None:
    tab.lose()
    tab.lapse()
    assert isinstance(outcome(tab.window.info()), WindowGone)
    tab.window.scroll_to(0, 5)
    tab.open()
    assert tab.asked() == [[-5, 2, "scroll_to", [0, 5]]]
    tab.window.info()
    assert tab.asked() == [[-5, 3, "info", []]]


ENDS: dict[str, tuple[Callable[[Tab], Any], str]] = {
    "F5": (lambda tab: tab.connection.resume(None), "the page was loaded again"),
    "its end": (lambda tab: tab.session.forget(), "the session ended"),
    "the tab": (lambda tab: tab.session.detach(tab.connection), "the tab is gone"),
}


@pytest.mark.parametrize("how", ENDS)
def test_a_page_that_is_gone_is_waited_for_no_more(tab: Tab, how: str) -> None:
    end, reason = ENDS[how]
    answer, order = tab.window.confirm("a"), tab.window.alert("b")
    end(tab)
    assert repr(outcome(answer)) == f"WindowGone('confirm: {reason}')"
    assert repr(outcome(order)) == f"WindowGone('alert: {reason}')"
    tab.open()
    assert [frame for frame in tab.asked() if frame[0] == -5] == []


def test_a_restart_ends_nothing_by_itself(tab: Tab) -> None:
    answer = tab.window.confirm("a")
    tab.connection.end(RESTART)
    assert not answer._question.future.done()
    tab.connection.end(CLOSED)
    assert isinstance(outcome(answer), WindowGone)


# --- Who waits ------------------------------------------------------------------------


async def test_who_waits_too_long_is_told_and_the_dialog_goes(tab: Tab) -> None:
    answer = tab.window.confirm("a", timeout_s=0.001)
    tab.asked()
    with pytest.raises(TimeoutError, match=r"^confirm: no answer in 0.001 s$"):
        await answer
    assert tab.asked() == [[-5, 1]]
    # It was pressed before that arrived.
    tab.answer(1, True)
    tab.open()
    assert tab.asked() == []


async def test_what_is_to_be_done_is_done_also_if_it_takes_long(tab: Tab) -> None:
    answer = tab.window.alert("a", timeout_s=0.001)
    with pytest.raises(TimeoutError):
        await answer
    assert tab.asked() == [[-5, 1, "alert", ["a"]]]


async def test_a_handler_that_is_cancelled_withdraws_what_it_asked(tab: Tab) -> None:
    loop, told = asyncio.get_running_loop(), list[Any]()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: told.append(context))

    async def handler() -> None:
        await tab.window.confirm("a")

    task = asyncio.create_task(handler())
    await asyncio.sleep(0)
    tab.asked()
    task.cancel()
    await asyncio.wait({task})
    assert (task.cancelled(), tab.asked()) == (True, [[-5, 1]])
    del task
    tab.answer(1, None)
    await asyncio.sleep(0)
    gc.collect()
    loop.set_exception_handler(before)
    # Nobody is told of an exception that nobody has heard of.
    assert told == []


async def test_what_one_has_withdrawn_nobody_waits_for(tab: Tab) -> None:
    answer = tab.window.confirm("a")
    one, other = asyncio.ensure_future(answer), asyncio.ensure_future(answer)
    await asyncio.sleep(0)
    one.cancel()
    with pytest.raises(WindowError, match="confirm: withdrawn"):
        await other


def test_a_thread_waits_for_the_result(tab: Tab) -> None:
    answer = tab.window.prompt("a")
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(answer.result()))
    thread.start()
    tab.answer(1, "typed")
    thread.join()
    assert results == ["typed"]


def test_a_thread_that_waits_too_long_is_told(tab: Tab) -> None:
    answer = tab.window.confirm("a", timeout_s=0.001)
    tab.asked()
    with pytest.raises(TimeoutError, match="no answer in"):
        answer.result()
    assert tab.asked() == [[-5, 1]]


async def test_a_coroutine_is_told_to_await(tab: Tab) -> None:
    with pytest.raises(RuntimeError, match=r"^await confirm\(\)"):
        tab.window.confirm("a").result()


def test_a_forgotten_await_is_no_yes(tab: Tab) -> None:
    with pytest.raises(TypeError, match=r"confirm\(\) is no answer yet"):
        assert not tab.window.confirm("Delete all?")


# --- What is refused ------------------------------------------------------------------


def test_so_many_calls_may_wait_and_no_more(tab: Tab) -> None:
    for n in range(QUESTIONS_MAX):
        tab.window.scroll_to(0, n)
    with pytest.raises(WindowError, match="16 calls"):
        tab.window.scroll_to(0, 99)
    tab.answer(3, None)
    tab.window.scroll_to(0, 100)
    assert len(tab.asked()) == QUESTIONS_MAX


@pytest.mark.parametrize("more", [0, 1])
def test_a_call_has_at_most_64_kib(tab: Tab, more: int) -> None:
    text = "x" * (QUESTION_BYTES_MAX - len('[-5,1,"alert",[""]]') + more)
    if more:
        with pytest.raises(ValueError, match="65536 bytes"):
            tab.window.alert(text)
    else:
        tab.window.alert(text)
    assert len(tab.asked()) == 1 - more


ADDRESSES = """/ ? # a/b?c=d#e ../up //example.org/x http://a HTTPS://a/b?c=javascript:x
mailto:ada@example.org a/b:c ?q=a:b #a:b""".split()
WRONG_ADDRESSES = [
    "javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "vbscript:x", "blob:x",
    "file:///etc/passwd", "about:blank", "view-source:x", "ftp://x", "x:y", "java\nscript:x",
    "java\tscript:x", " javascript:x", "\x01javascript:x", "\u00a0javascript:x", "a b", "\ufeffx",
]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_window_goes_to_pages(tab: Tab, address: str) -> None:
    tab.window.location.assign(address)
    assert tab.asked() == [[-5, 1, "assign", [address]]]


@pytest.mark.parametrize("address", WRONG_ADDRESSES, ids=ascii)
def test_a_window_goes_nowhere_else(tab: Tab, address: str) -> None:
    window = tab.window
    for go in (window.open, window.location.assign, window.location.replace):
        with pytest.raises(ValueError, match="address"):
            go(address)
    assert tab.asked() == []


WRONG: dict[str, Callable[[Any], Any]] = {
    "a number": lambda window: window.alert(5),
    "nothing": lambda window: window.prompt("a", None),
    "bytes": lambda window: window.local_storage.set("k", b"v"),
    "a key": lambda window: window.local_storage.get(1),
    "an address": lambda window: window.open(None),
    "infinity": lambda window: window.scroll_to(float("inf"), 0),
    "no number": lambda window: window.scroll_by(0, float("nan")),
    "true": lambda window: window.scroll_by(True, 0),
    "a text": lambda window: window.scroll_to("0", 0),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_window_is_told_what_it_can_do_something_with(tab: Tab, name: str) -> None:
    with pytest.raises(TypeError, match="not "):
        WRONG[name](tab.window)
    assert tab.asked() == []


async def test_what_the_browser_refuses_is_an_error_with_its_words(tab: Tab) -> None:
    answer = tab.window.local_storage.set("k", "v")
    tab.answer(1, None, "QuotaExceededError:\nforged log line" + "x" * 500)
    with pytest.raises(WindowError) as refused:
        await answer
    assert str(refused.value).startswith(r"set: the browser says 'QuotaExceededError:\nforged log")
    assert len(str(refused.value)) < 300


#: Answers to a question that was never asked.
UNASKED = [[2, True], [0, True], [2**52, None], [2, None, "why"]]
#: What is no answer at all.
MALFORMED = [
    [], [1], [-1, True], [True, True], [1.0, True], [2**53, True], ["1", True], [None, True],
    [1, True, "why"], [1, None, 5], [1, None, None], [1, True, "why", 1], [[1], True],
]  # fmt: skip


@pytest.mark.parametrize("parts", [*UNASKED, *MALFORMED], ids=repr)
def test_what_was_never_asked_or_is_no_answer_is_refused(tab: Tab, parts: list[Any]) -> None:
    answer = tab.window.confirm("a")
    with pytest.raises(FrameError) as refused:
        tab.answer(*parts)
    assert refused.value.code == 4400
    tab.answer(1, True)
    assert outcome(answer) is True


def test_an_answer_where_nothing_was_ever_asked_is_refused(tab: Tab) -> None:
    with pytest.raises(FrameError):
        tab.answer(1, True)


#: Answers of another kind than what is asked, one of CALLS, has.
UNFIT: dict[str, list[Any]] = {
    "yes": [None, 0, 1, "yes", [True], {}],
    "a line": [True, 5, ["a"], {}],
    "alert": [True, "a", 0, []],
    "get": [1, True, ["a"]],
    "keys": [None, "ab", [1], {"a": 1}, [["a"]]],
    "info": [None, [], {}, {**INFO, "width": "800"}, {**INFO, "width": 1.5}, {**INFO, "url": None}],
}


@pytest.mark.parametrize(
    ("name", "at"), [(name, at) for name, said in UNFIT.items() for at in range(len(said))]
)
def test_an_answer_of_another_kind_is_refused(tab: Tab, name: str, at: int) -> None:
    answer = CALLS[name][0](tab.window)
    with pytest.raises(FrameError) as refused:
        tab.answer(1, UNFIT[name][at])
    assert refused.value.code == 4400
    # Whoever waits is told at once, and the page is not asked again.
    assert type(outcome(answer)) is WindowGone
    tab.open()
    assert tab.asked() == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*INFO]) | st.text(), inner),
)


@given(st.sampled_from([*CALLS]), JSON)
def test_whatever_is_answered_fits_or_is_refused(name: str, said: Any) -> None:
    tab = Tab()
    answer = CALLS[name][0](tab.window)
    try:
        tab.connection.receive(Answered(1, said))
    except FrameError:
        assert type(outcome(answer)) is WindowGone
    else:
        assert msgspec.to_builtins(outcome(answer)) == said


@pytest.mark.parametrize(("more", "code"), [(0, 0), (1, 1009)])
def test_an_answer_has_at_most_64_kib(tab: Tab, more: int, code: int) -> None:
    answer = tab.window.prompt("a")
    text = "x" * (65536 - len('[-5, 1, ""]') + more)
    if code:
        with pytest.raises(FrameError) as refused:
            tab.answer(1, text)
        assert refused.value.code == code
    else:
        tab.answer(1, text)
        assert outcome(answer) == text


# --- With a server around it ----------------------------------------------------------


class Line:
    """A socket whose other end is the test."""

    info = Info("test")

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[str | None] = asyncio.Queue()
        self.heard: list[Any] = []

    async def receive(self) -> str:
        frame = await self.incoming.get()
        if frame is None:
            raise Gone
        return frame

    async def send(self, frame: str) -> None:
        self.heard.append(json.loads(frame))

    async def close(self, code: int) -> None:
        self.heard.append(code)
        self.incoming.put_nowait(None)


class Server:
    """An app whose time passes when the test says so."""

    def __init__(self, handler: Callable[[EventHandler], Any]) -> None:
        self.loop = ClockworkLoop()
        self.app = App(debug=False)
        app = self.app
        app.dispatcher = Dispatcher("per_session", app.keeper.save, app.metrics, Asleep())
        self.template = Template("<button id=ask>ask</button><button id=next>next</button>")
        self.ran: list[str] = []
        button, other = map(self.template.getElementById, ("ask", "next"))
        assert button
        assert other
        button.on("click", handler)

        async def run_next() -> None:
            self.ran.append("next")

        other.on("click", run_next)
        self.ids = [button.uuid, other.uuid]
        self.resume = ""
        self.line = self.join(token=self.token())

    def token(self) -> str:
        """Load the page, and return the token that is in it."""
        version = self.template._published
        return self.app.handoff.mint(Page(self.template, version, "/", "b"))

    def join(self, **join: Any) -> Line:
        line = Line()
        self.loop.create_task(converse(line, self.app, "b"))
        self.say(line, 0, {"v": 1, **join})
        assert line.heard[0][0] == 0, line.heard
        self.resume = line.heard[0][1]["resume"]
        return line

    def say(self, line: Line, *frame: Any) -> None:
        line.incoming.put_nowait(json.dumps(frame))
        self.loop.run_for(0.01)

    def click_both(self) -> None:
        """Click the button that asks, and the other one, which waits for it."""
        for number, id in enumerate(self.ids, 1):
            self.say(self.line, number, 0, id)

    def lose(self) -> None:
        self.line.incoming.put_nowait(None)
        self.loop.run_for(0)

    def asked(self, line: Line) -> list[Any]:
        return [frame for frame in line.heard if isinstance(frame, list) and frame[0] == -5]

    def close(self) -> None:
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_for(0)
        self.loop.close()


ended: list[BaseException] = []


async def asks(e: EventHandler) -> None:
    """Ask, and note how that ends."""
    try:
        await e.window.confirm("Sure?")
    except BaseException as error:
        ended.append(error)
        raise


@pytest.fixture
def server() -> Iterator[Server]:
    ended.clear()
    server = Server(asks)
    yield server
    server.close()


def test_the_next_event_runs_when_the_answer_came(server: Server) -> None:
    server.click_both()
    server.loop.run_for(30)
    assert (server.asked(server.line), server.ran) == ([[-5, 1, "confirm", ["Sure?"]]], [])
    server.say(server.line, -5, 1, True)
    assert (server.ran, ended) == (["next"], [])


def test_a_lost_connection_holds_the_session_for_a_second_and_no_longer(server: Server) -> None:
    server.click_both()
    server.lose()
    server.loop.run_for(0.99)
    assert (server.ran, ended) == ([], [])
    server.loop.run_for(0.02)
    assert server.ran == ["next"]
    assert [type(error) for error in ended] == [WindowGone]


def test_a_connection_that_comes_back_in_time_goes_on_with_the_question(server: Server) -> None:
    server.click_both()
    server.lose()
    server.loop.run_for(0.9)
    line = server.join(resume=server.resume, s=0)
    server.loop.run_for(5)
    assert (server.asked(line), server.ran) == ([[-5, 1, "confirm", ["Sure?"]]], [])
    server.say(line, -5, 1, False)
    assert (server.ran, ended) == (["next"], [])


def test_f5_lets_go_at_once(server: Server) -> None:
    server.click_both()
    server.lose()
    line = server.join(token=server.token(), resume=server.resume)
    assert [str(error) for error in ended] == ["confirm: the page was loaded again"]
    assert (server.ran, server.asked(line)) == (["next"], [])


def test_the_end_of_a_session_lets_go_at_once(server: Server) -> None:
    server.click_both()
    (session,) = server.app.sessions.values()
    session.destroy()
    server.loop.run_for(0)
    assert [type(error) for error in ended] == [WindowGone]


def test_nobody_waits_longer_than_is_said(server: Server) -> None:
    server.click_both()
    server.loop.run_for(59.9)
    assert ended == []
    server.loop.run_for(0.2)
    assert (server.ran, [type(it) for it in ended]) == (["next"], [TimeoutError])


def test_a_server_that_stops_does_not_count_the_event_as_handled(server: Server) -> None:
    server.click_both()
    (session,) = server.app.sessions.values()
    stopping = server.loop.create_task(server.app._stop())
    server.loop.run_for(3)
    assert ended == []
    server.loop.run_for(10)
    assert stopping.done()
    assert [type(error) for error in ended] == [asyncio.CancelledError]
    assert session.connections == ()
    assert server.ran == []


def test_a_window_that_is_gone_is_no_error_of_the_handler(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    server.click_both()
    server.lose()
    server.loop.run_for(2)
    assert "asks: confirm: the connection was lost" in caplog.text
    assert [it for it in caplog.records if it.levelname == "ERROR"] == []


def test_only_the_tab_of_the_event_is_asked() -> None:
    async def reload(e: EventHandler) -> None:
        e.reload()

    server = Server(reload)
    try:
        (session,) = server.app.sessions.values()
        other = server.join(share=server.app.registry.share(session), token=server.token())
        server.click_both()
        assert server.asked(server.line) == [[-5, 1, "reload", []]]
        assert len(session.connections) == 2
        assert server.asked(other) == []
    finally:
        server.close()
