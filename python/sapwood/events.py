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
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sapwood.errors import HandlerError

if TYPE_CHECKING:
    from sapwood.element import Element
    from sapwood.session import Session
    from sapwood.template import Template

Handler = Callable[..., Any]

_TYPE = re.compile(r"[a-z][a-z0-9:_-]*", re.ASCII | re.IGNORECASE)

# Events that stay with the element they happen on (UI Events, HTML spec).
_NOT_BUBBLING = """
abort blur cancel close canplay canplaythrough durationchange emptied ended error focus invalid
load loadeddata loadedmetadata loadstart mouseenter mouseleave pause play playing pointerenter
pointerleave progress ratechange scroll scrollend seeked seeking stalled suspend timeupdate toggle
volumechange waiting
"""
NOT_BUBBLING = frozenset(_NOT_BUBBLING.split())


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it came from the browser, `number` counting those of its tab."""

    number: int
    target: int | str
    type: str = "click"
    data: Mapping[str, Any] = field(default_factory=dict)


class EventHandler:
    """What a handler gets: where the event happened, and the way back to the page."""

    __slots__ = ("_stopped", "current_target", "event_data", "session", "target", "type")

    def __init__(self, event: Event, target: Element, session: Session) -> None:
        self.type = event.type
        #: The element that the event happened on.
        self.target = target
        #: The element that the handler belongs to.
        self.current_target = target
        #: What the DOM event says, by its DOM names: `key`, `clientX`, `shiftKey` …
        self.event_data = event.data
        self.session = session
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

    def update(self) -> None:
        """Send what changed in the template since the last update to the browser."""
        self.template.update()

    def stop_propagation(self) -> None:
        """Let no element above the current one hear of the event."""
        self._stopped = True


def check_type(event_type: str) -> str:
    """Return the attribute that marks who hears of *event_type*; raise ValueError if it is none."""
    if event_type.startswith("on"):
        raise ValueError(f"an event is called without 'on': {event_type[2:]!r}, not {event_type!r}")
    if not _TYPE.fullmatch(event_type):
        raise ValueError(f"not the name of an event: {event_type!r}")
    return f"_on{event_type}"


def check_handler(handler: Handler) -> Handler:
    """Return *handler* if it can be called with an event; raise HandlerError if not."""
    if not callable(handler):
        raise HandlerError(f"a handler is a function, not {type(handler).__name__}: {handler!r}")
    _takes_event(handler)
    return handler


def call(handler: Handler, event: EventHandler) -> Any:
    """Call *handler* with *event* if it takes it."""
    return handler(event) if _takes_event(handler) else handler()


def _takes_event(handler: Handler) -> bool:
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


def _takes_event_by_signature(handler: Handler) -> bool:
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
            f"handler {_name(handler)} wants {names}; it can have one argument, the event, or none"
        )
    return bool(positional) or any(p.kind is p.VAR_POSITIONAL for p in parameters)


def _name(handler: Handler) -> str:
    return getattr(handler, "__qualname__", None) or repr(handler)
