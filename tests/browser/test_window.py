"""What a handler asks of the window it was called from, in a real one.

Who waits for how long is tried with a clock of its own in tests/python/test_window.py;
which frames go up and down when sockets are lost, in tests/client/window.test.js.
"""

import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from alone import Alone
from line import Frame, Line, Live, Once, cut
from sapwood import App, EventHandler, Template, WindowGone

HTML = """<!DOCTYPE html><html><head><title>Window</title><link rel="icon" href="data:,"></head>
<body style="overflow-anchor: none"><input id="field" aria-label="Field">
<button id="ask" _onclick="ask">ask</button>
<button id="next" _onclick="next">next</button><p id="said"></p><p id="count">0</p>
<div style="height: 4000px; width: 4000px"></div></body></html>"""

#: Counts the dialogs that are shown, from before the page's own script.
COUNT = """window.dialogs = 0;
const show = HTMLDialogElement.prototype.showModal;
HTMLDialogElement.prototype.showModal = function () { dialogs++; show.call(this); };
// So that waiting for the next try is short.
Math.random = () => 0.1;"""

Does = Callable[[EventHandler], Awaitable[Any]]


class Desk(Template):
    """A page whose first button does what the test says, and writes down what came of it."""

    def __init__(self, does: Does) -> None:
        super().__init__(HTML)
        self.does = does
        self.count = 0

    def write(self, id: str, text: object) -> None:
        element = self.getElementById(id)
        assert element is not None
        element.content = str(text)
        self.update()

    async def ask(self, e: EventHandler) -> None:
        try:
            said = repr(await self.does(e))
        except Exception as error:
            said = repr(error)
        self.write("said", said)

    async def next(self, e: EventHandler) -> None:
        self.count += 1
        self.write("count", self.count)


class Story:
    """A tab that shows the desk, and the line to its server."""

    def __init__(self, context: BrowserContext, live: Live) -> None:
        self.context = context
        self.live = live
        self.line: Line = live.line
        self.page = self.open("/")

    def open(self, address: str) -> Page:
        page = self.context.new_page()
        page.goto(self.live.url + address)
        expect(page.locator("html")).to_have_attribute("data-sapwood", "online")
        return page

    def press(self, id: str, page: Page | None = None) -> None:
        """Press a button, also one that lies behind a dialog."""
        (page or self.page).evaluate("id => document.getElementById(id).click()", id)

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("alertdialog")

    def expect_said(self, said: object) -> None:
        expect(self.page.locator("#said")).to_have_text(repr(said))

    def expect_shown(self, times: int) -> None:
        assert self.page.evaluate("dialogs") == times

    @property
    def answers(self) -> list[Any]:
        return [frame[2] for frame in self.line.passed_up if frame and frame[0] == -5]


Tell = Callable[[Does], Story]


@pytest.fixture
def tell(context: BrowserContext) -> Iterator[Tell]:
    """Serve a desk whose button does this, and open it."""
    context.add_init_script(COUNT)
    with ExitStack() as stack:

        def tell(does: Does) -> Story:
            app = App(debug=True)
            app.route("/")(lambda: Desk(does))
            return Story(context, stack.enter_context(Live(app)))

        yield tell


async def confirm(e: EventHandler) -> bool:
    return await e.window.confirm("<b>Sure?</b>\nReally?")


async def prompt(e: EventHandler) -> str | None:
    return await e.window.prompt("Who?", "Ada")


# --- Dialogs --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "said"),
    [("Enter", True), ("Escape", False), ("Space", True), ("Tab Enter", False)],
)
def test_a_confirm_is_answered_by_keys(tell: Tell, key: str, said: bool) -> None:
    story = tell(confirm)
    story.press("ask")
    expect(story.dialog).to_be_visible()
    for each in key.split():
        story.page.keyboard.press(each)
    story.expect_said(said)
    expect(story.dialog).to_have_count(0)
    assert story.answers == [said]


@pytest.mark.parametrize(("button", "said"), [("OK", True), ("Cancel", False)])
def test_a_confirm_is_answered_by_its_buttons(tell: Tell, button: str, said: bool) -> None:
    story = tell(confirm)
    story.press("ask")
    story.dialog.get_by_role("button", name=button).click()
    story.expect_said(said)


