"""A visit over a socket: when what is to be sent is sent, and what counts for nothing."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import weakref
from collections.abc import Callable, MutableMapping
from types import ModuleType
from typing import Any

import pytest

from sapwood import (
    App,
    EventHandler,
    MemoryStore,
    Session,
    Template,
    conversation,
    places,
    sessions,
)
from sapwood.connection import Info
from sapwood.conversation import Gone, converse
from sapwood.handoff import Page
from sapwood.session import PAGES_WAITING_MAX

PATIENCE_S = 5.0


class SlowSocket:
    """A socket whose other side has not heard yet that it is closed."""

    info = Info()

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[str] = asyncio.Queue()
        self.sent: asyncio.Queue[Any] = asyncio.Queue()
        self.closed: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def receive(self) -> str:
        return await self.incoming.get()

    async def send(self, frame: str) -> None:
        self.sent.put_nowait(json.loads(frame))

    async def close(self, code: int) -> None:
        self.closed.set_result(code)
        await asyncio.Event().wait()

    def begin(self, app: App, **join: Any) -> None:
        """Begin a visit."""
        self.visit = asyncio.create_task(converse(self, app, "b"))
        self.incoming.put_nowait(json.dumps([0, {"v": 1, **join}]))

    async def join(self, app: App, **join: Any) -> Any:
        """Begin a visit, and return its welcome."""
        self.begin(app, **join)
        return (await asyncio.wait_for(self.sent.get(), PATIENCE_S))[1]

    async def told(self) -> int:
        """Return the code that it is closed with."""
        return await asyncio.wait_for(asyncio.shield(self.closed), PATIENCE_S)

    async def leave(self) -> None:
        """End the visit, as a server does that sees that nobody is there."""
        self.visit.cancel()
        await asyncio.wait({self.visit})


def waits(app: App) -> str:
    """Let a page wait for its socket; return its token."""
    template = Template("<body><button id=go></button></body>")
    return app.handoff.mint(Page(template, template._published, "/", "b"))


async def test_a_frame_of_a_socket_that_another_one_superseded_is_not_taken() -> None:
    app, old, new = App(), SlowSocket(), SlowSocket()
    welcome = await old.join(app, token=waits(app))
    await new.join(app, resume=welcome["resume"], s=0)
    assert await old.closed == 4409
    (session,) = app.sessions.values()
    button = session.template.getElementById("go")
    assert button
    old.incoming.put_nowait(json.dumps([1, 0, button.uuid]))
    await asyncio.wait_for(old.visit, 5)
    assert session.connections[0].received == 0
    new.visit.cancel()
    await asyncio.wait({new.visit})


async def until(is_so: Callable[[], bool]) -> None:
    """Let the loop turn until *is_so*, but not for ever."""
    for _ in range(100):
        if is_so():
            return
        await asyncio.sleep(0)
    raise TimeoutError


class Board(Template):
    """Shows a number; its handler goes on when it is told to."""

    def __init__(self) -> None:
        super().__init__("<body><p id=shown></p><button id=go _onclick=go></button></body>")
        self.goes_on = threading.Event()

    def go(self, event: EventHandler) -> None:
        for number in (1, 2):
            self.show(number)
            assert self.goes_on.wait(PATIENCE_S)
            self.goes_on.clear()

    def show(self, number: int) -> None:
        shown = self.getElementById("shown")
        assert shown
        shown.content = number
        self.update()


async def visit_board() -> tuple[Board, SlowSocket]:
    app, socket, board = App(), SlowSocket(), Board()
    token = app.handoff.mint(Page(board, board._published, "/", "b"))
    await socket.join(app, token=token)
    return board, socket


async def test_a_thread_that_goes_on_is_seen_to_update_while_it_does() -> None:
    board, socket = await visit_board()
    button = board.getElementById("go")
    assert button
    socket.incoming.put_nowait(json.dumps([1, 0, button.uuid]))
    for number in (1, 2):
        frame = await asyncio.wait_for(socket.sent.get(), PATIENCE_S)
        assert (frame[:2], frame[-1]) == ([number, [0, 1]], str(number))
        board.goes_on.set()
    assert await asyncio.wait_for(socket.sent.get(), PATIENCE_S) == [-1, 1]
    socket.visit.cancel()
    await asyncio.wait({socket.visit})


async def test_who_has_nothing_to_send_has_no_task_for_it() -> None:
    before = asyncio.all_tasks()
    board, socket = await visit_board()
    board.show(1)
    await asyncio.wait_for(socket.sent.get(), PATIENCE_S)
    for _ in range(5):  # what was sent is done with in a turn of the loop or two
        await asyncio.sleep(0)
    assert asyncio.all_tasks() - before == {socket.visit}
    socket.visit.cancel()
    await asyncio.wait({socket.visit})


class Counter(Template):
    """Counts clicks, by a coroutine."""

    def __init__(self) -> None:
        super().__init__("<body><p id=shown>0</p><button id=go _onclick=go></button></body>")
        self.count = 0

    async def go(self, event: EventHandler) -> None:
        self.count += 1
        shown = self.getElementById("shown")
        assert shown
        shown.content = self.count
        event.update()

    async def click(self, socket: SlowSocket, number: int) -> None:
        """Click for the *number*-th time; return when it has been handled."""
        button = self.getElementById("go")
        assert button
        socket.incoming.put_nowait(json.dumps([number, 0, button.uuid]))
        await until(lambda: self.count == number)


async def test_an_event_takes_one_task_to_its_last_frame() -> None:
    app, socket, board = App(), SlowSocket(), Counter()
    await socket.join(app, token=app.handoff.mint(Page(board, board._published, "/", "b")))
    loop, made = asyncio.get_running_loop(), []

    def make(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        made.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **options)

    loop.set_task_factory(make)
    await board.click(socket, 1)
    async with asyncio.timeout(PATIENCE_S):
        frame = await socket.sent.get()
    loop.set_task_factory(None)
    assert frame[:2] == [1, 1]
    assert len(made) == 1
    await socket.leave()


class Steps(Counter):
    """Updates once, and again when it may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = asyncio.Event()

    async def go(self, event: EventHandler) -> None:
        await super().go(event)
        await self.goes_on.wait()
        await super().go(event)


