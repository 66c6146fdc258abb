"""Elements: what each property does to the tree, and that views act like Python's own types."""

from __future__ import annotations

import copy
import gc
import weakref
from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapwood import Element, SelectorSyntaxError, Template, TreeError, _core


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
    assert (made.onclick, made.onfocus) == (print, print)
    assert made._attributes() == [("_onclick", ""), ("_onfocus", "")]


def test_a_parent_may_be_given() -> None:
    parent = Element("ul", "first")
    made = Element("li", "second", parent=parent)
    assert (parent.html, made.parent is parent) == ("<ul>first<li>second</li></ul>", True)


def test_what_is_yours_stays_in_python() -> None:
    made = Element("p", data={"price": 5})
    made.message = made  # type: ignore[attr-defined]  # any attribute may be set
    made.href = "/"  # type: ignore[attr-defined]
    assert (made.data, Element("p").data, made.html) == ({"price": 5}, None, "<p></p>")


def test_void_elements_are_known_however_they_are_spelled() -> None:
    assert Element("BR").html == "<br>"


def test_svg_is_known_however_it_is_spelled() -> None:
    parent = body()
    parent.children.append(Element("SVG", Element("linearGradient")))
    assert parent.children[0].html == "<svg><linearGradient></linearGradient></svg>"


def test_more_attributes_than_a_lone_element_keeps_by_itself_are_all_there() -> None:
    made = Element("p", attrs={f"a{n}": n for n in range(40)})
    made.attrs["a7"] = "x"
    del made.attrs["a39"]
    assert dict(made.attrs) == {f"a{n}": "x" if n == 7 else str(n) for n in range(39)}


def test_a_lone_element_reads_and_writes_as_one_that_has_its_tree() -> None:
    lone, placed = Element("p", "x", id="a"), Element("p", "x", id="a")
    assert placed.uuid
    for it in (lone, placed):
        it.attrs["title"] = "t"
        it.attrs["title"] = "u"
        it.id = None
        it.text = 5
    assert (lone.tag, lone.content, lone.attrs.get("id")) == ("p", "5", None)
    assert lone.html == placed.html == '<p title="u">5</p>'


def test_a_keyword_that_is_no_handler_is_refused() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        Element("p", colour="red")


@pytest.mark.parametrize("tag", ["", "1a", "a b", "a>", "<p>", "a\n", "é", "a/", "\ud800"])
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
        (Decimal("1.50"), "<p>1.50</p>"),
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


@pytest.mark.parametrize(("text", "html"), [("<b>", "&lt;b&gt;"), (5, "5"), (None, ""), ("", "")])
def test_text_may_be_set(text: Any, html: str) -> None:
    made = Element("p", ["a", Element("b", "c")])
    made.text = text
    assert made.html == f"<p>{html}</p>"


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


# --- Moving ---------------------------------------------------------------------------

INTO_ITSELF: dict[str, Callable[[Element, Element], None]] = {
    "append": lambda inner, outer: inner.children.append(outer),
    "insert": lambda inner, outer: inner.children.insert(0, outer),
    "assign": lambda inner, outer: setattr(inner, "children", [outer]),
    "itself": lambda inner, _: inner.children.append(inner),
    "replace": lambda inner, outer: inner.children[0].replace_with(outer),
}


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


def test_an_element_may_be_replaced_by_several_and_itself() -> None:
    parent = row(3)
    child = parent.children[1]
    child.replace_with("before", child, Element("li", "after"))
    assert parent.text == "0before1after2"
    assert child.parent is parent


PLACES: dict[str, tuple[Callable[[Element, Element], None], str]] = {
    "append": (lambda it, new: it.append("+", new, 5), "a<i>b<u></u>c+<b></b>5</i>d"),
    "prepend": (lambda it, new: it.prepend("+", new, 5), "a<i>+<b></b>5b<u></u>c</i>d"),
    "before": (lambda it, new: it.before("+", new, 5), "a+<b></b>5<i>b<u></u>c</i>d"),
    "after": (lambda it, new: it.after("+", new, 5), "a<i>b<u></u>c</i>+<b></b>5d"),
    "replace": (lambda it, new: it.replace_with("+", new, 5), "a+<b></b>5d"),
    "append its own": (lambda it, _: it.append(it.children[0]), "a<i>bc<u></u></i>d"),
    "prepend its own": (lambda it, _: it.prepend(it.children[0], "+"), "a<i><u></u>+bc</i>d"),
    "before itself": (lambda it, new: it.before(new, it, "+"), "a<b></b><i>b<u></u>c</i>+d"),
    "after itself": (lambda it, new: it.after("+", it, new), "a+<i>b<u></u>c</i><b></b>d"),
    "nothing": (lambda it, _: it.append(), "a<i>b<u></u>c</i>d"),
    "empty texts": (lambda it, _: it.append("", None), "a<i>b<u></u>c</i>d"),
}


