"""Servers that are stopped, and that die, while somebody types: what the page keeps, and says."""

import re
import signal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, expect

from person import Person
from server import Serve, Server

NOTEBOOK = Path(__file__).with_name("notebook.py")


@pytest.fixture
def person(context: BrowserContext) -> Person:
    # So that waiting for the next try is short, and the same each time.
    context.add_init_script("Math.random = () => 0.1")
    return Person(context.new_page(), "")


@pytest.fixture
def durable(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A notebook whose state is in a file."""
    monkeypatch.setenv("NOTEBOOK_STORE", str(tmp_path / "sessions.db"))
    return serve(NOTEBOOK)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_page_comes_back_with_its_state_and_all_that_was_left_in_it(
    person: Person, durable: Server, how: signal.Signals
) -> None:
    person.url = durable.url
    person.begin()
    person.press("a", "b")
    person.expect_ran("ab")
    durable.stop(how)
    person.expect_state("offline")
    expect(person.banner).to_have_text("Connection lost. Reconnecting…")
    person.press("b", "a")
    durable.start()
    person.expect_state("online")
    person.expect_ran("abba")
    expect(person.banner).to_be_empty()
    person.expect_known(silent="typed", heard="")
    person.press("a")
    person.expect_ran("abbaa")
    person.expect_undisturbed()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_events_that_the_server_may_have_had_when_it_ended_run_once(
    person: Person, durable: Server, how: signal.Signals
) -> None:
    person.url = durable.url
    person.begin()
    for _ in range(3):
        person.press(*"aabbab")
        durable.stop(how)
        durable.start()
    person.expect_ran("aabbab" * 3)
    person.expect_undisturbed()


def test_what_is_typed_while_there_is_no_server_stays_and_is_told(
    person: Person, durable: Server
) -> None:
    person.url = durable.url
    person.begin()
    # Without a state there is nothing that the session could be restored from.
    person.press("a")
    person.page.locator("#heard").press_sequentially("before")
    expect(person.page.locator("#echo")).to_have_text("before")
    durable.stop(signal.SIGTERM)
    person.expect_state("offline")
    person.page.locator("#heard").press_sequentially(" and after")
    durable.start()
    expect(person.page.locator("#echo")).to_have_text("before and after")
    expect(person.page.locator("#heard")).to_have_value("before and after")
    expect(person.page.locator("#heard")).to_be_focused()
    person.expect_known(silent="typed", heard="before and after")


def test_without_a_state_typed_text_stays_and_the_page_says_what_was_not_done(
    person: Person, serve: Serve
) -> None:
    server = serve(NOTEBOOK)
    person.url = server.url
    person.begin()
    person.press("a")
    person.expect_ran("a")
    server.stop(signal.SIGTERM)
    person.expect_state("offline")
    person.press("b", "b")
    server.start()
    expect(person.banner).to_have_text(
        "This page has started afresh. 2 actions were not carried out."
    )
    person.expect_ran("")
    person.expect_undisturbed()
    person.expect_known(silent="typed", heard="")
    person.press("b")
    person.expect_ran("b")
    person.expect_undisturbed()


# Presses a and b in turns, whatever becomes of the server. A page keeps at most 64 events, so
# whoever is offline cannot go on for ever.
PRESS_ON = """() => {
  window.pressed = "";
  let offline = 0;
  window.pressing = setInterval(() => {
    offline = sapwood.status === "online" ? 0 : offline + 1;
    if (offline > 15) return;
    const id = pressed.length % 2 ? "b" : "a";
    document.getElementById(id).click();
    pressed += id;
  }, 120);
}"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_that_ends_at_any_moment_runs_every_event_once(
    person: Person, durable: Server, how: signal.Signals
) -> None:
    person.url = durable.url
    person.begin()
    person.page.evaluate(PRESS_ON)
    for _ in range(4):
        expect(person.page.locator("#ran")).not_to_have_text("")
        durable.stop(how)
        durable.start()
        person.expect_state("online")
    pressed = person.page.evaluate("() => { clearInterval(pressing); return pressed }")
    person.expect_ran(pressed)
    person.expect_undisturbed()


