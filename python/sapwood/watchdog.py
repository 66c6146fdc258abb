"""Names the handler that blocks the event loop, or that holds its session for long.

A thread beside the loop looks every 100 ms, as long as handlers run. It asks the loop
for a sign of life: while that is missing, whatever task the loop is in is at fault, and
its stack says where. A handler costs an entry in a dict; the thread sleeps when there
was none for a second.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any

from sapwood.events import Hold

LOOK_S = 0.1
# The thread is not put to sleep between events of a busy server: to wake it costs more
# than ten looks at nothing.
IDLE_LOOKS = 10
STACK_FRAMES_MAX = 30

_log: logging.Logger = logging.getLogger("sapwood")


class Watchdog:
    """Looks after the handlers of one app.

    It warns, once for each time, when the event loop does not answer for *blocked_s*
    seconds, and when a handler holds its session for *slow_s* seconds, so that other
    events of it wait. *clock* gives seconds.
    """

    def __init__(
        self,
        blocked_s: float = 0.2,
        slow_s: float = 5.0,
        *,
        log: logging.Logger = _log,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._blocked_s = blocked_s
        self._slow_s = slow_s
        self._log = log
        self._clock = clock
        self._handlers: dict[int, _Running] = {}
        self._question: _Question | None = None
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        #: Whether the thread looks, or is about to; set by whoever gives it something.
        self._is_looking = False
        self._woken = threading.Event()
        self._closed = threading.Event()

    def running(
        self,
        name: str,
        session_id: str,
        *,
        task: asyncio.Task[Any] | None = None,
        hold: Hold | None = None,
    ) -> _Running:
        """Return what is to be entered around a handler, in the thread that runs it.

        *task* is the one it runs in, if that is the event loop's thread; *hold* says from time
        to time whether the handler holds its session, which it does all the time without.
        """
        running = _Running()
        running.watchdog = self
        running.name = name
        running.session_id = session_id
        running.task = task
        running.thread = threading.get_ident()
        running.hold = hold
        running.since_s = self._clock()
        running.is_told = False
        return running

    def close(self) -> None:
        """End the thread; a handler that comes later starts another one."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._closed.set()
            self._woken.set()
        if thread is not None:
            thread.join()
        self._is_looking = False

    # --- Looking -------------------------------------------------------------------

    def look(self, now: float) -> None:
        """See what blocks and what is slow at *now*; the thread does it every 100 ms."""
        handlers = list(self._handlers.values())
        self._look_at_loop(handlers, now)
        for handler in handlers:
            if handler.hold is not None and not handler.hold.is_held:
                # Nobody waits for it; if it holds its session again, that is another time.
                handler.since_s, handler.is_told = now, False
            elif not handler.is_told and now - handler.since_s >= self._slow_s:
                handler.is_told = True
                self._log.warning(
                    "%s of session %s runs for %.1f s, and other events of the session wait:\n%s",
                    handler.name,
                    handler.session_id,
                    now - handler.since_s,
                    _told(_frames_of(handler)),
                )

    def _look_at_loop(self, handlers: list[_Running], now: float) -> None:
        asked = next((it for it in handlers if it.task is not None), None)
        question = self._question
        if question is None or question.answer.is_set():
            self._question = None if asked is None else _ask(asked, now)
            return
        task = asyncio.current_task(question.loop)
        # Each look finds another task if none of them blocks, but all together do.
        is_alone, question.task = task is question.task, task
        waited_s = now - question.since_s
        if question.is_told or waited_s < self._blocked_s:
            return
        name = _name_of(task, handlers)
        stack = _told(_frames_of_thread(question.thread))
        if question.answer.is_set():
            return  # it is over, and the stack may be anybody's
        question.is_told = True
        verb = "blocks the event loop" if is_alone else "is what a busy event loop has come to"
        self._log.warning(
            "%s %s, which did not answer for %.1f s:\n%s", name, verb, waited_s, stack
        )

    # --- The thread ----------------------------------------------------------------

    def _wake(self) -> None:
        with self._lock:
            self._is_looking = True
            if self._thread is None:
                self._closed.clear()
                self._thread = threading.Thread(
                    target=self._watch, name="sapwood-watchdog", daemon=True
                )
                self._thread.start()
            self._woken.set()

    def _watch(self) -> None:
        idle = 0
        while not self._closed.wait(LOOK_S):
            self.look(self._clock())
            idle = 0 if self._handlers else idle + 1
            if idle > IDLE_LOOKS:
                self._sleep()
                idle = 0

    def _sleep(self) -> None:
        """Wait for a handler."""
        self._woken.clear()
        self._is_looking = False
        # In this order: a handler that saw the thread look has its entry here by now.
        if self._handlers or self._closed.is_set():
            self._is_looking = True
            return
        self._woken.wait()


