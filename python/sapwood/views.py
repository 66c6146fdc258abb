"""What an element has several of, as live views: attributes, classes, styles, children.

A view holds its element and nothing else. It reads from the tree and writes to the
tree at once, and behaves like the Python type it resembles. Each change is worked out
on a plain list or dict, which refuses what Python refuses, and then written in one step.
"""

from __future__ import annotations

import re
import sys
from collections.abc import (
    Callable,
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    MutableSequence,
    Set,
)
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar, overload

from sapwood import _core

if TYPE_CHECKING:
    from sapwood.element import Element

T = TypeVar("T")

# Attribute names as a start tag can carry them (HTML spec, 13.1.2.3), less the
# control characters and what `setAttribute` refuses.
_ATTRIBUTE_NAME = re.compile(
    r"[^\s\"'<>/=.\x00-\x1f\x7f\ud800-\udfff][^\s\"'<>/=\x00-\x1f\x7f\ud800-\udfff]*"
)


class _DictView(MutableMapping[str, str]):
    """What attributes and styles have in common: a dict of strings, read anew each time.

    `None` and `False` remove what is set to them.
    """

    def __init__(self, element: Element) -> None:
        self._element = element

    def _dict(self) -> dict[str, str]:
        raise NotImplementedError

    def _name(self, name: str) -> str:
        """Return *name* as it is kept; raise ValueError or TypeError if it cannot be one."""
        raise NotImplementedError

    def _text(self, name: str, value: object) -> str | None:
        """Return *value* as it is kept, None to remove it; raise ValueError if it cannot be."""
        raise NotImplementedError

    def _write(self, changes: dict[str, str | None]) -> None:
        """Set what has a value and remove what has none: all of it, or nothing."""
        raise NotImplementedError

    def _listed(self, name: object) -> str | None:
        """Return *name* as it is kept, None if nothing can be kept under it."""
        if isinstance(name, str):
            try:
                return self._name(name)
            except ValueError:
                return None
        hash(name)  # raises what a dict would
        return None

    def __getitem__(self, name: str) -> str:
        listed = self._listed(name)
        if listed is None:
            raise KeyError(name)
        return self._dict()[listed]

    def __setitem__(self, name: str, value: object) -> None:
        self._write(self._checked({name: value}))

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        self._write({self._name(name): None})

    def __iter__(self) -> Iterator[str]:
        return iter(self._dict())

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._dict())

    def __len__(self) -> int:
        return len(self._dict())

    def update(self, *others: Any, **more: object) -> None:
        """Set several, as `dict.update` does; if one is refused, none is set."""
        self._write(self._checked(_merged(others, more)))

    def setdefault(self, name: str, default: object = None) -> Any:
        """Return what is set, after setting *default* if nothing is."""
        if name not in self:
            self[name] = default
        return self.get(name)

    def popitem(self) -> tuple[str, str]:
        """Remove the last one and return its name and value; KeyError if there is none."""
        item = self._dict().popitem()
        self._write({item[0]: None})
        return item

    def clear(self) -> None:
        """Remove all."""
        self._write(dict.fromkeys(self._dict()))

    def copy(self) -> dict[str, str]:
        """Return a dict of what is set now."""
        return self._dict()

    def _replace(self, new: Mapping[str, object]) -> None:
        """Make what *new* says all that there is."""
        wanted = self._checked(_merged((new,), {}))
        gone = {name: None for name in self._dict() if name not in wanted}
        self._write({**gone, **wanted})

    def _checked(self, new: Mapping[Any, object]) -> dict[str, str | None]:
        return {self._name(name): self._text(name, value) for name, value in new.items()}

    def _string(self, name: str, value: object) -> str:
        """Return a plain value as a string; raise TypeError for what is surely a mistake."""
        if isinstance(value, str):
            return value
        if isinstance(value, Mapping | Set | list | tuple | bytes | _core.Node) or callable(value):
            self._refuse(
                TypeError,
                f"what {name!r} is set to is a string or a number, not {type(value).__name__}: "
                f"{value!r}",
            )
        return str(value)

    def _refuse(self, error: type[Exception], message: str) -> NoReturn:
        raise error(f"{message}, in {self._element!r}")

    def __or__(self, other: Mapping[str, Any]) -> dict[str, Any]:
        return self._dict() | dict(other) if isinstance(other, Mapping) else NotImplemented

    def __ror__(self, other: Mapping[str, Any]) -> dict[str, Any]:
        return dict(other) | self._dict() if isinstance(other, Mapping) else NotImplemented

    def __ior__(self, other: Any) -> Self:  # type: ignore[misc]  # as a dict, it takes pairs too
        self.update(other)
        return self

    def __repr__(self) -> str:
        return repr(self._dict())


