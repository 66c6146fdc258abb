"""Handlers: how they are registered and given up, and what is refused as one."""

from __future__ import annotations

from typing import Any

import pytest

from sapwood import Element, EventHandler, HandlerError, Template


def test_a_subscription_ends_once() -> None:
    made = Element("button")
    subscription = made.on("click", print)
    subscription.off()
    subscription.off()
    assert (made.html, made._handlers_of()) == ("<button></button>", {"click": []})


def test_the_mark_stays_while_another_handler_listens() -> None:
    made = Element("button", onclick=repr)
    made.on("click", print).off()
    assert made.html == "<button _onclick></button>"


def test_a_handler_named_in_the_html_outlives_a_subscription() -> None:
    class Page(Template):
        def go(self) -> None:
            pass

    button = Page("<button _onclick=go></button>").querySelector("button")
    assert button
    button.on("click", print).off()
    assert "_onclick" in button.html


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
    assert Element("button", onclick=handler).html == "<button _onclick></button>"


@pytest.mark.parametrize("name", ["", "my click", "click>", "é", "1"])
def test_an_impossible_event_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match="not the name of an event"):
        Element("p").on(name, print)


def test_an_event_is_called_without_on() -> None:
    with pytest.raises(ValueError, match="'click', not 'onclick'"):
        Element("p").on("onclick", print)
