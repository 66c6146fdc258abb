"""A tree stays whole whoever touches it meanwhile: threads, finalizers, a panic.

Whatever order things happen in, no call may fail because another one is under way
(PyO3 would say "Already borrowed"), and at the end the tree is one that could have
been made by one thread alone; `check` says what that means.
"""

import gc
import random
import re
import sys
import threading
import weakref
from collections.abc import Callable, Iterator

import pytest

import sapwood as sw
from sapwood import _core
from sapwood.errors import TreeError

HTML = (
    "<main><ul id=list>"
    + "".join(f"<li id=i{n} class=row>text {n}<b>bold</b> tail</li>" for n in range(40))
    + "</ul></main>"
)


def check(template: sw.Template) -> None:
    """Fail unless all ways to look at the tree of *template* say the same."""
    elements = list(template.walk())
    uuids = [element.uuid for element in elements]
    assert len(set(uuids)) == len(uuids)
    for element in elements:
        children = list(element.children)
        assert len(element.children) == len(children)
        assert all(child.parent is element for child in children)
        content = element.content
        mixed = [content] if isinstance(content, str) else content
        assert [part for part in mixed if not isinstance(part, str)] == children
        assert element.text == "".join(p if isinstance(p, str) else p.text for p in mixed)
        assert template._tree.find(element.uuid) is element
        if element.id is not None:
            assert element in template.querySelectorAll(f"#{element.id}")
    assert elements[0].html in template.html
    again = sw.Template(template.html)
    assert [it.tag for it in again.walk()] == [it.tag for it in elements]
    assert len(_core.diff(template._tree, template._tree.fork())) == 0


# --- Threads -------------------------------------------------------------------------


