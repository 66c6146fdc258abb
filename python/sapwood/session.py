"""A tab's session on the server: frames in, handlers to call, frames out; no I/O.

A `Session` belongs to one tab and outlives its sockets. It takes events strictly in
order, each once; what it owes the browser it cuts from the template's published
version only when the window is open and somebody is there to send it. It reads no
clock, draws no random number, starts no task: whoever drives it does.
"""

from __future__ import annotations

import logging
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from sapwood import _core
from sapwood.errors import FrameError, HandlerError
from sapwood.events import NOT_BUBBLING, Event, EventHandler, Handler, name_of
from sapwood.protocol import (
    Acknowledge,
    FieldValue,
    Frame,
    Happened,
    Id,
    Ping,
    Resync,
    encode,
)
from sapwood.template import Template

EVENTS_WAITING_MAX = 64
READY_MAX = 64
# How often a page may ask for the whole tree before it has acknowledged one.
FILLS_MAX = 4

log: logging.Logger = logging.getLogger("sapwood")


@dataclass(frozen=True, slots=True)
class Call:
    """One handler to call for an event."""

    handler: Handler
    event: EventHandler


class Session:
    """What the server holds for one tab: its template, its events, its connection."""

    def __init__(
        self,
        id: str,
        template: Template,
        route: str,
        version: _core.Tree,
        *,
        browser: str,
        debug: bool,
    ) -> None:
        #: A name for logs; it opens nothing.
        self.id = id
        #: Which browser the tab is of.
        self.browser = browser
        self.template = template
        #: The path the page was loaded from.
        self.route = route
        #: Events up to this one were handled.
        self.handled: int = 0
        #: The fields of events up to this one were taken over.
        self.taken: int = 0
        self.connection: Connection = Connection(self, version)
        self._received = 0
        self._fills = 0
        self._waiting: deque[Happened] = deque()
        self._called: list[Handler] = []
        self._debug = debug
        #: Whether an event is being handled, or will be without anybody's doing.
        self.is_busy: bool = False

    @property
    def has_events(self) -> bool:
        """Whether events wait to be handled."""
        return bool(self._waiting)

    # --- In --------------------------------------------------------------------

    def receive(self, frame: Frame) -> None:
        """Take a frame that is not a join; raise FrameError if it cannot be."""
        if self.connection.is_clogged:
            raise FrameError("says much and reads nothing", 4429)
        match frame:
            case Happened():
                self.connection.acknowledge(frame.acknowledged)
                self._take_event(frame)
            case Acknowledge(sequence):
                self.connection.acknowledge(sequence)
                self._fills = 0
            case Ping(mark):
                self.connection.put(encode([-2, mark]))
            case Resync(reason):
                log.warning("session %s: the page asks for the whole tree: %r", self.id, reason)
                self._fills += 1
                if self._fills > FILLS_MAX:
                    raise FrameError("asks for the whole tree again and again", 4429)
                self.connection.fill()
            case _:
                raise FrameError("a join comes first, and only then")

    def _take_event(self, frame: Happened) -> None:
        event = frame.event
        if event.number <= self._received:
            # Seen before: it came again because its acknowledgement was lost.
            self.connection.repeat_acknowledgement()
            return
        if event.number != self._received + 1:
            raise FrameError(f"event {event.number} after {self._received}")
        if len(self._waiting) >= EVENTS_WAITING_MAX:
            raise FrameError(f"more than {EVENTS_WAITING_MAX} events are waiting", 4429)
        self._received = event.number
        self._waiting.append(frame)

    def take_fields(self, fields: tuple[tuple[Id, FieldValue], ...]) -> None:
        """Take over what the user did to form fields."""
        for id, value in fields:
            self.connection.take_field(id, msgspec.json.encode(value).decode())

    # --- Handling --------------------------------------------------------------

    def next_event(self) -> Event | None:
        """Return the next event to handle, its fields taken over; None if none waits."""
        self.is_busy = bool(self._waiting)
        if not self._waiting:
            return None
        frame = self._waiting.popleft()
        # Not before its turn: a handler before it may have set the same fields.
        self.take_fields(frame.fields)
        self.taken = frame.event.number
        return frame.event

    def calls(self, event: Event) -> Iterator[Call]:
        """Go through the handlers of *event*, from its target upwards.

        What handlers of the same event change before is looked at again: each one
        must still be in the page, and enabled, when its turn comes.
        """
        self._called.clear()
        for call in self._calls(event):
            self._called.append(call.handler)
            yield call

    def _calls(self, event: Event) -> Iterator[Call]:
        attribute = f"_on{event.type}"
        path = self.template._tree.listeners(event.target, attribute)
        target = self.template._tree.find(event.target)
        if not path or target is None:
            # The element left in a patch that this browser had not seen yet, or nothing
            # on it is enabled: the page must know that its event came to nothing.
            log.info("session %s: nothing hears %r of %r", self.id, event.type, event.target)
            self.connection.put(encode([-3, event.number, "refused", ""]))
            return
        handed = EventHandler(event, target, self)
        for element, name in path:
            if event.type in NOT_BUBBLING and element is not target:
                return
            if element._is_destroyed:
                continue
            heard = self.template._tree.listeners(element.uuid, attribute)
            if not heard or heard[0][0] is not element:
                continue
            handed.current_target = element
            if name and (method := self._method(event, name)) is not None:
                yield Call(method, handed)
            for handler in element._heard(event.type):
                if handler in element._heard(event.type):
                    yield Call(handler, handed)
            if handed._stopped:
                return

    def _method(self, event: Event, name: str) -> Handler | None:
        try:
            return self.template._method(name)
        except HandlerError as error:
            self.fail(event, name, error)
            return None

    def fail(self, event: Event, handler: Handler | str, error: BaseException) -> None:
        """Log what a handler raised and, in development, tell the page."""
        frame = traceback.extract_tb(error.__traceback__)[-1] if error.__traceback__ else None
        where = f"{frame.filename}:{frame.lineno}" if frame else "unknown place"
        name = name_of(handler)
        log.error(
            "session %s, route %s: %s failed at %s: %r",
            self.id,
            self.route,
            name,
            where,
            error,
            exc_info=error,
        )
        text = ""
        if self._debug:
            told = "".join(traceback.format_exception(error))
            text = f"{name} on {self.route}\n\n{told}"
        self.connection.put(encode([-3, event.number, "error", text]))

    def finish(self, event: Event) -> None:
        """Count *event* as handled."""
        tree = self.template._tree
        if self._debug and self._called and not tree.same_version(self.template._published):
            log.warning(
                "session %s, route %s: %s, hearing %r, changed the page without update()",
                self.id,
                self.route,
                " or ".join(map(name_of, self._called)),
                event.type,
            )
        self._called.clear()
        self.handled = event.number
        self.is_busy = bool(self._waiting)
        self.connection.after_publish()

    def destroy(self) -> None:
        """Forget the template; nothing is sent any more."""
        with self.template._lock:
            self.template._followers.discard(self.connection)
        self._waiting.clear()


