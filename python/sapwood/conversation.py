"""A browser's visit, from its join to the end of its socket, whatever kind that is.

All rules are the connection's; here are only the waiting and the sending. What is read is
not read faster than a person could do it, so that a flood waits in the network.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import threading
from typing import TYPE_CHECKING, Protocol

from sapwood.connection import CLOSED, RESTART, Connection, Info
from sapwood.errors import FrameError
from sapwood.joining import let_in
from sapwood.places import Ticket
from sapwood.protocol import Happened, Join, Ping, Resync, Synced, Welcome, decode, encode

if TYPE_CHECKING:
    from sapwood.app import App

JOIN_TIMEOUT_S = 10.0
# Who takes nothing of what is sent for so long is not there any more.
STALL_S = 60.0
# While a handler runs, an update waits this long for more: most handlers end at once,
# and then their last update and the event's acknowledgement are one frame.
GATHER_S = 0.002
EVENTS_PER_S = 50.0
EVENTS_AT_ONCE = 100
# All other frames: a page says once what it has, and answers what it is asked.
OTHERS_PER_S = 500.0
OTHERS_AT_ONCE = 1000
# How often a page may tell all that it holds.
SYNCS_PER_S = 0.1
SYNCS_AT_ONCE = 3
# How often it may be told all; it gives up itself when three in a row were of no use.
RESYNCS_PER_S = 0.1
RESYNCS_AT_ONCE = 5

log: logging.Logger = logging.getLogger("sapwood")


class Gone(Exception):
    """The other side has closed, or is not there any more."""


class Socket(Protocol):
    """What carries frames both ways."""

    info: Info

    async def receive(self) -> str:
        """Return the next frame; raise Gone when there is none to come."""

    async def send(self, frame: str) -> None:
        """Send a frame; wait until the network takes it."""

    async def close(self, code: int) -> None:
        """End it, and say why; raise Gone when nobody is there to hear it."""


async def converse(socket: Socket, app: App, browser: str) -> None:
    """Serve one socket of *browser* from its join to its end."""
    try:
        # With nothing kept here of how it came in, for as long as it stays.
        await _talk(socket, app, *await _enter(socket, app, browser))
    except FrameError as error:
        app.metrics.refuse(error.code)
        log.info("socket closed with %d: %s", error.code, error)
        await _close(socket, error.code)
    except Gone:
        pass


async def _enter(socket: Socket, app: App, browser: str) -> tuple[Connection, Welcome]:
    """Wait for the join; return the connection, and what welcomes it."""
    try:
        async with asyncio.timeout(JOIN_TIMEOUT_S):
            join = decode(await socket.receive(), is_first=True)
    except TimeoutError:
        raise FrameError("no join in time", 4408) from None
    assert isinstance(join, Join)
    _check_runs(app)
    connection, welcome = await let_in(app, join, browser)
    await _take_place(socket, app, connection)
    return connection, welcome


def _check_runs(app: App) -> None:
    if app.is_stopping:
        raise FrameError("the server stops", RESTART)


async def _close(socket: Socket, code: int) -> None:
    with contextlib.suppress(Gone, RuntimeError, TimeoutError):  # was faster, or stalls
        async with asyncio.timeout(STALL_S):
            await socket.close(code)


async def _take_place(socket: Socket, app: App, connection: Connection) -> None:
    """Wait until there is room for a new session."""
    session, ticket = connection.session, None
    session.joining += 1  # who waits is not idle
    try:
        ticket = app.places.take(session, is_back=not session.is_new)
        if ticket is not None:
            await _wait_for_place(socket, app, ticket)
        if connection not in session.connections:
            raise FrameError("the session ended meanwhile", 4410)
    except BaseException:
        if ticket is not None:
            app.places.leave(ticket)
        app.registry.disconnect(connection)
        if not (session.connections or session.is_kept):
            app.registry.remove(session)
        raise
    finally:
        session.joining -= 1


async def _wait_for_place(socket: Socket, app: App, ticket: Ticket) -> None:
    reading = asyncio.create_task(socket.receive())
    ticket.changed.set()
    try:
        while ticket.place:
            _check_runs(app)
            if ticket.changed.is_set():
                ticket.changed.clear()
                await socket.send(encode([-4, ticket.place]))
            change = asyncio.create_task(ticket.changed.wait())
            await asyncio.wait({reading, change}, return_when=asyncio.FIRST_COMPLETED)
            change.cancel()
            if reading.done():
                match decode(await reading):
                    case Ping(mark):
                        await socket.send(encode([-2, mark]))
                    case _:
                        raise FrameError("who waits for a place can but ping")
                reading = asyncio.create_task(socket.receive())
    finally:
        reading.cancel()


async def _talk(socket: Socket, app: App, connection: Connection, welcome: Welcome) -> None:
    """Read and write until the socket or its epoch ends."""
    session = connection.session
    writer = _Writer(socket, app, connection)
    epoch = writer.epoch = connection.open(writer, socket.info)
    events = Bucket(EVENTS_PER_S, EVENTS_AT_ONCE)
    others = Bucket(OTHERS_PER_S, OTHERS_AT_ONCE)
    syncs: Bucket | None = None  # few pages ever need one, or the next one
    resyncs: Bucket | None = None
    clock = asyncio.get_running_loop().time
    app.presence.came(connection)
    try:
        await socket.send(welcome.encode())
        del welcome
        app.dispatcher.drive(session)
        if app.is_stopping:  # since the join came
            connection.end(RESTART)
        writer.begin()
        while connection.is_current(epoch):
            text = await socket.receive()
            frame = decode(text)
            app.metrics.received(len(text))
            if connection.claim is not None:
                app.registry.heard(connection)
            pace = events if isinstance(frame, Happened) else others
            if delay_s := pace.take(clock()):
                await asyncio.sleep(delay_s)
            if isinstance(frame, Synced):
                syncs = syncs or Bucket(SYNCS_PER_S, SYNCS_AT_ONCE)
                if syncs.take(clock()):
                    raise FrameError("tells all that the page holds again and again", 4429)
            elif isinstance(frame, Resync):
                resyncs = resyncs or Bucket(RESYNCS_PER_S, RESYNCS_AT_ONCE)
                if resyncs.take(clock()):
                    raise FrameError("asks for the whole tree again and again", 4429)
                app.metrics.resync("asked")
            # A newer socket may have come while this one was read.
            if not connection.is_current(epoch):
                break
            connection.receive(frame)
            if app.dispatcher.drive(session):
                writer.gather()
        await writer.close(connection.ending(epoch))
    except asyncio.CancelledError:
        # The writer's wish, unless somebody else has the same one.
        if not writer.has_released or writer.reader.uncancel():
            raise
    finally:
        writer.end()
        if connection.close(epoch):
            app.presence.left(connection)


class Bucket:
    """Lets *at_once* pass at once, and then *per_s* in a second."""

    __slots__ = ("_at_once", "_per_s", "_tokens", "_when")

    def __init__(self, per_s: float, at_once: int) -> None:
        self._per_s = per_s
        self._at_once = self._tokens = float(at_once)
        self._when = 0.0

    def take(self, now_s: float) -> float:
        """Let one pass; return how many seconds it has to wait for that."""
        gained = (now_s - self._when) * self._per_s
        self._tokens = min(self._at_once, self._tokens + gained) - 1
        self._when = now_s
        return max(0.0, -self._tokens / self._per_s)


class _Writer:
    """Sends what a connection has for its socket when it is called, from any thread.

    There is a task only while there is something to send, since a socket has nothing to
    send for most of its life.
    """

    __slots__ = (
        "_app",
        "_connection",
        "_gathering",
        "_is_due",
        "_is_open",
        "_loop",
        "_patience",
        "_sending_since_s",
        "_socket",
        "_task",
        "_thread",
        "epoch",
        "has_released",
        "reader",
    )

    def __init__(self, socket: Socket, app: App, connection: Connection) -> None:
        self._socket = socket
        self._app = app
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        #: Who reads the socket, and no more when it is closed or cannot be written to.
        reader = asyncio.current_task()
        assert reader is not None
        self.reader = reader
        self.has_released = False
        #: The connection's, of this socket.
        self.epoch = 0
        #: Whether it was called since it looked last.
        self._is_due = False
        self._is_open = False
        self._task: asyncio.Task[None] | None = None
        self._gathering: asyncio.Handle | None = None
        #: Since when a frame waits to be taken, and what sees to it that it is.
        self._sending_since_s = math.inf
        self._patience: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Send from now on."""
        self._is_open = True
        self._start()

    def end(self) -> None:
        """Send no more."""
        self._is_open = False
        if self._task is not None:
            self._task.cancel()
        for timer in (self._gathering, self._patience):
            if timer is not None:
                timer.cancel()

    async def close(self, code: int) -> None:
        """End the socket, and say why, unless that was done."""
        if self._is_open:
            self._is_open = False
            self._app.metrics.refuse(code)
            await _close(self._socket, code)

    def __call__(self) -> None:
        if threading.get_ident() == self._thread:
            self._look()
        elif self._gathering is None and not self._loop.is_closed():
            # Else it looks anyway, later than this. Waking a loop costs more than an event.
            self._loop.call_soon_threadsafe(self._look)

    def gather(self) -> None:
        """Look in a while, and at once only when the session is at rest."""
        if self._gathering is None:
            self._gathering = self._loop.call_later(GATHER_S, self._start)

    def _look(self) -> None:
        if not self._connection.session.is_busy:
            self._start()
        elif self._gathering is None:
            # A handler on the loop that awaits nothing has ended by then, and needs no timer.
            self._gathering = self._loop.call_soon(self._look_later)

    def _look_later(self) -> None:
        self._gathering = None
        self.gather()

    def _start(self) -> None:
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None
        self._is_due = True
        if self._is_open and self._task is None:
            writing = self._write()
            last = self._app.dispatcher.run_last(writing)
            self._task = last or self._loop.create_task(writing)

    async def _write(self) -> None:
        connection, socket = self._connection, self._socket
        try:
            while self._is_due:
                self._is_due = False
                code = connection.ending(self.epoch)
                for frame in connection.take() if code in {0, CLOSED} else ():
                    self._app.metrics.sent(len(frame))
                    self._sending_since_s = self._loop.time()
                    if self._patience is None:
                        self._patience = self._loop.call_later(STALL_S, self._see_to_it)
                    await socket.send(frame)
                    self._sending_since_s = math.inf
                if code:
                    if self._is_open:  # else whoever reads says it
                        await self.close(code)
                        # Whatever waits to be read, however slowly: nobody would hear of it.
                        self._release()
                    return
        except Gone:
            self._is_open = False  # as whoever reads will find out
        except Exception as error:
            log.error("a writer failed: %r", error, exc_info=error)
            self._fail()
        finally:
            self._task = None
            self._sending_since_s = math.inf

    def _see_to_it(self) -> None:
        """Give up on a frame that is not taken; one timer sees to many, which are."""
        left_s = self._sending_since_s + STALL_S - self._loop.time()
        self._patience = None
        if left_s <= 0:
            told = "session %s: a browser took nothing for %.0f s"
            log.info(told, self._connection.session.id, STALL_S)
            self._fail()
        elif left_s < math.inf:
            self._patience = self._loop.call_later(left_s, self._see_to_it)

    def _fail(self) -> None:
        # Who cannot be written to is not read any more.
        if self._is_open:
            self._is_open = False
            self._release()

    def _release(self) -> None:
        self.has_released = True
        self.reader.cancel()
