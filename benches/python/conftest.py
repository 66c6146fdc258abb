"""Gives the benches `measure`, which names a figure and bounds how long it takes."""

import time
from collections.abc import Callable
from typing import Any

import pytest

SECONDS = 1.0
ROUNDS = range(3, 300)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--smoke", action="store_true", help="run everything once")


class Measure:
    """Runs a function often enough and notes what its time means for `report.py`."""

    def __init__(self, benchmark: Any, is_smoke: bool) -> None:
        self._benchmark = benchmark
        self.is_smoke = is_smoke

    def __call__(
        self,
        figure: str,
        function: Callable[..., object],
        *,
        unit: str,
        who: str = "sapwood",
        amount: float = 1,
        setup: Callable[[], tuple[Any, ...] | None] | None = None,
    ) -> Any:
        """Measure *function* on what *setup* returns, and return what it returned last.

        One run is *amount* of something: bytes for MB/s, steps for a time. What the
        figure is worth is computed from the median of the rounds.
        """
        prepare = _prepare(setup)
        rounds = 1 if self.is_smoke else _rounds(function, prepare)
        self._benchmark.extra_info.update(figure=figure, who=who, unit=unit, amount=amount)
        return self._benchmark.pedantic(function, setup=prepare, rounds=rounds, iterations=1)

    def note(self, **values: float) -> None:
        """Leave more for `report.py` to compute with."""
        self._benchmark.extra_info.update(values)


@pytest.fixture
def measure(benchmark: Any, request: pytest.FixtureRequest) -> Measure:
    return Measure(benchmark, request.config.getoption("--smoke"))


def _prepare(setup: Callable[[], tuple[Any, ...] | None] | None) -> Callable[[], Any]:
    return lambda: ((setup() or ()) if setup else (), {})


def _rounds(function: Callable[..., object], prepare: Callable[[], Any]) -> int:
    """Return how often *function* may run; its first, slower run does not count."""
    whole = time.perf_counter()
    arguments, _ = prepare()
    function(*arguments)
    took_s = time.perf_counter() - whole
    return max(ROUNDS.start, min(ROUNDS.stop, int(SECONDS / took_s)))
