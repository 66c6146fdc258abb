"""What Prometheus reads is what was counted."""

from __future__ import annotations

import re
import sys
import threading
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapwood.metrics import BUCKETS_S, CLOSE_CODES, RESYNC_REASONS, Metrics, _labels


class Family(NamedTuple):
    """A metric as it was read: its samples by name and labels."""

    kind: str
    help: str
    samples: dict[tuple[str, tuple[tuple[str, str], ...]], float]


_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_SAMPLE = re.compile(rf"({_NAME})(?:\{{(.*)\}})?[ \t]+(\S+)")
_LABEL = re.compile(rf'({_NAME})="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
_UNESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def labels_of(text: str) -> tuple[tuple[str, str], ...]:
    """Return the labels between braces; nothing may lie between or behind them."""
    found = list(_LABEL.finditer(text))
    assert "".join(it[0] for it in found) == text
    return tuple((it[1], re.sub(r"\\.", lambda c: _UNESCAPED[c[0]], it[2])) for it in found)


def parse(text: str) -> dict[str, Family]:
    """Read the text format as prometheus.io/docs/instrumenting/exposition_formats has it."""
    assert text.endswith("\n")
    families: dict[str, Family] = {}
    helps: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            _, _, name, told = line.split(" ", 3)
            assert name not in helps
            helps[name] = told
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name not in families
            families[name] = Family(kind, helps[name], {})
        else:
            match = _SAMPLE.fullmatch(line)
            assert match, line
            # One group each: a sample belongs to the type named last.
            family_name, family = list(families.items())[-1]
            ends = ("_bucket", "_sum", "_count") if family.kind == "histogram" else ("",)
            assert match[1] in [family_name + end for end in ends]
            key = (match[1], labels_of(match[2] or ""))
            assert key not in family.samples
            family.samples[key] = float(match[3])
    return families


def metrics(**gauges: int) -> Metrics:
    names = ("sessions", "connections", "events_waiting", "handoffs_waiting")
    asked: Any = {name: (lambda name=name: gauges.get(name, 0)) for name in names}
    return Metrics(**asked)


def value(counted: Metrics, name: str, **labels: str) -> float:
    families = parse(counted.render())
    family = families.get(name) or families[re.sub("_(bucket|sum|count)$", "", name)]
    return family.samples[name, tuple(labels.items())]


def test_everything_is_there_from_the_start_and_zero() -> None:
    families = parse(metrics().render())
    assert {name: family.kind for name, family in families.items()} == {
        "sapwood_sessions": "gauge",
        "sapwood_connections": "gauge",
        "sapwood_events_waiting": "gauge",
        "sapwood_handoffs_waiting": "gauge",
        "sapwood_frames_sent_total": "counter",
        "sapwood_frames_received_total": "counter",
        "sapwood_bytes_sent_total": "counter",
        "sapwood_bytes_received_total": "counter",
        "sapwood_events_total": "counter",
        "sapwood_handler_errors_total": "counter",
        "sapwood_resyncs_total": "counter",
        "sapwood_refusals_total": "counter",
        "sapwood_event_seconds": "histogram",
    }
    assert {it for family in families.values() for it in family.samples.values()} == {0.0}
    assert all(family.help.endswith(".") for family in families.values())
    reasons = families["sapwood_resyncs_total"].samples
    assert [labels for _, labels in reasons] == [(("reason", it),) for it in RESYNC_REASONS]


def test_gauges_are_asked_each_time() -> None:
    held: list[int] = []
    counted = Metrics(
        sessions=lambda: len(held),
        connections=lambda: 2,
        events_waiting=lambda: 3,
        handoffs_waiting=lambda: 4,
    )
    held.append(1)
    names = ("sessions", "connections", "events_waiting", "handoffs_waiting")
    assert [value(counted, f"sapwood_{name}") for name in names] == [1, 2, 3, 4]
    held.append(1)
    assert value(counted, "sapwood_sessions") == 2


def test_frames_and_bytes_are_counted_each_way() -> None:
    counted = metrics()
    counted.sent(10)
    counted.sent(5)
    counted.received(7)
    counted.handler_errors += 3
    assert value(counted, "sapwood_frames_sent_total") == 2
    assert value(counted, "sapwood_bytes_sent_total") == 15
    assert value(counted, "sapwood_frames_received_total") == 1
    assert value(counted, "sapwood_bytes_received_total") == 7
    assert value(counted, "sapwood_handler_errors_total") == 3


def test_a_resync_has_one_of_few_reasons() -> None:
    counted = metrics()
    counted.resync("asked")
    assert value(counted, "sapwood_resyncs_total", reason="asked") == 1
    assert value(counted, "sapwood_resyncs_total", reason="fresh") == 0
    with pytest.raises(KeyError):
        counted.resync("a stranger's own words")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "told"), [(4400, "4400"), (1009, "1009"), (4999, "other"), (-1, "other")]
)
def test_a_refusal_has_a_code_that_is_known_or_is_another(code: int, told: str) -> None:
    counted = metrics()
    before = len(counted.render().splitlines())
    counted.refuse(code)
    assert value(counted, "sapwood_refusals_total", code=told) == 1
    assert len(counted.render().splitlines()) == before


@given(st.lists(st.sampled_from(BUCKETS_S) | st.floats(0, 100)))
def test_the_histogram_counts_what_took_at_most_so_long(seconds: list[float]) -> None:
    counted = metrics()
    for each in seconds:
        counted.handled(each)
    assert value(counted, "sapwood_events_total") == len(seconds)
    assert value(counted, "sapwood_event_seconds_count") == len(seconds)
    assert value(counted, "sapwood_event_seconds_sum") == pytest.approx(sum(seconds))
    for end in (*BUCKETS_S, float("inf")):
        label = "+Inf" if end == float("inf") else str(end)
        expected = sum(each <= end for each in seconds)
        assert value(counted, "sapwood_event_seconds_bucket", le=label) == expected


def test_the_buckets_stand_in_order() -> None:
    lines = [line for line in metrics().render().splitlines() if "_bucket" in line]
    ends = [float(dict(labels_of(line[line.index("{") + 1 : -3]))["le"]) for line in lines]
    assert ends == [*BUCKETS_S, float("inf")]


@given(st.text())
def test_a_label_may_hold_anything(text: str) -> None:
    written = _labels(code=text)
    assert "\n" not in written
    assert labels_of(written[1:-1]) == (("code", text),)


def test_all_close_codes_of_the_protocol_are_counted() -> None:
    protocol = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
    listed = {int(code) for code in re.findall(r"^\| (\d{4}) \|", protocol, re.MULTILINE)}
    assert 4400 in listed
    assert listed <= set(CLOSE_CODES)


def test_threads_that_count_at_the_same_time_lose_nothing() -> None:
    counted = metrics()

    def count() -> None:
        for _ in range(20_000):
            counted.sent(1)
            counted.handled(0.01)

    threads = [threading.Thread(target=count) for _ in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert (counted.frames_sent, counted.bytes_sent, counted.events) == (80_000,) * 3
    assert value(counted, "sapwood_event_seconds_count") == 80_000
