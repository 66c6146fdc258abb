"""One browser tab's way into a session: frames in, frames out; no I/O.

A `Connection` outlives its sockets. It takes events strictly in order, each once, and
says that an event was handled only when all before it were too; what it owes the browser
it cuts from the template's published version only when the window is open and somebody
is there to send it. It reads no clock, draws no random number, starts no task: whoever
drives it does.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from sapwood import _core
from sapwood.errors import FrameError, WindowGone
from sapwood.events import Event, Handler, Policy
from sapwood.protocol import (
    Acknowledge,
    Answered,
    FieldValue,
    Frame,
    Happened,
    Id,
    Ping,
    Resync,
    Synced,
    encode,
)
from sapwood.questions import Question, Questions

if TYPE_CHECKING:
    from sapwood.session import Session
    from sapwood.window import Window

EVENTS_WAITING_MAX = 64
READY_MAX = 64
# What became of so many events is told again after a connection was lost.
REPORTS_MAX = 64

# The application closed the session: a page that hears this does not come back.
CLOSED = 4411
SUPERSEDED = 4409
RESTART = 1012

log: logging.Logger = logging.getLogger("sapwood")


@dataclass(frozen=True, slots=True)
class Info:
    """What is known of whoever is connected."""

    #: How frames travel: `"websocket"`, or `"stream"` where WebSockets are blocked.
    protocol: str = ""
    #: The browser's address, as the server sees it; empty if it does not say.
    address: str = ""
    user_agent: str = ""


@dataclass(slots=True, eq=False)
class Turn:
    """One event of a connection, to be handled when it is its turn."""

    connection: Connection
    event: Event
    fields: tuple[tuple[Id, FieldValue], ...] = ()
    #: Who hears it first, and what that one says of handlers that run already.
    handler: Handler | str | None = None
    policy: Policy = "queue"
    #: Whether that one runs in a thread.
    is_for_thread: bool = False
    has_begun: bool = False
    #: Whether it is not to be handled, as its handler's policy has it.
    is_dropped: bool = False
    #: The handlers that were called for it.
    called: list[Handler] = field(default_factory=list)
    #: Whether a change that is not published at its end is of others, or of one that failed.
    is_excused: bool = False
    #: What the page is to hear of it at its end, if it was "refused" or had an "error".
    outcome: str = ""
    #: What went wrong, for a person.
    told: tuple[str, ...] = ()


class Claim(NamedTuple):
    """How a page came into its session, as long as its welcome may have got lost."""

    #: The hash of its token.
    key: bytes
    #: How it was welcomed.
    mode: str
    #: The number of its last join.
    number: int


class _Report(NamedTuple):
    """What became of an event, besides that it was handled."""

    number: int
    code: str
    #: The page has heard it if it has this patch, which went after it.
    before: int
    frame: str


class Connection:
    """The way to one browser: what it did, what it was sent, and what is ready to be sent."""

    __slots__ = (
        "_ending",
        "_finished",
        "_is_away",
        "_lock",
        "_may_skip",
        "_must_fill",
        "_newest_fields",
        "_outcomes",
        "_questions",
        "_ready",
        "_received",
        "_reports",
        "_session",
        "_sync",
        "_taken",
        "_template",
        "_told",
        "_untaken",
        "_wake",
        "browser",
        "claim",
        "epoch",
        "former",
        "handled",
        "info",
        "is_present",
        "joined",
        "opened",
        "taken",
    )

    def __init__(
        self, session: Session, version: _core.Tree, *, browser: str, handled: int = 0
    ) -> None:
        self._session = session
        self._template = session.template
        self._sync = _core.Sync(version)
        #: Which browser the tab is of.
        self.browser: str = browser
        #: Whether its first event may have any number that is higher than the last.
        self._may_skip: bool = False
        #: The number of the last join with the secret that is in use.
        self.joined: int = 0
        #: The token that its page was claimed by, until the page has shown that it was welcomed.
        self.claim: Claim | None = None
        #: Hashes of the secrets that it had before a restart, until it uses a new one.
        self.former: Sequence[str] = ()
        self.info: Info = _NOBODY
        #: Whether the app was told that it is connected, and not yet that it left.
        self.is_present: bool = False
        #: Events up to this one were handled.
        self.handled: int = handled
        #: The fields of events up to this one were taken over.
        self.taken: int = handled
        self._received = handled
        #: Events that were handled, or their fields taken, before others that came earlier.
        self._finished: set[int] | None = None
        #: What is to be told of such events when all before them are handled too.
        self._outcomes: dict[int, tuple[str, str]] | None = None
        self._untaken: set[int] | None = None
        self._newest_fields: dict[Id, int] | None = None
        self._ready: list[str] = []
        #: What the page may not have heard, oldest first.
        self._reports: tuple[_Report, ...] = ()
        self._told = handled
        self._must_fill = False
        #: Counts the sockets; frames of an older one mean nothing.
        self.epoch: int = 0
        #: Counts on whenever any connection of any session opens.
        self.opened: int = 0
        self._wake: Callable[[], None] | None = None
        self._ending = 0
        self._questions: Questions | None = None
        #: Whether there has been no socket for so long that nobody waits for an answer.
        self._is_away = True
        self._lock: threading.RLock = session.template._publishing_lock

    @property
    def session(self) -> Session:
        """The session it belongs to."""
        return self._session

    @property
    def window(self) -> Window:
        """The tab's window in the browser."""
        return self._session.app._window(self)

    # --- In --------------------------------------------------------------------

    def receive(self, frame: Frame) -> None:
        """Take a frame that is not a join; raise FrameError if it cannot be."""
        if self.is_clogged:
            raise FrameError("says much and reads nothing", 4429)
        match frame:
            case Happened():
                self.acknowledge(frame.acknowledged)
                self._take_event(frame)
            case Acknowledge(sequence):
                self.acknowledge(sequence)
            case Ping(mark):
                self.put(encode([-2, mark]))
            case Synced():
                self._session.arrived(frame, self)
            case Answered(number, value, error):
                self._take_answer(number, value, error)
            case Resync(reason):
                told = "session %s: the page asks for the whole tree: %.100a"
                log.warning(told, self._session.id, reason)
                self.fill()
            case _:
                raise FrameError("a join comes first, and only then")

    def _take_event(self, frame: Happened) -> None:
        event = frame.event
        if event.number <= self._received:
            # Seen before: it came again because its acknowledgement was lost.
            self.repeat_acknowledgement()
            return
        if self._may_skip:
            # What came between was acknowledged before the restart, and could not be kept.
            self._may_skip = False
            self._received = self.handled = self.taken = event.number - 1
        if event.number != self._received + 1:
            raise FrameError(f"event {event.number} after {self._received}")
        if self._received - self.handled >= EVENTS_WAITING_MAX:
            raise FrameError(f"more than {EVENTS_WAITING_MAX} events are waiting", 4429)
        self._received = event.number
        self._session.arrived(Turn(self, event, frame.fields), self)

    @property
    def received(self) -> int:
        """The number of the last event that came."""
        return self._received

    def begin(self, turn: Turn) -> None:
        """Take over what the user did to form fields before an event, now that it is its turn.

        Not before: a handler before it may have set the same fields. If it overtakes
        others, their older values will not undo its own.
        """
        turn.has_begun = True
        number = turn.event.number
        newest = self._newest_fields
        overtakes = number != self.taken + 1
        if overtakes and newest is None:
            newest = self._newest_fields = {}
        for id, value in turn.fields:
            if newest is not None:
                if newest.get(id, 0) > number:
                    continue
                newest[id] = number
            self.take_field(id, msgspec.json.encode(value).decode())
        self.taken, self._untaken = _count(self.taken, self._untaken, number)
        if self._untaken is None:
            self._newest_fields = None

    def finish(self, number: int, outcome: str = "", text: str = "") -> None:
        """Count event *number* as handled, and tell the page if it came to nothing or failed.

        The page waits no more for an event that it is told of, so it hears of one when all
        before it are handled, and before it hears that they are.
        """
        handled, self._finished = _count(self.handled, self._finished, number)
        if outcome:
            self._outcomes = {**(self._outcomes or {}), number: (outcome, text)}
        if self._outcomes:
            self._tell_outcomes(handled)
        self.handled = handled
        self.after_publish()

    def _tell_outcomes(self, handled: int) -> None:
        """Tell what became of events up to this one."""
        outcomes = sorted((self._outcomes or {}).items())
        for number, (outcome, text) in outcomes:
            if number <= handled:
                self.report(number, outcome, text)
        self._outcomes = {it: told for it, told in outcomes if it > handled} or None

    def counted(self, turn: Turn | None) -> tuple[int, list[tuple[int, str]]]:
        """Return up to where events are handled, or will be when *turn*, if any, is.

        And what came to nothing or failed of these, as far as the page may not have heard.
        """
        handled = self.handled
        outcomes = {number: outcome for number, (outcome, _) in (self._outcomes or {}).items()}
        if turn is not None:
            handled, _ = _count(handled, self._finished, turn.event.number)
            if turn.outcome:
                outcomes[turn.event.number] = turn.outcome
        told = [it for it in sorted(outcomes.items()) if it[0] <= handled]
        return handled, [*self.reports, *told]

    def restore(self, reports: Sequence[tuple[int, str]]) -> None:
        """Go on with what `counted` said before a restart."""
        self._may_skip = True
        for number, outcome in reports:
            self.report(number, outcome, "")

    def take_field(self, id: Id, value: str) -> None:
        """Take over a field's new value (JSON), without sending it back."""
        with self._lock:
            self._sync.take_field(self._template._tree, self._template._published, id, value)
        for other in self._session.connections:
            if other is not self:
                other.after_publish()

    def take_fields(self, fields: tuple[tuple[Id, FieldValue], ...]) -> None:
        """Take over fields that came with no event."""
        for id, value in fields:
            self.take_field(id, msgspec.json.encode(value).decode())

    # --- As the template's follower ----------------------------------------------

    def before_publish(self) -> None:
        """Take what was published so far, so that each update is a state of its own."""
        self._cut()

    def after_publish(self) -> None:
        """Wake whoever sends."""
        wake = self._wake
        if wake is not None:
            wake()

    # --- Out ---------------------------------------------------------------------

    def take(self) -> list[str]:
        """Return the frames to send now."""
        with self._lock:
            self._cut()
            if self.handled > self._told:
                self._told = self.handled
                self._ready.append(encode([-1, self._told]))
            if self._questions is not None:
                self._ready += self._questions.frames()
            frames, self._ready = self._ready, []
        return frames

    def _cut(self) -> None:
        # Without a socket nothing is cut: one difference will do when it is back.
        if self._wake is None or not (self._sync.is_open or self._must_fill):
            return
        now, handled, taken = self._template._published, self.handled, self.taken
        if self._must_fill:
            self._must_fill = False
            frame: str | None = self._sync.cut_whole(now, handled, taken)
        else:
            frame = self._sync.cut(now, handled, taken)
        if frame is not None:
            self._told = handled
            self._ready.append(frame)

    @property
    def is_clogged(self) -> bool:
        """Whether many frames are ready that nobody takes."""
        return len(self._ready) >= READY_MAX + len(self._reports)

    def put(self, frame: str) -> None:
        """Add a control frame, if there is a socket to send it."""
        with self._lock:
            if self._wake is None or self.is_clogged:
                return
            self._ready.append(frame)
        self.after_publish()

    def report(self, number: int, code: str, text: str) -> None:
        """Tell the page what became of event *number*, besides that it was handled.

        It is told again after a lost connection, until the page has a patch that went
        after it.
        """
        frame = encode([-3, number, code, text])
        with self._lock:
            report = _Report(number, code, self._sync.sequence + 1, frame)
            self._reports = (*self._reports, report)[-REPORTS_MAX:]
            self.put(frame)

    @property
    def reports(self) -> list[tuple[int, str]]:
        """What became of events, by their numbers, of which the page may not have heard."""
        return [(it.number, it.code) for it in self._reports]

    @property
    def told(self) -> int:
        """The events up to this one were handled, and the page heard what there is to hear."""
        return min([self.handled, *(it.number - 1 for it in self._reports)])

    def _heard(self, sequence: int) -> None:
        """Note that the page has patch *sequence*, and so all that went before it."""
        if self._reports:
            self._reports = tuple(it for it in self._reports if it.before > sequence)

    def fill(self) -> None:
        """Send the whole tree next, instead of a difference."""
        with self._lock:
            # Patches that were not sent yet do not apply any more.
            self._ready = [frame for frame in self._ready if _is_report(frame)]
            self._told = 0
            self._must_fill = True
        self.after_publish()

    # --- Questions ---------------------------------------------------------------

    def ask(self, name: str, *arguments: Any) -> Question[Any]:
        """Ask the page something, one of `questions.KINDS`; from any thread.

        If the tab is away nobody waits: what is no order fails at once.
        Raises WindowError if too much is asked already, ValueError for too long a question.
        """
        with self._lock:
            if self._questions is None:
                self._questions = Questions()
            question = self._questions.ask(name, arguments)
            if self._is_away:
                gone = WindowGone(f"{name}: the tab is not connected")
                self._questions.withdraw(question, gone)
        self.after_publish()
        return question

    def withdraw(self, question: Question[Any], error: Exception) -> None:
        """Let nobody wait for an answer any more; from any thread."""
        with self._lock:
            if self._questions is not None:
                self._questions.withdraw(question, error)
        self.after_publish()

    def _take_answer(self, number: int, value: Any, error: str | None) -> None:
        with self._lock:
            if self._questions is None:
                raise FrameError(f"answer {number}, and no question")
            self._questions.answer(number, value, error)

    def lapse(self, epoch: int) -> None:
        """Wait for no answer any more, if no socket has come since that of this epoch."""
        with self._lock:
            if epoch != self.epoch or self._wake is not None:
                return
            self._is_away = True
            if self._questions is not None:
                self._questions.withdraw_all("the connection was lost")

    def _part(self, reason: str) -> None:
        """Count the page as gone, and so all that it was asked."""
        if self._questions is not None:
            self._questions.drop_all(reason)

    # --- Acknowledgements --------------------------------------------------------

    def acknowledge(self, sequence: int) -> None:
        """Let go of versions that the browser has left behind."""
        with self._lock:
            was_open = self._sync.is_open
            if not self._sync.acknowledge(sequence):
                raise FrameError(f"patch {sequence} was never sent")
            self._heard(sequence)
            opened = not was_open and self._sync.is_open
        if opened:
            self.after_publish()

    def repeat_acknowledgement(self) -> None:
        """Say again which events were handled."""
        self._told = -1
        self.after_publish()

    # --- Coming and going --------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether a socket is there."""
        return self._wake is not None

    def open(self, wake: Callable[[], None], info: Info | None = None) -> int:
        """Begin with a new socket; `resume` has superseded an older one."""
        with self._lock:
            self._template._followers.add(self)
            self.epoch += 1
            self.opened = next(_openings)
            self._wake = wake
            self.info = info or _NOBODY
            self._ending = 0
            after = self._sync.sequence + 1
            self._reports = tuple(it._replace(before=after) for it in self._reports)
            self._ready = [it.frame for it in self._reports]
            self._told = self.told
            self._is_away = False
            if self._questions is not None:
                self._questions.send_again()
            return self.epoch

    def is_current(self, epoch: int) -> bool:
        """Say whether the socket of this epoch is the one in use."""
        return epoch == self.epoch

    def ending(self, epoch: int) -> int:
        """Return the code that the socket of this epoch is to be closed with, or 0."""
        return SUPERSEDED if epoch != self.epoch else self._ending

    def close(self, epoch: int) -> bool:
        """End with a socket; say whether it was the one in use."""
        with self._lock:
            if epoch != self.epoch:
                return False
            self._wake = None
            self._ready = []
            return True

    def end(self, code: int = CLOSED) -> None:
        """Have the socket closed, if there is one; may be called from any thread.

        Of several codes the first one counts: a server that stops ends its sessions too.
        """
        self._ending = self._ending or code
        if code == CLOSED:
            with self._lock:
                self._is_away = True
                self._part("the session ended")
        self.after_publish()

    def resume(self, sequence: int | None) -> bool:
        """Go on after patch *sequence*, the last in the page; `open` must follow.

        None stands for a page that was loaded anew and has no patch of ours. Says whether
        a difference will do, and no whole tree is needed.
        """
        with self._lock:
            # For an older socket nothing more is cut: it would be of another count.
            superseded, self._wake = self._wake, None
            self.epoch += 1
            self._ready = []
            if sequence is None:
                self._part("the page was loaded again")
            else:
                self._heard(sequence)
            is_known = sequence is not None and self._sync.resume(sequence)
            if not is_known:
                self._sync.restart(sequence or 0)
                self._must_fill = True
        if superseded is not None:
            superseded()  # to see that it is
        return is_known

    def leave(self) -> None:
        """Follow the template no more."""
        with self._lock:
            self._template._followers.discard(self)
            self._is_away = True
            self._part("the tab is gone")


_NOBODY = Info()

_openings = itertools.count(1)


def _count(reached: int, beyond: set[int] | None, number: int) -> tuple[int, set[int] | None]:
    """Count *number* in: return up to where all are there, and which are beyond that."""
    if number != reached + 1:
        return reached, {*(beyond or ()), number} if number > reached else beyond
    if beyond is None:
        return number, None
    reached = number
    while reached + 1 in beyond:
        reached += 1
    return reached, {each for each in beyond if each > reached} or None


def _is_report(frame: str) -> bool:
    return frame.startswith("[-3,")
