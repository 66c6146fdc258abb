"""One element of a page.

An element lives in exactly one tree: its template's, or one of its own while it is
alone. Everything it says about itself it reads from there; the object adds only
handlers and whatever attributes you set on it, and is the same object every time.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, Self, SupportsFloat, SupportsIndex, cast

import msgspec

from sapwood import _core
from sapwood.attributes import Attributes, Style
from sapwood.copies import COPIERS, Copier, Keep, carry_over, copier
from sapwood.events import (
    Handler,
    HandlerAttributes,
    Policy,
    check_handler,
    check_policy,
    check_type,
)
from sapwood.views import Children, Classes, said

Text = str | SupportsFloat | SupportsIndex | None
Content = Text | _core.Node | Iterable[Text | _core.Node]

_ALWAYS_SHOWN = frozenset({"html", "head", "body"})
_TEXT_INPUTS = frozenset({"text", "search", "url", "tel", "password"})
_BEHAVIORS = ("auto", "instant", "smooth")
_PLACES = ("start", "center", "end", "nearest")
# What has an attribute or property `value` (HTML spec, 4.4 to 4.11).
_FIELDS = frozenset({"input", "textarea", "select"})
_VALUED = _FIELDS | {"button", "data", "li", "meter", "option", "output", "param", "progress"}


class Element(_core.Node, HandlerAttributes):
    """An element: a tag, attributes, and content of texts and other elements.

    `content` is a string, a number, an element, or a list of these in their order;
    `parent` an element to be put last into. `on…` keywords register handlers:
    `Element("button", "+1", onclick=self.increment)`. Attributes that are not listed here
    are yours: they stay in Python, and the page does not hear of them.

    Raises TypeError for an argument of the wrong type, ValueError for an impossible tag,
    class, id or attribute name, TreeError for content where none can be or an element
    that would contain itself, HandlerError for a handler that cannot be called.
    """

    #: Anything you like to keep with the element; it never leaves the server.
    data: Any = None

    def __init__(
        self,
        tag: str,
        content: Content = None,
        *,
        id: str | None = None,
        classes: Iterable[str] = (),
        style: Mapping[str, object] | None = None,
        attrs: Mapping[str, object] | None = None,
        value: str | float | list[str] | None = None,
        show: bool = True,
        data: Any = None,
        parent: Element | None = None,
        **handlers: Handler | None,
    ) -> None:
        for name in handlers:
            _check_keyword(name)
        if parent is not None and not isinstance(parent, Element):
            raise TypeError(
                "parent is an Element, such as page.root or page.querySelector('body'), not "
                f"{said(parent)}"
            )
        self._create(tag, Element)
        if id is not None:
            self.id = id
        if classes:
            self.classes = classes
        if style:
            self.style = style
        if attrs:
            self.attrs._add(attrs)
        if value is not None:
            self.value = value
        if show is not True:
            self.show = show
        if data is not None:
            self.data = data
        for name, handler in handlers.items():
            self._handle(name.removeprefix("on"), handler)
        # Late, so that nothing is moved if something else is refused.
        if content is not None:
            self.content = content
        if parent is not None:
            parent.append(self)

    # --- What it is ------------------------------------------------------------

    @property
    def tag(self) -> str:
        """The tag's name; another one keeps uuid, attributes, content and handlers.

        Raises ValueError if it cannot be one, TreeError if it is void and there is content.
        """
        return super().tag

    @tag.setter
    def tag(self, tag: str) -> None:
        if self._is_hidden and isinstance(tag, str):
            _check_hidden(f"{self!r} cannot become {tag} while it is hidden", tag)
        self._set_tag(tag)

    @property
    def id(self) -> str | None:
        """The attribute `id`, a word without spaces; None removes it."""
        return self._attribute("id")

    @id.setter
    def id(self, id: str | None) -> None:
        self.attrs["id"] = id

    @property
    def attrs(self) -> Attributes:
        """The attributes, as a live dict; assigning another one replaces them all."""
        return Attributes(self)

    @attrs.setter
    def attrs(self, attrs: Mapping[str, object]) -> None:
        if not _is_own(attrs, Attributes, self):
            self.attrs._replace(attrs)

    @property
    def classes(self) -> Classes:
        """The classes, as a live list; assigned as a list or as a string of several."""
        return Classes(self)

    @classes.setter
    def classes(self, classes: Iterable[str]) -> None:
        if not _is_own(classes, Classes, self):
            self.classes._replace(classes)

    @property
    def style(self) -> Style:
        """The inline style, as a live dict of CSS properties."""
        return Style(self)

    @style.setter
    def style(self, style: Mapping[str, object]) -> None:
        if not _is_own(style, Style, self):
            self.style._replace(style)

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
            _check_hidden(f"{self!r} cannot be hidden", self.tag)
        self._set_hidden(not show)

    # --- What the user may change ----------------------------------------------

    @property
    def value(self) -> str | list[str]:
        """What a form field holds, with what the user typed; else the attribute `value`.

        A list of strings for a multiple select and for the names in a file field.
        Setting it raises ValueError where HTML has no value, or not that many.
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
        if isinstance(cast("object", value), Mapping | set | frozenset | bytes | bool | _core.Node):
            mend = "; whether it is ticked is `checked`" if value is True or value is False else ""
            raise TypeError(
                f"a value is a string or a list of strings, not {value!r}, in {self!r}{mend}"
            )
        tag, kind = self.tag, (self._attribute("type") or "").lower()
        if tag not in _VALUED and "-" not in tag:
            raise ValueError(
                f"{self!r} has no value: what it shows is content, and an attribute of that name "
                "would be attrs['value']"
            )
        if value and tag == "input" and kind == "file":
            raise ValueError(f"only the user can choose files; {self!r} can be emptied, with ''")
        if isinstance(value, list | tuple) and value and tag != "select":
            raise ValueError(f"{self!r} holds one value, not a list: {value!r}")
        if tag not in _FIELDS or kind in {"checkbox", "radio"}:
            # What a box stands for, not whether it is ticked.
            self.attrs["value"] = value
        elif isinstance(value, list | tuple):
            self._set_attribute(".value", _json([str(item) for item in value]))
        else:
            self._set_attribute(".value", _json("" if value is None else str(value)))

    def _selected(self) -> str | list[str]:
        # Whether the select itself is shown is no matter: what is hidden in it is.
        options = self.querySelectorAll("option", foreign=self.is_foreign)
        options = [option for option in options if not option._is_hidden_below(self)]
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
        """Whether a checkbox or radio button is ticked, by the page or by the user.

        Setting it raises ValueError for any other element, TypeError for what is no bool.
        """
        live = self._attribute(".checked")
        return live == "true" if live is not None else self._attribute("checked") is not None

    @checked.setter
    def checked(self, checked: bool) -> None:
        if not isinstance(checked, bool):
            raise TypeError(f"checked is True or False, not {checked!r}, on {self!r}")
        if self.tag != "input" and "-" not in self.tag:
            raise ValueError(
                f"{self!r} cannot be ticked: that is for an input with attrs['type'] "
                "'checkbox' or 'radio'"
            )
        if checked and self._attribute("type") == "radio":
            for other in self._group():
                if other is not self and other.checked:
                    other._set_attribute(".checked", "false")
        self._set_attribute(".checked", "true" if checked else "false")

    def _group(self) -> list[Element]:
        """Return the radio buttons of which only one can be ticked, this one among them."""
        top = self._outermost
        name = self._attribute("name")
        radios = top.querySelectorAll("input[type=radio]", foreign=True) if name else [self]
        named = [radio for radio in radios if radio._attribute("name") == name]
        forms: dict[Element | None, Element | None] = {}  # by what a radio stands in
        for radio in named:
            if radio.parent not in forms:
                forms[radio.parent] = radio.closest("form", foreign=True)
        return [radio for radio in named if forms[radio.parent] is forms[self.parent]]

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
    def _outermost(self) -> Element:
        top: Element = self
        while top.parent is not None:
            top = top.parent
        return top

    @property
    def children(self) -> Children:
        """The child elements, as a live list; texts between them are in `content`.

        A browser may add to them: see `is_foreign`.
        """
        return Children(self)

    @children.setter
    def children(self, children: Iterable[Element]) -> None:
        if not _is_own(children, Children, self):
            self.children._replace(children)

    def append(self, *content: Text | _core.Node) -> None:
        """Put texts and elements after what is in this element, as DOM's `append` does.

        An element leaves the place where it was. Raises TypeError for what is neither,
        TreeError where nothing can be or for an element that would contain itself.
        """
        self._insert_adjacent("beforeend", content)

    def prepend(self, *content: Text | _core.Node) -> None:
        """Put texts and elements before what is in this element; else like `append`."""
        self._insert_adjacent("afterbegin", content)

    def before(self, *content: Text | _core.Node) -> None:
        """Put texts and elements in front of this element; else like `append`."""
        self._insert_adjacent("beforebegin", content)

    def after(self, *content: Text | _core.Node) -> None:
        """Put texts and elements behind this element; else like `append`."""
        self._insert_adjacent("afterend", content)

    def replace_with(self, *content: Text | _core.Node) -> None:
        """Put texts and elements where this element is, and take it out.

        Raises TreeError if it has no parent; else like `append`.
        """
        self._insert_adjacent("beforebegin", content)
        if not any(it is self for it in content):
            self.remove()

    def remove(self) -> None:
        """Take the element out of its parent; it can be put in again."""
        self._detach()

    def destroy(self) -> None:
        """End this element and all below it for good: out of the page, handlers dropped.

        Whatever is asked of them later raises TreeError, but for destroying them again.
        """
        if not self._is_destroyed:
            for element in self._destroy():
                for handlers in element._handlers_of().values():
                    handlers.clear()

    def walk(self) -> Iterator[Element]:
        """Go through this element and all below it, in document order: parents first."""
        return iter(self._walk())

    def querySelector(self, selector: str, *, foreign: bool = False) -> Element | None:
        """Return the first element below this one that *selector* selects.

        See `Template.querySelector`. Raises SelectorSyntaxError.
        """
        return self._query(selector, foreign)

    def querySelectorAll(self, selector: str, *, foreign: bool = False) -> list[Element]:
        """Return all elements below this one that *selector* selects, in document order.

        See `Template.querySelector`. Raises SelectorSyntaxError.
        """
        return self._query_all(selector, foreign)

    # --- Copies ----------------------------------------------------------------

    @property
    def clone(self) -> Self:
        """An independent copy with all below it, handlers and your attributes included.

        It keeps the uuids until it comes into a tree that has them already; the copy of a
        foreign element has others, and is your own. What your
        attributes and handlers hold of the original they hold of the copy: elements, also
        in lists, dicts, sets and tuples, which are copied, and their methods. Any other
        object is shared.
        """
        return self._cloned(None)

    def _cloned(self, memo: dict[int, Any] | None) -> Self:
        pairs = self._copies()
        copies: dict[int, Any] = {id(original): copied for original, copied in pairs}
        if memo is None:
            carry_over(pairs, copier(lambda value: copies.get(id(value), value)))
        else:
            memo.update(copies)
            carry_over(pairs, lambda value: copy.deepcopy(value, memo))
        return cast("Self", pairs[0][1])

    def _copies(self, *, as_is: bool = False) -> list[tuple[Element, Element]]:
        """Copy this element and all below it; return the objects there are, each with its copy.

        This one is the first; attributes and handlers are left to `carry_over`. If it is
        foreign, its copy is so only if *as_is* says it.
        """
        clone = type(self).__new__(type(self))
        return [(self, clone), *self._copy_to(clone, as_is)]

    def __copy__(self) -> Self:
        return self.clone

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self._cloned(memo)

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError(
            f"{self!r} cannot be pickled, it is part of a live page; "
            "keep its html, or what it was made from"
        )

    # --- Events ----------------------------------------------------------------

    _handlers: dict[str, list[Handler]]

    def on(
        self,
        event_type: str,
        handler: Handler,
        *,
        policy: Policy | None = None,
        debounce: float | None = None,
        throttle: float | None = None,
    ) -> Subscription:
        """Call *handler* whenever *event_type* happens on this element or, if it bubbles, below.

        The type is the DOM's, such as `"click"`, or that of a custom event, in lower case.
        What becomes of an event while the handler is at work *policy* says, see `policy()`.
        With *debounce*, in seconds, the browser waits until that time has passed without
        another event of the type here, and sends the last one; with *throttle* it sends one
        in that time at most, the first at once and the last in any case. Both are said for
        all handlers of the type on this element, and nothing is kept back when something
        else happens in the page.

        Raises ValueError if the type cannot be one, for an unknown policy, or a time that
        is none; HandlerError if the handler is not callable or wants more than one
        argument, the event.
        """
        waits = {"debounce": debounce, "throttle": throttle}
        for name, seconds in waits.items():
            if seconds is not None and not 0 <= seconds <= 60:
                raise ValueError(f"{name} is a time from 0 to 60 seconds, not {seconds!r}")
        if policy is not None:
            check_policy(policy)
        self._listen(event_type, event_type, handler)
        for name, seconds in waits.items():
            if seconds is not None:
                self._set_attribute(f"data-on{event_type}-{name}", f"{seconds * 1000:g}")
        if policy is not None:
            self.__dict__.setdefault("_policies", []).append((event_type, handler, policy))
        return Subscription(self, event_type, handler)

    def off(self, event_type: str, handler: Handler) -> None:
        """Call *handler* no more, once if it was registered twice; else nothing happens."""
        Subscription(self, event_type, handler).off()

    def _listen(self, key: str, event_type: str, handler: Handler) -> None:
        attribute = check_type(event_type)
        check_handler(handler)
        if self._attribute(attribute) is None:
            self._set_attribute(attribute, "")
        if "_handlers" not in self.__dict__:
            self._handlers = {}
        self._handlers.setdefault(key, []).append(handler)

    def _handle(self, event_type: str, handler: Handler | None) -> None:
        """Make *handler* the one that `element.on…` is; None for none."""
        key = f"on{event_type}"
        if handler is not None:
            check_handler(handler)
        self._handlers_of().get(key, []).clear()
        if handler is not None:
            self._listen(key, event_type, handler)
        else:
            self._unmark(event_type)

    def _unmark(self, event_type: str) -> None:
        """Let the page not listen any more if nothing here does."""
        attribute = check_type(event_type)
        if not self._heard(event_type) and self._attribute(attribute) == "":
            self._remove_attribute(attribute)

    def _heard(self, event_type: str) -> list[Handler]:
        """Return the handlers of an event that Python gave: that of `on…=` comes first."""
        handlers = self._handlers_of()
        return [*handlers.get(f"on{event_type}", ()), *handlers.get(event_type, ())]

    def _policy(self, event_type: str, handler: Handler | None) -> Policy:
        """Return what becomes of an event of the type while *handler* is at work."""
        for said_type, said_handler, policy in self.__dict__.get("_policies", ()):
            if (said_type, said_handler) == (event_type, handler):
                return cast("Policy", policy)
        said: Policy = getattr(handler, "_policy", "queue")
        return said

    def _handlers_of(self) -> dict[str, list[Handler]]:
        handlers: dict[str, list[Handler]] = self.__dict__.get("_handlers", {})
        return handlers

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._name}>"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A handler that was registered with `Element.on`."""

    element: Element
    event_type: str
    handler: Handler

    def off(self) -> None:
        """Call the handler no more; nothing happens if that was said before."""
        if self.element._is_destroyed:
            return
        handlers = self.element._handlers_of().get(self.event_type, [])
        if self.handler in handlers:
            handlers.remove(self.handler)
        self.element._unmark(self.event_type)


