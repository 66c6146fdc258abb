"""What happened in a browser, and what a handler is given of it.

A handler is any function: it takes one argument, the `EventHandler`, or none. It may
be a coroutine function. Whether it can be called so is looked at when it is
registered, not when the user clicks.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeVar, cast, get_args, overload

import msgspec

from sapwood.errors import HandlerError

if TYPE_CHECKING:
    from sapwood.connection import Connection
    from sapwood.element import Element
    from sapwood.session import Session
    from sapwood.template import Template
    from sapwood.window import Window

#: What becomes of an event whose handler is at work already; see `policy`.
Policy = Literal["queue", "drop", "latest", "parallel"]

#: A function of the event or of nothing; a coroutine function is one that returns an awaitable.
Handler = Callable[["EventHandler"], Any] | Callable[[], Any]

HandlerT = TypeVar("HandlerT", bound=Callable[..., Any])
GivenT = TypeVar("GivenT")

# What can be part of an attribute's name in HTML, which knows no capitals, and is no
# longer than what a frame may say.
_TYPE = re.compile(r"[a-z][a-z0-9:._-]{0,63}", re.ASCII)

# Events that stay with the element they happen on (UI Events, HTML spec).
_NOT_BUBBLING = """
abort blur cancel close canplay canplaythrough durationchange emptied ended error focus invalid
load loadeddata loadedmetadata loadstart mouseenter mouseleave pause play playing pointerenter
pointerleave progress ratechange scroll scrollend seeked seeking stalled suspend timeupdate toggle
volumechange waiting
"""
NOT_BUBBLING = frozenset(_NOT_BUBBLING.split())


class Event(msgspec.Struct, frozen=True):
    """One event as it came from the browser, `number` counting those of its tab."""

    number: int
    target: int | str
    type: str = "click"
    data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class Hold(Protocol):
    """A handler's right to be the only one at work in its session."""

    @property
    def is_held(self) -> bool:
        """Whether it has it now, so that others wait."""

    def let_go(self) -> AbstractAsyncContextManager[None]:
        """Give it up for as long as the block lasts."""


class EventHandler:
    """What a handler gets: where the event happened, and the way back to the page."""

    __slots__ = (
        "_hold",
        "_stopped",
        "connection",
        "current_target",
        "event_data",
        "session",
        "target",
        "type",
    )

    def __init__(
        self, event: Event, target: Element, session: Session, connection: Connection
    ) -> None:
        self.type: str = event.type
        #: The element that the event happened on.
        self.target: Element = target
        #: The element that the handler belongs to.
        self.current_target: Element = target
        #: What the DOM event says, by its DOM names: `key`, `clientX`, `shiftKey` …
        self.event_data: Mapping[str, Any] = event.data
        self.session: Session = session
        #: The browser tab that the event came from.
        self.connection: Connection = connection
        self._hold: Hold | None = None
        self._stopped = False

    @property
    def template(self) -> Template:
        """The page's template."""
        return self.session.template

    @property
    def route(self) -> str:
        """The path that the page was loaded from."""
        return self.session.route

    @property
    def element(self) -> Element:
        """The target, by its old name."""
        warnings.warn("e.element is now e.target", DeprecationWarning, stacklevel=2)
        return self.target

    @property
    def window(self) -> Window:
        """The window of the tab that the event came from."""
        return self.connection.window

    def reload(self) -> None:
        """Have the tab that the event came from load its page again."""
        self.window.location.reload()

    def update(self) -> None:
        """Send what changed in the template since the last update to the browser."""
        self.template.update()

    def unlocked(self) -> AbstractAsyncContextManager[None]:
        """Let other events of the session be handled while this handler waits for something.

            async with e.unlocked():
                await asyncio.sleep(3)

        When the block ends it waits until it is its turn again; in the meantime the page
        may have changed. Where nothing is held back anyway, nothing happens.
        """
        return nullcontext() if self._hold is None else self._hold.let_go()

    def stop_propagation(self) -> None:
        """Let no element above the current one hear of the event."""
        self._stopped = True