def test_a_handler_that_works_when_the_server_is_stopped_comes_to_its_end_once(
    person: Person, durable: Server
) -> None:
    person.url = durable.url
    person.begin()
    person.press("a", "c", "b")
    person.expect_ran("a")
    durable.stop(signal.SIGTERM)
    durable.start()
    person.expect_ran("acb")
    person.press("a")
    person.expect_ran("acba")
    person.expect_undisturbed()


def test_a_page_that_is_loaded_again_without_a_server_loses_nothing(
    person: Person, durable: Server
) -> None:
    person.url = durable.url
    person.begin()
    person.press("a")
    person.expect_ran("a")
    durable.stop(signal.SIGKILL)
    person.expect_state("offline")
    person.press("b", "b")
    person.page.locator("#heard").press_sequentially("heard")
    with pytest.raises(Error, match="ERR_CONNECTION_REFUSED"):
        person.page.reload()
    durable.start()
    person.page.reload()
    # What they happened on is known by its id: the uuids are of a server that is gone.
    person.expect_ran("abb")
    expect(person.page.locator("#silent")).to_have_value("typed")
    expect(person.page.locator("#heard")).to_have_value("heard")
    expect(person.page.locator("#echo")).to_have_text("heard")
    person.expect_known(silent="typed", heard="heard")
    person.press("b")
    person.expect_ran("abbb")


@pytest.mark.parametrize("is_reloaded", [False, True])
@pytest.mark.parametrize("had_typed", ["with it", "before it"])
def test_what_a_handler_set_that_waited_for_the_server_is_newer_than_what_was_typed(
    person: Person, durable: Server, had_typed: str, is_reloaded: bool
) -> None:
    person.url = durable.url
    person.begin()
    line = person.page.locator("#line")
    if had_typed == "before it":
        line.fill("hello")
        person.press("a")
        person.expect_ran("a")
    durable.stop(signal.SIGKILL)
    person.expect_state("offline")
    line.fill("hello")
    line.press("Enter")
    durable.start()
    if is_reloaded:
        person.page.reload()
    expect(person.page.locator("#said")).to_have_text("[hello]")
    expect(line).to_have_value("")
    line.press("Enter")
    expect(person.page.locator("#said")).to_have_text("[hello][]")


def test_two_browsers_of_a_session_find_each_other_again(
    person: Person, durable: Server, browser: Browser
) -> None:
    person.url = durable.url
    person.begin()
    person.press("s")
    with browser.new_context() as context:
        other = Person(context.new_page(), durable.url + person.page.locator("#url").inner_text())
        other.open()
        person.press("a")
        other.press("b")
        # Then there is a state to come back to.
        expect(person.page.locator("#ran")).to_have_text(re.compile("^[ab]{2}$"))
        durable.stop(signal.SIGKILL)
        person.press("a")
        other.press("b")
        durable.start()
        for each in (person, other):
            expect(each.page.locator("#ran")).to_have_text(re.compile("^[ab]{4}$"))
        person.expect_undisturbed()
        ran = person.page.locator("#ran").inner_text()
        assert sorted(ran) == ["a", "a", "b", "b"]
        other.press("b")
        person.expect_ran(ran + "b")
        person.press("a")
        other.expect_ran(ran + "ba")


def test_a_page_on_a_stream_comes_back_too(person: Person, durable: Server) -> None:
    person.page.context.add_init_script(
        "window.WebSocket = class { readyState = 0; send() {} close() {} }"
    )
    person.url = durable.url
    person.begin()
    person.press("a")
    person.expect_ran("a")
    for how in (signal.SIGTERM, signal.SIGKILL):
        durable.stop(how)
        person.expect_state("offline")
        person.press("b")
        durable.start()
        person.expect_state("online")
        person.press("a")
    person.expect_ran("ababa")
    person.expect_undisturbed()
