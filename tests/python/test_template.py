"""Templates: where their HTML comes from, what is refused, and what a copy is of its own."""

from __future__ import annotations

import sys
import threading
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sapwood import Element, HandlerError, Template, TemplateDiff, TemplateError, _core


class Follower:
    """Writes down what a template tells it."""

    def __init__(self, template: Template) -> None:
        self.template = template
        self.heard: list[str] = []
        template._followers.add(self)

    def before_publish(self) -> None:
        self.heard.append(f"before {self.template._published.render(uuids=False)}")

    def after_publish(self) -> None:
        self.heard.append("after")


class Counter(Template):
    """The smallest template with everything."""

    def __init__(self, *, shared: bool = False) -> None:
        html = "<p id=shown>0</p><button _onclick=increment>+1</button><input name=field>"
        super().__init__(html, shared=shared)
        self.shown = self.getElementById("shown")
        self.count = 0

    def increment(self) -> None:
        self.count += 1
        assert self.shown
        self.shown.content = str(self.count)


def module_at(folder: Path, source: str) -> ModuleType:
    """Return a module whose file lies in *folder*."""
    module = ModuleType("pages_of_a_test")
    module.__file__ = str(folder / "pages.py")
    sys.modules[module.__name__] = module
    exec(compile(source, module.__file__, "exec"), module.__dict__)
    return module


@pytest.fixture
def folder(tmp_path: Path) -> Any:
    yield tmp_path
    sys.modules.pop("pages_of_a_test", None)


# --- Sources -----------------------------------------------------------------------


def test_a_string_that_begins_with_a_tag_is_html() -> None:
    page = Template(" \n<p>hi</p>")
    assert page.html == "<html><head></head><body><p>hi</p></body></html>"


def test_a_file_is_found_beside_the_class(folder: Path) -> None:
    (folder / "page.html").write_text("<!doctype html>\ufeff<p>é", encoding="utf-8-sig")
    module = module_at(
        folder,
        "import sapwood\nclass Page(sapwood.Template):\n"
        " def __init__(self): super().__init__('page.html')",
    )
    assert "é" in module.Page().html


def test_a_file_is_found_beside_the_caller_of_a_bare_template(folder: Path) -> None:
    (folder / "page.html").write_text("<p>x")
    module = module_at(folder, "import sapwood\npage = sapwood.Template('page.html')")
    assert "<p>x</p>" in module.page.html


def test_a_path_may_be_absolute(folder: Path) -> None:
    (folder / "page.html").write_text("<p>x")
    assert "<p>x</p>" in Template(folder / "page.html").html


def test_a_file_is_read_again_when_it_changed(folder: Path) -> None:
    path = folder / "page.html"
    path.write_text("<p>1")
    Template(path)
    path.write_text("<p>two")
    assert "two" in Template(path).html


def test_a_missing_file_is_named_with_what_to_do() -> None:
    with pytest.raises(TemplateError) as refused:
        Template("none.html")
    path = Path(__file__).parent / "none.html"
    assert str(refused.value) == (
        f"cannot read the template {str(path)!r}: No such file or directory; "
        "a template is a path beside the class's file, or HTML that begins with '<'"
    )


def test_a_folder_is_no_template(folder: Path) -> None:
    with pytest.raises(TemplateError, match="Is a directory"):
        Template(folder)


def test_a_path_that_no_system_has_is_a_template_error() -> None:
    with pytest.raises(TemplateError, match="cannot read the template"):
        Template("a\0b.html")


def test_a_file_that_is_no_utf_8_is_refused_with_the_place(folder: Path) -> None:
    (folder / "page.html").write_bytes(b"<p>\xff")
    with pytest.raises(TemplateError, match="not UTF-8, at byte 3"):
        Template(folder / "page.html")


