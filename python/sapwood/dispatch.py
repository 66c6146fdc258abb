"""Handles the events of sessions: one at a time in each, in their order, unless told otherwise.

An event holds its session from the first of its handlers to the end of the last, also
while they wait. Coroutines run on the event loop, all else in worker threads, of which a
session never has more than two. Every event has a task, and so a context, of its own.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, Literal, get_args

from sapwood import events
from sapwood.connection import Turn
from sapwood.errors import AppError
from sapwood.metrics import Metrics
from sapwood.session import Call, Page, Session
from sapwood.watchdog import Watchdog
from sapwood.workers import Workers

# Handlers that are not coroutines run in threads; this many at once.
THREADS_MAX = 32
THREADS_OF_SESSION_MAX = 2
# When so many calls of hooks wait for a session, who comes and goes is told of in sum only.
VISITS_WAITING_MAX = 16

#: Who waits for whom: events of one session, events of all sessions, or nobody.
Concurrency = Literal["per_session", "serialized", "concurrent"]

log: logging.Logger = logging.getLogger("sapwood")


class Tasks:
    """Tasks that run beside each other; what one of them raises is logged."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run *coroutine* in a task of its own."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("task %s failed: %r", task.get_name(), error, exc_info=error)

    async def finish(self, patience_s: float, mercy_s: float) -> None:
        """Wait for all, up to *patience_s* seconds, and *mercy_s* for those cancelled then."""
        late = set(self._running)
        if late and patience_s:
            _, late = await asyncio.wait(late, timeout=patience_s)
        for task in late:
            task.cancel()
        if late:
            # What does not let itself be cancelled ends with the process.
            await asyncio.wait(late, timeout=mercy_s)

    def leave(self) -> None:
        """Wait no more for the task that runs now."""
        task = asyncio.current_task()
        if task is not None:
            self._running.discard(task)

    def __len__(self) -> int:
        return len(self._running)