def _copied(subscription: Subscription, copied: Copier, _keep: Keep) -> Subscription:
    element, handler = copied(subscription.element), copied(subscription.handler)
    return Subscription(element, subscription.event_type, handler)


COPIERS[Subscription] = _copied


def _is_own(
    value: object, view: type[Attributes | Classes | Style | Children], of: Element
) -> bool:
    """Say whether *value* is what `element.view += …` assigns: the view that was changed."""
    return isinstance(value, view) and value._element is of


def _check_keyword(name: str) -> None:
    if name.startswith("on") and name[2:3] not in {"", "_"}:
        return
    if name.strip("_").startswith("on"):
        event = name.strip("_").removeprefix("on").lstrip("_")
        mend = f"handlers are given as on{event or 'click'}=…"
    else:
        # As in `for_=`, `data_id=`.
        attribute = name.rstrip("_").replace("_", "-")
        mend = _MEANT.get(name, f"attributes are given as attrs={{{attribute!r}: …}}")
    raise TypeError(f"Element() got an unexpected keyword argument {name!r}; {mend}")


# What a keyword that is none was probably meant to be.
_MEANT = {
    "children": "children are given as content",
    "text": "text is given as content",
    "class_": "classes are given as classes=[…]",
    "cls": "classes are given as classes=[…]",
}


