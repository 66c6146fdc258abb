"""A live page on a line that fails: nothing runs twice, nothing is lost, nothing is undone."""

import asyncio
import json
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from line import Cut, Frame, Held, Line, Live, Once, cut, lose, whole
from sapwood import App, Template
from server import Serve

HTML = """<!DOCTYPE html><html><head><title>Counter</title></head><body>
<h1 id="count">0</h1><button id="plus" _onclick="add">+</button>
<button id="silent" _onclick="note">nothing</button>
<button id="slow" _onclick="wait">slow</button>
<button id="steps" _onclick="go_in_steps">steps</button>
<button id="storm" _onclick="storm">storm</button>
<input id="field"><ul id="list"><li>one</li><li>two</li></ul></body></html>"""


class Counter(Template):
    """A page that counts, and remembers what ran."""

    gate: threading.Event
    ran: list[str]

    def __init__(self) -> None:
        super().__init__(HTML)
        self.number = 0

    def show(self, number: int) -> None:
        self.number = number
        self.querySelector("#count").content = number
        self.update()

    def add(self) -> None:
        self.ran.append("add")
        self.show(self.number + 1)

    def note(self) -> None:
        self.ran.append("note")

    def wait(self) -> None:
        self.ran.append("wait")
        assert self.gate.wait(15)
        self.show(self.number + 1)

    async def go_in_steps(self) -> None:
        for number in range(1, 7):
            self.show(number)
            if number == 3:
                await asyncio.sleep(0)

    async def storm(self) -> None:
        for number in range(1, 1001):
            self.show(number)


class Story:
    """A page, its server, and the line between them."""

    def __init__(self, page: Page, live: Live, counter: type[Counter]) -> None:
        self.page = page
        self.url = live.url
        self.line: Line = live.line
        self.ran = counter.ran
        self.gate = counter.gate

    def begin(self) -> None:
        """Open the page, type into its field and stay there."""
        self.page.goto(self.url)
        self.expect_state("online")
        self.page.locator("#field").press_sequentially("typed")
        self.page.evaluate("() => { window.mark = 1; field.setSelectionRange(2, 4) }")

    def click(self, id: str = "plus") -> None:
        """Click without taking the focus from the field."""
        self.page.evaluate("id => document.getElementById(id).click()", id)

    def expect_state(self, state: str) -> None:
        expect(self.page.locator("html")).to_have_attribute("data-sapwood", state)

    def expect_count(self, number: int) -> None:
        expect(self.page.locator("#count")).to_have_text(str(number))

    def expect_undisturbed(self) -> None:
        """The page was not loaded again, and the field is as the user left it."""
        state = "[window.mark, document.activeElement.id, field.value, field.selectionStart]"
        assert self.page.evaluate(f"() => {state}") == [1, "field", "typed", 2]


@pytest.fixture
def counter() -> type[Counter]:
    return type("Counted", (Counter,), {"ran": [], "gate": threading.Event()})


@pytest.fixture
def live(counter: type[Counter]) -> Iterator[Live]:
    app = App(debug=True)
    app.route("/")(counter)
    with Live(app) as live:
        yield live


@pytest.fixture
def story(context: BrowserContext, live: Live, counter: type[Counter]) -> Story:
    # So that waiting for the next try is short, and the same each time.
    context.add_init_script("Math.random = () => 0.1")
    return Story(context.new_page(), live, counter)


def is_patch(frame: Frame) -> bool:
    return bool(frame[0] > 0)


def is_event(frame: Frame) -> bool:
    return bool(frame[0] > 0)


def is_whole(frame: Frame) -> bool:
    return bool(frame[2:4] == [10, 0])


# --- Lost connections -----------------------------------------------------------


def test_a_click_without_connection_counts_once_when_there_is_one(story: Story) -> None:
    story.begin()
    story.click()
    story.expect_count(1)
    story.line.cut()
    story.expect_state("offline")
    story.click()
    story.click()
    story.line.mend()
    story.expect_count(3)
    assert story.ran == ["add"] * 3
    assert story.line.modes == ["handoff", "resume"]
    story.expect_undisturbed()


