"""Mistakes that a server or a browser could make, each patched in for as long as a block lasts.

A proof that finds none of them proves nothing: `tests/python/test_simulation.py` requires that each
one breaks a promise.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import dom
from browser import Browser
from sapwood.connection import Connection, Turn, _count
from sapwood.dispatch import Dispatcher
from sapwood.events import Handler
from sapwood.keeping import Keeper
from sapwood.protocol import Happened
from sapwood.session import Session
from sapwood.sessions import Sessions
from simulated.asked import Asked
from simulated.page import LoadedPage
from simulated.visitor import Visitor


@contextmanager
def _patched(owner: type, **methods: Any) -> Iterator[None]:
    before = {name: owner.__dict__[name] for name in methods}
    for name, method in methods.items():
        setattr(owner, name, method)
    try:
        yield
    finally:
        for name, method in before.items():
            setattr(owner, name, method)


def no_deduplication() -> AbstractContextManager[None]:
    """The server runs an event again that it has seen."""
    take = Connection._take_event

    def taken(self: Connection, frame: Happened) -> None:
        if frame.event.number <= self._received:
            self._session.arrived(Turn(self, frame.event, frame.fields), self)
        else:
            take(self, frame)

    return _patched(Connection, _take_event=taken)


def no_order_check() -> AbstractContextManager[None]:
    """The server takes an event that comes after a gap."""
    take = Connection._take_event

    def taken(self: Connection, frame: Happened) -> None:
        for missing in range(self._received + 1, frame.event.number):
            self._received = missing
            self.taken, self._untaken = _count(self.taken, self._untaken, missing)
            self.finish(missing)
        take(self, frame)

    return _patched(Connection, _take_event=taken)


def no_epoch() -> AbstractContextManager[None]:
    """The server takes the end of an older socket for the end of the newest."""
    close = Connection.close
    return _patched(
        Connection,
        close=lambda self, epoch: close(self, self.epoch),
        is_current=lambda self, epoch: True,
        ending=lambda self, epoch: self._ending,
    )


def late_joins_let_in() -> AbstractContextManager[None]:
    """The server takes a join for the newest one because it came last."""
    find = Sessions.find
    return _patched(
        Sessions, find=lambda self, secret, browser, *, number: find(self, secret, browser)
    )


def older_sockets_heard() -> AbstractContextManager[None]:
    """The browser listens to sockets that it has given up."""
    return _patched(Visitor, hears=lambda self, wire: True)


def no_gap_check() -> AbstractContextManager[None]:
    """The browser carries out whatever patch comes next."""
    patch = LoadedPage._patch

    def patched(self: LoadedPage, sequence: int, handled: int, taken: int, ops: Any) -> None:
        if ops[:2] != [10, 0]:
            self.sequence = sequence - 1
        patch(self, sequence, handled, taken, ops)

    return _patched(LoadedPage, _patch=patched)


def events_kept_after_a_fresh_start() -> AbstractContextManager[None]:
    """The browser sends a new session what was meant for the old one."""
    drop = LoadedPage._drop_former

    def dropped(self: LoadedPage) -> None:
        self._former = 0
        drop(self)

    return _patched(LoadedPage, _drop_former=dropped)


def acknowledged_before_handled() -> AbstractContextManager[None]:
    """The server says that an event is handled when its turn comes."""
    begin = Connection.begin

    def begun(self: Connection, turn: Turn) -> None:
        begin(self, turn)
        self.finish(turn.event.number)

    return _patched(Connection, begin=begun)


def reports_told_early() -> AbstractContextManager[None]:
    """The server says that a handler failed before all that hear the event have ended."""
    fail = Session.fail

    def failed(self: Session, turn: Turn, handler: Handler | str, error: BaseException) -> None:
        fail(self, turn, handler, error)
        turn.connection.report(turn.event.number, turn.outcome, "")

    return _patched(Session, fail=failed)


def reports_told_once() -> AbstractContextManager[None]:
    """The server forgets what became of an event when it has sent it."""
    take = Connection.take

    def taken(self: Connection) -> list[str]:
        self._reports = ()
        return take(self)

    return _patched(Connection, take=taken)


def stale_input_wins() -> AbstractContextManager[None]:
    """The browser lets the server overwrite what it does not know of yet."""
    return _patched(Browser, _holds=lambda self, node, name: False)


def newer_fields_claimed() -> AbstractContextManager[None]:
    """The server says that it knows fields which it has yet to take over."""
    cut = Connection._cut

    def claimed(self: Connection) -> None:
        taken, self.taken = self.taken, max(self.taken, self.received)
        cut(self)
        self.taken = taken

    return _patched(Connection, _cut=claimed)


def sync_counts_as_known() -> AbstractContextManager[None]:
    """The browser takes for known what it has only just told a new session of."""

    def told(self: LoadedPage) -> None:
        self.up.append(json.dumps([-4, self._named(self._report(self.count)), []]))

    return _patched(LoadedPage, _tell_all=told)


def kept_text_not_put_back() -> AbstractContextManager[None]:
    """The browser takes for what was typed before F5 what the session says it was."""

    def taken(self: LoadedPage, uuid: str, value: Any) -> None:
        self.type(uuid, self.page.elements[uuid].value)

    return _patched(LoadedPage, _put_back=taken)


def kept_text_counts_as_typed() -> AbstractContextManager[None]:
    """The browser takes for new what it puts back though an event that waits carries it."""
    carry = LoadedPage._carry

    def carried(self: LoadedPage, uuid: str, number: int) -> None:
        if number not in self.pending:
            carry(self, uuid, number)
        else:
            self._edit(uuid, self.page.elements[uuid].value)

    return _patched(LoadedPage, _carry=carried)


def effect_replayed() -> AbstractContextManager[None]:
    """The browser makes the calls of a patch that comes again."""
    patch = LoadedPage._patch

    def patched(self: LoadedPage, sequence: int, handled: int, taken: int, ops: Any) -> None:
        if sequence <= self.sequence:
            self.page.calls += _calls(self.page, ops)
        patch(self, sequence, handled, taken, ops)

    return _patched(LoadedPage, _patch=patched)


def questions_asked_again() -> AbstractContextManager[None]:
    """The browser shows a question that comes again."""
    ask = Asked.ask

    def asked(self: Asked, number: int, question: str | None) -> list[str | None]:
        self.open.pop(number, None)
        self._answers.pop(number, None)
        return ask(self, number, question)

    return _patched(Asked, ask=asked)


def answers_said_once() -> AbstractContextManager[None]:
    """The browser does not answer a question again that comes again."""
    ask = Asked.ask

    def asked(self: Asked, number: int, question: str | None) -> list[str | None]:
        return [] if number in self._answers else ask(self, number, question)

    return _patched(Asked, ask=asked)


def answers_kept_for_another_session() -> AbstractContextManager[None]:
    """The browser gives the answers of a session to the next one."""
    return _patched(Asked, forget=lambda self: None)


def questions_kept_for_another_page() -> AbstractContextManager[None]:
    """The server asks the page that was loaded again what it had asked the one before."""
    return _patched(Connection, _part=lambda self, reason: None)


def nobody_waits_for_a_new_socket() -> AbstractContextManager[None]:
    """The server gives up on an answer when the socket is gone, though another one has come."""

    def lapsed(self: Connection, epoch: int) -> None:
        self._is_away = True
        if self._questions is not None:
            self._questions.withdraw_all("the connection was lost")

    return _patched(Connection, lapse=lapsed)


def not_kept_before_acknowledged() -> AbstractContextManager[None]:
    """The server tells that an event is handled before the store has what came of it."""

    async def saved(self: Dispatcher, session: Session, turn: Turn) -> None:
        self.start(self._save(session, turn))

    return _patched(Dispatcher, _save_handled=saved)


def number_not_kept() -> AbstractContextManager[None]:
    """The server keeps the state that an event led to, and not that it was handled."""
    tab = Keeper._tab
    return _patched(Keeper, _tab=lambda self, connection, turn: tab(self, connection, None))


def _calls(page: dom.Page, ops: list[Any]) -> list[Any]:
    at = [n for n, it in enumerate(ops) if it == 11 and ops[n + 2 : n + 3] == ["focus"]]
    return [(page.uuid(ops[n + 1]), "focus", []) for n in at]


BUGS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    bug.__name__.replace("_", "-"): bug
    for bug in (
        no_deduplication,
        no_epoch,
        late_joins_let_in,
        older_sockets_heard,
        no_gap_check,
        no_order_check,
        events_kept_after_a_fresh_start,
        acknowledged_before_handled,
        not_kept_before_acknowledged,
        number_not_kept,
        reports_told_early,
        reports_told_once,
        stale_input_wins,
        newer_fields_claimed,
        sync_counts_as_known,
        questions_asked_again,
        answers_said_once,
        answers_kept_for_another_session,
        questions_kept_for_another_page,
        nobody_waits_for_a_new_socket,
        kept_text_not_put_back,
        kept_text_counts_as_typed,
        effect_replayed,
    )
}