@pytest.mark.parametrize(
    ("html", "limit"),
    [
        ("<div>" * 600, "more than 512 deep"),
        ("<p>" + "".join(f"<b a={n}>" for n in range(200)) + "<p>x" * 2000, "[0-9]+ nodes"),
        ("<p " + " ".join(f"a{n}" for n in range(300)) + ">", "256 attributes"),
        ("".join(f"<x-{n}></x-{n}>" for n in range(70_000)), "65535 different names"),
    ],
    ids=["nesting", "formatting", "attributes", "names"],
)
def test_html_over_a_limit_is_refused_naming_it(html: str, limit: str) -> None:
    with pytest.raises(TemplateError, match=f"the HTML: .*({limit}).*at byte"):
        Template(html)


# --- Handlers ------------------------------------------------------------------------


def test_an_unknown_handler_is_told_with_what_there_is() -> None:
    class Page(Template):
        def go(self) -> None:
            pass

        def stop(self) -> None:
            pass

    with pytest.raises(HandlerError) as refused:
        Page("<button _onclick=gone>")
    assert str(refused.value) == (
        "_onclick='gone' on <button> in the HTML names no public method of Page; it has: go, stop"
    )


def test_without_methods_it_says_that_none_are_defined() -> None:
    with pytest.raises(HandlerError, match="none are defined"):
        Template("<button _onclick=go>")


@pytest.mark.parametrize("name", ["_hidden", "__init__", "", "number", "go()", "go.x"])
def test_what_is_no_public_method_cannot_be_a_handler(name: str) -> None:
    class Page(Template):
        number = 1

        def go(self) -> None:
            pass

        def _hidden(self) -> None:
            pass

    with pytest.raises(HandlerError, match="names no public method"):
        Page(f'<button _onclick="{name}">')


# --- Finding -------------------------------------------------------------------------


def test_the_same_element_is_the_same_object() -> None:
    page = Counter()
    assert page.getElementById("shown") is page.querySelector("p") is page.shown


def test_an_id_is_taken_literally() -> None:
    page = Template("<p id='a.b c\"'>x</p>")
    found = page.getElementById('a.b c"')
    assert found
    assert found.text == "x"


def test_no_such_id_is_none() -> None:
    assert Template("<p>").getElementById("x") is None


def test_walk_begins_with_the_root() -> None:
    page = Template("<p>")
    assert [each.tag for each in page.walk()] == ["html", "head", "body", "p"]


# --- Versions ------------------------------------------------------------------------


def test_update_publishes_and_nothing_else_does() -> None:
    page = Counter()
    before = page._published.render(uuids=False)
    follower = Follower(page)
    page.increment()
    assert follower.heard == []
    page.update()
    assert follower.heard == [f"before {before}", "after"]


def test_update_without_change_tells_nobody() -> None:
    page = Template("<p>a</p>")
    follower = Follower(page)
    page.update()
    assert follower.heard == []


def test_a_page_is_rendered_as_it_is_now() -> None:
    page = Counter()
    page.increment()
    html, version = page._render_page("", "")
    assert ">1</p>" in html
    assert version.same_version(page._published)


def test_texts_side_by_side_are_one_in_the_page_and_in_the_version_it_shows() -> None:
    page = Template("<p>a<b></b>c</p>", shared=True)
    found = page.querySelector("b")
    assert found
    found.remove()
    page.update()
    html, version = page._render_page("", "")
    sync = _core.Sync(version)
    assert ('"ac"' in sync.cut_whole(version, 0), ">ac<" in html) == (True, True)


def test_a_shared_page_is_rendered_as_it_was_published() -> None:
    page = Counter(shared=True)
    page._render_page("", "")
    page.increment()
    html, _ = page._render_page("", "")
    assert ">0</p>" in html


# --- Copies --------------------------------------------------------------------------


def test_a_clone_is_apart_from_its_original() -> None:
    page = Counter()
    copy = page.clone
    copy.increment()
    assert (page.count, copy.count, ">0<" in page.html, ">1<" in copy.html) == (0, 1, True, True)


def test_a_clones_attributes_hold_its_own_elements() -> None:
    page = Counter()
    copy = page.clone
    assert copy.shown is copy.getElementById("shown") is not page.shown


def test_a_clones_attributes_hold_its_own_elements_whatever_the_class_has() -> None:
    class Page(Template):
        found: Element | None = None

    page = Page("<p>")
    page.found = page.querySelector("p")
    copy = page.clone
    assert copy.found is copy.querySelector("p")