@pytest.fixture
def _eager() -> Iterator[None]:
    """Let threads take turns as often as Python can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def at_once(*bodies: Callable[[], None]) -> None:
    """Run every body in a thread of its own, all beginning together."""
    begin, failed = threading.Barrier(len(bodies)), []

    def run(body: Callable[[], None]) -> None:
        begin.wait()
        try:
            body()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


class Life:
    """What one thread does with a template that others work on too."""

    def __init__(self, template: sw.Template, seed: int, steps: int) -> None:
        self.template, self.random, self.steps = template, random.Random(seed), steps

    def __call__(self) -> None:
        does = [self.write, self.insert, self.move, self.remove, self.read, self.versions]
        for _ in range(self.steps):
            try:
                self.random.choice(does)()
            except (TreeError, IndexError):
                continue  # Another thread was faster: what was to be moved is elsewhere now.

    def pick(self) -> sw.Element:
        # What an element of some other thread's is taken out for good still works.
        rows = self.template.querySelectorAll(".row")
        return self.random.choice(rows) if rows else self.list()

    def list(self) -> sw.Element:
        found = self.template.querySelector("#list")
        assert found is not None
        return found

    def write(self) -> None:
        row = self.pick()
        if row.id != "list":
            row.content = self.random.choice(["short", "long " * 40, ["a", sw.Element("i", "b")]])
        row.attrs[f"data-{self.random.randrange(5)}"] = self.random.randrange(99)
        row.classes.toggle("on")

    def insert(self) -> None:
        row = sw.Element("li", ["new", sw.Element("b", "bold")], classes=["row"])
        children = self.list().children
        children.insert(self.random.randrange(len(children) + 1), row)

    def move(self) -> None:
        self.list().children.insert(self.random.randrange(9), self.pick())

    def remove(self) -> None:
        row = self.pick()
        if row.id != "list":
            row.remove()
            if self.random.random() < 0.5:
                self.list().children.append(row)

    def read(self) -> None:
        row = self.pick()
        assert row.tag in {"li", "ul"}
        assert "<html>" in self.template.html
        assert next(row.walk()) is row
        assert row.closest("li, ul") is row
        assert isinstance(row.content, str | list)

    def versions(self) -> None:
        old = self.template.clone
        self.template.update()
        difference = sw.TemplateDiff()
        difference.track_differences(self.template, old)
        assert difference.encode().startswith(b"[")
        assert isinstance(difference.differences, dict)
        check(old)


@pytest.mark.usefixtures("_eager")
def test_threads_that_change_one_template_leave_it_whole() -> None:
    template = sw.Template(HTML)
    at_once(*(Life(template, seed, 150) for seed in range(4)))
    check(template)


@pytest.mark.usefixtures("_eager")
@pytest.mark.usefixtures("_eager")
def test_views_lose_nothing_that_other_threads_write() -> None:
    element = sw.Element("p")
    counts = range(100)

    def write(thread: int) -> Callable[[], None]:
        def body() -> None:
            for n in counts:
                element.classes.add(f"c{thread}-{n}")
                element.style[f"--s{thread}-{n}"] = n
                element.children.insert(n, sw.Element("b", id=f"e{thread}-{n}"))
                element.children.reverse()

        return body

    at_once(*map(write, range(3)))
    pairs = {f"{thread}-{n}" for thread in range(3) for n in counts}
    assert {name[1:] for name in element.classes} == pairs
    assert {name[3:] for name in element.style} == pairs
    assert {child.id[1:] for child in element.children if child.id} == pairs


@pytest.mark.usefixtures("_eager")
def test_views_give_what_is_taken_out_to_one_thread_only() -> None:
    element = sw.Element("p", [sw.Element("b") for _ in range(300)])
    attrs = sw.Element("p", attrs={f"a{n}": n for n in range(100)}).attrs
    element.classes = [f"c{n}" for n in range(300)]
    taken: list[object] = []

    def take() -> None:
        for _ in range(100):
            taken.append(element.children.pop())
            taken.append(element.classes.pop(0))
        for _ in range(30):
            taken.append(attrs.popitem())

    at_once(take, take, take)
    assert len(set(taken)) == len(taken) == 690
    assert len(element.children) == len(element.classes) == 0
    assert len(attrs) == 10


def test_a_sort_keeps_what_comes_while_its_keys_are_asked_for() -> None:
    element = sw.Element("p", [sw.Element("b", "2"), sw.Element("b", "1")])

    def key(child: sw.Element) -> str:
        if len(element.children) < 3:
            element.children.append(sw.Element("b", "0"))
        return child.text

    element.children.sort(key=key)
    assert [child.text for child in element.children] == ["0", "1", "2"]


def test_a_page_is_changed_while_it_is_rendered() -> None:
    template = sw.Template("<ul>" + "<li>row</li>" * 20_000 + "</ul>")
    first = template.querySelector("li")
    assert first is not None
    is_done = threading.Event()

    def render() -> None:
        for _ in range(5):
            assert template.html.count("</li>") == 20_000
        is_done.set()

    def write() -> None:
        number = 0
        while not is_done.is_set():
            first.content = number = number + 1

    at_once(render, write)


@pytest.mark.usefixtures("_eager")
def test_threads_that_ask_first_get_the_same_object() -> None:
    for _ in range(50):
        template, found = sw.Template(HTML), []
        at_once(*[lambda t=template, f=found: f.append(t.querySelectorAll("b"))] * 3)
        assert found[0] == found[1] == found[2]


# --- What Python runs in the middle of a call ----------------------------------------


def test_content_that_moves_the_element_while_it_is_read() -> None:
    template = sw.Template(HTML)
    row, other = template.querySelectorAll("li")[:2]

    def items() -> Iterator[str | sw.Element]:
        yield "first"
        row.remove()
        other.content = "the slots of the row are used again"
        yield sw.Element("i", "last")

    row.content = items()
    assert row.parent is None
    assert row.html.endswith(">first<i>last</i></li>")
    check(template)


def test_a_number_that_takes_the_element_out_when_it_is_shown() -> None:
    template = sw.Template(HTML)
    row = template.querySelector("li")
    assert row is not None

    class Mean(int):
        def __str__(self) -> str:
            if row.parent is not None:
                row.remove()
                template.querySelector("#list").content = ["other", sw.Element("li", "nodes")]
            return "shown"

    row.content = Mean()
    assert row.text == "shown"
    main = template.querySelector("main")
    assert main is not None
    main.content = ["a", Mean(), sw.Element("p")]
    assert main.html.endswith(">ashown<p></p></main>")
    check(template)


def test_a_class_that_changes_the_tree_when_its_object_is_made() -> None:
    template = sw.Template(HTML)
    made = []

    class Row(sw.Element):
        def __new__(cls, *args: object, **kwargs: object) -> "Row":
            rows = template.querySelectorAll("li")
            if made:
                rows[0].remove()
            made.append(rows)
            return super().__new__(cls)

    for _ in range(3):
        template.querySelector("#list").children.append(Row("li", "mine"))
    copy = template.clone
    assert [type(it) for it in copy.querySelectorAll("li")].count(Row) == 3
    deep = template.querySelector("#list").clone
    assert [type(it) for it in deep.children].count(Row) == 3
    check(template)
    check(copy)


class Restless:
    """Garbage that changes a tree whenever it is collected, and leaves more of itself."""

    def __init__(self, template: sw.Template) -> None:
        self.template, self.itself = template, self
        self.count = 0

    def __del__(self) -> None:
        rows = self.template.querySelectorAll("li")
        rows[0].remove()
        rows[1].content = ["other", sw.Element("i"), "nodes"]
        self.template.querySelector("#list").children.append(sw.Element("li", "new"))
        if self.template.root.attrs.get("class") is None:
            Restless(self.template)


@pytest.fixture
def _collecting(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Collect garbage at every chance; a finalizer that fails fails the test."""
    before = gc.get_threshold()
    failed = []
    hook, sys.unraisablehook = sys.unraisablehook, failed.append
    gc.set_threshold(1, 1, 1)
    yield
    gc.set_threshold(*before)
    gc.collect()
    sys.unraisablehook = hook
    assert failed == []


