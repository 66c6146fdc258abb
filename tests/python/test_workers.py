"""Worker threads: how many there are, what becomes of a job, and that they end."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Callable

import pytest

from sapwood.workers import Workers

PATIENCE_S = 5.0


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    workers = Workers(3)
    yield workers
    workers.close()


class Work:
    """Functions that say when they have begun, and end when they are told to."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.release = threading.Event()
        self.log: list[str] = []

    def __call__(self, name: str) -> Callable[[], None]:
        def function() -> None:
            self.log.append(name)
            self.begun.release()
            self.release.wait(PATIENCE_S)

        return function

    async def has_begun(self, count: int) -> None:
        for _ in range(count):
            assert await asyncio.to_thread(self.begun.acquire, timeout=PATIENCE_S)


async def test_no_more_threads_work_than_are_allowed(workers: Workers) -> None:
    work, before = Work(), set(threading.enumerate())
    jobs = [asyncio.create_task(workers.run(work(name))) for name in "abcdef"]
    await work.has_begun(3)
    new = [it.name for it in set(threading.enumerate()) - before]
    assert (sorted(work.log), new.count("sapwood-worker")) == (["a", "b", "c"], 3)
    work.release.set()
    await asyncio.gather(*jobs)
    assert sorted(work.log) == [*"abcdef"]


async def test_a_thread_that_is_free_is_used_again(workers: Workers) -> None:
    assert len({await workers.run(threading.get_ident) for _ in range(10)}) == 1


async def test_what_a_function_raises_is_raised(workers: Workers) -> None:
    with pytest.raises(ZeroDivisionError):
        await workers.run(lambda: 1 / 0)
    with pytest.raises(RuntimeError, match="StopIteration"):
        await workers.run(lambda: next(iter(())))
    assert await workers.run(lambda: "goes on") == "goes on"


async def test_a_function_has_a_copy_of_the_context(workers: Workers) -> None:
    variable = contextvars.ContextVar("variable", default="none")

    def sets() -> str:
        was = variable.get()
        variable.set("inside")
        return was

    variable.set("outside")
    assert [await workers.run(sets), await workers.run(sets)] == ["outside", "outside"]
    assert variable.get() == "outside"


async def test_what_was_cancelled_before_its_turn_is_not_called() -> None:
    workers, work = Workers(1), Work()
    first, second = (asyncio.create_task(workers.run(work(name))) for name in "ab")
    await work.has_begun(1)
    first.cancel()
    second.cancel()
    await asyncio.wait({first, second})
    work.release.set()
    # The one thread is there for others when what it does has ended.
    await workers.run(lambda: work.log.append("c"))
    assert work.log == ["a", "c"]
    workers.close()


async def test_threads_end_when_closed_and_others_come(workers: Workers) -> None:
    work = Work()
    running = asyncio.create_task(workers.run(work("a")))
    await work.has_begun(1)
    thread = await workers.run(threading.current_thread)
    workers.close()
    await asyncio.to_thread(thread.join, PATIENCE_S)
    assert not thread.is_alive()
    assert await workers.run(threading.current_thread) is not thread
    work.release.set()
    await running
    assert work.log == ["a"]


def test_a_job_that_outlives_its_loop_disturbs_nobody() -> None:
    workers, work = Workers(1), Work()

    async def leaves() -> threading.Thread:
        thread = await workers.run(threading.current_thread)
        task = asyncio.create_task(workers.run(work("a")))
        await work.has_begun(1)
        task.cancel()
        return thread

    thread = asyncio.run(leaves())
    work.release.set()
    assert asyncio.run(workers.run(lambda: threading.current_thread())) is thread
    workers.close()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
