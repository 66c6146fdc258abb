"""Whatever is refused changes nothing: neither the page, nor what was to come into it.

Each way to go wrong is tried on random pages, alone and after others; the error must be
of the kind that is promised, must say what was wrong, and all HTML must be as before.
"""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapwood import (
    Element,
    HandlerError,
    PatchError,
    SelectorSyntaxError,
    Template,
    TemplateDiff,
    TemplateError,
    TreeError,
    apply,
)

SURROGATE = "half \ud800"
HTML = """
    <body>
      <div id=outer>text<p id=inner class="a b" style="color: red" title=t>x<b>y</b></p><br>z</div>
      <ul><li>1</li><li>2</li><li>3</li></ul>
      <input id=field name=f value=v><input id=file type=file><svg><g></g></svg>
    </body>
"""


class Page:
    """A page, and elements that are in no page yet."""

    def __init__(self) -> None:
        self.template = Template(HTML)
        self.outer = self["#outer"]
        self.inner = self["#inner"]
        self.list = self["ul"]
        self.void = self["br"]
        self.field = self["#field"]
        self.file = self["#file"]
        self.svg = self["svg"]
        self.new = Element("i", "new", id="new")
        self.tree = Element("section", [Element("h1", "title"), "text"])
        self.new_void = Element("IMG")
        self.gone = Element("p", id="gone")
        self.gone.destroy()

    def __getitem__(self, selector: str) -> Element:
        found = self.template.querySelector(selector)
        assert found
        return found

    def html(self) -> list[str]:
        shown = [self.template.html]
        for it in (self.new, self.tree, self.new_void):
            shown += [repr(it)] if it._is_destroyed else [it.html, repr(it.parent)]
        return shown


def failing(page: Page) -> Any:
    yield page.new
    yield page.tree
    raise ZeroDivisionError


def put(attribute: str, value: Callable[[Page], Any], of: str = "inner") -> Callable[[Page], Any]:
    return lambda page: setattr(getattr(page, of), attribute, value(page))


