"""Tokens: good once, for one browser, for five minutes, and bounded in number."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sapwood import App, Template
from sapwood.handoff import PAGES_MAX, PAGES_OF_BROWSER_MAX, TTL_S, Handoff, Page, digest

TEMPLATE = Template("<p>")


class Clock:
    """A clock that somebody sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def handoff(clock: Clock) -> Handoff:
    numbers = iter(range(1_000_000))
    return Handoff(clock, lambda: f"token {next(numbers)}")


def mint(handoff: Handoff, browser: str = "b", template: Template = TEMPLATE) -> str:
    return handoff.mint(Page(template, template._published, "/path", browser))


def test_a_token_gives_the_page_it_was_made_for(handoff: Handoff) -> None:
    page = handoff.claim(mint(handoff), "b")
    assert page
    assert (page.template, page.version, page.path) == (TEMPLATE, TEMPLATE._published, "/path")


def test_a_token_is_good_once(handoff: Handoff) -> None:
    token = mint(handoff)
    handoff.claim(token, "b")
    assert handoff.claim(token, "b") is None


def test_another_browser_leaves_it_good_for_its_owner(handoff: Handoff) -> None:
    token = mint(handoff)
    assert handoff.claim(token, "other") is None
    assert handoff.claim(token, "b") is not None


@pytest.mark.parametrize(("seconds", "is_good"), [(TTL_S - 1, True), (TTL_S, False)])
def test_a_token_is_good_for_five_minutes(
    handoff: Handoff, clock: Clock, seconds: float, is_good: bool
) -> None:
    token = mint(handoff)
    clock.now += seconds
    assert (handoff.claim(token, "b") is not None) is is_good


def test_what_expired_is_forgotten_when_the_next_one_comes(handoff: Handoff, clock: Clock) -> None:
    for n in range(10):
        mint(handoff, f"b{n}")
    clock.now += TTL_S
    mint(handoff)
    assert (len(handoff), len(handoff._of_browser)) == (1, 1)


def test_a_browser_has_at_most_20_and_loses_its_oldest(handoff: Handoff) -> None:
    other = mint(handoff, "other")
    tokens = [mint(handoff) for _ in range(PAGES_OF_BROWSER_MAX + 1)]
    claimed = [handoff.claim(token, "b") is not None for token in tokens]
    assert claimed == [False] + [True] * 20
    assert handoff.claim(other, "other")


def test_there_are_at_most_10_000_and_the_oldest_of_all_goes(handoff: Handoff) -> None:
    tokens = [mint(handoff, f"b{n}") for n in range(PAGES_MAX + 1)]
    assert (len(handoff), handoff.claim(tokens[0], "b0")) == (10_000, None)
    assert handoff.claim(tokens[1], "b1")


def test_nothing_is_kept_of_what_was_claimed(handoff: Handoff) -> None:
    handoff.claim(mint(handoff), "b")
    assert (len(handoff), handoff._of_browser) == (0, {})


@pytest.mark.parametrize("token", ["", "token", "token 0 ", "\ud800", "é" * 10_000])
def test_a_wrong_token_is_none_whatever_it_is(handoff: Handoff, token: str) -> None:
    mint(handoff)
    assert handoff.claim(token, "b") is None


def test_the_answer_says_nothing_of_why(handoff: Handoff, clock: Clock) -> None:
    used, foreign, old = mint(handoff), mint(handoff, "other"), mint(handoff)
    handoff.claim(used, "b")
    answers: list[Any] = [handoff.claim(token, "b") for token in (used, foreign, "none")]
    clock.now += TTL_S
    answers.append(handoff.claim(old, "b"))
    assert answers == [None] * 4


def test_no_token_is_kept_in_clear(handoff: Handoff) -> None:
    token = mint(handoff)
    assert list(handoff._pages) == [digest(token)]
    assert token.encode() not in digest(token)


def test_it_says_when_the_next_page_expires(handoff: Handoff, clock: Clock) -> None:
    assert handoff.expire() is None
    mint(handoff)
    clock.now += 100
    mint(handoff)
    assert handoff.expire() == TTL_S - 100
    clock.now += TTL_S - 100
    assert (handoff.expire(), len(handoff)) == (100, 1)


async def test_each_page_is_forgotten_when_its_own_time_is_over(
    handoff: Handoff, clock: Clock
) -> None:
    app = App()
    app.handoff = handoff
    mint(handoff)
    clock.now += 200
    mint(handoff)
    clock.now += TTL_S - 200
    app._pages._sweep()
    timer = app._pages._sweeping
    assert timer
    in_s = timer.when() - asyncio.get_running_loop().time()
    assert (len(handoff), in_s) == (1, pytest.approx(200, abs=5))
    clock.now += 200
    app._pages.close()
    app._pages._sweep()
    assert (len(handoff), app._pages._sweeping) == (0, None)