def test_a_patch_that_was_lost_with_the_connection_comes_again(story: Story) -> None:
    story.line.down = Once(is_patch, cut)
    story.begin()
    story.click()
    story.expect_count(1)
    assert story.ran == ["add"]
    assert story.line.modes == ["handoff", "resume"]
    assert not any(map(is_whole, story.line.patches))
    story.expect_undisturbed()


def test_an_event_that_was_lost_with_the_connection_is_sent_again(story: Story) -> None:
    story.line.up = Once(is_event, cut)
    story.begin()
    story.click()
    story.expect_count(1)
    assert story.ran == ["add"]


def test_an_event_whose_acknowledgement_was_lost_does_not_run_again(story: Story) -> None:
    story.line.down = acknowledgement = Once(lambda frame: frame[:2] == [-1, 1], cut)
    story.begin()
    story.click("silent")
    story.line.until(lambda: acknowledgement.done)
    story.click()
    story.expect_count(1)
    assert story.ran == ["note", "add"]
    assert story.line.modes == ["handoff", "resume"]


def test_an_event_that_is_still_running_does_not_run_again(story: Story) -> None:
    story.begin()
    story.click("slow")
    story.line.until(lambda: story.ran == ["wait"])
    story.line.cut()
    story.line.mend()
    # The browser cannot know whether it arrived, and says it again.
    story.line.until(lambda: [f and f[0] for f in story.line.passed_up].count(1) == 2)
    story.gate.set()
    story.expect_count(1)
    story.click()
    story.expect_count(2)
    assert story.ran == ["wait", "add"]


def test_what_the_server_changed_meanwhile_comes_as_one_patch(story: Story) -> None:
    story.begin()
    story.click("slow")
    story.line.until(lambda: story.ran == ["wait"])
    story.line.cut()
    story.expect_state("offline")
    story.gate.set()
    [session] = story.line.app.registry
    story.line.until(lambda: session.connections[0].handled == 1)
    for number in range(2, 6):
        session.template.show(number)
    story.line.mend()
    story.expect_count(5)
    assert len(story.line.patches) == 1
    story.expect_undisturbed()


def test_a_line_that_fails_again_and_again_loses_nothing(story: Story) -> None:
    frames = 0

    def fail_often(frame: Frame) -> list[Frame]:
        nonlocal frames
        frames += frame[0] != 0
        if frames in (2, 5, 9, 12):
            frames += 1
            raise Cut
        return [frame]

    story.begin()
    story.line.up = story.line.down = fail_often
    for _ in range(10):
        story.click()
    story.expect_count(10)
    assert story.ran == ["add"] * 10
    story.expect_undisturbed()


# --- Frames that go astray -------------------------------------------------------


def test_patches_that_come_twice_do_no_harm(story: Story) -> None:
    story.line.down = lambda frame: [frame, frame] if is_patch(frame) else [frame]
    story.begin()
    for number in range(1, 4):
        story.click()
        story.expect_count(number)
    story.line.down = whole
    story.click()
    story.expect_count(4)
    assert story.ran == ["add"] * 4
    story.expect_undisturbed()


def test_events_that_come_twice_run_once(story: Story) -> None:
    story.line.up = lambda frame: [frame, frame] if is_event(frame) else [frame]
    story.begin()
    for number in range(1, 4):
        story.click()
        story.expect_count(number)
    assert story.ran == ["add"] * 3


def test_after_a_gap_the_page_asks_for_the_whole_tree(story: Story) -> None:
    story.line.down = Once(is_patch, lose)
    story.begin()
    story.click()
    story.line.until(lambda: story.ran == ["add"])
    story.click()
    story.expect_count(2)
    assert [-3, "gap"] in story.line.passed_up
    assert is_whole(story.line.patches[-1])
    story.click()
    story.expect_count(3)
    assert not is_whole(story.line.patches[-1])
    story.expect_undisturbed()


