"""What tests compare of a page: nested lists, the same as shape.js makes of a document.

They are read from the op that fills a whole page, by docs/protocol.md and by nothing
else: neither the client's reader nor the core's has a part in it.
"""

import json
from collections.abc import Iterator
from typing import Any

from sapwood import Template, _core

XLINK = "http://www.w3.org/1999/xlink"

Shape = Any


class Whole:
    """A template as the browser is sent it whole: the ops, and what they must make."""

    def __init__(self, template: Template) -> None:
        frame = _core.Sync(template._tree).cut_whole(template._tree, 0)
        self.ops: list[Any] = json.loads(frame)[2:]
        #: What fields hold: uuid, property, value.
        self.properties: list[tuple[str, str, Any]] = []
        self._operands = iter(self.ops)
        self._last = 0
        self._tag = ""
        assert [next(self._operands), next(self._operands)] == [10, 0]
        self.shape: Shape = [self._node("html") for _ in range(next(self._operands))]
        assert not list(self._operands)

    def _node(self, inside: str) -> Shape:
        """Read a node; *inside* is the namespace that its parent's children have."""
        tag = next(self._operands)
        if tag in (-1, -2):
            data = next(self._operands)
            return data if tag == -1 else ["#", data]
        # A single 0 is the tag before and the next id.
        id = 0 if tag == 0 else next(self._operands)
        self._tag = tag = tag or self._tag
        uuid, children = self._uuid(id), next(self._operands)
        namespace, bare = tag.split(" ") if " " in tag else (inside, tag)
        if inside == "html" and tag in ("svg", "math"):
            namespace = tag
        attributes = [["uuid", uuid]]
        if isinstance(children, list):
            for name, value in zip(children[::2], children[1::2], strict=True):
                if name.startswith("."):
                    self.properties.append((uuid, name[1:], value))
                else:
                    attributes.append([_attribute(name, namespace), value])
            children = next(self._operands)
        is_point = namespace == "svg" and bare in ("foreignObject", "desc", "title")
        below = "html" if is_point else namespace
        if isinstance(children, str):
            nodes = [children] if children else []
        else:
            nodes = [self._node(below) for _ in range(children)]
        return [f"{namespace} {bare}", sorted(attributes), nodes]

    def _uuid(self, id: int | str) -> str:
        if isinstance(id, str):
            return id
        self._last = id or self._last + 1
        return _core.uuid_prefix() + _base36(self._last)


def _attribute(name: str, namespace: str) -> str:
    """Return the name that an attribute has in a document."""
    if namespace == "html":
        return name.lower()
    return f"{{{XLINK}}}{name}" if name.startswith("xlink:") else name


def _base36(number: int) -> str:
    digits = ""
    while number:
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36] + digits
        number //= 36
    return digits


def outline(shape: Shape) -> Iterator[Any]:
    """Leave out of a shape what the Python API does not show: comments and namespaces."""
    name, attributes, children = shape
    listed = {n.rpartition("}")[2].lower(): v for n, v in attributes if not n.startswith("_on")}
    yield name.partition(" ")[2], listed.pop("uuid"), listed
    for child in children:
        if isinstance(child, str):
            yield child
        elif child[0] != "#":
            yield from outline(child)