def test_a_clone_has_its_element_though_it_was_removed_before_it_was_asked_for() -> None:
    copy = Counter().clone
    found = copy.getElementById("shown")
    assert found
    found.remove()
    assert copy.shown is found


class Board(Template):
    """Holds its elements in every way a class may."""

    def __init__(self) -> None:
        super().__init__("<ul><li id=a>a<li id=b>b</ul><p></p>")
        a, b = self.querySelectorAll("li")
        self.listed = [a, [b]]
        self.paired = (a, "a")
        self.by_id = {"a": a, "b": b}
        self.by_row = {a: "a"}
        self.chosen = {b}
        self.lately = deque([a], maxlen=3)
        self.groups = defaultdict(list, {"x": [b]})
        self.children = self.root.querySelector("ul").children  # type: ignore[union-attr]
        self.names: list[str] = []
        self.again = self.names
        self.listed.append(self.listed)  # type: ignore[arg-type]
        self.row = Element("li", ["new ", Element("b")], onclick=self.choose)
        self.row_bold = self.row.children[0]
        self.menu = [self.row]
        self.heard: list[tuple[Board, object]] = []
        self.subscription = a.on("click", partial(self.choose, 5))
        self.method = self.choose

    def choose(self, what: object) -> None:
        self.heard.append((self, what))


def elements_in(value: object, seen: set[int]) -> Iterator[Element]:
    if isinstance(value, Element):
        yield value
    elif not isinstance(value, str) and isinstance(value, Iterable) and id(value) not in seen:
        seen.add(id(value))
        for part in [*value, *(value.values() if isinstance(value, dict) else ())]:
            yield from elements_in(part, seen)


def test_a_clone_holds_nothing_of_its_original_in_whatever_holds_it() -> None:
    page = Board()
    copy = page.clone
    for name, value in vars(copy).items():
        was = list(elements_in(vars(page)[name], set()))
        now = list(elements_in(value, set()))
        assert [it.html for it in now] == [it.html for it in was], name
        assert not {*map(id, was)} & {*map(id, now)}, name
        assert type(value) is type(vars(page)[name])
    assert copy.listed[2] is copy.listed
    assert copy.menu == [copy.row]
    assert copy.row_bold.parent is copy.row
    assert copy.names is copy.again is not page.names
    assert copy.lately.maxlen == 3
    assert copy.groups["new"] == []
    copy.children.append(copy.row)
    assert len(page.children) == 2
    assert page.row.parent is None


def test_a_clones_handlers_are_its_own_also_in_what_holds_them() -> None:
    page = Board()
    copy = page.clone
    assert copy.row.onclick is not None
    copy.row.onclick(1)
    copy.method(2)
    copy.by_id["a"]._heard("click")[0]()
    assert [(who is copy, what) for who, what in copy.heard] == [(True, 1), (True, 2), (True, 5)]
    copy.subscription.off()
    assert copy.by_id["a"]._heard("click") == []
    assert len(page.by_id["a"]._heard("click")) == 1
    assert page.heard == []


def test_a_clone_shares_what_only_its_maker_can_copy() -> None:
    page = Board()
    shared, other = object(), Counter()
    page.mine = [shared, other.querySelector("output")]  # type: ignore[attr-defined]
    assert page.clone.mine == page.mine  # type: ignore[attr-defined]


def test_a_clone_has_no_followers() -> None:
    page = Counter()
    follower = Follower(page)
    copy = page.clone
    copy.increment()
    copy.update()
    assert follower.heard == []


def test_a_clones_elements_keep_class_attributes_and_handlers() -> None:
    class Card(Element):
        mark = 0

    page = Counter()
    card = Card("article", onclick=page.increment)
    card.mark = 5
    page.root.children[1].children.append(card)
    copy = page.clone
    copied = copy.querySelector("article")
    assert isinstance(copied, Card)
    (handler,) = copied._heard("click")
    handler()
    assert (copied.mark, page.count, copy.count) == (5, 0, 1)


