"""Servers that are stopped, and that die, while somebody types: what the page keeps, and says."""

import signal
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

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
    expect(person.banner).to_have_text("2 actions were not carried out.")
    person.expect_ran("")
    person.expect_undisturbed()
    person.expect_known(silent="typed", heard="")
    person.press("b")
    person.expect_ran("b")
    person.expect_undisturbed()
