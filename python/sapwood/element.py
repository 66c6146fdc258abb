"""One element of a page.

An element lives in exactly one tree: its template's, or one of its own while it is
alone. Everything it says about itself it reads from there; the object adds only
handlers and whatever attributes you set on it, and is the same object every time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, cast

import msgspec

from sapwood import _core
from sapwood.events import Handler, check_handler, check_type
from sapwood.views import Attributes, Children, Classes, Style

Content = str | int | float | None | _core.Node | Iterable[str | int | float | _core.Node]

_TAG = re.compile(r"[A-Za-z][\w.-]*", re.ASCII)
_ALWAYS_SHOWN = frozenset({"html", "head", "body"})
_TEXT_INPUTS = frozenset({"text", "search", "url", "tel", "password"})
_BEHAVIORS = ("auto", "instant", "smooth")
_PLACES = ("start", "center", "end", "nearest")
_FIELDS = frozenset({"input", "textarea", "select"})


class Element(_core.Node):
    """An element: a tag, attributes, and content of texts and other elements.

    `content` is a string, a number, an element, or a list of these in their order.
    `on…` keywords register handlers: `Element("button", "+1", onclick=self.increment)`.
    Raises ValueError for an impossible tag, class or attribute name, TypeError for an
    argument of the wrong type, TreeError for an element that would contain itself.
    """

    def __init__(
        self,
        tag: str,
        content: Content = None,
        *,
        id: str | None = None,
        classes: Iterable[str] = (),
        style: Mapping[str, object] | None = None,
        attrs: Mapping[str, object] | None = None,
        value: str | None = None,
        show: bool = True,
        **handlers: Handler,
    ) -> None:
        self._create(_check_tag(tag), Element)
        if id is not None:
            self.id = id
        if classes:
            Classes(self).add(*classes)
        if style:
            self.style.update(style)  # type: ignore[arg-type]  # the view makes strings of values
        if attrs:
            self.attrs.update(attrs)  # type: ignore[arg-type]  # the same
        if content is not None:
            self.content = content
        if value is not None:
            self.value = value
        if show is not True:
            self.show = show
        for name, handler in handlers.items():
            if not name.startswith("on"):
                raise TypeError(
                    f"Element() got an unexpected keyword argument {name!r}; "
                    f"attributes are given as attrs={{{name!r}: …}}"
                )
            self.on(name.removeprefix("on"), handler)

    # --- What it is ------------------------------------------------------------

    @property
    def tag(self) -> str:
        """The tag's name; another one keeps uuid, attributes, content and handlers."""
        return super().tag

    @tag.setter
    def tag(self, tag: str) -> None:
        if self._is_hidden:
            _check_hidden(self, tag)
        self._set_tag(_check_tag(tag))

    @property
    def id(self) -> str | None:
        """The attribute `id`."""
        return self._attribute("id")

    @id.setter
    def id(self, id: str | None) -> None:
        self.attrs["id"] = id

    @property
    def attrs(self) -> Attributes:
        """The attributes, as a live dict."""
        return Attributes(self)

    @attrs.setter
    def attrs(self, attrs: Mapping[str, object]) -> None:
        new = dict(attrs)
        view = Attributes(self)
        view.update(new)  # type: ignore[arg-type]  # the view makes strings of values
        for name in [name for name in view if name not in new]:
            del view[name]

    @property
    def classes(self) -> Classes:
        """The classes, as a live list."""
        return Classes(self)

    @classes.setter
    def classes(self, classes: Iterable[str]) -> None:
        Classes(self)._store(classes.split() if isinstance(classes, str) else classes)

    @property
    def style(self) -> Style:
        """The inline style, as a live dict of CSS properties."""
        return Style(self)

    @style.setter
    def style(self, style: Mapping[str, object]) -> None:
        if isinstance(cast("object", style), str):
            raise TypeError(f"style is a dict of CSS properties, not a string: {style!r}")
        new = dict(style)
        view = Style(self)
        view._store({})
        view.update(new)  # type: ignore[arg-type]  # the view makes strings of values

    @property
    def show(self) -> bool:
        """Whether the page has the element, provided that what is above it is shown.

        While it is False the element is in no browser and in no HTML but its own; it
        keeps its place, its uuid and its handlers, and can be found and changed.
        Raises ValueError for html, head and body, without which there is no page.
        """
        return not self._is_hidden

    @show.setter
    def show(self, show: bool) -> None:
        if not isinstance(show, bool):
            raise TypeError(f"show is True or False, not {show!r}, on {self!r}")
        if not show:
            _check_hidden(self, self.tag)
        self._set_hidden(not show)

    # --- What the user may change ----------------------------------------------

    @property
    def value(self) -> str | list[str]:
        """What a form field holds, with what the user typed; else the attribute `value`.

        A list of strings for a multiple select and for the names in a file field.
        """
        live = self._attribute(".value")
        if live is not None:
            return cast("str | list[str]", msgspec.json.decode(live))
        match self.tag:
            case "textarea":
                return self.text
            case "select":
                return self._selected()
            case _:
                return self._attribute("value") or ""

    @value.setter
    def value(self, value: str | float | list[str] | None) -> None:
        is_box = self._attribute("type") in {"checkbox", "radio"}
        if self.tag not in _FIELDS or is_box:
            # What a box stands for, not whether it is ticked.
            self.attrs["value"] = value
        elif isinstance(value, list):
            self._set_attribute(".value", _json([str(item) for item in value]))
        else:
            self._set_attribute(".value", _json("" if value is None else str(value)))

    def _selected(self) -> str | list[str]:
        # Whether the select itself is shown is no matter: what is hidden in it is.
        options = [o for o in self.querySelectorAll("option") if not o._is_hidden_below(self)]
        chosen = [o for o in options if o._attribute("selected") is not None]
        values = [_option_value(option) for option in chosen]
        if self._attribute("multiple") is not None:
            return values
        if values:
            return values[-1]
        return _option_value(options[0]) if options else ""

    def _is_hidden_below(self, top: Element) -> bool:
        each: Element | None = self
        while each is not None and each is not top:
            if each._is_hidden:
                return True
            each = each.parent
        return False

    @property
    def checked(self) -> bool:
        """Whether a checkbox or radio button is ticked, by the page or by the user."""
        live = self._attribute(".checked")
        return live == "true" if live is not None else self._attribute("checked") is not None

    @checked.setter
    def checked(self, checked: bool) -> None:
        if checked and self._attribute("type") == "radio":
            for other in self._group():
                if other is not self and other.checked:
                    other._set_attribute(".checked", "false")
        self._set_attribute(".checked", "true" if checked else "false")

    def _group(self) -> list[Element]:
        """Return the radio buttons of which only one can be ticked, this one among them."""
        top: Element = self
        while top.parent is not None:
            top = top.parent
        name, form = self._attribute("name"), self.closest("form")
        radios = top.querySelectorAll("input[type=radio]") if name else [self]
        return [it for it in radios if it._attribute("name") == name and it.closest("form") is form]

    # --- What the browser is to do ---------------------------------------------
    #
    # Each is done once, by every browser that shows the page, after the next update;
    # by none if the element is not in the page then.

    def focus(self, *, prevent_scroll: bool = False) -> None:
        """Focus the element; *prevent_scroll* leaves the page where it is scrolled to."""
        self._do("focus", *([{"preventScroll": True}] if prevent_scroll else []))

    def blur(self) -> None:
        """Take the focus away from the element."""
        self._do("blur")

    def click(self) -> None:
        """Click the element, as if the user had: its handlers hear of it.

        Elements of SVG and MathML cannot be clicked so; nothing happens.
        """
        self._do("click")

    def scroll_into_view(
        self,
        *,
        behavior: Literal["auto", "instant", "smooth"] = "auto",
        block: Literal["start", "center", "end", "nearest"] = "start",
        inline: Literal["start", "center", "end", "nearest"] = "nearest",
    ) -> None:
        """Scroll until the element is seen, *block* and *inline* as in the DOM."""
        for name, value, known in (
            ("behavior", behavior, _BEHAVIORS),
            ("block", block, _PLACES),
            ("inline", inline, _PLACES),
        ):
            if value not in known:
                raise ValueError(f"{name} is one of {', '.join(known)}, not {value!r}")
        options = {"behavior": behavior, "block": block, "inline": inline}
        self._do("scrollIntoView", options)

    def select(self) -> None:
        """Select all that is written in the field.

        Raises ValueError if the element is no input or textarea.
        """
        if self.tag not in {"input", "textarea"}:
            raise ValueError(f"there is nothing written to select in {self!r}")
        self._do("select")

    def set_selection_range(
        self,
        start: int,
        end: int,
        direction: Literal["forward", "backward", "none"] = "none",
    ) -> None:
        """Select from *start* to *end*, in characters of `value`; the caret if they are the same.

        Raises ValueError if the element has no text to select in: only a textarea has,
        and an input of type text, search, url, tel or password (HTML, 4.10.20).
        """
        kind = (self._attribute("type") or "text").lower()
        if self.tag != "textarea" and not (self.tag == "input" and kind in _TEXT_INPUTS):
            raise ValueError(f"there is no text to select in {self!r}")
        if not (isinstance(start, int) and isinstance(end, int)):
            raise TypeError(f"a selection is of whole numbers, not {start!r}, {end!r}")
        if not 0 <= start <= end:
            raise ValueError(f"a selection begins at 0 or later and ends no sooner: {start}, {end}")
        if direction not in {"forward", "backward", "none"}:
            raise ValueError(f"a direction is forward, backward or none, not {direction!r}")
        value = str(self.value)
        self._do("setSelectionRange", _units(value, start), _units(value, end), direction)

    def _do(self, method: str, *arguments: object) -> None:
        self._call(method, _json(arguments))

    # --- Where it is -----------------------------------------------------------

    @property
    def children(self) -> Children:
        """The child elements, as a live list; texts between them are in `content`."""
        return Children(self)

    @children.setter
    def children(self, children: Iterable[Element]) -> None:
        Children(self)[:] = list(children)

    def remove(self) -> None:
        """Take the element out of its parent; it can be put in again."""
        self._detach()

    def replace_with(self, other: Element | str) -> None:
        """Put *other* where this element is, and take this one out."""
        parent = self.parent
        if parent is None:
            raise ValueError(f"{self!r} has no parent to be replaced in")
        if other is self:
            return
        parent._insert(other, self)
        self.remove()

    def walk(self) -> Iterator[Element]:
        """Go through this element and all below it, parents first."""
        return iter(self._walk())

    def querySelector(self, selector: str) -> Element | None:
        """Return the first element below this one that *selector* selects.

        Raises SelectorSyntaxError.
        """
        return self._query(selector)

    def querySelectorAll(self, selector: str) -> list[Element]:
        """Return all elements below this one that *selector* selects, in document order."""
        return self._query_all(selector)

    @property
    def clone(self) -> Self:
        """An independent copy with all below it.

        It keeps the uuids until it comes into a tree that has them already.
        """
        copy = type(self).__new__(type(self))
        pairs: list[tuple[Element, Element]] = [(self, copy), *self._copy_to(copy)]
        for original, copied in pairs:
            copied.__dict__.update(original.__dict__)
            if original._handlers_of():
                copied._handlers = {t: list(hs) for t, hs in original._handlers_of().items()}
        return copy

    # --- Events ----------------------------------------------------------------

    _handlers: dict[str, list[Handler]]

    def on(self, event_type: str, handler: Handler) -> Subscription:
        """Call *handler* whenever *event_type* happens on this element or, if it bubbles, below.

        Raises HandlerError if it wants more than one argument, the event.
        """
        attribute = check_type(event_type)
        check_handler(handler)
        if "_handlers" not in self.__dict__:
            self._handlers = {}
        self._handlers.setdefault(event_type, []).append(handler)
        if self._attribute(attribute) is None:
            self._set_attribute(attribute, "")
        return Subscription(self, event_type, handler)

    def _handlers_of(self) -> dict[str, list[Handler]]:
        return cast("dict[str, list[Handler]]", self.__dict__.get("_handlers", {}))

    def __repr__(self) -> str:
        name = f"#{self.id}" if self.id else ""
        return f"<Element {self.tag}{name}>"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A handler that was registered with `Element.on`."""

    element: Element
    event_type: str
    handler: Handler

    def off(self) -> None:
        """Call the handler no more; nothing happens if that was said before."""
        handlers = self.element._handlers_of().get(self.event_type, [])
        if self.handler in handlers:
            handlers.remove(self.handler)
        attribute = check_type(self.event_type)
        if not handlers and self.element._attribute(attribute) == "":
            self.element._remove_attribute(attribute)


def _check_tag(tag: str) -> str:
    if not isinstance(tag, str) or not _TAG.fullmatch(tag):
        raise ValueError(f"not the name of a tag: {tag!r}")
    return tag


def _check_hidden(element: Element, tag: str) -> None:
    if tag.lower() in _ALWAYS_SHOWN:
        raise ValueError(
            f"{element!r} cannot be a hidden {tag}: a page needs it; hide what is inside"
        )


def _option_value(option: Element) -> str:
    # Without the attribute it is the text, as HTML strips and collapses it.
    return option.attrs.get("value", re.sub(r"[\t\n\f\r ]+", " ", option.text).strip(" "))


def _units(text: str, characters: int) -> int:
    """Return how many UTF-16 code units, in which JavaScript counts, that many characters are."""
    beyond = max(0, characters - len(text))
    return len(text[:characters].encode("utf-16-le", "surrogatepass")) // 2 + beyond


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
