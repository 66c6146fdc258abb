"""The watchdog names who blocks the loop and who is slow, and nobody else.

Most tests look themselves, at times they make up: a test that runs in the loop and
does not wait blocks it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any

import pytest

from sapwood import watchdog as module
from sapwood.watchdog import Watchdog

NEVER_S = 30.0


class Seen(logging.Handler):
    """Keeps what is logged, and says when."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.came = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        self.came.set()


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def log(seen: Seen) -> logging.Logger:
    logger = logging.Logger("watchdog")
    logger.addHandler(seen)
    return logger


@pytest.fixture
def dog(log: logging.Logger) -> Watchdog:
    """Return one without a thread, for which the time stands still."""
    watchdog = Watchdog(blocked_s=0.2, slow_s=5.0, log=log, clock=lambda: 0.0)
    watchdog._is_looking = True
    return watchdog


# --- Who blocks the loop -----------------------------------------------------------------


async def test_who_blocks_is_named_once_with_the_place(dog: Watchdog, seen: Seen) -> None:
    with dog.running("Shop.buy", "5e55", task=asyncio.current_task()):
        for now in (0.0, 0.1, 0.19):
            dog.look(now)
        assert seen.lines == []
        for now in (0.2, 0.3, 4.9):
            dog.look(now)
    assert len(seen.lines) == 1
    message, stack = seen.lines[0].split(":\n", 1)
    assert message == (
        "Shop.buy of session 5e55 blocks the event loop, which did not answer for 0.2 s"
    )
    assert "in test_who_blocks_is_named_once_with_the_place\n    dog.look(now)" in stack


async def test_a_loop_that_answers_in_between_is_not_blocked(dog: Watchdog, seen: Seen) -> None:
    with dog.running("buy", "5e55", task=asyncio.current_task()):
        for now in range(4):
            dog.look(float(now))
            await asyncio.sleep(0)
    assert seen.lines == []


async def test_one_that_blocks_again_is_named_again(dog: Watchdog, seen: Seen) -> None:
    with dog.running("buy", "5e55", task=asyncio.current_task()):
        for start in (0, 2):
            dog.look(start)
            dog.look(start + 1)
            dog.look(start + 1.5)
            await asyncio.sleep(0)
            dog.look(start + 1.9)
    assert len(seen.lines) == 2


async def test_when_no_handler_runs_the_loop_is_not_asked(dog: Watchdog, seen: Seen) -> None:
    for now in range(4):
        dog.look(float(now))
    assert (seen.lines, dog._question) == ([], None)


async def test_of_several_handlers_the_one_that_has_the_loop_is_named(
    dog: Watchdog, seen: Seen
) -> None:
    inside = asyncio.Event()

    async def waits() -> None:
        with dog.running("waits", "1", task=asyncio.current_task()):
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(waits())
    await inside.wait()
    with dog.running("blocks", "2", task=asyncio.current_task()):
        dog.look(0.0)
        dog.look(1.0)
    task.cancel()
    assert [line.split(",")[0] for line in seen.lines] == [
        "blocks of session 2 blocks the event loop"
    ]


async def test_a_task_of_the_application_is_named_by_its_coroutine(
    dog: Watchdog, seen: Seen
) -> None:
    async def polls() -> None:
        dog.look(0.0)
        dog.look(1.0)

    with dog.running("waits", "1", task=asyncio.current_task()):
        await asyncio.create_task(polls(), name="poll")
    assert seen.lines[0].startswith("poll (test_a_task_of_the_application")
    assert ".polls) blocks the event loop" in seen.lines[0]


async def test_a_callback_is_nobodys(dog: Watchdog, seen: Seen) -> None:
    done = asyncio.Event()

    def blocks() -> None:
        dog.look(0.0)
        dog.look(1.0)
        done.set()

    with dog.running("waits", "1", task=asyncio.current_task()):
        asyncio.get_running_loop().call_soon(blocks)
        await done.wait()
    assert seen.lines[0].startswith("a callback of no task blocks")


