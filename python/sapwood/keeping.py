"""Keeps what sessions declared as their state where it outlives them, and this process.

A session that declares no state is never kept. Another is kept whenever one of its events
was handled, before anybody is told so, and with the number of that event: whoever comes
back after a restart will not have it handled again. What is kept is signed: who can write to
the store can remove a session, or put back what it was, but not make one up.
"""

from __future__ import annotations

import asyncio
import copy
import functools
import hashlib
import logging
import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from sapwood.connection import Connection, Turn
from sapwood.errors import AppError, StateError
from sapwood.handoff import digest
from sapwood.record import ConnectionRecord, Record, check_state, decode, encode
from sapwood.session import Session
from sapwood.sessions import Sessions
from sapwood.signing import SEAL_BYTES, Signer
from sapwood.store import SessionStore

# What fits into a record; of more tabs the oldest come back to a page that begins afresh.
TABS_MAX = 64
# What became of so many events of each is told after a restart too.
REPORTS_MAX = 8
ID_LENGTH_MAX = 64
CHANGES_MAX = 8

T = TypeVar("T")

log: logging.Logger = logging.getLogger("sapwood")


class Found(NamedTuple):
    """A session that is in the store, and which of its tabs asks for it."""

    record: Record
    tab: ConnectionRecord
    #: Is another one when something else was kept since.
    version: bytes


class Keeper:
    """Puts the sessions of a registry into a store for *ttl_s* seconds, and finds them there.

    *signer* is asked for when there is something to sign.
    """

    def __init__(
        self,
        store: SessionStore,
        registry: Sessions,
        ttl_s: float,
        signer: Callable[[], Signer],
    ) -> None:
        if not 0 < ttl_s < math.inf:
            raise AppError(f"state_ttl_s is a positive number of seconds, not {ttl_s!r}")
        self.store = store
        self._registry = registry
        self._ttl_s = ttl_s
        self._signer = signer

    async def save(self, session: Session, turn: Turn | None = None) -> None:
        """Keep a session as it will be when *turn*, if any, counts as handled.

        Raises StateError if its state cannot be kept, StoreError if the store fails.
        """
        if not (session.state or session.saved or session.declares_state):
            return
        if session.saving is None:
            session.saving = asyncio.Lock()
        # One after the other: each goes on from what the one before has kept.
        async with session.saving:
            state: dict[str, Any] | None = session.state
            if turn is None and session.is_busy:
                # What a handler has changed so far counts when its event does.
                kept = decode(session.saved) if session.saved else None
                state = {} if session.declares_state else None
                state = kept.state if kept is not None else state
            # Of a session that was destroyed nothing is to be kept any more.
            if state is None or session not in self._registry:
                return
            tabs = [*session.absent, *(self._tab(it, turn) for it in session.connections)]
            record = await _encoded(Record(session.id, session.route, state, tabs[-TABS_MAX:]))
            if record != session.saved:
                await self.store.save(session.id, self._signer().seal(record), self._ttl_s)
                session.saved = record

    def _tab(self, connection: Connection, turn: Turn | None) -> ConnectionRecord:
        its = turn if turn is not None and turn.connection is connection else None
        handled, reports = connection.counted(its)
        secrets = [it.hex() for it in self._registry.secrets_of(connection)]
        secrets = [*connection.former, *secrets]
        name = _name(connection.browser)
        return ConnectionRecord(name, secrets, handled, reports[-REPORTS_MAX:])

    async def try_to_save(self, session: Session) -> None:
        """Keep a session as it is; what goes wrong is logged, and it lives on here."""
        try:
            await self.save(session)
        except Exception as error:  # a store of the application's may raise anything
            log.error("session %s is not kept: %s", session.id, error)

    async def save_all(self) -> None:
        """Keep all sessions; what goes wrong with one is logged."""
        for session in self._registry:
            await self.try_to_save(session)

    async def find(self, secret: str, browser: str) -> Found | None:
        """Return what is kept for the browser tab that *secret* was given to."""
        id, _, rest = secret.rpartition(".")
        if not (id and rest and is_id(id)):
            return None
        record, version = await self._load(id)
        if record is None:
            return None
        used, name = digest(secret).hex(), _name(browser)
        for tab in record.connections:
            if used in tab.secrets and tab.browser == name:
                # If another of its tabs was faster, the session lives and knows better.
                live = self._registry.get(id)
                if live is not None:
                    state = await _at_rest(functools.partial(copy.deepcopy, live.state))
                    record = Record(record.id, record.route, state, record.connections)
                return Found(record, tab, version)
        return None

    async def version(self, id: str) -> bytes:
        """Return which version of a session is kept; an empty one if none is."""
        return (await self._load(id))[1]

    async def _load(self, id: str) -> tuple[Record | None, bytes]:
        sealed = await self.store.load(id)
        if sealed is None:
            return None, b""
        data = self._signer().unseal(sealed)
        if data is None:
            log.warning("the record of session %s is not signed by us", id)
            return None, b""
        return decode(data), sealed[:SEAL_BYTES]

    async def forget(self, session: Session) -> None:
        """Keep a session no longer."""
        if session.saving is None:
            session.saving = asyncio.Lock()
        async with session.saving:
            # It may be there even if nobody waited until it was.
            if session.state or session.saved or session.declares_state:
                await self.store.delete(session.id)


def is_id(id: str) -> bool:
    """Say whether *id* can be a session's: something to read, of 1 to 64 characters."""
    return 0 < len(id) <= ID_LENGTH_MAX and id.isprintable()


async def _encoded(record: Record) -> bytes:
    """Return the bytes of a record."""

    def encoded() -> bytes:
        check_state(record.state)
        return encode(record)

    return await _at_rest(encoded)


async def _at_rest(read: Callable[[], T]) -> T:
    """Return what *read* makes of a state; whatever else changes that comes before or after."""
    for _ in range(CHANGES_MAX):
        try:
            return read()
        except (RuntimeError, TypeError):  # a thread has changed it just now
            await asyncio.sleep(0)
    raise StateError("state is changed by a thread all the time")


def _name(browser: str) -> str:
    return hashlib.sha256(browser.encode("utf-8", "surrogatepass")).hexdigest()
