"""What is not shown is in no page, and is all there when it is shown again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from browser import Tab
from sapwood import Element, EventHandler, Template, TemplateDiff

HTML = """<body><ul id=list><li id=a>a</li><li id=b _onclick=hear>b</li><li id=c>c</li></ul>
<form id=form><input id=name name=name value=x><input id=box name=box type=checkbox checked>
<button id=go _onclick=hear>go</button></form><p id=text>one<b id=bold>two</b>three</p></body>"""


class Page(Template):
    """A page that logs whose handler is called."""

    def __init__(self, *, shared: bool = False) -> None:
        super().__init__(HTML, shared=shared)
        self.log: list[str | None] = []

    def hear(self, e: EventHandler) -> None:
        self.log.append(e.current_target.id)

    def __getitem__(self, id: str) -> Element:
        found = self.getElementById(id)
        assert found
        return found


def operations(new: Template, old: Template) -> list[Any]:
    diff = TemplateDiff()
    diff.track_differences(new, old)
    return diff.operations


def statuses(new: Template, old: Template) -> dict[str, str]:
    diff = TemplateDiff()
    diff.track_differences(new, old)
    return {uuid: change["status"] for uuid, change in diff.differences.items()}


# --- The property ------------------------------------------------------------------


def test_an_element_is_shown_until_somebody_says_otherwise() -> None:
    assert (Element("p").show, Element("p", show=True).show, Page()["a"].show) == (True,) * 3


def test_a_new_element_can_be_hidden_from_the_start() -> None:
    page = Page()
    page["list"].children.append(Element("li", "new", show=False))
    assert "new" not in page.html
    page["list"].children[-1].show = True
    assert "<li>new</li></ul>" in page.html


@pytest.mark.parametrize("value", [None, 0, 1, "", "no", []])
def test_show_is_true_or_false_and_nothing_like_it(value: Any) -> None:
    element = Element("p", id="x")
    with pytest.raises(TypeError, match=r"show is True or False, not .*, on <Element p#x>"):
        element.show = value
    assert element.show
    with pytest.raises(TypeError, match="show is True or False"):
        Element("p", show=value)


@pytest.mark.parametrize("tag", ["html", "head", "body", "BODY"])
def test_what_a_page_needs_cannot_be_hidden(tag: str) -> None:
    element = Page().querySelector(tag.lower()) if tag.islower() else Element(tag)
    assert element
    with pytest.raises(ValueError, match=f"cannot be hidden: a page needs its {tag.lower()}"):
        element.show = False
    assert element.show
    with pytest.raises(ValueError, match="cannot be hidden"):
        Element(tag, show=False)


def test_what_is_hidden_cannot_become_what_a_page_needs() -> None:
    element = Element("div", show=False)
    with pytest.raises(ValueError, match="<Element div> cannot become body while it is hidden"):
        element.tag = "body"
    element.tag = "section"
    assert (element.tag, element.show) == ("section", False)


def test_what_a_page_needs_may_be_told_that_it_is_shown() -> None:
    body = Page().querySelector("body")
    assert body
    body.show = True
    assert body.show


def test_only_what_is_hidden_itself_says_so() -> None:
    page = Page()
    page["list"].show = False
    assert (page["list"].show, page["a"].show) == (False, True)


def test_a_clone_is_hidden_like_its_original_and_independent_of_it() -> None:
    page = Page()
    page["b"].show = False
    copy, inner = page["b"].clone, page["list"].clone.children[1]
    assert (copy.show, inner.show) == (False, False)
    copy.show = inner.show = True
    assert not page["b"].show


def test_a_clone_of_a_page_hides_what_the_page_hides() -> None:
    page = Page()
    page["b"].show = False
    copy = page.clone
    page["b"].show = True
    assert (copy["b"].show, ">b<" in copy.html, ">b<" in page.html) == (False, False, True)


def test_a_subclass_keeps_its_state_while_it_is_hidden() -> None:
    class Card(Element):
        opened = 0

    page, card = Page(), Card("article", "card")
    card.opened = 3
    page["text"].children.append(card)
    card.show = False
    page.update()
    found = page.querySelector("article")
    assert found is card
    assert (card.opened, card.show) == (3, False)


@pytest.mark.parametrize(
    "move",
    [
        lambda page, element: page["text"].children.append(element),
        lambda page, element: Page()["text"].children.append(element),
        lambda page, element: element.remove(),
        lambda page, element: page["list"].remove(),
        lambda page, element: page["list"].children.reverse(),
        lambda page, element: setattr(element, "tag", "div"),
    ],
    ids=["in the page", "to another page", "out", "out with its parent", "reversed", "retagged"],
)
def test_what_is_hidden_stays_hidden_wherever_it_goes(
    move: Callable[[Page, Element], Any],
) -> None:
    page = Page()
    element = page["b"]
    element.show = False
    move(page, element)
    assert not element.show
    assert ">b<" not in page.html


# --- The tree and the page ---------------------------------------------------------


def test_what_is_hidden_keeps_its_place_among_its_siblings() -> None:
    page = Page()
    page["b"].show = False
    assert [each.id for each in page["list"].children] == ["a", "b", "c"]
    assert page["b"].parent is page["list"]
    page["list"].children.insert(1, Element("li", "between"))
    page["b"].show = True
    assert [each.text for each in page["list"].children] == ["a", "between", "b", "c"]


def test_what_is_hidden_can_be_found_and_changed() -> None:
    page = Page()
    page["list"].show = False
    page["b"].content = "changed"
    assert page.querySelector("#list > #b") is page["b"]
    page["list"].show = True
    assert "changed" in page.html


def test_neither_it_nor_what_is_in_it_is_in_the_html() -> None:
    page = Page()
    page["list"].show = False
    assert "<li" not in page.html
    assert "<ul" not in page.html


def test_an_element_that_is_asked_for_its_html_shows_itself_but_not_what_is_hidden_in_it() -> None:
    element = Element("p", ["a", Element("b", "b", show=False), "c"], show=False)
    assert element.html == "<p>ac</p>"


def test_hiding_is_one_op_and_so_is_showing() -> None:
    page = Page()
    shown = page.clone
    page["list"].show = False
    hidden = page.clone
    list_uuid, body = page["list"].uuid, page.querySelector("body")
    assert body
    assert operations(hidden, shown) == [("remove", list_uuid)]
    page["list"].show = True
    ((name, parent, before, html),) = operations(page, hidden)
    assert (name, parent, before) == ("insert", body.uuid, "0")  # the text after it
    assert isinstance(html, str)
    assert html.startswith(f'<ul uuid={list_uuid} id="list"><li')
    assert operations(page, shown) == []


def test_what_changes_unseen_is_no_difference() -> None:
    page = Page()
    page["list"].show = False
    old = page.clone
    page["a"].content = "changed"
    page["b"].attrs["title"] = "changed"
    page["c"].show = False
    page["list"].children.append(Element("li", "new"))
    assert operations(page, old) == []


def test_what_is_hidden_was_removed_and_what_is_shown_was_added() -> None:
    page = Page()
    shown = page.clone
    page["list"].show = False
    below = {page[id].uuid for id in ("list", "a", "b", "c")}
    body = page.querySelector("body")
    assert body
    assert statuses(page, shown) == {body.uuid: "Changed", **dict.fromkeys(below, "Removed")}
    assert statuses(shown, page) == {body.uuid: "Changed", **dict.fromkeys(below, "Added")}


def test_a_list_that_is_filled_anew_is_told_without_what_is_hidden_in_it() -> None:
    page = Page()
    old = page.clone
    rows = [Element("li", "hidden", show=False), Element("li", "1"), Element("li", "2")]
    page["list"].content = rows
    ((name, _, html),) = operations(page, old)
    shown = "".join(f"<li uuid={row.uuid}>{row.text}</li>" for row in rows[1:])
    assert (name, html) == ("fill", shown)


# --- In a browser ------------------------------------------------------------------


def round_trip(page: Page, *ids: str) -> Tab:
    tab = Tab(page)
    for show in (False, True):
        for id in ids:
            page[id].show = show
        page.update()
        tab.settle()
        assert tab.shown == tab.published
    return tab


@pytest.mark.parametrize("id", ["list", "a", "b", "c", "form", "name", "bold", "text"])
def test_what_is_hidden_leaves_the_browser_and_comes_back_as_it_was(id: str) -> None:
    page = Page()
    before = Tab(page.clone).shown
    assert round_trip(page, id).shown == before


def test_texts_on_both_sides_are_one_in_the_page_and_two_in_the_tree() -> None:
    page = Page()
    page["bold"].show = False
    tab = Tab(page)
    assert tab.node("#text").children[0].data == "onethree"  # type: ignore[union-attr]  # a text
    tab.wake()
    tab.settle()
    page["bold"].show = True
    page.update()
    tab.settle()
    assert page["text"].content == ["one", page["bold"], "three"]
    assert tab.shown == tab.published


def test_texts_on_both_sides_can_change_while_nothing_is_between_them() -> None:
    page = Page()
    tab = Tab(page)
    page["bold"].show = False
    page.update()
    page["text"].content = ["1", page["bold"], "3"]
    page.update()
    tab.settle()
    page["bold"].show = True
    page.update()
    tab.settle()
    assert (tab.shown == tab.published, page["text"].text) == (True, "1two3")


def test_a_page_that_is_sent_whole_has_what_is_shown() -> None:
    page = Page()
    tab = Tab(page)
    page["list"].show = page["bold"].show = False
    page.update()
    tab.connection.fill()
    tab.settle()
    uuids = tab.browser.page.elements
    assert page["list"].uuid not in uuids
    assert page["a"].uuid not in uuids
    assert tab.shown == tab.published


def test_who_comes_back_gets_what_was_hidden_and_shown_meanwhile() -> None:
    page = Page()
    page["c"].show = False
    tab = Tab(page)
    page["a"].show = False
    page.update()
    tab.send()  # is lost
    tab.lose()
    page["c"].show = True
    page.update()
    tab.resume()
    tab.settle()
    assert (tab.shown == tab.published, "a" in page["list"].text) == (True, True)


def test_a_handler_runs_again_when_its_element_is_shown_again() -> None:
    page = Page()
    page["b"].on("click", lambda: page.log.append("python"))
    tab = round_trip(page, "b")
    tab.click("#b")
    tab.settle()
    assert page.log == ["b", "python"]


# --- What a browser may say of what it does not have ----------------------------------


@pytest.mark.parametrize("id", ["go", "form", "b", "list"])
def test_an_event_of_what_is_hidden_runs_nothing_and_the_page_is_told(id: str) -> None:
    page = Page()
    tab = Tab(page)
    target = "#go" if id in ("go", "form") else "#b"
    tab.click(target)
    page[id].show = False
    page.update()
    tab.settle()
    assert (page.log, tab.browser.errors) == ([], [[1, "refused", ""]])


def test_a_browser_that_lies_reaches_nothing_that_is_hidden() -> None:
    page = Page()
    tab = Tab(page)
    page["go"].show = False
    page.update()
    tab.settle()
    wire = tab.browser.page.id(page["go"].uuid)
    for number in (1, 2):  # a second one is refused like the first
        tab.browser.count = number - 1
        tab.browser.up.append(json.dumps([number, 0, wire]))
        tab.settle()
    assert (page.log, tab.browser.errors) == ([], [[1, "refused", ""], [2, "refused", ""]])


def test_a_handler_above_that_is_hidden_by_one_below_does_not_run() -> None:
    page = Page()
    tab = Tab(page)
    page["form"].on("click", lambda: page.log.append("form"))
    page["go"].on("click", lambda: setattr(page["form"], "show", False))
    tab.click("#go")
    tab.settle()
    assert page.log == ["go"]


def test_a_field_that_is_hidden_is_not_taken_over() -> None:
    page = Page()
    tab = Tab(page)
    page["form"].show = False
    fields = ((tab.browser.page.id(page["name"].uuid), "forged"), (page["box"].uuid, False))
    tab.connection.take_fields(fields)
    assert (page["name"].value, page["box"].checked) == ("x", True)


def test_what_was_typed_is_there_when_the_field_is_shown_again() -> None:
    page = Page()
    tab = Tab(page)
    tab.browser.type(page["name"].uuid, "typed")
    tab.click("#go")
    tab.settle()
    for show in (False, True):
        page["name"].show = show
        page.update()
        tab.settle()
    assert (tab.node("#name").value, page["name"].value) == ("typed", "typed")


# --- Forms --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("id", "values"), [("name", {"box": "on"}), ("box", {"name": "x"}), ("form", {})]
)
def test_a_field_that_is_hidden_is_no_part_of_the_form(id: str, values: dict[str, str]) -> None:
    page = Page()
    page[id].show = False
    assert page.getFormValues() == values


OPTIONS = "<option>a<option selected>b<optgroup><option>c<option>d</optgroup>"


@pytest.mark.parametrize(
    ("hidden", "value", "values"),
    [
        ([], "b", ["b"]),
        (["option:nth-child(2)"], "a", []),
        (["option:nth-child(1)"], "b", ["b"]),
        (["option:nth-child(1)", "option:nth-child(2)"], "c", []),
        (["optgroup", "option:nth-child(2)"], "a", []),
        (["option", "option:nth-child(2)", "optgroup"], "", []),
        (["select"], "b", ["b"]),
    ],
)
def test_a_select_holds_what_is_chosen_among_its_options_that_are_shown(
    hidden: list[str], value: str, values: list[str]
) -> None:
    for attribute, expected in (("", value), ("multiple", values)):
        page = Template(f"<body><select name=s {attribute}>{OPTIONS}</select></body>")
        for selector in hidden:
            found = page.querySelector(selector)
            assert found
            found.show = False
        select = page.querySelector("select")
        assert select
        assert select.value == expected
