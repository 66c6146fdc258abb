"""What an app counts, and how Prometheus reads it.

Counters are plain ints that whoever knows adds to; gauges are asked for when somebody
looks, so they cannot drift from what they count. CPython switches threads between
calls and loops only, not within `metrics.frames_sent += 1`; so nothing is locked.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

#: The type of what `render` returns; Prometheus 3 takes none without it.
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

#: Why a page was sent its whole tree: it asked, because a patch did not fit; the server
#: had no version left to lead on from; it was loaded anew; it joined a session of
#: another browser; its session was gone, with its state or without.
ResyncReason = Literal["asked", "behind", "reloaded", "shared", "restored", "fresh"]
RESYNC_REASONS: tuple[ResyncReason, ...] = (
    "asked",
    "behind",
    "reloaded",
    "shared",
    "restored",
    "fresh",
)
#: The close codes of docs/protocol.md.
CLOSE_CODES = (1008, 1009, 1012, 1013, 4400, 4408, 4409, 4410, 4411, 4429)
#: The upper ends of the histogram's buckets, in seconds.
BUCKETS_S = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5)


class Metrics:
    """The counters and gauges of one app.

    The arguments say how much there is of something at the time.
    """

    def __init__(
        self,
        *,
        sessions: Callable[[], int],
        connections: Callable[[], int],
        events_waiting: Callable[[], int],
        handoffs_waiting: Callable[[], int],
    ) -> None:
        self._sessions = sessions
        self._connections = connections
        self._events_waiting = events_waiting
        self._handoffs_waiting = handoffs_waiting
        self.frames_sent: int = 0
        self.frames_received: int = 0
        self.bytes_sent: int = 0
        self.bytes_received: int = 0
        self.events: int = 0
        self.handler_errors: int = 0
        self._resyncs = dict.fromkeys(RESYNC_REASONS, 0)
        self._refusals: dict[int | str, int] = dict.fromkeys((*CLOSE_CODES, "other"), 0)
        self._buckets = [0] * (len(BUCKETS_S) + 1)
        self._seconds = 0.0

    def sent(self, frame_bytes: int) -> None:
        """Count a frame that was sent."""
        self.frames_sent += 1
        self.bytes_sent += frame_bytes

    def received(self, frame_bytes: int) -> None:
        """Count a frame that came."""
        self.frames_received += 1
        self.bytes_received += frame_bytes

    def handled(self, seconds: float) -> None:
        """Count an event, from when it came until it was handled."""
        self.events += 1
        self._buckets[bisect_left(BUCKETS_S, seconds)] += 1
        self._seconds += seconds

    def resync(self, reason: ResyncReason) -> None:
        """Count a whole tree that had to be sent."""
        self._resyncs[reason] += 1

    def refuse(self, code: int) -> None:
        """Count a connection that was closed with *code*."""
        self._refusals[code if code in self._refusals else "other"] += 1

    def render(self) -> str:
        """Return all of it in Prometheus' text format, version 0.0.4."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        for name, help, read in (
            ("sessions", "Live sessions.", self._sessions),
            ("connections", "Tabs that are connected.", self._connections),
            ("events_waiting", "Events that wait for their handlers.", self._events_waiting),
            ("handoffs_waiting", "Pages that wait for their socket.", self._handoffs_waiting),
        ):
            yield from _metric(name, "gauge", help, [("", read())])
        for name, help, count in (
            ("frames_sent", "Frames sent to browsers.", self.frames_sent),
            ("frames_received", "Frames received from browsers.", self.frames_received),
            ("bytes_sent", "Bytes of frames sent to browsers.", self.bytes_sent),
            ("bytes_received", "Bytes of frames received from browsers.", self.bytes_received),
            ("events", "Events handled.", self.events),
            ("handler_errors", "Handlers that raised an exception.", self.handler_errors),
        ):
            yield from _metric(f"{name}_total", "counter", help, [("", count)])
        resyncs = ((_labels(reason=reason), count) for reason, count in self._resyncs.items())
        yield from _metric("resyncs_total", "counter", "Whole trees sent, by reason.", resyncs)
        refusals = ((_labels(code=str(code)), count) for code, count in self._refusals.items())
        yield from _metric("refusals_total", "counter", "Sockets closed, by code.", refusals)
        yield from self._histogram()

    def _histogram(self) -> Iterator[str]:
        counts, seconds = list(self._buckets), self._seconds
        below = [sum(counts[: at + 1]) for at in range(len(counts))]
        ends = [_labels(le=end) for end in (*map(str, BUCKETS_S), "+Inf")]
        yield from _metric(
            "event_seconds",
            "histogram",
            "Time from an event's arrival until it was handled.",
            [
                *((f"_bucket{end}", count) for end, count in zip(ends, below, strict=True)),
                ("_sum", seconds),
                ("_count", below[-1]),
            ],
        )


def _metric(name: str, kind: str, help: str, samples: Iterable[tuple[str, float]]) -> Iterator[str]:
    """Go through the lines of a metric; a sample is what follows its name, and a value."""
    yield f"# HELP sapwood_{name} {help}"
    yield f"# TYPE sapwood_{name} {kind}"
    for rest, value in samples:
        yield f"sapwood_{name}{rest} {value}"


def _labels(**labels: str) -> str:
    pairs = (f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{','.join(pairs)}}}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