async def test_many_that_are_busy_do_not_make_one_a_culprit(dog: Watchdog, seen: Seen) -> None:
    async def is_quick(now: float) -> None:
        with dog.running(f"quick {now}", "1", task=asyncio.current_task()):
            dog.look(now)

    # All three have their turn before the loop comes round to its answer.
    await asyncio.gather(*(is_quick(now) for now in (0.0, 0.1, 0.2)))
    assert [line.split(",")[0] for line in seen.lines] == [
        "quick 0.2 of session 1 is what a busy event loop has come to"
    ]


def test_a_loop_that_was_closed_is_not_asked(dog: Watchdog, seen: Seen) -> None:
    async def enters() -> None:
        dog.running("waits", "1", task=asyncio.current_task()).__enter__()

    asyncio.run(enters())
    dog.look(0.0)
    dog.look(1.0)
    assert (seen.lines, dog._question) == ([], None)


# --- Who is slow -------------------------------------------------------------------------


async def inner(gate: asyncio.Event) -> None:
    await gate.wait()


async def test_a_slow_coroutine_is_named_once_with_all_of_its_stack(
    dog: Watchdog, seen: Seen
) -> None:
    gate, inside = asyncio.Event(), asyncio.Event()

    async def handler() -> None:
        with dog.running("buy", "5e55", task=asyncio.current_task()):
            inside.set()
            await inner(gate)

    task = asyncio.create_task(handler())
    await inside.wait()
    for now in (4.9, 5.0, 5.1, 60.0):
        dog.look(now)
        await asyncio.sleep(0)
    gate.set()
    await task
    assert len(seen.lines) == 1
    assert seen.lines[0].startswith(
        "buy of session 5e55 runs for 5.0 s, and other events of the session wait:\n"
    )
    places = [line.partition(", in ")[2] for line in seen.lines[0].splitlines() if "File" in line]
    assert places == ["handler", "inner", "wait"]


async def test_a_slow_coroutine_that_has_the_loop_is_shown_where_it_is(
    dog: Watchdog, seen: Seen
) -> None:
    with dog.running("buy", "5e55", task=asyncio.current_task()):
        dog.look(6.0)
    assert "dog.look(6.0)" in seen.lines[0]


def test_a_slow_function_is_shown_where_its_thread_is(dog: Watchdog, seen: Seen) -> None:
    gate, inside = threading.Event(), threading.Event()

    def slow_function() -> None:
        with dog.running("buy", "5e55"):
            inside.set()
            gate.wait(NEVER_S)

    thread = threading.Thread(target=slow_function)
    thread.start()
    inside.wait(NEVER_S)
    dog.look(4.9)
    dog.look(5.0)
    dog.look(9.0)
    gate.set()
    thread.join()
    places = [line.partition(", in ")[2] for line in seen.lines[0].splitlines() if "File" in line]
    assert (len(seen.lines), places[0]) == (1, "slow_function")


@dataclass
class Hold:
    """Says whether a handler has its session."""

    is_held: bool = True

    def let_go(self) -> contextlib.nullcontext[None]:
        return contextlib.nullcontext()


def test_only_while_it_holds_its_session_a_handler_is_slow(dog: Watchdog, seen: Seen) -> None:
    hold = Hold(is_held=False)
    with dog.running("buy", "5e55", hold=hold):
        for now, hold.is_held in ((60.0, False), (64.9, True), (65.0, True), (70.0, False)):
            dog.look(now)
    assert [line.partition(":")[0] for line in seen.lines] == [
        "buy of session 5e55 runs for 5.0 s, and other events of the session wait"
    ]


def test_one_that_holds_its_session_again_is_named_again(dog: Watchdog, seen: Seen) -> None:
    hold = Hold()
    with dog.running("buy", "5e55", hold=hold):
        for now, hold.is_held in ((5.0, True), (6.0, True), (7.0, False), (12.0, True)):
            dog.look(now)
    assert len(seen.lines) == 2


def test_a_handler_that_ended_is_forgotten_also_if_it_raised(dog: Watchdog, seen: Seen) -> None:
    with contextlib.suppress(KeyError), dog.running("buy", "1"):
        raise KeyError
    dog.look(100.0)
    assert (seen.lines, dog._handlers) == ([], {})


# --- Whose stack it is -------------------------------------------------------------------