def _merged(others: tuple[Any, ...], more: dict[str, object]) -> dict[Any, object]:
    """Return what the arguments of `dict.update` say; raise what it raises."""
    merged: dict[Any, object] = {}
    merged.update(*others, **more)
    return merged


class Attributes(_DictView):
    """The attributes of one element, by name.

    Setting `True` makes a boolean attribute, `False` or `None` removes it; any other
    value is kept as its `str()`. Handlers (`_onclick`) and the uuid are not here.
    """

    def _dict(self) -> dict[str, str]:
        pairs = self._element._attributes()
        return {name: value for name, value in pairs if _is_listed(name)}

    def __getitem__(self, name: str) -> str:
        is_name = isinstance(name, str) and _is_listed(name) and _is_characters(name)
        value = self._element._attribute(name) if is_name else None
        if value is None:
            hash(name)  # raises what a dict would
            raise KeyError(name)
        return value

    def __contains__(self, name: object) -> bool:
        return self.get(name) is not None  # type: ignore[call-overload]  # any object may be asked for

    def __setitem__(self, name: str, value: object) -> None:
        self._name(name)
        text = self._text(name, value)
        if text is None:
            self._element._remove_attribute(name)
        else:
            self._element._set_attribute(name, text)

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        self._element._remove_attribute(name)

    def _name(self, name: str) -> str:
        if not isinstance(name, str):
            self._refuse(TypeError, f"the name of an attribute is a string, not {name!r}")
        if not _ATTRIBUTE_NAME.fullmatch(name):
            self._refuse(
                ValueError,
                f"not a name for an attribute: {name!r}; it has no spaces, quotes, '<', '>', "
                "'/', '=' nor control characters, and no '.' in front",
            )
        folded = name.lower()  # as a browser reads it
        if folded == "uuid":
            self._refuse(ValueError, f"{name!r} cannot be set as an attribute: it is for life")
        if folded.startswith(("on", "_on")):
            self._refuse(
                ValueError,
                f"{name!r} cannot be set as an attribute, where it would be JavaScript: "
                f"use element.on({folded.lstrip('_')[2:]!r}, handler)",
            )
        return name

    def _text(self, name: str, value: object) -> str | None:
        if value is None or value is False:
            return None
        text = "" if value is True else self._string(name, value)
        if name.lower() == "id" and re.search(r"[\t\n\f\r ]", text):
            self._refuse(ValueError, f"an id is a word without spaces, not {text!r}")
        return text

    def _write(self, changes: dict[str, str | None]) -> None:
        if changes:
            self._element._set_attributes(list(changes.items()))


def _is_listed(name: str) -> bool:
    return name != "uuid" and not name.startswith((".", "_on"))


def _is_characters(text: str) -> bool:
    return text.isascii() or not re.search("[\ud800-\udfff]", text)


class Style(_DictView):
    """The inline style of one element: CSS properties by name, `font_size` or `font-size`.

    `None` or `False` removes a property.
    """

    def _dict(self) -> dict[str, str]:
        pairs = (part.partition(":") for part in _declarations(self._element._attribute("style")))
        return {_property(name.strip()): value.strip() for name, colon, value in pairs if colon}

    def _write(self, changes: dict[str, str | None]) -> None:
        new = self._dict()
        for name, value in changes.items():
            if value is None:
                new.pop(name, None)
            else:
                new[name] = value
        if new:
            joined = "; ".join(f"{name}: {value}" for name, value in new.items())
            self._element._set_attribute("style", joined)
        else:
            self._element._remove_attribute("style")

    def _name(self, name: str) -> str:
        if not isinstance(name, str):
            self._refuse(TypeError, f"the name of a CSS property is a string, not {name!r}")
        name = _property(name if name.startswith("--") else name.replace("_", "-"))
        if not re.fullmatch(r"-{0,2}[A-Za-z][\w-]*", name, re.ASCII):
            self._refuse(ValueError, f"not the name of a CSS property: {name!r}")
        return name

    def _text(self, name: str, value: object) -> str | None:
        if value is None or value is False:
            return None
        text = self._string(name, value)
        if value is True or not _is_one_value(text):
            self._refuse(ValueError, f"not the value of one CSS property: {name}: {text!r}")
        return text