class _OfTheDOM:
    """A property that elements have in the DOM, and not here: whoever means it is told.

    Any other attribute may be set, and is a Python object's own.
    """

    def __init__(self, name: str, mend: str) -> None:
        self._refusal = f"elements have no {name!r}, as in the DOM; {mend}"

    def __get__(self, element: Element | None, of: type[Element]) -> _OfTheDOM:
        if element is None:
            return self
        raise AttributeError(self._refusal)

    def __set__(self, element: Element, value: object) -> None:
        raise AttributeError(self._refusal)


for _name, _mend in {
    "className": "write element.classes",
    "classList": "write element.classes",
    "disabled": "write element.attrs['disabled'] = True",
    "htmlFor": "write element.attrs['for']",
    "innerHTML": "write element.content, which takes text and elements",
    "innerText": "write element.content, or element.text to read",
    "outerHTML": "read element.html",
    "readOnly": "write element.attrs['readonly'] = True",
    "textContent": "write element.content, or element.text to read",
}.items():
    setattr(Element, _name, _OfTheDOM(_name, _mend))


def _check_hidden(refusal: str, tag: str) -> None:
    if tag.lower() in _ALWAYS_SHOWN:
        raise ValueError(f"{refusal}: a page needs its {tag.lower()}; hide what is inside")


def _option_value(option: Element) -> str:
    # Without the attribute it is the text, as HTML strips and collapses it.
    return option.attrs.get("value", re.sub(r"[\t\n\f\r ]+", " ", option.text).strip(" "))


def _units(text: str, characters: int) -> int:
    """Return how many UTF-16 code units, in which JavaScript counts, that many characters are."""
    beyond = max(0, characters - len(text))
    return len(text[:characters].encode("utf-16-le", "surrogatepass")) // 2 + beyond


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
