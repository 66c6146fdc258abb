"""Queries: what selectors find, beside a matcher that reads like the standard."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapwood import Element, SelectorSyntaxError, Template

# --- The other matcher -----------------------------------------------------------
# A selector is made as its text and as a function that says of one element whether it
# is meant. The functions only look at an element's parent, children, tag and attributes.

Meaning = Callable[[Element], bool]


@dataclass(frozen=True)
class Selector:
    text: str
    means: Meaning


def siblings(element: Element) -> list[Element]:
    return list(element.parent.children) if element.parent else [element]


def ancestors(element: Element) -> list[Element]:
    return [element.parent, *ancestors(element.parent)] if element.parent else []


def before(element: Element) -> list[Element]:
    """Return the siblings before an element, nearest first."""
    all_of_them = siblings(element)
    return all_of_them[: all_of_them.index(element)][::-1]


def after(element: Element) -> list[Element]:
    all_of_them = siblings(element)
    return all_of_them[all_of_them.index(element) + 1 :]


def below(element: Element) -> list[Element]:
    return [other for child in element.children for other in [child, *below(child)]]


def tag(name: str) -> Selector:
    return Selector(name, lambda e: e.tag == name.lower())


def css_class(name: str) -> Selector:
    return Selector(f".{name}", lambda e: name in (e.attrs.get("class") or "").split())


def css_id(name: str) -> Selector:
    return Selector(f"#{name}", lambda e: e.attrs.get("id") == name)


def title(operator: str, value: str, *, is_loose: bool) -> Selector:
    def fits(own: str, wanted: str) -> bool:
        if operator == "=":
            return own == wanted
        if operator == "~=":
            return wanted in own.split() and wanted != ""
        if operator == "|=":
            return own == wanted or own.startswith(f"{wanted}-")
        if operator == "^=":
            return own.startswith(wanted) and wanted != ""
        if operator == "$=":
            return own.endswith(wanted) and wanted != ""
        return wanted in own and wanted != ""

    def means(element: Element) -> bool:
        own = element.attrs.get("title")
        if own is None:
            return False
        return fits(own.lower(), value.lower()) if is_loose else fits(own, value)

    return Selector(f'[title{operator}"{value}"{" i" * is_loose}]', means)


def is_nth(index: int, a: int, b: int) -> bool:
    return any(a * n + b == index for n in range(20))


def nth(name: str, a: int, b: int) -> Selector:
    def means(element: Element) -> bool:
        others = after(element) if "last" in name else before(element)
        if "type" in name:
            others = [other for other in others if other.tag == element.tag]
        return is_nth(len(others) + 1, a, b)

    return Selector(f":{name}({a}n{b:+})", means)


def nth_of(name: str, a: int, b: int, of: Selector) -> Selector:
    def means(element: Element) -> bool:
        others = after(element) if "last" in name else before(element)
        return of.means(element) and is_nth(len([o for o in others if of.means(o)]) + 1, a, b)

    return Selector(f":{name}({a}n{b:+} of {of.text})", means)


def any_of(name: str, of: list[Selector]) -> Selector:
    return Selector(
        f":{name}({', '.join(one.text for one in of)})",
        lambda e: any(one.means(e) for one in of) != (name == "not"),
    )


def compound(parts: list[Selector]) -> Selector:
    # A tag stands first.
    parts = sorted(parts, key=lambda part: not part.text[0].isalpha())[:4]
    parts = [part for i, part in enumerate(parts) if not i or not part.text[0].isalpha()]
    return Selector("".join(p.text for p in parts), lambda e: all(p.means(e) for p in parts))


BACKWARDS: dict[str, Callable[[Element], list[Element]]] = {
    " ": ancestors,
    " > ": lambda e: ancestors(e)[:1],
    " + ": lambda e: before(e)[:1],
    " ~ ": before,
}
FORWARDS: dict[str, Callable[[Element], list[Element]]] = {
    " ": below,
    " > ": lambda e: list(e.children),
    " + ": lambda e: after(e)[:1],
    " ~ ": after,
}


def combined(left: Selector, combinator: str, right: Selector) -> Selector:
    return Selector(
        left.text + combinator + right.text,
        lambda e: right.means(e) and any(map(left.means, BACKWARDS[combinator](e))),
    )


def has(steps: list[tuple[str, Selector]]) -> Selector:
    def leads_on(element: Element, place: int) -> bool:
        if place == len(steps):
            return True
        combinator, step = steps[place]
        return any(step.means(e) and leads_on(e, place + 1) for e in FORWARDS[combinator](element))

    text = "".join(combinator + step.text for combinator, step in steps)
    return Selector(f":has({text.strip()})", lambda e: leads_on(e, 0))


EDGES = [
    Selector("*", lambda _: True),
    Selector(":first-child", lambda e: not before(e)),
    Selector(":last-child", lambda e: not after(e)),
    Selector(":only-child", lambda e: len(siblings(e)) == 1),
    Selector(":only-of-type", lambda e: [s.tag for s in siblings(e)].count(e.tag) == 1),
    Selector(":empty", lambda e: e.content == ""),
    Selector(":root", lambda e: e.parent is None),
    Selector("[class]", lambda e: "class" in e.attrs),
]
TAGS, CLASSES, IDS = ["b", "i", "p", "B", "x-y"], ["a", "b", "c"], ["one", "two"]
TITLES = ["", "A", "a", "a b", "b-c", "Ab"]
simple = st.one_of(
    st.sampled_from(TAGS).map(tag),
    st.sampled_from(CLASSES).map(css_class),
    st.sampled_from(IDS).map(css_id),
    st.sampled_from(EDGES[1:]),
    st.builds(
        title,
        st.sampled_from(["=", "~=", "|=", "^=", "$=", "*="]),
        st.sampled_from(TITLES),
        is_loose=st.booleans(),
    ),
    st.builds(
        nth,
        st.sampled_from(["nth-child", "nth-last-child", "nth-of-type", "nth-last-of-type"]),
        st.integers(-2, 3),
        st.integers(-1, 3),
    ),
)


def nested(inner: st.SearchStrategy[Selector]) -> st.SearchStrategy[Selector]:
    compounds = st.lists(st.one_of(simple, inner), min_size=1, max_size=3).map(compound)
    chains = st.builds(combined, compounds, st.sampled_from(list(BACKWARDS)), compounds)
    lists = st.lists(st.one_of(compounds, chains), min_size=1, max_size=3)
    return st.one_of(
        st.builds(any_of, st.sampled_from(["is", "not", "where"]), lists),
        st.builds(
            nth_of,
            st.sampled_from(["nth-child", "nth-last-child"]),
            st.integers(-2, 3),
            st.integers(-1, 3),
            st.one_of(compounds, chains),
        ),
    )


inside = st.recursive(simple, nested, max_leaves=4)
inner_compounds = st.lists(inside, min_size=1, max_size=3).map(compound)
relative = st.lists(
    st.tuples(st.sampled_from(list(FORWARDS)), inner_compounds), min_size=1, max_size=3
)
parts = st.one_of(inside, inside, relative.map(has), st.just(EDGES[0]))
compounds = st.one_of(
    st.lists(parts.filter(lambda part: part.text != "*"), min_size=1, max_size=3).map(compound),
    st.just(EDGES[0]),
)
selectors = st.recursive(
    compounds,
    lambda left: st.builds(combined, left, st.sampled_from(list(BACKWARDS)), compounds),
    max_leaves=3,
)


@st.composite
def elements(draw: st.DrawFn, depth: int = 3) -> Element:
    attrs = {
        "class": draw(st.none() | st.lists(st.sampled_from(CLASSES)).map(" ".join)),
        "id": draw(st.none() | st.sampled_from(IDS)),
        "title": draw(st.none() | st.sampled_from(TITLES)),
    }
    children = draw(st.lists(elements(depth - 1), max_size=4)) if depth else []
    texts = draw(st.lists(st.sampled_from(["", "x"]), max_size=1))
    return Element(draw(st.sampled_from(TAGS)).lower(), [*texts, *children], attrs=attrs)


def found(top: Element, selector: Selector) -> list[Element]:
    return [element for element in below(top) if selector.means(element)]


@given(elements(), selectors)
def test_selectors_mean_what_the_standard_says(top: Element, selector: Selector) -> None:
    wanted = found(top, selector)
    assert top.querySelectorAll(selector.text) == wanted
    assert top.querySelector(selector.text) is (wanted[0] if wanted else None)
    for element in below(top):
        assert element.matches(selector.text) == selector.means(element)
        line = [element, *ancestors(element)]
        nearest = next((e for e in line if selector.means(e)), None)
        assert element.closest(selector.text) is nearest


@given(
    elements(), st.lists(selectors.filter(lambda it: len(it.text) < 120), min_size=2, max_size=3)
)
def test_a_list_means_any_of_its_selectors(top: Element, several: list[Selector]) -> None:
    both = Selector(
        ", ".join(one.text for one in several), lambda e: any(one.means(e) for one in several)
    )
    assert top.querySelectorAll(both.text) == found(top, both)


@given(elements(), selectors, st.data())
def test_queries_stay_right_while_the_page_changes(
    small: Element, selector: Selector, data: st.DataObject
) -> None:
    # Enough beside it that the index and the filters of pages decide who is asked.
    rows = "".join(f"<tr><td>{n}<td>x" for n in range(400))
    page = Template(f"<table>{rows}</table><main></main>")
    main = page.querySelector("main")
    assert main
    main.children.append(small)
    for _ in range(3):
        rest = below(main)
        element = data.draw(st.sampled_from(rest))
        change = data.draw(st.sampled_from(["class", "id", "tag", "move", "out", "nothing"]))
        if change == "class":
            element.attrs["class"] = data.draw(st.sampled_from(["a", "b c", ""]))
        elif change == "id":
            element.id = data.draw(st.sampled_from(IDS))
        elif change == "tag":
            element.tag = data.draw(st.sampled_from(TAGS))
        elif change == "move":
            main.children.insert(0, element)
        elif change == "out" and len(rest) > 1:
            element.remove()
        if not main.children:
            break
        # The names of these are in no other part of the page.
        for text in ("x-y", ".a", "#two", ".b.c", "i"):
            wanted = [e for e in below(main) if e.matches(text)]
            assert page.querySelectorAll(text) == wanted
            assert page.querySelector(text) is (wanted[0] if wanted else None)
        assert main.querySelectorAll(selector.text) == found(main, selector)


# --- Objects -----------------------------------------------------------------------


def table(rows: int) -> Template:
    cells = "".join(f"<tr class=row><td>{n}<td>x</tr>" for n in range(rows))
    return Template(f"<table>{cells}</table>")


def test_many_elements_are_the_same_objects_every_time() -> None:
    page = table(300)
    some = page.querySelectorAll("td:first-child")
    cells = page.querySelectorAll("td")
    assert len(cells) == 600
    assert cells[::2] == some
    assert all(one is other for one, other in zip(cells, page.querySelectorAll("td"), strict=True))
    assert [cell.parent for cell in some] == page.querySelectorAll("tr")
    assert [cell.text for cell in cells[:4]] == ["0", "x", "1", "x"]


def test_an_answer_given_twice_is_not_the_same_list() -> None:
    page = table(300)
    for _ in range(2):
        page.querySelectorAll("tr").clear()
    assert len(page.querySelectorAll("tr")) == 300


def test_an_answer_is_not_given_again_after_a_change() -> None:
    page = table(300)
    rows = page.querySelectorAll(".row")
    rows[5].attrs["class"] = "other"
    assert page.querySelectorAll(".row") == rows[:5] + rows[6:]
    rows[5].attrs["class"] = "row"
    rows[7].remove()
    assert page.querySelectorAll(".row") == rows[:7] + rows[8:]
    assert page.querySelectorAll("td") != page.querySelectorAll(".row")
    assert len(rows[0].querySelectorAll("td")) == 2
    assert page.clone.querySelectorAll(".row")[0] is not rows[0]


def test_what_left_the_tree_is_not_kept_by_an_answer() -> None:
    page = table(300)
    row = page.querySelectorAll(".row")[9]
    held = weakref.ref(row)
    row.remove()
    del row
    gc.collect()
    assert held() is None


def test_a_page_with_an_answer_is_collected() -> None:
    page = table(300)
    held = weakref.ref(page.querySelectorAll(".row")[0])
    del page
    gc.collect()
    assert held() is None


def test_objects_are_one_each_though_a_collection_asks_for_them_too() -> None:
    page = table(2000)
    seen: list[list[Element]] = []

    def ask(phase: str, _: dict[str, int]) -> None:
        if phase == "stop" and not seen:
            seen.append([])
            seen.append(page.querySelectorAll("td"))

    gc.callbacks.append(ask)
    try:
        cells = page.querySelectorAll("td")
    finally:
        gc.callbacks.remove(ask)
    assert len(seen) == 2, "no collection began while objects were made"
    assert all(one is other for one, other in zip(cells, seen[1], strict=True))


def test_threads_compile_and_ask_for_themselves() -> None:
    page = table(100)
    found: dict[int, list[int]] = {}

    def ask(number: int) -> None:
        texts = [f"td:nth-child({n % 300 + 1})" for n in range(400)]
        found[number] = [len(page.querySelectorAll(text)) for text in texts]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(found.values()) == [([100, 100] + [0] * 298 + [100, 100] + [0] * 98)] * 4


# --- Errors ------------------------------------------------------------------------


def test_an_error_shows_the_selector_the_place_and_a_way_to_mend_it() -> None:
    with pytest.raises(SelectorSyntaxError) as caught:
        Template("<p>").querySelector("ä, li:hover b")
    error = caught.value
    assert (error.selector, error.offset) == ("ä, li:hover b", 5)
    assert str(error) == (
        ":hover is known only in a browser: select by attributes or classes instead, "
        "at character 5:\n  ä, li:hover b\n       ^"
    )


@pytest.mark.parametrize("text", ["", "li >", "a[", "..x", "p:nth-child(foo)", "#", "div::before"])
def test_all_that_take_a_selector_refuse_what_is_none(text: str) -> None:
    page = Template("<p>")
    element = page.root
    for ask in (
        page.querySelector,
        page.querySelectorAll,
        element.querySelector,
        element.querySelectorAll,
        element.matches,
        element.closest,
    ):
        with pytest.raises(SelectorSyntaxError) as caught:
            ask(text)
        assert caught.value.selector == text
        assert 0 <= caught.value.offset <= len(text)


@given(st.text("abx.#:[]()='\"\\>+~, *|0n-é\n/", max_size=12))
def test_any_text_is_a_selector_or_an_error_that_points_into_it(text: str) -> None:
    page = Template("<p class=a><b id=x></b>")
    answer = asked(page, text)
    if isinstance(answer, SelectorSyntaxError):
        assert 0 <= answer.offset <= len(text)
    else:
        assert all(element.matches(text) for element in answer)


def asked(page: Template, text: str) -> list[Element] | SelectorSyntaxError:
    try:
        return page.querySelectorAll(text)
    except SelectorSyntaxError as error:
        return error


def test_text_that_is_no_unicode_is_an_error() -> None:
    with pytest.raises(SelectorSyntaxError, match="surrogates") as caught:
        Template("<p>").querySelector("é, \ud800")
    assert caught.value.offset == 3
    assert caught.value.selector == "é, \ud800"