def test_a_page_may_have_a_lock_of_its_own() -> None:
    class Page(Template):
        def __init__(self) -> None:
            super().__init__("<p></p>")
            self._lock = threading.Lock()

    page = Page()
    with page._lock:
        page.update()
    assert not page._lock.locked()


def test_a_template_is_handed_out_itself_first() -> None:
    page = Counter()
    assert page._hand_out() is page


def test_each_further_page_is_as_the_template_was_at_first() -> None:
    page = Counter()._hand_out()
    page.increment()
    second = page._hand_out()
    assert (second is page, second.html, second.count) == (False, Counter().html, 0)


def test_a_further_page_has_what_the_first_one_lost() -> None:
    heard: list[str] = []
    page = Counter()
    assert page.shown
    page.shown.on("click", lambda: heard.append("click"))
    first = page._hand_out()
    assert first.shown
    first.shown.remove()
    second = first._hand_out()
    found = second.getElementById("shown")
    assert found
    assert found is second.shown
    assert list(found._handlers_of()) == ["click"]


def test_nothing_that_one_page_adds_to_an_element_is_in_another() -> None:
    page = Counter()._hand_out()
    assert page.shown
    page.shown.on("click", print)
    page.shown.secret = "of the first tab"
    second = page._hand_out()
    assert second.shown
    assert (second.shown._handlers_of(), hasattr(second.shown, "secret")) == ({}, False)


def test_a_shared_template_is_handed_out_itself_always() -> None:
    page = Counter(shared=True)
    assert page._hand_out() is page._hand_out() is page


# --- Forms ---------------------------------------------------------------------------

FORM = """<form>
<input name=text value=t><input name=hidden type=hidden value=h><textarea name=area>a</textarea>
<input type=checkbox name=on checked><input type=checkbox name=off>
<input type=checkbox name=valued value=v checked>
<input type=radio name=radio value=1><input type=radio name=radio value=2 checked>
<select name=one><option>a<option value=b selected>B</select>
<select name=many multiple><option selected>a<option>b<option selected>c</select>
<input name=disabled value=x disabled><input value=nameless>
<input type=submit name=submit value=x><input type=button name=button value=x>
<input type=file name=file>
</form>"""


def test_a_form_gives_the_values_of_its_named_enabled_fields() -> None:
    assert Template(FORM).getFormValues() == {
        "text": "t",
        "hidden": "h",
        "area": "a",
        "on": "on",
        "valued": "v",
        "radio": "2",
        "one": "b",
        "many": ["a", "c"],
        "file": "",
    }


def test_a_form_gives_what_was_set() -> None:
    page = Template(FORM)
    for field in page.querySelectorAll("[type=radio]:not(:checked), [name=off]"):
        field.checked = True
    area = page.querySelector("textarea")
    assert area
    area.value = "new"
    values = page.getFormValues()
    assert (values["radio"], values["off"], values["area"]) == ("1", "on", "new")


def test_a_disabled_group_of_fields_gives_nothing() -> None:
    page = Template("<fieldset disabled><input name=a value=1></fieldset><input name=b>")
    assert page.getFormValues() == {"b": ""}


def test_a_field_in_the_legend_of_a_disabled_group_counts() -> None:
    legend = "<legend><input name=a value=1></legend><legend><input name=b></legend>"
    assert Template(f"<fieldset disabled>{legend}</fieldset>").getFormValues() == {"a": "1"}


def test_boxes_of_one_name_give_all_their_values() -> None:
    boxes = "".join(f"<input type=checkbox name=c value={n} checked>" for n in "ab")
    assert Template(boxes).getFormValues() == {"c": ["a", "b"]}


def test_a_page_that_is_rendered_with_uuids_is_read_as_the_same_page() -> None:
    page = Template("<p id=a>one</p>")
    element = page.getElementById("a")
    assert element
    element.append("two", "three")
    shown = page.clone
    replica = Template(shown.render_with_uuids())
    assert [it.uuid for it in replica.walk()] == [it.uuid for it in page.walk()]
    difference = TemplateDiff()
    difference.track_differences(shown, replica)
    assert difference.operations == []