@pytest.mark.parametrize(("put", "html"), PLACES.values(), ids=PLACES)
def test_texts_and_elements_go_where_the_dom_puts_them(
    put: Callable[[Element, Element], None], html: str
) -> None:
    parent = body("a<i>b<u></u>c</i>d")
    put(parent.children[0], Element("b"))
    assert parent.html == f"<body>{html}</body>"


@pytest.mark.parametrize("place", [0, 1, 3, -1, -4])
def test_a_child_is_found_from_both_ends(place: int) -> None:
    parent = body("a<i>0</i>b<!--c--><i>1</i><i>2</i>d<i>3</i>e")
    assert parent.children[place] is parent.querySelectorAll("i")[place]


def test_a_new_tag_keeps_all_else() -> None:
    made = Element("p", ["a", Element("b")], id="x", onclick=print)
    uuid = made.uuid
    made.tag = "h1"
    assert (made.html, made.uuid) == ('<h1 id="x">a<b></b></h1>', uuid)
    assert (made._attribute("_onclick"), made._heard("click")) == ("", [print])


@pytest.mark.parametrize("tag", ["textarea", "script", "STYLE", "title", "noscript", "iframe"])
def test_what_a_parser_reads_as_text_takes_no_elements(tag: str) -> None:
    made = Element(tag, "text")
    for refused in (
        lambda: Element(tag, ["a", Element("b")]),
        lambda: made.append(Element("b")),
        lambda: made.children.insert(0, Element("b")),
        lambda: setattr(Element("p", ["a", Element("b")]), "tag", tag),
    ):
        with pytest.raises(TreeError, match="would read elements in here as text"):
            refused()
    assert made.content == "text"
    made.content = ["more ", "text"]
    assert made.content == "more text"


def test_svg_has_titles_and_styles_with_elements() -> None:
    drawing = body("<svg><title>a<b></b></title></svg>").children[0]
    drawing.children[0].append(Element("a"))
    assert drawing.html == "<svg><title>a<b></b><a></a></title></svg>"


def test_content_is_a_string_as_long_as_there_are_no_elements() -> None:
    made = body("<p>one<!--c--><b></b>two</p>").children[0]
    assert made.content == ["one", made.children[0], "two"]
    made.children.clear()
    assert made.content == "onetwo"
    made.append("three")
    assert made.content == "onetwothree"


PUTS: dict[str, Callable[[Element, str], object]] = {
    "content": lambda it, text: setattr(it, "content", text),
    "append": lambda it, text: it.append("x", text),
    "text": lambda it, text: setattr(it, "text", text),
    "attrs": lambda it, text: it.attrs.update(title=text),
    "id": lambda it, text: setattr(it, "id", text),
    "style": lambda it, text: it.style.update(color=text),
    "classes": lambda it, text: it.classes.append(text),
}


@pytest.mark.parametrize("put", PUTS.values(), ids=PUTS)
def test_nul_is_in_no_page(put: Callable[[Element, str], object]) -> None:
    for made in (Element("p", id="p"), body("<p id=p></p>").children[0]):
        with pytest.raises(ValueError, match=r"NUL, which is at \d+ of .*, in <Element p#p>"):
            put(made, "a\0b")
        assert made.html == '<p id="p"></p>'


def test_html_can_be_made_a_page_again() -> None:
    class Page(Template):
        def go(self) -> None: ...

    page = Page("<button _onclick=go>go</button><p>x</p>")
    page.querySelectorAll("p")[0].onclick = print
    assert Page(page.html).html == page.html


def test_a_reorder_makes_nothing_else_of_what_moves() -> None:
    made = body("<div><span viewBox=a>1</span><span>2</span></div>").children[0]
    made.tag = "svg"
    for _ in range(2):
        before = made._tree.fork()
        made.children.reverse()
        assert [name for name, *_ in _core.diff(made._tree, before).operations()] == ["move"]


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


class Counter(Element):
    """A subclass made of others, which it keeps, with methods as handlers."""

    __slots__ = ("kept",)

    def __init__(self) -> None:
        self.shown = Element("b", "0")
        self.button = Element("button", "+1", onclick=self.increment)
        super().__init__("div", [self.shown, self.button])
        self.kept: list[object] = [1]

    def increment(self) -> None:
        self.shown.content = int(str(self.shown.content)) + 1


COPIES: dict[str, Callable[[Counter], Counter]] = {
    "clone": lambda it: it.clone,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "deepcopy in a list": lambda it: copy.deepcopy([it.shown, it])[1],
}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_copy_keeps_its_own_elements_and_calls_its_own_methods(
    copied: Callable[[Counter], Counter],
) -> None:
    original = Counter()
    made = copied(original)
    made.button._heard("click")[0]()
    assert (original.text, made.text, made.shown.parent is made) == ("0+1", "1+1", True)


def test_only_a_deep_copy_copies_what_else_an_element_has() -> None:
    original = Counter()
    original.kept.append(SimpleNamespace(of="the user's"))
    shared, apart = original.clone, copy.deepcopy(original)
    assert shared.kept == apart.kept == original.kept
    assert shared.kept is not original.kept
    assert shared.kept[1] is original.kept[1] is not apart.kept[1]