@pytest.mark.usefixtures("_collecting")
def test_a_finalizer_may_change_the_tree_in_the_middle_of_any_call() -> None:
    template = sw.Template(HTML)
    Restless(template)
    for _ in range(30):
        for row in template.querySelectorAll("li"):
            assert row.tag == "li"
        body = template.querySelector("body")
        assert body is not None
        body.children.append(sw.Element("p", ["some", sw.Element("b", "more"), 3]))
        assert len(body.content) >= 2
        body.clone.children.clear()
        template.clone.querySelectorAll("b")
        assert template.html.startswith("<html>")
        body.children.pop()
        assert template._tree.handler_attributes() == []
        list(template.walk())
    template.root.classes.add("quiet")
    gc.collect()
    check(template)


@pytest.mark.usefixtures("_collecting")
def test_weak_references_may_look_at_the_tree_when_an_element_goes() -> None:
    template, seen = sw.Template(HTML), []
    references = []
    for _ in range(20):
        element = sw.Element("p", sw.Element("b"))
        callback = lambda _: seen.append(template.querySelector("li").html)  # noqa: E731
        references += [weakref.ref(element, callback), weakref.ref(element.children[0], callback)]
        del element
        template.querySelector("#list").children.append(sw.Element("li"))
    gc.collect()
    assert len(seen) == 40
    assert all(reference() is None for reference in references)
    check(template)


def test_a_tree_that_is_collected_may_be_used_by_its_own_elements() -> None:
    used = []

    class Last(sw.Element):
        def __del__(self) -> None:
            self.content = ["last", sw.Element("b", "words")]
            used.append(self.parent.html)

    for _ in range(10):
        template = sw.Template(HTML)
        template.querySelector("#list").children.append(Last("li", "here"))
        assert template.querySelectorAll("li")
        del template
        gc.collect()
    assert len(used) == 10
    assert all("last<b>words</b>" in html for html in used)


# --- Panics --------------------------------------------------------------------------


def test_a_panic_is_an_exception_and_leaves_the_tree_usable(
    capfd: pytest.CaptureFixture[str],
) -> None:
    template = sw.Template(HTML)
    with pytest.raises(Exception, match="asked to, with a tree of") as caught:
        _core._panic(template._tree)
    assert isinstance(caught.value, RuntimeError)
    assert type(caught.value) is _core.PanicException
    # Once, with the place in our sources, and no Python trace on top.
    said = capfd.readouterr().err
    assert len(re.findall(r"panicked at .*rust[/\\]python[/\\]mod\.rs:\d+", said)) == 1
    assert "Python stack trace" not in said
    template.querySelector("li").content = "goes on"
    check(template)


def test_a_panic_of_a_thread_is_caught_there() -> None:
    template, caught = sw.Template(HTML), []

    def panic() -> None:
        for _ in range(100):
            try:
                _core._panic(template._tree)
            except RuntimeError as error:
                caught.append(error)

    at_once(panic, panic)
    assert len(caught) == 200
    check(template)
