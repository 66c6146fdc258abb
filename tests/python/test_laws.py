"""The laws of templates, against a tree so plain that it cannot be wrong.

Every step changes a template and a plain tree alike, by the public API only. Versions
taken on the way must stay what they were, and the difference of any two must lead from
one to the other by way of the bytes that a browser gets.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import dom
from sapwood import Element, Template, TemplateDiff, TreeError, _core

START = (
    "<!DOCTYPE html><html><head><title>t</title></head><body>"
    '<div id="a" class="x y">one<span>two</span>three</div><!-- aside -->'
    "<section><div>1</div><div>2</div><div uuid=mine>3</div></section>"
    '<svg viewBox="0 0 1 1"><g><circle r="1"></circle></g></svg>'
    "<input value=start><textarea>area</textarea></body></html>"
)
TAGS = ("div", "section", "span", "x-own", "em", "svg", "g", "foreignObject")
TEXTS = ("", "a", "b", "<&\">'\\", "\n\x01é🦀", " ")
NAMES = ("class", "id", "title", "data-x", "viewBox")
# SVG cannot hold these without the parser leaving it; outside it has no capitals.
HTML_ONLY = frozenset({"div", "span", "em", "input", "textarea"})


def call_focus(element: Element) -> tuple[str, list[Any]]:
    element.focus(prevent_scroll=True)
    return "focus", [{"preventScroll": True}]


def call_scroll_into_view(element: Element) -> tuple[str, list[Any]]:
    element.scroll_into_view(block="center")
    options = {"behavior": "auto", "block": "center", "inline": "nearest"}
    return "scrollIntoView", [options]


def call_click(element: Element) -> tuple[str, list[Any]]:
    element.click()
    return "click", []


METHODS = {"focus": call_focus, "scroll": call_scroll_into_view, "click": call_click}

number = st.integers(0, 63)


class Plain:
    """An element as one would first write it."""

    def __init__(self, real: Element, tag: str) -> None:
        self.real = real
        self.tag = tag
        self.uuid = real.uuid
        self.attrs: dict[str, str] = {}
        self.namespace = "svg" if tag == "svg" else "html"
        self.value: str | None = None
        self.hears = 0
        self.is_hidden = False
        #: What is to be called on it: a number that grows, method, arguments.
        self.calls: list[tuple[int, str, list[Any]]] = []
        self.children: list[Plain | str | dom.Leaf] = []
        self.parent: Plain | None = None

    @property
    def elements(self) -> list[Plain]:
        """The child elements."""
        return [child for child in self.children if isinstance(child, Plain)]

    def walk(self) -> list[Plain]:
        """Return this element and all below it."""
        return [self, *(below for child in self.elements for below in child.walk())]

    def leave(self) -> None:
        """Leave the parent."""
        if self.parent is not None:
            self.parent.children.pop(self.parent.index(self))
            self.parent = None

    def settle(self) -> None:
        """Be of the namespace that an HTML element gets where this one is put.

        What is below got its own where it was put; it follows only what changes its own.
        """
        was_html = self.namespace == "html"
        for each in self.walk():
            assert each.parent
            if each.namespace == "html":
                above = dom.Node(each.parent.tag, each.parent.namespace)
                each.namespace = dom.namespace_inside(above, each.tag)
            if each is self and (not was_html or each.namespace == "html"):
                return

    def index(self, child: Plain) -> int:
        """Return a child's place among texts and elements."""
        return next(at for at, each in enumerate(self.children) if each is child)

    def put(self, child: Plain | str, before: Plain | None = None) -> None:
        """Put a text or an element before another one, or last."""
        if child is before or child == "":
            return
        if isinstance(child, Plain):
            stays = child.parent is self
            child.leave()
            child.parent = self
            if not stays:
                child.settle()
        self.children.insert(
            len(self.children) if before is None else self.index(before),
            child,
        )

    def arrange(self, order: list[Plain]) -> None:
        """Make these the child elements, in this order, as `children[:] = order` does."""
        for child in self.elements:
            if all(child is not kept for kept in order):
                child.leave()
        # A text stays after the element it came after, where that did not move.
        for at, child in enumerate(order):
            if self.elements[at : at + 1] != [child]:
                self.put(child, self.elements[at] if at < len(self.elements) else None)

    def clear(self) -> None:
        """Have no children."""
        for child in self.elements:
            child.parent = None
        self.children = []

    def holds(self, other: Plain) -> bool:
        """Say whether *other* is this element or below it."""
        return any(each is other for each in self.walk())

    def snapshot(self) -> Any:
        """Return a value that compares."""
        return (
            self.tag,
            self.uuid,
            dict(self.attrs),
            self.value,
            self.hears > 0,
            self.is_hidden,
            self.namespace,
            [child.snapshot() if isinstance(child, Plain) else child for child in self.children],
        )


