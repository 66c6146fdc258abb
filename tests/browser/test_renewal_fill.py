"""A page that is filled from another session's tree keeps what the user did to it."""

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from alone import ADDRESS, Alone

BODY = (
    '<h1 uuid="Own14">Old</h1>'
    '<form uuid="Own15"><input uuid="Own16" name="a" id="a" _oninput="">'
    '<input uuid="Own17" name="b">'
    '<input uuid="Own18" name="c" type="checkbox"><textarea uuid="Own19"></textarea>'
    '<select uuid="Own1a"><option uuid="Own1b">x</option><option uuid="Own1c">y</option>'
    "</select></form>"
    '<details uuid="Own1d"><summary uuid="Own1e">more</summary>text</details>'
    '<div uuid="Own1f" id="box" style="overflow: auto; height: 40px">'
    '<p uuid="Own1g" style="height: 900px">tall</p></div>'
    '<button uuid="Own1h" id="go" _onclick="">go</button>'
)
FORM = [
    *["form", 50, 5, "input", 51, ["name", "a", "id", "a", "value", "server", "_oninput", ""], 0],
    *["input", 52, ["name", "b", ".value", "server"], 0],
    *["input", 53, ["name", "c", "type", "checkbox"], 0],
    *["textarea", 54, "", "select", 55, 2, "option", 56, "x", "option", 57, "y"],
]
DETAILS = ["details", 60, 2, "summary", 61, "more", -1, "text"]
STYLED = ["id", "box", "style", "overflow: auto; height: 40px"]
BOX = ["div", 62, STYLED, 1, "p", 63, ["style", "height: 900px"], "tall"]
BUTTON = ["button", 64, ["id", "go", "_onclick", ""], "go"]
# The same page, with a paragraph more and its title changed.
SAME: list[Any] = [6, "h1", 49, "New", "p", 48, "a notice", *FORM, *DETAILS, *BOX, *BUTTON]
# What has an `id` stands elsewhere and deeper.
MOVED: list[Any] = [4, "h1", 49, "New", *FORM, *DETAILS, "section", 70, 2, *BUTTON, *BOX]

MARK = """() => {
  window.kept = [...document.querySelectorAll("[uuid]")];
  const [a, b, c] = document.querySelectorAll("input");
  document.querySelector("textarea").focus();
  box.scrollTop = 123;
}"""
STATE = """() => {
  const [a, b, c] = document.querySelectorAll("input");
  const [text, select] = ["textarea", "select"].map((tag) => document.querySelector(tag));
  const { open } = document.querySelector("details");
  return [a.value, b.value, c.checked, text.value, select.value, open, box.scrollTop,
    document.activeElement.localName, text.selectionStart];
}"""
USED = """() => [a, box, go, ...document.querySelectorAll("form,details,select,textarea,h1")]
  .every((element) => kept.includes(element))"""


@pytest.fixture
def alone(page: Page) -> Alone:
    page.add_init_script("Math.random = () => 0.01")
    return Alone(page, BODY)


def use(alone: Alone) -> None:
    """Do to the page what a user does."""
    page = alone.page
    page.evaluate(MARK)
    page.locator("#a").fill("typed")
    page.locator("[name=b]").fill("too")
    page.locator("[name=c]").check()
    page.locator("select").select_option("y")
    page.locator("summary").click()
    page.locator("textarea").press_sequentially("hello")
    page.evaluate("() => document.querySelector('textarea').setSelectionRange(2, 4)")


def renew(alone: Alone, mode: str) -> dict[str, Any]:
    """Let the session be gone, and its page fetched anew from another process."""
    alone.prefix = "New1"
    alone.sockets[-1].close(code=4410)
    join = alone.join()
    alone.welcome(mode, c=0)
    return join


@pytest.mark.parametrize("nodes", [SAME, MOVED], ids=["same", "moved"])
@pytest.mark.parametrize("mode", ["restored", "fresh"])
def test_what_the_user_did_stays(alone: Alone, mode: str, nodes: list[Any]) -> None:
    alone.open()
    alone.join()
    alone.welcome()
    use(alone)
    join = renew(alone, mode)
    assert join == {"v": 1, "token": "token-2", "fields": []}
    assert alone.headers[1]["sapwood-resume"] == "secret"
    alone.fill(1, nodes)
    expect(alone.page.locator("h1")).to_have_text("New")
    assert alone.page.evaluate(STATE) == [
        *["typed", "too", True, "hello", "y", True, 123, "textarea", 2]
    ]
    assert alone.page.evaluate(USED)


def test_the_server_is_told_what_is_typed_by_the_ids_of_now(alone: Alone) -> None:
    alone.open()
    alone.join()
    alone.welcome()
    use(alone)
    renew(alone, "fresh")
    alone.fill(1, SAME)
    _, fields, foreign = alone.take(lambda frame: frame[0] == -4)
    told = dict(zip(fields[::2], fields[1::2], strict=True))
    assert told == {51: "typed", 52: "too", 53: True, 54: "hello", 55: "y"}
    assert foreign == []


def test_an_event_that_waited_names_its_element_by_the_id_of_now(alone: Alone) -> None:
    alone.open()
    alone.join()
    alone.welcome()
    alone.page.locator("#go").click()
    assert alone.take(lambda frame: frame[0] > 0) == [1, 0, 17]
    renew(alone, "restored")
    alone.fill(1, SAME)
    assert alone.take(lambda frame: frame[0] > 0) == [1, 1, 64]


