"""Differences as users see them, and the bytes that docs/protocol.md promises."""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from typing import Any

import pytest

from sapwood import Element, Template, TemplateDiff, _core

HTML = """<body><p id=p class=x>one <b id=b>two</b></p><ul id=ul><li id=l0>0</li><li id=l1>1</li>
<li id=l2>2</li></ul><input id=i></body>"""


class Page:
    """A template, how it was, and the names of its elements."""

    def __init__(self, html: str = HTML) -> None:
        self.template = Template(html)
        self.old = self.template.clone

    def __getitem__(self, id: str) -> Element:
        found = self.template.getElementById(id)
        assert found
        return found

    @property
    def diff(self) -> TemplateDiff:
        diff = TemplateDiff()
        diff.track_differences(self.template, self.old)
        return diff

    @property
    def statuses(self) -> dict[str, str]:
        """What differs, by id (or tag)."""
        names = {e.uuid: e.id or e.tag for t in (self.old, self.template) for e in t.walk()}
        return {names[uuid]: change["status"] for uuid, change in self.diff.differences.items()}

    @property
    def operations(self) -> list[tuple[str | None, ...]]:
        """The operations, with ids for uuids."""
        names = {e.uuid: e.id or e.tag for t in (self.old, self.template) for e in t.walk()}
        known: Callable[[str | None], str | None] = lambda it: names.get(it or "", it)  # noqa: E731
        return [(op[0], *map(known, op[1:])) for op in self.diff.operations]


def wire(element: Element) -> int:
    """Return an element's id on the wire."""
    return int(element.uuid.removeprefix(_core.uuid_prefix()), 36)


# --- Nothing -----------------------------------------------------------------------


def test_texts_put_in_again_as_they_were_are_no_difference() -> None:
    page = Page("<p id=p><b>two</b>three</p>")
    p = page["p"]
    p.prepend("one")
    page.old = page.template.clone
    p.content = p.content
    assert page.operations == []
    parent = p.parent
    assert parent
    p.remove()
    parent.append(p)
    assert page.operations == []


def test_a_uuid_that_is_to_be_given_cannot_be_planted() -> None:
    number = wire(Element("p")) + 20
    planted = ""
    while number:
        number, digit = divmod(number, 36)
        planted = f"{string.digits}{string.ascii_lowercase}"[digit] + planted
    planted = _core.uuid_prefix() + planted
    page = Template(f"<p uuid={planted}></p>")
    made = [Element("b") for _ in range(50)]
    uuids = [element.uuid for element in [*page.walk(), *made]]
    assert len(set(uuids)) == len(uuids)


# --- Statuses ----------------------------------------------------------------------

CHANGES: dict[str, tuple[Callable[[Page], Any], dict[str, str]]] = {
    "nothing": (lambda page: None, {}),
    "text": (lambda page: setattr(page["b"], "content", "x"), {"b": "Changed"}),
    "the same text": (lambda page: setattr(page["b"], "content", "two"), {}),
    "an attribute": (lambda page: page["p"].attrs.update(title="t"), {"p": "Changed"}),
    "a class": (lambda page: page["p"].classes.add("y"), {"p": "Changed"}),
    "a style": (lambda page: page["p"].style.update(color="red"), {"p": "Changed"}),
    "a value": (lambda page: setattr(page["i"], "value", "x"), {"i": "Changed"}),
    "a tag": (lambda page: setattr(page["b"], "tag", "i"), {"b": "Changed"}),
    "a handler": (lambda page: page["b"].on("click", print), {"b": "Changed"}),
    "an id": (lambda page: setattr(page["b"], "id", "n"), {"n": "Changed"}),
    "added": (
        lambda page: page["ul"].children.append(Element("li", Element("em"), id="new")),
        {"ul": "Changed", "new": "Added", "em": "Added"},
    ),
    "removed": (
        lambda page: page["p"].remove(),
        {"body": "Changed", "p": "Removed", "b": "Removed"},
    ),
    "order": (lambda page: page["ul"].children.reverse(), {"ul": "Changed"}),
    "another parent": (
        lambda page: page["ul"].children.append(page["b"]),
        {"ul": "Changed", "p": "Changed"},
    ),
    "replaced": (
        lambda page: page["b"].replace_with(Element("i", id="new")),
        {"p": "Changed", "new": "Added", "b": "Removed"},
    ),
    "content": (
        lambda page: setattr(page["p"], "content", ["x", Element("i", id="new")]),
        {"p": "Changed", "new": "Added", "b": "Removed"},
    ),
    "there and back": (
        lambda page: (page["b"].classes.add("y"), page["b"].classes.remove("y")),
        {},
    ),
    "out and in again": (
        lambda page: (b := page["b"]).remove() or page["p"].children.append(b),
        {},
    ),
}


@pytest.mark.parametrize(("change", "statuses"), CHANGES.values(), ids=CHANGES)
def test_what_changed_is_named_and_nothing_else(
    change: Callable[[Page], Any], statuses: dict[str, str]
) -> None:
    page = Page()
    change(page)
    assert page.statuses == statuses


