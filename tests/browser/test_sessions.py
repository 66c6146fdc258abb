"""Sessions as a page shows them: who waits, what runs at once, what scripts add, how it ends."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page, expect

from line import Live
from notebook import notebook
from person import Person
from sapwood import App, EventHandler, Template, policy


@pytest.fixture
def serve_app() -> Iterator[Callable[[App], Live]]:
    """Serve an app until the test ends."""
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(Live(app))


Serving = Callable[[App], Live]


def opened(page: Page, live: Live) -> Page:
    """Open the page and wait until it is live."""
    page.goto(live.url)
    expect(page.locator("html")).to_have_attribute("data-sapwood", "online")
    return page


# --- Places, and the end -----------------------------------------------------------------


def test_a_browser_waits_for_its_place_and_gets_in_when_another_leaves(
    browser: Browser, serve_app: Serving
) -> None:
    live = serve_app(notebook(max_sessions=1))
    with browser.new_context() as one, browser.new_context() as other, browser.new_context() as far:
        first, second, third = (Person(it.new_page(), live.url) for it in (one, other, far))
        first.open()
        second.page.goto(live.url)
        second.expect_state("waiting")
        expect(second.banner).to_have_text("Waiting for a place: 1")
        third.page.goto(live.url)
        expect(third.banner).to_have_text("Waiting for a place: 2")
        second.press("b")
        first.press("a")
        first.expect_ran("a")
        first.page.close()
        second.expect_state("online")
        expect(second.banner).to_be_empty()
        # What was pressed while it waited runs now.
        second.expect_ran("b")
        expect(third.banner).to_have_text("Waiting for a place: 1")


def test_a_session_that_is_closed_says_so_and_stays_closed(page: Page, serve_app: Serving) -> None:
    live = serve_app(notebook())
    person = Person(page, live.url)
    person.begin()
    person.press("a")
    person.expect_ran("a")
    [session] = live.line.app.sessions.values()
    session.close()
    person.expect_state("closed")
    expect(person.banner).to_have_text("No longer live. Please reload.")
    # What would wake any other page up.
    page.evaluate("() => dispatchEvent(new Event('online'))")
    person.press("b")
    page.evaluate("() => sapwood.resync()")
    person.expect_state("closed")
    person.expect_undisturbed()
    page.reload()
    person.expect_state("online")
    assert live.line.modes == ["handoff", "handoff"]


# --- What runs at once ----------------------------------------------------------------------

DESK = """<!DOCTYPE html><html><head><title>Desk</title></head><body>
<button id="one" _onclick="together">1</button><p id="of-one"></p>
<button id="two" _onclick="together">2</button><p id="of-two"></p>
<button id="drop" _onclick="once">d</button><button id="latest" _onclick="newest">l</button>
<button id="queue" _onclick="each">q</button><p id="log"></p></body></html>"""


class Desk(Template):
    """Buttons whose handlers wait for the test's leave."""

    gate: asyncio.Event
    log: str

    def __init__(self) -> None:
        super().__init__(DESK)
        self.gate = asyncio.Event()
        self.log = ""

    def write(self, id: str, text: str) -> None:
        element = self.getElementById(id)
        assert element is not None
        element.content = text
        self.update()

    async def work(self, name: str) -> None:
        self.log += f"{name} "
        self.write("log", self.log)
        await self.gate.wait()

    @policy("parallel")
    async def together(self, e: EventHandler) -> None:
        self.write(f"of-{e.target.id}", "Waiting")
        await self.gate.wait()
        self.write(f"of-{e.target.id}", "Done")

    @policy("drop")
    async def once(self) -> None:
        await self.work("drop")

    @policy("latest")
    async def newest(self) -> None:
        await self.work("latest")

    async def each(self) -> None:
        await self.work("queue")


@pytest.fixture
def live_desk(page: Page, serve_app: Serving) -> Live:
    app = App(debug=True)
    app.route("/")(Desk)
    live = serve_app(app)
    opened(page, live)
    return live


def press(page: Page, *ids: str) -> None:
    for id in ids:
        page.locator(f"#{id}").click()


def let_go(live: Live) -> None:
    """Let all handlers come to their end."""
    [session] = live.line.app.sessions.values()

    async def let_go() -> None:
        session.template.gate.set()

    live.line.run(let_go())