@pytest.mark.parametrize(("gather_s", "at_once"), [(3600, 0), (0, 1)])
async def test_what_a_handler_that_waits_has_updated_is_sent_in_a_while(
    monkeypatch: pytest.MonkeyPatch, gather_s: float, at_once: int
) -> None:
    monkeypatch.setattr(conversation, "GATHER_S", gather_s)
    app, socket, board = App(), SlowSocket(), Steps()
    await socket.join(app, token=app.handoff.mint(Page(board, board._published, "/", "b")))
    await board.click(socket, 1)
    for _ in range(20):
        await asyncio.sleep(0)
    assert socket.sent.qsize() == at_once
    board.goes_on.set()
    async with asyncio.timeout(PATIENCE_S):
        assert [(await socket.sent.get())[-1] for _ in range(2)] == ["1", "2"]
    await socket.leave()


class DeafSocket(SlowSocket):
    """A socket that fails when it is to send something else than its welcome."""

    async def send(self, frame: str) -> None:
        if not self.sent.empty() or not frame.startswith("[0,"):
            raise OSError("the network is gone")
        await super().send(frame)


async def test_who_cannot_be_written_to_is_not_read_any_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app, socket, board = App(), DeafSocket(), Board()
    await socket.join(app, token=app.handoff.mint(Page(board, board._published, "/", "b")))
    board.show(1)
    await asyncio.wait({socket.visit}, timeout=PATIENCE_S)
    assert socket.visit.done()
    assert "a writer failed: OSError('the network is gone')" in caplog.text


def hooked() -> tuple[App, list[str]]:
    """Return an app, and what it is told of who comes and goes."""
    app, told = App(), list[str]()
    app.on_connect(lambda session: told.append("new"))
    app.on_reconnect(lambda session: told.append("back"))
    app.on_disconnect(lambda session: told.append("gone"))
    return app, told


async def test_who_comes_back_before_it_was_seen_to_leave_has_not_left() -> None:
    app, told = hooked()
    sockets = [SlowSocket() for _ in range(3)]
    join: dict[str, Any] = {"token": waits(app)}
    for socket in sockets:
        join = {"resume": (await socket.join(app, **join))["resume"], "s": 0}
    for socket in sockets[::-1]:
        socket.visit.cancel()
        await asyncio.wait({socket.visit})
    await app.dispatcher.finish(5)
    assert told == ["new", "gone"]