def read(element: Element) -> Plain:
    """Return an element as a plain one; only needed at the start."""
    plain = Plain(element, element.tag)
    plain.attrs = dict(element.attrs)
    content = element.content
    for item in [content] if isinstance(content, str) else content:
        plain.put(read(item) if isinstance(item, Element) else item)
    return plain


def snapshot(element: Element) -> Any:
    """Return what the public API says of an element, as `Plain.snapshot` does."""
    content = element.content
    items: list[Any] = [content] if isinstance(content, str) and content else list(content)
    children = [snapshot(it) if isinstance(it, Element) else it for it in items]
    live = element._attribute(".value")
    value = None if live is None else json.loads(live)
    hears = element._attribute("_onclick") is not None
    told = (element.tag, element.uuid, dict(element.attrs), value, hears, not element.show)
    return (*told, None, children)


def without_comments(plain: Any) -> Any:
    """Return a snapshot less what the public API does not say."""
    children = [without_comments(c) if isinstance(c, tuple) else c for c in plain[-1]]
    children = [child for child in children if not isinstance(child, dom.Leaf)]
    if children and all(isinstance(child, str) for child in children):
        children = ["".join(children)]  # content of texts alone is one string
    return (*plain[:-2], None, children)


def shown(plain: Any) -> Any:
    """Return a snapshot less what is hidden."""
    children = [shown(c) if isinstance(c, tuple) else c for c in plain[-1] if not is_hidden(c)]
    return (*plain[:-1], children)


def is_hidden(child: Any) -> bool:
    """Say whether a child in a snapshot is an element that is not shown."""
    return isinstance(child, tuple) and child[5]


def page_of(plain: Any) -> dom.Node:
    """Return the element of a page that a snapshot says, with what of it is shown."""
    tag, uuid, attrs, value, hears, _, namespace, children = plain
    node = dom.Node(tag, namespace, uuid, dict(attrs))
    if hears:
        node.attributes["_onclick"] = ""
    if value is not None:
        node.properties["value"] = value
    for child in children:
        if isinstance(child, tuple):
            if not is_hidden(child):
                node.put(len(node.children), page_of(child))
        else:
            node.children.append(dom.Leaf(child) if isinstance(child, str) else child)
    return node


