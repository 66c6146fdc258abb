"""An element's attributes and its inline style, as live dicts.

A view holds its element and nothing else. It reads from the tree and writes to the
tree at once. Each change is worked out on a plain dict, which refuses what Python
refuses, and then written in one step; see `views` for what threads may expect.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping, Set
from typing import Any, ClassVar, Self

from sapwood import _core
from sapwood.views import WRITING, View, said

# Attribute names as a start tag can carry them (HTML spec, 13.1.2.3), less the
# control characters and what `setAttribute` refuses.
_ATTRIBUTE_NAME = re.compile(
    r"[^\s\"'<>/=.\x00-\x1f\x7f\ud800-\udfff][^\s\"'<>/=\x00-\x1f\x7f\ud800-\udfff]*"
)


class _DictView(View, MutableMapping[str, str]):
    """What attributes and styles have in common: a dict of strings, read anew each time.

    `None` and `False` remove what is set to them.
    """

    __slots__ = ()

    #: What to say of `{}`, which is given instead of a dict.
    _wanted: ClassVar[str]

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
        with WRITING:
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
        with WRITING:
            if name not in self:
                self[name] = default
            return self.get(name)

    def pop(self, name: str, *default: Any) -> Any:
        """Remove one and return it; the default, or KeyError, if it is not there."""
        with WRITING:
            return super().pop(name, *default)

    def popitem(self) -> tuple[str, str]:
        """Remove the last one and return its name and value; KeyError if there is none."""
        with WRITING:
            item = self._dict().popitem()
            self._write({item[0]: None})
        return item

    def clear(self) -> None:
        """Remove all."""
        with WRITING:
            self._write(dict.fromkeys(self._dict()))

    def copy(self) -> dict[str, str]:
        """Return a dict of what is set now."""
        return self._dict()

    def _add(self, new: Mapping[str, object]) -> None:
        """Set what *new* says."""
        self._write(self._checked(self._mapping(new)))

    def _replace(self, new: Mapping[str, object]) -> None:
        """Make what *new* says all that there is."""
        wanted = self._checked(self._mapping(new))
        with WRITING:
            gone = {name: None for name in self._dict() if name not in wanted}
            self._write({**gone, **wanted})

    def _mapping(self, new: Mapping[str, object]) -> Mapping[str, object]:
        if not isinstance(new, (dict, Mapping)):  # a dict is known sooner
            self._refuse(TypeError, self._wanted.format(said(new)))
        return new

    def _checked(self, new: Mapping[Any, object]) -> dict[str, str | None]:
        return {self._name(name): self._text(name, value) for name, value in new.items()}

    def _string(self, name: str, value: object) -> str:
        """Return a plain value as a string; raise TypeError for what is surely a mistake."""
        if isinstance(value, str):
            return value
        if isinstance(value, Mapping | Set | list | tuple | bytes | _core.Node) or callable(value):
            self._refuse(
                TypeError,
                f"what {name!r} is set to is a string or a number, not {said(value)}",
            )
        return str(value)

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

    __slots__ = ()
    _meant = "write attrs[{name!r}]"
    _wanted = "attrs is a dict such as {{'title': 'Oak'}}, not {}"

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
        if name not in self or not self._element._remove_attribute(name):
            raise KeyError(name)

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

    `None`, `False` or `""` removes a property.
    """

    __slots__ = ()
    _meant = "write style[{name!r}]"
    _wanted = "style is a dict such as {{'color': 'red'}}, not {}; a string is attrs['style']"

    def _dict(self) -> dict[str, str]:
        style = self._element._attribute("style")
        return {_property(name): value for name, value in _core.declarations(style or "")}

    def _write(self, changes: dict[str, str | None]) -> None:
        with WRITING:
            new: dict[str, str | None] = {**self._dict(), **changes}
            kept = [f"{name}: {value}" for name, value in new.items() if value is not None]
            if kept:
                self._element._set_attribute("style", "; ".join(kept))
            else:
                self._element._remove_attribute("style")

    def _name(self, name: str) -> str:
        if not isinstance(name, str):
            self._refuse(TypeError, f"the name of a CSS property is a string, not {name!r}")
        if not name.startswith("--") and re.search("[a-z][A-Z]", name):
            meant = re.sub("[A-Z]", lambda capital: f"-{capital[0].lower()}", name)
            self._refuse(ValueError, f"CSS calls it {meant!r}, not {name!r}")
        name = _property(name if name.startswith("--") else name.replace("_", "-"))
        if not re.fullmatch(r"-{0,2}[A-Za-z][\w-]*", name, re.ASCII):
            self._refuse(ValueError, f"not the name of a CSS property: {name!r}")
        return name

    def _text(self, name: str, value: object) -> str | None:
        if value is None or value is False or value == "":  # "" as in the DOM
            return None
        text = self._string(name, value)
        if value is True or not _core.is_css_value(text):
            self._refuse(ValueError, f"not the value of one CSS property: {name}: {text!r}")
        return text


def _property(name: str) -> str:
    """Return a CSS property's name as it is compared: only `--own` ones have capitals."""
    return name if name.startswith("--") else name.lower()