def test_a_dialog_has_a_name_shows_text_and_holds_the_focus(tell: Tell) -> None:
    story = tell(confirm)
    story.press("ask")
    named = story.page.get_by_role("alertdialog", name="<b>Sure?</b> Really?")
    expect(named).to_contain_text("<b>Sure?</b>\nReally?")
    expect(named.get_by_role("button", name="OK")).to_be_focused()
    # The browser lets nobody through to what is behind a modal dialog.
    behind = story.page.locator("#next").bounding_box()
    assert behind
    story.page.mouse.click(behind["x"] + 2, behind["y"] + 2)
    for _ in range(5):
        story.page.keyboard.press("Tab")
    assert story.page.evaluate("document.activeElement.closest('body > :not(dialog)')") is None
    story.page.keyboard.press("Escape")
    story.expect_said(False)
    expect(story.page.locator("#count")).to_have_text("0")


def test_the_focus_goes_back_where_it_was(tell: Tell) -> None:
    story = tell(prompt)
    field = story.page.locator("#field")
    field.press_sequentially("typed")
    field.press("ArrowLeft")
    story.press("ask")
    expect(story.dialog).to_be_visible()
    story.page.keyboard.type("Grace")
    story.page.keyboard.press("Enter")
    story.expect_said("Grace")
    expect(field).to_be_focused()
    story.page.keyboard.type("!")
    expect(field).to_have_value("type!d")


@pytest.mark.parametrize(
    ("keys", "said"),
    [(["Enter"], "Ada"), (["End", "!", "Enter"], "Ada!"), (["Delete", "Enter"], "")],
)
def test_a_prompt_has_a_line_to_edit(tell: Tell, keys: list[str], said: str) -> None:
    story = tell(prompt)
    story.press("ask")
    expect(story.dialog.get_by_role("textbox", name="Who?")).to_be_focused()
    for key in keys:
        story.page.keyboard.press(key)
    story.expect_said(said)


@pytest.mark.parametrize("keys", [["Escape"], ["Tab", "Tab", "Enter"]])
def test_a_prompt_without_a_line_says_so(tell: Tell, keys: list[str]) -> None:
    story = tell(prompt)
    story.press("ask")
    expect(story.dialog).to_be_visible()
    for key in keys:
        story.page.keyboard.press(key)
    story.expect_said(None)


def test_an_alert_waits_until_it_is_dismissed_and_has_one_button(tell: Tell) -> None:
    async def alert(e: EventHandler) -> str:
        await e.window.alert("Done")
        return "dismissed"

    story = tell(alert)
    story.press("ask")
    expect(story.dialog.get_by_role("button")).to_have_text(["OK"])
    story.press("next")
    expect(story.page.locator("#said")).to_be_empty()
    story.page.keyboard.press("Enter")
    story.expect_said("dismissed")
    expect(story.page.locator("#count")).to_have_text("1")


def test_an_alert_that_nobody_waits_for_holds_nothing_up(tell: Tell) -> None:
    async def alert(e: EventHandler) -> None:
        e.window.alert("Done")

    story = tell(alert)
    story.press("ask")
    expect(story.dialog).to_contain_text("Done")
    story.press("next")
    expect(story.page.locator("#count")).to_have_text("1")
    expect(story.dialog).to_be_visible()


def test_a_handler_that_is_no_coroutine_takes_the_result(tell: Tell) -> None:
    async def nothing(e: EventHandler) -> None: ...

    story = tell(nothing)
    (session,) = story.live.line.app.sessions.values()
    said: list[Any] = []

    def in_a_thread(e: EventHandler) -> None:
        said.append((e.window.confirm("Sure?").result(), threading.current_thread().name))
        session.template.write("said", said[-1][0])  # type: ignore[attr-defined]

    body = session.template.querySelector("#field")
    assert body
    body.on("keydown", in_a_thread)
    story.line.run(_in_loop(session.template.update))
    story.page.locator("#field[_onkeydown]").press("a")
    story.dialog.get_by_role("button", name="OK").click()
    expect(story.page.locator("#said")).to_have_text("True")
    assert said[0][1] != "MainThread"


async def _in_loop(function: Callable[[], Any]) -> None:
    function()


