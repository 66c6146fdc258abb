"""What people do to pages besides clicking: load them again, share them, leave and come back."""

from playwright.sync_api import Browser, expect

from line import Held, Live, whole
from person import Person

# --- F5 -----------------------------------------------------------------------------


def test_f5_keeps_the_session_and_what_was_typed(person: Person, live: Live) -> None:
    person.begin()
    person.press("a")
    person.expect_ran("a")
    person.page.reload()
    person.expect_ran("a")
    expect(person.page.locator("#silent")).to_have_value("typed")
    person.expect_known(silent="typed", heard="")
    person.press("b")
    person.expect_ran("ab")
    assert live.line.modes == ["handoff", "resume"]
    assert len(live.line.app.sessions) == 1


def test_events_kept_over_f5_run_once_and_in_order(person: Person, live: Live) -> None:
    person.begin()
    person.press("a")
    person.expect_ran("a")
    live.line.cut()
    person.expect_state("offline")
    person.press("b", "a", "b")
    person.page.reload()
    person.press("a")
    live.line.mend()
    person.expect_ran("ababa")
    expect(person.page.locator("#silent")).to_have_value("typed")
    person.press("b")
    person.expect_ran("ababab")


def test_f5_again_and_again_loses_nothing(person: Person, live: Live) -> None:
    person.begin()
    for _ in range(5):
        person.press("a", "b")
        person.page.reload()
    person.expect_ran("ab" * 5)
    expect(person.page.locator("#silent")).to_have_value("typed")
    assert len(live.line.app.sessions) == 1


def test_a_page_loaded_again_before_it_had_its_session_hands_on_what_it_took(
    person: Person, live: Live
) -> None:
    person.begin()
    live.line.up = joins = Held()
    person.page.reload()
    live.line.until(lambda: any(frame[0] == 0 for frame in joins.frames))
    person.press("a")
    live.line.up = whole
    person.page.reload()
    person.expect_ran("a")
    expect(person.page.locator("#silent")).to_have_value("typed")
    person.press("b")
    person.expect_ran("ab")
    assert len(live.line.app.sessions) == 1


def test_a_duplicate_of_a_tab_is_a_session_of_its_own(person: Person, live: Live) -> None:
    person.begin()
    person.press("a")
    # From now on there was something in the tab's storage, which a duplicate is given a copy of.
    person.page.reload()
    person.expect_ran("a")
    with person.page.expect_popup() as opened:
        person.page.evaluate("() => { open(location.href) }")
    other = Person(opened.value, person.url)
    other.expect_state("online")
    other.expect_ran("")
    other.press("b")
    other.expect_ran("b")
    person.press("a")
    person.expect_ran("aa")
    assert len(live.line.app.sessions) == 2


# --- Several at once ----------------------------------------------------------------


def test_another_browser_joins_by_the_sessions_url(
    person: Person, live: Live, browser: Browser
) -> None:
    person.begin()
    person.press("a")
    person.expect_ran("a")
    [session] = live.line.app.sessions.values()
    with browser.new_context() as context:
        other = Person(context.new_page(), live.url + session.url)
        other.open()
        other.expect_ran("a")
        expect(other.page.locator("#silent")).to_have_value("typed")
        other.press("b")
        person.expect_ran("ab")
        other.page.locator("#heard").press_sequentially("from afar")
        expect(person.page.locator("#heard")).to_have_value("from afar")
        expect(person.page.locator("#echo")).to_have_text("from afar")
        person.press("a")
        other.expect_ran("aba")
        person.expect_undisturbed()
    person.press("b")
    person.expect_ran("abab")
    assert len(live.line.app.sessions) == 1