def check_type(event_type: str) -> str:
    """Return the attribute that marks who hears of *event_type*.

    Raises TypeError if that is no string, ValueError if it cannot be the name of an event.
    """
    if not isinstance(event_type, str):
        raise TypeError(f"the name of an event is a string, not {event_type!r}")
    if event_type.lower().removeprefix("on") in DOM_EVENTS and event_type[:2].lower() == "on":
        without = event_type[2:].lower()
        raise ValueError(f"an event is called without 'on': {without!r}, not {event_type!r}")
    if not _TYPE.fullmatch(event_type):
        mend = "; HTML knows no capitals" if _TYPE.fullmatch(event_type.lower()) else ""
        raise ValueError(f"not the name of an event: {event_type!r}{mend}")
    return f"_on{event_type}"


def check_handler(handler: object) -> Handler:
    """Return *handler* if it can be called with an event; raise HandlerError if not."""
    if not callable(handler):
        was_called = handler is None or inspect.iscoroutine(handler)
        mend = "; give the function itself, without ()" if was_called else ""
        if inspect.iscoroutine(handler):
            handler.close()  # nobody will await it
        raise HandlerError(
            f"a handler is a function, not {type(handler).__name__}: {handler!r}{mend}"
        )
    function = handler.func if isinstance(handler, partial) else handler
    if _is_generator(function):
        raise HandlerError(
            f"handler {name_of(function)} is a generator, which nobody would go through; "
            "take the `yield` out, and use `await` to wait"
        )
    _takes_event(handler)
    return handler


def _is_generator(function: object) -> bool:
    code = getattr(function, "__code__", None)
    if code is not None:  # the usual kinds say it at once
        return bool(code.co_flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR))
    return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)


def check_policy(name: str) -> Policy:
    """Return *name* if it is a policy; raise ValueError if not."""
    if name not in get_args(Policy):
        raise ValueError(f"not a policy: {name!r}; it is one of {', '.join(get_args(Policy))}")
    return cast("Policy", name)


def policy(name: Policy) -> Callable[[HandlerT], HandlerT]:
    """Say what becomes of an event while the decorated handler is at work in its session.

    `"queue"`, the default: events wait for each other, in their order. `"drop"`: an event
    that comes while an earlier one for this handler waits or is being handled is not
    handled. `"latest"`: of those that wait for this handler only the last is handled.
    `"parallel"`: it is handled at once, beside whatever else is being handled.

    Raises ValueError for any other name. For a handler that cannot be decorated, see the
    parameter of `Element.on`.
    """
    checked = check_policy(name)

    def mark(handler: HandlerT) -> HandlerT:
        handler._policy = checked  # type: ignore[attr-defined]  # functions take any
        return handler

    return mark


def is_coroutine(handler: object) -> bool:
    """Say whether *handler* is a coroutine function, so that it runs on the event loop."""
    code = getattr(handler, "__code__", None)  # a method has its function's
    if code is not None and code.co_flags & inspect.CO_COROUTINE:
        return True
    return inspect.iscoroutinefunction(handler)


def given(handler: Callable[..., Any], what: GivenT) -> tuple[GivenT, ...]:
    """Return what *handler* is to be called with: *what* happened, if it takes it."""
    return (what,) if _takes_event(handler) else ()


def _takes_event(handler: Callable[..., Any]) -> bool:
    """Say whether *handler* takes an argument; raise HandlerError if it needs more."""
    function = getattr(handler, "__func__", handler)
    code = getattr(function, "__code__", None)
    if code is None or hasattr(function, "__wrapped__"):
        return _takes_event_by_signature(handler)
    # The usual kinds of handler say it at once; this is asked at every event.
    is_bound = function is not handler
    optional = len(function.__defaults__ or ())
    if code.co_argcount - is_bound - optional > 1 or code.co_kwonlyargcount:
        return _takes_event_by_signature(handler)
    return bool(code.co_argcount - is_bound > 0 or code.co_flags & inspect.CO_VARARGS)


