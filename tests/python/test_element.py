"""Elements: what each property does to the tree, and that views act like Python's own types."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapwood import Element, EventHandler, HandlerError, SelectorSyntaxError, Template, TreeError


def body(html: str = "") -> Element:
    found = Template(f"<body>{html}</body>").querySelector("body")
    assert found
    return found


def row(count: int = 4) -> Element:
    """Return an element with children named by their place."""
    parent = Element("ul")
    parent.content = [Element("li", str(n)) for n in range(count)]
    return parent


def texts(parent: Element) -> list[str]:
    return [child.text for child in parent.children]


class Card(Element):
    """A subclass with a state of its own."""

    def __init__(self, title: str) -> None:
        super().__init__("article", title)
        self.title = title
        self.opened = 0


# --- Making ------------------------------------------------------------------------


def test_a_new_element_says_all_that_it_was_made_with() -> None:
    made = Element(
        "p", "hi", id="x", classes=["a", "b"], style={"color": "red"}, attrs={"title": "t"}
    )
    assert made.html == '<p id="x" class="a b" style="color: red" title="t">hi</p>'


def test_handlers_may_be_keywords() -> None:
    made = Element("button", onclick=print, onfocus=print)
    assert made.html == "<button _onclick _onfocus></button>"


def test_a_keyword_that_is_no_handler_is_refused() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        Element("p", colour="red")


@pytest.mark.parametrize("tag", ["", "1a", "a b", "a>", "<p>", "a\n", "é", "a/", None, 5])
def test_an_impossible_tag_is_refused_by_name(tag: Any) -> None:
    with pytest.raises(ValueError, match="not the name of a tag") as refused:
        Element(tag)
    assert repr(tag) in str(refused.value)


def test_an_object_that_was_never_made_says_what_is_missing() -> None:
    class Careless(Element):
        def __init__(self) -> None:
            pass

    with pytest.raises(RuntimeError, match="super"):
        _ = Careless().tag


def test_an_element_without_parent_has_none() -> None:
    assert Element("p").parent is None


def test_uuids_are_given_once_each() -> None:
    uuids = {Element("p").uuid for _ in range(100)}
    assert len(uuids) == 100


def test_a_uuid_stays() -> None:
    made = Element("p")
    before = made.uuid
    body().children.append(made)
    assert made.uuid == before


def test_repr_names_tag_and_id() -> None:
    assert repr(Element("p", id="x")) == "<Element p#x>"


# --- Content -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "html"),
    [
        ("text", "<p>text</p>"),
        ("", "<p></p>"),
        (None, "<p></p>"),
        (7, "<p>7</p>"),
        (1.5, "<p>1.5</p>"),
        ([], "<p></p>"),
        (["a", 1, "b"], "<p>a1b</p>"),
        (Element("b", "x"), "<p><b>x</b></p>"),
        (["Hello ", Element("b", "you"), "!"], "<p>Hello <b>you</b>!</p>"),
        ((Element("i"), "", Element("b")), "<p><i></i><b></b></p>"),
    ],
)
def test_content_is_written_in_its_order(content: Any, html: str) -> None:
    assert Element("p", content).html == html


def test_content_reads_back_in_its_order() -> None:
    name = Element("b", "you")
    assert Element("p", ["Hello ", name, "!"]).content == ["Hello ", name, "!"]


@pytest.mark.parametrize("content", ["text", ""])
def test_content_of_one_text_is_a_string(content: str) -> None:
    assert Element("p", content).content == content


def test_content_may_be_a_generator() -> None:
    assert Element("p", (str(n) for n in range(3))).text == "012"


def test_bytes_are_no_content() -> None:
    with pytest.raises(TypeError):
        Element("p", b"ab")  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize("item", [object(), ["nested"], b"ab"], ids=["object", "list", "bytes"])
def test_a_wrong_item_leaves_the_content_as_it_was(item: Any) -> None:
    parent = row()
    before = parent.html
    with pytest.raises(TypeError, match="a child is an element, a string or a number"):
        parent.content = ["new", item]
    assert parent.html == before


def test_a_generator_that_fails_leaves_the_content_as_it_was() -> None:
    parent = row()
    before = parent.html
    with pytest.raises(ZeroDivisionError):
        parent.content = (str(1 // n) for n in (1, 0))
    assert parent.html == before


def test_an_ancestor_as_content_is_refused_and_changes_nothing() -> None:
    inner = Element("p", "deep")
    outer = Element("div", ["before", inner])
    with pytest.raises(TreeError, match="into itself"):
        inner.content = ["x", outer]
    assert outer.html == "<div>before<p>deep</p></div>"


def test_text_that_is_no_unicode_leaves_the_content_as_it_was() -> None:
    parent = row()
    before = parent.html
    with pytest.raises(UnicodeEncodeError):
        parent.content = ["new", "\ud800"]
    assert parent.html == before


def test_text_is_what_is_below_joined() -> None:
    assert Element("p", ["a", Element("b", ["b", Element("i", "c")]), "d"]).text == "abcd"


def test_content_that_is_replaced_lives_on_by_itself() -> None:
    held = Element("b", "held")
    parent = Element("p", ["x", held])
    parent.content = "new"
    assert (held.parent, held.html) == (None, "<b>held</b>")


def test_a_child_may_be_kept_in_new_content() -> None:
    held = Element("b", "held")
    parent = Element("p", ["x", held])
    parent.content = [held, "after"]
    assert (parent.html, parent.children[0] is held) == ("<p><b>held</b>after</p>", True)


def test_a_grandchild_may_become_content() -> None:
    inner = Element("b", "in")
    parent = Element("p", Element("i", inner))
    parent.content = inner
    assert parent.html == "<p><b>in</b></p>"


# --- Escaping ----------------------------------------------------------------------

HOSTILE = "<script>alert('1')</script>&amp;\"'{{x}}<!--"


def test_text_is_escaped() -> None:
    assert Element("p", HOSTILE).html == (
        "<p>&lt;script&gt;alert('1')&lt;/script&gt;&amp;amp;\"'{{x}}&lt;!--</p>"
    )


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_text_survives_as_text(text: str) -> None:
    assert body(Element("p", text).html).text == text


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_attribute_value_survives(text: str) -> None:
    (again,) = body(Element("p", attrs={"title": text}).html).children
    assert again.attrs["title"] == text


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_value_of_a_text_area_survives(text: str) -> None:
    (again,) = body(Element("textarea", value=text).html).children
    assert again.value == text


@pytest.mark.parametrize("text", ["a</script><b>", "</SCRIPT >", "x</script"])
def test_a_script_cannot_be_ended_by_its_text(text: str) -> None:
    parsed = body(Element("script", text).html)
    assert [child.tag for child in parsed.children] == ["script"]


def test_a_script_cannot_keep_what_comes_after_it() -> None:
    parsed = body(Element("script", "'<!--<script>'").html + "<p>after</p>")
    assert [child.tag for child in parsed.children] == ["script", "p"]


# --- Attributes, classes, style ----------------------------------------------------


def test_attrs_act_as_a_dict() -> None:
    attrs = Element("a", attrs={"href": "/", "title": "t"}).attrs
    attrs.update(title="u", rel="x")
    del attrs["href"]
    assert (dict(attrs), attrs.get("href"), len(attrs)) == ({"title": "u", "rel": "x"}, None, 2)


@pytest.mark.parametrize(
    ("value", "html"),
    [
        (True, "<p hidden></p>"),
        ("", "<p hidden></p>"),
        (3, '<p hidden="3"></p>'),
        (False, "<p></p>"),
        (None, "<p></p>"),
    ],
)
def test_an_attribute_is_set_as_its_value_says(value: object, html: str) -> None:
    assert Element("p", attrs={"hidden": value}).html == html


def test_assigning_attrs_replaces_them_all() -> None:
    made = Element("p", id="x", classes=["a"], onclick=print)
    made.attrs = {"title": "t"}
    assert made.html == '<p _onclick title="t"></p>'


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("on click", "not a name"),
        ("", "not a name"),
        ("a=b", "not a name"),
        ("a>", "not a name"),
        ("a\0", "not a name"),
        (".value", "not a name"),
        (5, "not a name"),
        ("onclick", "element.on"),
        ("ONLOAD", "element.on"),
        ("_onclick", "element.on"),
        ("_OnClick", "element.on"),
        ("uuid", "for life"),
        ("UUID", "for life"),
    ],
)
def test_an_attribute_with_this_name_is_refused(name: Any, said: str) -> None:
    made = Element("p")
    with pytest.raises(ValueError, match=said) as refused:
        made.attrs[name] = "x"
    assert (repr(name) in str(refused.value), made.html) == (True, "<p></p>")


@pytest.mark.parametrize("name", ["href", "uuid", "_onclick", ".value"])
def test_what_is_not_listed_cannot_be_read_or_deleted(name: str) -> None:
    made = Element("input", value="x", onclick=print)
    assert (made.uuid != "", name in made.attrs) == (True, False)
    with pytest.raises(KeyError):
        del made.attrs[name]


def test_an_element_has_at_most_256_attributes() -> None:
    made = Element("p", attrs={f"a{n}": "" for n in range(256)})
    with pytest.raises(TreeError, match="256 attributes"):
        made.attrs["a256"] = ""


def test_id_is_the_attribute() -> None:
    made = Element("p", id="x")
    made.id = None
    assert (made.id, made.html) == (None, "<p></p>")


def test_classes_hold_each_class_once() -> None:
    made = Element("p", classes=["a", "b", "a"])
    made.classes.append("b")
    made.classes.add("c", "a")
    assert (made.classes == ["a", "b", "c"], made.html) == (True, '<p class="a b c"></p>')


def test_no_class_leaves_no_attribute() -> None:
    made = Element("p", classes=["a"])
    made.classes.discard("a", "b")
    assert made.html == "<p></p>"


@pytest.mark.parametrize("name", ["", "a b", "a\n", None, 5])
def test_an_impossible_class_is_refused_by_name(name: Any) -> None:
    with pytest.raises(ValueError, match="a class is a word") as refused:
        Element("p", classes=[name])
    assert repr(name) in str(refused.value)


@pytest.mark.parametrize("on", [True, False, None])
def test_toggle_says_how_it_left_the_class(on: bool | None) -> None:
    classes = Element("p", classes=["a"]).classes
    assert classes.toggle("a", on) is ("a" in classes) is (on is True)


def test_style_is_a_dict_of_css_properties() -> None:
    made = Element("p", style={"color": "red", "font_size": "2px"})
    made.style["--gap"] = 3
    del made.style["color"]
    assert made.attrs["style"] == "font-size: 2px; --gap: 3"


def test_style_reads_what_is_in_strings_and_parentheses_as_one() -> None:
    (made,) = body("<p style=\"background: url(a;b:c); content: ';:'\">").children
    assert dict(made.style) == {"background": "url(a;b:c)", "content": "';:'"}


@pytest.mark.parametrize("name", ["", "a b", "a:b", "color;x", "1a"])
def test_an_impossible_css_property_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="CSS property"):
        Element("p").style[name] = "x"


def test_a_css_value_cannot_add_a_declaration() -> None:
    made = Element("p")
    with pytest.raises(ValueError, match="CSS"):
        made.style["color"] = "red; position: fixed"


def test_assigning_style_replaces_it() -> None:
    made = Element("p", style={"color": "red"})
    made.style = {"margin": 0}
    assert made.attrs["style"] == "margin: 0"


# --- Children, compared with a list --------------------------------------------------

places = st.integers(-6, 6)
slices = st.slices(4)

READS: dict[str, Callable[[Any], Any]] = {
    "len": len,
    "first": lambda it: it[0],
    "last": lambda it: it[-1],
    "slice": lambda it: it[1:3],
    "steps": lambda it: it[::-2],
    "list": list,
    "reversed": lambda it: list(reversed(it)),
    "bool": bool,
}
CHANGES: dict[str, Callable[[Any, Element], Any]] = {
    "append": lambda it, new: it.append(new),
    "extend": lambda it, new: it.extend([new]),
    "add in place": lambda it, new: it.__iadd__([new]) and None,
    "reverse": lambda it, _: it.reverse(),
    "clear": lambda it, _: it.clear(),
    "remove": lambda it, _: it.remove(it[1]),
    "remove none": lambda it, new: it.remove(new),
    "index of none": lambda it, new: it.index(new),
    "count": lambda it, _: it.count(it[1]),
    "sort": lambda it, _: it.sort(key=lambda each: each.text, reverse=True),
}
INTO_ITSELF: dict[str, Callable[[Element, Element], None]] = {
    "append": lambda inner, outer: inner.children.append(outer),
    "insert": lambda inner, outer: inner.children.insert(0, outer),
    "assign": lambda inner, outer: setattr(inner, "children", [outer]),
    "itself": lambda inner, _: inner.children.append(inner),
    "replace": lambda inner, outer: inner.children[0].replace_with(outer),
}


@pytest.mark.parametrize("reads", READS.values(), ids=READS)
def test_children_read_like_a_list(reads: Callable[[Any], Any]) -> None:
    parent = row()
    assert reads(parent.children) == reads([*parent.querySelectorAll("li")])


def compare(change: Callable[[Any, Element], Any]) -> None:
    """Do the same to children and to a list of them; results and errors must agree."""
    parent, spare = row(), Element("li", "new")
    children, plain = parent.children, list(parent.children)
    outcomes = []
    for target in (plain, children):
        try:
            outcomes.append(change(target, spare))
        except (IndexError, ValueError) as error:
            outcomes.append(type(error))
    assert outcomes[0] == outcomes[1]
    assert list(children) == plain


@given(places)
def test_children_insert_like_a_list(place: int) -> None:
    compare(lambda it, new: it.insert(place, new))


@given(places)
def test_children_pop_like_a_list(place: int) -> None:
    compare(lambda it, _: it.pop(place))


@given(places)
def test_children_are_set_like_those_of_a_list(place: int) -> None:
    compare(lambda it, new: it.__setitem__(place, new))


@given(st.slices(4))
def test_children_delete_slices_like_a_list(where: slice) -> None:
    compare(lambda it, _: it.__delitem__(where))


@given(st.slices(4), st.booleans())
def test_children_set_slices_like_a_list(where: slice, one: bool) -> None:
    compare(lambda it, new: it.__setitem__(where, [new] if one else []))


@given(places, places)
def test_children_find_like_a_list(start: int, stop: int) -> None:
    compare(lambda it, _: it.index(it[2], start, stop))


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_children_change_like_a_list(change: Callable[[Any, Element], Any]) -> None:
    compare(change)


def test_children_know_who_is_one() -> None:
    parent = row()
    assert (parent.children[2] in parent.children, Element("li") in parent.children) == (
        True,
        False,
    )


def test_texts_between_children_stay_when_they_are_cleared() -> None:
    parent = Element("p", ["a", Element("b"), "c"])
    parent.children.clear()
    assert parent.html == "<p>ac</p>"


def test_children_may_be_assigned() -> None:
    parent, new = row(2), Element("li", "new")
    parent.children = [new, parent.children[0]]
    assert texts(parent) == ["new", "0"]


@pytest.mark.parametrize("wrong", ["text", None, 5])
def test_a_wrong_child_leaves_the_children_as_they_were(wrong: Any) -> None:
    parent = row()
    with pytest.raises(TypeError, match="a child is an Element"):
        parent.children[1:3] = [Element("li"), wrong]
    assert texts(parent) == ["0", "1", "2", "3"]


def test_a_child_twice_leaves_the_children_as_they_were() -> None:
    parent = row()
    with pytest.raises(ValueError, match="only once"):
        parent.children = [parent.children[0], parent.children[0]]
    assert texts(parent) == ["0", "1", "2", "3"]


@pytest.mark.parametrize("change", INTO_ITSELF.values(), ids=INTO_ITSELF)
def test_an_element_cannot_go_into_itself(change: Callable[[Element, Element], None]) -> None:
    inner = Element("p", Element("b", "deep"))
    outer = Element("div", inner)
    with pytest.raises(TreeError, match="into itself"):
        change(inner, outer)
    assert outer.html == "<div><p><b>deep</b></p></div>"


def test_a_second_parent_takes_the_child_from_the_first() -> None:
    first, second = row(2), row(0)
    child = first.children[0]
    second.children.append(child)
    assert (texts(first), texts(second), child.parent is second) == (["1"], ["0"], True)


def test_a_child_moves_from_template_to_template() -> None:
    one, other = body("<p>moves</p>"), body()
    (moving,) = one.children
    other.children.append(moving)
    assert (one.html, other.html, other.children[0] is moving) == (
        "<body></body>",
        "<body><p>moves</p></body>",
        True,
    )


# --- Removing and replacing ----------------------------------------------------------


def test_a_removed_element_can_come_back_as_the_same_object() -> None:
    parent = body("<p id=x><b>in</b></p>")
    (child,) = parent.children
    inner, uuid = child.children[0], child.uuid
    child.remove()
    assert (parent.html, child.parent) == ("<body></body>", None)
    parent.children.append(child)
    assert (child.children[0] is inner, child.uuid) == (True, uuid)


def test_removing_twice_is_no_error() -> None:
    child = row().children[0]
    child.remove()
    child.remove()
    assert child.parent is None


def test_an_element_is_replaced_where_it_is() -> None:
    parent, new = row(3), Element("li", "new")
    old = parent.children[1]
    old.replace_with(new)
    assert (texts(parent), old.parent) == (["0", "new", "2"], None)


def test_an_element_may_be_replaced_by_text() -> None:
    parent = row(3)
    parent.children[1].replace_with("text")
    assert parent.content == [parent.children[0], "text", parent.children[1]]


def test_an_element_may_be_replaced_by_its_sibling() -> None:
    parent = row(3)
    parent.children[0].replace_with(parent.children[2])
    assert texts(parent) == ["2", "1"]


def test_an_element_may_be_replaced_by_its_child() -> None:
    parent = Element("div", Element("p", Element("b", "in")))
    parent.children[0].replace_with(parent.children[0].children[0])
    assert parent.html == "<div><b>in</b></div>"


def test_only_a_child_can_be_replaced() -> None:
    with pytest.raises(ValueError, match="no parent"):
        Element("p").replace_with("x")


def test_a_new_tag_keeps_all_else() -> None:
    made = Element("p", ["a", Element("b")], id="x", onclick=print)
    uuid = made.uuid
    made.tag = "h1"
    assert (made.html, made.uuid) == ('<h1 id="x" _onclick>a<b></b></h1>', uuid)


# --- Finding -------------------------------------------------------------------------


def test_a_selector_finds_the_same_object_every_time() -> None:
    parent = body("<p><b class=x>1</b></p>")
    found = parent.querySelector("p .x")
    assert found is not None
    assert found is parent.querySelectorAll("b")[0] is parent.children[0].children[0]


def test_nothing_found_is_none() -> None:
    assert (body().querySelector("p"), body().querySelectorAll("p")) == (None, [])


def test_a_selector_looks_below_the_element_only() -> None:
    outer = body("<div id=a><p>1</p></div><p>2</p>")
    assert [e.text for e in outer.children[0].querySelectorAll("p, div")] == ["1"]


def test_closest_and_matches_look_at_the_element_too() -> None:
    parent = body("<div class=x><p><b></b></p></div>")
    inner = parent.querySelector("b")
    assert inner
    found = inner.closest(".x")
    assert (found is parent.children[0], inner.matches("p > b")) == (True, True)


def test_what_is_no_selector_is_told_with_its_place() -> None:
    with pytest.raises(SelectorSyntaxError, match="at character 2"):
        body().querySelector("p[[")


def test_walk_goes_parents_first() -> None:
    parent = body("<div><p></p></div><b></b>")
    assert [each.tag for each in parent.walk()] == ["body", "div", "p", "b"]


# --- Fields --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "value"),
    [
        ("<input value=x>", "x"),
        ("<input>", ""),
        ("<textarea>\n a\nb</textarea>", " a\nb"),
        ("<select><option>a<option>b</select>", "a"),
        ("<select><option value=1>a<option selected value=2>b</select>", "2"),
        ("<select><option> two  words </select>", "two words"),
        ("<select></select>", ""),
        ("<select multiple><option selected>a<option>b<option selected>c</select>", ["a", "c"]),
        ("<li value=3>", "3"),
        ("<p>", ""),
    ],
)
def test_a_field_holds_what_its_html_says(html: str, value: object) -> None:
    assert body(html).children[0].value == value


@pytest.mark.parametrize(
    ("html", "value", "shown"),
    [
        ("<input value=x>", "y", '<input value="y">'),
        ("<input value=x>", None, "<input value>"),
        ("<textarea>x</textarea>", "<y>", "<textarea>\n&lt;y&gt;</textarea>"),
        (
            "<select><option>a</option><option selected>b</option></select>",
            "a",
            "<select><option selected>a</option><option>b</option></select>",
        ),
        (
            "<select multiple><option>a</option><option>b</option></select>",
            ["a", "b"],
            "<select multiple><option selected>a</option><option selected>b</option></select>",
        ),
        ("<li value=1></li>", 7, '<li value="7"></li>'),
    ],
)
def test_a_value_that_was_set_shows_in_the_html(html: str, value: Any, shown: str) -> None:
    field = body(html).children[0]
    field.value = value
    assert field.html == shown


@pytest.mark.parametrize("value", ["", "y", ["a", "b"]])
def test_a_value_reads_back_as_it_was_set(value: Any) -> None:
    made = Element("select", attrs={"multiple": isinstance(value, list)})
    made.value = value
    assert made.value == value


def test_a_number_becomes_a_value_as_text() -> None:
    made = Element("input")
    made.value = 1.5
    assert made.value == "1.5"


def test_a_box_is_ticked_as_its_html_says_until_it_is_set() -> None:
    box = body("<input type=checkbox checked>").children[0]
    before, box.checked = box.checked, False
    assert (before, box.checked, box.html) == (True, False, '<input type="checkbox">')


def test_a_ticked_box_shows_in_the_html() -> None:
    box = Element("input", attrs={"type": "checkbox"})
    box.checked = True
    assert box.html == '<input type="checkbox" checked>'


# --- Clones --------------------------------------------------------------------------


def test_a_clone_is_equal_and_apart() -> None:
    original = Element("div", ["a", Element("b", "c")], id="x")
    copy = original.clone
    copy.children[0].content = "changed"
    assert (original.text, copy.text) == ("ac", "achanged")


def test_a_clone_beside_its_original_gets_uuids_of_its_own() -> None:
    parent = body("<p><b></b></p>")
    copy = parent.children[0].clone
    parent.children.append(copy)
    uuids = [each.uuid for each in parent.walk()]
    assert len(set(uuids)) == 5


def test_a_clone_in_place_of_its_original_keeps_the_uuids() -> None:
    parent = body("<p><b></b></p>")
    (original,) = parent.children
    copy, uuid = original.clone, original.uuid
    original.remove()
    parent.children.append(copy)
    assert copy.uuid == uuid


def test_a_clone_has_its_originals_class_and_attributes() -> None:
    card = Card("t")
    card.opened = 3
    copy = card.clone
    copy.opened += 1
    assert (type(copy), copy.title, copy.opened, card.opened) == (Card, "t", 4, 3)


def test_a_clone_has_handlers_of_its_own() -> None:
    original = Element("div", Element("button", onclick=print))
    copy = original.clone
    copy.children[0].on("click", repr)
    heard = [each.children[0]._handlers_of() for each in (original, copy)]
    assert heard == [{"click": [print]}, {"click": [print, repr]}]


# --- Handlers ------------------------------------------------------------------------


def test_a_subscription_ends_once() -> None:
    made = Element("button")
    subscription = made.on("click", print)
    subscription.off()
    subscription.off()
    assert (made.html, made._handlers_of()) == ("<button></button>", {"click": []})


def test_the_mark_stays_while_another_handler_listens() -> None:
    made = Element("button", onclick=repr)
    made.on("click", print).off()
    assert made.html == "<button _onclick></button>"


def test_a_handler_named_in_the_html_outlives_a_subscription() -> None:
    class Page(Template):
        def go(self) -> None:
            pass

    button = Page("<button _onclick=go></button>").querySelector("button")
    assert button
    button.on("click", print).off()
    assert "_onclick" in button.html


@pytest.mark.parametrize(
    "handler",
    [None, "print", lambda one, two: None, lambda *, key: None],
    ids=["none", "a name", "two arguments", "a keyword"],
)
def test_what_cannot_be_called_with_an_event_is_refused_at_once(handler: Any) -> None:
    made = Element("button")
    with pytest.raises(HandlerError):
        made.on("click", handler)
    assert made.html == "<button></button>"


@pytest.mark.parametrize(
    "handler",
    [
        print,
        lambda: None,
        lambda event: None,
        lambda event, more=1: None,
        lambda *all: None,
        EventHandler.stop_propagation,
    ],
    ids=["built-in", "none", "one", "one and a default", "any", "method"],
)
def test_what_can_be_called_with_an_event_is_taken(handler: Any) -> None:
    assert Element("button", onclick=handler).html == "<button _onclick></button>"


@pytest.mark.parametrize("name", ["", "my click", "click>", "é", "1"])
def test_an_impossible_event_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match="not the name of an event"):
        Element("p").on(name, print)


def test_an_event_is_called_without_on() -> None:
    with pytest.raises(ValueError, match="'click', not 'onclick'"):
        Element("p").on("onclick", print)


def test_ticking_a_radio_button_clears_the_others_of_its_group() -> None:
    radios = "<input type=radio name=r value=p><input type=radio name=r value=q checked>"
    page = Template(f"<form>{radios}</form><form>{radios}</form>")
    page.querySelectorAll("input")[0].checked = True
    assert [radio.checked for radio in page.querySelectorAll("input")] == [True, False, False, True]


# --- Objects -------------------------------------------------------------------------


def test_a_subclass_is_the_same_object_wherever_it_is() -> None:
    card, parent = Card("t"), body()
    for _ in range(2):
        parent.children.append(card)
        gc.collect()
        assert parent.querySelector("article") is card
        card.remove()
    assert (card.title, card.html) == ("t", "<article>t</article>")


def test_an_object_below_one_that_is_removed_goes_along() -> None:
    card, parent = Card("t"), body("<div></div>")
    (outer,) = parent.children
    outer.children.append(card)
    outer.remove()
    assert (card.parent is outer, card.opened) == (True, 0)


def test_an_object_keeps_its_attributes_when_only_the_tree_holds_it() -> None:
    parent = body()
    parent.children.append(Card("t"))
    gc.collect()
    (found,) = parent.children
    assert isinstance(found, Card)
    assert found.title == "t"


def test_elements_that_nobody_holds_are_collected() -> None:
    card, parent = Card("t"), body()
    parent.children.append(card)
    parent.children.clear()
    seen = weakref.ref(card)
    del card
    gc.collect()
    assert seen() is None


def test_a_thousand_pages_with_handlers_leave_nothing_behind() -> None:
    class Page(Template):
        def __init__(self) -> None:
            super().__init__("<body><button _onclick=go>x</button></body>")
            self.button = self.querySelector("button")
            self.card = Card("t")
            assert self.button
            self.button.on("click", lambda: self.go())
            self.root.children[1].children.append(self.card)
            self.card.on("click", self.go)

        def go(self) -> None:
            pass

    seen = [weakref.ref(Page()) for _ in range(1000)]
    seen += [weakref.ref(page().clone) for page in seen if page() is not None]
    gc.collect()
    assert not any(page() for page in seen)


def test_names_are_spelled_as_html_spells_them_once_an_element_has_its_place() -> None:
    page = Template("<body>")
    body = page.querySelector("body")
    assert body
    box = Element("DIV", "x", attrs={"dataFoo": "1"})
    picture = Element("svg", Element("linearGradient", attrs={"gradientUnits": "u"}))
    body.children.extend([box, picture])
    box.attrs["Title"] = "t"
    assert box.html == '<div datafoo="1" title="t">x</div>'
    assert (box.attrs["dataFoo"], box.attrs["Title"]) == ("1", "t")
    assert '<linearGradient gradientUnits="u">' in picture.html


def test_a_void_element_takes_no_children() -> None:
    line = Element("br")
    with pytest.raises(TreeError, match="void"):
        line.content = "text"
    with pytest.raises(TreeError, match="void"):
        line.children.append(Element("b"))
    assert line.html == "<br>"


def test_an_element_twice_in_one_content_is_refused() -> None:
    parent, child = Element("p", "before"), Element("b")
    with pytest.raises(ValueError, match="only once"):
        parent.content = [child, "x", child]
    assert parent.content == "before"


def test_the_value_of_a_box_is_what_it_stands_for() -> None:
    page = Template("<input type=checkbox name=c checked>")
    box = page.querySelector("input")
    assert box
    box.value = "yes"
    assert page.getFormValues() == {"c": "yes"}


@pytest.mark.parametrize(
    "value",
    [
        'red/*"*/;position:fixed;/*"*/',
        '\\";position:fixed;"',
        '"a\n;position:fixed;x:"',
        "red; top: 0",
        "url(x",
        '"open',
        "a)b",
        "}",
        "",
    ],
)
def test_a_style_cannot_smuggle_another_declaration_in(value: str) -> None:
    element = Element("p")
    with pytest.raises(ValueError, match="one CSS property"):
        element.style["color"] = value
    assert element.html == "<p></p>"


@pytest.mark.parametrize(
    "value", ["red", "calc((1px + 2px) * 3)", 'url("data:image/png;base64,AA==")', "'a;b' 1px"]
)
def test_a_style_takes_what_is_one_value(value: str) -> None:
    element = Element("p")
    element.style["background"] = value
    assert element.style["background"] == value