async def test_who_is_gone_before_the_welcome_came_and_left() -> None:
    class Absent(SlowSocket):
        async def send(self, frame: str) -> None:
            raise Gone

    app, told = hooked()
    socket = Absent()
    socket.incoming.put_nowait(json.dumps([0, {"v": 1, "token": waits(app)}]))
    await converse(socket, app, "b")
    await app.dispatcher.finish(5)
    assert told == ["new", "gone"]


async def test_of_one_that_comes_and_goes_again_and_again_the_end_is_waited_for_once() -> None:
    app, _ = hooked()
    loop = asyncio.get_running_loop()
    join: dict[str, Any] = {"token": waits(app)}
    for _ in range(1000):
        socket = SlowSocket()
        join = {"resume": (await socket.join(app, **join))["resume"], "s": 0}
        socket.visit.cancel()
        await asyncio.wait({socket.visit})
    timers = [it for it in loop._scheduled if not it.cancelled()]  # type: ignore[attr-defined]
    assert len(timers) == 1


async def seen(app: App, socket: SlowSocket) -> Session:
    """Let a browser come and leave; return its session."""
    await socket.join(app, token=waits(app))
    [session] = app.sessions.values()
    socket.visit.cancel()
    await asyncio.wait({socket.visit})
    return session


async def test_a_session_to_which_nobody_comes_back_ends_once_and_its_tasks_with_it() -> None:
    app, ended = App(session_timeout_s=0), asyncio.Queue[Session]()
    app.on_end(ended.put_nowait)
    cancelled = asyncio.Queue[str]()

    async def wait(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.put_nowait(name)

    @app.on_connect
    async def begin(session: Session) -> None:
        session.run_task(wait("of the session"))
        await asyncio.sleep(0)  # let it begin

    session = await seen(app, SlowSocket())
    assert await asyncio.wait_for(ended.get(), PATIENCE_S) is session
    assert await asyncio.wait_for(cancelled.get(), PATIENCE_S) == "of the session"
    session.destroy()
    await app.dispatcher.finish(5)
    assert ended.empty()
    before = asyncio.all_tasks()
    session.run_task(asyncio.Event().wait())
    await asyncio.wait(asyncio.all_tasks() - before, timeout=PATIENCE_S)
    assert asyncio.all_tasks() == before


async def test_a_join_that_tells_too_much_is_refused_and_its_session_ends_in_time() -> None:
    app, ended = App(session_timeout_s=0), asyncio.Queue[Session]()
    app.on_end(ended.put_nowait)
    first, second = SlowSocket(), SlowSocket()
    secret = (await first.join(app, token=waits(app)))["resume"]
    [session] = app.sessions.values()
    session.pages_waiting = PAGES_WAITING_MAX  # as behind a handler that hangs
    button = session.template.getElementById("go")
    assert button
    foreign = [button.uuid, 0, 1, "b", "~0123456789abc", 0]
    second.begin(app, resume=secret, s=0, foreign=foreign)
    assert await second.told() == 4429
    assert await asyncio.wait_for(ended.get(), PATIENCE_S) is session
    for socket in (first, second):
        await socket.leave()


async def test_a_cancelled_join_that_a_newer_one_overtook_does_not_end_that_one() -> None:
    class Slow(MemoryStore):
        is_slow = asyncio.Event()
        goes_on = asyncio.Event()

        async def save(self, key: str, record: bytes, ttl_s: float) -> None:
            self.is_slow.set()
            await self.goes_on.wait()

    store = Slow()
    store.goes_on.set()
    app = App(session_timeout_s=0, store=store)
    first, older, newer = (SlowSocket() for _ in range(3))
    secret = (await first.join(app, token=waits(app)))["resume"]
    [session] = app.sessions.values()
    session.state["kept"] = True
    store.goes_on.clear()
    older.begin(app, resume=secret, s=0)
    await asyncio.wait_for(store.is_slow.wait(), PATIENCE_S)
    newer.begin(app, resume=secret, s=0)
    for _ in range(5):  # it comes as far as the store in a turn of the loop or two
        await asyncio.sleep(0)
    assert session.joining == 2
    await older.leave()
    store.goes_on.set()
    assert await asyncio.wait_for(newer.sent.get(), PATIENCE_S)
    assert not app.presence._expiring
    assert session in app.registry
    for socket in (first, newer):
        await socket.leave()


@pytest.mark.parametrize("is_there", [True, False])
async def test_nobody_holds_a_session_that_has_ended(is_there: bool) -> None:
    app, socket = App(), SlowSocket()
    await socket.join(app, token=waits(app))
    [session] = app.sessions.values()
    if not is_there:
        await socket.leave()
    session.destroy()
    await socket.leave()
    await app.dispatcher.finish(5)
    ended = weakref.ref(session)
    del session, socket
    gc.collect()
    assert ended() is None


async def test_the_end_of_a_session_comes_after_its_browser_has_left() -> None:
    app, told = hooked()
    app.on_end(lambda session: told.append("end"))
    socket = SlowSocket()
    await socket.join(app, token=waits(app))
    [session] = app.sessions.values()
    session.destroy()
    await socket.leave()
    await app.dispatcher.finish(5)
    assert told == ["new", "gone", "end"]


async def test_a_session_made_in_a_thread_may_take_the_place_of_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sessions, "SESSIONS_MAX", 1)
    app, ended = App(), asyncio.Queue[Session]()
    app.runs_here()
    app.on_end(ended.put_nowait)
    session = await seen(app, SlowSocket())
    made = await asyncio.to_thread(app.create_session, Template("<p>here</p>"))
    assert await asyncio.wait_for(ended.get(), PATIENCE_S) is session
    assert app.sessions == {made.id: made}