# What is done, what is raised, and what the error says.
REFUSED: dict[str, tuple[Callable[[Page], Any], type[Exception], str]] = {
    # Tags.
    "tag with a space": (put("tag", lambda _: "a b"), ValueError, "'a b'"),
    "tag with a digit first": (put("tag", lambda _: "1x"), ValueError, "'1x'"),
    "tag that is no string": (put("tag", lambda _: 5), TypeError, "int: 5"),
    "tag with a surrogate": (put("tag", lambda _: "a\ud800"), ValueError, "ud800"),
    "new tag with a space": (lambda _: Element("a b"), ValueError, "'a b'"),
    "new tag that is no string": (lambda _: Element(5), TypeError, "int: 5"),  # type: ignore[arg-type]
    "void tag on content": (put("tag", lambda _: "BR"), TreeError, "<Element p#inner>.*br.*void"),
    "tag of what is hidden": (
        lambda p: setattr(Element("p", show=False), "tag", "body"), ValueError, "p>.*body.*hidden"
    ),
    # Content.
    "content of a dict": (put("content", lambda _: {"a": 1}), TypeError, "dict"),
    "content of a set": (put("content", lambda _: {"a"}), TypeError, "set"),
    "content of bytes": (put("content", lambda _: b"a"), TypeError, "bytes"),
    "content of an object": (put("content", lambda _: object()), TypeError, "object"),
    "content with an object": (put("content", lambda p: [p.new, object()]), TypeError, "object"),
    "content with a list": (put("content", lambda p: [p.new, ["x"]]), TypeError, "list"),
    "content that fails": (put("content", failing), ZeroDivisionError, ""),
    "content twice": (put("content", lambda p: [p.new, "x", p.new]), ValueError, "once.*i#new"),
    "content above": (
        put("content", lambda p: [p.new, p.outer]), TreeError, "div#outer> into <.*p#inner"
    ),
    "content itself": (put("content", lambda p: p.inner), TreeError, "into itself"),
    "content destroyed": (put("content", lambda p: [p.new, p.gone]), TreeError, "destroyed"),
    "content with a surrogate": (
        put("content", lambda p: [p.new, SURROGATE]), ValueError, "p#inner"
    ),
    "content of a surrogate": (put("content", lambda _: SURROGATE), ValueError, "p#inner"),
    "content of a void element": (put("content", lambda _: "x", "void"), TreeError, "<Element br>"),
    "content of a new void element": (put("content", lambda _: "x", "new_void"), TreeError, "img"),
    "content of a page": (put("content", lambda p: p.template), TypeError, "page.root or an elem"),
    "content with a page": (put("content", lambda p: [p.template]), TypeError, "page.root"),
    "text of an element": (put("text", lambda p: p.new), TypeError, "content"),
    "text with a surrogate": (put("text", lambda _: SURROGATE), ValueError, "p#inner"),
    # Children.
    "children of texts": (put("children", lambda p: [p.new, "text"]), TypeError, "'text'"),
    "children above": (put("children", lambda p: [p.new, p.outer]), TreeError, "into itself"),
    "children twice": (put("children", lambda p: [p.new, p.new]), ValueError, "only once"),
    "children of none": (put("children", lambda _: None), TypeError, "list of.*None.*#inner"),
    "children of one": (put("children", lambda p: p.new), TypeError, "list of.*i#new.*#inner"),
    "children that fail": (put("children", failing), ZeroDivisionError, ""),
    "child text": (lambda p: p.inner.children.append("text"), TypeError, "'text'"),
    "child of a void element": (lambda p: p.void.children.append(p.new), TreeError, "br.*void"),
    "children of a void element": (put("children", lambda p: [p.new], "void"), TreeError, "void"),
    "child of a new void element": (lambda p: p.new_void.append(p.new), TreeError, "void"),
    "child above": (lambda p: p.inner.children.insert(0, p.outer), TreeError, "into itself"),
    "extending by one above": (lambda p: p.inner.children.extend([p.new, p.outer]), TreeError, ""),
    "extending by texts": (lambda p: p.inner.children.extend([p.new, "x"]), TypeError, "'x'"),
    "extending by what fails": (
        lambda p: p.list.children.extend(failing(p)), ZeroDivisionError, ""
    ),
    "child at no index": (lambda p: p.list.children.insert("x", p.new), TypeError, "integer"),  # type: ignore[arg-type]
    "child that is a page": (lambda p: p.list.append(p.template), TypeError, "page.root"),  # type: ignore[arg-type]
    "child over the end": (lambda p: p.list.children.__setitem__(9, p.new), IndexError, ""),
    "swapping in place": (
        lambda p: p.list.children.__setitem__(0, p.list.children[2]), ValueError, "only once.*list"
    ),
    "stepped slice of another size": (
        lambda p: p.list.children.__setitem__(slice(None, None, 2), [p.new]), ValueError, "slice"
    ),
    "removing no child": (lambda p: p.list.children.remove(p.new), ValueError, "i#new.*ul"),
    "popping nothing": (lambda p: p.svg.children[0].children.pop(), IndexError, ""),
    "sorting without a key": (lambda p: p.list.children.sort(), TypeError, ""),
    "sorting that fails": (
        lambda p: p.list.children.sort(key=lambda it: 1 / 0), ZeroDivisionError, "division"
    ),
    # Places.
    "appending one above": (lambda p: p.inner.append(p.new, "x", p.outer), TreeError, "itself"),
    "appending an object": (lambda p: p.inner.append(p.new, object()), TypeError, "object"),
    "prepending twice": (lambda p: p.inner.prepend(p.new, p.new), ValueError, "only once"),
    "beside no parent": (lambda p: p.new.before(p.tree), TreeError, "i#new.*no parent"),
    "beside html": (lambda p: p.template.root.after(p.new), TreeError, "html.*no parent"),
    "after itself, inside": (lambda p: p.inner.children[0].after(p.outer), TreeError, "itself"),
    "replacing by one above": (lambda p: p.inner.replace_with(p.new, p.outer), TreeError, "itself"),
    "replacing by nothing known": (lambda p: p.inner.replace_with(p.new, 5j), TypeError, "complex"),
    "replacing without parent": (lambda p: p.new.replace_with("x"), TreeError, "no parent"),
    "destroyed": (lambda p: p.list.append(p.new, p.gone), TreeError, "destroyed"),
    "new in a selector": (
        lambda p: Element("p", p.inner, parent="body"),  # type: ignore[arg-type]
        TypeError, "parent.*Element.*querySelector.*str: 'body'",
    ),
    "new in a page": (
        lambda p: Element("p", p.inner, parent=p.template),  # type: ignore[arg-type]
        TypeError, "parent.*Element.*page.root",
    ),
    "new with a void parent": (lambda p: Element("p", parent=p.void), TreeError, "br.*void"),
    # Attributes.
    "attribute with a space": (
        lambda p: p.inner.attrs.update({"lang": "en", "on x": "x"}), ValueError, "'on x'.*#inner"
    ),
    "attribute in JavaScript": (
        lambda p: p.inner.attrs.update({"lang": "en", "onclick": print}), ValueError, "on.'click'"
    ),
    "attributes with NUL": (put("attrs", lambda _: {"a\0": "x"}), ValueError, "x00"),
    "attributes of a string": (put("attrs", lambda _: "title"), TypeError, "dict.*title.*#inner"),
    "attributes of none": (put("attrs", lambda _: None), TypeError, "dict.*None.*#inner"),
    "attributes of a number": (put("attrs", lambda _: 5), TypeError, "dict.*int: 5.*#inner"),
    "attributes of a list": (put("attrs", lambda _: ["a"]), TypeError, "dict.*'a'.*#inner"),
    "new with a list of attributes": (lambda _: Element("p", attrs=["a"]), TypeError, "dict.* p>"),  # type: ignore[arg-type]
    "new with attributes of a number": (lambda _: Element("p", attrs=5), TypeError, "dict.* p>"),  # type: ignore[arg-type]
    "attribute with a surrogate": (
        lambda p: p.inner.attrs.update(lang="en", title=SURROGATE), ValueError, "p#inner"
    ),
    "attribute named by a surrogate": (
        lambda p: p.inner.attrs.update({"lang": "en", "\ud800": "x"}), ValueError, "ud800"
    ),
    "too many attributes": (
        put("attrs", lambda _: {f"a{n}": "" for n in range(257)}), TreeError, "#inner.*256"
    ),
    "too many for a new one": (
        put("attrs", lambda _: {f"a{n}": "" for n in range(257)}, "new"), TreeError, "256"
    ),
    "attribute of a list": (
        lambda p: p.inner.attrs.update({"lang": "en", "rel": ["a"]}), TypeError, "rel.*list.*#inner"
    ),
    "attribute of an element": (put("attrs", lambda p: {"for": p.field}), TypeError, "Element"),
    "attribute of a function": (put("attrs", lambda _: {"x": print}), TypeError, "print"),
    "id with a space": (put("id", lambda _: "a b"), ValueError, "'a b'"),
    "id with a space among others": (
        lambda p: p.inner.attrs.update(lang="en", id="a b"), ValueError, "'a b'"
    ),
    # Classes and style.
    "class with a space": (lambda p: p.inner.classes.add("c", "d e"), ValueError, "'d e'.*#inner"),
    "class that is none": (put("classes", lambda _: ["c", 1]), TypeError, "1.*#inner"),
    "classes of a dict": (put("classes", lambda _: {"c": False}), TypeError, "dict"),
    "style of a list": (put("style", lambda _: {"top": ["a"]}), TypeError, "top.*list"),
    "classes of none": (put("classes", lambda _: None), TypeError, "list or a str.*None.*#inner"),
    "classes of a number": (put("classes", lambda _: 5), TypeError, "list or a str.*5.*#inner"),
    "more classes of a number": (lambda p: p.inner.classes.extend(5), TypeError, "list or.*#inner"),  # type: ignore[arg-type]
    "new with classes of a number": (lambda _: Element("p", classes=5), TypeError, "list.* p>"),  # type: ignore[arg-type]
    "class with a surrogate": (put("classes", lambda _: ["c", "\ud800"]), ValueError, "#inner"),
    "class not there": (lambda p: p.inner.classes.remove("none"), ValueError, "none"),
    "style of a string": (
        put("style", lambda _: "color: red"), TypeError, r"'color: red'.*attrs\['style'\].*#inner"
    ),
    "style of a number": (put("style", lambda _: 5), TypeError, "dict.*int: 5.*#inner"),
    "new with style of a number": (lambda _: Element("p", style=5), TypeError, "dict.* p>"),  # type: ignore[arg-type]
    "style in JavaScript": (
        lambda p: p.inner.style.update(top=0, backgroundColor="red"),
        ValueError, "'background-color'.*'backgroundColor'.*#inner",
    ),
    "style of WebKit": (
        lambda p: p.inner.style.update(WebkitTransform="none"), ValueError, "'-webkit-transform'"
    ),
    "style with a second": (
        put("style", lambda _: {"top": "0", "left": "0; color: red"}), ValueError, "left.*#inner"
    ),
    "style with no name": (put("style", lambda _: {"top": "0", "a:b": "c"}), ValueError, "'a:b'"),
    "style not there": (lambda p: p.inner.style.pop("top"), KeyError, "top"),
    # What views are no objects for.
    "attribute as an attribute": (
        lambda p: setattr(p.inner.attrs, "foo", 1), AttributeError, r"attrs\['foo'\].*#inner"
    ),
    "style as an attribute": (
        lambda p: setattr(p.inner.style, "top", 0), AttributeError, r"style\['top'\].*#inner"
    ),
    "class as an attribute": (
        lambda p: setattr(p.inner.classes, "x", True), AttributeError, r"add\('x'\).*#inner"
    ),
    "child as an attribute": (
        lambda p: setattr(p.list.children, "first", p.new), AttributeError, r"children\[0\].*ul"
    ),
    # Fields.
    "value of a paragraph": (put("value", lambda _: "x"), ValueError, "#inner.*has no value"),
    "value of a list": (put("value", lambda _: ["x"], "field"), ValueError, "one value"),
    "value of a dict": (put("value", lambda _: {"x": 1}, "field"), TypeError, "x"),
    "value with a surrogate": (put("value", lambda _: SURROGATE, "field"), ValueError, ""),
    "value of a file": (put("value", lambda _: "x", "file"), ValueError, "only the user"),
    "value that is a tick": (put("value", lambda _: True, "field"), TypeError, "`checked`"),
    "ticking by a word": (put("checked", lambda _: "no", "field"), TypeError, "not 'no'.*#field"),
    "ticking a paragraph": (put("checked", lambda _: True), ValueError, "#inner.*ticked"),
    # Handlers.
    "handler that was called": (lambda p: p.inner.on("click", None), HandlerError, r"without \(\)"),  # type: ignore[arg-type]
    "handler with two arguments": (lambda p: p.inner.on("click", pow), HandlerError, "pow"),
    "handler for no event": (lambda p: p.inner.on("a b", print), ValueError, "'a b'"),
    "handler for capitals": (lambda p: p.inner.on("keyDown", print), ValueError, "no capitals"),
    "handler for onclick": (lambda p: p.inner.on("onclick", print), ValueError, "'click'"),
    "handler for no string": (lambda p: p.inner.on(5, print), TypeError, "5"),  # type: ignore[arg-type]
    "handler set to a name": (put("onclick", lambda _: "go"), HandlerError, "'go'"),
    # Pages and differences.
    "page of a number": (lambda _: Template(5), TypeError, "path.*HTML.*int: 5"),  # type: ignore[arg-type]
    "page of none": (lambda _: Template(None), TypeError, "path.*HTML.*NoneType"),  # type: ignore[arg-type]
    "page of bytes": (lambda _: Template(b"<p>"), TypeError, "path.*HTML.*bytes.*<p>"),  # type: ignore[arg-type]
    "page of nothing": (lambda _: Template(""), TemplateError, "path.*HTML.*''"),
    "page of blanks": (lambda _: Template(" "), TemplateError, "path.*HTML.*' '"),
    "difference of a string": (
        lambda p: TemplateDiff().track_differences(p.template, "<p>"),  # type: ignore[arg-type]
        TypeError, "Template or an Element.*str: '<p>'",
    ),
    "difference to none": (
        lambda p: TemplateDiff().track_differences(None, p.inner),  # type: ignore[arg-type]
        TypeError, "Template or an Element.*NoneType",
    ),
    "ops on an element": (lambda p: apply(p.inner, "[]"), TypeError, "Template.*#inner"),  # type: ignore[arg-type]
    "ops in a list": (lambda p: apply(p.template, []), TypeError, r"bytes or a str.*list: \[\]"),  # type: ignore[arg-type]
    "ops that are no JSON": (lambda p: apply(p.template, "[1,"), PatchError, "not a JSON array"),
    "ops that are no array": (lambda p: apply(p.template, "{}"), PatchError, "not a JSON array"),
    "ops that are no UTF-8": (lambda p: apply(p.template, b"\xff"), PatchError, "UTF-8"),
    "ops of no kind": (lambda p: apply(p.template, "[99]"), PatchError, "not an op, at operand 0"),
    # The rest.
    "hiding html": (
        lambda p: setattr(p.template.root, "show", False), ValueError, "needs its html.*hide what"
    ),
    "querying by a number": (lambda p: p.inner.querySelector(5), TypeError, "selector.*int: 5"),  # type: ignore[arg-type]
    "querying a page by none": (
        lambda p: p.template.querySelectorAll(None), TypeError, "selector.*NoneType"  # type: ignore[arg-type]
    ),
    "matching a number": (lambda p: p.inner.matches(5), TypeError, "selector.*int: 5"),  # type: ignore[arg-type]
    "closest to a number": (lambda p: p.inner.closest(5), TypeError, "selector.*int: 5"),  # type: ignore[arg-type]
    "a page without elements": (
        lambda _: (lambda it: (it.root.destroy(), it.root))(Template("<p>")), TreeError, "no elem"
    ),
    "unknown keyword": (lambda _: Element("p", colour="red"), TypeError, "attrs=.*colour"),  # type: ignore[arg-type]
    "keyword for": (lambda _: Element("p", for_="x"), TypeError, r"attrs=\{'for': …\}"),  # type: ignore[arg-type]
    "keyword class": (lambda _: Element("p", class_="x"), TypeError, "classes="),  # type: ignore[arg-type]
    "keyword data-x": (lambda _: Element("p", data_x="x"), TypeError, "attrs={'data-x': …}"),  # type: ignore[arg-type]
    "keyword aria-label": (lambda _: Element("p", aria_label=""), TypeError, "{'aria-label': …}"),  # type: ignore[arg-type]
    "keyword on_click": (lambda _: Element("p", on_click=print), TypeError, "as onclick=…"),
    "keyword _onclick": (lambda _: Element("p", _onclick=print), TypeError, "as onclick=…"),
    "keyword on": (lambda _: Element("p", on={"click": print}), TypeError, "as onclick=…"),  # type: ignore[arg-type]
    "keyword children": (lambda p: Element("p", children=[p.new]), TypeError, "content"),  # type: ignore[arg-type]
    "what is no selector": (lambda p: p.inner.querySelector("p[["), SelectorSyntaxError, ""),
    "pickling": (lambda p: pickle.dumps(p.inner), TypeError, "#inner.*html"),
    "pickling a page": (lambda p: pickle.dumps(p.template), TypeError, "clone"),
    "made twice": (lambda p: p.inner.__init__("p"), RuntimeError, "made already"),  # type: ignore[misc]
    "asking the destroyed": (lambda p: p.gone.html, TreeError, "p#gone> was destroyed"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_says_what_and_where_and_changes_nothing(name: str) -> None:
    act, error, said = REFUSED[name]
    page = Page()
    before = page.html()
    with pytest.raises(error, match=said or None):
        act(page)
    assert page.html() == before


MOVES: list[Callable[[Page, random.Random], Any]] = [
    lambda p, _: p.list.append(p.new, "between", p.tree),
    lambda p, _: p.outer.children.insert(0, p.list),
    lambda p, _: p.inner.replace_with(p.svg, p.inner.clone),
    lambda p, _: p.list.children.reverse(),
    lambda p, _: p.tree.children.append(p.inner),
    lambda p, r: p.list.children.__delitem__(slice(r.randrange(3), None)),
    lambda p, _: p.outer.remove(),
    lambda p, _: p.list.children[0].destroy() if p.list.children else None,
]


@given(st.lists(st.sampled_from(sorted(REFUSED)), min_size=1, max_size=8), st.randoms())
def test_what_is_refused_changes_nothing_whatever_was_done_before(
    names: list[str], random: random.Random
) -> None:
    page = Page()
    for name in names:
        before = page.html()
        try:
            REFUSED[name][0](page)
        except Exception:
            assert page.html() == before
        try:
            random.choice(MOVES)(page, random)
        except TreeError:
            assert page.html() != [], "some moves fit no longer"
