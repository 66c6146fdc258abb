"""Networks that are blocked, swallow, fail at random, and tabs that sleep: nothing is lost."""

import random
import threading

import pytest
from playwright.sync_api import Page, expect

from line import CutAtRandom, Line, Live, whole
from notebook import Notebook, notebook
from person import Person

SWALLOWED = "window.WebSocket = class { readyState = 0; send() {} close() {} }"
REFUSED = """window.WebSocket = class {
  readyState = 3;
  constructor() { setTimeout(() => this.onclose({ code: 1006 })) }
  send() {}
  close() {}
}"""
CUT_S = 0.3


def protocol(live: Live) -> str:
    [session] = live.line.app.sessions.values()
    return str(session.info.protocol)


# --- Offline --------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [1, 12])
def test_a_browser_that_was_offline_goes_on(person: Person, live: Live, seconds: int) -> None:
    person.begin()
    person.press("a")
    person.expect_ran("a")
    person.page.context.set_offline(True)
    person.press("b", "a")
    # The story is that time passes; only so does the browser find out by itself.
    person.page.wait_for_timeout(seconds * 1000)
    person.press("b")
    person.expect_ran("a")
    person.page.context.set_offline(False)
    person.expect_ran("abab")
    person.expect_state("online")
    person.expect_undisturbed()
    person.expect_known(silent="typed", heard="")
    assert set(live.line.modes[1:]) <= {"resume"}
    assert len(live.line.app.sessions) == 1


def test_a_browser_that_is_offline_says_so_soon(person: Person) -> None:
    person.begin()
    person.page.context.set_offline(True)
    person.press("a")
    expect(person.banner).to_have_text("Reconnecting…", timeout=3000)
    person.page.context.set_offline(False)
    expect(person.banner).to_be_empty()
    person.expect_ran("a")


def test_what_is_typed_offline_is_heard_of_afterwards(person: Person) -> None:
    person.open()
    field = person.page.locator("#heard")
    field.press_sequentially("on")
    expect(person.page.locator("#echo")).to_have_text("on")
    person.page.context.set_offline(True)
    field.press_sequentially(" and off")
    person.press("a")
    person.page.context.set_offline(False)
    expect(person.page.locator("#echo")).to_have_text("on and off")
    person.expect_ran("a")
    expect(field).to_have_value("on and off")
    expect(field).to_be_focused()


# --- No WebSocket ---------------------------------------------------------------------


@pytest.mark.parametrize("how", [SWALLOWED, REFUSED], ids=["swallowed", "refused"])
def test_where_websockets_are_blocked_a_stream_does_the_same(
    person: Person, live: Live, how: str
) -> None:
    person.page.context.add_init_script(how)
    person.begin()
    assert protocol(live) == "stream"
    person.press("a", "b", "b")
    person.expect_ran("abb")
    # A stream ends with the network, and is resumed.
    person.page.context.set_offline(True)
    person.expect_state("offline")
    person.press("a", "b")
    person.page.context.set_offline(False)
    person.expect_ran("abbab")
    person.expect_undisturbed()
    person.expect_known(silent="typed", heard="")
    person.page.reload()
    person.expect_ran("abbab")
    expect(person.page.locator("#silent")).to_have_value("typed")
    person.press("a")
    person.expect_ran("abbaba")
    assert protocol(live) == "stream"
    assert len(live.line.app.sessions) == 1


# --- Tabs that sleep, and come back ------------------------------------------------------


def test_a_frozen_tab_catches_up(person: Person, live: Live) -> None:
    person.begin()
    person.press("a")
    person.expect_ran("a")
    [session] = live.line.app.sessions.values()
    tab = person.page.context.new_cdp_session(person.page)
    tab.send("Page.setWebLifecycleState", {"state": "frozen"})
    for text in ("one", "two", "three"):
        write(live.line, session.template, text)
    live.line.cut()
    write(live.line, session.template, "four")
    live.line.mend()
    tab.send("Page.setWebLifecycleState", {"state": "active"})
    expect(person.page.locator("#echo")).to_have_text("four")
    person.press("b")
    person.expect_ran("ab")
    person.expect_undisturbed()
    assert len(live.line.app.sessions) == 1


