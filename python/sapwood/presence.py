"""Who is there: tells an app's hooks who comes and goes, and ends what nobody comes back to.

Each coming has its leaving, and a session's end comes after all of them, once. How long
who left may come back is counted here, by a timer for each connection.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

from sapwood.connection import CLOSED, Connection
from sapwood.session import Session

if TYPE_CHECKING:
    from sapwood.app import App

# So long whoever waits for an answer of a page waits for its connection to come back.
ANSWER_GRACE_S = 1.0

Hook = Callable[[Session], Any]
#: What runs beside the handlers.
Task: TypeAlias = asyncio.Task[Any]

log: logging.Logger = logging.getLogger("sapwood")


class Presence:
    """The comings and goings of an app's sessions."""

    def __init__(self, app: App) -> None:
        self._app = app
        #: What to call with each session that a first browser has come to,
        self.on_connect: list[Hook] = []
        #: each time that one has come back or joined,
        self.on_reconnect: list[Hook] = []
        #: each time that one has left,
        self.on_disconnect: list[Hook] = []
        #: and when it has ended.
        self.on_end: list[Hook] = []
        #: When each connection of a session lapses and ends, unless somebody comes back.
        self._expiring: dict[Session, dict[Connection, asyncio.TimerHandle]] = {}
        self._tasks: dict[Session, set[Task]] = {}

    # --- Browsers ----------------------------------------------------------------

    def came(self, connection: Connection) -> None:
        """Note that a browser has connected."""
        session = connection.session
        log.info("session %s: a browser connected by %s", session.id, connection.info.protocol)
        is_back, session.is_new = not session.is_new, False
        if not connection.is_present:
            self._tell(session, int(is_back), self.on_reconnect if is_back else self.on_connect)
        connection.is_present = True

    def left(self, connection: Connection) -> None:
        """Note that a browser has left, or has not come; forget it if it does not in time."""
        session = connection.session
        self._part(connection)
        if not session.is_connected:
            self._app.places.give_back(session)
        if session not in self._app.registry:
            return
        expiring = self._expiring.setdefault(session, {})
        if (before := expiring.pop(connection, None)) is not None:
            before.cancel()
        grace_s = min(ANSWER_GRACE_S, self._app.session_timeout_s)
        expiring[connection] = asyncio.get_running_loop().call_later(
            grace_s, self._lapse, connection, connection.epoch
        )

    def _part(self, connection: Connection) -> None:
        """Tell once of a browser that came that it has left."""
        if connection.is_present:
            log.info("session %s: a browser left", connection.session.id)
            self._tell(connection.session, -1, self.on_disconnect)
        connection.is_present = False

    def _tell(self, session: Session, change: int, hooks: list[Hook]) -> None:
        if self.on_connect or self.on_reconnect or self.on_disconnect:
            self._app.dispatcher.visit(session, change, hooks)

    def _lapse(self, connection: Connection, epoch: int) -> None:
        # A handler that is cancelled since the app stops runs again, and asks again.
        if not self._app.is_stopping:
            connection.lapse(epoch)
        rest_s = max(0.0, self._app.session_timeout_s - ANSWER_GRACE_S)
        self._expiring[connection.session][connection] = asyncio.get_running_loop().call_later(
            rest_s, self._expire, connection, epoch
        )

    def _expire(self, connection: Connection, epoch: int) -> None:
        session = connection.session
        expiring = self._expiring[session]
        del expiring[connection]
        if not expiring:
            del self._expiring[session]
        if connection.epoch != epoch:
            return
        self._app.registry.disconnect(connection)
        if not (session.connections or session.is_kept):
            log.info("session %s ended: nobody came back", session.id)
            self._app.registry.remove(session)

    # --- Sessions ----------------------------------------------------------------

    def run_for(self, session: Session, coroutine: Coroutine[Any, Any, Any]) -> Task:
        """Run *coroutine* until the session ends; raise AppError in a thread."""
        task = self._app.run_task(coroutine)
        if session.is_over:
            task.cancel()
            return task
        tasks = self._tasks.setdefault(session, set())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return task

    def close(self, session: Session) -> None:
        """Send all browsers away, and for good; from any thread."""

        def close() -> None:
            session.absent = ()
            session.closings += 1
            self._app.places.turn_away(session)
            for connection in session.connections:
                connection.end(CLOSED)
                self._app.registry.disconnect(connection)
                self.left(connection)
            # Else who is sent away comes back with what is kept of it.
            self._keep(session, self._app.keeper.try_to_save)

        self._app.in_loop(close)

    def destroy(self, session: Session) -> None:
        """End the session, and keep nothing of it; from any thread."""

        def destroy() -> None:
            if session in self._app.registry:
                log.info("session %s was destroyed", session.id)
                self._app.registry.remove(session)
                self._keep(session, self._app.keeper.forget)

        self._app.in_loop(destroy)

    def _keep(self, session: Session, keep: Callable[[Session], Coroutine[Any, Any, None]]) -> None:
        if self._app.is_running:
            self._app.dispatcher.start(keep(session))

    def ended(self, session: Session) -> None:
        """Let go of what is done for a session, and tell of its end; from any thread."""
        # Whoever makes a session in a thread may have one end to make room.
        connections = session.connections
        self._app.in_loop(lambda: self._bury(session, connections))

    def _bury(self, session: Session, connections: Iterable[Connection]) -> None:
        for timer in self._expiring.pop(session, {}).values():
            timer.cancel()
        for task in self._tasks.pop(session, ()):
            task.cancel()
        self._app.places.turn_away(session)
        if self._app.is_stopping:
            return
        self._app.dispatcher.end(session)
        for connection in connections:
            self._part(connection)
        if self.on_end and not session.is_new:
            self._app.dispatcher.visit(session, 0, self.on_end)
