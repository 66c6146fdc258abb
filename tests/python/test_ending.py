"""When a session has ended, nothing that runs or waits for it outlives it for long."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import threading
import weakref
from collections.abc import Callable
from typing import Any, get_args

import pytest

from sapwood import App, EventHandler, MemoryStore, Session, dispatch
from sapwood.connection import Connection
from sapwood.dispatch import Concurrency
from sapwood.events import Event
from sapwood.protocol import Happened
from test_conversation import SlowSocket, waits
from test_dispatch import Desk, visit

PATIENCE_S = 5.0

everywhere = pytest.mark.parametrize("concurrency", get_args(Concurrency))


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a session that ended wait for nothing."""
    monkeypatch.setattr(dispatch, "GRACE_S", 0.0)
    monkeypatch.setattr(dispatch, "MERCY_S", 0.0)


def end(desk: Desk, tab: Connection) -> None:
    """End a tab's session, as a registry does, and tell of the tab and of the end."""
    desk.dispatcher.end(tab.session)
    visit(desk, tab, "gone")
    visit(desk, tab, "end")
    tab.session.forget()


async def never(e: EventHandler) -> None:
    await asyncio.Event().wait()


async def stubborn(until: asyncio.Event) -> None:
    """Wait, and let nobody cancel that."""
    while not until.is_set():
        with contextlib.suppress(asyncio.CancelledError):
            await until.wait()


