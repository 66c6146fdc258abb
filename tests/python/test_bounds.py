"""What must not depend on the shape of a tree or the length of its life, through Python.

The core's own bounds, exact to the byte, are in `tests/rust/bounds`; here it is what
Python adds: an object for each element, handlers, cycles, and the process as a whole.
"""

import gc
import os
import re
import sys
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

import sapwood as sw

DEPTH = 200_000
STACK_BYTES = 256 * 1024
PAGE = "<ul id=list>" + "".join(f"<li id=i{n}>row <b>{n}</b></li>" for n in range(1000)) + "</ul>"


def clicked() -> None:
    """Handle nothing."""


# --- The stack -----------------------------------------------------------------------


def with_small_stack(body: Callable[[], None], stack_bytes: int = STACK_BYTES) -> None:
    """Run *body* in a thread whose stack has hardly a byte for each level of the tree."""
    failed = []

    def run() -> None:
        try:
            body()
        except BaseException as error:
            failed.append(error)

    before = threading.stack_size(stack_bytes)
    try:
        thread = threading.Thread(target=run)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    if failed:
        raise failed[0]


def chain() -> tuple[sw.Element, sw.Element]:
    """Return the outermost and the innermost of very many elements, all held by Python."""
    top = bottom = sw.Element("i")
    for _ in range(DEPTH - 1):
        inner = sw.Element("i")
        bottom.children.append(inner)
        bottom = inner
    bottom.content = "bottom"
    bottom.id = "bottom"
    return top, bottom


def test_an_element_very_deep_needs_no_stack() -> None:
    def body() -> None:
        top, bottom = chain()
        assert top.html.count("<i") == DEPTH
        assert top.text == "bottom"
        assert sum(1 for _ in top.walk()) == DEPTH
        assert top.querySelector("#bottom") is bottom
        assert top.querySelectorAll("[id]") == [bottom]
        assert bottom.closest("b") is None
        assert bottom.matches("i > i")
        copy = top.clone
        assert copy.html == top.html
        with pytest.raises(ValueError, match="itself"):
            bottom.children.append(top)
        middle = top.children[0]
        middle.remove()
        assert list(top.children) == []
        top.content = ["text", middle]
        middle.replace_with("gone")
        assert top.text == "textgone"
        top.content = middle
        top.children.clear()
        middle.content = "short"
        assert middle.text == "short"

    with_small_stack(body)


def test_a_template_very_deep_needs_no_stack() -> None:
    def body() -> None:
        template = sw.Template("<main></main>")
        main, old = template.querySelector("main"), template.clone
        assert main is not None
        top, bottom = chain()
        main.children.append(top)
        assert template.html.count("<i") == DEPTH
        template.update()
        copy = template.clone
        assert copy.querySelector("#bottom").text == "bottom"
        assert template._render_page("", "")[0].count("<i") == DEPTH
        difference = sw.TemplateDiff()
        difference.track_differences(template, old)
        assert len(difference.differences) == DEPTH + 1
        assert difference.encode().count(b"bottom") == 2
        assert len(difference.operations) == 1
        bottom.content = "changed"
        difference.track_differences(template, copy)
        assert len(difference.operations) == 1
        difference.track_differences(old, template)
        assert len(difference.operations) == 1
        top.remove()
        assert template.html == old.html

    with_small_stack(body)


def test_objects_very_deep_are_collected_without_stack() -> None:
    def body() -> None:
        top, bottom = chain()
        # A chain through Python as well, and a cycle.
        for element in top.walk():
            element.above = element.parent
        top.bottom = bottom
        gone = weakref.ref(bottom)
        del top, bottom, element
        gc.collect()
        assert gone() is None

    # A chain of objects of any class takes 10,000 levels of stack from CPython 3.13 on.
    usual = 8 * 1024 * 1024
    with_small_stack(body, STACK_BYTES if sys.version_info < (3, 13) else usual)


# --- Memory --------------------------------------------------------------------------


def rss_bytes() -> int:
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024


needs_proc = pytest.mark.skipif(
    not os.path.exists("/proc/self/status"), reason="the memory of a process is read from /proc"
)


