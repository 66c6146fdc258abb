"""What becomes of the attributes and handlers of elements that are copied.

Whatever leads to an element that is copied leads to its copy afterwards: through lists,
dicts and the like, which are copied too, through methods, partials and what Sapwood itself
hands out. Any other object is shared, since nobody but its maker knows how to copy it.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from functools import partial
from operator import is_
from types import MethodType
from typing import TYPE_CHECKING, Any

from sapwood.attributes import Attributes, Style
from sapwood.views import Children, Classes

if TYPE_CHECKING:
    from sapwood.element import Element

Copier = Callable[[Any], Any]


def copier(copy_of: Copier) -> Copier:
    """Return what copies a value of an attribute, if *copy_of* copies elements.

    *copy_of* returns what it does not copy as it is. Two places that hold the same list
    hold the same one afterwards.
    """
    memo: dict[int, Any] = {}

    def copied(value: Any) -> Any:
        copy = COPIERS.get(type(value))
        if copy is None:
            return copy_of(value)
        if id(value) not in memo:
            made = copy(value, copied, lambda made: memo.setdefault(id(value), made))
            # A tuple may be in a list that is in it, and be made by then.
            memo.setdefault(id(value), made)
        return memo[id(value)]

    return copied


def carry_over(pairs: Iterable[tuple[Element, Element]], copied: Copier) -> None:
    """Give copied elements the attributes and handlers of their originals, as *copied* has them."""
    for original, copy in pairs:
        for name, value in _state(original):
            if name == "_handlers":
                copy._handlers = {
                    key: [copied(handler) for handler in handlers]
                    for key, handlers in value.items()
                }
            else:
                # Past a `__setattr__` of a subclass, which may want more than there is yet.
                object.__setattr__(copy, name, copied(value))


def _state(element: Element) -> list[tuple[str, Any]]:
    """Return the attributes that were set on an element, also those in `__slots__`."""
    state: Any = object.__getstate__(element)
    held, slots = state if isinstance(state, tuple) else (state, None)
    return [*(held or {}).items(), *(slots or {}).items()]


# --- How each type is copied -------------------------------------------------
#
# Each is given the value, the copier for what is in it, and whom to tell of a copy
# before it is filled, since it may hold itself.

Keep = Callable[[Any], Any]


def _list(value: Any, copied: Copier, keep: Keep) -> Any:
    made = keep(deque(maxlen=value.maxlen) if isinstance(value, deque) else [])
    made.extend(map(copied, value))
    return made


def _set(value: set[Any], copied: Copier, keep: Keep) -> Any:
    made = keep(set())
    made.update(map(copied, value))
    return made


def _dict(value: Any, copied: Copier, keep: Keep) -> Any:
    is_default = isinstance(value, defaultdict)
    made = keep(defaultdict(copied(value.default_factory)) if is_default else type(value)())
    made.update((copied(key), copied(item)) for key, item in value.items())
    return made


def _unchanging(value: Any, copied: Copier, keep: Keep) -> Any:
    parts = list(value)
    made = [copied(part) for part in parts]
    return value if all(map(is_, parts, made)) else type(value)(made)


def _method(method: MethodType, copied: Copier, keep: Keep) -> Any:
    owner = copied(method.__self__)
    return method if owner is method.__self__ else MethodType(method.__func__, owner)


def _partial(value: partial[Any], copied: Copier, keep: Keep) -> Any:
    keywords = {name: copied(item) for name, item in value.keywords.items()}
    return partial(copied(value.func), *map(copied, value.args), **keywords)


def _view(view: Any, copied: Copier, keep: Keep) -> Any:
    return type(view)(copied(view._element))


#: By the exact type: nobody knows what a subclass has besides.
COPIERS: dict[type, Callable[[Any, Copier, Keep], Any]] = {
    list: _list,
    deque: _list,
    set: _set,
    dict: _dict,
    OrderedDict: _dict,
    defaultdict: _dict,
    tuple: _unchanging,
    frozenset: _unchanging,
    MethodType: _method,
    partial: _partial,
    Attributes: _view,
    Style: _view,
    Classes: _view,
    Children: _view,
}