def shallow(plain: Any, found: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return what each element says of itself and its children, by uuid."""
    found = {} if found is None else found
    children = [child[1] if isinstance(child, tuple) else child for child in plain[-1]]
    found[plain[1]] = (*plain[:-1], children)
    for child in plain[-1]:
        if isinstance(child, tuple):
            shallow(child, found)
    return found


def whole(template: Template) -> dom.Page:
    """Return the page that a browser has of a template."""
    sync = _core.Sync(template._tree)
    return dom.whole(sync.cut_whole(template._tree, 0), _core.uuid_prefix())


class Version:
    """A version of the template, and all that is known of it."""

    def __init__(self, template: Template, plain: Plain, called: frozenset[int]) -> None:
        self.template = template.clone
        self.plain = plain.snapshot()
        self.page = dom.shape(whole(self.template).document)
        #: The numbers of all calls up to now.
        self.called = called
        self.calls = sorted(
            (number, it.uuid, name, arguments)
            for it in visible(plain)
            for number, name, arguments in it.calls
            # What is no HTML cannot be clicked.
            if name != "click" or it.namespace == "html"
        )

    def calls_since(self, old: Version) -> list[Any]:
        """Return what is to be called by a page that is led here from an older version."""
        return [tuple(call) for n, *call in self.calls if n not in old.called]

    def check(self) -> None:
        """Law: a version stays what it was."""
        assert snapshot(self.template.root) == without_comments(self.plain)
        assert dom.shape(whole(self.template).document) == self.page
        # The page has what is shown, and nothing else.
        document = dom.Node("#document", children=[page_of(self.plain)])
        assert self.page == dom.shape(document)
        assert whole(self.template).calls == [tuple(call) for _, *call in self.calls]


def visible(plain: Plain) -> list[Plain]:
    """Return what is shown of an element and of all below it."""
    if plain.is_hidden:
        return []
    return [plain, *(below for child in plain.elements for below in visible(child))]


def spelled(parent: Plain, tag: str) -> str:
    """Return *tag*, or where HTML would take its capitals another one."""
    inside = dom.namespace_inside(dom.Node(parent.tag, parent.namespace), tag)
    return "x-own" if inside == "html" and tag != tag.lower() else tag


class Laws(RuleBasedStateMachine):
    """Changes one template, keeps versions of it, compares them."""

    def __init__(self) -> None:
        super().__init__()
        self.template = Template(START)
        self.plain = read(self.template.root)
        body = self.plain.elements[1]
        body.children.insert(1, dom.Leaf(" aside ", is_comment=True))
        for each in self.plain.walk():
            each.real.mark = each  # objects keep what one sets on them
        self.loose: list[Plain] = []
        self.count = 0
        #: The numbers of all calls on elements of the template.
        self.called: frozenset[int] = frozenset()
        self.versions = [self.version()]

    def version(self) -> Version:
        return Version(self.template, self.plain, self.called)

    # --- Picking -------------------------------------------------------------------

    def pick(self, at: int, fits: Callable[[Plain], bool] = lambda _: True) -> Plain | None:
        found = [each for each in self.plain.walk() if fits(each)]
        return found[at % len(found)] if found else None

    def parent(self, at: int) -> Plain:
        """Pick an element that may have any children: body, or one of ours below it."""
        found = self.pick(at, lambda it: it.tag in TAGS or it.tag == "body")
        assert found
        return found

    def inner(self, at: int) -> Plain | None:
        """Pick an element that may go."""
        return self.pick(at, lambda it: it.tag in {*TAGS, "circle"})

    def make(self, tag: str, text: str) -> Plain:
        self.count += 1
        real = Element(tag, text, id=f"n{self.count}", style={"color": "red"})
        plain = Plain(real, tag)
        plain.attrs = {"id": f"n{self.count}", "style": "color: red"}
        plain.put(text)
        real.mark = plain
        return plain

    # --- Steps -----------------------------------------------------------------------

    @rule(at=number, place=number, tag=st.sampled_from(TAGS), text=st.sampled_from(TEXTS))
    def insert_an_element(self, at: int, place: int, tag: str, text: str) -> None:
        parent = self.parent(at)
        made = self.make(spelled(parent, tag), text)
        place %= len(parent.elements) + 1
        before = parent.elements[place] if place < len(parent.elements) else None
        parent.real.children.insert(place, made.real)
        parent.put(made, before)

    @rule(at=number, tag=st.sampled_from(TAGS))
    def append_a_small_tree(self, at: int, tag: str) -> None:
        parent = self.parent(at)
        outer, inner = self.make(spelled(parent, tag), "out"), self.make("g", "in")
        outer.real.children.append(inner.real)
        outer.put(inner)
        parent.real.children.append(outer.real)
        parent.put(outer)

    @rule(at=number, place=number, other=number)
    def move_an_element(self, at: int, place: int, other: int) -> None:
        child, parent = self.inner(at), self.parent(other)
        if child is None:
            return
        before = self.plain.snapshot()
        place %= len(parent.elements) + 1
        if child.holds(parent):
            try:
                parent.real.children.insert(place, child.real)
            except TreeError:
                assert self.plain.snapshot() == before
                return
            raise AssertionError("an element went into itself")
        rest = [each for each in parent.elements if each is not child]
        parent.real.children.insert(place, child.real)
        parent.put(child, rest[place] if place < len(rest) else None)

    @rule(at=number)
    def remove_an_element(self, at: int) -> None:
        child = self.inner(at)
        if child is not None:
            child.real.remove()
            child.leave()
            self.loose.append(child)

    @precondition(lambda self: self.loose)
    @rule(at=number, other=number)
    def put_a_removed_element_back(self, at: int, other: int) -> None:
        child, parent = self.loose.pop(at % len(self.loose)), self.parent(other)
        parent.real.children.append(child.real)
        parent.put(child)
        # What was to be called on it and could not be comes along.
        self.called |= {call[0] for each in child.walk() for call in each.calls}

    @rule(at=number)
    def insert_a_clone_beside_its_original(self, at: int) -> None:
        original = self.inner(at)
        if original is None or len(original.walk()) > 8:
            return
        copy = original.real.clone
        assert original.parent
        siblings = original.parent.elements
        place = next(n for n, each in enumerate(siblings) if each is original) + 1
        original.parent.real.children.insert(place, copy)
        plain = self.read_copy(original, copy)
        after = siblings[place] if place < len(siblings) else None
        original.parent.put(plain, after)

    def read_copy(self, original: Plain, copy: Element) -> Plain:
        assert copy.uuid not in {each.uuid for each in self.plain.walk()}
        plain = Plain(copy, original.tag)
        plain.attrs, plain.value = dict(original.attrs), original.value
        plain.hears, plain.namespace = original.hears, original.namespace
        plain.is_hidden = original.is_hidden
        copies = iter(copy.children)
        for child in original.children:
            if isinstance(child, Plain):
                child = self.read_copy(child, next(copies))
                child.parent = plain
            plain.children.append(child)
        copy.mark = plain
        return plain

    @rule(at=number, text=st.sampled_from(TEXTS))
    def set_content_to_a_text(self, at: int, text: str) -> None:
        parent = self.parent(at)
        if parent.tag == "body":
            return
        parent.real.content = text
        self.loose += parent.elements
        parent.clear()
        parent.put(text)

    @rule(at=number, texts=st.lists(st.sampled_from(TEXTS), max_size=3), keep=number)
    def set_mixed_content(self, at: int, texts: list[str], keep: int) -> None:
        parent = self.parent(at)
        if parent.tag == "body":
            return
        old = parent.elements
        kept = old[: keep % (len(old) + 1)][::-1]
        items: list[Plain | str] = []
        for n in range(max(len(texts), len(kept))):
            items += [*texts[n : n + 1], *kept[n : n + 1]]
        items.append(self.make("span", "new"))
        parent.real.content = [it.real if isinstance(it, Plain) else it for it in items]
        parent.clear()
        for item in items:
            parent.put(item)
        self.loose += [each for each in old if each.parent is None]

    @rule(at=number, other=number, text=st.sampled_from(TEXTS[1:]))
    def share_out_mixed_content(self, at: int, other: int, text: str) -> None:
        """Move a child away while the texts around it change."""
        parent, target = self.parent(at), self.parent(other)
        if parent.tag == "body" or not parent.elements or parent.elements[0].holds(target):
            return
        child = parent.elements[0]
        target.real.children.append(child.real)
        target.put(child)
        items = [part for each in parent.elements for part in (text, each)] + [text]
        parent.real.content = [it.real if isinstance(it, Plain) else it for it in items]
        parent.clear()
        for item in items:
            parent.put(item)

    @rule(at=number, name=st.sampled_from(NAMES), value=st.sampled_from(TEXTS))
    def set_an_attribute(self, at: int, name: str, value: str) -> None:
        element = self.pick(at)
        assert element
        if name != name.lower() and element.namespace == "html":
            return  # in HTML names have no capitals
        value = "".join(value.split()) if name == "id" else value  # a word, or it is refused
        element.real.attrs[name] = value
        element.attrs[name] = value

    @rule(at=number, name=st.sampled_from(NAMES))
    def drop_an_attribute(self, at: int, name: str) -> None:
        element = self.pick(at)
        assert element
        if name != name.lower() and element.namespace == "html":
            return
        assert element.real.attrs.pop(name, None) == element.attrs.pop(name, None)

    @rule(at=number, name=st.sampled_from("abc"))
    def toggle_a_class(self, at: int, name: str) -> None:
        element = self.pick(at)
        assert element
        element.real.classes.toggle(name)
        classes = list(dict.fromkeys(element.attrs.get("class", "").split()))
        classes = [c for c in classes if c != name] if name in classes else [*classes, name]
        element.attrs["class"] = " ".join(classes)
        if not classes:
            del element.attrs["class"]

    @rule(at=number, text=st.sampled_from(TEXTS))
    def set_a_value(self, at: int, text: str) -> None:
        field = self.pick(at, lambda it: it.tag in {"input", "textarea"})
        if field is not None:
            field.real.value = text
            field.value = text

    @rule(at=number)
    def listen(self, at: int) -> None:
        element = self.pick(at)
        assert element
        element.real.on("click", print)
        element.hears += 1

    @rule(at=number, show=st.booleans())
    def show_or_hide(self, at: int, show: bool) -> None:
        element = self.pick(at, lambda it: it.tag not in {"html", "head", "body"})
        if element is not None:
            element.real.show = show
            element.is_hidden = not show

    @rule(at=number, tag=st.sampled_from(["html", "head", "body"]))
    def hide_what_a_page_needs(self, at: int, tag: str) -> None:
        element = self.pick(at, lambda it: it.tag == tag)
        assert element
        with pytest.raises(ValueError, match="cannot be hidden"):
            element.real.show = False

    @rule(at=number, method=st.sampled_from(sorted(METHODS)), loose=st.booleans())
    def call_a_method(self, at: int, method: str, loose: bool) -> None:
        is_loose = loose and bool(self.loose)
        element = self.loose[at % len(self.loose)] if is_loose else self.pick(at)
        assert element
        name, arguments = METHODS[method](element.real)
        self.count += 1
        element.calls.append((self.count, name, arguments))
        if not is_loose:
            self.called |= {self.count}

    @rule(at=number, tag=st.sampled_from(TAGS))
    def change_a_tag(self, at: int, tag: str) -> None:
        element = self.pick(at, lambda it: it.tag in TAGS and "viewBox" not in it.attrs)
        if element is not None:
            assert element.parent
            tag = spelled(element.parent, tag)
            element.real.tag = tag
            element.tag, element.namespace = tag, "html"
            above = element.parent
            assert above
            at_point = dom.Node(above.tag, above.namespace)
            element.namespace = dom.namespace_inside(at_point, tag)

    @rule(at=number)
    def reverse_children(self, at: int) -> None:
        parent = self.parent(at)
        parent.real.children.reverse()
        parent.arrange(parent.elements[::-1])

    @rule(at=number)
    def sort_children(self, at: int) -> None:
        parent = self.parent(at)
        parent.real.children.sort(key=lambda it: it.tag)
        parent.arrange(sorted(parent.elements, key=lambda it: it.tag))

    @rule(at=number, first=number, last=number, count=st.integers(0, 2))
    def assign_a_slice(self, at: int, first: int, last: int, count: int) -> None:
        parent = self.parent(at)
        if parent.tag == "body":
            return
        first, last = sorted((first % 5, last % 5))
        made = [self.make("em", "slice") for _ in range(count)]
        order = parent.elements
        self.loose += order[first:last]
        order[first:last] = made
        parent.real.children[first:last] = [each.real for each in made]
        parent.arrange(order)

    @rule(at=number, place=st.integers(-3, 3))
    def pop_a_child(self, at: int, place: int) -> None:
        parent = self.parent(at)
        if parent.tag == "body" or not -len(parent.elements) <= place < len(parent.elements):
            return
        child = parent.elements[place]
        assert parent.real.children.pop(place) is child.real
        child.leave()
        self.loose.append(child)

    @rule(at=number)
    def clear_children(self, at: int) -> None:
        parent = self.parent(at)
        if parent.tag == "body":
            return
        self.loose += parent.elements
        parent.real.children.clear()
        for child in parent.elements:
            child.leave()

    @rule(at=number, text=st.sampled_from(TEXTS))
    def replace_an_element(self, at: int, text: str) -> None:
        old, new = self.inner(at), self.make("section", text)
        if old is None:
            return
        assert old.parent
        parent = old.parent
        old.real.replace_with(new.real)
        parent.put(new, old)
        old.leave()
        self.loose.append(old)

    # --- Laws ------------------------------------------------------------------------

    @invariant()
    def the_template_is_the_plain_tree(self) -> None:
        assert snapshot(self.template.root) == without_comments(self.plain.snapshot())

    @invariant()
    def objects_stay_the_same_and_keep_their_attributes(self) -> None:
        for each in self.plain.walk():
            assert self.template.querySelector(f"[uuid={each.uuid}]") in (None, each.real)
            is_visible = any(each is it for it in visible(self.plain))
            assert self.template._tree.find(each.uuid) is (each.real if is_visible else None)
            assert each.real.mark is each
            assert list(each.real.children) == [child.real for child in each.elements]

    @rule()
    def the_whole_tree_on_the_wire_is_the_page_that_is_rendered(self) -> None:
        rendered = dom.Page.parse(self.template._tree.render(uuids=True), _core.uuid_prefix())
        page = dom.shown(whole(self.template).document)
        got = dom.shape(page, with_namespaces=False)
        assert got == dom.shape(rendered.document, with_namespaces=False)

    @rule()
    def keep_a_version(self) -> None:
        self.versions = [*self.versions[-3:], self.version()]

    @rule(at=number)
    def work_on_in_a_clone(self, at: int) -> None:
        """A version is as good as the tree it was taken of."""
        version = self.versions[at % len(self.versions)]
        again = version.template.clone
        again.root.attrs["title"] = "changed in a clone of a clone"
        version.check()

    @rule(at=number)
    def compare_with_a_version(self, at: int) -> None:
        old = self.versions[at % len(self.versions)]
        old.check()
        new = self.version()
        check_difference(old, new)
        check_difference(new, old)

    @rule()
    def compare_with_itself(self) -> None:
        for other in (self.template, self.template.clone):
            diff = TemplateDiff()
            diff.track_differences(self.template, other)
            assert (diff.differences, diff.operations, diff.encode()) == ({}, [], b"[]")

    @precondition(lambda self: is_expressible(self.plain))
    @rule()
    def parse_what_was_rendered(self) -> None:
        again = Template(self.template.html)
        assert bare(again.root) == bare(self.template.root)

    @precondition(lambda self: is_expressible(self.plain))
    @rule(at=number)
    def compare_with_a_page_that_was_saved(self, at: int) -> None:
        saved = Template(self.template._tree.render(uuids=True))
        for other in (self.versions[at % len(self.versions)], self.version()):
            _, page = check_leads(saved, other.template)
            assert page.calls == [tuple(call) for _, *call in other.calls]
            _, page = check_leads(other.template, saved)
            assert page.calls == []


def check_leads(old: Template, new: Template) -> tuple[TemplateDiff, dom.Page]:
    """Law: the difference leads from one to the other."""
    diff = TemplateDiff()
    diff.track_differences(new, old)
    page = whole(old)
    page.calls.clear()
    page.apply(json.loads(diff.encode()))
    assert dom.shape(page.document) == dom.shape(whole(new).document)
    return diff, page


def check_difference(old: Version, new: Version) -> None:
    """Law: the difference leads from one to the other, and names nothing else."""
    diff, page = check_leads(old.template, new.template)
    assert page.calls == new.calls_since(old)
    was, now = shallow(shown(old.plain)), shallow(shown(new.plain))
    statuses = {uuid: change["status"] for uuid, change in diff.differences.items()}
    assert {u for u, status in statuses.items() if status == "Added"} == now.keys() - was.keys()
    assert {u for u, status in statuses.items() if status == "Removed"} == was.keys() - now.keys()
    both = was.keys() & now.keys()
    told = {uuid for uuid, status in statuses.items() if status == "Changed"}
    called = {uuid for uuid, *_ in page.calls}
    differing = {uuid for uuid in both if was[uuid] != now[uuid] or uuid in called}
    # Texts have no names: one that was put in anew counts as another, though it says the same.
    retexted = {uuid for uuid in both if any(isinstance(child, str) for child in now[uuid][-1])}
    assert differing <= told <= differing | retexted


def is_expressible(plain: Plain, above: str = "html") -> bool:
    """Say whether HTML has a way to write this tree."""
    kind = above
    if plain.tag == "svg":
        kind = "svg"
    if (kind == "svg" and plain.tag in HTML_ONLY) or (
        kind == "html" and plain.tag == "foreignObject"
    ):
        return False
    if plain.value is not None or plain.hears:
        return False  # properties and handlers are written, but not read back as such
    if any("\x01" in it for it in [*plain.attrs.values(), *plain.children] if isinstance(it, str)):
        return False
    inner = "html" if plain.tag == "foreignObject" else kind
    return all(is_expressible(child, inner) for child in plain.elements if not child.is_hidden)


def bare(element: Element) -> Any:
    """Return what HTML can say of an element."""
    content = element.content
    items = [content] if isinstance(content, str) and content else content
    children: list[Any] = []
    for item in items:
        if isinstance(item, Element):
            if item.show:
                children.append(bare(item))
        elif children and isinstance(children[-1], str):
            children[-1] += item
        else:
            children.append(item)
    # Outside of SVG, HTML reads names of attributes without case.
    attrs = {name.lower(): value for name, value in element.attrs.items()}
    return element.tag, attrs, children


TestLaws = Laws.TestCase
TestLaws.settings = settings(max_examples=150, stateful_step_count=50)