def test_a_handler_of_focus_that_asks_is_asked_once(tell: Tell) -> None:
    story = tell(confirm)
    (session,) = story.live.line.app.sessions.values()
    field = session.template.querySelector("#field")
    assert field
    field.on("focus", session.template.ask)  # type: ignore[attr-defined]
    story.line.run(_in_loop(session.template.update))
    story.page.locator("#field[_onfocus]").focus()
    story.dialog.get_by_role("button", name="OK").click()
    story.expect_said(True)
    story.press("next")
    expect(story.page.locator("#count")).to_have_text("1")
    story.expect_shown(1)
    expect(story.page.locator("#field")).to_be_focused()


def test_a_dialog_stays_over_a_whole_tree(tell: Tell) -> None:
    story = tell(confirm)
    story.press("ask")
    expect(story.dialog).to_be_visible()
    (session,) = story.live.line.app.sessions.values()
    before = len(story.line.patches)
    session.reconstruct()
    story.line.until(lambda: len(story.line.patches) > before)
    story.press("next")
    story.dialog.get_by_role("button", name="OK").click()
    story.expect_said(True)
    expect(story.page.locator("#count")).to_have_text("1")
    story.expect_shown(1)


# --- Connections that come and go -----------------------------------------------------


def is_question(frame: Frame) -> bool:
    return bool(frame[0] == -5)


@pytest.mark.parametrize("way", ["down", "up"])
def test_a_question_or_an_answer_that_was_lost_comes_again_once(tell: Tell, way: str) -> None:
    story = tell(confirm)
    setattr(story.line, way, Once(is_question, cut))
    story.press("ask")
    story.dialog.get_by_role("button", name="OK").click()
    story.expect_said(True)
    story.expect_shown(1)
    assert story.line.modes == ["handoff", "resume"]


def test_a_dialog_stays_over_a_lost_connection_and_is_answered_once(tell: Tell) -> None:
    story = tell(confirm)
    story.press("ask")
    expect(story.dialog).to_be_visible()
    # Of the next thing that the page says nothing arrives.
    story.line.up = Once(lambda frame: True, cut)
    story.press("next")
    story.line.until(lambda: story.line.modes == ["handoff", "resume"])
    story.dialog.get_by_role("button", name="OK").click()
    story.expect_said(True)
    expect(story.page.locator("#count")).to_have_text("1")
    story.expect_shown(1)


def test_a_connection_that_stays_away_ends_the_question_and_then_the_dialog(tell: Tell) -> None:
    story = tell(confirm)
    story.press("ask")
    expect(story.dialog).to_be_visible()
    story.line.cut()
    (session,) = story.live.line.app.sessions.values()
    story.line.until(lambda: not session.is_busy)
    expect(story.dialog).to_be_visible()
    story.line.mend()
    expect(story.dialog).to_have_count(0)
    story.expect_said(WindowGone("confirm: the connection was lost"))
    story.press("next")
    expect(story.page.locator("#count")).to_have_text("1")


def test_f5_ends_a_prompt_and_the_next_event_runs_at_once(tell: Tell) -> None:
    story = tell(prompt)
    story.press("ask")
    expect(story.dialog).to_be_visible()
    story.press("next")
    story.page.reload()
    story.expect_said(WindowGone("prompt: the page was loaded again"))
    expect(story.page.locator("#count")).to_have_text("1")
    expect(story.dialog).to_have_count(0)
    # And the page that is there now can be asked.
    story.press("ask")
    expect(story.dialog).to_be_visible()
    story.page.keyboard.press("Enter")
    story.expect_said("Ada")
    assert story.line.modes == ["handoff", "resume"]


def test_only_the_tab_of_the_event_is_asked_and_the_other_goes_on_when_it_is_gone(
    tell: Tell,
) -> None:
    story = tell(confirm)
    (session,) = story.live.line.app.sessions.values()
    other = story.open(session.url)
    story.press("ask", other)
    expect(other.get_by_role("alertdialog")).to_be_visible()
    story.press("next")
    other.close()
    story.expect_said(WindowGone("confirm: the connection was lost"))
    expect(story.page.locator("#count")).to_have_text("1")
    story.expect_shown(0)