def _property(name: str) -> str:
    """Return a CSS property's name as it is compared: only `--own` ones have capitals."""
    return name if name.startswith("--") else name.lower()


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
    if not text.strip() or re.search(r"[\\{}\x00\n\r\f\ud800-\udfff]|/\*", text):
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


class _ListView(MutableSequence[T]):
    """What classes and children have in common: a list, read anew each time."""

    def __init__(self, element: Element) -> None:
        self._element = element

    def _list(self) -> list[T]:
        raise NotImplementedError

    def _store(self, new: list[T]) -> None:
        """Make *new* the whole list, or raise and leave it as it was."""
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        return self._list()[index]

    def __setitem__(self, index: int | slice, value: Any) -> None:
        new = self._list()
        new[index] = value
        self._store(new)

    def __delitem__(self, index: int | slice) -> None:
        new = self._list()
        del new[index]
        self._store(new)

    def __len__(self) -> int:
        return len(self._list())

    def __iter__(self) -> Iterator[T]:
        return iter(self._list())

    def __reversed__(self) -> Iterator[T]:
        return reversed(self._list())

    def __contains__(self, value: object) -> bool:
        return value in self._list()

    def index(self, value: Any, start: int = 0, stop: int | None = None) -> int:
        """Return the place of *value*; raise ValueError if it is not there."""
        values = self._list()
        return values.index(value, start, len(values) if stop is None else stop)

    def count(self, value: Any) -> int:
        """Return how often *value* is there, which is once at most."""
        return int(value in self)

    def extend(self, values: Iterable[T]) -> None:
        """Append several."""
        self._store([*self._list(), *values])

    def remove(self, value: T) -> None:
        """Take *value* out; raise ValueError if it is not there."""
        del self[self.index(value)]

    def clear(self) -> None:
        """Take all out."""
        self._store([])

    def reverse(self) -> None:
        """Reverse the order."""
        self._store(self._list()[::-1])

    def sort(self, *, key: Callable[[T], Any] | None = None, reverse: bool = False) -> None:
        """Sort as `list.sort` does."""
        new = self._list()
        new.sort(key=key, reverse=reverse)
        self._store(new)

    def copy(self) -> list[T]:
        """Return a list of what is here now."""
        return self._list()

    def __add__(self, other: list[T] | _ListView[T]) -> list[T]:
        return self._list() + _plain(other)

    def __radd__(self, other: list[T]) -> list[T]:
        return _plain(other) + self._list()

    def __iadd__(self, values: Iterable[T]) -> Self:
        self.extend(values)
        return self

    def __eq__(self, other: object) -> bool:
        if isinstance(other, _ListView | list):
            return self._list() == _plain(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # a live view, like a list

    def __repr__(self) -> str:
        return repr(self._list())


def _plain(values: list[T] | _ListView[T]) -> list[T]:
    return values._list() if isinstance(values, _ListView) else values


class Classes(_ListView[str]):
    """The classes of one element, in order and each once: one that is there stays there.

    Where several are taken, a string of them will do: `classes += "wide tall"`.
    """

    def _list(self) -> list[str]:
        return list(dict.fromkeys((self._element._attribute("class") or "").split()))

    def _store(self, new: list[str]) -> None:
        joined = " ".join(dict.fromkeys([self._word(name) for name in new]))
        if joined:
            self._element._set_attribute("class", joined)
        else:
            self._element._remove_attribute("class")

    def _word(self, name: object) -> str:
        if not isinstance(name, str):
            raise TypeError(f"a class is a string, not {name!r}, in {self._element!r}")
        if len(name.split()) != 1 or name != name.strip():
            raise ValueError(
                f"a class is a word without spaces, not {name!r}, in {self._element!r}"
            )
        return name

    def insert(self, index: int, value: str) -> None:
        """Insert a class; one that is there already stays where it is."""
        classes = self._list()
        if value not in classes:
            classes.insert(index, value)
            self._store(classes)

    def extend(self, values: Iterable[str]) -> None:
        """Append several, given as strings or as one string with spaces."""
        super().extend(words(values))

    def add(self, *names: str) -> None:
        """Add classes that are not there yet."""
        self._store([*self._list(), *names])

    def discard(self, *names: str) -> None:
        """Remove classes if they are there."""
        self._store([name for name in self._list() if name not in names])

    def toggle(self, name: str, on: bool | None = None) -> bool:
        """Turn a class on or off, as *on* says or to the other state; return the new one."""
        on = name not in self if on is None else on
        (self.add if on else self.discard)(name)
        return on

    def replace(self, old: str, new: str) -> bool:
        """Put *new* where *old* is; say whether that was there."""
        if old not in self:
            return False
        self[self.index(old)] = new
        return True


def words(classes: Iterable[str]) -> Iterable[str]:
    """Return classes that may be given as one string one by one."""
    if isinstance(classes, Mapping):
        raise TypeError(
            f"classes are a list or a string, not {type(classes).__name__}: {classes!r}"
        )
    return classes.split() if isinstance(classes, str) else classes


class Children(_ListView["Element"]):
    """The child elements of one element, without the texts between them.

    An element that is put here leaves the place where it was, also if that was here; the
    place to insert it at is then counted without it. An element cannot be here twice.
    """

    def _list(self) -> list[Element]:
        return self._element._elements

    def _store(self, new: list[Element]) -> None:
        self._element._set_elements([_child(it) for it in new])

    @overload
    def __getitem__(self, index: int) -> Element: ...
    @overload
    def __getitem__(self, index: slice) -> list[Element]: ...
    def __getitem__(self, index: int | slice) -> Element | list[Element]:
        if isinstance(index, int) and abs(index) <= sys.maxsize:
            found = self._element._element_at(index)
            if found is None:
                raise IndexError(f"child {index} of {len(self)}, in {self._element!r}")
            return found
        return self._list()[index]

    def __delitem__(self, index: int | slice) -> None:
        doomed = self[index]
        for child in doomed if isinstance(doomed, list) else [doomed]:
            child.remove()

    def __len__(self) -> int:
        return self._element._element_count()

    def __bool__(self) -> bool:
        return self._element._element_at(0) is not None

    def __contains__(self, child: object) -> bool:
        return isinstance(child, _core.Node) and self._element._has_child(child)

    def insert(self, index: int, value: Element) -> None:
        """Insert an element before the child at *index*, or last."""
        is_child = _child(value) in self
        if index < 0:
            index = max(0, index + len(self) - is_child)
        # The place is counted without the child itself.
        if is_child and value._place() <= index:
            index += 1
        self._element._insert(value, self._element._element_at(index))

    def append(self, value: Element) -> None:
        """Put an element last."""
        self._element._insert(_child(value))

    def extend(self, values: Iterable[Element]) -> None:
        """Put several elements last."""
        self._element._insert_adjacent("beforeend", [_child(it) for it in values])

    def index(self, value: Any, start: int = 0, stop: int | None = None) -> int:
        """Return the place of a child; raise ValueError if it is none."""
        if value in self:
            place: int = value._place()
            if place in range(*slice(start, stop).indices(len(self))):
                return place
        raise ValueError(f"{value!r} is not a child of {self._element!r}")

    def remove(self, value: Element) -> None:
        """Take a child out; raise ValueError if it is none."""
        self.index(value)
        value.remove()

    def clear(self) -> None:
        """Take all child elements out; texts between them stay."""
        self._element._clear_elements()


def _child(value: Any) -> Element:
    if not isinstance(value, _core.Node):
        raise TypeError(
            f"a child is an Element, not {type(value).__name__}: {value!r}; "
            "texts and elements together are content"
        )
    return value  # type: ignore[return-value]  # every Node is an Element