def test_what_is_not_edited_is_what_the_server_says(alone: Alone) -> None:
    alone.open()
    alone.join()
    alone.welcome()
    renew(alone, "fresh")
    alone.fill(1, SAME)
    assert alone.page.evaluate(STATE)[:2] == ["server", "server"]


def test_an_element_of_another_type_or_name_is_another(alone: Alone) -> None:
    alone.open()
    alone.join()
    alone.welcome()
    alone.page.locator("[name=b]").fill("typed")
    renew(alone, "fresh")
    alone.fill(1, [1, "form", 50, 2, "input", 51, ["name", "x"], 0, "input", 52, ["name", "y"], 0])
    values = "() => [...document.querySelectorAll('input')].map(({ value }) => value)"
    assert alone.page.evaluate(values) == ["", ""]


# --- F5, and a session that is shared ------------------------------------------------


def test_f5_goes_on_with_the_session_and_sends_what_was_not_said(alone: Alone) -> None:
    alone.open()
    alone.join()
    alone.welcome()
    alone.page.locator("#a").fill("typed")
    alone.page.evaluate("() => { go.click() }")
    assert alone.take(lambda frame: frame[0] == 1)[2] == 6
    alone.page.locator("[name=b]").fill("too")
    alone.page.reload()
    join = alone.join()
    assert (join["token"], join["resume"]) == ("token-2", "secret")
    fields = dict(zip(join["fields"][::2], join["fields"][1::2], strict=True))
    assert fields == {7: "too"}, "the other one is carried by the event"
    alone.welcome("resume", s=8, c=1)
    alone.fill(9, SAME, c=1)
    # The session has made the button anew meanwhile; its `id` says that it is the same.
    assert alone.take(lambda frame: frame[0] > 0) == [2, 9, 64]


def test_a_duplicate_of_the_tab_has_a_session_of_its_own(alone: Alone) -> None:
    alone.open()
    alone.join()
    alone.welcome()
    alone.page.reload()
    assert "resume" in alone.join()
    kept = "() => Object.keys(sessionStorage)"
    assert alone.page.evaluate(kept) == []


def test_a_page_out_of_the_browsers_cache_leaves_nothing_for_the_next(alone: Alone) -> None:
    alone.open()
    alone.join()
    alone.welcome()
    alone.page.evaluate("() => dispatchEvent(new PageTransitionEvent('pagehide'))")
    assert alone.page.evaluate("() => Object.keys(sessionStorage)") == ["sapwood:/"]
    show = "() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"
    alone.page.evaluate(show)
    assert alone.join() == {"v": 1, "resume": "secret", "s": 0}
    assert alone.page.evaluate("() => Object.keys(sessionStorage)") == []


def test_the_secret_of_a_shared_session_leaves_the_address_bar(alone: Alone) -> None:
    alone.open("/page?a=1#sapwood=S3cret")
    assert alone.join() == {"v": 1, "token": "token-1", "fields": [], "share": "S3cret"}
    assert alone.page.url == f"{ADDRESS}/page?a=1"
    alone.welcome("share")
    alone.fill(1, SAME)
    expect(alone.page.locator("p").first).to_have_text("a notice")


# --- What is loaded when -------------------------------------------------------------


def test_a_plain_page_loads_one_file(context: BrowserContext) -> None:
    alone = Alone(context.new_page(), '<p uuid="Own14" _onclick="">0</p>')
    alone.open()
    alone.join()
    alone.welcome()
    alone.page.locator("p").click()
    alone.take(lambda frame: frame == [1, 0, 4])
    alone.say(1, 1, 0, 4, "1")
    expect(alone.page.locator("p")).to_have_text("1")
    assert alone.loaded == 0


def test_a_debounced_event_is_one(context: BrowserContext) -> None:
    body = '<input uuid="Own14" _oninput="" data-oninput-debounce="200">'
    alone = Alone(context.new_page(), body + '<b uuid="Own15" _onclick="">x</b>')
    alone.open()
    alone.join()
    alone.welcome()
    alone.page.locator("input").press_sequentially("abc")
    assert alone.take(lambda frame: frame[0] > 0) == [1, 0, 4, "input", None, [4, "abc"]]
    alone.say(-1, 1)
    alone.page.locator("input").press_sequentially("d")
    alone.page.locator("b").click()
    assert alone.take(lambda frame: frame[0] > 0) == [2, 0, 4, "input", None, [4, "abcd"]]
    assert alone.take(lambda frame: frame[0] > 0) == [3, 0, 5]


@pytest.mark.parametrize(
    ("typed", "caret", "answer", "expected"),
    [("abc", 2, "ABC", 2), ("1234", 4, "12-34", 5), ("1234", 2, "12-34", 3)],
)
def test_a_caret_follows_what_the_server_makes_of_the_text(
    alone: Alone, typed: str, caret: int, answer: str, expected: int
) -> None:
    alone.open()
    alone.join()
    alone.welcome()
    alone.page.locator("#a").press_sequentially(typed)
    alone.page.evaluate(f"() => a.setSelectionRange({caret}, {caret})")
    alone.say(1, len(typed), 4, 6, "value", answer)
    alone.take(lambda frame: frame == [-1, 1])
    state = "() => [a.value, a.selectionStart, a.selectionEnd]"
    assert alone.page.evaluate(state) == [answer, expected, expected]