GARBAGE: dict[str, Callable[[list[Any]], list[Any]]] = {
    "an op that there is none of": lambda ops: [99, 1],
    "an element that there is none of": lambda ops: [6, "nowhere"],
    "half a patch": lambda ops: ops[:-1],
    "a patch that is wrong at its end": lambda ops: [*ops, *ops, 6, 99999],
    "a patch that empties the page before it is wrong": lambda ops: [10, ops[1], 0, 6, 99999],
    "a property that is not allowed": lambda ops: [4, ops[1], "innerHTML", "<b>x</b>"],
    "no numbers": lambda ops: [{}, None, "x"],
}


@pytest.mark.parametrize("name", GARBAGE)
def test_a_patch_that_cannot_be_applied_is_followed_by_the_whole_tree(
    story: Story, name: str
) -> None:
    story.line.down = Once(is_patch, lambda frame: [[*frame[:2], *GARBAGE[name](frame[2:])]])
    story.begin()
    story.click()
    story.expect_count(1)
    # One that is wrong at its end has shown the count before.
    story.line.until(lambda: is_whole(story.line.patches[-1]))
    story.click()
    story.expect_count(2)
    assert story.ran == ["add"] * 2
    story.expect_undisturbed()


def test_a_page_that_no_tree_can_be_put_into_gives_up_and_says_so(story: Story) -> None:
    story.line.down = lambda frame: [frame[:-1]] if is_patch(frame) else [frame]
    story.begin()
    story.click()
    story.expect_state("closed")
    expect(story.page.get_by_role("status")).to_contain_text("Please reload")


# --- Sessions ---------------------------------------------------------------------


def test_each_page_load_has_a_session_of_its_own(story: Story) -> None:
    story.begin()
    story.click()
    story.expect_count(1)
    other = story.page.context.new_page()
    other.goto(story.url)
    expect(other.locator("html")).to_have_attribute("data-sapwood", "online")
    expect(other.locator("#count")).to_have_text("0")
    other.locator("#plus").click()
    other.locator("#plus").click()
    expect(other.locator("#count")).to_have_text("2")
    story.expect_count(1)


def test_a_page_whose_session_is_gone_begins_anew_and_says_so(story: Story) -> None:
    story.begin()
    story.click()
    story.expect_count(1)
    story.line.app.session_timeout_s = 0.01
    story.line.cut()
    story.line.until(lambda: len(story.line.app.sessions) == 0)
    story.expect_state("offline")
    story.click()
    story.line.mend()
    story.expect_state("online")
    story.expect_count(0)
    expect(story.page.get_by_role("status")).to_contain_text("not carried out")
    story.click()
    story.expect_count(1)
    assert story.line.modes == ["handoff", "fresh"]
    assert story.ran == ["add"] * 2
    assert story.page.evaluate("() => window.mark") == 1


def test_a_page_without_connection_says_so_until_it_has_one(story: Story) -> None:
    banner = story.page.get_by_role("status")
    story.begin()
    expect(banner).to_be_empty()
    story.line.cut()
    story.expect_state("offline")
    expect(banner).to_have_text("Connection lost. Reconnecting…")
    story.line.mend()
    story.expect_state("online")
    expect(banner).to_be_empty()
    story.expect_undisturbed()


