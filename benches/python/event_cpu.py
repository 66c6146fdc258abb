"""Measures what the server does for one click.

Beside a bare Starlette WebSocket with the same settings and frames of the same
length. One click is sent after the other was answered, so that both servers wake up
once per event.
"""

import statistics
import sys
from pathlib import Path

import msgspec
import servers


def main() -> None:
    out, is_smoke = Path(sys.argv[1]), "--smoke" in sys.argv
    events, rounds = (50, 1) if is_smoke else (1000, 5)
    with servers.sapwood() as live, servers.echo() as bare:
        figures = cpu(live, bare, events, rounds)
    out.write_bytes(msgspec.json.format(msgspec.json.encode(figures)))


def cpu(live: servers.Server, bare: servers.Server, events: int, rounds: int) -> dict[str, float]:
    """Return the CPU of an event in µs: of a handler in a thread, a coroutine, and an echo."""
    pages = {"event_cpu_us": "/", "event_cpu_async_us": "/async"}
    taken: dict[str, list[float]] = {name: [] for name in [*pages, "echo_cpu_us"]}
    for _ in range(rounds):
        for name, path in pages.items():
            up, down, cpu_s = clicks(live, path, events)
            taken[name].append(cpu_s / events * 1e6)
        taken["echo_cpu_us"].append(echoes(bare, up, down, events) / events * 1e6)
    figures = {name: statistics.median(values) for name, values in taken.items()}
    figures["event_cpu_ratio"] = figures["event_cpu_us"] / figures["echo_cpu_us"]
    figures["event_cpu_async_ratio"] = figures["event_cpu_async_us"] / figures["echo_cpu_us"]
    return figures


def clicks(server: servers.Server, path: str, count: int) -> tuple[str, str, float]:
    """Click *count* times; return the last frame up, the last down and the CPU in s."""
    with servers.tab(server, path) as tab:
        begin_s = server.cpu_s()
        for number in range(1, count + 1):
            up = f"[{number},{number - 1},{tab.button}]"
            tab.socket.send(up)
            down = tab.socket.recv()
            assert down.startswith(f"[{number},{number},"), down
        return up, down, server.cpu_s() - begin_s


def echoes(server: servers.Server, up: str, down: str, count: int) -> float:
    """Send *up* so often and get as much as *down* each time; return the CPU in s."""
    with servers.bare_socket(server, len(down)) as socket:
        begin_s = server.cpu_s()
        for _ in range(count):
            socket.send(up)
            socket.recv()
        return server.cpu_s() - begin_s


if __name__ == "__main__":
    main()
