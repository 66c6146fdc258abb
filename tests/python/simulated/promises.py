"""What must hold of the simulated world: after every step, and when it has come to rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sapwood import Session
from sapwood.connection import EVENTS_WAITING_MAX
from simulated.board import Board, shape
from simulated.visitor import Visitor
from simulated.wire import Wire

if TYPE_CHECKING:
    from simulated.world import World

# docs/protocol.md, "Limits".
FRAMES_MAX = 8
FRAMES_BYTES_MAX = 256 * 1024


class Broken(AssertionError):
    """A promise was not kept."""


class Promises:
    """Looks whether a world keeps them."""

    def __init__(self, world: World) -> None:
        self.world = world
        #: What was broken so far.
        self.failures: list[str] = []

    def check(self) -> None:
        """Raise Broken unless all that must hold at any time does."""
        for session in self.world.sessions:
            session.template.note_value()
            self._check_session(session)
        for visitor in self.world.visitors:
            self._check_page(visitor)
            self._check_acknowledged(visitor)
        for wire in self.world.wires:
            self._check_window(wire)
        if self.failures:
            raise Broken("; ".join(self.failures))

    def _check_session(self, session: Session) -> None:
        done = session.state["done"]
        self.holds(len(set(done)) == len(done), f"in {session.template.lineage} twice: {done}")
        for connection in session.connections:
            waiting = connection.received - connection.handled
            self.holds(waiting <= EVENTS_WAITING_MAX, f"{waiting} events wait")
        for visitor in self.world.visitors:
            own = [it for it in done if self.world.clicks[it].visitor == visitor.name]
            self.holds(own == sorted(own), f"out of order for {visitor.name}: {own}")

    def _check_page(self, visitor: Visitor) -> None:
        lineage, version = visitor.shown("data-lineage"), int(visitor.shown("data-version"))
        self.holds(lineage in visitor.lineages, f"{visitor.name} sees {lineage} of somebody else")
        board = next((it for it in self.world.boards if version in it.history), None)
        if board is None:
            return self.holds(False, f"{visitor.name} sees version {version}, which never was")
        shown = shape(visitor.page.page.document)
        if shown != board.shown_by(version):
            self.holds(False, f"{visitor.name} does not see version {version} as it was")
        key = id(board)
        self.holds(version >= visitor.seen.get(key, 0), f"{visitor.name} goes back to {version}")
        visitor.seen[key] = version
        asked = visitor.told.shown
        self.holds(len(set(asked)) == len(asked), f"{visitor.name} was asked again: {asked}")
        calls = [uuid for uuid, _, _ in visitor.page.page.calls]
        self.holds(
            len(set(calls)) == len(calls), f"{visitor.name} focused something twice: {calls}"
        )
        if not visitor.page.is_anew:
            self._check_field(visitor, board)
        return None

    def _check_field(self, visitor: Visitor, board: Board) -> None:
        value, typed = visitor.field.value, visitor.page.typed
        if typed is None or value == typed:
            return
        known = typed in board.values and value in board.values[board.values.index(typed) :]
        self.holds(known, f"{visitor.name} typed {typed!r}, and it became {value!r}")

    def _check_acknowledged(self, visitor: Visitor) -> None:
        boards = {it.template.lineage: it.template for it in self.world.sessions}
        for number in visitor.told.acknowledged - visitor.told.failed.keys() - visitor.told.stale:
            click = self.world.clicks[number]
            # That an event failed is known as long as the process is there.
            is_known = click.process == self.world.processes
            self.holds(
                click.on not in {"bad", "half"} or not is_known,
                f"nobody was told that click {number} failed",
            )
            if click.on not in {"a row", "bad"}:
                self._check_done(number, boards)
        for number, why in visitor.told.failed.items():
            # Of what hears such a click one fails, and the other carries it out.
            if why == "error" and self.world.clicks[number].on == "half":
                self._check_done(number, boards)

    def _check_done(self, number: int, boards: dict[str, Board]) -> None:
        board = boards.get(self.world.clicks[number].lineage or "")
        if board is not None:
            done = number in board.state["done"]
            self.holds(done, f"click {number} counts as handled, and was not carried out")

    def _check_window(self, wire: Wire) -> None:
        sizes = list(wire.patches.values())
        self.holds(len(sizes) <= FRAMES_MAX, f"{len(sizes)} patches are on their way")
        # The last one was cut when there was room.
        self.holds(sum(sizes[:-1]) < FRAMES_BYTES_MAX, f"{sum(sizes)} bytes are on their way")

    def check_rest(self) -> None:
        """Raise Broken unless all that must hold at rest does."""
        for visitor in self.world.visitors:
            self.holds(not visitor.page.is_over, f"{visitor.name} was sent away for good")
            if visitor.page.is_over:
                continue
            connection = self.world.connection(visitor)
            assert connection is not None, "who is online is known"
            board = connection.session.template
            self.holds(
                int(visitor.shown("data-version")) == board.version,
                f"{visitor.name} still sees version {visitor.shown('data-version')} "
                f"of {board.version}",
            )
            self.holds(connection.received == connection.handled, "events wait at rest")
            questions = connection._questions
            self.holds(not (questions and questions._open), "a question is open at rest")
            if not visitor.page.edited:
                value, held = visitor.field.value, board["#field"].value
                self.holds(value == held, f"{visitor.name} sees {value!r} in a field of {held!r}")
            made = {uuid for uuid, _, _ in visitor.page.page.calls}
            for mark, asked in visitor.due.items():
                if asked == visitor.page.breaks:
                    self.holds(mark in made, f"{visitor.name} never focused {mark}")
        for number, click in self.world.clicks.items():
            visitor = next(it for it in self.world.visitors if it.name == click.visitor)
            told = visitor.told
            known = number in told.acknowledged | told.failed.keys() | told.left
            self.holds(known, f"nobody told {click.visitor} what became of click {number}")
        self.check()

    def holds(self, condition: bool, otherwise: str) -> None:
        """Raise Broken, and say so in the run, unless *condition* holds."""
        if not condition:
            self.world.say(f"BROKEN: {otherwise}")
            self.failures.append(otherwise)