def test_parallel_handlers_wait_side_by_side(page: Page, live_desk: Live) -> None:
    press(page, "one", "two")
    expect(page.locator("#of-one")).to_have_text("Waiting")
    expect(page.locator("#of-two")).to_have_text("Waiting")
    let_go(live_desk)
    expect(page.locator("#of-one")).to_have_text("Done")
    expect(page.locator("#of-two")).to_have_text("Done")


@pytest.mark.parametrize(("id", "ran"), [("queue", 4), ("latest", 2), ("drop", 1)])
def test_a_policy_says_what_becomes_of_events_meanwhile(
    page: Page, live_desk: Live, id: str, ran: int
) -> None:
    press(page, id)
    expect(page.locator("#log")).not_to_be_empty()
    press(page, id, id, id)
    [session] = live_desk.line.app.sessions.values()
    live_desk.line.until(lambda: session.connections[0].received == 4)
    let_go(live_desk)
    # A handler that hears of an event after all these is the last to run.
    press(page, "one")
    expect(page.locator("#of-one")).to_have_text("Done")
    live_desk.line.until(lambda: session.connections[0].handled == 5)
    assert session.template.log.split() == [id] * ran
    expect(page.locator("#log")).to_have_text(session.template.log.strip())


# --- Debounce ---------------------------------------------------------------------------------

SEARCH = """<!DOCTYPE html><html><head><title>Search</title></head><body>
<input id="field"><button id="go">go</button><p id="log"></p></body></html>"""
LONG_S = 30.0


class Search(Template):
    """A field whose events are held back for longer than a test lasts."""

    def __init__(self) -> None:
        super().__init__(SEARCH)
        field, go = self.getElementById("field"), self.getElementById("go")
        assert field is not None
        assert go is not None
        field.on("input", self.write, debounce=LONG_S)
        go.on("click", self.write)
        self.field = field

    def write(self, e: EventHandler) -> None:
        log = self.getElementById("log")
        assert log is not None
        log.content = f"{log.content}{e.type}:{self.field.value} "
        e.update()


def test_a_click_sends_what_a_debounce_holds_back_first(page: Page, serve_app: Serving) -> None:
    app = App(debug=True)
    app.route("/")(Search)
    opened(page, serve_app(app))
    page.locator("#field").press_sequentially("abc")
    expect(page.locator("#log")).to_be_empty()
    page.locator("#go").click()
    expect(page.locator("#log")).to_have_text("input:abc click:abc")


# --- What scripts add ---------------------------------------------------------------------------

HALL = """<!DOCTYPE html><html><head><title>Hall</title></head><body>
<ul id="list" _onclick="mark"><li>ours</li></ul>
<div id="widget" data-sapwood-ignore></div><p id="log"></p></body></html>"""
ADD = """() => {
  window.made = document.createElement("li");
  made.className = "made";
  made.textContent = "theirs";
  list.prepend(made);
  widget.innerHTML = "<b>a map</b>";
  window.map = widget.firstChild;
  sapwood.resync();
}"""


class Hall(Template):
    """A list that writes into whatever in it is clicked."""

    def __init__(self) -> None:
        super().__init__(HALL)

    def mark(self, e: EventHandler) -> None:
        log = self.getElementById("log")
        assert log is not None
        siblings = [str(item.content) for item in e.current_target.children]
        log.content = f"{e.target.tag} {e.target.attrs.get('class')} {siblings}"
        e.target.content = "marked"
        e.update()


def test_what_a_script_added_is_an_element_like_any_other(page: Page, serve_app: Serving) -> None:
    app = App(debug=True)
    app.route("/")(Hall)
    live = serve_app(app)
    opened(page, live)
    page.evaluate(ADD)
    expect(page.locator(".made[uuid]")).to_have_count(1)
    page.locator(".made").click()
    expect(page.locator("#log")).to_have_text("li made ['theirs', 'ours']")
    expect(page.locator("#list li")).to_have_text(["marked", "ours"])
    [session] = live.line.app.sessions.values()
    session.reconstruct()
    page.locator("#list li").last.click()
    expect(page.locator("#list li")).to_have_text(["marked", "marked"])
    # It is still the script's own element, and what is to be ignored was.
    assert page.evaluate("() => made === list.firstElementChild && map === widget.firstChild")
    assert page.evaluate("() => widget.innerHTML") == "<b>a map</b>"
