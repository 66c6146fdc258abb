"""Measures what a browser that reads one byte a second costs, and whom it disturbs.

A page is changed a thousand times a second and shown to one browser that reads all, alone
and then beside some that hardly read. A frame has the time at which it was made, so the
time it took is known when it comes.
"""

import asyncio
import json
import re
import socket
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median, quantiles

import msgspec
import servers
from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

SLOW = 20
BUFFER_BYTES = 4096


def main() -> None:
    out, is_smoke = Path(sys.argv[1]), "--smoke" in sys.argv
    with servers.sapwood() as live:
        figures = asyncio.run(measure(live, seconds=0.5 if is_smoke else 20.0))
    out.write_bytes(msgspec.json.format(msgspec.json.encode(figures)))


async def measure(live: servers.Server, seconds: float) -> dict[str, float]:
    """Return the memory of a slow reader, and how late frames come to another one."""
    async with AsyncExitStack() as stack:
        fast, _ = await servers.joined(live, stack, "/clock")
        await _delays_s(fast, seconds)  # what is loaded and allocated only once
        before = live.rss_bytes()
        alone_s = await _delays_s(fast, seconds)
        slow = [stack.enter_context(await asyncio.to_thread(_joined, live)) for _ in range(SLOW)]
        reading = [asyncio.create_task(_read_slowly(each)) for each in slow]
        beside_s = await _delays_s(fast, seconds)
        held = live.rss_bytes() - before
        for task in reading:
            task.cancel()
        await asyncio.wait(reading)
        return {
            "slow_reader_bytes": max(0, held) / SLOW,
            "slow_reader_delay_p50": median(beside_s) / median(alone_s),
            "slow_reader_delay_p99": _p99(beside_s) / _p99(alone_s),
            "slow_reader_alone_p99_ms": _p99(alone_s) * 1e3,
        }


def _p99(values: list[float]) -> float:
    return quantiles(values, n=100)[98]


async def _delays_s(browser: ClientConnection, seconds: float) -> list[float]:
    """Read for a while as a browser does; return how long each frame took."""
    delays, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        frame = await browser.recv()
        if made := re.match(r'\[(\d+),.*"(\d+)"\]$', frame):
            delays.append((time.monotonic_ns() - int(made[2])) / 1e9)
            if not int(made[1]) % 4:
                await browser.send(f"[-1,{made[1]}]")
    return delays


def _joined(server: servers.Server) -> socket.socket:
    """Join, and return the bare socket of a browser that was not told anything yet."""
    page = servers.page(server, "/clock")
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    made.connect(("127.0.0.1", server.port))
    protocol = ClientProtocol(
        parse_uri(f"ws://127.0.0.1:{server.port}/_sapwood/ws"),
        origin=f"http://127.0.0.1:{server.port}",
        subprotocols=["sapwood.1"],
    )
    request = protocol.connect()
    request.headers["cookie"] = page.cookie
    protocol.send_request(request)
    made.sendall(b"".join(protocol.data_to_send()))
    while not protocol.events_received():
        protocol.receive_data(made.recv(1000))
    protocol.send_text(json.dumps([0, {"v": 1, "token": page.token}]).encode())
    made.sendall(b"".join(protocol.data_to_send()))
    made.setblocking(False)
    return made


async def _read_slowly(reader: socket.socket) -> None:
    while True:
        await asyncio.get_running_loop().sock_recv(reader, 1)
        await asyncio.sleep(1)


if __name__ == "__main__":
    main()
