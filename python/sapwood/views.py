"""An element's classes and its children, as live lists.

A view holds its element and nothing else. It reads from the tree and writes to the
tree at once. Each change is worked out on a plain list, which refuses what Python
refuses, and then written; what is asked often has a shorter way.

From reading to writing other threads wait, or it begins anew if they did not, so that no
change of theirs is lost. Nothing that is given, neither an iterator nor a sort's key, is
run in that time.
"""

from __future__ import annotations

import operator
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableSequence
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self, TypeVar, cast, overload

from sapwood import _core

if TYPE_CHECKING:
    from sapwood.element import Element

T = TypeVar("T")

#: Held from reading to writing. One for all, since an element may change its tree.
WRITING = threading.RLock()


class View:
    """What all views have in common: their element, and no attributes of their own."""

    __slots__ = ("_element",)

    _element: Element
    #: What to write instead of setting an attribute `{name}`.
    _meant: ClassVar[str]

    def __init__(self, element: Element) -> None:
        object.__setattr__(self, "_element", element)

    if not TYPE_CHECKING:  # which would take it to mean that any attribute can be set

        def __setattr__(self, name: str, value: object) -> None:
            meant = self._meant.format(name=name)
            self._refuse(AttributeError, f"{name!r} cannot be set: {meant}")

    def _refuse(self, error: type[Exception], message: str) -> NoReturn:
        raise error(f"{message}, in {self._element!r}")

    def __reduce__(self) -> tuple[type[Self], tuple[Element]]:
        return type(self), (self._element,)


class _ListView(View, MutableSequence[T]):
    """What classes and children have in common: a list, read anew each time."""

    __slots__ = ()

    def _list(self) -> list[T]:
        raise NotImplementedError

    def _store(self, new: list[T]) -> None:
        """Make *new* the whole list, or raise and leave it as it was."""
        raise NotImplementedError

    def _swap(self, old: list[T], new: list[T]) -> bool:
        """Make *new* the whole list if it still is *old*; say whether it was."""
        with WRITING:
            is_old = self._list() == old
            if is_old:
                self._store(new)
        return is_old

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        return self._list()[index]

    def __setitem__(self, index: int | slice, value: Any) -> None:
        if isinstance(index, slice):
            value = list(value)
        while True:
            old = self._list()
            new = old.copy()
            new[index] = value
            if self._swap(old, new):
                return

    def __delitem__(self, index: int | slice) -> None:
        with WRITING:
            new = self._list()
            del new[index]
            self._store(new)

    def pop(self, index: int = -1) -> T:
        """Take one out and return it; raise IndexError if there is none."""
        with WRITING:
            value = self[index]
            del self[index]
        return value

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
        new = list(values)
        with WRITING:
            self._store([*self._list(), *new])

    def remove(self, value: T) -> None:
        """Take *value* out; raise ValueError if it is not there."""
        with WRITING:
            del self[self.index(value)]

    def clear(self) -> None:
        """Take all out."""
        self._store([])

    def reverse(self) -> None:
        """Reverse the order."""
        while not self._swap(old := self._list(), old[::-1]):
            pass

    def sort(self, *, key: Callable[[T], Any] | None = None, reverse: bool = False) -> None:
        """Sort as `list.sort` does."""
        while True:
            old = self._list()
            new = sorted(old, key=key, reverse=reverse)  # type: ignore[type-var,arg-type]  # who calls knows
            if self._swap(old, new):
                return

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

    __hash__: ClassVar[None]  # type: ignore[assignment]  # a live view, like a list

    def __repr__(self) -> str:
        return repr(self._list())


def _plain(values: list[T] | _ListView[T]) -> list[T]:
    return values._list() if isinstance(values, _ListView) else values


class Classes(_ListView[str]):
    """The classes of one element, in order and each once: one that is there stays there.

    Where several are taken, a string of them will do: `classes += "wide tall"`.
    """

    __slots__ = ()
    _meant = "a class is turned on with classes.add({name!r})"

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
            self._refuse(TypeError, f"a class is a string, not {name!r}")
        if len(name.split()) != 1 or name != name.strip():
            self._refuse(ValueError, f"a class is a word without spaces, not {name!r}")
        return name

    def _replace(self, classes: Iterable[str]) -> None:
        self._store(self._words(classes))

    def _words(self, classes: Iterable[str]) -> list[str]:
        """Return classes one by one that may be given as one string."""
        if isinstance(classes, Mapping) or not isinstance(classes, Iterable):
            self._refuse(TypeError, f"classes are a list or a string, not {said(classes)}")
        return classes.split() if isinstance(classes, str) else list(classes)

    def insert(self, index: int, value: str) -> None:
        """Insert a class; one that is there already stays where it is."""
        with WRITING:
            classes = self._list()
            if value not in classes:
                classes.insert(index, value)
                self._store(classes)

    def extend(self, values: Iterable[str]) -> None:
        """Append several, given as strings or as one string with spaces."""
        super().extend(self._words(values))

    def add(self, *names: str) -> None:
        """Add classes that are not there yet."""
        super().extend(names)

    def discard(self, *names: str) -> None:
        """Remove classes if they are there."""
        with WRITING:
            self._store([name for name in self._list() if name not in names])

    def toggle(self, name: str, on: bool | None = None) -> bool:
        """Turn a class on or off, as *on* says or to the other state; return the new one."""
        with WRITING:
            on = name not in self if on is None else on
            (self.add if on else self.discard)(name)
        return on

    def replace(self, old: str, new: str) -> bool:
        """Put *new* where *old* is; say whether that was there."""
        with WRITING:
            was_there = old in self
            if was_there:
                self[self.index(old)] = new
        return was_there


class Children(_ListView["Element"]):
    """The child elements of one element, without the texts between them.

    An element that is put here leaves the place where it was, also if that was here; the
    place to insert it at is then counted without it. An element cannot be here twice.
    """

    __slots__ = ()
    _meant = "children are set by their place, as in children[0]"

    def _list(self) -> list[Element]:
        return self._element._elements

    def _store(self, new: list[Element]) -> None:
        self._element._set_elements([_child(it) for it in new])

    def _swap(self, old: list[Element], new: list[Element]) -> bool:
        # In one step of the core: elements come and go also by other ways than this view.
        return self._element._set_elements([_child(it) for it in new], old)

    def _replace(self, children: Iterable[Element]) -> None:
        if not isinstance(children, Iterable):
            self._refuse(TypeError, f"children are a list of elements, not {said(children)}")
        self._store(list(children))

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

    def __setitem__(self, index: int | slice, value: Any) -> None:
        is_place = isinstance(index, int) and abs(index) <= sys.maxsize
        if not (is_place and self._element._replace_at(cast("int", index), _child(value))):
            super().__setitem__(index, value)

    def __delitem__(self, index: int | slice) -> None:
        with WRITING:
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
        self._element._insert_at(operator.index(index), _child(value))

    def append(self, value: Element) -> None:
        """Put an element last."""
        self._element.append(_child(value))

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
        with WRITING:
            self.index(value)
            value.remove()

    def clear(self) -> None:
        """Take all child elements out; texts between them stay."""
        self._element._clear_elements()


def _child(value: Any) -> Element:
    if not isinstance(value, _core.Node):
        raise TypeError(
            f"a child is an Element, not {said(value)}; texts and elements together are content"
        )
    return value  # type: ignore[return-value]  # every Node is an Element


def said(value: object) -> str:
    """Return what a message says of a value of the wrong type."""
    return f"{type(value).__name__}: {value!r}"