def test_a_question_goes_over_a_stream_as_well(context: BrowserContext, tell: Tell) -> None:
    context.route_web_socket("**/*", lambda socket: socket.close())
    story = tell(confirm)
    (session,) = story.live.line.app.sessions.values()
    assert session.info.protocol == "stream"
    story.press("ask")
    story.dialog.get_by_role("button", name="OK").click()
    story.expect_said(True)


def test_the_session_that_asked_is_gone_and_so_is_its_dialog(page: Page) -> None:
    alone = Alone(page, "")
    alone.open()
    alone.join()
    alone.welcome()
    dialogs = page.get_by_role("alertdialog")
    alone.say(-5, 1, "confirm", ["Sure?"])
    expect(dialogs).to_be_visible()
    # The server was started anew.
    alone.sockets[-1].close(code=4410)
    expect(dialogs).to_have_count(0)
    alone.join()
    alone.welcome("restored")
    alone.fill(1, [0])
    alone.say(-5, 1, "confirm", ["Really?"])
    expect(dialogs).to_contain_text("Really?")
    page.keyboard.press("Enter")
    assert alone.take(is_question) == [-5, 1, True]
    alone.say(-5, 2, "confirm", ["And now?"])
    expect(dialogs).to_be_visible()
    # The application closed the session.
    alone.sockets[-1].close(code=4411)
    expect(dialogs).to_have_count(0)


# --- The rest of the window -----------------------------------------------------------


def test_storage_is_the_browsers(tell: Tell) -> None:
    async def use(e: EventHandler) -> Any:
        local, session = e.window.local_storage, e.window.session_storage
        await local.set("name", "Ada 👩‍🚀")
        session.set("name", "other")
        before = await local.get("name"), await local.keys(), await session.get("name")
        local.set("more", "1")
        local.remove("name")
        session.clear()
        after = await local.get("name"), await local.keys(), await session.keys()
        return before, after

    story = tell(use)
    story.press("ask")
    story.expect_said((("Ada 👩‍🚀", ["name"], "other"), (None, ["more"], [])))
    assert story.page.evaluate("[localStorage.more, sessionStorage.length]") == ["1", 0]


def test_the_window_says_what_it_is_like(tell: Tell) -> None:
    info: list[Any] = []

    async def look(e: EventHandler) -> None:
        info.append(await e.window.info())

    story = tell(look)
    story.page.evaluate("scrollTo(7, 11.5)")
    story.press("ask")
    story.expect_said(None)
    (seen,) = info
    names = """[location.href, navigator.language, navigator.userAgent, navigator.platform,
        innerWidth, innerHeight, screen.width, screen.height, devicePixelRatio, scrollX, scrollY]"""
    assert story.page.evaluate(names) == [
        seen.url, seen.language, seen.user_agent, seen.platform, seen.width, seen.height,
        seen.screen_width, seen.screen_height, seen.pixel_ratio, seen.scroll_x, seen.scroll_y,
    ]  # fmt: skip
    assert (seen.url, seen.scroll_x) == (story.live.url + "/", 7)
    assert seen.timezone


def test_a_page_is_scrolled(tell: Tell) -> None:
    async def scroll(e: EventHandler) -> None:
        e.window.scroll_to(10, 500)
        await e.window.scroll_by(-5, 100)

    story = tell(scroll)
    story.press("ask")
    story.expect_said(None)
    assert story.page.evaluate("[scrollX, scrollY]") == [5, 600]


@pytest.mark.parametrize(("how", "length"), [("assign", 2), ("replace", 1)])
def test_a_window_goes_to_another_page(tell: Tell, how: str, length: int) -> None:
    async def go(e: EventHandler) -> None:
        await getattr(e.window.location, how)("/?there#place")

    story = tell(go)
    assert story.page.evaluate("history.length") == 2  # with the blank page before it
    story.press("ask")
    story.page.wait_for_url("**/?there#place")
    assert story.page.evaluate("history.length") == length + 1
    # That it goes was said before it went.
    story.line.until(lambda: story.answers == [None])


def test_a_reload_keeps_the_session(tell: Tell) -> None:
    async def reload(e: EventHandler) -> None:
        e.reload()

    story = tell(reload)
    story.press("next")
    expect(story.page.locator("#count")).to_have_text("1")
    story.page.evaluate("window.mark = 1")
    story.press("ask")
    story.page.wait_for_function("() => !window.mark")
    expect(story.page.locator("html")).to_have_attribute("data-sapwood", "online")
    expect(story.page.locator("#count")).to_have_text("1")
    assert story.line.modes == ["handoff", "resume"]


