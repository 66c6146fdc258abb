"""What an element has several of, as live views: attributes, classes, styles, children.

A view holds its element and nothing else. It reads from the tree and writes to the
tree at once, and behaves like the Python type it resembles.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, MutableMapping, MutableSequence
from typing import TYPE_CHECKING, Any, overload

from sapwood import _core
from sapwood.errors import TreeError

if TYPE_CHECKING:
    from sapwood.element import Element

# Attribute names as a start tag can carry them (HTML spec, 13.1.2.3), less the
# control characters and what `setAttribute` refuses.
_ATTRIBUTE_NAME = re.compile(r"[^\s\"'<>/=.\x00-\x1f\x7f][^\s\"'<>/=\x00-\x1f\x7f]*")


class Attributes(MutableMapping[str, str]):
    """The attributes of one element, by name.

    Setting `True` makes a boolean attribute, `False` or `None` removes it; any other
    value is kept as its `str()`. Handlers (`_onclick`) and the uuid are not here.
    """

    def __init__(self, element: Element) -> None:
        self._element = element

    def __getitem__(self, name: str) -> str:
        value = self._element._attribute(name) if _is_listed(name) else None
        if value is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: object) -> None:
        _check_name(name)
        if value is None or value is False:
            self._element._remove_attribute(name)
        else:
            self._element._set_attribute(name, "" if value is True else str(value))

    def __delitem__(self, name: str) -> None:
        if not _is_listed(name) or not self._element._remove_attribute(name):
            raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._element._attributes() if _is_listed(name))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return repr(dict(self))


def _is_listed(name: str) -> bool:
    return name != "uuid" and not name.startswith((".", "_on"))


def _check_name(name: str) -> None:
    if not isinstance(name, str) or not _ATTRIBUTE_NAME.fullmatch(name):
        raise ValueError(f"not a name for an attribute: {name!r}")
    folded = name.lower()  # as a browser reads it
    if not _is_listed(folded):
        mend = (
            "it is given once, for life" if folded == "uuid" else "use element.on(event, handler)"
        )
        raise ValueError(f"{name!r} cannot be set as an attribute: {mend}")
    if folded.startswith("on"):
        raise ValueError(
            f"{name!r} would be JavaScript in the page: use element.on(event, handler)"
        )


class Classes(MutableSequence[str]):
    """The classes of one element, in order and each once."""

    def __init__(self, element: Element) -> None:
        self._element = element

    def _list(self) -> list[str]:
        return list(dict.fromkeys((self._element._attribute("class") or "").split()))

    def _store(self, classes: Iterable[str]) -> None:
        joined = " ".join(dict.fromkeys(_check_class(name) for name in classes))
        if joined:
            self._element._set_attribute("class", joined)
        else:
            self._element._remove_attribute("class")

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        return self._list()[index]

    def __setitem__(self, index: int | slice, value: Any) -> None:
        classes = self._list()
        classes[index] = value
        self._store(classes)

    def __delitem__(self, index: int | slice) -> None:
        classes = self._list()
        del classes[index]
        self._store(classes)

    def __len__(self) -> int:
        return len(self._list())

    def insert(self, index: int, value: str) -> None:
        """Insert a class; one that is there already stays where it is."""
        classes = self._list()
        if value not in classes:
            classes.insert(index, value)
            self._store(classes)

    def add(self, *names: str) -> None:
        """Add classes that are not there yet."""
        self._store([*self._list(), *names])

    def discard(self, *names: str) -> None:
        """Remove classes if they are there."""
        self._store(name for name in self._list() if name not in names)

    def toggle(self, name: str, on: bool | None = None) -> bool:
        """Turn a class on or off, as *on* says or to the other state; return the new one."""
        on = name not in self if on is None else on
        (self.add if on else self.discard)(name)
        return on

    def __eq__(self, other: object) -> bool:
        return self._list() == list(other) if isinstance(other, Iterable) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # a live view, like a list

    def __repr__(self) -> str:
        return repr(self._list())


def _check_class(name: str) -> str:
    if not isinstance(name, str) or not name or any(letter.isspace() for letter in name):
        raise ValueError(f"a class is a word without spaces, not {name!r}")
    return name


class Style(MutableMapping[str, str]):
    """The inline style of one element: CSS properties by name, `font_size` or `font-size`."""

    def __init__(self, element: Element) -> None:
        self._element = element

    def _dict(self) -> dict[str, str]:
        pairs = (part.partition(":") for part in _declarations(self._element._attribute("style")))
        return {name.strip(): value.strip() for name, colon, value in pairs if colon}

    def _store(self, style: dict[str, str]) -> None:
        if style:
            joined = "; ".join(f"{name}: {value}" for name, value in style.items())
            self._element._set_attribute("style", joined)
        else:
            self._element._remove_attribute("style")

    def __getitem__(self, name: str) -> str:
        return self._dict()[_property(name)]

    def __setitem__(self, name: str, value: object) -> None:
        text = str(value)
        if not _is_one_value(text):
            raise ValueError(f"not the value of one CSS property: {text!r}")
        style = self._dict()
        style[_property(name)] = text
        self._store(style)

    def __delitem__(self, name: str) -> None:
        style = self._dict()
        del style[_property(name)]
        self._store(style)

    def __iter__(self) -> Iterator[str]:
        return iter(self._dict())

    def __len__(self) -> int:
        return len(self._dict())

    def __repr__(self) -> str:
        return repr(self._dict())


def _property(name: str) -> str:
    name = name.replace("_", "-") if not name.startswith("--") else name
    if not re.fullmatch(r"-{0,2}[A-Za-z][\w-]*", name):
        raise ValueError(f"not the name of a CSS property: {name!r}")
    return name


# A declaration ends at a semicolon that is in no string and in no parentheses.
_DECLARATION = re.compile(
    r"""(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\([^()]*\)|[^;"'()]|["'()])+"""
)


def _declarations(style: str | None) -> Iterator[str]:
    return (part for part in _DECLARATION.findall(style or "") if part.strip())


def _is_one_value(text: str) -> bool:
    """Say whether *text* cannot end the declaration that it is the value of.

    Stricter than CSS: no escapes, comments or line ends, and all that opens closes.
    """
    if not text.strip() or re.search(r"[\\{}\x00\n\r\f]|/\*", text):
        return False
    open_until: list[str] = []
    for letter in text:
        if open_until and letter == open_until[-1]:
            open_until.pop()
        elif open_until and open_until[-1] in "\"'":
            continue
        elif letter in "\"'":
            open_until.append(letter)
        elif letter in "([":
            open_until.append(")" if letter == "(" else "]")
        elif letter in ")];":
            return False
    return not open_until


class Children(MutableSequence["Element"]):
    """The child elements of one element, without the texts between them.

    An element that is put here leaves the place where it was.
    """

    def __init__(self, element: Element) -> None:
        self._element = element

    def _list(self) -> list[Element]:
        return self._element._elements

    @overload
    def __getitem__(self, index: int) -> Element: ...
    @overload
    def __getitem__(self, index: slice) -> list[Element]: ...
    def __getitem__(self, index: int | slice) -> Element | list[Element]:
        if isinstance(index, int) and index >= 0:
            found = self._element._element_at(index)
            if found is None:
                raise IndexError(f"child {index} of {len(self)}")
            return found
        return self._list()[index]

    def __setitem__(self, index: int | slice, value: Any) -> None:
        before = self._list()
        after = list(before)
        after[index] = value
        _check_children(after)
        _check_outside(self._element, after)
        kept = set(map(id, after))
        for child in before:
            if id(child) not in kept:
                child.remove()
        self._element._arrange(after)

    def __delitem__(self, index: int | slice) -> None:
        doomed = self._list()[index]
        for child in doomed if isinstance(doomed, list) else [doomed]:
            child.remove()

    def __len__(self) -> int:
        return self._element._element_count()

    def __iter__(self) -> Iterator[Element]:
        return iter(self._list())

    def __contains__(self, child: object) -> bool:
        parent = getattr(child, "parent", None)
        return parent is self._element

    def insert(self, index: int, value: Element) -> None:
        """Insert an element before the child at *index*, or last."""
        _check_children([value])
        is_child = value in self
        if index < 0:
            index = max(0, index + len(self) - is_child)
        # The place is counted without the child itself.
        if is_child and value._place() <= index:
            index += 1
        self._element._insert(value, self._element._element_at(index))

    def append(self, value: Element) -> None:
        """Put an element last."""
        _check_children([value])
        self._element._insert(value)

    def index(self, value: object, start: int = 0, stop: int | None = None) -> int:
        """Return the place of a child; raise ValueError if it is none."""
        if isinstance(value, _core.Node) and value in self:
            place = value._place()
            if place in range(*slice(start, stop).indices(len(self))):
                return place
        raise ValueError(f"{value!r} is not a child of {self._element!r}")

    def remove(self, value: Element) -> None:
        """Take a child out; raise ValueError if it is none."""
        self.index(value)
        value.remove()

    def clear(self) -> None:
        """Take all child elements out; texts between them stay."""
        if self._element._element_count() == len(self._element.content or []):
            self._element._clear()
        else:
            del self[:]

    def reverse(self) -> None:
        """Reverse the order of the child elements."""
        self._element._arrange(self._list()[::-1])

    def sort(self, *, key: Callable[[Element], Any], reverse: bool = False) -> None:
        """Sort the child elements by *key*, as `list.sort` does."""
        self._element._arrange(sorted(self._list(), key=key, reverse=reverse))

    def __repr__(self) -> str:
        return repr(self._list())


def _check_children(children: list[Any]) -> None:
    for child in children:
        if not isinstance(child, _core.Node):
            raise TypeError(f"a child is an Element, not {type(child).__name__}: {child!r}")
    if len(set(map(id, children))) != len(children):
        raise ValueError("an element can be a child only once")


def _check_outside(parent: Element, children: list[Element]) -> None:
    """Raise TreeError if one of *children* is *parent* or above it."""
    new = set(map(id, children))
    above: Element | None = parent
    while above is not None:
        if id(above) in new:
            raise TreeError("an element cannot go into itself or into its own descendant")
        above = above.parent