async def test_who_is_sent_away_leaves_once() -> None:
    app, told = hooked()
    socket = SlowSocket()
    await socket.join(app, token=waits(app))
    [session] = app.sessions.values()
    session.close()
    assert await socket.told() == 4411
    await socket.leave()
    await app.dispatcher.finish(5)
    assert told == ["new", "gone"]


async def test_a_session_that_is_destroyed_has_ended_and_one_of_an_app_that_stops_has_not() -> None:
    app, ended = App(), list[Session]()
    app.on_end(ended.append)
    async with app.lifespan():
        session = await seen(app, SlowSocket())
        session.destroy()
        await app.dispatcher.finish(5)
        assert ended == [session]
        await seen(app, SlowSocket())
    assert len(ended) == 1


async def test_a_session_that_no_browser_came_to_has_not_ended_for_anybody() -> None:
    app, ended = App(), list[Session]()
    app.on_end(ended.append)
    app.create_session(Template("<p>here</p>")).destroy()
    await app.dispatcher.finish(5)
    assert ended == []


async def test_who_waits_for_a_place_is_told_to_come_back_when_the_server_stops() -> None:
    app = App(max_sessions=1)
    inside, waiting = SlowSocket(), SlowSocket()
    await inside.join(app, token=waits(app))
    assert await waiting.join(app, token=waits(app)) == 1
    app.send_away()
    assert [await it.closed for it in (waiting, inside)] == [1012, 1012]
    for socket in (inside, waiting):
        socket.visit.cancel()


async def queue(app: App) -> tuple[SlowSocket, SlowSocket]:
    """Let one browser in, and one wait for its place."""
    inside, waiting = SlowSocket(), SlowSocket()
    await inside.join(app, token=waits(app))
    assert await waiting.join(app, token=waits(app)) == 1
    return inside, waiting


async def test_a_session_that_ends_while_it_waits_leaves_its_place_to_others() -> None:
    app = App(max_sessions=1)
    inside, waiting = await queue(app)
    *_, session = app.sessions.values()
    session.destroy()
    assert await waiting.told() == 4410
    await inside.leave()
    last = SlowSocket()
    assert "resume" in await last.join(app, token=waits(app))
    await last.leave()
    await waiting.leave()


async def test_who_is_sent_away_leaves_its_place_to_others() -> None:
    app = App(max_sessions=1)
    inside, waiting = await queue(app)
    session, _ = app.sessions.values()
    session.close()
    assert (await asyncio.wait_for(waiting.sent.get(), PATIENCE_S))[0] == 0
    for socket in (inside, waiting):
        await socket.leave()


