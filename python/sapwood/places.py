"""Who may be connected when an app has a limit, and who waits, first come first served.

A session has a place while any browser is connected to it. A browser that comes back to
its session never waits, even if its place went to somebody else in the meantime.
"""

from __future__ import annotations

import asyncio

from sapwood.errors import AppError, FrameError
from sapwood.session import Session

WAITING_MAX = 1000


class Ticket:
    """A session that waits for a place."""

    def __init__(self, session: Session) -> None:
        self.session: Session = session
        #: Its place in the queue, from 1; 0 when it has been let in.
        self.place: int = 0
        #: Set whenever that changed.
        self.changed: asyncio.Event = asyncio.Event()


class Places:
    """Places for sessions; *limit* is how many, None for as many as come.

    Raises AppError for a limit that is not a positive number.
    """

    def __init__(self, limit: int | None) -> None:
        if limit is not None and (isinstance(limit, bool) or limit < 1):
            raise AppError(f"max_sessions is a number from 1, or None for no limit, not {limit!r}")
        self._limit = limit
        self._held: set[Session] = set()
        self._queue: list[Ticket] = []

    def take(self, session: Session, *, is_back: bool) -> Ticket | None:
        """Give a session a place, or a ticket if there is none and it has not *is_back*."""
        if self._limit is None:
            return None
        is_free = len(self._held) < self._limit and not self._queue
        if is_back or is_free or session in self._held:
            self._held.add(session)
            return None
        if len(self._queue) >= WAITING_MAX:
            raise FrameError(f"more than {WAITING_MAX} browsers wait for a place", 1013)
        ticket = Ticket(session)
        self._queue.append(ticket)
        ticket.place = len(self._queue)
        return ticket

    def give_back(self, session: Session) -> None:
        """Take a session's place away, if it had one."""
        self._held.discard(session)
        while self._limit is not None and self._queue and len(self._held) < self._limit:
            ticket = self._queue.pop(0)
            self._held.add(ticket.session)
            self._tell(ticket, 0)
        self._count()

    def turn_away(self, session: Session) -> None:
        """Let nobody wait for a session's place any more, and take the place it had away."""
        for ticket in [it for it in self._queue if it.session is session]:
            self._queue.remove(ticket)
            self._tell(ticket, 0)
        self.give_back(session)

    def close(self) -> None:
        """Have all who wait look whether they still may."""
        for ticket in self._queue:
            ticket.changed.set()

    def leave(self, ticket: Ticket) -> None:
        """Wait no longer, and give back what the session was let in to."""
        if ticket in self._queue:
            self._queue.remove(ticket)
        if not ticket.session.is_connected:
            self.give_back(ticket.session)
        self._count()

    def __len__(self) -> int:
        return len(self._queue)

    def _count(self) -> None:
        for place, ticket in enumerate(self._queue, 1):
            self._tell(ticket, place)

    def _tell(self, ticket: Ticket, place: int) -> None:
        if ticket.place != place:
            ticket.place = place
            ticket.changed.set()
