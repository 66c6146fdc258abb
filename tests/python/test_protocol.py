"""Frames from strangers: each one is a frame or a FrameError, and limits are where it is said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sapwood.errors import FrameError
from sapwood.events import Event
from sapwood.protocol import (
    _DECODER,
    EVENT_BYTES_MAX,
    JOIN_BYTES_MAX,
    Acknowledge,
    Answered,
    Frame,
    Happened,
    Join,
    Ping,
    Resync,
    Synced,
    Welcome,
    _finite,
    decode,
)

JOIN = {"v": 1, "path": "/", "token": "t"}


def frame(*parts: Any) -> Frame:
    """Return what a list is as a frame after the first."""
    return decode(json.dumps(parts))


def join(**changes: Any) -> Frame:
    return decode(json.dumps([0, {**JOIN, **changes}]), is_first=True)


def refusal(text: str, *, is_first: bool = False) -> int:
    """Return the close code with which a frame is refused."""
    with pytest.raises(FrameError) as refused:
        decode(text, is_first=is_first)
    return refused.value.code


# --- What there is -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "meant"),
    [
        ([1, 0, 46], Happened(Event(1, 46), 0)),
        ([7, 3, "own"], Happened(Event(7, "own"), 3)),
        ([1, 0, 46, "focus"], Happened(Event(1, 46, "focus"), 0)),
        ([1, 0, 46, None, None, None], Happened(Event(1, 46), 0)),
        ([1, 0, 46, "key", {"key": "a"}], Happened(Event(1, 46, "key", {"key": "a"}), 0)),
        ([1, 0, 4, "input", None, [4, "x"]], Happened(Event(1, 4, "input"), 0, ((4, "x"),))),
        (
            [1, 0, 4, "change", None, [4, True, "m", ["a", "b"]]],
            Happened(Event(1, 4, "change"), 0, ((4, True), ("m", ["a", "b"]))),
        ),
        ([-1, 5], Acknowledge(5)),
        ([-2, 1.5], Ping(1.5)),
        ([-2, -3], Ping(-3)),
        ([-3, "gap"], Resync("gap")),
        ([-5, 7, {"a": [1]}], Answered(7, {"a": [1]})),
        ([-5, 7, None], Answered(7, None)),
        ([-5, 7, None, "why" + "!" * 300], Answered(7, None, "why" + "!" * 197)),
    ],
    ids=repr,
)
def test_this_list_means_this_frame(parts: list[Any], meant: Frame) -> None:
    assert frame(*parts) == meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("\n[ 1 , 0 , 46 ]", Happened(Event(1, 46), 0)),
        ("[\t-1,5]", Acknowledge(5)),
        (' [ -3 , "gap" ] ', Resync("gap")),
    ],
)
def test_white_space_means_nothing(text: str, meant: Frame) -> None:
    assert decode(text) == meant


def test_a_join_with_a_token_carries_fields() -> None:
    assert join(fields=[3, "x"]) == Join(token="t", fields=((3, "x"),))


def test_a_page_that_was_loaded_anew_joins_with_both() -> None:
    foreign = [5, 0, 1, "b", "~0123456789abc", 0]
    text = json.dumps([0, {**JOIN, "resume": "r", "share": "s", "foreign": foreign}])
    join = Join(
        token="t", resume="r", share="s", foreign=(json.dumps([5, *foreign]).replace(" ", ""),)
    )
    assert decode(text, is_first=True) == join


def test_what_a_page_holds_is_told_in_a_frame_as_long_as_a_join() -> None:
    assert decode('[-4,[5,"typed"],[]]') == Synced(((5, "typed"),))
    long = "x" * EVENT_BYTES_MAX
    assert decode(json.dumps([-4, [5, long], []], separators=(",", ":"))) == Synced(((5, long),))


def test_a_join_with_a_resume_token_carries_a_sequence() -> None:
    text = json.dumps([0, {"v": 1, "path": "/a?b", "resume": "r", "s": 4}])
    assert decode(text, is_first=True) == Join(resume="r", sequence=4)


def test_a_join_may_carry_what_later_versions_add() -> None:
    assert join(more=1) == Join(token="t")


def test_a_welcome_is_written_as_documented() -> None:
    assert json.loads(Welcome("resume", 3, 7, "secret", True).encode()) == [
        0,
        {"mode": "resume", "s": 3, "c": 7, "resume": "secret", "dev": True},
    ]


# --- What is refused -------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\0",
        "\ufeff[1,0,46]",
        "null",
        "1",
        "{}",
        '"[1,0,46]"',
        "[]",
        "[1,0,46",
        "[1,0,46]]",
        "[1,0,46,]",
        "[1,0]",
        "[1]",
        "[[]]",
        "[null]",
        "[true,0,46]",
        "[1,true,46]",
        "[1,0,true]",
        "[1,0,null]",
        "[1,0,1.5]",
        "[1,0,0]",
        "[1,0,-1]",
        "[1,-1,46]",
        "[1.0,0,46]",
        "[1.5,0,46]",
        "[NaN,0,46]",
        "[1,0,NaN]",
        "[-2,Infinity]",
        "[-2,-Infinity]",
        "[-2,NaN]",
        "[-2,1e999]",
        '[1,0,46,"click",{"a":-1e999}]',
        "[-4,[],[1e308]]",
        "[-2,true]",
        '[-2,"1"]',
        "[-2]",
        "[-1]",
        "[-1,-1]",
        "[-1,true]",
        "[-1,1.0]",
        "[-1.0,1]",
        "[-1,1,2]",
        '[-3,"a","b"]',
        "[-3,1]",
        "[-4,1]",
        "[-5,1]",
        "[-5,-1,0]",
        "[-5,true,0]",
        '[-5,1,0,"why"]',
        "[-5,1,null,5]",
        "[-5," + "9" * 5000 + ",0]",
        '[0,{"v":1,"path":"/","token":"t"}]',
        "[false,0,46]",
        "[1,0,46,5]",
        '[1,0,46,"click",[]]',
        '[1,0,46,"click",1]',
        '[1,0,46,"click",{"a":[]}]',
        '[1,0,46,"click",{"a":{}}]',
        '[1,0,46,"click",{},{}]',
        '[1,0,46,"click",{},[1]]',
        '[1,0,46,"click",{},[1,2]]',
        '[1,0,46,"click",{},[1,null]]',
        '[1,0,46,"click",{},[1,[1]]]',
        '[1,0,46,"click",{},[true,"x"]]',
        '[1,0,46,"click",{},[[],"x"]]',
        '[1,0,46,"click",{},[],7]',
        '[-3,"\\ud800"]',
        '[-3,"\ud800"]',
        "[" * 10_000,
        "[" * 10_000 + "]" * 10_000,
        '[1,0,46,"click",{},' + "[" * 10_000 + "]" * 10_000 + "]",
        '{"a":' * 5000 + "1" + "}" * 5000,
        "[" + "9" * 5000 + ",0,46]",
        "[1," + "9" * 5000 + ",46]",
        "[1,0," + "9" * 5000 + "]",
        "[-1," + "9" * 5000 + "]",
    ],
    ids=lambda text: ascii(text)[1:40] + f" {len(text)}",
)
def test_this_is_no_frame(text: str) -> None:
    assert refusal(text) == 4400


@pytest.mark.parametrize(
    "body",
    [
        {},
        {**JOIN, "v": 2},
        {**JOIN, "v": True},
        {**JOIN, "v": "1"},
        {**JOIN, "token": None},
        {**JOIN, "share": 3},
        {"v": 1, "path": "/"},
        {**JOIN, "token": 5},
        {**JOIN, "s": -1},
        {**JOIN, "s": 1.5},
        {**JOIN, "s": True},
        {**JOIN, "s": "1"},
        {**JOIN, "s": 2**53},
        {**JOIN, "s": 10**40},
        {**JOIN, "fields": {}},
        {**JOIN, "fields": [1]},
        {**JOIN, "fields": [0, "x"]},
        {**JOIN, "fields": None},
        {**JOIN, "more": [1.5]},
        {**JOIN, "more": 1e308},
    ],
    ids=json.dumps,
)
def test_this_is_no_join(body: dict[str, Any]) -> None:
    assert refusal(json.dumps([0, body]), is_first=True) == 4400


@pytest.mark.parametrize(
    "text",
    [
        "[1,0,46]",
        "[-1,0]",
        "[]",
        "[0]",
        "[0,[]]",
        '[0,{"v":1,"path":"/","token":"t"},1]',
        '[false,{"v":1,"path":"/","token":"t"}]',
        '[0.0,{"v":1,"path":"/","token":"t"}]',
        '["0",{"v":1,"path":"/","token":"t"}]',
    ],
)
def test_the_first_frame_is_a_join(text: str) -> None:
    assert refusal(text, is_first=True) == 4400


def test_the_last_of_two_equal_keys_counts() -> None:
    text = '[1,0,46,"key",{"key":"a","key":"b"}]'
    found = decode(text)
    assert isinstance(found, Happened)
    assert found.event.data == {"key": "b"}


# --- Limits: n - 1, n, n + 1 -------------------------------------------------------------


def padded(size: int, letter: str = "x") -> str:
    """Return an event frame of so many bytes."""
    head, tail = '[1,0,46,"click",{"a":"', '"}]'
    room = size - len(head) - len(tail)
    count, rest = divmod(room, len(letter.encode()))
    return head + letter * count + "x" * rest + tail


@pytest.mark.parametrize("letter", ["x", "é", "🦀"])
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_an_event_has_at_most_64_kib(more: int, letter: str) -> None:
    text = padded(EVENT_BYTES_MAX + more, letter)
    assert len(text.encode()) == EVENT_BYTES_MAX + more == 64 * 1024 + more
    if more > 0:
        assert refusal(text) == 1009
    else:
        assert isinstance(decode(text), Happened)


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_join_has_at_most_1_mib(more: int) -> None:
    size = JOIN_BYTES_MAX + more
    head, tail = '[0,{"v":1,"path":"/","token":"', '"}]'
    text = head + "t" * (size - len(head) - len(tail)) + tail
    assert len(text) == 1024 * 1024 + more
    if more > 0:
        assert refusal(text, is_first=True) == 1009
    else:
        assert isinstance(decode(text, is_first=True), Join)


def check_limit(good: list[Any], better: list[Any], bad: list[Any]) -> None:
    """Two frames within a limit are frames; one over it is refused."""
    assert frame(*good)
    assert frame(*better)
    assert refusal(json.dumps(bad)) == 4400


def test_event_data_have_at_most_64_items() -> None:
    frames = [[1, 0, 4, "x", {str(n): n for n in range(count)}] for count in (63, 64, 65)]
    check_limit(*frames)


def test_a_frame_has_at_most_20000_fields() -> None:
    frames = [[-4, [1, "x"] * count, []] for count in (19_999, 20_000, 20_001)]
    check_limit(*frames)


def test_a_type_has_at_most_64_characters() -> None:
    check_limit(*([1, 0, 4, "x" * count] for count in (63, 64, 65)))


def test_a_uuid_has_at_most_256_characters() -> None:
    check_limit(*([1, 0, "x" * count] for count in (255, 256, 257)))


def test_an_id_is_less_than_2_to_the_53() -> None:
    check_limit(*([1, 0, 2**53 + more] for more in (-2, -1, 0)))


def test_an_id_is_more_than_0() -> None:
    check_limit(*([1, 0, id] for id in (2, 1, 0)))


def test_an_event_is_counted_from_1() -> None:
    check_limit(*([number, 0, 4] for number in (2, 1, 0)))


@pytest.mark.parametrize("at", [0, 1])
def test_a_count_is_less_than_2_to_the_53(at: int) -> None:
    frames = [[1, 1, 4], [1, 1, 4], [1, 1, 4]]
    for more, parts in zip((-2, -1, 0), frames, strict=True):
        parts[at] = 2**53 + more
    check_limit(*frames)


@pytest.mark.parametrize("length", [199, 200, 201])
def test_a_reason_is_cut_at_200_characters(length: int) -> None:
    assert frame(-3, "x" * length) == Resync("x" * min(length, 200))


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_frame_has_an_array_or_object_for_each_16_bytes_of_its_limit(more: int) -> None:
    count = JOIN_BYTES_MAX // 16 - 3 + more  # itself, the body and the list count as well
    text = '[0,{"v":1,"token":"t","more":["[{\\"[{"' + ",[]" * (count - 9) + ",{}" * 9 + "]}]"
    if more > 0:
        assert refusal(text, is_first=True) == 4400
    else:
        assert decode(text, is_first=True) == Join(token="t")


def test_brackets_that_a_person_types_are_no_arrays() -> None:
    typed = "[{" * (EVENT_BYTES_MAX // 2 - 20) + '\\"'
    assert frame(1, 0, 46, "x", None, [4, typed]) == Happened(Event(1, 46, "x"), 0, ((4, typed),))


@pytest.mark.parametrize("number", ["1e308", "5e-324", "1.7976931348623157e308", "1e-400"])
def test_a_number_is_read_by_python_whose_time_depends_on_its_length_only(number: str) -> None:
    # msgspec takes 10 microseconds for each of these, and a frame has room for 10,000.
    assert _DECODER.float_hook is _finite
    assert decode(f"[-2,{number}]") == Ping(float(number))


# --- Anything at all -----------------------------------------------------------------------

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, 1, -1, -2, -3, 2**53, 2**63, 2**64, -(2**63), 10**30])
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(["click", "v", "path", "token", "resume", "fields"]),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=20,
)
heads = st.sampled_from([0, 1, 2, -1, -2, -3, -4, 2**53, False, True, 0.0, 1.0, None, "0"])
frames = st.tuples(heads, st.lists(anything, max_size=6)).map(lambda parts: [parts[0], *parts[1]])
bodies = st.fixed_dictionaries(
    {},
    optional={
        name: anything | usual
        for name, usual in {
            "v": st.just(1),
            "path": st.text(),
            "token": st.text(),
            "resume": st.text(),
            "s": st.integers(),
            "c": st.integers(),
            "fields": st.lists(st.integers(1) | st.text()),
        }.items()
    },
)


def check_total(text: str, is_first: bool) -> None:
    """Law: any text is a frame of the protocol, or a FrameError."""
    try:
        found = decode(text, is_first=is_first)
    except FrameError as error:
        is_documented = error.code in {4400, 1009}
    else:
        is_documented = isinstance(found, Frame) and isinstance(found, Join) is is_first
    assert is_documented


@given(st.text(st.characters()), st.booleans())
@example("\ud800", False)
def test_decode_is_total_on_any_text(text: str, is_first: bool) -> None:
    check_total(text, is_first)


@given(frames, st.booleans())
def test_decode_is_total_on_what_is_nearly_a_frame(parts: list[Any], is_first: bool) -> None:
    check_total(json.dumps(parts), is_first)


@given(bodies)
def test_decode_is_total_on_what_is_nearly_a_join(body: dict[str, Any]) -> None:
    check_total(json.dumps([0, body]), True)


@given(frames, st.integers(0, 60), st.text(st.characters(), max_size=3))
def test_decode_is_total_on_broken_json(parts: list[Any], at: int, broken: str) -> None:
    text = json.dumps(parts)
    check_total(text[:at] + broken + text[at + 1 :], False)


@given(st.binary())
def test_decode_is_total_on_bytes_read_as_text(data: bytes) -> None:
    check_total(data.decode("utf-8", "surrogateescape"), False)