CALLS: CodeType = compile("def call(next): return next()", "<call>", "exec")


def through(module_name: str, function: Callable[[], Any]) -> Callable[[], Any]:
    """Return what calls *function* from a frame of that module."""
    names: dict[str, Any] = {"__name__": module_name}
    exec(CALLS, names)
    return lambda: names["call"](function)


def below(*modules: str) -> list[str]:
    """Return the frames that are told of a stack with frames of these modules."""
    frames: list[str] = []

    def innermost() -> None:
        stack = module._frames_of_thread(threading.get_ident())
        here = next(at for at, it in enumerate(stack) if it.f_code.co_name == "below")
        # Not ours: the lambdas between, which are of this module.
        stack = [it for it in stack[here + 1 :] if it.f_code.co_name == "call"]
        frames.extend(str(it.f_globals["__name__"]) for it in stack[module._begin(stack) :])

    function: Callable[[], Any] = innermost
    for name in reversed(modules):
        function = through(name, function)
    function()
    return frames


@pytest.mark.parametrize(
    ("stack", "told"),
    [
        ("uvicorn.main shop shop.db", "uvicorn.main shop shop.db"),
        ("threading sapwood.workers sapwood.dispatch shop", "shop"),
        ("sapwood.app sapwood.events shop sapwood.element", "shop sapwood.element"),
        ("sapwood.app shop asyncio.locks", "shop asyncio.locks"),
        ("sapwood.app sapwood.session", "sapwood.app sapwood.session"),
    ],
)
def test_what_lies_before_the_application_is_left_out(stack: str, told: str) -> None:
    assert below(*stack.split()) == told.split()


async def test_the_loop_below_a_task_is_left_out(dog: Watchdog, seen: Seen) -> None:
    async def handler() -> None:
        with dog.running("buy", "1", task=asyncio.current_task()):
            dog.look(0.0)
            dog.look(1.0)

    await asyncio.create_task(handler())
    files = [line for line in seen.lines[0].splitlines() if line.startswith("  File")]
    assert files[0].endswith("in handler")


# --- The thread --------------------------------------------------------------------------


def threads() -> list[str]:
    return [it.name for it in threading.enumerate() if it.name == "sapwood-watchdog"]


@pytest.fixture
def awake(log: logging.Logger) -> Iterator[Watchdog]:
    watchdog = Watchdog(log=log)
    yield watchdog
    watchdog.close()


async def test_a_handler_that_blocks_is_named_while_it_does(awake: Watchdog, seen: Seen) -> None:
    with awake.running("buy", "5e55", task=asyncio.current_task()):
        came = seen.came.wait(NEVER_S)
    assert came
    assert seen.lines[0].startswith("buy of session 5e55 blocks the event loop")
    assert "came = seen.came.wait(NEVER_S)" in seen.lines[0]


def test_there_is_a_thread_from_the_first_handler_until_close(log: logging.Logger) -> None:
    watchdog, before = Watchdog(log=log), threads()
    for _ in range(2):
        for _ in range(3):
            with watchdog.running("buy", "1"):
                assert len(threads()) == len(before) + 1
        watchdog.close()
        assert threads() == before


class Told(threading.Event):
    """An event that says when somebody waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.awaited = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        self.awaited.set()
        return super().wait(timeout)


@pytest.fixture
def asleep(log: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> Watchdog:
    """Return one whose thread has gone to sleep."""
    monkeypatch.setattr(module, "LOOK_S", 0.001)
    watchdog = Watchdog(blocked_s=0.01, log=log)
    watchdog._woken = woken = Told()
    with watchdog.running("first", "1"):
        pass
    assert woken.awaited.wait(NEVER_S)
    return watchdog


async def test_it_sleeps_when_nothing_runs_and_is_woken_by_a_handler(
    asleep: Watchdog, seen: Seen
) -> None:
    with asleep.running("second", "1", task=asyncio.current_task()):
        assert seen.came.wait(NEVER_S)
    assert seen.lines[0].startswith("second of session 1")
    asleep.close()


def test_it_can_be_closed_while_it_sleeps(asleep: Watchdog) -> None:
    before = threads()
    asleep.close()
    assert len(threads()) == len(before) - 1
