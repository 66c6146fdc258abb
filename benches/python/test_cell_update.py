"""One cell changed and encoded, from Python, in units of an empty call into the core.

All three loops go over the same list of steps, so the loop itself is subtracted from
both; they alternate round by round, so a slower moment of the machine slows them all.
"""

import copy
import itertools
import json
import random
import statistics
import time
from collections.abc import Callable

import jsonpatch
import pages
import pytest
import pyweber
from pyweber.models.template_diff import TemplateDiff as PyweberDiff

import sapwood as sw
from sapwood import _core
from sapwood._core import noop

UNIT = "empty calls"
SIZES = {"1k": 1_000, "10k": 10_000, "100k": 100_000}
Steps = list[tuple[int, str]]


@pytest.fixture(scope="module", params=SIZES)
def size(request):
    return request.param


@pytest.fixture(scope="module")
def template(size):
    return sw.Template(pages.html(SIZES[size]))


def empty(steps: Steps) -> None:
    for _number, _text in steps:
        pass


def empty_calls(steps: Steps) -> None:
    for _number, _text in steps:
        noop()


def clocked(loop: Callable[[Steps], None], steps: Steps) -> float:
    begin = time.perf_counter()
    loop(steps)
    return time.perf_counter() - begin


def in_empty_calls(
    measure, figure: str, update: Callable[[Steps], None], count: int, **more: str
) -> None:
    """Measure *count* updates, with the two loops they are compared to before each round."""
    loops: list[tuple[float, float]] = []
    numbers = itertools.count(1)
    ruler = [(0, "")] * 2000

    def setup() -> tuple[Steps]:
        empty_s, calls_s = clocked(empty, ruler), clocked(empty_calls, ruler)
        loops.append((empty_s / len(ruler), calls_s / len(ruler)))
        return ([(number, str(number)) for number in itertools.islice(numbers, count)],)

    measure(figure, update, unit=UNIT, amount=count, setup=setup, **more)
    measure.note(
        loop_s=statistics.median(empty_s for empty_s, _ in loops),
        call_s=statistics.median(calls_s - empty_s for empty_s, calls_s in loops),
    )


def test_cell_update(measure, template, size):
    cell = template.querySelector("#row500 td")
    tree = template._tree
    sync = _core.Sync(tree)

    def update(steps: Steps) -> None:
        for number, text in steps:
            cell.content = text
            sync.cut(tree, 0)
            sync.acknowledge(number)

    in_empty_calls(measure, f"cell_update_{size}", update, 2000)
    assert sync.is_current(tree)
    assert sync.is_open, "not all frames were acknowledged"


def test_cell_update_random(measure):
    template = sw.Template(pages.html(100_000))
    all_cells = template.querySelectorAll(".price")
    cells = random.Random(1).sample(all_cells, 1000)
    tree = template._tree
    sync = _core.Sync(tree)

    def update(steps: Steps) -> None:
        for cell, (number, text) in zip(cells, steps, strict=True):
            cell.content = text
            sync.cut(tree, 0)
            sync.acknowledge(number)

    in_empty_calls(measure, "cell_update_random_100k", update, len(cells))
    assert sync.is_open, "not all frames were acknowledged"


def test_cell_update_by_template_diff(measure, template, size):
    cell = template.querySelector("#row500 td")

    def update(steps: Steps) -> None:
        for _number, text in steps:
            old = template.clone
            cell.content = text
            difference = sw.TemplateDiff()
            difference.track_differences(template, old)
            difference.encode()

    in_empty_calls(measure, f"cell_update_template_diff_{size}", update, 500)


def test_pyweber(measure):
    """As its WebSocket does it: difference to a clone, JSON, a new clone."""
    template = pyweber.Template(pages.html(1000))
    cell = template.querySelector("#row500").childs[0]

    def update(steps: Steps) -> None:
        for _number, text in steps:
            old = template.clone()
            cell.content = text
            difference = PyweberDiff()
            difference.track_differences(template, old)
            assert json.dumps(difference.differences)

    in_empty_calls(measure, "cell_update_template_diff_1k", update, 2, who="pyweber")


def test_jsonpatch(measure):
    """On the same table as Python lists, the copy of the old one left out of the time."""
    old = pages.data(1000)
    new = copy.deepcopy(old)

    def update(steps: Steps) -> None:
        for _number, text in steps:
            new[500][0] = text
            assert jsonpatch.make_patch(old, new).to_string()

    in_empty_calls(measure, "cell_update_template_diff_1k", update, 2, who="jsonpatch")