OPERATIONS: dict[str, tuple[Callable[[Page], Any], list[tuple[str | None, ...]]]] = {
    "text": (lambda page: setattr(page["b"], "content", "x"), [("text", "b", "x")]),
    "no text": (lambda page: setattr(page["b"], "content", ""), [("text", "b", "")]),
    "set": (lambda page: page["b"].attrs.update(title="t"), [("set", "b", "title", "t")]),
    "drop": (lambda page: page["p"].classes.clear(), [("drop", "p", "class")]),
    "property": (
        lambda page: setattr(page["i"], "value", "x"),
        [("property", "i", "value", '"x"')],
    ),
    "listen": (lambda page: page["b"].on("click", print), [("set", "b", "_onclick", "")]),
    "remove": (lambda page: page["l1"].remove(), [("remove", "l1")]),
    "replace": (lambda page: setattr(page["b"], "tag", "i"), [("replace", "b", "i")]),
    "move first": (
        lambda page: page["ul"].children.insert(0, page["l2"]),
        [("move", "l2", "ul", "l0")],
    ),
    "move last": (
        lambda page: page["ul"].children.append(page["l0"]),
        [("move", "l0", "ul", None)],
    ),
    "data": (
        lambda page: setattr(page["p"], "content", ["1 ", page["b"]]),
        [("data", "p", "0", "1 ")],
    ),
}


@pytest.mark.parametrize(("change", "operations"), OPERATIONS.values(), ids=OPERATIONS)
def test_a_change_is_these_operations(
    change: Callable[[Page], Any], operations: list[tuple[str | None, ...]]
) -> None:
    page = Page()
    change(page)
    assert page.operations == operations


def test_an_insert_says_what_as_html() -> None:
    page = Page()
    new = Element("li", ["n<", Element("b")])
    page["ul"].children.insert(1, new)
    assert page.operations[0][:3] == ("insert", "ul", "l1")
    html = str(page.operations[0][3])
    assert html == f"<li uuid={new.uuid}>n&lt;<b uuid={new.children[0].uuid}></b></li>"


# --- Bytes -------------------------------------------------------------------------


def encoded(page: Page) -> Any:
    return json.loads(page.diff.encode())


def test_a_text_is_an_op_an_id_and_a_string() -> None:
    page = Page()
    page["b"].content = 7
    assert page.diff.encode() == b'[0,%d,"7"]' % wire(page["b"])


def test_a_uuid_of_another_kind_is_a_string() -> None:
    page = Page("<p id=p uuid=mine>x</p>")
    page["p"].content = "y"
    assert page.diff.encode() == b'[0,"mine","y"]'


def test_new_nodes_are_written_in_preorder_with_ids_left_out_that_follow() -> None:
    page = Page()
    new = Element("li", ["a", Element("b", "c", attrs={"title": "t"}), Element("i")])
    page["ul"].children.append(new)
    ul, first = wire(page["ul"]), wire(new)
    assert encoded(page) == [
        *(5, ul, 0, 1),
        *("li", first, 3),
        *(-1, "a"),
        *("b", 0, ["title", "t"], "c"),
        *("i", 0, 0),
    ]


def test_svg_opens_its_namespace_and_foreign_objects_close_it() -> None:
    page = Page()
    svg = Element("svg", Element("foreignObject", Element("div")))
    page["ul"].children.append(svg)
    assert encoded(page)[4:] == ["svg", wire(svg), 1, "foreignObject", 0, 1, "div", 0, 0]


def test_another_namespace_than_the_parents_is_written_out() -> None:
    page = Page("<svg id=svg><a id=a></a></svg><p id=p></p>")
    page["p"].children.append(page["a"].clone)
    assert encoded(page)[4] == "svg a"


def test_the_value_of_a_property_is_a_json_value() -> None:
    page = Page("<select id=s multiple><option>a</select><input id=c type=checkbox>")
    page["s"].value = ["a"]
    page["c"].checked = True
    s, c = wire(page["s"]), wire(page["c"])
    assert encoded(page) == [4, s, "value", ["a"], 4, c, "checked", True]


def test_a_handlers_name_is_not_sent() -> None:
    class Live(Template):
        def secret(self) -> None:
            pass

    live = Live("<button _onclick=secret></button>")
    sync = _core.Sync(live._tree)
    assert "secret" not in sync.cut_whole(live._tree, 0)


@pytest.mark.parametrize("text", ['"', "\\", "\n", "\x01", "é🦀", "\u2028", "</script>", "\x7f"])
def test_any_text_is_a_json_string(text: str) -> None:
    page = Page()
    page["b"].content = text
    assert encoded(page)[2] == text


# --- Arguments -----------------------------------------------------------------------


def test_elements_can_be_compared() -> None:
    new = Element("ul", [Element("li", "1"), Element("li", "2")])
    old = new.clone
    new.children[1].content = "x"
    diff = TemplateDiff()
    diff.track_differences(new, old)
    assert diff.differences == {new.children[1].uuid: {"status": "Changed"}}


def test_an_element_within_a_page_can_be_compared_with_a_clone_of_it() -> None:
    page = Page()
    old = page["ul"].clone
    page["l1"].classes.add("x")
    diff = TemplateDiff()
    diff.track_differences(page["ul"], old)
    assert diff.operations == [("set", page["l1"].uuid, "class", "x")]


def test_pages_that_share_nothing_are_compared_by_uuid() -> None:
    page = Page()
    stranger = Template(page.template._tree.render(uuids=True))
    diff = TemplateDiff()
    diff.track_differences(stranger, page.template)
    assert (diff.differences, diff.encode()) == ({}, b"[]")


def test_nothing_can_be_told_before_two_trees_were_given() -> None:
    with pytest.raises(ValueError, match="call track_differences"):
        _ = TemplateDiff().differences


def test_a_difference_stays_when_the_trees_change_on() -> None:
    page = Page()
    page["b"].content = "x"
    diff = page.diff
    page["b"].content = "y"
    assert diff.operations == [("text", page["b"].uuid, "x")]
