"""Edits of a table of 1,000 rows of four cells, from Python to the frame.

Each edit starts from the same table, whose rows Python has in its hands, as an app
has that made or changed them before. jsonpatch compares the same tables as lists of
lists; pyweber does what its WebSocket does after a handler.
"""

import copy
import json
import random
from collections.abc import Callable

import jsonpatch
import pages
import pytest
import pyweber
from pyweber.models.template_diff import TemplateDiff as PyweberDiff

import sapwood as sw
from sapwood import _core

ROWS = 1000
BASE = sw.Template(pages.html(ROWS))
Rows = sw.Element


def every_10th(rows: Rows) -> None:
    for row in list(rows.children)[::10]:
        row.children[2].content = "was changed"


def swap(rows: Rows) -> None:
    children = list(rows.children)
    children[1].before(children[998])
    children[999].before(children[1])


def reverse(rows: Rows) -> None:
    rows.children.reverse()


def remove(rows: Rows) -> None:
    rows.children[500].remove()


def append_1000(rows: Rows) -> None:
    rows.children.extend(pages.row(cells) for cells in pages.data(ROWS, ROWS))


def replace_all(rows: Rows) -> None:
    rows.content = [pages.row(cells) for cells in pages.data(ROWS, ROWS)]


def clear(rows: Rows) -> None:
    rows.children.clear()


def shuffle(rows: Rows) -> None:
    children = list(rows.children)
    random.Random(1).shuffle(children)
    rows.children = children


EDITS = [every_10th, swap, reverse, shuffle, remove, append_1000, replace_all, clear]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_rows(measure, edit):
    def setup() -> tuple[sw.Element, _core.Tree, _core.Sync]:
        template = BASE.clone
        rows = template.querySelector("#rows")
        for _ in rows.walk():
            pass
        return rows, template._tree, _core.Sync(template._tree)

    def run(rows: sw.Element, tree: _core.Tree, sync: _core.Sync) -> str | None:
        edit(rows)
        return sync.cut(tree, 0)

    assert measure(f"rows_{edit.__name__}_ms", run, unit="ms", setup=setup)


def _swapped(table: pages.Table) -> pages.Table:
    return [table[0], table[998], *table[2:998], table[1], table[999]]


def _shuffled(table: pages.Table) -> pages.Table:
    return random.Random(1).sample(table, len(table))


LISTS: dict[str, Callable[[pages.Table], pages.Table]] = {
    "every_10th": lambda table: [
        [*row[:2], "was changed", *row[3:]] if i % 10 == 0 else row for i, row in enumerate(table)
    ],
    "swap": _swapped,
    "reverse": lambda table: table[::-1],
    "shuffle": _shuffled,
    "remove": lambda table: [*table[:500], *table[501:]],
    "append_1000": lambda table: table + pages.data(ROWS, ROWS),
    "replace_all": lambda table: pages.data(ROWS, ROWS),
    "clear": lambda table: [],
}


@pytest.mark.parametrize("name", LISTS)
def test_jsonpatch(measure, name):
    old = pages.data(ROWS)
    new = copy.deepcopy(LISTS[name](old))

    def run() -> str:
        return jsonpatch.make_patch(old, new).to_string()

    assert len(measure(f"rows_{name}_ms", run, unit="ms", who="jsonpatch")) > 2


def _pyweber_rows(count: int) -> list[pyweber.Element]:
    return [
        pyweber.Element("tr", childs=[pyweber.Element("td", content=cell) for cell in cells])
        for cells in pages.data(count, ROWS)
    ]


def _pyweber_every_10th(rows: pyweber.Element) -> None:
    for row in rows.childs[::10]:
        row.childs[2].content = "was changed"


def _pyweber_replace(rows: pyweber.Element) -> None:
    rows.childs.clear()
    rows.childs.extend(_pyweber_rows(ROWS))


# It sees no moves: after a swap, a reversal or a shuffle its difference is empty.
PYWEBER: dict[str, Callable[[pyweber.Element], object]] = {
    "every_10th": _pyweber_every_10th,
    "remove": lambda rows: rows.remove_child(rows.childs[500]),
    "append_1000": lambda rows: rows.childs.extend(_pyweber_rows(ROWS)),
    "replace_all": _pyweber_replace,
    "clear": lambda rows: rows.childs.clear(),
}


@pytest.mark.parametrize("name", PYWEBER)
def test_pyweber(measure, name):
    def setup() -> tuple[pyweber.Template, pyweber.Template]:
        template = pyweber.Template(pages.html(ROWS))
        return template, template.clone()

    def run(template: pyweber.Template, old: pyweber.Template) -> str:
        PYWEBER[name](template.querySelector("#rows"))
        difference = PyweberDiff()
        difference.track_differences(template, old)
        template.clone()
        return json.dumps(difference.differences)

    assert len(measure(f"rows_{name}_ms", run, unit="ms", who="pyweber", setup=setup)) > 2