class _Running:
    """One handler that runs; a context manager that costs hardly anything."""

    # No __init__: it would cost as much again as all else that is done here.
    __slots__ = ("hold", "is_told", "name", "session_id", "since_s", "task", "thread", "watchdog")

    watchdog: Watchdog
    name: str
    session_id: str
    #: The task it runs in, None in a worker thread.
    task: asyncio.Task[Any] | None
    thread: int
    hold: Hold | None
    #: Since when it holds its session.
    since_s: float
    is_told: bool

    def __enter__(self) -> None:
        watchdog = self.watchdog
        watchdog._handlers[id(self)] = self
        if not watchdog._is_looking:
            watchdog._wake()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        del self.watchdog._handlers[id(self)]


class _Question:
    """Whether a loop is there: it answers as soon as it comes round to it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, thread: int, now: float) -> None:
        self.loop = loop
        self.thread = thread
        self.since_s = now
        self.answer = threading.Event()
        self.is_told = False
        self.task: asyncio.Task[Any] | None = None


def _ask(handler: _Running, now: float) -> _Question | None:
    assert handler.task is not None
    question = _Question(handler.task.get_loop(), handler.thread, now)
    try:
        question.loop.call_soon_threadsafe(question.answer.set)
    except RuntimeError:
        return None  # the loop was closed, and the handler with it
    # Any thread may ask for the task of a loop: until Python 3.13 a dict holds it, since
    # then it is looked up in the loop's thread while that stands still.
    question.task = asyncio.current_task(question.loop)
    return question


def _name_of(task: asyncio.Task[Any] | None, handlers: list[_Running]) -> str:
    if task is None:
        return "a callback of no task"
    inner = next((it for it in reversed(handlers) if it.task is task), None)
    if inner is not None:
        return f"{inner.name} of session {inner.session_id}"
    coroutine: Any = task.get_coro()
    return f"{task.get_name()} ({getattr(coroutine, '__qualname__', coroutine)})"


# --- Stacks --------------------------------------------------------------------------


def _frames_of(handler: _Running) -> list[FrameType]:
    task = handler.task
    if task is None or asyncio.current_task(task.get_loop()) is task:
        return _frames_of_thread(handler.thread)
    return list(_frames_of_coroutine(task.get_coro()))


def _frames_of_thread(thread: int) -> list[FrameType]:
    """Return the frames of a thread, the outermost first."""
    frames = []
    frame = sys._current_frames().get(thread)
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return frames[::-1]


def _frames_of_coroutine(waiting: Any) -> Iterator[FrameType]:
    """Go through the frames of a coroutine that waits, the outermost first.

    `Task.get_stack` has only the outermost.
    """
    while waiting is not None:
        for letters in ("cr", "gi", "ag"):
            frame = getattr(waiting, f"{letters}_frame", None)
            if frame is not None:
                yield frame
        waiting = (
            getattr(waiting, "cr_await", None)
            or getattr(waiting, "gi_yieldfrom", None)
            or getattr(waiting, "ag_await", None)
        )


def _told(frames: list[FrameType]) -> str:
    """Return the application's part of a stack as text."""
    own = frames[_begin(frames) :][-STACK_FRAMES_MAX:]
    summary = traceback.StackSummary.extract((frame, frame.f_lineno) for frame in own)
    return "".join(summary.format()).rstrip() or "  (it has just ended)"


def _begin(frames: list[FrameType]) -> int:
    """Return where the application's frames begin: behind the loop, and behind us.

    What the application calls in turn may be ours again, or anybody's.
    """
    modules = [str(frame.f_globals.get("__name__", "")) for frame in frames]
    calls = [(name, frame.f_code.co_name) for name, frame in zip(modules, frames, strict=True)]
    begin = max((at + 1 for at, call in enumerate(calls) if call in _LOOPS), default=0)
    packages = [name.partition(".")[0] for name in modules[begin:]]
    others = (at for at, name in enumerate(packages, begin) if name not in _BETWEEN)
    return next(others, begin)


# Where an event loop calls what it runs; uvloop's own frames are not seen.
_LOOPS = frozenset({("asyncio.events", "_run"), ("asyncio.runners", "run")})
# The packages between the loop, or the start of a thread, and a handler.
_BETWEEN = frozenset({"sapwood", "asyncio", "threading"})