def test_what_is_done_to_the_window_is_done_once(tell: Tell) -> None:
    async def go(e: EventHandler) -> None:
        await e.window.scroll_by(0, 10)

    story = tell(go)
    story.line.up = Once(is_question, cut)
    story.press("ask")
    story.expect_said(None)
    assert story.line.modes == ["handoff", "resume"]
    assert story.page.evaluate("scrollY") == 10


def test_a_window_opens_another_one_which_cannot_reach_back(tell: Tell) -> None:
    async def open_one(e: EventHandler) -> None:
        await e.window.open("/?new")

    story = tell(open_one)
    with story.page.expect_popup() as opening:
        story.page.locator("#ask").click()
    opened = opening.value
    opened.wait_for_url("**/?new")
    assert opened.evaluate("opener") is None
    story.expect_said(None)


def test_only_a_window_that_a_script_opened_is_closed(tell: Tell) -> None:
    async def close(e: EventHandler) -> None:
        await e.window.close()

    story = tell(close)
    with story.page.expect_popup() as opening:
        story.page.evaluate("() => void open('/')")
    opened = opening.value
    expect(opened.locator("html")).to_have_attribute("data-sapwood", "online")
    with opened.expect_event("close"):
        story.press("ask", opened)
    story.page.goto(story.live.url + "/?more-than-one-entry")
    expect(story.page.locator("html")).to_have_attribute("data-sapwood", "online")
    story.press("ask")
    expect(story.page.locator("#said")).to_contain_text("the browser closes no window")


# --- Events of the window -------------------------------------------------------------

EVENTS = {
    "resize": lambda page: page.set_viewport_size({"width": 500, "height": 400}),
    "hashchange": lambda page: page.evaluate("location.hash = 'x'"),
    "popstate": lambda page: page.evaluate("history.pushState(1, ''); history.back()"),
    "offline": lambda page: page.evaluate("dispatchEvent(new Event('offline'))"),
    "my:own.event": lambda page: page.evaluate("dispatchEvent(new Event('my:own.event'))"),
    "focus": lambda page: page.evaluate("dispatchEvent(new Event('focus'))"),
    "scroll": lambda page: page.evaluate("scrollTo(0, 50)"),
    "selectionchange": lambda page: page.evaluate("getSelection().selectAllChildren(tall)"),
}


@pytest.fixture
def live_body(page: Page) -> Iterator[Callable[[str, Callable[[EventHandler], Any]], Live]]:
    """Serve a page whose body has this handler, and open it."""
    with ExitStack() as stack:

        def serve(type: str, handler: Callable[[EventHandler], Any]) -> Live:
            template = Template("<!DOCTYPE html><body><p id='tall' style='height: 4000px'>tall</p>")
            body = template.querySelector("body")
            assert body
            body.on(type, handler)
            app = App(debug=True)
            app.route("/")(lambda: template)
            live = stack.enter_context(Live(app))
            page.goto(live.url)
            expect(page.locator("html")).to_have_attribute("data-sapwood", "online")
            return live

        yield serve


LiveBody = Callable[[str, Callable[[EventHandler], Any]], Live]


@pytest.mark.parametrize("type", EVENTS)
def test_the_body_hears_what_happens_to_the_window(
    page: Page, live_body: LiveBody, type: str
) -> None:
    heard: list[Any] = []
    live = live_body(type, lambda e: heard.append((e.type, e.target.tag)))
    EVENTS[type](page)
    live.line.until(lambda: len(heard) > 0)
    assert heard[0] == (type, "body")


def test_a_window_that_is_resized_all_the_time_is_not_too_much(
    page: Page, live_body: LiveBody
) -> None:
    heard: list[Any] = []
    live = live_body("resize", heard.append)
    page.evaluate("for (let n = 0; n < 500; n++) dispatchEvent(new Event('resize'))")
    live.line.until(lambda: len(heard) > 1)
    (session,) = live.line.app.sessions.values()
    live.line.until(lambda: not session.is_busy)
    assert len(heard) < 10
    expect(page.get_by_role("status")).to_be_empty()