APP = f"""
from sapwood import App, Template

class Counter(Template):
    number = 0

    def add(self):
        self.number += 1
        self.querySelector("#count").content = self.number
        self.update()

    note = wait = go_in_steps = storm = add

app = App()

@app.route("/")
def index():
    return Counter({HTML!r})
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_page_outlives_its_server(
    context: BrowserContext, serve: Serve, tmp_path: Path, how: signal.Signals
) -> None:
    context.add_init_script("Math.random = () => 0.1")
    (tmp_path / "app.py").write_text(APP)
    server = serve(tmp_path / "app.py")
    page = context.new_page()
    page.goto(server.url)
    html, count = page.locator("html"), page.locator("#count")
    page.locator("#plus").click()
    expect(count).to_have_text("1")
    page.evaluate("() => { window.mark = 1 }")
    server.stop(how)
    expect(html).to_have_attribute("data-sapwood", "offline")
    server.start()
    expect(html).to_have_attribute("data-sapwood", "online")
    expect(count).to_have_text("0")
    page.locator("#plus").click()
    expect(count).to_have_text("1")
    assert page.evaluate("() => window.mark") == 1


# --- Many updates -----------------------------------------------------------------

WATCH = """() => {
  window.seen = [];
  new MutationObserver(() => seen.push(count.textContent))
    .observe(count, { childList: true, characterData: true, subtree: true });
}"""


def test_updates_of_one_handler_show_one_after_the_other(story: Story) -> None:
    story.begin()
    story.page.evaluate(WATCH)
    story.click("steps")
    story.expect_count(6)
    assert story.page.evaluate("() => seen") == ["1", "2", "3", "4", "5", "6"]


def test_a_page_that_does_not_acknowledge_is_sent_eight_patches_and_then_the_newest(
    story: Story,
) -> None:
    acknowledgements = Held(lambda frame: frame[0] == -1)
    story.line.up = acknowledgements
    story.begin()
    story.click("storm")
    [session] = story.line.app.registry
    story.line.until(lambda: session.connections[0].handled == 1)
    story.expect_count(8)
    story.line.until(lambda: bool(acknowledgements.frames))
    assert len(story.line.patches) == 8
    story.line.up = whole
    story.line.pass_up(acknowledgements.frames[-1:])
    story.expect_count(1000)
    assert len(story.line.patches) == 9


# --- Whoever is not our page --------------------------------------------------------


def socket_to(live: Live, **options: Any) -> ClientConnection:
    given = {"origin": live.url, "subprotocols": ["sapwood.1"], "proxy": None, **options}
    return connect(live.url.replace("http", "ws") + "/_sapwood/ws", **given)


# Stands in a list of frames for a join that is good.
JOIN = "join"


def page_of(live: Live) -> tuple[str, dict[str, str]]:
    """Load the page; return the join that is good for it, and the headers that go with it."""
    with urlopen(live.url) as answer:
        found = re.search(r'"sapwood" content="([^"]+)"', answer.read().decode())
        cookie = answer.headers["set-cookie"].partition(";")[0]
    assert found
    return json.dumps([0, {"v": 1, "token": found[1]}]), {"cookie": cookie}


@pytest.mark.parametrize(
    "options",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": None},
        {"subprotocols": None},
        {"subprotocols": ["sapwood.2"]},
    ],
    ids=str,
)
def test_a_handshake_of_a_stranger_is_refused(live: Live, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidStatus) as refused, socket_to(live, **options):
        pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([b"[0, {}]"], 4400),
        (["not JSON"], 4400),
        (["{}"], 4400),
        (["[]"], 4400),
        (["[0]"], 4400),
        (['[0, {"v": 2, "token": "t"}]'], 4400),
        (['[0, {"v": 1}]'], 4400),
        (['[0, {"v": 1, "token": "t", "resume": "r"}]'], 4410),
        (["[1, 0, 1]"], 4400),
        (["[-1, 0]"], 4400),
        (["[" * 100_000], 4400),
        (["[0, " + " " * 1_048_576 + "{}]"], 1009),
        (['[0, {"v": 1, "token": "of nobody"}]'], 4410),
        ([JOIN, JOIN], 4400),
        ([JOIN, "[2, 0, 1]"], 4400),
        ([JOIN, "[-1, 99]"], 4400),
        ([JOIN, "[1, 0, 1, " + '"x"' * 30_000 + "]"], 1009),
        ([JOIN, "[1, 0, 1" + ", 1" * 9 + "]"], 4400),
        ([JOIN, b"[-2, 1]"], 4400),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_frame_that_is_none_is_answered_by_its_close_code(
    live: Live, frames: list[str | bytes], code: int
) -> None:
    good, headers = page_of(live)
    with socket_to(live, additional_headers=headers) as socket:
        for frame in frames:
            socket.send(good if frame == JOIN else frame)
        with suppress(ConnectionClosed):
            while True:
                socket.recv(timeout=15)
        assert socket.close_code == code
