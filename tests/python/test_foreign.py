"""Whatever a browser says that scripts added, only harmless elements come of it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sapwood import Element, FrameError, Template, TemplateDiff, _core, apply
from sapwood.foreign import (
    ATTRIBUTES,
    ATTRIBUTES_MAX,
    DEPTH_MAX,
    INDEXES_MAX,
    NAME_BYTES_MAX,
    NODES_MAX,
    STYLES,
    TAGS,
    URLS,
    VALUE_BYTES_MAX,
    check_foreign,
)

PAGE = """<html uuid=html><head uuid=head><title uuid=title>t</title></head><body uuid=body>
one<p uuid=p>text<b uuid=b>bold</b>more</p>two<br uuid=br><script uuid=script>1</script>
<svg uuid=svg><g uuid=g></g></svg><textarea uuid=area>x</textarea></body></html>"""
PARENTS = ["html", "head", "title", "body", "p", "b", "br", "script", "svg", "g", "area", "none"]


def made(number: int) -> str:
    return f"~{number:013}"


def page() -> Template:
    return Template(PAGE)


def taken(template: Template, parts: list[Any]) -> list[bool]:
    return _core.apply_foreign(template._tree, check_foreign(parts))


def shown(template: Template) -> str:
    body = template.querySelector("body")
    assert body
    return body.html


def after(nodes: list[Any], *, count: int = 1, parent: Any = "p", before: Any = 0) -> str:
    """Return the HTML of what is in the paragraph when *nodes* were told."""
    template = page()
    taken(template, [parent, before, count, *nodes])
    paragraph = template.querySelector("p")
    assert paragraph
    return paragraph.html.partition(">")[2].removesuffix("</p>")


# --- What is taken -------------------------------------------------------------------------


def test_an_element_comes_in_with_its_id_and_all_in_it() -> None:
    template = page()
    nodes = ["ul", made(1), ["class", "list"], 2, "li", made(2), "one", "li", made(3), 1, -1, "two"]
    assert taken(template, ["p", "b", 1, *nodes]) == [True]
    assert after(nodes, before="b") == (
        'text<ul class="list"><li>one</li><li>two</li></ul><b>bold</b>more'
    )
    found = template.querySelector(".list li", foreign=True)
    assert found
    assert (found.uuid, found.is_foreign) == (made(2), True)


@pytest.mark.parametrize(
    ("before", "html"),
    [
        (0, "text<b>bold</b>more<i>1</i><i>2</i><i>3</i>"),
        ("b", "text<i>1</i><i>2</i><i>3</i><b>bold</b>more"),
        (-1, "<i>1</i><i>2</i><i>3</i>text<b>bold</b>more"),
        (-3, "text<b>bold</b><i>1</i><i>2</i><i>3</i>more"),
    ],
)
def test_elements_side_by_side_keep_their_order(before: Any, html: str) -> None:
    nodes = [part for n in (1, 2, 3) for part in ("i", made(n), str(n))]
    assert after(nodes, count=3, before=before) == html


def test_places_are_those_of_the_page_before_anything_is_taken() -> None:
    template = page()
    runs = [("p", -1, "1"), ("p", "b", "2"), ("p", -3, "3"), ("p", 0, "4")]
    parts = [part for p, b, n in runs for part in (p, b, 1, "i", made(int(n)), n)]
    assert taken(template, parts) == [True] * 4
    paragraph = template.querySelector("p")
    assert paragraph
    assert "<i>1</i>text<i>2</i><b>bold</b><i>3</i>more<i>4</i>" in paragraph.html


@pytest.mark.parametrize("before", [0, "b", -3])
def test_one_that_does_not_fit_takes_no_other_down(before: Any) -> None:
    template = page()
    assert taken(template, ["body", 0, 1, "i", made(2), ""]) == [True]
    nodes = [part for n in (1, 2, 3) for part in ("i", made(n), str(n))]
    assert sum(taken(template, ["p", before, 3, *nodes, "none", 0, 1, "i", made(9), 0])) == 2
    paragraph = template.querySelector("p")
    assert paragraph
    assert "<i>1</i><i>3</i>" in paragraph.html


def test_elements_of_svg_come_in_as_such() -> None:
    nodes = ["svg", made(1), ["viewBox", "0 0 9 9"], 1, "path", made(2), ["d", "M0 0"], 0]
    assert after(nodes, before="b").startswith('text<svg viewBox="0 0 9 9"><path d="M0 0">')


# --- What finds it ---------------------------------------------------------------------------

SHOP = """<header uuid=header></header><p uuid=p>Price <b uuid=price id=price>100</b></p>
<form uuid=form><input name=amount value=1><input type=radio name=r checked></form>
<ul uuid=ul><li uuid=li class=a>1</li></ul><div uuid=left data-sapwood-ignore><p uuid=in></p></div>
<template uuid=template><p uuid=held></p></template>"""


def shop(*parts: Any) -> Template:
    """Return a shop that a browser told *parts* of, all of which were taken."""
    template = Template(SHOP)
    assert all(taken(template, list(parts)))
    return template


PRICE = ["b", made(1), ["id", "price", "class", "forged"], "0.01"]


def test_an_element_of_ours_is_not_shadowed_by_one_before_it() -> None:
    template = shop("header", 0, 1, *PRICE)
    for found in (template.querySelector("#price"), template.getElementById("price")):
        assert found
        assert (found.uuid, found.text) == ("price", "100")
    assert [it.uuid for it in template.querySelectorAll("b, #price, [id=price]")] == ["price"]
    for selector in ("header *", ".forged", "[uuid^='~']", f"[uuid='{made(1)}']"):
        assert template.querySelector(selector) is None, selector


def test_who_asks_for_foreign_elements_finds_them_too() -> None:
    template = shop("header", 0, 1, *PRICE)
    header = template.querySelector("header")
    found = template.getElementById("price", foreign=True)
    assert header
    assert found
    assert found is header.children[0] is header.querySelector("b", foreign=True)
    assert found is template.querySelector("#price", foreign=True)
    assert found is template.querySelectorAll("b", foreign=True)[0]
    assert (found.is_foreign, header.is_foreign, found.text) == (True, False, "0.01")
    assert (found.matches("b"), found.matches("b", foreign=True)) == (False, True)
    assert found.closest("b, header") is header
    assert found.closest("b, header", foreign=True) is found
    assert header.querySelectorAll("*") == []


def test_an_answer_that_was_kept_is_not_given_to_another_question() -> None:
    rows = [part for n in range(300) for part in ("li", made(n), "")]
    template = shop("ul", 0, 300, *rows)
    assert len(template.querySelectorAll("li", foreign=True)) == 301
    assert len(template.querySelectorAll("li")) == 1
    assert len(template.querySelectorAll("li", foreign=True)) == 301


def test_what_an_element_of_ours_says_is_not_changed_by_one_in_it() -> None:
    nested = ["i", made(1), 1, "u", made(2), "99"]
    template = shop("price", 0, 1, *nested, "price", -1, 1, "i", made(3), "1")
    price = template.getElementById("price")
    assert price
    assert price.text == "100"
    assert [it.text for it in price.children] == ["1", "99"]


def test_what_a_form_gives_is_of_fields_of_ours() -> None:
    field = ["input", made(1), ["name", "amount", "value", "9"], 0]
    template = shop("form", 0, 2, *field, "input", made(2), ["name", "admin", "value", "1"], 0)
    assert template.getFormValues() == {"amount": "1", "r": "on"}
    assert template.getFormValues(foreign=True) == {"amount": "9", "r": "on", "admin": "1"}


def test_a_radio_button_that_is_foreign_is_one_of_its_group() -> None:
    template = shop("form", 0, 1, "input", made(1), ["type", "radio", "name", "r"], 0)
    own = template.querySelector("[type=radio]")
    radio = template.querySelector("[type=radio]:not(:checked)", foreign=True)
    assert own
    assert radio
    radio.checked = True
    assert (own.checked, radio.checked) == (False, True)


def test_a_select_has_options_of_its_own_kind() -> None:
    options = ["option", made(2), ["selected", ""], "forged"]
    template = Template("<p uuid=p></p><select uuid=s><option>own</select>")
    parts = ["s", 0, 1, *options, "p", 0, 1, "select", made(3), 1, "option", made(4), "b"]
    assert taken(template, parts) == [True, True]
    selects = template.querySelectorAll("select", foreign=True)
    assert [it.value for it in selects] == ["b", "own"]
    assert [it.text for it in template.querySelectorAll("option:checked")] == ["own"]


def test_what_the_application_puts_into_a_foreign_element_is_found() -> None:
    template = shop("header", 0, 1, "div", made(1), 1, "p", made(2), 0)
    inner = template.querySelector("p", foreign=True)
    assert inner
    own = Element("em", "own", classes=["own"], parent=inner)
    for selector in ("em", "header .own", "header em:first-child:last-child", "em:not(p > em)"):
        assert template.querySelectorAll(selector) == [own], selector
    assert template.querySelectorAll("header:has(.own), header:has(:scope > .own)") == [
        template.querySelector("header")
    ]
    assert template.querySelector("p .own, header > .own") is None
    assert own.closest("p") is None


def test_an_element_that_html_names_so_is_not_foreign() -> None:
    template = Template(f"<header uuid={made(1)}><b uuid={made(2)} id=b>own</b></header>")
    found = template.getElementById("b")
    assert found
    assert (found.uuid, found.is_foreign) == (made(2), False)


def test_it_stays_foreign_wherever_it_is_put() -> None:
    template = shop("header", 0, 1, *PRICE)
    found = template.querySelector("header > b", foreign=True)
    assert found
    found.remove()
    assert found.is_foreign
    other = Template("<body></body>")
    other.root.children[1].append(found)
    assert other.getElementById("price") is None
    assert other.getElementById("price", foreign=True) is found


def test_it_stays_foreign_when_a_change_is_undone() -> None:
    template = shop("header", 0, 1, *PRICE)
    before = template.clone
    header = template.querySelector("header")
    assert header
    header.content = ""
    difference = TemplateDiff()
    difference.track_differences(before, template)
    apply(template, difference.encode())
    assert [it.is_foreign for it in header.children] == [True]
    found = template.getElementById("price")
    assert found
    assert (found.uuid, template.querySelector("header b")) == ("price", None)


@pytest.mark.parametrize("wrapped", [False, True], ids=["alone", "in an element"])
def test_it_stays_foreign_when_the_template_that_keeps_it_is_cloned(wrapped: bool) -> None:
    template = shop("header", 0, 1, "div", made(1), 1, *PRICE[:1], made(2), ["id", "price"], "x")
    found = template.querySelector("div", foreign=True)
    assert found
    found.remove()
    keeper: Any = template
    keeper.kept = Element("section", found) if wrapped else found
    keeper.listed = [found]
    clone: Any = template.clone
    assert clone.kept is not keeper.kept
    assert [it.is_foreign for it in clone.listed[0].walk()] == [True, True]
    clone.root.children[1].prepend(clone.kept)
    shown = clone.getElementById("price")
    assert (shown.uuid, clone.querySelector("div > b")) == ("price", None)


def test_a_copy_is_the_applications_own_with_a_uuid_of_its_own() -> None:
    template = shop("header", 0, 1, "div", made(1), 1, *PRICE[:1], made(2), "x")
    found = template.querySelector("div", foreign=True)
    assert found
    copied = found.clone
    assert [it.is_foreign for it in copied.walk()] == [False, False]
    assert not any(it.uuid.startswith("~") for it in copied.walk())
    found.replace_with(copied)
    assert template.querySelector("header > div") is copied
    assert template.querySelector("header > div > b") is copied.children[0]


def test_a_copy_of_an_element_of_ours_makes_nothing_in_it_ours() -> None:
    template = shop("header", 0, 1, *PRICE)
    header = template.querySelector("header")
    assert header
    copied = header.clone
    assert copied.querySelector("b") is None
    assert (copied.children[0].is_foreign, copied.children[0].uuid[0] == "~") == (True, False)
    header.after(copied)
    assert [it.uuid for it in template.querySelectorAll("b")] == ["price"]
    assert [it.uuid for it in template.clone.querySelectorAll("b")] == ["price"]


# --- What is left out ------------------------------------------------------------------------


@pytest.mark.parametrize("parent", ["left", "in", "template", "held"])
def test_what_is_left_alone_by_both_stays_as_it_is(parent: str) -> None:
    template = Template(SHOP)
    before = template.render_with_uuids()
    assert taken(template, [parent, 0, 1, *PRICE]) == [False]
    assert template.render_with_uuids() == before


def test_what_came_to_be_left_alone_later_is_so_all_the_way_down() -> None:
    template = shop("header", 0, 1, "div", made(1), 1, "b", made(2), 0)
    header, left = template.querySelectorAll("header, [data-sapwood-ignore]")
    moved = header.children[0]
    left.append(moved)
    own = Element("em", parent=moved)
    for parent in (made(1), made(2), own.uuid):
        assert taken(template, [parent, 0, 1, "i", made(9), 0]) == [False], parent
    header.append(moved)
    assert taken(template, [made(2), 0, 1, "i", made(3), 0]) == [True]
    header.attrs["data-sapwood-ignore"] = ""
    assert taken(template, [made(2), 0, 1, "i", made(9), 0]) == [False]


@pytest.mark.parametrize(
    "place", [["ul", 0], ["li", -1], ["li", 0], ["body", "ul"]], ids=["in", "-1", "below", "before"]
)
def test_nothing_comes_to_what_no_browser_is_shown(place: list[Any]) -> None:
    template = Template(f"<body uuid=body>{SHOP}")
    hidden = template.querySelector("ul")
    assert hidden
    hidden.show = False
    assert taken(template, [*place, 1, *PRICE]) == [False]
    hidden.show = True
    assert template.querySelector("[uuid^='~']", foreign=True) is None
    assert taken(template, ["ul", 0, 1, *PRICE]) == [True]


def test_it_is_as_deep_as_html_may_be_and_no_deeper() -> None:
    template, parent, told = Template(SHOP), "header", 0
    while True:
        chain: list[Any] = ["div", made(1000 * told + 1), 0]
        for number in range(2, 101):
            chain = ["div", made(1000 * told + number), 1, *chain]
        if taken(template, [parent, 0, 1, *chain]) == [False]:
            break
        parent, told = made(1000 * told + 1), told + 1
        assert told < 10
    assert told == 5  # 512 in all, and the header is the third
    room = 512 - 3 - 500
    for number in range(1, room + 1):
        assert taken(template, [parent, 0, 1, "i", made(number + 900_000), 0]) == [True]
        parent = made(number + 900_000)
    assert taken(template, [parent, 0, 1, "i", made(1_000_000), 0]) == [False]
    assert Template(template.html).html == template.html


def test_html_has_no_attribute_in_capitals() -> None:
    template = shop("header", 0, 1, "i", made(1), ["viewBox", "0", "preserveAspectRatio", "x"], 0)
    found = template.querySelector("i", foreign=True)
    assert found
    assert dict(found.attrs) == {"viewbox": "0", "preserveaspectratio": "x"}
    template = shop("header", 0, 1, "svg", made(1), ["viewBox", "0"], 0)
    drawn = template.querySelector("svg", foreign=True)
    assert drawn
    assert dict(drawn.attrs) == {"viewBox": "0"}


def test_there_is_room_for_the_applications_own_names() -> None:
    template, told = Template(SHOP), 0
    for size in [100] * 700 + [1] * 100:
        told += size
        names = [part for n in range(size) for part in (f"data-x{told - n}", "")]
        last = taken(template, ["header", 0, 1, "i", made(told), names, 0])
    assert last == [False]
    element = Element("my-own-tag", parent=template.root.children[1])
    element.attrs = {f"data-own{number}": "" for number in range(200)}
    assert taken(template, ["header", 0, 1, "i", made(told + 1), ["data-x1", ""], 0]) == [True]


@pytest.mark.parametrize(
    "ops",
    [
        [2, "li", "x", "1"],
        [1, "li", "x"],
        [7, "price"],
        [5, "script", 0, 1, -1, "alert(1)"],
        [5, "ul", 0, 1, -1, "text"],
        [5, "ul", 0, 1, "script", made(1), 0],
        [5, "ul", 0, 1, "b", made(1), ["onclick", "go"], 0],
        [5, "ul", 0, 1, "b", made(1), ["_onclick", "go"], 0],
        [5, "ul", 0, 1, "b", made(1), [".value", "1"], 0],
        [5, "ul", 0, 1, "b", "given", 0],
    ],
    ids=str,
)
def test_the_core_takes_nothing_but_elements_either(ops: list[Any]) -> None:
    template = Template(SHOP + "<script uuid=script></script>")
    before = template.render_with_uuids()
    assert _core.apply_foreign(template._tree, [json.dumps(ops)]) == [False]
    assert template.render_with_uuids() == before


@pytest.mark.parametrize(
    "tag",
    [
        *"script style link meta base iframe frame frameset object embed template noscript".split(),
        *"title html head body foreignObject animate set use image math x-own DIV".split(),
        *("svg script", "html script", "svg style", "math mi", "svg  a", "x div", " div"),
    ],
)
def test_an_element_that_is_not_listed_is_left_out_with_all_in_it(tag: str) -> None:
    bad = [tag, made(1), 2, "b", made(2), "x", -1, "y"]
    nodes = ["div", made(3), 3, "i", made(4), "1", *bad, "i", made(5), "2"]
    assert after(nodes, before="b") == ("text<div><i>1</i><i>2</i></div><b>bold</b>more")
    assert after([*bad, "i", made(6), ""], count=2) == "text<b>bold</b>more<i></i>"


@pytest.mark.parametrize(
    "name",
    [
        *"onclick ONCLICK onfocus _onclick _onClick uuid srcdoc nonce .value .checked".split(),
        *"formaction form srcset ping is xlink:href xml:base autofocus popovertarget".split(),
        *"style.x data-sapwood-ignore data-onclick-debounce data- aria- =x a/b data-a\nb".split(
            " "
        ),
    ],
)
def test_an_attribute_that_is_not_listed_is_left_out(name: str) -> None:
    nodes = ["i", made(1), ["class", "a", name, "alert(1)", "title", "b"], 0]
    assert after(nodes).endswith('more<i class="a" title="b"></i>')


@pytest.mark.parametrize(
    ("name", "value", "is_taken"),
    [
        ("href", "https://example.org/", True),
        ("href", "HTTP://example.org/", True),
        ("href", "mailto:a@b", True),
        ("href", "tel:1", True),
        ("href", "/a:b?c#d", True),
        ("href", "?a:b", True),
        ("href", "//example.org", True),
        ("href", "", True),
        ("src", "data:image/png;base64,AA", True),
        ("src", "data:image/svg+xml,<svg>", False),
        ("src", "data:image/pngx,", False),
        ("href", "data:text/html,x", False),
        ("href", "javascript:alert(1)", False),
        ("href", " \x01\x1fjAvAsCrIpT:alert(1)", False),
        ("href", "java\nscript:alert(1)", False),
        ("href", "java\tscr\ript\n:alert(1)", False),
        ("poster", "vbscript:x", False),
        ("action", "javascript:x", False),
        ("cite", "blob:x", False),
        ("src", "filesystem:x", False),
        ("style", "color: red; width: calc(1px + 2px)", True),
        ("style", "background: linear-gradient(red, blue)", True),
        ("style", "background: url(//x)", False),
        ("style", "background: URL (//x)", False),
        ("style", r"background: u\72l(//x)", False),
        ("style", "background: image-set('//x' 1x)", False),
        ("style", "@import '//x'", False),
        ("style", "width: expression(alert(1))", False),
        ("fill", "red", True),
        ("fill", "url(//x#y)", False),
        ("data-id", "javascript:x", True),
        ("aria-label", "x", True),
    ],
)
def test_an_address_or_a_style_is_taken_only_if_nothing_runs_or_loads(
    name: str, value: str, is_taken: bool
) -> None:
    (op,) = check_foreign(["p", 0, 1, "a", made(1), [name, value], 0])
    assert json.loads(op)[6:] == ([[name, value], 0] if is_taken else [0])


def test_texts_and_comments_of_the_servers_elements_are_not_taken() -> None:
    assert after([-1, "x", "i", made(1), 0, -2, "y"], count=3) == "text<b>bold</b>more<i></i>"


def test_a_comment_keeps_its_place_and_says_nothing() -> None:
    nodes = ["i", made(1), 3, -1, "a", -2, "--><script>", -1, "b"]
    assert after(nodes).endswith("<i>a<!---->b</i>")


def test_the_character_that_html_cannot_hold_is_replaced() -> None:
    nodes = ["i", made(1), ["title", "a\0b"], "c\0d"]
    assert after(nodes).endswith('<i title="a\ufffdb">c\ufffdd</i>')


@pytest.mark.parametrize("parent", ["br", "script", "title", "area", "none"])
def test_where_nothing_can_be_nothing_comes(parent: str) -> None:
    template = page()
    before = shown(template)
    assert taken(template, [parent, 0, 1, "i", made(1), 0]) == [False]
    assert shown(template) == before


def test_nothing_listed_is_what_must_not_be() -> None:
    assert not TAGS & set("script style link meta base iframe object embed template".split())
    assert not any(name.startswith(("on", "_")) for name in ATTRIBUTES | URLS | STYLES)
    assert not ATTRIBUTES & (URLS | STYLES | {"uuid", "srcdoc", "nonce", "formaction"})


# --- What is refused -------------------------------------------------------------------------

NODE: list[Any] = ["i", made(1), 0]


@pytest.mark.parametrize(
    "parts",
    [
        ["p"],
        ["p", 0],
        ["p", 0, 1],
        ["p", 0, 1, "i"],
        ["p", 0, 1, "i", made(1)],
        ["p", 0, 1, "i", made(1), []],
        ["p", 0, 2, *NODE],
        ["p", 0, 1, "i", made(1), 1],
        ["p", 0, 1, "script", made(1), 2**60],
        ["p", 0, -1],
        ["p", 0, True, *NODE],
        ["p", 0, 1.0, *NODE],
        ["p", False, 1, *NODE],
        ["p", 0.0, 1, *NODE],
        ["p", None, 1, *NODE],
        ["p", "", 1, *NODE],
        ["p", -(2**53), 1, *NODE],
        ["p", 2**53, 1, *NODE],
        [0, 0, 1, *NODE],
        [-1, 0, 1, *NODE],
        [True, 0, 1, *NODE],
        ["x" * 257, 0, 1, *NODE],
        ["\ud800", 0, 1, *NODE],
        [[], 0, 1, *NODE],
        ["p", 0, 1, 0, made(1), 0],
        ["p", 0, 1, -3, "x"],
        ["p", 0, 1, -1, 5],
        ["p", 0, 1, None, made(1), 0],
        ["p", 0, 1, "i", 0, 0],
        ["p", 0, 1, "i", 17, 0],
        ["p", 0, 1, "i", "Xk3f1a", 0],
        ["p", 0, 1, "i", "~" + "1" * 12, 0],
        ["p", 0, 1, "i", "~" + "1" * 64, 0],
        ["p", 0, 1, "i", made(1) + "\n", 0],
        ["p", 0, 1, "i", made(1).upper() + "A", 0],
        ["p", 0, 2, *NODE, *NODE],
        ["p", 0, 1, *NODE, "p", 0, 1, *NODE],
        ["p", 0, 2, "script", made(1), 0, *NODE],
        ["p", 0, 1, "i", made(1), ["a"], 0],
        ["p", 0, 1, "i", made(1), ["a", 1], 0],
        ["p", 0, 1, "i", made(1), ["", "a"], 0],
        ["p", 0, 1, "i", made(1), [".value", True], 0],
        ["p", 0, 1, "i", made(1), {}, 0],
        ["p", 0, 1, "i", made(1), -1],
        ["p", 0, 1, "i", made(1), None],
        ["p", 0, 1, "i", made(1), True],
        ["p", 0, 1, "i", made(1), "\udfff"],
        ["p", 0, 1, "\ud800", made(1), 0],
    ],
    ids=lambda parts: ascii(parts)[:60] + str(len(str(parts))),
)
def test_what_no_browser_of_ours_sends_is_refused(parts: list[Any]) -> None:
    with pytest.raises(FrameError) as raised:
        check_foreign(parts)
    assert raised.value.code == 4400
    assert len(str(raised.value)) < 100


def flat(count: int) -> list[Any]:
    return ["p", 0, count, *(part for n in range(count) for part in ("i", made(n), 0))]


def texts(count: int) -> list[Any]:
    parts = (part for n in range(count // 2) for part in ("i", made(n), "x"))
    return ["p", 0, (count + 1) // 2, *parts, *([-1, "x"] * (count % 2))]


def deep(depth: int) -> list[Any]:
    chain = [part for n in range(depth - 1) for part in ("i", made(n), 1)]
    return ["p", 0, 1, *chain, "i", made(depth), 0]


def attributes(count: int) -> list[Any]:
    return ["p", 0, 1, "i", made(1), [part for n in range(count) for part in (f"data-{n}", "")], 0]


def tag(size: int) -> list[Any]:
    return ["p", 0, 1, "é" * (size // 2) + "x" * (size % 2), made(1), 0]


def name(size: int) -> list[Any]:
    return ["p", 0, 1, "i", made(1), ["x" * size, ""], 0]


def attribute(size: int) -> list[Any]:
    return ["p", 0, 1, "i", made(1), ["title", "é" * (size // 2) + "x" * (size % 2)], 0]


def text(size: int) -> list[Any]:
    return ["p", 0, 1, "i", made(1), 1, -1, "x" * size]


def only_text(size: int) -> list[Any]:
    return ["p", 0, 1, "i", made(1), "x" * size]


def indexes(count: int) -> list[Any]:
    return ["p", -count, 1, *NODE]


@pytest.mark.parametrize(
    ("parts", "limit"),
    [
        (flat, NODES_MAX),
        (texts, NODES_MAX),
        (deep, DEPTH_MAX),
        (attributes, ATTRIBUTES_MAX),
        (tag, NAME_BYTES_MAX),
        (name, NAME_BYTES_MAX),
        (attribute, VALUE_BYTES_MAX),
        (text, VALUE_BYTES_MAX),
        (only_text, VALUE_BYTES_MAX),
        (indexes, INDEXES_MAX),
    ],
)
def test_a_limit_is_met_and_not_passed(parts: Any, limit: int) -> None:
    check_foreign(parts(limit - 1))
    check_foreign(parts(limit))
    with pytest.raises(FrameError):
        check_foreign(parts(limit + 1))


@pytest.mark.parametrize("parent", ["br", "script", "title", "area", "none"])
def test_nothing_comes_below_it_in_the_same_breath(parent: str) -> None:
    template = page()
    inside = ["textarea", made(1), 1, "i", made(2), 0]
    assert taken(template, ["p", 0, 1, *inside, parent, 0, 1, "i", made(3), 0]) == [False] * 2


# --- Whatever comes --------------------------------------------------------------------------

TAGS_TRIED = st.sampled_from(
    "div,p,i,ul,svg,g,path,textarea,table,script,style,iframe,template,DIV,svg script,"
    "html div,svg g,math mi,x y z,p>,é, div".split(",")
)
NAMES_TRIED = st.sampled_from(
    "id,class,href,src,style,onclick,_onclick,uuid,srcdoc,nonce,.value,data-x,"
    "data-sapwood-ignore,data-onclick-debounce,a b,=,\0".split(",")
)
VALUES_TRIED = st.text(max_size=5) | st.sampled_from(
    ["", "x", "p", "javascript:x", "url(x)", "</script><script>", '"><script>', "\0"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
JUNK = SCALARS | st.lists(SCALARS)


@st.composite
def nodes(draw: st.DrawFn, ids: list[int], depth: int = 3) -> list[Any]:
    if draw(st.integers(0, 3)) == 0:
        return [draw(st.sampled_from([-1, -2])), draw(VALUES_TRIED)]
    ids.append(len(ids))
    node: list[Any] = [draw(TAGS_TRIED), made(ids[-1])]
    pairs = draw(st.lists(st.tuples(NAMES_TRIED, VALUES_TRIED), max_size=3))
    if pairs:
        node.append([part for pair in pairs for part in pair])
    children = draw(st.integers(0, 2 if depth else 0))
    if children == 0 and draw(st.booleans()):
        return [*node, draw(VALUES_TRIED)]
    inside = [draw(nodes(ids, depth - 1)) for _ in range(children)]
    return [*node, children, *(part for child in inside for part in child)]


@st.composite
def told(draw: st.DrawFn) -> list[Any]:
    ids: list[int] = []
    parts: list[Any] = []
    for _ in range(draw(st.integers(0, 4))):
        trees = [draw(nodes(ids)) for _ in range(draw(st.integers(0, 3)))]
        place = st.sampled_from([0, 0, *PARENTS, -1, -2, -3, -9])
        parts += [draw(st.sampled_from(PARENTS)), draw(place), len(trees)]
        parts += [part for tree in trees for part in tree]
    if parts and draw(st.integers(0, 9)) == 0:
        parts[draw(st.integers(0, len(parts) - 1))] = draw(JUNK)
    return parts


@given(told() | st.lists(JUNK))
@example(["p", 0, 1, "div", made(1), 1, "script", made(2), "1"])
def test_only_listed_elements_with_made_ids_are_added_and_nothing_else_changes(
    parts: list[Any],
) -> None:
    template = page()
    before = template.render_with_uuids()
    known = {element.uuid for element in template.walk()}
    try:
        ops = check_foreign(parts)
    except FrameError:
        return
    said = {part for part in parts if isinstance(part, str) and part.startswith("~")}
    fits = _core.apply_foreign(template._tree, ops)
    new = [it for it in template.walk() if it.uuid not in known]
    assert bool(new) == any(fits)
    for element in new:
        assert element.uuid in said
        assert element.tag in TAGS
        for name, value in element._attributes():
            assert name in ATTRIBUTES | URLS | STYLES | {"uuid", "data-x"}
            assert not (name in URLS and value.startswith("javascript:"))
            assert not (name in STYLES and "url(" in value)
        assert not element._heard("click")
    outermost = [it for it in new if it.parent is not None and it.parent.uuid in known]
    for element in outermost:
        element.destroy()
    assert template.render_with_uuids() == before


# Each finds something in the page, or would if it had other children.
SELECTORS = [
    *["*", "b", "p > *", "p b", "#x", ".list", "i", "[class]", "*:not(b)", "br + *", "p ~ *"],
    *[":empty", ":first-child", ":last-child", ":only-child", ":nth-child(2)", ":only-of-type"],
    *[":nth-last-child(2)", ":nth-child(1 of b)", ":nth-last-of-type(1)", ":not(:has(*))"],
    *[":has(i)", ":has(> b)", "p:has(+ *)", ":has(~ svg)", ":is(p, body) > :first-child"],
    *["p:not(:has(i + b))", ":root", "svg *", "[uuid^='~']", "head + body *"],
]


@given(told(), st.sampled_from(SELECTORS))
def test_whatever_is_told_selectors_find_what_they_found_before(
    parts: list[Any], selector: str
) -> None:
    template = page()
    before = [it.uuid for it in template.querySelectorAll(selector)]
    try:
        taken(template, parts)
    except FrameError:
        return
    assert [it.uuid for it in template.querySelectorAll(selector)] == before
    first = template.querySelector(selector)
    assert (first.uuid if first else None) == (before[0] if before else None)
    assert [it.uuid for it in template.walk() if it.matches(selector)] == before
    everything = template.querySelectorAll("*", foreign=True)
    assert everything == list(template.walk())


@given(told())
def test_all_ops_together_do_what_each_one_does(parts: list[Any]) -> None:
    one_by_one, together = page(), page()
    try:
        ops = check_foreign(parts)
    except FrameError:
        return
    fits = [_core.apply_foreign(one_by_one._tree, [op])[0] for op in ops]
    assert _core.apply_foreign(together._tree, ops) == fits
    assert together.render_with_uuids() == one_by_one.render_with_uuids()


def seconds(parts: list[Any]) -> float:
    began = time.process_time()
    taken(page(), parts)
    return time.process_time() - began


@pytest.mark.parametrize("parts", [flat, texts, lambda n: indexes(50)[:2] + flat(n)[2:]])
def test_ten_times_as_much_takes_about_ten_times_as_long(parts: Any) -> None:
    small = min(seconds(parts(NODES_MAX // 10)) for _ in range(3))
    large = min(seconds(parts(NODES_MAX)) for _ in range(3))
    assert large < 40 * small
