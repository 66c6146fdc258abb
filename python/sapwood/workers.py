"""Worker threads, and a short way there and back for functions that would block the loop.

All threads take from one queue; what came of a job goes back as one callback of the event
loop. Everything that is counted is counted in the loop, so nothing has to be locked. anyio
and asyncio do the same for twice the CPU, which was the better part of a click's.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


def _nothing() -> None:
    pass


class Workers:
    """Up to *threads_max* threads, each made when all others are busy."""

    def __init__(self, threads_max: int) -> None:
        self._threads_max = threads_max
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads = 0
        #: Jobs that wait or run.
        self._pending = 0

    async def run(self, function: Callable[[], T], ended: Callable[[], None] = _nothing) -> T:
        """Call *function* in a thread, in a copy of this context, and return what it returns.

        If whoever waits is cancelled, a function that runs comes to its end, and one that
        waits for a thread is not called. In both cases, and always, *ended* is called in the
        loop, once, when no thread is at it any more.
        """
        loop = asyncio.get_running_loop()
        if self._threads <= self._pending and self._threads < self._threads_max:
            try:
                # The process does not wait for one that never ends.
                threading.Thread(
                    target=_work, args=(self._jobs,), name="sapwood-worker", daemon=True
                ).start()
            except RuntimeError:  # there are no more to be had
                ended()
                raise
            self._threads += 1
        self._pending += 1
        job = _Job(self, loop, function, ended)
        self._jobs.put(job)
        result, error = await job.outcome
        if error is not None:
            try:
                raise error
            finally:
                del error  # or its traceback would hold it, and this frame
        return result  # type: ignore[no-any-return]  # a job does not say what of

    def close(self) -> None:
        """Let the threads end; who comes later gets others."""
        for _ in range(self._threads):
            self._jobs.put(None)
        self._jobs, self._threads = SimpleQueue(), 0

    def __del__(self) -> None:
        # A queue of this kind may be put into wherever the collector happens to run.
        self.close()

    def _end(self, job: _Job, result: Any, error: BaseException | None) -> None:
        self._pending -= 1
        job.ended()
        if not job.outcome.cancelled():
            job.outcome.set_result((result, error))


class _Job:
    __slots__ = ("_context", "_function", "_loop", "_workers", "ended", "outcome")

    def __init__(
        self,
        workers: Workers,
        loop: asyncio.AbstractEventLoop,
        function: Callable[[], Any],
        ended: Callable[[], None],
    ) -> None:
        self._workers = workers
        self._loop = loop
        self._function = function
        self.ended = ended
        self._context = contextvars.copy_context()
        #: What the function returned and what it raised. Not the future's own exception,
        #: which a StopIteration cannot be.
        self.outcome: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()

    def run(self) -> None:
        result, error = None, None
        if not self.outcome.cancelled():
            try:
                result = self._context.run(self._function)
            except BaseException as raised:
                error = raised
        try:
            self._loop.call_soon_threadsafe(self._workers._end, self, result, error)
        except RuntimeError:  # nobody waits any more
            if not self._loop.is_closed():
                raise
        finally:
            del error


def _work(jobs: SimpleQueue[_Job | None]) -> None:
    while (job := jobs.get()) is not None:
        job.run()
        del job  # so that nothing is held while there is nothing to do