def _takes_event_by_signature(handler: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(handler).parameters.values()
    except (TypeError, ValueError):
        return True  # some built-ins do not say
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = [p for p in positional if p.default is p.empty]
    keywords = [p for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    if len(required) > 1 or keywords:
        names = ", ".join(p.name for p in [*required, *keywords])
        raise HandlerError(
            f"handler {name_of(handler)} wants {names}; it can have one argument, the event, "
            "or none"
        )
    return bool(positional) or any(p.kind is p.VAR_POSITIONAL for p in parameters)


def name_of(handler: object) -> str:
    """Return what a handler is called in messages."""
    return getattr(handler, "__qualname__", None) or repr(handler)


class HandlerAttribute:
    """One `element.on…`, as in the DOM: a handler to be read, set, and with None removed.

    Setting another one replaces it, and leaves alone those that were added with `on()`.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, element: None, owner: type) -> Self: ...
    @overload
    def __get__(self, element: Element, owner: type) -> Handler | None: ...
    def __get__(self, element: Element | None, owner: type) -> Self | Handler | None:
        if element is None:
            return self
        handlers = element._handlers_of().get(self._name)
        return handlers[0] if handlers else None

    def __set__(self, element: Element, handler: Handler | None) -> None:
        element._handle(self._name.removeprefix("on"), handler)


class HandlerAttributes:
    """The handlers that an element has as attributes: those of the events that the DOM knows.

    From the HTML standard (8.1.8.2, GlobalEventHandlers, and WindowEventHandlers, which are
    for `body`) and those of UI, pointer, touch, clipboard, animation and fullscreen events.
    """

    onabort: HandlerAttribute = HandlerAttribute()
    onafterprint: HandlerAttribute = HandlerAttribute()
    onanimationcancel: HandlerAttribute = HandlerAttribute()
    onanimationend: HandlerAttribute = HandlerAttribute()
    onanimationiteration: HandlerAttribute = HandlerAttribute()
    onanimationstart: HandlerAttribute = HandlerAttribute()
    onauxclick: HandlerAttribute = HandlerAttribute()
    onbeforeinput: HandlerAttribute = HandlerAttribute()
    onbeforematch: HandlerAttribute = HandlerAttribute()
    onbeforeprint: HandlerAttribute = HandlerAttribute()
    onbeforetoggle: HandlerAttribute = HandlerAttribute()
    onbeforeunload: HandlerAttribute = HandlerAttribute()
    onblur: HandlerAttribute = HandlerAttribute()
    oncancel: HandlerAttribute = HandlerAttribute()
    oncanplay: HandlerAttribute = HandlerAttribute()
    oncanplaythrough: HandlerAttribute = HandlerAttribute()
    onchange: HandlerAttribute = HandlerAttribute()
    onclick: HandlerAttribute = HandlerAttribute()
    onclose: HandlerAttribute = HandlerAttribute()
    oncompositionend: HandlerAttribute = HandlerAttribute()
    oncompositionstart: HandlerAttribute = HandlerAttribute()
    oncompositionupdate: HandlerAttribute = HandlerAttribute()
    oncontextmenu: HandlerAttribute = HandlerAttribute()
    oncopy: HandlerAttribute = HandlerAttribute()
    oncuechange: HandlerAttribute = HandlerAttribute()
    oncut: HandlerAttribute = HandlerAttribute()
    ondblclick: HandlerAttribute = HandlerAttribute()
    ondrag: HandlerAttribute = HandlerAttribute()
    ondragend: HandlerAttribute = HandlerAttribute()
    ondragenter: HandlerAttribute = HandlerAttribute()
    ondragleave: HandlerAttribute = HandlerAttribute()
    ondragover: HandlerAttribute = HandlerAttribute()
    ondragstart: HandlerAttribute = HandlerAttribute()
    ondrop: HandlerAttribute = HandlerAttribute()
    ondurationchange: HandlerAttribute = HandlerAttribute()
    onemptied: HandlerAttribute = HandlerAttribute()
    onended: HandlerAttribute = HandlerAttribute()
    onerror: HandlerAttribute = HandlerAttribute()
    onfocus: HandlerAttribute = HandlerAttribute()
    onfocusin: HandlerAttribute = HandlerAttribute()
    onfocusout: HandlerAttribute = HandlerAttribute()
    onformdata: HandlerAttribute = HandlerAttribute()
    onfullscreenchange: HandlerAttribute = HandlerAttribute()
    onfullscreenerror: HandlerAttribute = HandlerAttribute()
    ongotpointercapture: HandlerAttribute = HandlerAttribute()
    onhashchange: HandlerAttribute = HandlerAttribute()
    oninput: HandlerAttribute = HandlerAttribute()
    oninvalid: HandlerAttribute = HandlerAttribute()
    onkeydown: HandlerAttribute = HandlerAttribute()
    onkeypress: HandlerAttribute = HandlerAttribute()
    onkeyup: HandlerAttribute = HandlerAttribute()
    onlanguagechange: HandlerAttribute = HandlerAttribute()
    onload: HandlerAttribute = HandlerAttribute()
    onloadeddata: HandlerAttribute = HandlerAttribute()
    onloadedmetadata: HandlerAttribute = HandlerAttribute()
    onloadstart: HandlerAttribute = HandlerAttribute()
    onlostpointercapture: HandlerAttribute = HandlerAttribute()
    onmessage: HandlerAttribute = HandlerAttribute()
    onmousedown: HandlerAttribute = HandlerAttribute()
    onmouseenter: HandlerAttribute = HandlerAttribute()
    onmouseleave: HandlerAttribute = HandlerAttribute()
    onmousemove: HandlerAttribute = HandlerAttribute()
    onmouseout: HandlerAttribute = HandlerAttribute()
    onmouseover: HandlerAttribute = HandlerAttribute()
    onmouseup: HandlerAttribute = HandlerAttribute()
    onoffline: HandlerAttribute = HandlerAttribute()
    ononline: HandlerAttribute = HandlerAttribute()
    onpagehide: HandlerAttribute = HandlerAttribute()
    onpageshow: HandlerAttribute = HandlerAttribute()
    onpaste: HandlerAttribute = HandlerAttribute()
    onpause: HandlerAttribute = HandlerAttribute()
    onplay: HandlerAttribute = HandlerAttribute()
    onplaying: HandlerAttribute = HandlerAttribute()
    onpointercancel: HandlerAttribute = HandlerAttribute()
    onpointerdown: HandlerAttribute = HandlerAttribute()
    onpointerenter: HandlerAttribute = HandlerAttribute()
    onpointerleave: HandlerAttribute = HandlerAttribute()
    onpointermove: HandlerAttribute = HandlerAttribute()
    onpointerout: HandlerAttribute = HandlerAttribute()
    onpointerover: HandlerAttribute = HandlerAttribute()
    onpointerup: HandlerAttribute = HandlerAttribute()
    onpopstate: HandlerAttribute = HandlerAttribute()
    onprogress: HandlerAttribute = HandlerAttribute()
    onratechange: HandlerAttribute = HandlerAttribute()
    onreset: HandlerAttribute = HandlerAttribute()
    onresize: HandlerAttribute = HandlerAttribute()
    onscroll: HandlerAttribute = HandlerAttribute()
    onscrollend: HandlerAttribute = HandlerAttribute()
    onsecuritypolicyviolation: HandlerAttribute = HandlerAttribute()
    onseeked: HandlerAttribute = HandlerAttribute()
    onseeking: HandlerAttribute = HandlerAttribute()
    onselect: HandlerAttribute = HandlerAttribute()
    onselectionchange: HandlerAttribute = HandlerAttribute()
    onselectstart: HandlerAttribute = HandlerAttribute()
    onslotchange: HandlerAttribute = HandlerAttribute()
    onstalled: HandlerAttribute = HandlerAttribute()
    onstorage: HandlerAttribute = HandlerAttribute()
    onsubmit: HandlerAttribute = HandlerAttribute()
    onsuspend: HandlerAttribute = HandlerAttribute()
    ontimeupdate: HandlerAttribute = HandlerAttribute()
    ontoggle: HandlerAttribute = HandlerAttribute()
    ontouchcancel: HandlerAttribute = HandlerAttribute()
    ontouchend: HandlerAttribute = HandlerAttribute()
    ontouchmove: HandlerAttribute = HandlerAttribute()
    ontouchstart: HandlerAttribute = HandlerAttribute()
    ontransitioncancel: HandlerAttribute = HandlerAttribute()
    ontransitionend: HandlerAttribute = HandlerAttribute()
    ontransitionrun: HandlerAttribute = HandlerAttribute()
    ontransitionstart: HandlerAttribute = HandlerAttribute()
    onvolumechange: HandlerAttribute = HandlerAttribute()
    onwaiting: HandlerAttribute = HandlerAttribute()
    onwheel: HandlerAttribute = HandlerAttribute()


DOM_EVENTS = frozenset(name[2:] for name in vars(HandlerAttributes) if name.startswith("on"))
