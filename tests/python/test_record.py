"""What is kept of a session comes back as it was, and nothing else is taken for it."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapwood import StateError
from sapwood.record import (
    DEPTH_MAX,
    STATE_BYTES_MAX,
    ConnectionRecord,
    Record,
    check_state,
    decode,
    encode,
)

TEXT = st.text(max_size=20)
SCALARS = (
    TEXT
    | st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
)
PLAIN = st.recursive(
    SCALARS, lambda inside: st.lists(inside, max_size=4) | st.dictionaries(TEXT, inside, max_size=4)
)
STATES = st.dictionaries(TEXT, PLAIN, max_size=4)
RECORDS = st.builds(
    Record,
    id=TEXT,
    route=TEXT,
    state=STATES,
    connections=st.lists(
        st.builds(
            ConnectionRecord,
            browser=TEXT,
            secrets=st.lists(st.binary(max_size=32).map(bytes.hex), max_size=3),
            handled=st.integers(0, 2**53),
        ),
        max_size=3,
    ),
)
RECORD = Record("id", "/route", {"n": 1}, [ConnectionRecord("browser", ["ab"], 7)])


@given(RECORDS)
def test_what_comes_out_is_what_went_in(record: Record) -> None:
    check_state(record.state)
    # Compared as texts: 1, 1.0 and True are equal, and are not the same.
    assert repr(decode(encode(record))) == repr(record)


def changed(**changes: Any) -> bytes:
    return msgspec.json.encode({**msgspec.json.decode(encode(RECORD)), **changes})


def test_a_record_is_read_by_the_version_in_front() -> None:
    assert decode(changed(v=1)) == RECORD
    assert decode(changed(v=2)) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[1]",
        b'{"v":1}',
        b'{"v":1,"id":"\xff"}',
        b'{"v":1,"state":' + b"[" * 100_000,
        changed(state=[]),
        changed(connections=[{"secrets": [1], "handled": 0}]),
        changed(connections=[{"secrets": [], "handled": -1}]),
        encode(RECORD)[:-1],
    ],
    ids=("nothing object array bare utf-8 depth state secrets handled cut").split(),
)
def test_what_is_no_record_is_none_and_is_logged(
    data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    assert decode(data) is None
    assert len(caplog.records) == 1


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_can_be_looked_at(data: bytes) -> None:
    assert decode(data) is None


class Text(str):
    """A string that would come back as a plain one."""


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"cart": [0, 1, 2, {1}]}, "state['cart'][3] is a set, not plain JSON data"),
        ({"at": (1, 2)}, "state['at'] is a tuple"),
        ({"name": Text("x")}, "state['name'] is a Text"),
        ({"a": {"b": b""}}, "state['a']['b'] is a bytes"),
        ({"a": [{3: 1}]}, "a key of state['a'][0] is an int, not a string: 3"),
        ({"n": math.nan}, "state['n'] is nan"),
        ({"n": [-math.inf]}, "state['n'][0] is -inf"),
        ({"n": 2**64}, "state['n'] is an int of over 64 bits"),
        ({"half": "\ud800"}, "state['half'] has half a surrogate pair"),
        ({"\udfff": 1}, "state has half a surrogate pair"),
        ([], "state is a dict, not a list"),
        (None, "state is a dict, not a NoneType"),
    ],
)
def test_state_that_would_not_come_back_is_refused_with_its_place(state: Any, said: str) -> None:
    with pytest.raises(StateError) as raised:
        check_state(state)
    assert str(raised.value).startswith(said)


def test_the_limit_is_64_kib_of_json() -> None:
    rest = len('{"text":""}')
    check_state({"text": "x" * (STATE_BYTES_MAX - rest)})
    with pytest.raises(StateError, match="over 64 KiB"):
        check_state({"text": "x" * (STATE_BYTES_MAX - rest + 1)})


def nested(depth: int) -> dict[str, Any]:
    value: Any = 1
    for _ in range(depth - 1):
        value = [value]
    return {"a": value}


def test_the_limit_of_depth_is_what_can_be_read_again() -> None:
    check_state(nested(DEPTH_MAX))
    with pytest.raises(StateError, match="nested over 64 deep"):
        check_state(nested(DEPTH_MAX + 1))


def test_state_that_holds_itself_is_refused() -> None:
    state: dict[str, Any] = {}
    state["itself"] = state
    with pytest.raises(StateError, match="or holds itself"):
        check_state(state)


def test_what_is_held_again_and_again_is_counted_each_time() -> None:
    held: list[Any] = []
    for _ in range(40):  # as JSON this would be a terabyte
        held = [held, held]
    with pytest.raises(StateError, match="over 64 KiB"):
        check_state({"a": held})
