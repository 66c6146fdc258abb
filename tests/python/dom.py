"""A page as a browser holds it, as plainly as docs/protocol.md can be read.

Nothing here is fast, shared or clever, and nothing of Sapwood is used: the laws and the
sessions are tested against it.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
RAW = frozenset("script style".split())
HTML_POINTS = frozenset("foreignObject desc title".split())
METHODS = frozenset("focus blur click select scrollIntoView setSelectionRange".split())
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(eq=False)
class Leaf:
    """A text or a comment."""

    data: str
    is_comment: bool = False


@dataclass(eq=False)
class Node:
    """An element, or the document."""

    tag: str
    namespace: str = "html"
    uuid: str | None = None
    attributes: dict[str, str] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)
    children: list[Node | Leaf] = field(default_factory=list)
    parent: Node | None = None

    def put(self, index: int, child: Node | Leaf) -> None:
        """Put a child, that is nowhere else, at a place."""
        self.children.insert(index, child)
        if isinstance(child, Node):
            child.parent = self

    def walk(self) -> Iterator[Node]:
        """Go through this element and all below it."""
        yield self
        for child in self.children:
            if isinstance(child, Node):
                yield from child.walk()

    @property
    def value(self) -> Any:
        """What a field holds."""
        if "value" in self.properties:
            return self.properties["value"]
        return text_of(self) if self.tag == "textarea" else self.attributes.get("value", "")

    @property
    def checked(self) -> bool:
        """Whether a box is ticked."""
        return self.properties.get("checked", "checked" in self.attributes)


def text_of(node: Node) -> str:
    """Return all texts in an element, joined."""
    texts = (
        text_of(child) if isinstance(child, Node) else "" if child.is_comment else child.data
        for child in node.children
    )
    return "".join(texts)


def shape(node: Node | Leaf, *, with_uuids: bool = True, with_namespaces: bool = True) -> Any:
    """Return an element as a value that compares; texts side by side are one."""
    if isinstance(node, Leaf):
        return ("comment" if node.is_comment else "text", node.data)
    children: list[Any] = []
    for child in node.children:
        made = shape(child, with_uuids=with_uuids, with_namespaces=with_namespaces)
        if made[0] == "text" and children and children[-1][0] == "text":
            made = ("text", children.pop()[1] + made[1])
        children.append(made)
    return (
        f"{node.namespace} {node.tag}" if with_namespaces else node.tag,
        node.uuid if with_uuids else None,
        node.attributes,
        node.properties,
        children,
    )


def shown(node: Node) -> Node:
    """Return a copy in which properties stand where the page's HTML has them."""
    copy = Node(node.tag, node.namespace, node.uuid, dict(node.attributes))
    for child in node.children:
        copy.put(len(copy.children), shown(child) if isinstance(child, Node) else child)
    if "checked" in node.properties:
        copy.attributes.pop("checked", None)
        if node.properties["checked"]:
            copy.attributes["checked"] = ""
    if "value" in node.properties and node.tag == "textarea":
        copy.children = [Leaf(node.properties["value"])] if node.properties["value"] else []
    elif "value" in node.properties:
        copy.attributes["value"] = node.properties["value"]
    return copy


def namespace_inside(parent: Node, tag: str) -> str:
    """Return the namespace that an element has by its parent."""
    is_html = parent.namespace == "html"
    if is_html or (parent.namespace == "svg" and parent.tag in HTML_POINTS):
        return tag if tag in {"svg", "math"} else "html"
    return parent.namespace