@everywhere
async def test_a_handler_that_hangs_is_cancelled_and_the_hooks_are_called_in_order(
    concurrency: Concurrency, at_once: None, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(concurrency)
    tab = desk.session()

    async def hangs(e: EventHandler) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            desk.log.append("cancelled")

    desk.on(tab, "a", hangs)
    desk.click(tab, "a")
    await desk.settle()
    end(desk, tab)
    await desk.settle()
    assert sorted(desk.log) == ["cancelled", "end", "gone"]
    assert desk.log.index("gone") < desk.log.index("end")
    assert desk.log[0] == "cancelled" or concurrency == "concurrent"
    assert (len(desk.dispatcher._tasks), tab.session.at_work) == (0, None)
    assert (tab.handled, desk.saved, desk.metrics.events) == (0, [], 0)
    [record] = caplog.records
    assert "hangs of session s, which has ended" in record.getMessage()


async def test_a_handler_has_a_while_to_come_to_its_end() -> None:
    desk, go = Desk(), asyncio.Event()
    tab = desk.session()
    desk.on(tab, "a", desk.waits("a", go))
    desk.click(tab, "a")
    await desk.settle()
    end(desk, tab)
    await desk.settle()
    assert desk.log == ["a begins"]
    go.set()
    await desk.end()
    assert desk.log == ["a begins", "a ends", "gone", "end"]
    assert tab.handled == 1


@everywhere
async def test_what_waits_for_its_turn_ends_at_once_and_does_not_count(
    concurrency: Concurrency,
) -> None:
    desk, go = Desk(concurrency), asyncio.Event()
    tab = desk.session()
    desk.on(tab, "a", desk.waits("a", go))
    desk.on(tab, "b", desk.waits("b", go))
    desk.click(tab, "a")
    await desk.settle()
    desk.click(tab, "b", "b")  # which no task has begun with
    end(desk, tab)
    desk.click(tab, "b")
    await desk.settle()
    assert len(tab.session.at_work) <= 3  # the handler, and the hooks
    go.set()
    await desk.end()
    assert [it for it in desk.log if it.startswith("b")] == []
    assert (tab.handled, [number for number, _ in desk.saved]) == (1, [1])


async def test_what_waited_for_long_ends_at_once_too() -> None:
    desk = Desk()
    tab = desk.session()
    desk.on(tab, "a", never)
    desk.click(tab, *["a"] * 10)
    await desk.settle()
    assert len(desk.dispatcher._tasks) == 10
    desk.dispatcher.end(tab.session)
    tab.session.forget()
    await desk.settle()
    assert (len(desk.dispatcher._tasks), tab.handled) == (1, 0)
    await desk.dispatcher.finish(0)


async def test_who_hangs_and_goes_leaves_the_app_to_others(at_once: None) -> None:
    desk = Desk("serialized")
    one, two = desk.session("1"), desk.session("2")
    desk.on(one, "a", never)
    desk.on(two, "a", desk.waits("two", asyncio.Event()))
    desk.click(one, "a", "a")
    desk.click(two, "a")
    await desk.settle()
    assert desk.log == []
    end(desk, one)
    await desk.settle()
    assert desk.log == ["two begins"]
    await desk.dispatcher.finish(0)


async def test_who_is_not_back_from_unlocked_does_not_wait_for_its_turn_again(
    at_once: None,
) -> None:
    desk = Desk("serialized")
    one, two = desk.session("1"), desk.session("2")

    async def unlocked(e: EventHandler) -> None:
        async with e.unlocked():
            await asyncio.Event().wait()

    desk.on(one, "a", unlocked)
    desk.on(two, "a", never)
    desk.click(one, "a")
    desk.click(two, "a")
    await desk.settle()
    desk.dispatcher.end(one.session)
    one.session.forget()
    await desk.settle()
    assert (one.session.at_work, len(desk.dispatcher._tasks)) == (None, 1)
    await desk.dispatcher.finish(0)


async def test_who_does_not_let_itself_be_cancelled_keeps_nobody(
    at_once: None, caplog: pytest.LogCaptureFixture
) -> None:
    desk, go = Desk(), asyncio.Event()
    tab = desk.session()

    async def handler(e: EventHandler) -> None:
        await stubborn(go)
        desk.log.append("handler ends")

    desk.on(tab, "a", handler)
    desk.click(tab, "a")
    await desk.settle()
    end(desk, tab)
    await desk.settle()
    assert desk.log == ["gone", "end"]
    assert "does not let itself be cancelled" in caplog.records[-1].getMessage()
    assert not tab.session.lock.locked()
    go.set()
    await desk.end()
    assert desk.log == ["gone", "end", "handler ends"]
    assert (tab.handled, tab.session.at_work, tab.session.lock.locked()) == (1, None, False)


async def test_hooks_that_hang_are_cancelled_and_the_others_called_all_the_same(
    at_once: None,
) -> None:
    desk = Desk()
    tab = desk.session()

    def told(what: str) -> Callable[[Session], Any]:
        async def hook(session: Session) -> None:
            desk.log.append(what)
            await asyncio.Event().wait()

        return hook

    async def is_cancelled(session: Session) -> None:
        raise asyncio.CancelledError  # by whatever it awaits

    desk.dispatcher.visit(tab.session, 0, [told("new 1"), is_cancelled, told("new 2")])
    await desk.settle()
    assert desk.log == ["new 1"]
    desk.dispatcher.end(tab.session)
    tab.session.forget()
    for what in ("gone", "end"):
        desk.dispatcher.visit(tab.session, -1, [told(f"{what} 1"), told(f"{what} 2")])
    await desk.settle()
    await desk.settle()
    assert desk.log == ["new 1", "new 2", "gone 1", "gone 2", "end 1", "end 2"]
    assert (len(desk.dispatcher._tasks), tab.session.at_work) == (0, None)


async def test_a_hook_that_does_not_let_itself_be_cancelled_keeps_nobody(at_once: None) -> None:
    desk, go = Desk(), asyncio.Event()
    tab = desk.session()

    async def hook(session: Session) -> None:
        await stubborn(go)
        desk.log.append("new")

    desk.dispatcher.visit(tab.session, 0, [hook, hook])
    await desk.settle()
    end(desk, tab)
    await desk.settle()
    assert desk.log == ["gone", "end"]
    go.set()
    await desk.end()
    assert (desk.log[2:], tab.session.lock.locked()) == (["new", "new"], False)


async def test_an_app_that_stops_cancels_a_hook_of_a_session_that_ended() -> None:
    desk = Desk()
    tab = desk.session()

    async def hook(session: Session) -> None:
        desk.log.append("begins")
        await asyncio.Event().wait()

    tab.session.forget()
    desk.dispatcher.visit(tab.session, 0, [hook, hook])
    await desk.settle()
    [hold] = tab.session.at_work
    hold._cancel()  # its time is over just now
    await desk.dispatcher.finish(0)
    await desk.settle()
    assert (desk.log, len(desk.dispatcher._tasks)) == (["begins"], 0)


async def test_threads_run_on_and_no_more_are_given_than_before(at_once: None) -> None:
    desk, release, begun = Desk(), threading.Event(), threading.Semaphore(0)
    tab = desk.session()
    called: list[str] = []

    def works() -> None:
        begun.release()
        release.wait(PATIENCE_S)

    desk.on(tab, "a", works, policy="parallel")
    desk.click(tab, *["a"] * 3)
    for _ in range(2):
        assert await asyncio.to_thread(begun.acquire, timeout=PATIENCE_S)
    desk.dispatcher.end(tab.session)
    tab.session.forget()
    # The first needs a thread, and the session has its two.
    desk.dispatcher.visit(tab.session, -1, [lambda session: called.append("thread")])
    visit(desk, tab, "end")
    await desk.settle()
    assert (desk.log, called, tab.session.threads.locked()) == (["end"], [], True)
    assert len(desk.dispatcher._tasks) == 0
    release.set()
    for _ in range(2):  # both are there again
        await asyncio.wait_for(tab.session.threads.acquire(), PATIENCE_S)
    await desk.end()
    assert (tab.handled, begun.acquire(blocking=False)) == (0, False)


async def test_who_ends_its_own_session_comes_to_its_end_and_no_handler_after_it(
    at_once: None,
) -> None:
    desk = Desk()
    tab = desk.session()
    body = tab.session.template.querySelector("body")
    assert body

    async def leaves(e: EventHandler) -> None:
        end(desk, tab)
        desk.log.append("bye")

    desk.on(tab, "a", leaves)
    body.on("click", lambda: desk.log.append("body"))
    desk.click(tab, "a")
    await desk.end()
    assert (desk.log, tab.handled) == (["bye", "gone", "end"], 1)


async def test_the_end_of_one_session_is_not_that_of_another(at_once: None) -> None:
    desk, go = Desk(), asyncio.Event()
    one, two = desk.session("1"), desk.session("2")
    for tab in (one, two):
        desk.on(tab, "a", desk.waits(tab.session.id, go))
        desk.click(tab, "a")
    await desk.settle()
    end(desk, one)
    await desk.settle()
    go.set()
    await desk.end()
    assert desk.log == ["1 begins", "2 begins", "gone", "end", "2 ends"]


# --- In an app -----------------------------------------------------------------------------


async def hung(app: App, **hooks: Callable[[Session], Any]) -> tuple[Session, SlowSocket]:
    """Return a session of *app* in which a handler waits for ever, and its socket."""
    app.runs_here()
    app.on_disconnect(hooks.get("on_disconnect", lambda session: None))
    app.on_end(hooks.get("on_end", lambda session: None))
    socket = SlowSocket()
    await socket.join(app, token=waits(app))
    [session] = app.sessions.values()
    button = session.template.getElementById("go")
    assert button
    begun = asyncio.Event()

    async def hangs(e: EventHandler) -> None:
        e.session.state["begun"] = True
        begun.set()
        await asyncio.Event().wait()

    button.on("click", hangs)
    session.connections[0].receive(Happened(Event(1, button.uuid), 0))
    app.dispatcher.drive(session)
    await asyncio.wait_for(begun.wait(), PATIENCE_S)
    return session, socket


@pytest.mark.parametrize("is_destroyed", [True, False])
async def test_of_a_session_that_has_ended_nothing_stays(is_destroyed: bool, at_once: None) -> None:
    store = MemoryStore()
    app, ended = App(session_timeout_s=0.0, store=store), asyncio.Queue[str]()

    async def gone(session: Session) -> None:
        ended.put_nowait("gone")

    async def end(session: Session) -> None:
        ended.put_nowait("end")

    session, socket = await hung(app, on_disconnect=gone, on_end=end)
    if is_destroyed:
        session.destroy()
    await socket.leave()
    told = [await asyncio.wait_for(ended.get(), PATIENCE_S) for _ in range(2)]
    await app.dispatcher.finish(PATIENCE_S)
    assert (told, ended.empty()) == (["gone", "end"], True)
    assert await store.load(session.id) is None
    left = weakref.ref(session)
    del session, socket
    gc.collect()
    assert left() is None


class SlowStore(MemoryStore):
    """A store that has kept a record before it says so, and it never does."""

    def __init__(self) -> None:
        super().__init__()
        self.has_kept = asyncio.Event()
        self.has_deleted = asyncio.Event()

    async def save(self, key: str, record: bytes, ttl_s: float) -> None:
        await super().save(key, record, ttl_s)
        self.has_kept.set()
        await asyncio.Event().wait()

    async def delete(self, key: str) -> None:
        await super().delete(key)
        self.has_deleted.set()


async def test_what_a_slow_store_was_keeping_is_forgotten_with_its_session(
    at_once: None, caplog: pytest.LogCaptureFixture
) -> None:
    store = SlowStore()
    app = App(store=store, debug=True)
    async with app.lifespan():
        socket = SlowSocket()
        await socket.join(app, token=waits(app))
        [session] = app.sessions.values()
        button = session.template.getElementById("go")
        assert button

        async def keeps(e: EventHandler) -> None:
            e.session.state["is"] = "there"

        button.on("click", keeps)
        socket.incoming.put_nowait(f'[1,0,"{button.uuid}"]')
        await asyncio.wait_for(store.has_kept.wait(), PATIENCE_S)
        with caplog.at_level(logging.WARNING):
            session.destroy()
            await asyncio.wait_for(store.has_deleted.wait(), PATIENCE_S)
        assert await store.load(session.id) is None
        assert "the session store of session" in caplog.text
        await socket.leave()


async def test_a_task_of_a_session_can_be_cancelled_before_its_end() -> None:
    app = App()
    app.runs_here()
    session, socket = await hung(app)
    task = session.run_task(asyncio.Event().wait())
    task.cancel()
    await asyncio.wait({task}, timeout=PATIENCE_S)
    assert task.cancelled()
    await socket.leave()
    await app.dispatcher.finish(0)
