"""One life of the server, from its start until it is stopped or killed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from sapwood import App, MemoryStore, Template
from sapwood.connection import Turn
from sapwood.dispatch import Dispatcher
from sapwood.events import Hold
from sapwood.handoff import Handoff
from sapwood.keeping import Keeper
from sapwood.session import Page, Session
from sapwood.sessions import Sessions
from sapwood.watchdog import Watchdog
from simulated.board import Board
from simulated.wire import Wire

if TYPE_CHECKING:
    from simulated.world import World

SECRET = "of-the-simulated-world-and-no-other"
HOST = "example.org"
SESSION_S = 120.0
STATE_S = 86_400.0
SAVE_S = 0.001
# What a process may take to stop, besides its handlers.
STOP_S = 60.0


class Process:
    """One life of the server."""

    def __init__(self, world: World) -> None:
        self.world = world
        loop = world.loop
        world.processes += 1
        self.store = _Handle(world.store)
        app = self.app = App(
            debug=False, secret=SECRET, allowed_hosts=[HOST], session_timeout_s=SESSION_S
        )
        app.token = world.token
        app.registry = Sessions(world.token)
        app.handoff = Handoff(loop.time, world.token)
        app.keeper = Keeper(self.store, app.registry, STATE_S, lambda: app.doors.records)
        app.dispatcher = _Noting("per_session", app.keeper.save, app.metrics, Asleep())
        self.tasks: set[asyncio.Task[Any]] = set()
        self.wires: list[Wire] = []
        self._lifespan = app.lifespan()

        @app.route("/")
        async def home(state: dict[str, Any]) -> Template:
            return Board(world, state)

        world.finish(self._lifespan.__aenter__())

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run something that belongs to the process."""
        task = self.world.loop.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def stop(self) -> None:
        """End as SIGTERM has it."""
        self.world.finish(self._lifespan.__aexit__(None, None, None), within_s=STOP_S)
        for wire in self.wires:
            if not wire.is_cut:
                wire.down.append(1006)
                wire.end()

    def kill(self) -> None:
        """End as kill -9 has it: from now on nothing is written anywhere."""
        self.store.is_dead = True
        for wire in self.wires:
            wire.end()
        # What arrived is in the network; what is done from here on never was.
        arrived = [(wire, list(wire.down)) for wire in self.wires]
        for task in asyncio.all_tasks(self.world.loop):
            task.cancel()
        self.world.killed.append(self._lifespan)
        self.world.loop.run_for(0)
        for wire, frames in arrived:
            wire.down = deque([*frames, 1006])


class _Noting(Dispatcher):
    """Lets a board note what its field holds by every event and page, before the next one."""

    async def _save_handled(self, session: Session, turn: Turn) -> None:
        _note(session)  # it may be that no handler was called
        await super()._save_handled(session, turn)

    async def _take_page(self, session: Session, page: Page) -> None:
        await super()._take_page(session, page)
        _note(session)


def _note(session: Session) -> None:
    assert isinstance(session.template, Board)
    session.template.note_value()


class _Handle:
    """A process's way to the store, which ends with the process."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.is_dead = False

    async def load(self, key: str) -> bytes | None:
        return await self._store.load(key)

    async def save(self, key: str, record: bytes, ttl_s: float) -> None:
        await asyncio.sleep(SAVE_S)
        if not self.is_dead:
            await self._store.save(key, record, ttl_s)

    async def delete(self, key: str) -> None:
        if not self.is_dead:
            await self._store.delete(key)

    async def close(self) -> None:
        """Leave the records where they are: the next process wants them."""


class Asleep(Watchdog):
    """A watchdog without a thread, which would look at a clock of its own."""

    def running(
        self, name: str, session_id: str, *, task: Any = None, hold: Hold | None = None
    ) -> Any:
        return nullcontext()