def costs_nothing(step: Callable[[int], None], *, steps: int, bytes_each: float) -> None:
    """Fail if a step leaves *bytes_each* or more, and all together over a megabyte.

    A process grows by its own rules, so what is allowed is more than it ever does of its
    own accord, and the steps are so many that what is looked for is more than that.
    """
    assert steps * bytes_each >= 2 << 20
    for n in range(steps // 5):
        step(n)
    gc.collect()
    before = rss_bytes()
    for n in range(steps):
        step(n)
    gc.collect()
    assert rss_bytes() - before < steps * bytes_each


@needs_proc
def test_a_life_of_updates_costs_nothing() -> None:
    template = sw.Template(PAGE)
    rows = template.querySelectorAll("li")

    def step(n: int) -> None:
        row = rows[n % len(rows)]
        row.content = f"now {n}"
        row.attrs["title"] = n
        row.attrs[f"data-{n}"] = n
        del row.attrs[f"data-{n}"]
        row.classes.toggle("on")
        row.on("click", clicked).off()
        template.update()

    costs_nothing(step, steps=100_000, bytes_each=24)


@needs_proc
def test_a_life_of_elements_coming_and_going_costs_nothing() -> None:
    template = sw.Template(PAGE)
    ul = template.querySelector("#list")
    assert ul is not None

    def step(n: int) -> None:
        row = sw.Element("li", ["new", sw.Element("b", n)], id=f"new{n}", onclick=clicked)
        ul.children.append(row)
        row.remove()

    costs_nothing(step, steps=60_000, bytes_each=40)


@needs_proc
def test_a_life_of_versions_costs_nothing() -> None:
    template = sw.Template(PAGE)
    row = template.querySelector("li")
    assert row is not None

    def step(n: int) -> None:
        old = template.clone
        row.content = n
        difference = sw.TemplateDiff()
        difference.track_differences(template, old)
        assert difference.encode()

    costs_nothing(step, steps=60_000, bytes_each=40)


@needs_proc
def test_a_thousand_templates_built_and_dropped_leave_nothing() -> None:
    def step(n: int) -> None:
        # HTML of its own, so that nothing is kept that was parsed before.
        template = sw.Template(f"<p>{n}</p>{PAGE}")
        row = template.querySelector("li")
        assert row is not None
        row.on("click", lambda: template.update())
        row.template = template
        if n % 100 == 0:
            gc.collect()

    costs_nothing(step, steps=1000, bytes_each=4096)


@needs_proc
def test_a_table_that_was_large_gives_its_memory_back() -> None:
    template = sw.Template("<ul></ul>")
    ul = template.querySelector("ul")
    assert ul is not None
    tree = template._tree
    before = tree.own_pages()
    big = sw.Element("div")
    big.content = [sw.Element("p", "some text of a row") for _ in range(20_000)]
    ul.children.append(big)
    assert tree.own_pages()[0] > 600
    big.remove()
    del big
    assert tree.own_pages()[0] <= before[0] + 2


def test_a_clone_with_one_change_has_one_page_of_its_own() -> None:
    template = sw.Template(PAGE)
    for n in range(20):
        clone = template.clone
        clone.querySelector(f"#i{n * 50} b").content = "was changed"
        pages, own_bytes = clone._tree.own_pages()
        assert pages == 1
        # Page and branches; what Python adds is measured by benches/python/memory.py.
        assert own_bytes < 3300


# --- Cycles --------------------------------------------------------------------------


def test_cycles_through_handlers_attributes_and_elements_are_collected() -> None:
    class Page(sw.Template):
        def __init__(self) -> None:
            super().__init__(PAGE)
            self.row = self.querySelector("li")
            self.row.page = self
            self.row.on("click", self.clicked)
            self.row.on("input", lambda: self.row)
            self.loose = sw.Element("p", onclick=self.clicked)
            self.loose.other = self.row
            self.old = self.clone

        def clicked(self) -> None: ...

    page = Page()
    page.update()
    gone = [weakref.ref(it) for it in (page, page.row, page.loose, page.old, page.row.parent)]
    del page
    gc.collect()
    assert [reference() for reference in gone] == [None] * len(gone)


def test_an_element_that_is_taken_out_goes_with_its_last_reference() -> None:
    template = sw.Template(PAGE)
    row, bold = template.querySelector("li"), template.querySelector("li b")
    assert row is not None
    row.remove()
    gone = weakref.ref(row)
    del row
    gc.collect()
    # What is held keeps what is above it.
    assert bold is not None
    assert bold.parent is gone()
    del bold
    gc.collect()
    assert gone() is None
    before = sys.getrefcount(sw.Element)
    for _ in range(100):
        template.clone.querySelector("li").remove()
    gc.collect()
    assert abs(sys.getrefcount(sw.Element) - before) < 50
