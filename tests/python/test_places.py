"""A limit on sessions: first come first served, and who comes back does not wait."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sapwood import AppError, Template
from sapwood.places import Places, Ticket
from sapwood.session import Session

TEMPLATE = Template("<p>")


class Queueing(RuleBasedStateMachine):
    """Sessions come, leave, come back and give up, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.places = Places(2)
        self.inside: list[Session] = []
        self.waiting: list[Ticket] = []
        self.numbers = count()

    @rule()
    def come(self) -> None:
        session = Session(str(next(self.numbers)), TEMPLATE, "/")
        ticket = self.places.take(session, is_back=False)
        if ticket is None:
            assert not self.waiting
            self.inside.append(session)
        else:
            self.waiting.append(ticket)

    @rule(which=st.integers(0, 9))
    def leave(self, which: int) -> None:
        if self.inside:
            self.places.give_back(self.inside.pop(which % len(self.inside)))
            self.let_in()

    @rule(which=st.integers(0, 9))
    def come_back(self, which: int) -> None:
        if self.inside:
            session = self.inside[which % len(self.inside)]
            assert self.places.take(session, is_back=which % 2 == 0) is None

    @rule()
    def one_comes_back_late(self) -> None:
        session = Session(str(next(self.numbers)), TEMPLATE, "/")
        assert self.places.take(session, is_back=True) is None
        self.inside.append(session)

    @rule(which=st.integers(0, 9))
    def give_up(self, which: int) -> None:
        if self.waiting:
            self.places.leave(self.waiting.pop(which % len(self.waiting)))

    @rule()
    def the_browser_of_one_that_was_let_in_is_gone(self) -> None:
        if self.waiting and self.inside:
            self.places.give_back(self.inside.pop())
            before = len(self.waiting)
            ticket = self.waiting[0]
            self.let_in()
            if len(self.waiting) < before:
                self.inside.remove(ticket.session)
                self.places.leave(ticket)
                self.let_in()

    def let_in(self) -> None:
        while self.waiting and len(self.inside) < 2:
            ticket = self.waiting.pop(0)
            assert ticket.changed.is_set()
            assert ticket.place == 0
            self.inside.append(ticket.session)

    @invariant()
    def places_count_from_one(self) -> None:
        assert [it.place for it in self.waiting] == list(range(1, len(self.waiting) + 1))
        assert len(self.places) == len(self.waiting)
        assert self.places._held == set(self.inside)


TestQueueing = Queueing.TestCase


def test_without_a_limit_nobody_waits() -> None:
    places = Places(None)
    assert all(places.take(Session("s", TEMPLATE, "/"), is_back=False) is None for _ in range(9))


@pytest.mark.parametrize("limit", [0, -1, True])
def test_a_limit_that_is_none_is_refused(limit: int) -> None:
    with pytest.raises(AppError, match="max_sessions is a number from 1"):
        Places(limit)