class Connection:
    """The way to one browser: what it was sent, and what is ready to be sent."""

    def __init__(self, session: Session, version: _core.Tree) -> None:
        self._session = session
        self._template = session.template
        self._sync = _core.Sync(version)
        self._ready: deque[str] = deque()
        self._told = 0
        self._must_fill = False
        #: Counts the sockets; frames of an older one mean nothing.
        self.epoch: int = 0
        self._wake: Callable[[], None] | None = None
        self._lock: threading.RLock = session.template._lock

    # --- As the template's follower ----------------------------------------------

    def before_publish(self) -> None:
        """Take what was published so far, so that each update is a state of its own."""
        self._cut()

    def after_publish(self) -> None:
        """Wake whoever sends."""
        if self._wake is not None:
            self._wake()

    # --- Out ---------------------------------------------------------------------

    def take(self) -> list[str]:
        """Return the frames to send now."""
        with self._lock:
            self._cut()
            if self._session.handled > self._told:
                self._told = self._session.handled
                self._ready.append(encode([-1, self._told]))
            frames = list(self._ready)
            self._ready.clear()
        return frames

    def _cut(self) -> None:
        # Without a socket nothing is cut: one difference will do when it is back.
        if self._wake is None or not (self._sync.is_open or self._must_fill):
            return
        now, session = self._template._published, self._session
        handled = session.handled
        if self._must_fill:
            self._must_fill = False
            frame: str | None = self._sync.cut_whole(now, handled, session.taken)
        else:
            frame = self._sync.cut(now, handled, session.taken)
        if frame is not None:
            self._told = handled
            self._ready.append(frame)

    @property
    def is_clogged(self) -> bool:
        """Whether many frames are ready that nobody takes."""
        return len(self._ready) >= READY_MAX

    def put(self, frame: str) -> None:
        """Add a control frame; without a socket only reports (-3) wait for the next one."""
        with self._lock:
            if (self._wake is None and not _is_report(frame)) or self.is_clogged:
                return
            self._ready.append(frame)
        self.after_publish()

    def _drop_patches(self) -> None:
        """Drop what does not apply any more; what became of an event is told all the same."""
        self._ready = deque(frame for frame in self._ready if _is_report(frame))

    def fill(self) -> None:
        """Send the whole tree next, instead of a difference."""
        with self._lock:
            # Patches that were not sent yet do not apply any more.
            self._drop_patches()
            self._told = 0
            self._must_fill = True
        self.after_publish()

    # --- In ----------------------------------------------------------------------

    def acknowledge(self, sequence: int) -> None:
        """Let go of versions that the browser has left behind."""
        with self._lock:
            was_open = self._sync.is_open
            if not self._sync.acknowledge(sequence):
                raise FrameError(f"patch {sequence} was never sent")
            opened = not was_open and self._sync.is_open
        if opened:
            self.after_publish()

    def repeat_acknowledgement(self) -> None:
        """Say again which events were handled."""
        self._told = -1
        self.after_publish()

    def take_field(self, id: Id, value: str) -> None:
        """Take over a field's new value (JSON), without sending it back."""
        with self._lock:
            self._sync.take_field(self._template._tree, self._template._published, id, value)

    # --- Coming and going --------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether a socket is there."""
        return self._wake is not None

    def open(self, wake: Callable[[], None]) -> int:
        """Begin with a new socket; `resume` has superseded an older one."""
        with self._lock:
            self._template._followers.add(self)
            self.epoch += 1
            self._wake = wake
            self._drop_patches()
            self._told = self._session.handled
            return self.epoch

    def is_current(self, epoch: int) -> bool:
        """Say whether the socket of this epoch is the one in use."""
        return epoch == self.epoch

    def close(self, epoch: int) -> bool:
        """End with a socket; say whether it was the one in use."""
        with self._lock:
            if epoch != self.epoch:
                return False
            self._wake = None
            self._drop_patches()
            return True

    def resume(self, sequence: int) -> None:
        """Go on after patch *sequence*, the last in the page; `open` must follow."""
        with self._lock:
            # For an older socket nothing more is cut: it would be of another count.
            superseded, self._wake = self._wake, None
            self.epoch += 1
            self._drop_patches()
            if not self._sync.resume(sequence):
                self._sync.restart(sequence)
                self._must_fill = True
        if superseded is not None:
            superseded()  # to see that it is


def _is_report(frame: str) -> bool:
    return frame.startswith("[-3,")
