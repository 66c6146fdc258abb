"""Measures a server with many tabs: memory of each, events of all, and pages nobody joins.

A bare Starlette WebSocket beside it, with the same settings and as many sockets, says
what of the memory is the socket's, and, sent as many frames of the same length by as many
at once, what of the CPU. Memory of pages that were loaded and never joined is
looked at round after round, each as large as the registry for them. The first round fills
it. In the second one pages begin to go, and Python's collector lets those that hold an
element wait until they are a quarter of all that there is. What later rounds take is lost.
"""

import asyncio
import re
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import servers
from websockets.asyncio.client import ClientConnection, connect

AT_ONCE = 50
# So long is the patch of a click, as in `socket_bytes.py`.
ANSWER_BYTES = 17


def main() -> None:
    out, is_smoke = Path(sys.argv[1]), "--smoke" in sys.argv
    tabs, clicks, pages = (20, 2, 50) if is_smoke else (1000, 20, 10_000)
    with servers.sapwood() as live, servers.echo() as bare:
        figures = asyncio.run(soak(live, bare, tabs, clicks))
    with servers.sapwood() as live:
        figures["orphan_slope_bytes"] = orphans(live, pages)
    out.write_bytes(msgspec.json.format(msgspec.json.encode(figures)))


async def soak(
    live: servers.Server, bare: servers.Server, count: int, clicks: int
) -> dict[str, float]:
    """Return the memory of a tab, and how many events of all of them are handled in a second."""
    async with AsyncExitStack() as stack:
        echoes: list[ClientConnection] = []

        async def open_tabs(number: int) -> list[tuple[ClientConnection, int]]:
            tabs = []
            for batch in _batches(number):
                joined = await asyncio.gather(
                    *(servers.joined(live, stack, "/async") for _ in range(batch))
                )
                for _ in range(batch):
                    echoes.append(await stack.enter_async_context(_bare(bare)))
                tabs += joined
            return tabs

        # What is loaded and allocated only once is not a tab's.
        await open_tabs(10)
        before = live.rss_bytes(), bare.rss_bytes()
        tabs = await open_tabs(count)
        after = live.rss_bytes(), bare.rss_bytes()
        tab, socket = ((now - then) / count for now, then in zip(after, before, strict=True))
        began_s, cpu_s = time.perf_counter(), live.cpu_s()
        await asyncio.gather(*(_click(each, button, clicks) for each, button in tabs))
        took_s = time.perf_counter() - began_s
        event_s, cpu_s = (live.cpu_s() - cpu_s) / (count * clicks), bare.cpu_s()
        await asyncio.gather(*(_send(each, tabs[0][1], clicks) for each in echoes[-count:]))
        echo_s = (bare.cpu_s() - cpu_s) / (count * clicks)
        return {
            "session_bytes": tab - socket,
            "soak_events_per_s": count * clicks / took_s,
            "soak_event_cpu_us": event_s * 1e6,
            "soak_event_cpu_ratio": event_s / echo_s,
        }


def orphans(live: servers.Server, pages: int) -> float:
    """Return by how much memory grows for a page that nobody joins, when others came and went."""
    sizes = []
    for _ in range(4):
        for _ in range(pages):
            urllib.request.urlopen(f"http://127.0.0.1:{live.port}/async").read()
        sizes.append(live.rss_bytes())
    return max(0.0, (sizes[3] - sizes[1]) / (2 * pages))


def _batches(number: int) -> Iterator[int]:
    while number > 0:
        yield min(number, AT_ONCE)
        number -= AT_ONCE


def _bare(server: servers.Server) -> connect:
    return connect(
        f"ws://127.0.0.1:{server.port}/{ANSWER_BYTES}", compression=None, ping_interval=None
    )


async def _click(socket: ClientConnection, button: int, times: int) -> None:
    for number in range(1, times + 1):
        await socket.send(f"[{number},{number - 1},{button}]")
        while not re.match(rf"\[{number},{number},", await socket.recv()):
            pass


async def _send(socket: ClientConnection, button: int, times: int) -> None:
    for number in range(1, times + 1):
        await socket.send(f"[{number},{number - 1},{button}]")
        await socket.recv()


if __name__ == "__main__":
    main()
