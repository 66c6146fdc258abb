"""One live page on the server: its tree, its state, its events and who looks at it; no I/O.

A `Session` outlives its connections, and has as many as there are browsers that show
it. Events come in through a connection, wait here for their turn, and are handled by
whatever their way from the target to the root hears. Who lets them, in which order and
how many at once, is the dispatcher's business; what is refused and why is decided here.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sapwood import _core
from sapwood.connection import CLOSED, Connection, Info, Turn
from sapwood.errors import FrameError, HandlerError, WindowGone
from sapwood.events import NOT_BUBBLING, EventHandler, Handler, is_coroutine, name_of
from sapwood.protocol import Synced
from sapwood.record import ConnectionRecord
from sapwood.template import Template

if TYPE_CHECKING:
    from sapwood.app import App
    from sapwood.element import Element
    from sapwood.presence import Task

# A page that is larger already takes no foreign nodes any more.
NODES_WITH_FOREIGN_MAX = 200_000
# Nor does a session whose pages told of so much, over all the time that it lives.
FOREIGN_BYTES_MAX = 4 * 1024 * 1024
# So many pages may have told all that they hold, and wait for a handler to end.
PAGES_WAITING_MAX = 8

log: logging.Logger = logging.getLogger("sapwood")


@dataclass(frozen=True, slots=True)
class Page:
    """What the browser says its page holds that the server does not know."""

    connection: Connection
    synced: Synced


class Session:
    """What the server holds of one live page."""

    __slots__ = (
        "__weakref__",
        "_app",
        "_arrived",
        "_connections",
        "_debug",
        "_unfinished",
        "absent",
        "at_work",
        "closings",
        "declares_state",
        "foreign_bytes",
        "id",
        "is_kept",
        "is_new",
        "is_over",
        "joining",
        "lock",
        "pages_waiting",
        "route",
        "saved",
        "saving",
        "state",
        "template",
        "threads",
        "visits",
    )

    def __init__(
        self,
        id: str,
        template: Template,
        route: str,
        *,
        state: dict[str, Any] | None = None,
        debug: bool = False,
        app: App | None = None,
    ) -> None:
        #: A name for logs; it opens nothing.
        self.id: str = id
        self.template: Template = template
        #: The path the page was loaded from.
        self.route: str = route
        #: What outlives a restart: plain JSON data, up to 64 KiB. See `SessionStore`.
        self.state: dict[str, Any] = {} if state is None else state
        #: Whether it stays without a browser until it is destroyed.
        self.is_kept: bool = False
        #: Whether no browser has ever been connected.
        self.is_new: bool = True
        #: Whether its state is kept even while it is empty.
        self.declares_state: bool = False
        #: Whether it has ended: what waited for its turn is not handled any more.
        self.is_over: bool = False
        #: How often its browsers were sent away.
        self.closings: int = 0
        #: How many tabs are about to join it.
        self.joining: int = 0
        #: How much of foreign nodes its pages have told of.
        self.foreign_bytes: int = 0
        #: How many pages have told what they hold, and wait to be heard.
        self.pages_waiting: int = 0
        # The dispatcher's: who waits or is at work, whose turn it is, how many threads are
        # at work, which hooks wait; and the keeper's: what is in the store.
        self.at_work: Any = None
        self.lock: Any = None
        self.threads: Any = None
        self.visits: Any = None
        self.saved: bytes = b""
        self.saving: Any = None
        #: Tabs that were there before a restart and have not come back yet.
        self.absent: tuple[ConnectionRecord, ...] = ()
        self._app = app
        self._debug = debug
        self._connections: tuple[Connection, ...] = ()
        # A list, since an empty deque takes twelve times as much, and it is empty mostly.
        self._arrived: list[Turn | Page] = []
        #: Turns that wait or are being handled, in the order in which they came.
        self._unfinished: dict[Turn, None] = {}

    # --- Who looks at it ---------------------------------------------------------

    @property
    def app(self) -> App:
        """The app that it is a session of."""
        assert self._app is not None, "made without an app"
        return self._app

    @property
    def connections(self) -> tuple[Connection, ...]:
        """The browser tabs that show it or, for a while, may come back to it."""
        return self._connections

    @property
    def is_connected(self) -> bool:
        """Whether any browser is connected now."""
        return any(each.is_open for each in self._connections)

    @property
    def info(self) -> Info:
        """What is known of the browser that connected last."""
        newest = max(self._connections, key=lambda it: (it.is_open, it.opened), default=None)
        return newest.info if newest is not None else Info()

    @property
    def url(self) -> str:
        """The address under which another browser joins this session.

        Whoever has it sees and does what this session's user can. It ends with the
        session. The secret is in the part after `#`, which browsers send to nobody.
        """
        return f"{self.route}#sapwood={self.app.registry.share(self)}"

    def attach(self, version: _core.Tree, *, browser: str, handled: int = 0) -> Connection:
        """Let one more browser tab in, which shows *version*."""
        connection = Connection(self, version, browser=browser, handled=handled)
        self._connections = (*self._connections, connection)
        return connection

    def detach(self, connection: Connection) -> None:
        """Forget a browser tab."""
        self._connections = tuple(it for it in self._connections if it is not connection)
        connection.leave()

    def reconstruct(self) -> None:
        """Send the whole tree to all browsers, as if they had just come; from any thread."""
        for connection in self._connections:
            if connection.is_open:
                connection.fill()

    def close(self) -> None:
        """Send all browsers away, and for good; the session stays for others. From any thread.

        Their secrets are good no more. Others may come by its `url`; one that was not made
        by `create_session` ends when nobody does in time.
        """
        self.app.presence.close(self)

    def destroy(self) -> None:
        """End the session: its browsers are sent away, its state is forgotten.

        From any thread. What waits to be handled is not; a handler or hook that runs is
        cancelled if it does not end within 5 s, and what it does is kept no more. Then
        `on_disconnect` and `on_end` are called.
        """
        self.app.presence.destroy(self)

    def run_task(self, coroutine: Coroutine[Any, Any, Any]) -> Task:
        """Run *coroutine* beside the handlers until the session ends; what it raises is logged.

        Returns its task, whose `cancel()` ends it before. Call it where the event loop runs:
        in hooks and handlers that are coroutine functions. Raises AppError in a thread.
        """
        return self.app.presence.run_for(self, coroutine)

    def forget(self) -> None:
        """Let go of the template and of all that waits."""
        self.is_over = True
        self._arrived.clear()
        for connection in self._connections:
            connection.end(CLOSED)

    # --- Events ------------------------------------------------------------------

    def arrived(self, what: Turn | Synced, connection: Connection) -> None:
        """Take in what is to be handled."""
        if isinstance(what, Synced):
            if self.pages_waiting >= PAGES_WAITING_MAX:
                raise FrameError("tells all that the page holds again and again", 4429)
            self.pages_waiting += 1
            self._arrived.append(Page(connection, what))
            return
        self._foresee(what)
        if what.policy in ("drop", "latest"):
            same = [
                it for it in self._unfinished if it.handler == what.handler and not it.is_dropped
            ]
            if what.policy == "drop":
                what.is_dropped = bool(same)
            else:
                for turn in same:
                    turn.is_dropped = not turn.has_begun
        self._unfinished[what] = None
        self._arrived.append(what)

    def next_arrived(self) -> Turn | Page | None:
        """Return what came first and was not taken yet."""
        return self._arrived.pop(0) if self._arrived else None

    @property
    def is_busy(self) -> bool:
        """Whether an event waits or is being handled."""
        return bool(self._unfinished)

    @property
    def _is_published(self) -> bool:
        return self.template._tree.same_version(self.template._published)

    @property
    def waiting(self) -> int:
        """How many events wait or are being handled."""
        return len(self._unfinished)

    def _foresee(self, turn: Turn) -> None:
        """Note who will hear of *turn* first, and how that one wants to be called."""
        event = turn.event
        path = self.template._tree.listeners(event.target, f"_on{event.type}")
        if not path:
            return
        element, name = path[0]
        if name:
            method = getattr(self.template, name, None)
            turn.handler, turn.policy = name, getattr(method, "_policy", "queue")
        else:
            method = next(iter(element._heard(event.type)), None)
            turn.handler, turn.policy = method, element._policy(event.type, method)
        turn.is_for_thread = not is_coroutine(method)

    def take_page(self, page: Page) -> None:
        """Learn what the page holds that the server did not know.

        Foreign nodes become part of the page; what does not fit, or is not theirs to be,
        stays foreign. A template that many sessions share takes none: what one visitor's
        scripts did is not for the others.
        """
        self.pages_waiting -= 1
        page.connection.take_fields(page.synced.fields)
        tree = self.template._tree
        self.foreign_bytes += sum(map(len, page.synced.foreign))
        if (
            not page.synced.foreign
            or self.template.shared
            or len(tree) > NODES_WITH_FOREIGN_MAX
            or self.foreign_bytes > FOREIGN_BYTES_MAX
        ):
            return
        is_published = self._is_published
        taken = _core.apply_foreign(tree, list(page.synced.foreign))
        log.info("session %s: %d of %d foreign trees taken", self.id, sum(taken), len(taken))
        # Else it waits for the next update, as what a handler did before it has to.
        if is_published:
            self.template.update()

    # --- Handling ----------------------------------------------------------------

    def calls(self, turn: Turn) -> Iterator[tuple[Handler, EventHandler]]:
        """Go through the handlers of an event, from its target upwards, and what each is given.

        What handlers of the same event change before is looked at again: each one
        must still be in the page, and enabled, when its turn comes. None is called any
        more when the session has ended.
        """
        turn.is_excused = not self._is_published
        event, tree = turn.event, self.template._tree
        attribute = f"_on{event.type}"
        path, target = tree.listeners(event.target, attribute), tree.find(event.target)
        if not path or target is None:
            # The element left in a patch that this browser had not seen yet, or nothing
            # on it is enabled: the page must know that its event came to nothing.
            log.info("session %s: nothing hears %.64a of %.64a", self.id, event.type, event.target)
            turn.outcome = "refused"
            return
        handed = EventHandler(event, target, self, turn.connection)
        for element, name in path:
            if event.type in NOT_BUBBLING and element is not target:
                return
            if turn.called and not self._hears(element, attribute):
                continue
            handed.current_target = element
            if name and not self.is_over and (method := self._method(turn, name)) is not None:
                turn.called.append(method)
                yield method, handed
            for handler in element._heard(event.type):
                if not self.is_over and handler in element._heard(event.type):
                    turn.called.append(handler)
                    yield handler, handed
            if handed._stopped or self.is_over:
                return

    def _hears(self, element: Element, attribute: str) -> bool:
        """Say whether *element* still is in the page, enabled, and marked by *attribute*."""
        if element._is_destroyed:
            return False
        heard = self.template._tree.listeners(element.uuid, attribute) or []
        return any(first is element for first, _ in heard[:1])

    def _method(self, turn: Turn, name: str) -> Handler | None:
        try:
            return self.template._method(name)
        except HandlerError as error:
            self.fail(turn, name, error)
            return None

    def fail(self, turn: Turn, handler: Handler | str, error: BaseException) -> None:
        """Log what a handler raised, for the page to hear at the event's end."""
        frame = traceback.extract_tb(error.__traceback__)[-1] if error.__traceback__ else None
        where = f"{frame.filename}:{frame.lineno}" if frame else "unknown place"
        name = name_of(handler)
        turn.is_excused = True
        if isinstance(error, WindowGone):
            # Nobody's fault, and nobody is there to be told.
            log.info("session %s, event %d: %s: %s", self.id, turn.event.number, name, error)
            return
        log.error(
            "session %s, route %s, event %d: %s failed at %s: %r",
            self.id,
            self.route,
            turn.event.number,
            name,
            where,
            error,
            exc_info=error,
            extra={"failed": (self.id, turn.event.number)},
        )
        turn.outcome = turn.outcome or "error"
        if self._debug:
            trace = "".join(traceback.format_exception(error))
            told = f"{name} on {self.route}\n\n{trace}"
            turn.told += (told.encode(errors="replace").decode(),)  # not all text can be sent

    def finish(self, turn: Turn) -> None:
        """Count an event as handled, and tell its page what became of it."""
        if self._debug and turn.called and not (turn.is_excused or self._is_published):
            log.warning(
                "session %s, route %s: %s, hearing %r, changed the page without update()",
                self.id,
                self.route,
                " or ".join(map(name_of, turn.called)),
                turn.event.type,
            )
        self._unfinished.pop(turn, None)
        turn.connection.finish(turn.event.number, turn.outcome, "\n\n".join(turn.told))