class Page:
    """A document, and what a patch does to it."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.document = Node("#document")
        #: Says whether a property is the user's, and stays as it is.
        self.holds: Callable[[Node, str], bool] = lambda node, name: False
        #: What was called, in this order: uuid, method, arguments.
        self.calls: list[tuple[str, str, list[Any]]] = []

    # --- Reading HTML, as Sapwood writes it --------------------------------------

    _TOKEN = re.compile(
        r"<!--(?P<comment>.*?)-->|<!DOCTYPE[^>]*>|</(?P<end>[^>]+)>"
        r"|<(?P<start>[^\s>]+)(?P<attributes>(?:\s+[^\s=>]+(?:=(?:\"[^\"]*\"|[^\s>\"]*))?)*)>"
        r"|(?P<text>[^<]+)",
        re.DOTALL,
    )
    _ATTRIBUTE = re.compile(r"\s+([^\s=>]+)(?:=(?:\"([^\"]*)\"|([^\s>\"]*)))?")

    @classmethod
    def parse(cls, markup: str, prefix: str) -> Page:
        """Return the page that rendered HTML is."""
        page = cls(prefix)
        at, above = 0, page.document
        while at < len(markup):
            token = cls._TOKEN.match(markup, at)
            assert token, markup[at : at + 80]
            at = token.end()
            if token["comment"] is not None:
                above.put(len(above.children), Leaf(token["comment"], is_comment=True))
            elif token["end"]:
                assert token["end"] == above.tag, (token["end"], above.tag)
                assert above.parent
                above = above.parent
            elif token["text"]:
                above.put(len(above.children), Leaf(html.unescape(token["text"])))
            elif token["start"]:
                node = cls._start(above, token)
                above.put(len(above.children), node)
                if node.tag in {"textarea", "pre"} and markup.startswith("\n", at):
                    at += 1
                if node.tag in RAW and node.namespace == "html":
                    end = markup.index(f"</{node.tag}>", at)
                    if end > at:
                        node.put(0, Leaf(markup[at:end]))
                    at = end
                if node.tag not in VOID or node.namespace != "html":
                    above = node
        return page

    @classmethod
    def _start(cls, above: Node, token: re.Match[str]) -> Node:
        found = cls._ATTRIBUTE.findall(token["attributes"])
        attributes = {name: html.unescape(quoted or bare) for name, quoted, bare in found}
        uuid = attributes.pop("uuid", None)
        tag = token["start"]
        return Node(tag, namespace_inside(above, tag), uuid, attributes)

    # --- Finding -----------------------------------------------------------------

    @property
    def elements(self) -> dict[str, Node]:
        """All elements by uuid; none may come twice."""
        found: dict[str, Node] = {}
        for node in self.document.walk():
            if node.uuid is not None:
                assert node.uuid not in found, f"{node.uuid} twice"
                found[node.uuid] = node
        return found

    def uuid(self, id: Any) -> str:
        """Return the uuid that an id on the wire stands for."""
        if isinstance(id, str):
            return id
        assert isinstance(id, int)
        assert id > 0
        digits = ""
        while id:
            id, digit = divmod(id, 36)
            digits = DIGITS[digit] + digits
        return self.prefix + digits

    def id(self, uuid: str) -> Any:
        """Return what stands for a uuid on the wire."""
        if not uuid.startswith(self.prefix):
            return uuid
        return int(uuid.removeprefix(self.prefix), 36)

    # --- Patches -----------------------------------------------------------------

    def apply(self, ops: list[Any]) -> None:
        """Carry out the ops of a patch."""
        reader = _Reader(list(ops))
        due: list[tuple[Node, str, list[Any]]] = []
        while reader.operands:
            op = reader.take(int)
            reader.last, reader.tag = 0, None
            if op == 11:
                due.append((self._find(reader.take()), reader.take(str), reader.take(list)))
            else:
                getattr(self, f"_op{op}")(reader)
        for node, method, arguments in due:
            assert method in METHODS, method
            assert node.uuid
            assert self.elements[node.uuid] is node, "what is called is in the page"
            self.calls.append((node.uuid, method, arguments))

    def _find(self, id: Any) -> Node:
        return self.document if id == 0 else self.elements[self.uuid(id)]

    def _leaf(self, parent: Node, index: int) -> Leaf:
        child = self._known(parent)[index]
        assert isinstance(child, Leaf), "an index names only texts and comments"
        return child

    @staticmethod
    def _known(parent: Node) -> list[Node | Leaf]:
        return [c for c in parent.children if isinstance(c, Leaf) or c.uuid is not None]

    def _place(self, parent: Node, before: Any) -> int:
        if before == 0:
            return len(parent.children)
        if isinstance(before, int) and before < 0:
            return _at(parent, self._leaf(parent, -1 - before))
        node = self._find(before)
        assert node.parent is parent, "`before` is a child of the parent"
        return _at(parent, node)

    def _op0(self, reader: _Reader) -> None:
        node, text = self._find(reader.take()), reader.take(str)
        node.children = [Leaf(text)] if text else []

    def _op1(self, reader: _Reader) -> None:
        leaf = self._leaf(self._find(reader.take()), reader.take(int))
        leaf.data = reader.take(str)

    def _op2(self, reader: _Reader) -> None:
        node, name = self._find(reader.take()), reader.take(str)
        node.attributes[name] = reader.take(str)

    def _op3(self, reader: _Reader) -> None:
        node, name = self._find(reader.take()), reader.take(str)
        if name.startswith("."):
            del node.properties[name[1:]]
        else:
            del node.attributes[name]

    def _op4(self, reader: _Reader) -> None:
        node, name = self._find(reader.take()), reader.take(str)
        value = reader.take()
        if not self.holds(node, name):
            node.properties[name] = value

    def _op5(self, reader: _Reader) -> None:
        parent = self._find(reader.take())
        place = self._place(parent, reader.take())
        for offset in range(reader.take(int)):
            self._node(reader, parent, place + offset)

    def _op6(self, reader: _Reader) -> None:
        _take_out(self._find(reader.take()))

    def _op7(self, reader: _Reader) -> None:
        parent = self._find(reader.take())
        parent.children.pop(_at(parent, self._leaf(parent, reader.take(int))))

    def _op8(self, reader: _Reader) -> None:
        node, parent = self._find(reader.take()), self._find(reader.take())
        before = reader.take()
        above: Node | None = parent
        while above is not None:
            assert above is not node, "an element cannot go into itself"
            above = above.parent
        if before == 0 or (isinstance(before, int) and before < 0):
            # An index counts as things are before the move.
            beside = None if before == 0 else self._leaf(parent, -1 - before)
        else:
            beside = self._find(before)
        _take_out(node)
        parent.put(len(parent.children) if beside is None else _at(parent, beside), node)

    def _op9(self, reader: _Reader) -> None:
        node, tag = self._find(reader.take()), reader.take(str)
        node.namespace, _, node.tag = tag.partition(" ")
        assert node.tag, "the tag names its namespace"
        node.attributes, node.properties = {}, {}
        self._attributes(node, reader.take(list))

    def _op10(self, reader: _Reader) -> None:
        node, count = self._find(reader.take()), reader.take(int)
        before, node.children = self.elements, []
        for _ in range(count):
            self._node(reader, node, len(node.children))
        for made in node.walk():
            old = before.get(made.uuid or "")
            if old is None or old is made or (old.tag, old.namespace) != (made.tag, made.namespace):
                continue
            # It is the same element, with what the user did to it.
            kept = {n: v for n, v in old.properties.items() if self.holds(old, n)}
            made.properties = {**old.properties, **made.properties, **kept}

    def _node(self, reader: _Reader, parent: Node, index: int) -> None:
        head = reader.take()
        if head in (-1, -2):
            parent.put(index, Leaf(reader.take(str), is_comment=head == -2))
            return
        # A single 0 stands for the tag before and the next id.
        id = 0 if head == 0 else reader.take()
        head = reader.tag if head == 0 else head
        assert isinstance(head, str)
        reader.tag = head
        namespace, space, tag = head.partition(" ")
        if not space:
            namespace, tag = namespace_inside(parent, head), head
        if id == 0:
            id = reader.last + 1
        if isinstance(id, int):
            reader.last = id
        node = Node(tag, namespace, self.uuid(id))
        parent.put(index, node)
        if isinstance(reader.operands[0], list):
            self._attributes(node, reader.take())
        children = reader.take()
        if isinstance(children, str):
            assert children, "no text is empty"
            node.put(0, Leaf(children))
            return
        for _ in range(children):
            self._node(reader, node, len(node.children))

    @staticmethod
    def _attributes(node: Node, pairs: list[Any]) -> None:
        for name, value in zip(pairs[::2], pairs[1::2], strict=True):
            if name.startswith("."):
                node.properties[name[1:]] = value
            else:
                assert isinstance(value, str)
                node.attributes[name] = value


class _Reader:
    def __init__(self, operands: list[Any]) -> None:
        self.operands = operands
        self.last = 0
        self.tag: str | None = None

    def take(self, kind: type | None = None) -> Any:
        operand = self.operands.pop(0)
        assert kind is None or type(operand) is kind, (operand, kind)
        return operand


def _at(parent: Node, child: Node | Leaf) -> int:
    return next(place for place, each in enumerate(parent.children) if each is child)


def _take_out(node: Node) -> None:
    assert node.parent is not None
    node.parent.children.pop(_at(node.parent, node))
    node.parent = None


def whole(frame: str, prefix: str) -> Page:
    """Return the page that a frame with the whole tree fills."""
    page = Page(prefix)
    page.apply(json.loads(frame)[2:])
    return page
