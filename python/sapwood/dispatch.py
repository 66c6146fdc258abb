"""Handles the events of sessions: one at a time in each, in their order, unless told otherwise.

An event holds its session from the first of its handlers to the end of the last, also
while they wait. Coroutines run on the event loop, all else in worker threads, of which a
session never has more than two. Every event has a task, and so a context, of its own.
When a session has ended, what waits for its turn ends at once, but for hooks; what runs is
given a short time, and then cancelled, so that nothing outlives its session for long.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal, get_args

from sapwood import events
from sapwood.connection import Turn
from sapwood.errors import AppError
from sapwood.events import EventHandler
from sapwood.metrics import Metrics
from sapwood.session import Page, Session
from sapwood.watchdog import Watchdog
from sapwood.workers import Workers

# Handlers that are not coroutines run in threads; this many at once.
THREADS_MAX = 32
THREADS_OF_SESSION_MAX = 2
# When so many calls of hooks wait for a session, who comes and goes is told of in sum only.
VISITS_WAITING_MAX = 16
# So long what still runs of a session that has ended may run on, each hook anew: a handler
# that ends its own session comes to its end, and what hangs does not pile up.
GRACE_S = 5.0
# So long what was cancelled may take for that, before others go on without it.
MERCY_S = 1.0

#: Who waits for whom: events of one session, events of all sessions, or nobody.
Concurrency = Literal["per_session", "serialized", "concurrent"]

log: logging.Logger = logging.getLogger("sapwood")


class Tasks:
    """Tasks that run beside each other; what one of them raises is logged."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run *coroutine* in a task of its own."""
        task = self.enter(asyncio.get_running_loop(), coroutine)
        task.add_done_callback(self._done)
        return task

    def enter(
        self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any]
    ) -> asyncio.Task[Any]:
        """Run *coroutine*, which raises nothing and leaves by itself, in a task of its own.

        It costs half as much as `start`, and the loop goes round once less.
        """
        task = loop.create_task(coroutine)
        if not task.done():  # as it may be where tasks begin at once
            self._running.add(task)
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
            # What does not let itself be cancelled ends with the process; what had not begun
            # could not leave.
            done, _ = await asyncio.wait(late, timeout=mercy_s)
            self._running -= done

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

    def drive(self, session: Session) -> bool:
        """See to it that what has come for the session is handled; say if a thread will."""
        is_for_thread = False
        loop = asyncio.get_running_loop()
        while (what := session.next_arrived()) is not None:
            if isinstance(what, Page):
                self.start(self._take_page(session, what))
            else:
                is_for_thread |= what.is_for_thread
                self._tasks.enter(loop, self._handle(session, what, loop.time()))
        return is_for_thread

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
                if session.is_over:
                    hold.limit()
                error = await self._call_hook(session, hook, hold)
                if error is not None:
                    name = events.name_of(hook)
                    log.error("session %s: %s failed: %r", session.id, name, error, exc_info=error)

    async def _call_hook(
        self, session: Session, hook: Callable[[Session], Any], hold: _Hold
    ) -> BaseException | None:
        try:
            return await self._call(session, hook, session, hold)
        except asyncio.CancelledError:
            if self._is_ending or not hold.is_cancelled:
                raise
            return None
        finally:
            hold.forgive()

    def end(self, session: Session) -> None:
        """Let nothing of a session that has ended go on for long, and of what waits only hooks."""
        for hold in tuple(session.at_work or ()):
            if hold.has_begun:
                hold.limit()
            elif hold.task not in (session.visits or ()):
                hold.task.cancel()

    async def finish(self, patience_s: float) -> None:
        """Wait for what runs, up to *patience_s* seconds, and cancel what runs still."""
        self._is_ending = True
        await self._tasks.finish(patience_s, patience_s)
        self._is_ending = False
        self._workers.close()

    # --- One after the other -------------------------------------------------------

    def _hold(self, session: Session, policy: str = "queue") -> _Hold:
        if policy == "parallel" or self._concurrency == "concurrent":
            return _Hold(session, None)
        return self._turn(session)

    def _turn(self, session: Session) -> _Hold:
        if self._concurrency == "serialized":
            if self._lock is None:
                self._lock = asyncio.Lock()
            return _Hold(session, self._lock)
        if session.lock is None:
            session.lock = asyncio.Lock()
        return _Hold(session, session.lock)

    async def _take_page(self, session: Session, page: Page) -> None:
        async with self._hold(session):
            if not session.is_over:
                session.take_page(page)

    async def _handle(self, session: Session, turn: Turn, arrived_s: float) -> None:
        last: list[Coroutine[Any, Any, None]] = []
        try:
            if session.is_over:
                return  # it had not begun to wait when the session ended
            await self._call_handlers(session, turn)
            self._last = last
            try:
                session.finish(turn)
            finally:
                self._last = None
            self._metrics.handled(asyncio.get_running_loop().time() - arrived_s)
        except (asyncio.CancelledError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            told = "event %d of session %s failed: %r"
            log.error(told, turn.event.number, session.id, error, exc_info=error)
        finally:
            self._tasks.leave()  # whoever stops does not wait for the network
        for coroutine in last:
            await coroutine

    async def _call_handlers(self, session: Session, turn: Turn) -> None:
        try:
            async with self._hold(session, turn.policy) as hold:
                turn.connection.begin(turn)
                if not turn.is_dropped:
                    for handler, event in session.calls(turn):
                        event._hold = hold
                        error = await self._call(session, handler, event, hold)
                        if error is not None:
                            session.fail(turn, handler, error)
                hold.name = "the session store"
                await self._save_handled(session, turn)
        except asyncio.CancelledError:
            # If the app stops it was not handled: whoever comes back sends it again. Of a
            # session that has ended nobody is to hear that it was.
            if not (self._is_ending or session.is_over):
                session.finish(turn)
            raise
        except BaseException:
            session.finish(turn)
            raise

    async def _save_handled(self, session: Session, turn: Turn) -> None:
        try:
            await self._save(session, turn)
        except Exception as error:
            session.fail(turn, "session.state", error)

    async def _call(
        self,
        session: Session,
        function: Callable[..., Any],
        what: EventHandler | Session,
        hold: _Hold,
    ) -> BaseException | None:
        """Call *function* with *what* happened, on the loop or in a thread.

        Returns what it raised.
        """
        hold.name = name = events.name_of(function)
        try:
            arguments = events.given(function, what)
            if events.is_coroutine(function):
                with self._watchdog.running(name, session.id, task=hold.task, hold=hold):
                    await function(*arguments)
                return None
            result = await self._call_in_thread(session, function, arguments, hold)
            if inspect.isawaitable(result):
                with self._watchdog.running(name, session.id, task=hold.task, hold=hold):
                    await result
        except BaseException as error:  # whatever a handler raises, the session lives on
            if isinstance(error, asyncio.CancelledError) and _is_being_cancelled():
                raise
            self._metrics.handler_errors += 1
            return _without_our_frames(error)
        return None

    async def _call_in_thread(
        self,
        session: Session,
        function: Callable[..., Any],
        arguments: Sequence[object],
        hold: _Hold,
    ) -> Any:
        name = hold.name

        def watched() -> Any:
            with self._watchdog.running(name, session.id, hold=hold):
                return function(*arguments)

        if session.threads is None:
            session.threads = asyncio.Semaphore(THREADS_OF_SESSION_MAX)
        await session.threads.acquire()
        # Not when nobody waits for it any more: a thread cannot be cancelled.
        return await self._workers.run(watched, session.threads.release)


class _Hold:
    """A task at work for a session, and its right to be the only one.

    Without a *lock* everybody has that right.
    """

    __slots__ = (
        "_lock",
        "_session",
        "_timer",
        "has_begun",
        "is_cancelled",
        "is_held",
        "is_over",
        "name",
        "task",
    )

    def __init__(self, session: Session, lock: asyncio.Lock | None) -> None:
        self._session = session
        self._lock = lock
        #: When its time is over, if it is limited.
        self._timer: asyncio.TimerHandle | None = None
        #: Whether it waits no more.
        self.has_begun: bool = False
        #: Whether others wait for it.
        self.is_held: bool = False
        #: Whether it has given its right up for good.
        self.is_over: bool = False
        #: Whether it was cancelled because its time was over.
        self.is_cancelled: bool = False
        #: What it is about just now, for the log.
        self.name: str = ""

    async def __aenter__(self) -> _Hold:
        task = asyncio.current_task()
        assert task is not None
        self.task: asyncio.Task[Any] = task
        if self._session.at_work is None:
            self._session.at_work = set()
        self._session.at_work.add(self)
        try:
            if self._lock is not None:
                await self._lock.acquire()
                self.is_held = True
        except BaseException:
            self._leave()
            raise
        self.has_begun = True
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._timer is not None:
            self.forgive()
        self._leave()
        self._give_up()

    def _leave(self) -> None:
        # An empty set takes 200 bytes of every session that waits for something to do.
        self._session.at_work.discard(self)
        self._session.at_work = self._session.at_work or None

    def _give_up(self) -> None:
        self.is_over = True
        self._release()

    # --- When the session has ended ----------------------------------------------

    def limit(self) -> None:
        """Let what runs now run for a short time only."""
        self.forgive()
        self._timer = self.task.get_loop().call_later(GRACE_S, self._cancel)

    def forgive(self) -> None:
        """Let go of the limit, and of what became of it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.is_cancelled:
            self.is_cancelled = False
            self.task.uncancel()

    def _cancel(self) -> None:
        log.warning(
            "%s of session %s, which has ended, does not end in %g s, and is cancelled",
            self.name,
            self._session.id,
            GRACE_S,
        )
        if not self.is_held:
            self.is_over = True  # nor does it wait for its turn again
        self.is_cancelled = True
        self.task.cancel()
        self._timer = self.task.get_loop().call_later(MERCY_S, self._forsake)

    def _forsake(self) -> None:
        log.error(
            "%s of session %s does not let itself be cancelled, and others go on without it",
            self.name,
            self._session.id,
        )
        self._give_up()

    # --- For others --------------------------------------------------------------

    def _release(self) -> None:
        if self._lock is not None and self.is_held:
            self.is_held = False
            self._lock.release()

    def _release_if_over(self) -> None:
        if self.is_over:
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
            if was_held and not self.is_over:
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
