"""Measures what the server does for one click.

Beside a bare Starlette WebSocket with the same settings and frames of the same length,
which answers at once or, as what a handler in a thread is compared to, after asyncio's
`run_in_executor` has called a function. One click is sent after the other was answered,
so that both servers wake up once per event. No tab clicks more often than the server
takes at once: clicks that have to wait for the next one to be allowed would find a
machine that did something else meanwhile, and the echo's would not.
"""

import statistics
import sys
from contextlib import ExitStack
from pathlib import Path

import msgspec
import servers

from sapwood.conversation import EVENTS_AT_ONCE


def main() -> None:
    out, is_smoke = Path(sys.argv[1]), "--smoke" in sys.argv
    tabs, rounds = (1, 1) if is_smoke else (10, 9)
    with servers.sapwood() as live, servers.echo() as bare:
        figures = cpu(live, bare, tabs, rounds)
    out.write_bytes(msgspec.json.format(msgspec.json.encode(figures)))


def cpu(live: servers.Server, bare: servers.Server, tabs: int, rounds: int) -> dict[str, float]:
    """Return the CPU of an event in µs: of a handler in a thread, a coroutine, and an echo."""
    pages = {"event_cpu_us": "/", "event_cpu_async_us": "/async"}
    echo = {"echo_cpu_us": False, "echo_thread_cpu_us": True}
    taken: dict[str, list[float]] = {name: [] for name in [*pages, *echo]}
    for _ in range(rounds):
        for name, path in pages.items():
            up, down, cpu_s = clicks(live, path, tabs)
            taken[name].append(cpu_s * 1e6)
        for name, in_thread in echo.items():
            taken[name].append(echoes(bare, up, down, tabs, in_thread=in_thread) * 1e6)
    figures = {name: statistics.median(values) for name, values in taken.items()}
    sync, coroutine = figures["event_cpu_us"], figures["event_cpu_async_us"]
    return figures | {
        "event_cpu_ratio": sync / figures["echo_cpu_us"],
        "event_cpu_thread_ratio": sync / figures["echo_thread_cpu_us"],
        "event_cpu_async_ratio": coroutine / figures["echo_cpu_us"],
    }


def clicks(server: servers.Server, path: str, count: int) -> tuple[str, str, float]:
    """Click in *count* tabs; return the last frame up, the last down and the CPU of one in s."""
    with ExitStack() as stack:
        tabs = [stack.enter_context(servers.tab(server, path)) for _ in range(count)]
        begin_s = server.cpu_s()
        for tab in tabs:
            for number in range(1, EVENTS_AT_ONCE + 1):
                up = f"[{number},{number - 1},{tab.button}]"
                tab.socket.send(up)
                # If its thread had to wait for the machine, the patch comes first, by itself.
                is_handled = f"[{number},{number},", f"[-1,{number}]"
                while not (down := tab.socket.recv()).startswith(is_handled):
                    pass
        return up, down, (server.cpu_s() - begin_s) / count / EVENTS_AT_ONCE


def echoes(
    server: servers.Server, up: str, down: str, count: int, *, in_thread: bool = False
) -> float:
    """Send *up* as often and get as much as *down* each time; return the CPU of one in s."""
    with ExitStack() as stack:
        bare = [servers.bare_socket(server, len(down), in_thread=in_thread) for _ in range(count)]
        sockets = [stack.enter_context(each) for each in bare]
        begin_s = server.cpu_s()
        for socket in sockets:
            for _ in range(EVENTS_AT_ONCE):
                socket.send(up)
                socket.recv()
        return (server.cpu_s() - begin_s) / count / EVENTS_AT_ONCE


if __name__ == "__main__":
    main()
