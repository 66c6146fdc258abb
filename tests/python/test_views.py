"""Views of an element's attributes, classes, style and children act like dicts and lists.

A random life of each is led beside a plain dict or list: results, errors and what is
left must be the same after every step.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sapwood import Element, Template, TreeError


def body(html: str = "") -> Element:
    found = Template(f"<body>{html}</body>").querySelector("body")
    assert found
    return found


def row(count: int = 4) -> Element:
    """Return an element with children named by their place."""
    return Element("ul", [Element("li", str(n)) for n in range(count)])


def texts(parent: Element) -> list[str]:
    return [child.text for child in parent.children]


def outcome(action: Callable[[], Any]) -> Any:
    """Return what *action* returns, or the type of what it raises."""
    try:
        return action()
    except (LookupError, ValueError, TypeError) as error:
        return type(error)


# --- Dicts ---------------------------------------------------------------------------

ATTRIBUTES = "title lang href data-a aria-label x.y".split()
PROPERTIES = "color font-size --Gap -webkit-filter".split()
VALUES = "a red 1px calc(1px+2px)".split()


class _DictLife(RuleBasedStateMachine):
    """What a dict does, done to a view of one element and to a plain dict."""

    names: list[str]

    def view(self) -> Any:
        raise NotImplementedError

    def assign(self, new: Any) -> None:
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.element = Element("p", id="keeps", onclick=print)
        self.element.attrs.clear()
        self.plain: dict[str, str] = {}

    def same(self, action: Callable[[Any], Any]) -> None:
        wanted = outcome(lambda: action(self.plain))
        assert outcome(lambda: action(self.view())) == wanted

    def name(self, data: Any) -> Any:
        return data.draw(st.sampled_from([*self.names, "missing"]))

    def some(self, data: Any) -> dict[str, str]:
        drawn: dict[str, str] = data.draw(
            st.dictionaries(st.sampled_from(self.names), st.sampled_from(VALUES))
        )
        return drawn

    @rule(data=st.data(), value=st.sampled_from(VALUES))
    def set(self, data: Any, value: str) -> None:
        name = data.draw(st.sampled_from(self.names))
        self.same(lambda it: it.__setitem__(name, value))

    @rule(data=st.data(), nothing=st.sampled_from([None, False]))
    def set_to_nothing(self, data: Any, nothing: Any) -> None:
        name = self.name(data)
        self.plain.pop(name, None)
        self.view()[name] = nothing

    @rule(data=st.data())
    def delete(self, data: Any) -> None:
        name = self.name(data)
        self.same(lambda it: it.__delitem__(name))

    @rule(data=st.data(), default=st.sampled_from([(), ("d",), (None,)]))
    def pop(self, data: Any, default: tuple[Any, ...]) -> None:
        name = self.name(data)
        self.same(lambda it: it.pop(name, *default))

    @rule()
    def popitem(self) -> None:
        self.same(lambda it: it.popitem())

    @rule(data=st.data(), value=st.sampled_from(VALUES))
    def setdefault(self, data: Any, value: str) -> None:
        name = data.draw(st.sampled_from(self.names))
        self.same(lambda it: it.setdefault(name, value))

    @rule(data=st.data(), as_pairs=st.booleans())
    def update(self, data: Any, as_pairs: bool) -> None:
        new: Any = self.some(data)
        new = list(new.items()) if as_pairs else new
        self.same(lambda it: it.update(new, **({"lang": "red"} if "lang" in self.names else {})))

    @rule(data=st.data())
    def update_in_place(self, data: Any) -> None:
        new = self.some(data)
        self.same(lambda it: it.__ior__(new) and None)

    @rule(data=st.data())
    def replace(self, data: Any) -> None:
        self.plain = self.some(data)
        self.assign(self.plain)
        # A name that stays keeps its place, where a new dict has a new order.
        self.plain = dict(self.view())

    @rule()
    def clear(self) -> None:
        self.same(lambda it: it.clear())

    @rule(bad=st.sampled_from(["text", 5, [1], [("a",)], None]))
    def update_with_what_is_no_dict(self, bad: Any) -> None:
        self.same(lambda it: it.update(bad))

    @rule(key=st.sampled_from([5, None, [], "", "a b", "\ud800", "_onclick", "uuid"]))
    def ask_for_what_is_no_name(self, key: Any) -> None:
        self.same(lambda it: it.get(key, "no"))
        self.same(lambda it: it[key])
        self.same(lambda it: key in it)
        self.same(lambda it: it.__delitem__(key))

    @rule(data=st.data())
    def read(self, data: Any) -> None:
        name, other = self.name(data), self.some(data)
        self.same(lambda it: (it.get(name), name in it, len(it), bool(it)))
        self.same(lambda it: (it | other, other | dict(it), it.copy()))
        self.same(lambda it: (list(it.items()), list(it.values()), list(reversed(it))))

    @invariant()
    def both_are_the_same(self) -> None:
        assert self.view() == self.plain
        assert (list(self.view()), repr(self.view())) == (list(self.plain), repr(self.plain))
        assert self.element._attribute("_onclick") == ""


class AttributesLife(_DictLife):
    names = ATTRIBUTES

    def view(self) -> Any:
        return self.element.attrs

    def assign(self, new: Any) -> None:
        self.element.attrs = new


class StyleLife(_DictLife):
    names = PROPERTIES

    def view(self) -> Any:
        return self.element.style

    def assign(self, new: Any) -> None:
        self.element.style = new


TestAttributes = AttributesLife.TestCase
TestStyle = StyleLife.TestCase


def test_attrs_and_style_may_be_updated_in_place_on_the_element() -> None:
    made = Element("p")
    made.attrs |= {"title": "t"}
    made.style |= {"color": "red"}
    assert made.html == '<p title="t" style="color: red"></p>'


def test_an_update_of_which_one_is_refused_sets_none() -> None:
    made = Element("p", attrs={"lang": "en"})
    with pytest.raises(ValueError, match="on click"):
        made.attrs.update({"title": "t", "on click": "x"})
    with pytest.raises(ValueError, match="CSS"):
        made.style.update({"color": "red", "top": "1px; left: 0"})
    assert made.html == '<p lang="en"></p>'


def test_attributes_over_the_limit_leave_all_as_it_was() -> None:
    made = Element("p", attrs={f"a{n}": "" for n in range(250)})
    before = made.html
    with pytest.raises(TreeError, match=r"<Element p>.*256 attributes"):
        made.attrs.update({f"b{n}": "" for n in range(7)})
    assert made.html == before


def test_all_attributes_may_be_replaced_by_as_many_others() -> None:
    made = Element("p", attrs={f"a{n}": "" for n in range(256)})
    made.attrs = {f"b{n}": "" for n in range(256)}
    assert list(made.attrs) == [f"b{n}" for n in range(256)]


@pytest.mark.parametrize("name", [None, 5, b"title"])
def test_the_name_of_an_attribute_is_a_string(name: Any) -> None:
    with pytest.raises(TypeError, match="the name of an attribute is a string"):
        Element("p").attrs[name] = "x"


@pytest.mark.parametrize("id", ["a b", " ", "a\n"])
def test_an_id_has_no_spaces(id: str) -> None:
    made = Element("p", id="was")
    with pytest.raises(ValueError, match="an id is a word"):
        made.id = id
    assert made.id == "was"


def test_a_css_property_is_found_however_it_is_spelled() -> None:
    made = body("<p style='COLOR: red; --Gap: 1px'>").children[0]
    assert (made.style["color"], made.style["Color"]) == ("red", "red")
    assert ("--Gap" in made.style, "--gap" in made.style) == (True, False)


@pytest.mark.parametrize("nothing", [None, False])
def test_a_css_property_without_value_is_removed(nothing: Any) -> None:
    made = Element("p", style={"color": "red", "top": nothing})
    made.style["color"] = nothing
    assert made.html == "<p></p>"


def test_a_style_is_no_string() -> None:
    with pytest.raises(TypeError, match="style is a dict"):
        Element("p", style="color: red")  # type: ignore[arg-type]  # that is the point


# --- Lists ---------------------------------------------------------------------------

places = st.integers(-7, 7)
bounds = st.none() | places
steps = st.sampled_from([None, 1, 2, 3, -1, -2, 0])
slices = st.builds(slice, bounds, bounds, steps)


class _ListLife(RuleBasedStateMachine):
    """What a list does, done to a view of one element and to a plain list."""

    #: What may be in the list.
    values: list[Any]
    plain: list[Any]

    def view(self) -> Any:
        raise NotImplementedError

    def assign(self, new: Any) -> None:
        raise NotImplementedError

    def settled(self, new: list[Any]) -> list[Any] | None:
        """Return what the view makes of a list in which a value may be twice, None if nothing."""
        raise NotImplementedError

    def insert_plain(self, index: int, value: Any) -> None:
        raise NotImplementedError

    def some(self, data: Any) -> list[Any]:
        drawn: list[Any] = data.draw(
            st.lists(st.sampled_from(self.values), max_size=4, unique=True)
        )
        return drawn

    def change(self, action: Callable[[Any], Any]) -> None:
        """Do the same to both; where the view refuses a value twice, neither changes."""
        new = list(self.plain)
        wanted = outcome(lambda: action(new))
        settled = self.settled(new)
        if settled is None:
            wanted = ValueError
        else:
            self.plain = settled
        assert outcome(lambda: action(self.view())) == wanted

    @rule(data=st.data(), index=places)
    def insert(self, data: Any, index: int) -> None:
        value = data.draw(st.sampled_from(self.values))
        self.insert_plain(index, value)
        self.view().insert(index, value)

    @rule(data=st.data(), index=places)
    def set(self, data: Any, index: int) -> None:
        value = data.draw(st.sampled_from(self.values))
        self.change(lambda it: it.__setitem__(index, value))

    @rule(data=st.data(), where=slices)
    def set_slice(self, data: Any, where: slice) -> None:
        values = self.some(data)
        self.change(lambda it: it.__setitem__(where, values))

    @rule(where=places | slices)
    def delete(self, where: Any) -> None:
        self.change(lambda it: it.__delitem__(where))

    @rule(index=places)
    def pop(self, index: int) -> None:
        self.change(lambda it: it.pop(index))

    @rule()
    def pop_last(self) -> None:
        self.change(lambda it: it.pop())

    @rule(data=st.data())
    def remove(self, data: Any) -> None:
        value = data.draw(st.sampled_from(self.values))
        self.change(lambda it: it.remove(value))

    @rule(reverse=st.booleans())
    def sort(self, reverse: bool) -> None:
        self.change(lambda it: it.sort(key=str, reverse=reverse))

    @rule()
    def turn_around(self) -> None:
        self.change(lambda it: it.reverse())

    @rule()
    def clear(self) -> None:
        self.change(lambda it: it.clear())

    @rule(data=st.data())
    def replace(self, data: Any) -> None:
        self.plain = self.some(data)
        self.assign(list(self.plain))

    @rule(bad=st.sampled_from([5, None, [5], [None], [[]]]))
    def add_what_is_none(self, bad: Any) -> None:
        assert outcome(lambda: self.view().extend(bad)) is TypeError
        assert outcome(lambda: self.view().__setitem__(slice(0, 2), bad)) is TypeError

    @rule(data=st.data(), where=places | slices, start=places, stop=places)
    def read(self, data: Any, where: Any, start: int, stop: int) -> None:
        value, other = data.draw(st.sampled_from(self.values)), self.some(data)
        for action in (
            lambda it: it[where],
            lambda it: it.index(value),
            lambda it: it.index(value, start, stop),
            lambda it: (it.count(value), value in it, 5 in it, len(it), bool(it)),
            lambda it: (it + other, other + it, it == other, it.copy(), list(reversed(it))),
            lambda it: (it == tuple(it), it == it[:], it == "ab"),
            lambda it: it["x"],
            lambda it: it[10**30],
        ):
            assert outcome(lambda: action(self.view())) == outcome(lambda: action(self.plain))  # noqa: B023 - called at once

    @invariant()
    def both_are_the_same(self) -> None:
        assert self.view() == self.plain
        assert (list(self.view()), repr(self.view())) == (self.plain, repr(self.plain))


class ClassesLife(_ListLife):
    values = "a b c d-1 e:hover/2".split()

    def __init__(self) -> None:
        super().__init__()
        self.element = Element("p")
        self.plain = []

    def view(self) -> Any:
        return self.element.classes

    def assign(self, new: Any) -> None:
        self.element.classes = new

    def settled(self, new: list[Any]) -> list[Any]:
        return list(dict.fromkeys(new))

    def insert_plain(self, index: int, value: Any) -> None:
        if value not in self.plain:
            self.plain.insert(index, value)

    @rule(data=st.data())
    def extend(self, data: Any) -> None:
        values = self.some(data)
        self.change(lambda it: it.extend(values))

    @rule(data=st.data())
    def extend_by_a_string(self, data: Any) -> None:
        values = self.some(data)
        self.plain = self.settled(self.plain + values)
        self.element.classes += "  ".join(values)

    @rule(data=st.data())
    def add_and_discard(self, data: Any) -> None:
        more, less = self.some(data), self.some(data)
        self.view().add(*more)
        self.view().discard(*less)
        self.plain = [it for it in self.settled(self.plain + more) if it not in less]

    @rule(data=st.data())
    def replace_one(self, data: Any) -> None:
        old, new = (data.draw(st.sampled_from(self.values)) for _ in range(2))
        assert self.view().replace(old, new) is (old in self.plain)
        self.plain = self.settled([new if it == old else it for it in self.plain])


class ChildrenLife(_ListLife):
    """Texts and a comment stand between the children, and must stay."""

    @initialize()
    def make(self) -> None:
        self.element = body("<div>one<i>0</i>two<!--three--></div>").children[0]
        self.values = [Element("li", str(n)) for n in range(6)]
        self.plain = list(self.element.children)

    def view(self) -> Any:
        return self.element.children

    def assign(self, new: Any) -> None:
        self.element.children = new

    def settled(self, new: list[Any]) -> list[Any] | None:
        return new if len({id(it) for it in new}) == len(new) else None

    def insert_plain(self, index: int, value: Any) -> None:
        if value in self.plain:
            self.plain.remove(value)
        self.plain.insert(index, value)

    @rule(data=st.data(), in_place=st.booleans())
    def extend(self, data: Any, in_place: bool) -> None:
        values = self.some(data)
        self.plain = [it for it in self.plain if it not in values] + values
        if in_place:
            self.element.children += values
        else:
            self.view().extend(values)

    @rule(data=st.data())
    def append(self, data: Any) -> None:
        value = data.draw(st.sampled_from(self.values))
        self.plain = [it for it in self.plain if it is not value] + [value]
        self.view().append(value)

    @invariant()
    def texts_stay(self) -> None:
        assert "".join(it for it in self.element.content if isinstance(it, str)) == "onetwo"
        assert "<!--three-->" in self.element.html

    @invariant()
    def parents_agree(self) -> None:
        for value in self.values:
            assert (value.parent is self.element) is (value in self.plain)


TestClasses = ClassesLife.TestCase
TestChildren = ChildrenLife.TestCase


@pytest.mark.parametrize("classes", ["a  b", ["a", "b"], ("a", "b"), iter("ab")])
def test_classes_may_be_a_string_of_several(classes: Iterable[str]) -> None:
    assert Element("p", classes=classes).html == '<p class="a b"></p>'


@pytest.mark.parametrize("name", [None, 5, ["a"]])
def test_a_class_is_a_string(name: Any) -> None:
    with pytest.raises(TypeError, match="a class is a string"):
        Element("p", classes=[name])


def test_texts_between_children_stay_when_they_are_cleared() -> None:
    parent = Element("p", ["a", Element("b"), "c"])
    parent.children.clear()
    assert parent.html == "<p>ac</p>"


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


# --- What is special about each ------------------------------------------------------


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
    assert made._attributes() == [("_onclick", ""), ("title", "t")]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("on click", "not a name"),
        ("", "not a name"),
        ("a=b", "not a name"),
        ("a>", "not a name"),
        ("a\0", "not a name"),
        (".value", "not a name"),
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


@pytest.mark.parametrize("name", ["", "a b", "a\n", "\u00a0"])
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


@pytest.mark.parametrize("name", ["attrs", "style", "classes", "children"])
def test_a_copy_of_a_view_is_a_view_of_the_same_element(name: str) -> None:
    element = Element("p", Element("b"), id="a", classes=["c"], style={"top": 0})
    copied = copy.copy(getattr(element, name))
    element.content = element.id = None
    assert type(copied) is type(getattr(element, name))
    assert list(copied) == list(getattr(element, name))


def test_a_style_that_is_set_to_nothing_is_removed_as_in_the_dom() -> None:
    element = Element("p", style={"color": "red", "top": 0, "--x": "1"})
    element.style["color"] = ""
    element.style.update({"top": None, "--x": False})
    assert element.html == "<p></p>"


def test_capitals_in_a_style_are_no_matter_but_those_of_javascript() -> None:
    element = Element("p", style={"COLOR": "red", "--myColor": "red"})
    assert element.style == {"color": "red", "--myColor": "red"}
    assert "backgroundColor" not in element.style
