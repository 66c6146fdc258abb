"""Queries of a table of 1 MB, beside the parsers that Python has.

`_first`: nobody held an element yet, so all objects are made. `_again`: the same query
of the same page, as often as one likes. `_changed`: a text was changed in between, so
that no answer can be kept; the objects are there.
"""

import gc
from collections.abc import Callable
from typing import Any

import lxml.html
import pages
import pytest
import turbohtml
from lxml.etree import XPath
from selectolax.lexbor import LexborHTMLParser

import sapwood as sw

HTML = pages.html(pages.ROWS_OF_1_MB)
ROWS = pages.ROWS_OF_1_MB

#: What is asked: the selector, what it means for lxml, how many elements it means.
QUERIES = {
    "class": (".price", "//*[@class='price']", ROWS),
    "tag": ("td", "//td", 4 * ROWS),
    "nth_child": ("tr:nth-child(2n)", "//tr[position() mod 2 = 0]", ROWS // 2),
    "has": ("tr:has(> .price)", "//tr[*[@class='price']]", ROWS),
    # The shortest XPath of the same meaning takes lxml seconds: it is let off.
    "chain": ("tbody > tr td + .price", "", ROWS),
    "class_rare": (".missing", "//*[@class='missing']", 0),
    "tag_rare": ("tbody", "//tbody", 1),
}
PARSERS: dict[str, Callable[[str], Any]] = {
    # Parsed only once: then each is a version of its own, of which nobody holds an element.
    "sapwood": sw.Template,
    "selectolax": LexborHTMLParser,
    "lxml": lxml.html.document_fromstring,
    "turbohtml": turbohtml.parse,
}


#: Who is asked what.
ASKED = [(who, name) for name in QUERIES for who in PARSERS if who != "lxml" or QUERIES[name][1]]


def asker(who: str, name: str) -> Callable[[Any], list[Any]]:
    """Return the query as that library has it."""
    selector, xpath, _ = QUERIES[name]
    if who == "lxml":
        # Compiled before, as the others keep what they compiled.
        return XPath(xpath)
    method = {"sapwood": "querySelectorAll", "selectolax": "css", "turbohtml": "select"}[who]
    return lambda tree: getattr(tree, method)(selector)


def change(who: str, tree: Any) -> None:
    """Change the text in the title, with no effect on any of the queries."""
    if who == "sapwood":
        title = tree.querySelector("title")
        title.content = "x" if title.text == "changed" else "changed"
    elif who == "turbohtml":
        tree.select_one("title").text = "changed"
    elif who == "lxml":
        tree.find(".//title").text = "changed"
    else:
        tree.css_first("title").inner_html = "changed"


@pytest.mark.parametrize(("who", "name"), ASKED)
def test_first(measure, who, name):
    ask = asker(who, name)

    def setup() -> tuple[Any]:
        gc.collect()
        return (PARSERS[who](HTML),)

    found = measure(f"query_{name}_first_ms", ask, unit="ms", who=who, setup=setup)
    assert len(found) == QUERIES[name][2]


@pytest.mark.parametrize(("who", "name"), ASKED)
def test_again(measure, who, name):
    ask, tree = asker(who, name), PARSERS[who](HTML)
    held = ask(tree)
    found = measure(f"query_{name}_again_ms", lambda: ask(tree), unit="ms", who=who)
    assert len(found) == len(held) == QUERIES[name][2]


@pytest.mark.parametrize("name", ["class", "tag", "nth_child"])
@pytest.mark.parametrize("who", PARSERS)
def test_changed(measure, who, name):
    ask, tree = asker(who, name), PARSERS[who](HTML)
    held = ask(tree)

    def setup() -> tuple[Any]:
        change(who, tree)
        return (tree,)

    found = measure(f"query_{name}_changed_ms", ask, unit="ms", who=who, setup=setup)
    assert len(found) == len(held) == QUERIES[name][2]


BY_ID = {
    "sapwood": lambda tree: tree.querySelector("#row999"),
    "selectolax": lambda tree: tree.css_first("#row999"),
    "lxml": lambda tree: tree.get_element_by_id("row999"),
    "turbohtml": lambda tree: tree.select_one("#row999"),
}


@pytest.mark.parametrize("who", BY_ID)
def test_by_id(measure, who):
    """The last of 1,000 rows, again and again."""
    tree, query = PARSERS[who](pages.html(1000)), BY_ID[who]
    assert query(tree) is not None

    def run() -> None:
        for _ in range(100):
            query(tree)

    measure("query_id_us", run, unit="µs", who=who, amount=100)


FIRST_CELL = {
    "sapwood": lambda tree: tree.querySelector("#row9999 > .price"),
    "selectolax": lambda tree: tree.css_first("#row9999 > .price"),
    "lxml": XPath("id('row9999')/*[@class='price']"),
    "turbohtml": lambda tree: tree.select_one("#row9999 > .price"),
}


@pytest.mark.parametrize("who", FIRST_CELL)
def test_below_id(measure, who):
    """One cell of one row of ten thousand."""
    tree, query = PARSERS[who](HTML), FIRST_CELL[who]
    assert query(tree) is not None
    measure("query_below_id_us", lambda: query(tree), unit="µs", who=who)