def write(line: Line, template: Notebook, text: str) -> None:
    """Change the page where its handlers run."""

    async def change() -> None:
        template.write("echo", text)
        template.update()

    line.run(change())


def test_a_page_that_is_gone_back_to_goes_on(person: Person, live: Live) -> None:
    person.begin()
    person.press("a", "b")
    person.expect_ran("ab")
    person.page.goto("data:text/html,elsewhere")
    person.page.go_back()
    person.expect_ran("ab")
    expect(person.page.locator("#silent")).to_have_value("typed")
    person.press("a")
    person.expect_ran("aba")
    person.page.go_forward()
    person.page.go_back()
    person.press("b")
    person.expect_ran("abab")
    assert len(live.line.app.sessions) == 1


def test_a_page_out_of_the_browsers_cache_goes_on_where_it_was(page: Page) -> None:
    page.add_init_script("addEventListener('pageshow', (e) => { window.cached = e.persisted })")
    # What must not be stored is not put into this cache either.
    with Live(notebook(headers={"cache-control": "no-cache"})) as live:
        person = Person(page, live.url)
        person.begin()
        person.press("a")
        person.expect_ran("a")
        person.press("b")
        page.goto(live.url.replace("127.0.0.1", "localhost") + "/elsewhere")
        [session] = live.line.app.sessions.values()
        write(live.line, session.template, "meanwhile")
        # Not at once: the answer comes before the page goes.
        page.evaluate("() => void setTimeout(() => history.back())")
        expect(page.locator("#echo")).to_have_text("meanwhile")
        person.expect_ran("ab")
        person.expect_undisturbed()
        assert page.evaluate("() => cached")
        person.press("a")
        person.expect_ran("aba")
        assert live.line.modes == ["handoff", "resume"]


# --- At random ------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_a_line_that_is_cut_at_random_loses_nothing(person: Person, live: Live, seed: int) -> None:
    chance = random.Random(seed)
    fail = CutAtRandom(chance, 0.06)
    person.begin()
    typing = person.page.locator("#heard")
    live.line.up = live.line.down = fail
    pressed, typed = "", ""
    for _ in range(60):
        if chance.random() < 0.1:
            live.line.cut()
            # Some are short, some are long enough for the page to say so.
            threading.Timer(chance.random() * CUT_S, live.line.mend).start()
        if chance.random() < 0.2:
            letter = chance.choice("xyz")
            typing.press_sequentially(letter)
            typed += letter
        # Slow ones make others wait in the server while the line is cut.
        [id] = chance.choices("abc", weights=(5, 5, 1))
        person.press(id)
        pressed += id
        # A page keeps at most 64 events, so whoever is offline cannot go on for ever.
        if chance.random() < 0.2:
            person.expect_ran(pressed)
    live.line.up = live.line.down = whole
    person.expect_ran(pressed)
    expect(person.page.locator("#echo")).to_have_text(typed)
    expect(typing).to_have_value(typed)
    person.expect_known(silent="typed", heard=typed)
    assert fail.count
    assert set(live.line.modes[1:]) == {"resume"}
    assert person.page.evaluate("() => [mark, more.open, box.scrollTop]") == [1, True, 123]


@pytest.mark.parametrize("seed", range(3))
def test_a_page_loaded_again_on_a_line_that_is_cut_at_random_loses_nothing(
    person: Person, live: Live, seed: int
) -> None:
    chance = random.Random(seed)
    fail = CutAtRandom(chance, 0.2)
    person.begin()
    live.line.up = live.line.down = fail
    pressed = ""
    for _ in range(12):
        ids = chance.choices("ab", k=chance.randrange(4))
        person.press(*ids)
        pressed += "".join(ids)
        person.page.reload()
        person.expect_ran(pressed)
    live.line.up = live.line.down = whole
    person.expect_ran(pressed)
    expect(person.page.locator("#silent")).to_have_value("typed")
    person.expect_known(silent="typed", heard="")
    assert fail.count
    assert len(live.line.app.sessions) == 1