def test_a_copied_template_has_elements_of_its_own_also_in_elements() -> None:
    page, counter = Template("<body>"), Counter()
    page.root.children[1].append(counter)
    for made in (page.clone, copy.copy(page)):
        found = made.querySelector("div")
        assert isinstance(found, Counter)
        assert found.shown is made.querySelector("b") is not counter.shown
        found.button._heard("click")[0]()
        assert (counter.text, found.text) == ("0+1", "1+1")


def test_a_clone_has_handlers_of_its_own() -> None:
    original = Element("div", Element("button", onclick=print))
    copy = original.clone
    copy.children[0].on("click", repr)
    heard = [each.children[0]._heard("click") for each in (original, copy)]
    assert heard == [[print], [print, repr]]


# --- Destroying ----------------------------------------------------------------------


def test_what_was_destroyed_is_out_of_the_page_with_all_below_it() -> None:
    parent, card = body("<div></div>"), Card("t")
    outer = parent.children[0]
    outer.append(card)
    card.on("click", print)
    outer.destroy()
    outer.destroy()
    assert (parent.html, len(parent.children), card._heard("click")) == ("<body></body>", 0, [])
    assert outer not in parent.children
    for gone in (outer, card):
        for use in (lambda it: it.tag, lambda it: it.on("click", print), lambda it: it.clone):
            with pytest.raises(TreeError, match="destroyed"):
                use(gone)
    assert repr(card) == "<Card article that was destroyed>"


def test_what_was_destroyed_does_not_come_back_in_a_clone() -> None:
    page = Template("<body><p id=x></p>")
    found = page.getElementById("x")
    assert found
    found.destroy()
    assert page.clone.getElementById("x") is None


def test_an_element_that_is_alone_can_be_destroyed() -> None:
    made = Element("p", onclick=print)
    made.destroy()
    with pytest.raises(TreeError, match="destroyed"):
        made.remove()


def test_what_was_destroyed_is_freed() -> None:
    parent, card = body(), Card("t")
    parent.append(card)
    card.destroy()
    seen = weakref.ref(card)
    del card
    assert seen() is None


def test_a_subscription_to_what_was_destroyed_ends_quietly() -> None:
    made = Element("p")
    subscription = made.on("click", print)
    made.destroy()
    subscription.off()
    assert made._heard("click") == []


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


class Same(Element):
    """Equal to everything, and not hashable: the core goes by what an object is."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


def test_equality_of_a_subclass_does_not_confuse_anything() -> None:
    first, second, third = Same("i", "1"), Same("i", "2"), Same("i", "3")
    parent = Element("p", [first, second])
    parent.children.append(third)
    parent.children.remove(second)
    parent.children.insert(0, third)
    assert (parent.text, second in parent.children) == ("31", False)
    assert parent.children.index(first) == 1
    third.replace_with(second, third)
    assert parent.text == "231"


def test_elements_that_are_held_outlive_those_around_them() -> None:
    parent = body("<ul><li><b>held</b></li><li>not</li></ul>")
    (lists,) = parent.children
    held, seen = lists.children[0].children[0], weakref.ref(lists.children[1])
    lists.children.clear()
    gc.collect()
    assert (held.parent.html if held.parent else "", seen()) == ("<li><b>held</b></li>", None)


def test_lone_elements_that_nobody_holds_are_collected() -> None:
    made = Element("p", "never placed", data=[])
    made.data.append(made)
    seen = weakref.ref(made)
    del made
    gc.collect()
    assert seen() is None


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


def test_what_was_destroyed_says_what_it_was() -> None:
    page = Template("<p id=a><b></b>")
    paragraph, alone, gone = page.querySelector("#a"), Element("i"), Element("u", id="x" * 70)
    assert paragraph
    bold = paragraph.children[0]
    for element in (paragraph, alone, gone):
        element.destroy()
    names = ["p#a", "b", "i", f"u#{'x' * 60}…"]
    for name, element in zip(names, (paragraph, bold, alone, gone), strict=True):
        assert repr(element) == f"<Element {name} that was destroyed>"
        with pytest.raises(TreeError, match=f"^<Element {name}> was destroyed: "):
            element.text = "x"


@pytest.mark.parametrize(
    ("name", "mend"),
    [("disabled", r"attrs\['disabled'\]"), ("innerHTML", "content"), ("className", "classes")],
)
def test_a_name_of_the_dom_that_would_do_nothing_says_what_is_meant(name: str, mend: str) -> None:
    element = Element("input")
    with pytest.raises(AttributeError, match=f"no '{name}', as in the DOM; .*{mend}"):
        setattr(element, name, True)
    with pytest.raises(AttributeError, match=name):
        getattr(element, name)
    assert not hasattr(element, name)
    element.anything = "mine"
    assert element.anything == "mine"
