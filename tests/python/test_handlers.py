"""Handlers: how they are registered and given up, and what is refused as one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial
from types import MethodType
from typing import Any

import pytest

from sapwood import Element, EventHandler, HandlerError, Template, policy
from sapwood.events import DOM_EVENTS, NOT_BUBBLING


def marks(element: Element) -> list[str]:
    """Return the attributes that tell a browser what an element hears of."""
    return [name for name, _ in element._attributes() if name.startswith("_on")]


def test_a_subscription_ends_once() -> None:
    made = Element("button")
    subscription = made.on("click", print)
    subscription.off()
    subscription.off()
    assert (marks(made), made._handlers_of()) == ([], {"click": []})


def test_the_mark_stays_while_another_handler_listens() -> None:
    made = Element("button", onclick=repr)
    made.on("click", print).off()
    assert marks(made) == ["_onclick"]


def test_a_handler_named_in_the_html_outlives_a_subscription() -> None:
    class Page(Template):
        def go(self) -> None:
            pass

    button = Page("<button _onclick=go></button>").querySelector("button")
    assert button
    button.on("click", print).off()
    assert "_onclick" in button.html


def going_through() -> Iterator[int]:
    yield 1


async def going_through_later(e: EventHandler) -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize(
    "handler",
    [
        going_through,
        going_through_later,
        partial(going_through),
        partial(policy("drop")(partial(going_through))),
        MethodType(partial(going_through), object()),
    ],
    ids=range(5),
)
def test_a_generator_is_no_handler(handler: Any) -> None:
    with pytest.raises(HandlerError, match="is a generator, which nobody"):
        Element("button", onclick=handler)


@pytest.mark.parametrize(
    "handler",
    [None, "print", lambda one, two: None, lambda *, key: None],
    ids=["none", "a name", "two arguments", "a keyword"],
)
def test_what_cannot_be_called_with_an_event_is_refused_at_once(handler: Any) -> None:
    made = Element("button")
    with pytest.raises(HandlerError):
        made.on("click", handler)
    assert made.html == "<button></button>"


@pytest.mark.parametrize(
    "handler",
    [
        print,
        lambda: None,
        lambda event: None,
        lambda event, more=1: None,
        lambda *all: None,
        EventHandler.stop_propagation,
    ],
    ids=["built-in", "none", "one", "one and a default", "any", "method"],
)
def test_what_can_be_called_with_an_event_is_taken(handler: Any) -> None:
    assert marks(Element("button", onclick=handler)) == ["_onclick"]


@pytest.mark.parametrize(
    "name", ["", "my click", "click>", "é", "1", "keyDown", "DOMContentLoaded", "x" * 65]
)
def test_an_impossible_event_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match="not the name of an event"):
        Element("p").on(name, print)


def test_an_event_is_called_without_on() -> None:
    with pytest.raises(ValueError, match="'click', not 'onclick'"):
        Element("p").on("onclick", print)


def test_a_handler_may_be_an_attribute_as_in_the_dom() -> None:
    made = Element("button", onclick=print)
    made.on("click", len)
    made.onclick = repr
    assert (made.onclick, made.onkeydown, made._heard("click")) == (repr, None, [repr, len])
    made.onclick = None
    assert (made.onclick, made._heard("click"), marks(made)) == (None, [len], ["_onclick"])
    made.off("click", len)
    assert marks(made) == []


def test_a_refused_handler_leaves_the_one_before() -> None:
    made = Element("button", onclick=print)
    with pytest.raises(HandlerError):
        made.onclick = "print"  # type: ignore[assignment]  # that is the point
    assert made._heard("click") == [print]


def test_a_clone_has_the_handler_that_is_an_attribute() -> None:
    copy = Element("button", onclick=print).clone
    copy.onclick = repr
    assert copy._heard("click") == [repr]


@pytest.mark.parametrize(
    "name", ["shown.bs.modal", "my-event", "a:b", "online", "once", "x_1", "x" * 64]
)
def test_events_of_ones_own_have_names_of_ones_own(name: str) -> None:
    made = Element("p")
    made.on(name, print)
    assert marks(made) == [f"_on{name}"]


def test_every_event_of_the_dom_is_an_attribute() -> None:
    made = Element("p")
    for name in DOM_EVENTS:
        setattr(made, f"on{name}", print)
        assert made._heard(name) == [print]
    assert NOT_BUBBLING <= DOM_EVENTS


def test_a_coroutine_that_was_called_too_soon_is_told_apart() -> None:
    async def go() -> None:
        pass

    with pytest.raises(HandlerError, match=r"without \(\)"):
        Element("button").on("click", go())  # type: ignore[arg-type]  # that is the point


def test_off_for_what_was_never_on_is_no_error() -> None:
    made = Element("button", onclick=repr)
    made.off("click", print)
    made.off("keydown", print)
    assert made._heard("click") == [repr]
