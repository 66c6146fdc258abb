"""A whole Sapwood in one thread: the real server, a network that fails, and browsers.

Everything above the network is the real thing (`App`, `converse`, the dispatcher, the
keeper); sockets are two queues, time is a number, and chance is handed in. `check` says
what must hold after every step, `rest` what must hold when everything has come to rest.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import dom
from sapwood import MemoryStore, Session
from sapwood.conversation import converse
from sapwood.handoff import digest
from simulated.board import Board
from simulated.clockwork import ClockworkLoop
from simulated.promises import Broken, Promises
from simulated.server import HOST, Process
from simulated.visitor import Visitor
from simulated.wire import Wire, number_of, short


class World:
    """Servers, browsers and the network between them, one after the other."""

    def __init__(self, seed: int = 0, say: Callable[[str], None] = lambda text: None) -> None:
        self.say = say
        self.loop = ClockworkLoop()
        self.store = MemoryStore(clock=self.loop.time)
        self.processes = 0
        #: What killed processes had open, which is never closed: as garbage it would be.
        self.killed: list[object] = []
        self._random = random.Random(seed)
        self._counts: dict[str, int] = {}
        self._gates: deque[asyncio.Future[None]] = deque()
        self.boards: list[Board] = []
        self.clicks: dict[int, Click] = {}
        #: What users have said to questions.
        self.answers: dict[str, str] = {}
        self.wires: list[Wire] = []
        self.promises = Promises(self)
        self._listener = _Listener(self.promises.failures)
        for name in ("sapwood", "asyncio"):
            logging.getLogger(name).addHandler(self._listener)
        self.process = Process(self)
        self.visitors: list[Visitor] = []

    def close(self) -> None:
        """End it all."""
        self.process.kill()
        for name in ("sapwood", "asyncio"):
            logging.getLogger(name).removeHandler(self._listener)
        self.loop.close()

    # --- Names and chance --------------------------------------------------------------

    def count(self, what: str) -> int:
        """Return the next number of its kind."""
        self._counts[what] = self._counts.get(what, 0) + 1
        return self._counts[what]

    def name(self, what: str) -> str:
        """Return a name that nothing else has."""
        return f"{what}{self.count(what)}"

    def token(self) -> str:
        """Return a secret."""
        return f"{self._random.getrandbits(256):064x}"

    # --- What the server's parts ask ---------------------------------------------------

    async def gate(self) -> None:
        """Wait until somebody opens."""
        gate = self.loop.create_future()
        self._gates.append(gate)
        await gate

    def ran(self, board: Board, number: int) -> None:
        """Hear that a click is being carried out."""
        click = self.clicks[number]
        self.say(f"    {board.lineage}: click {number} on {click.on} is carried out")
        visitor = next(it for it in self.visitors if it.name == click.visitor)
        self.promises.holds(
            number not in visitor.told.failed, f"click {number} ran, which was given up"
        )
        self.promises.holds(
            click.lineage in {None, board.lineage},
            f"click {number} was made for {click.lineage} and ran in {board.lineage}",
        )

    def called(self, board: Board, mark: str) -> None:
        """Hear that a board has something focused; note who must do so."""
        for visitor in self.visitors:
            connection = self.connection(visitor) if hasattr(visitor, "page") else None
            is_there = connection is not None and connection.session.template is board
            page = visitor.page if is_there else None
            if page and page.is_online and not (page.is_anew or page.waits_for_whole):
                visitor.due[mark] = visitor.page.breaks

    def asks(self, connection: Any, number: int) -> Question:
        """Hear that the handler of a click is about to ask the tab in which it happened."""
        visitor = next(it for it in self.visitors if it.name == self.clicks[number].visitor)
        is_there = visitor.page.is_online and self.connection(visitor) is connection
        wire = visitor.wire if is_there else None
        return Question(self.name("question"), visitor, wire)

    def is_answered(self, question: Question, answer: str | None) -> None:
        """Hear what a handler takes for the answer to its question."""
        said = self.answers.get(question.text)
        self.promises.holds(
            answer is not None and answer == said, f"{said!r} was said, and {answer!r} was heard"
        )

    def nobody_answers(self, question: Question) -> None:
        """Hear that a handler was told that nobody is there to answer."""
        wire, now = question.wire, question.visitor.wire
        is_there = wire is not None and wire is now and not (wire.is_cut or wire.is_unfair)
        self.promises.holds(not is_there, f"{question.visitor.name} was there to be asked")

    def connection(self, visitor: Visitor) -> Any:
        """Return the server's half of a tab, if it knows it."""
        registry = self.process.app.registry
        resume = visitor.page.resume
        for session in registry:
            for connection in session.connections:
                if resume and digest(resume) in registry.secrets_of(connection):
                    return connection
        return None

    # --- The network -------------------------------------------------------------------

    def finish(self, coroutine: Coroutine[Any, Any, Any], within_s: float = 0.0) -> Any:
        """Run a coroutine to its end."""
        task = self.loop.create_task(coroutine)
        for _ in range(100):
            if task.done():
                return task.result()
            self.loop.run_for(within_s / 100)
        raise Broken(f"{coroutine} did not end within {within_s} s")

    def open(self, visitor: Visitor) -> Wire:
        """Open a socket to the server."""
        wire = Wire(visitor)
        self.wires.append(wire)
        self.process.wires.append(wire)
        self.process.start(converse(wire, self.process.app, visitor.browser))
        return wire

    def get(self, visitor: Visitor, resume: str = "") -> str:
        """Load the page, as a browser does."""
        cookie = f"sapwood={self.process.app.doors.browsers.sign(visitor.browser)}"
        headers = [(b"host", HOST.encode()), (b"cookie", cookie.encode())]
        if resume:
            headers.append((b"sapwood-resume", resume.encode()))
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
            "scheme": "http", "path": "/", "raw_path": b"/", "query_string": b"", "root_path": "",
            "headers": headers, "client": ("10.0.0.1", 1), "server": (HOST, 80),
        }  # fmt: skip
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        self.finish(self.process.app(scope, receive, send), within_s=1.0)
        assert sent[0]["status"] == 200, sent
        return b"".join(it.get("body", b"") for it in sent[1:]).decode()

    # --- Steps -------------------------------------------------------------------------

    def visit(self, browser: str = "") -> Visitor:
        """Let one more user come."""
        name = self.name("visitor")
        self.say(f"{name} loads the page")
        visitor = Visitor(self, name, browser or name)
        self.visitors.append(visitor)
        visitor.load()
        return visitor

    def reload(self, visitor: Visitor) -> None:
        """Press F5."""
        self.say(f"{visitor.name} presses F5")
        visitor.load(again=True)

    def share(self, visitor: Visitor, other: Visitor) -> None:
        """Let a user open the session of another one."""
        connection = self.connection(other)
        if connection is None or visitor is other:
            return
        self.say(f"{visitor.name} opens the session of {other.name}")
        lineage = connection.session.template.lineage
        visitor.load(share=connection.session.url.partition("#sapwood=")[2])
        visitor.lineages.add(lineage)

    def connect(self, visitor: Visitor) -> None:
        """Open a socket, beside any that is open still."""
        if visitor.page.is_over:
            return
        self.say(f"{visitor.name} connects")
        visitor.connect()

    def click(self, visitor: Visitor, on: str) -> None:
        """Let a user click on the element with this id."""
        self._click(visitor, on, visitor.element(on))

    def click_row(self, visitor: Visitor, at: int) -> None:
        """Let a user click on one of the rows."""
        rows = visitor.rows
        if rows:
            row = rows[at % len(rows)]
            self._click(visitor, "a row", row)

    def _click(self, visitor: Visitor, on: str, node: dom.Node) -> None:
        lineage = None if visitor.page.is_anew else visitor.shown("data-lineage")
        number = self.count("click")
        self.clicks[number] = Click(number, visitor.name, on, lineage, self.processes)
        assert node.uuid
        event = visitor.page.click(node.uuid, number)
        if event is None:
            del self.clicks[number]
            return
        self.clicks[number].texts = tuple(event.fields.values())
        self.say(f"{visitor.name} clicks on {on} (click {number})")
        if visitor.wire is not None:
            visitor.send()

    def answer(self, visitor: Visitor) -> None:
        """Let a user answer what was asked first."""
        asked = visitor.page.asked.open
        if not asked:
            return
        number, question = next(iter(asked.items()))
        answer = self.answers[question] = self.name("answer")
        self.say(f"{visitor.name} says {answer!r} to {question!r}")
        visitor.page.answer(number, answer)
        if visitor.wire is not None:
            visitor.send()

    def type(self, visitor: Visitor) -> None:
        """Let a user type something that nobody typed before."""
        text = self.name(f"{visitor.name} typed ")
        self.say(f"{text!r}")
        assert visitor.field.uuid
        visitor.page.edit(visitor.field.uuid, text)

    def change(self, what: str) -> None:
        """Let something else than an event change all boards."""
        self.say(f"the server: {what}")
        for session in self.sessions:
            board = session.template
            if what == "count":
                board["#shown"].attrs["title"] = self.name("title")
            elif what == "write":
                board.note_value()
                board["#field"].value = self.name("server")
            elif what == "point":
                board.mark()
            board.publish()
        self.loop.run_for(0)

    def open_gate(self) -> None:
        """Let the handler go on that waits longest."""
        while self._gates:
            gate = self._gates.popleft()
            if not gate.done():
                self.say("a slow handler goes on")
                gate.set_result(None)
                break
        self.loop.run_for(0)

    def deliver_up(self, wire: Wire, times: int = 1) -> None:
        """Let the server have frames."""
        for _ in range(times):
            if not wire.up:
                break
            self.say(f"  {wire.visitor.name} -> server {short(wire.up[0])}")
            wire.deliver_up()
            self.loop.run_for(0)

    def deliver_down(self, wire: Wire, times: int = 1) -> None:
        """Let a browser have frames."""
        for _ in range(times):
            if not wire.down:
                break
            what = wire.take_down()
            is_heard = "" if wire.visitor.hears(wire) else " (not heard)"
            self.say(f"  server -> {wire.visitor.name} {short(what)}{is_heard}")
            wire.visitor.receive(wire, what)
            self.loop.run_for(0)
            self.check()

    def fail(self, wire: Wire, how: str, *, is_up: bool, at: int) -> None:
        """Let the network do something to a frame that is on its way."""
        queue: deque[Any] = wire.up if is_up else wire.down
        # A welcome, a join and an end are the socket's own: they come, or it does not. And a
        # report that is missing from a socket that lives is missed by nobody.
        fixed = {0} if is_up else {0, -3}
        places = [
            n for n, it in enumerate(queue) if isinstance(it, str) and number_of(it) not in fixed
        ]
        if not places:
            return
        place = places[at % len(places)]
        self.say(f"  the network: {how} {short(queue[place])}")
        wire.is_unfair = True
        if how == "loses":
            del queue[place]
        elif how == "doubles":
            queue.insert(place, queue[place])
        elif place + 1 in places:
            queue[place], queue[place + 1] = queue[place + 1], queue[place]

    def cut(self, wire: Wire) -> None:
        """Break a socket."""
        self.say(f"  the network: cuts {wire.visitor.name} off")
        wire.cut()
        if wire.visitor.wire is wire:
            wire.visitor.wire = None
            wire.visitor.page.lost(1006)
        self.loop.run_for(0)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.say(f"{seconds} s pass")
        self.loop.run_for(seconds)

    def restart(self, *, with_state: bool = True, is_kill: bool = False) -> None:
        """End the server, and start it anew."""
        self.say(
            f"the server is {'killed' if is_kill else 'stopped'} and starts anew"
            f" {'with' if with_state else 'without'} its store"
        )
        for wire in self.wires:
            wire.up.clear()
        if is_kill:
            self.process.kill()
        else:
            self.process.stop()
        self._gates.clear()
        if not with_state:
            self.store = MemoryStore(clock=self.loop.time)
        self.process = Process(self)

    @property
    def sessions(self) -> list[Session]:
        """The sessions that live now."""
        return list(self.process.app.registry)

    # --- At rest -----------------------------------------------------------------------

    def rest(self) -> None:
        """Let a fair network bring everything to its end, and raise Broken if that is wrong."""
        self.say("the network is fair from now on")
        for visitor in self.visitors:
            if visitor.wire is None or visitor.wire.is_unfair:
                self.connect(visitor)
        self._settle()
        self.change("count")
        for visitor in self.visitors:
            self.click(visitor, "add")
        self._settle()
        self.promises.check_rest()
        self.say("at rest: everything is as it must be")

    def check(self) -> None:
        """Raise Broken unless all that must hold at any time does."""
        self.wires = [it for it in self.wires if not it.is_cut or it.down]
        self.promises.check()

    def _settle(self) -> None:
        for _ in range(200):
            self.check()
            for visitor in self.visitors:
                if visitor.wire is None:
                    self.connect(visitor)
                self.answer(visitor)
            self.open_gate()
            for wire in list(self.wires):
                self.deliver_up(wire, len(wire.up))
                self.deliver_down(wire, len(wire.down))
                if wire.visitor.wire is not wire:
                    wire.end()  # the server hears at last that nobody is there
            self.loop.run_for(0.05)
            if self._is_at_rest:
                return
        self.promises.holds(False, "it does not come to rest")
        self.check()

    @property
    def _is_at_rest(self) -> bool:
        return not (
            any(it.up or it.down for it in self.wires)
            or any(it.page.pending and not it.page.is_over for it in self.visitors)
            or any(not it.page.is_online and not it.page.is_over for it in self.visitors)
            or any(session.waiting for session in self.sessions)
        )


@dataclass(frozen=True, slots=True)
class Question:
    """What a handler asks a user."""

    text: str
    visitor: Visitor
    #: The socket that it may be asked over at once.
    wire: Wire | None


@dataclass(slots=True)
class Click:
    """One click of a user."""

    number: int
    visitor: str
    on: str
    #: Which history it belongs to; None while the page does not know yet.
    lineage: str | None
    #: How many processes there had been.
    process: int
    #: What was typed before it and told with it.
    texts: tuple[str, ...] = ()


class _Listener(logging.Handler):
    """Takes whatever is logged as an error for one, except what handlers were told to raise."""

    def __init__(self, failures: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._failures = failures

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if "as it was told to" not in str(error):
            self._failures.append(f"{record.getMessage()}: {error!r}")
