"""Who waits for whom: modes, policies, `unlocked()`, threads, contexts."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
import threading
from collections.abc import Callable
from typing import Any, get_args

import pytest

from sapwood import App, AppError, EventHandler, Template, policy
from sapwood.connection import Connection, Turn
from sapwood.dispatch import Concurrency, Dispatcher, Tasks
from sapwood.events import Event
from sapwood.metrics import Metrics
from sapwood.protocol import Happened
from sapwood.session import Session
from sapwood.watchdog import Watchdog

PAGE = "<body><button id=a>a</button><button id=b>b</button><input id=field></body>"


class Desk:
    """A dispatcher with sessions, and a log of what handlers did."""

    def __init__(self, concurrency: Concurrency = "per_session") -> None:
        self.log: list[str] = []
        self.saved: list[tuple[int, int]] = []
        none = dict.fromkeys(
            ("sessions", "connections", "events_waiting", "handoffs_waiting"), lambda: 0
        )
        self.metrics = Metrics(**none)
        self.watchdog = Watchdog()
        self.dispatcher = Dispatcher(concurrency, self.save, self.metrics, self.watchdog)

    async def save(self, session: Session, turn: Turn) -> None:
        self.saved.append((turn.event.number, turn.connection.handled))

    def session(self, name: str = "s") -> Connection:
        template = Template(PAGE)
        return Session(name, template, "/").attach(template._published, browser="")

    def on(self, connection: Connection, id: str, handler: Callable[..., Any], **more: Any) -> None:
        element = connection.session.template.getElementById(id)
        assert element
        element.on("click", handler, **more)

    def waits(self, name: str, until: asyncio.Event, **more: Any) -> Callable[[EventHandler], Any]:
        """Return a handler that says when it begins and ends, and waits in between."""

        async def handler(e: EventHandler) -> None:
            self.log.append(f"{name} begins")
            await until.wait()
            self.log.append(f"{name} ends")

        return handler

    def click(self, connection: Connection, *ids: str) -> None:
        for id in ids:
            element = connection.session.template.getElementById(id)
            assert element
            number = connection.received + 1
            connection.receive(Happened(Event(number, element.uuid), 0))
        self.dispatcher.drive(connection.session)

    async def settle(self) -> None:
        """Let everybody go on who can."""
        for _ in range(20):
            await asyncio.sleep(0)

    async def end(self) -> None:
        await self.dispatcher.finish(5)
        self.watchdog.close()


async def test_in_a_session_one_event_waits_for_the_other() -> None:
    desk, go = Desk(), asyncio.Event()
    tab = desk.session()
    desk.on(tab, "a", desk.waits("a", go))
    desk.on(tab, "b", desk.waits("b", go))
    desk.click(tab, "a", "b", "a")
    await desk.settle()
    assert desk.log == ["a begins"]
    go.set()
    await desk.end()
    assert desk.log == ["a begins", "a ends", "b begins", "b ends", "a begins", "a ends"]
    assert tab.handled == 3


@pytest.mark.parametrize(
    ("concurrency", "begun"),
    [
        ("per_session", ["1", "2"]),
        ("serialized", ["1"]),
        ("concurrent", ["1", "1", "2"]),
    ],
)
async def test_sessions_wait_for_each_other_as_the_app_says(
    concurrency: Concurrency, begun: list[str]
) -> None:
    desk, go = Desk(concurrency), asyncio.Event()
    one, two = desk.session("1"), desk.session("2")
    for tab in (one, two):
        desk.on(tab, "a", desk.waits(tab.session.id, go))
    desk.click(one, "a", "a")
    desk.click(two, "a")
    await desk.settle()
    assert desk.log == [f"{name} begins" for name in begun]
    go.set()
    await desk.end()
    assert len(desk.log) == 6


def test_another_concurrency_is_refused() -> None:
    with pytest.raises(AppError, match="'per_session', 'serialized', 'concurrent', not 'none'"):
        App(concurrency_handling="none")  # type: ignore[arg-type]


async def test_parallel_handlers_begin_at_once_and_are_acknowledged_in_order() -> None:
    desk, go, first = Desk(), asyncio.Event(), asyncio.Event()
    tab = desk.session()
    desk.on(tab, "a", desk.waits("a", first), policy="parallel")
    desk.on(tab, "b", desk.waits("b", go), policy="parallel")
    desk.click(tab, "a", "b", "b")
    await desk.settle()
    assert desk.log == ["a begins", "b begins", "b begins"]
    go.set()
    await desk.settle()
    assert (desk.log[3:], tab.handled) == (["b ends", "b ends"], 0)
    first.set()
    await desk.end()
    assert (tab.handled, tab.session.is_busy) == (3, False)


async def test_drop_handles_nothing_while_it_is_at_work() -> None:
    desk, go = Desk(), asyncio.Event()
    tab = desk.session()
    desk.on(tab, "a", desk.waits("a", go), policy="drop")
    desk.on(tab, "b", desk.waits("b", go))
    desk.click(tab, "a")
    await desk.settle()
    desk.click(tab, "a", "b", "a")
    go.set()
    await desk.end()
    assert desk.log == ["a begins", "a ends", "b begins", "b ends"]
    desk.click(tab, "a")
    await desk.end()
    assert (desk.log[4:], tab.handled) == (["a begins", "a ends"], 5)


async def test_latest_handles_of_those_that_wait_the_last() -> None:
    desk, go = Desk(), asyncio.Event()
    tab = desk.session()

    @policy("latest")
    async def search(e: EventHandler) -> None:
        desk.log.append(f"event {tab.handled + 1}")
        await go.wait()

    desk.on(tab, "a", search)
    desk.click(tab, "a")
    await desk.settle()
    desk.click(tab, "a", "a", "a")
    go.set()
    await desk.end()
    assert (desk.log, tab.handled) == (["event 1", "event 4"], 4)


def test_a_policy_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="one of queue, drop, latest, parallel"):
        policy("never")  # type: ignore[arg-type]


async def test_fields_of_an_event_that_overtook_are_not_undone_by_older_ones() -> None:
    desk, go = Desk(), asyncio.Event()
    tab = desk.session()
    field = tab.session.template.getElementById("field")
    assert field
    desk.on(tab, "a", desk.waits("a", go))

    async def reads() -> None:
        desk.log.append(field.value)

    desk.on(tab, "b", reads, policy="parallel")
    ids = {id: tab.session.template.getElementById(id) for id in "ab"}
    for number, (id, value) in enumerate([("a", ""), ("a", "old"), ("b", "new")], 1):
        element = ids[id]
        assert element
        fields = ((field.uuid, value),) if value else ()
        tab.receive(Happened(Event(number, element.uuid), 0, fields))
    desk.dispatcher.drive(tab.session)
    await desk.settle()
    assert (desk.log, tab.taken) == (["a begins", "new"], 1)
    go.set()
    await desk.end()
    assert (field.value, tab.taken, tab.handled) == ("new", 3, 3)


async def test_unlocked_lets_others_in_and_comes_back_in_its_turn() -> None:
    desk, go = Desk(), asyncio.Event()
    tab = desk.session()

    async def waits(e: EventHandler) -> None:
        desk.log.append("a begins")
        async with e.unlocked():
            await go.wait()
        desk.log.append("a ends")

    async def other() -> None:
        desk.log.append("b begins")
        go.set()
        await asyncio.sleep(0)
        desk.log.append("b ends")

    desk.on(tab, "a", waits)
    desk.on(tab, "b", other)
    desk.click(tab, "a", "b")
    await desk.end()
    assert desk.log == ["a begins", "b begins", "b ends", "a ends"]
    assert tab.handled == 2


async def test_a_cancelled_wait_leaves_the_session_to_others() -> None:
    desk = Desk()
    tab = desk.session()

    async def waits(e: EventHandler) -> None:
        async with asyncio.timeout(0), e.unlocked():
            await asyncio.Event().wait()

    desk.on(tab, "a", waits)
    desk.on(tab, "b", lambda: desk.log.append("b"))
    desk.click(tab, "a", "b")
    await desk.end()
    assert (desk.log, tab.handled) == (["b"], 2)


async def test_a_task_that_outlives_its_handler_does_not_keep_the_session() -> None:
    desk, go = Desk(), asyncio.Event()
    tab = desk.session()
    tasks: list[asyncio.Task[None]] = []

    async def waits(e: EventHandler) -> None:
        async with e.unlocked():
            await go.wait()

    async def begins(e: EventHandler) -> None:
        tasks.append(asyncio.create_task(waits(e)))
        await asyncio.sleep(0)

    desk.on(tab, "a", begins)
    desk.on(tab, "b", lambda: desk.log.append("b"))
    desk.click(tab, "a")
    await desk.settle()
    go.set()
    await asyncio.gather(*tasks)
    desk.click(tab, "b")
    await desk.end()
    assert (desk.log, tab.handled) == (["b"], 2)


async def test_what_was_dropped_makes_nothing_else_be_dropped() -> None:
    desk, first, second = Desk(), asyncio.Event(), asyncio.Event()
    tab = desk.session()
    desk.on(tab, "a", desk.waits("a", first), policy="drop")
    desk.on(tab, "b", desk.waits("b", second))
    desk.click(tab, "a", "b", "a")
    first.set()
    await desk.settle()
    assert desk.log == ["a begins", "a ends", "b begins"]
    desk.click(tab, "a")
    second.set()
    await desk.end()
    assert desk.log[3:] == ["b ends", "a begins", "a ends"]


async def test_a_session_has_two_threads_at_most() -> None:
    desk, release = Desk(), threading.Event()
    tab, other = desk.session("1"), desk.session("2")
    at_work: list[str] = []
    begun = threading.Semaphore(0)

    def works(name: str) -> Callable[[], None]:
        def handler() -> None:
            at_work.append(name)
            begun.release()
            release.wait(5)

        return handler

    desk.on(tab, "a", works("1"), policy="parallel")
    desk.on(other, "a", works("2"), policy="parallel")
    desk.click(tab, *["a"] * 10)
    desk.click(other, "a")
    for _ in range(3):
        assert await asyncio.to_thread(begun.acquire, timeout=5)
    assert sorted(at_work) == ["1", "1", "2"]
    release.set()
    await desk.end()
    assert (tab.handled, other.handled) == (10, 1)


async def test_no_context_is_shared_between_events() -> None:
    desk = Desk()
    tab = desk.session()
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")

    async def sets() -> None:
        desk.log.append(variable.get())
        variable.set("set")

    desk.on(tab, "a", sets)
    desk.click(tab, "a", "a")
    await desk.end()
    assert desk.log == ["none", "none"]


async def test_an_event_is_saved_before_it_counts_as_handled() -> None:
    desk = Desk()
    tab = desk.session()
    desk.on(tab, "a", lambda: None)
    desk.click(tab, "a", "a")
    await desk.end()
    assert desk.saved == [(1, 0), (2, 1)]


async def test_what_does_not_end_is_cancelled() -> None:
    desk = Desk()
    tab = desk.session()
    desk.on(tab, "a", desk.waits("a", asyncio.Event()))
    desk.click(tab, "a", "a")
    await desk.settle()
    await desk.dispatcher.finish(0.01)
    assert (desk.log, len(desk.dispatcher._tasks)) == (["a begins"], 0)


async def told_of_slow(
    desk: Desk, handler: Callable[[EventHandler], Any], **more: Any
) -> list[str]:
    """Let a handler wait, and return what the watchdog says of it after a minute."""
    lines: list[str] = []
    log = logging.Logger("watchdog")
    log.addFilter(lambda record: bool(lines.append(record.getMessage())))
    dog = desk.dispatcher._watchdog = Watchdog(log=log, clock=lambda: 0.0)
    dog._is_looking = True  # but nobody does, except here
    tab = desk.session()
    desk.on(tab, "a", handler, **more)
    desk.click(tab, "a")
    await desk.settle()
    dog.look(60.0)
    await desk.dispatcher.finish(0)
    return [line.partition(" of")[0] for line in lines]


async def test_a_handler_that_keeps_others_waiting_is_slow() -> None:
    async def slow(e: EventHandler) -> None:
        await asyncio.Event().wait()

    assert len(await told_of_slow(Desk(), slow)) == 1
    assert len(await told_of_slow(Desk(), slow, policy="parallel")) == 0
    assert len(await told_of_slow(Desk("concurrent"), slow)) == 0
    assert len(await told_of_slow(Desk("serialized"), slow)) == 1


async def test_a_handler_that_lets_others_in_is_not_slow() -> None:
    async def unlocked(e: EventHandler) -> None:
        async with e.unlocked():
            await asyncio.Event().wait()

    assert await told_of_slow(Desk(), unlocked) == []


# --- Who comes and goes --------------------------------------------------------------------


def visit(desk: Desk, tab: Connection, *whats: str) -> None:
    """Let browsers come to a session and leave it."""

    def told(what: str) -> Callable[[Session], Any]:
        async def hook(session: Session) -> None:
            desk.log.append(what)

        return hook

    changes = {"new": 0, "back": 1, "gone": -1, "end": 0}
    for what in whats:
        desk.dispatcher.visit(tab.session, changes[what], [told(what)])


async def busy() -> tuple[Desk, Connection, asyncio.Event]:
    """Return a desk with a session whose handler waits until it may go on."""
    desk, go = Desk(), asyncio.Event()
    tab = desk.session()
    desk.on(tab, "a", desk.waits("a", go))
    desk.click(tab, "a")
    await desk.settle()
    return desk, tab, go


async def test_who_comes_and_goes_while_a_handler_hangs_costs_little_and_adds_up() -> None:
    desk, tab, go = await busy()
    visit(desk, tab, "new")
    for _ in range(10_000):
        visit(desk, tab, "gone", "back")
    visit(desk, tab, "gone")
    await desk.settle()
    assert len(desk.dispatcher._tasks) <= 20
    go.set()
    await desk.end()
    told = desk.log[2:]
    assert told == ["new", *["gone", "back"] * (len(told) // 2 - 1), "gone"]


async def test_many_browsers_that_come_while_a_handler_hangs_are_all_told_of() -> None:
    desk, tab, go = await busy()
    visit(desk, tab, "new", *["back"] * 99, *["gone"] * 10)
    go.set()
    await desk.end()
    told = desk.log[2:]
    assert (told[0], told.count("back") - told.count("gone")) == ("new", 89)


async def test_an_event_waits_for_whoever_came_before_it() -> None:
    desk = Desk()
    tab = desk.session()
    desk.on(tab, "a", lambda: desk.log.append("a"))
    visit(desk, tab, "new", "gone", "back")
    desk.click(tab, "a")
    await desk.end()
    assert desk.log == ["new", "gone", "back", "a"]


@pytest.mark.parametrize("concurrency", get_args(Concurrency))
async def test_who_comes_and_goes_while_hooks_hang_costs_little(concurrency: Concurrency) -> None:
    desk, go = Desk(concurrency), asyncio.Event()
    tab = desk.session()

    def hangs(what: str) -> Callable[[Session], Any]:
        async def hook(session: Session) -> None:
            desk.log.append(what)
            await go.wait()

        return hook

    desk.dispatcher.visit(tab.session, 0, [hangs("new")])
    for _ in range(1000):
        desk.dispatcher.visit(tab.session, -1, [hangs("gone")])
        desk.dispatcher.visit(tab.session, 1, [hangs("back")])
        await desk.settle()
    assert len(desk.dispatcher._tasks) <= 20
    assert desk.log == ["new"]
    go.set()
    await desk.end()
    assert desk.log == ["new", *["gone", "back"] * (len(desk.log) // 2)]


# --- What goes wrong, and the end ------------------------------------------------------------


async def test_a_handler_that_wants_more_by_now_fails_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk()
    tab = desk.session()

    def inner(e: EventHandler) -> None: ...
    def reloaded(e: EventHandler, more: int) -> None: ...

    async def outer(e: EventHandler) -> None:
        desk.log.append("outer")

    desk.on(tab, "a", inner)
    tab.session.template.root.on("click", outer)
    inner.__code__ = reloaded.__code__
    desk.click(tab, "a")
    await desk.end()
    assert (desk.log, tab.handled, desk.metrics.handler_errors) == (["outer"], 1, 1)
    assert "wants e, more" in caplog.text


async def test_whatever_else_goes_wrong_with_an_event_is_logged_and_others_go_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desk, begin = Desk(), Connection.begin
    tab = desk.session()

    async def handler() -> None:
        desk.log.append("handled")

    def fails_once(self: Connection, turn: Turn) -> None:
        if turn.event.number == 1:
            raise RuntimeError("of ours")
        begin(self, turn)

    monkeypatch.setattr(Connection, "begin", fails_once)
    desk.on(tab, "a", handler)
    desk.click(tab, "a", "a")
    await desk.end()
    assert (desk.log, tab.handled) == (["handled"], 2)
    assert "event 1 of session s failed: RuntimeError('of ours')" in caplog.text


async def test_a_policy_that_is_none_of_ours_means_nothing() -> None:
    desk = Desk()
    tab = desk.session()

    class Handler:
        def __init__(self) -> None:
            self._policy = {"retries": 3}

        async def __call__(self, e: EventHandler) -> None:
            desk.log.append("handled")

    desk.on(tab, "a", Handler())
    desk.click(tab, "a", "a")
    await desk.end()
    assert desk.log == ["handled", "handled"]


async def test_a_handler_that_ends_its_session_is_the_last_one() -> None:
    desk = Desk()
    tab = desk.session()

    async def ends(e: EventHandler) -> None:
        desk.log.append("ends")
        tab.session.forget()

    async def another(e: EventHandler) -> None:
        desk.log.append("another")

    for handler in (ends, another):
        desk.on(tab, "a", handler)
    tab.session.template.root.on("click", another)
    desk.click(tab, "a")
    await desk.end()
    assert desk.log == ["ends"]


async def test_the_watchdog_knows_the_task_of_what_runs_on_the_loop() -> None:
    desk = Desk()
    tab = desk.session()
    tasks: list[Any] = []

    def running_now() -> list[Any]:
        return [it.task for it in desk.watchdog._handlers.values()]

    async def on_loop(e: EventHandler) -> None:
        tasks.append(running_now() == [asyncio.current_task()])

    def in_thread(e: EventHandler) -> None:
        tasks.append(running_now() == [None])

    desk.on(tab, "a", on_loop)
    desk.on(tab, "b", in_thread)
    desk.click(tab, "a", "b")
    await desk.end()
    assert tasks == [True, True]


async def test_what_had_not_begun_when_all_ended_is_forgotten() -> None:
    tasks = Tasks()
    begun = tasks.enter(asyncio.get_running_loop(), asyncio.sleep(0))
    await tasks.finish(0, 5)
    assert (begun.cancelled(), len(tasks)) == (True, 0)


if sys.version_info >= (3, 12):
    eager = asyncio.eager_task_factory
else:

    def eager(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> Any:
        """Do as `asyncio.eager_task_factory` does to what does not wait."""
        with pytest.raises(StopIteration):
            coroutine.send(None)
        done = loop.create_future()
        done.set_result(None)
        return done


async def test_what_has_ended_when_it_is_made_is_not_waited_for() -> None:
    loop, tasks = asyncio.get_running_loop(), Tasks()

    async def waits_for_nothing() -> None: ...

    loop.set_task_factory(eager)
    try:
        tasks.enter(loop, waits_for_nothing())
    finally:
        loop.set_task_factory(None)
    assert len(tasks) == 0