async def test_a_thread_may_send_browsers_away() -> None:
    app, socket = App(), SlowSocket()
    app.runs_here()
    await socket.join(app, token=waits(app))
    [session] = app.sessions.values()
    await asyncio.to_thread(session.close)
    assert await socket.told() == 4411
    assert session.connections == ()
    await socket.leave()


@pytest.mark.parametrize(
    ("module", "limit", "at"),
    # Who waits is not idle; and who may not even wait leaves no session.
    [(sessions, "SESSIONS_OF_BROWSER_MAX", 2), (places, "WAITING_MAX", 1)],
)
async def test_who_is_one_too_many_takes_nobodys_place_and_leaves_no_session(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, limit: str, at: int
) -> None:
    monkeypatch.setattr(module, limit, at)
    app, last = App(max_sessions=1), SlowSocket()
    inside, waiting = await queue(app)
    last.begin(app, token=waits(app))
    assert await last.told() == 1013
    assert len(app.sessions) == 2
    for socket in (waiting, last, inside):
        await socket.leave()


async def test_what_is_mounted_sends_its_browsers_away_too() -> None:
    app, inner, socket = App(), App(), SlowSocket()
    app.mount("/inner", inner)
    await socket.join(inner, token=waits(inner))
    app.send_away()
    assert await socket.closed == 1012
    socket.visit.cancel()


# --- Who takes nothing ---------------------------------------------------------------------


class FullSocket(SlowSocket):
    """A socket whose other side stops reading after the welcome."""

    async def send(self, frame: str) -> None:
        if self.sent.qsize() or frame[1] != "0":
            await asyncio.Event().wait()
        await super().send(frame)

    async def close(self, code: int) -> None:
        await asyncio.Event().wait()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "STALL_S", 0.01)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("frame", ["[-2,1]", "nonsense"])
async def test_who_takes_nothing_is_not_waited_for(frame: str) -> None:
    app, socket = App(), FullSocket()
    await socket.join(app, token=waits(app))
    (session,) = app.sessions.values()
    socket.incoming.put_nowait(frame)
    await asyncio.wait_for(socket.visit, 5)
    assert not session.is_connected


async def test_who_takes_little_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Little(SlowSocket):
        async def send(self, frame: str) -> None:
            await asyncio.sleep(0.05)
            await super().send(frame)

    # Each frame takes a tenth of that, and all of them longer.
    monkeypatch.setattr(conversation, "STALL_S", 0.5)
    app, socket = App(), Little()
    await socket.join(app, token=waits(app))
    for mark in range(15):
        socket.incoming.put_nowait(f"[-2,{mark}]")
    for mark in range(15):
        assert await asyncio.wait_for(socket.sent.get(), 5) == [-2, mark]
    socket.visit.cancel()


async def test_nobody_waits_for_who_takes_nothing() -> None:
    before = asyncio.all_tasks()
    app, socket, board = App(), FullSocket(), Counter()
    await socket.join(app, token=app.handoff.mint(Page(board, board._published, "/", "b")))
    for number in (1, 2):
        await board.click(socket, number)
    await asyncio.wait_for(app.dispatcher.finish(60), PATIENCE_S)
    assert board.count == 2
    await socket.leave()
    await until(lambda: asyncio.all_tasks() == before)


async def test_a_visit_that_is_cancelled_stays_cancelled() -> None:
    app, socket = App(), SlowSocket()
    await socket.join(app, token=waits(app))
    socket.visit.cancel()
    with pytest.raises(asyncio.CancelledError):
        await socket.visit


async def test_who_is_gone_when_the_socket_is_to_be_closed_is_no_error() -> None:
    messages: list[dict[str, Any]] = [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "nonsense"},
    ]
    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message["type"])
        if message["type"] == "websocket.close":
            raise OSError("the network is gone")  # as uvicorn does

    scope = {
        "type": "websocket",
        "path": "/_sapwood/ws",
        "headers": [(b"host", b"localhost"), (b"origin", b"http://localhost")],
        "subprotocols": ["sapwood.1"],
        "scheme": "ws",
        "server": ("localhost", 80),
    }
    await App(debug=True)(scope, receive, send)
    assert sent == ["websocket.accept", "websocket.close"]
