"""A visit over a socket that is slow to close: what it still brings counts for nothing."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from sapwood import App, Template
from sapwood.connection import Info
from sapwood.conversation import converse
from sapwood.handoff import Page


class SlowSocket:
    """A socket whose other side has not heard yet that it is closed."""

    info = Info()

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[str] = asyncio.Queue()
        self.sent: asyncio.Queue[Any] = asyncio.Queue()
        self.closed: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def receive(self) -> str:
        return await self.incoming.get()

    async def send(self, frame: str) -> None:
        self.sent.put_nowait(json.loads(frame))

    async def close(self, code: int) -> None:
        self.closed.set_result(code)
        await asyncio.Event().wait()

    async def join(self, app: App, **join: Any) -> Any:
        """Begin a visit, and return its welcome."""
        self.visit = asyncio.create_task(converse(self, app, "b"))
        self.incoming.put_nowait(json.dumps([0, {"v": 1, **join}]))
        return (await self.sent.get())[1]


async def test_a_frame_of_a_socket_that_another_one_superseded_is_not_taken() -> None:
    app, old, new = App(), SlowSocket(), SlowSocket()
    template = Template("<body><button id=go></button></body>")
    token = app.handoff.mint(Page(template, template._published, "/", "b"))
    welcome = await old.join(app, token=token)
    await new.join(app, resume=welcome["resume"], s=0)
    assert await old.closed == 4409
    button = template.getElementById("go")
    assert button
    old.incoming.put_nowait(json.dumps([1, 0, button.uuid]))
    await asyncio.wait_for(old.visit, 5)
    (session,) = app.sessions.values()
    assert session.connections[0].received == 0
    new.visit.cancel()
    await asyncio.wait({new.visit})