class Dispatcher:
    """Lets the handlers of an app's sessions run.

    *save* is awaited when an event was handled, before anybody is told that it was;
    *metrics* and *watchdog* learn of every handler.
    Raises AppError for a *concurrency* that there is none of.
    """

    def __init__(
        self,
        concurrency: Concurrency,
        save: Callable[[Session, Turn], Awaitable[None]],
        metrics: Metrics,
        watchdog: Watchdog,
    ) -> None:
        if concurrency not in get_args(Concurrency):
            known = ", ".join(map(repr, get_args(Concurrency)))
            raise AppError(f"concurrency_handling is one of {known}, not {concurrency!r}")
        self._concurrency = concurrency
        self._save = save
        self._metrics = metrics
        self._watchdog = watchdog
        self._workers = Workers(THREADS_MAX)
        self._lock: asyncio.Lock | None = None
        self._is_ending = False
        self._tasks = Tasks()
        #: What the task whose event is being finished does last.
        self._last: list[Coroutine[Any, Any, None]] | None = None

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run *coroutine* in a task that :meth:`finish` waits for."""
        self._tasks.start(coroutine)

    def run_last(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[Any] | None:
        """Run *coroutine* in the task whose event is just being finished; return that, if any.

        A task of its own costs a tenth of what a click does. :meth:`finish` waits for neither.
        """
        if self._last is None:
            return None
        self._last.append(coroutine)
        return asyncio.current_task()

    def drive(self, session: Session) -> None:
        """See to it that what has come for the session is handled."""
        while (what := session.next_arrived()) is not None:
            if isinstance(what, Page):
                self.start(self._take_page(session, what))
            else:
                now_s = asyncio.get_running_loop().time()
                self.start(self._handle(session, what, now_s))

    def visit(
        self, session: Session, change: int, hooks: Sequence[Callable[[Session], Any]]
    ) -> None:
        """Call *hooks* with the session when it is its turn; what they raise is logged.

        *change* says what they are told of: 1 is a browser that came back, -1 one that
        left, 0 the first one. While many of these wait, coming and leaving cancel out.
        """
        if session.visits is None:
            session.visits = {}
        waiting: dict[asyncio.Task[Any], int] = session.visits
        if len(waiting) >= VISITS_WAITING_MAX:
            last = next(reversed(waiting))
            if change and waiting[last] == -change:
                del waiting[last]
                last.cancel()
                return
        waiting[self._tasks.start(self._visit(session, hooks))] = change

    async def _visit(self, session: Session, hooks: Sequence[Callable[[Session], Any]]) -> None:
        # One after the other in any case: who came has come before it left.
        async with self._turn(session) as hold:
            session.visits.pop(asyncio.current_task(), None)
            for hook in hooks:
                error = await self._call(session, hook, functools.partial(hook, session), hold)
                if error is not None:
                    name = events.name_of(hook)
                    log.error("session %s: %s failed: %r", session.id, name, error, exc_info=error)

    async def finish(self, patience_s: float) -> None:
        """Wait for what runs, up to *patience_s* seconds, and cancel what runs still."""
        self._is_ending = True
        await self._tasks.finish(patience_s, patience_s)
        self._is_ending = False
        self._workers.close()

    # --- One after the other -------------------------------------------------------

    def _hold(self, session: Session, policy: str = "queue") -> AbstractAsyncContextManager[_Hold]:
        if policy == "parallel" or self._concurrency == "concurrent":
            return nullcontext(_Hold(None))
        return self._turn(session)

    def _turn(self, session: Session) -> _Hold:
        if self._concurrency == "serialized":
            if self._lock is None:
                self._lock = asyncio.Lock()
            return _Hold(self._lock)
        if session.lock is None:
            session.lock = asyncio.Lock()
        return _Hold(session.lock)

    async def _take_page(self, session: Session, page: Page) -> None:
        async with self._hold(session):
            session.take_page(page)

    async def _handle(self, session: Session, turn: Turn, arrived_s: float) -> None:
        try:
            async with self._hold(session, turn.policy) as hold:
                turn.connection.begin(turn)
                if not (turn.is_dropped or session.is_over):
                    for call in session.calls(turn):
                        await self._call_handler(session, turn, call, hold)
                await self._save_handled(session, turn)
        except asyncio.CancelledError:
            # If the app stops it was not handled: whoever comes back sends it again.
            if not self._is_ending:
                session.finish(turn)
            raise
        except BaseException:
            session.finish(turn)
            raise
        last: list[Coroutine[Any, Any, None]] = []
        self._last = last
        try:
            session.finish(turn)
        finally:
            self._last = None
        self._metrics.handled(asyncio.get_running_loop().time() - arrived_s)
        for coroutine in last:
            self._tasks.leave()  # whoever stops does not wait for the network
            await coroutine

    async def _save_handled(self, session: Session, turn: Turn) -> None:
        try:
            await self._save(session, turn)
        except Exception as error:
            session.fail(turn, "session.state", error)

    async def _call_handler(self, session: Session, turn: Turn, call: Call, hold: _Hold) -> None:
        call.event._hold = hold
        error = await self._call(
            session, call.handler, lambda: events.call(call.handler, call.event), hold
        )
        if error is not None:
            session.fail(turn, call.handler, error)

    async def _call(
        self, session: Session, function: Callable[..., Any], call: Callable[[], Any], hold: _Hold
    ) -> BaseException | None:
        """Run *call*, on the loop or in a thread; return what it raised."""
        name = events.name_of(function)

        def watched() -> Any:
            with self._watchdog.running(name, session.id, on_loop=False, hold=hold):
                return call()

        try:
            if inspect.iscoroutinefunction(function):
                with self._watchdog.running(name, session.id, on_loop=True, hold=hold):
                    await call()
                return None
            if session.threads is None:
                session.threads = asyncio.Semaphore(THREADS_OF_SESSION_MAX)
            async with session.threads:
                result = await self._workers.run(watched)
            if inspect.isawaitable(result):
                with self._watchdog.running(name, session.id, on_loop=True, hold=hold):
                    await result
        except BaseException as error:  # whatever a handler raises, the session lives on
            if isinstance(error, asyncio.CancelledError) and _is_being_cancelled():
                raise
            self._metrics.handler_errors += 1
            return _without_our_frames(error)
        return None


class _Hold:
    """The right to be the only one at work; without a lock everybody has it."""

    __slots__ = ("_is_over", "_lock", "is_held")

    def __init__(self, lock: asyncio.Lock | None) -> None:
        self._lock = lock
        #: Whether others wait for it.
        self.is_held: bool = False
        self._is_over = False

    async def __aenter__(self) -> _Hold:
        assert self._lock is not None
        await self._lock.acquire()
        self.is_held = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_over = True
        self._release()

    def _release(self) -> None:
        if self._lock is not None and self.is_held:
            self.is_held = False
            self._lock.release()

    def _release_if_over(self) -> None:
        if self._is_over:
            self._release()

    @asynccontextmanager
    async def let_go(self) -> AsyncIterator[None]:
        """Give it up for as long as the block lasts."""
        was_held = self.is_held
        self._release()
        try:
            yield
        finally:
            # In a task of the handler's own the block may end after the handler.
            if was_held and not self._is_over:
                assert self._lock is not None
                await self._lock.acquire()
                self.is_held = True
                self._release_if_over()


def _is_being_cancelled() -> bool:
    # Else something that the handler awaited was, and the handler let it pass.
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _without_our_frames(error: BaseException) -> BaseException:
    """Let the traceback begin where the handler does, unless the fault is ours."""
    begin = error.__traceback__
    while begin is not None and begin.tb_frame.f_globals.get("__package__") == "sapwood":
        begin = begin.tb_next
    return error.with_traceback(begin) if begin is not None else error
