"""A socket as two queues, and what a network can do to it."""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sapwood.connection import Info
from sapwood.conversation import Gone

if TYPE_CHECKING:
    from simulated.visitor import Visitor

# So much lies in the network before whoever sends has to wait.
NETWORK_FRAMES_MAX = 12
# What may happen to a frame on its way.
FAILURES = ("loses", "doubles", "swaps")
_NOBODY = Info("simulated")


@dataclass(eq=False)
class Wire:
    """One socket: what is on its way, and what of it the server may read."""

    visitor: Visitor
    info: Info = _NOBODY
    up: deque[str] = field(default_factory=deque)
    #: Frames, and at the end the code that the socket is closed with.
    down: deque[str | int] = field(default_factory=deque)
    incoming: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)
    room: asyncio.Event = field(default_factory=asyncio.Event)
    #: Patches that the server has not heard of since: their numbers and sizes.
    patches: dict[int, int] = field(default_factory=dict)
    is_cut: bool = False
    #: Something was lost on it: maybe nobody ever notices.
    is_unfair: bool = False

    async def receive(self) -> str:
        frame = await self.incoming.get()
        if frame is None:
            raise Gone
        return frame

    async def send(self, frame: str) -> None:
        while len(self.down) >= NETWORK_FRAMES_MAX and not self.is_cut:
            self.room.clear()
            await self.room.wait()
        if self.is_cut:
            raise Gone
        self.down.append(frame)
        number = number_of(frame)
        if _is_whole(frame):
            self.patches.clear()  # what came before it does not count any more
        if number > 0:
            self.patches[number] = len(frame)

    async def close(self, code: int) -> None:
        if not self.is_cut:
            self.down.append(code)
            self.end()

    # --- The network -------------------------------------------------------------------

    def deliver_up(self) -> None:
        """Let the server read one frame."""
        frame = self.up.popleft()
        head, acknowledged = _head(frame)
        if head == -1 or head > 0:
            self.patches = {it: size for it, size in self.patches.items() if it > acknowledged}
        self.incoming.put_nowait(frame)

    def take_down(self) -> str | int:
        """Return what arrives next."""
        self.room.set()
        return self.down.popleft()

    def cut(self) -> None:
        """Lose the socket, and all that is on its way."""
        self.up.clear()
        self.down.clear()
        self.end()

    def end(self) -> None:
        """Let the server read no more."""
        self.is_cut = True
        self.up.clear()
        self.incoming.put_nowait(None)
        self.room.set()


def _head(frame: str) -> tuple[int, int]:
    """Return what kind of frame it is, and the patch that it acknowledges if it does."""
    head, then, *_ = json.loads(frame)
    return head, then if isinstance(then, int) else 0


def number_of(frame: str) -> int:
    """Return what a frame begins with: what kind it is, or its number."""
    return int(frame[1:].partition(",")[0])


def _is_whole(frame: str) -> bool:
    return re.match(r"\[\d+,(\d+|\[\d+,\d+\]),10,0,", frame) is not None


def short(frame: str | int) -> str:
    """Return a frame as a line of the run, without its secrets."""
    text = re.sub(r"[0-9a-f.]{60,}", "…", str(frame))
    return text if len(text) < 90 else f"{text[:60]} … ({len(text)} characters)"
