"""What a user does in a live page, and what the handlers on the server hear of it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from line import Held, Line, Live, whole
from sapwood import App, Element, EventHandler, Template

DOCUMENT = "<!DOCTYPE html><html><head><title>T</title></head><body>{}</body></html>"


class Tab:
    """A page in a browser, and its template on the server."""

    def __init__(self, page: Page, line: Line, template: Template) -> None:
        self.page = page
        self.line = line
        self.template = template
        #: What handlers noted, in their order.
        self.heard: list[Any] = []

    def __getitem__(self, id: str) -> Element:
        element = self.template.getElementById(id)
        assert element is not None
        return element

    def on(self, type: str, *ids: str, note: Callable[[EventHandler], Any] | None = None) -> None:
        """Note events of this type: which element's handler heard it, or what *note* says."""
        for id in ids:

            def handler(e: EventHandler, id: str = id) -> None:
                self.heard.append(id if note is None else note(e))

            self[id].on(type, handler)

    def open(self, url: str) -> None:
        self.page.goto(url)
        expect(self.page.locator("html")).to_have_attribute("data-sapwood", "online")

    def expect_heard(self, *notes: Any) -> None:
        """Wait until the server has handled all that the page sent, and compare."""
        # An event more, behind all others; its acknowledgement says that they are handled.
        self.page.evaluate("() => document.body.dispatchEvent(new Event('flush'))")
        self.line.until(lambda: "flush" in self.heard)
        self.heard.remove("flush")
        assert self.heard == list(notes)
        self.heard.clear()


@pytest.fixture
def tab(page: Page) -> Iterator[Callable[..., Tab]]:
    """Serve HTML and open it: `tab(html, prepare)`, where *prepare* registers handlers."""
    with ExitStack() as stack:

        def serve(
            html: str, prepare: Callable[[Tab], None] = lambda tab: None, *, debug: bool = True
        ) -> Tab:
            app = App(debug=debug)
            template = Template(DOCUMENT.format(html))
            live = stack.enter_context(Live(app))
            tab = Tab(page, live.line, template)
            body = template.querySelector("body")
            assert body is not None
            body.on("flush", lambda: tab.heard.append("flush"))
            prepare(tab)
            app.route("/")(lambda: template)
            tab.open(live.url)
            return tab

        yield serve


NESTED = '<div id="outer"><p id="middle"><button id="inner">go</button></p></div>'


# --- Where events go ----------------------------------------------------------------


def test_a_click_bubbles_from_the_target_upwards(tab: Callable[..., Tab]) -> None:
    t = tab(NESTED, lambda t: t.on("click", "outer", "middle", "inner"))
    t.page.locator("#inner").click()
    t.expect_heard("inner", "middle", "outer")


def test_a_handler_can_stop_an_event_on_its_way(tab: Callable[..., Tab]) -> None:
    def prepare(t: Tab) -> None:
        t.on("click", "outer", "inner")
        t.on("click", "middle", note=lambda e: e.stop_propagation() or "stopped")

    t = tab(NESTED, prepare)
    t.page.locator("#inner").click()
    t.expect_heard("inner", "stopped")


def test_a_handler_is_told_where_it_happened_and_whose_it_is(tab: Callable[..., Tab]) -> None:
    t = tab(
        NESTED,
        lambda t: t.on("click", "outer", note=lambda e: (e.target.id, e.current_target.id, e.type)),
    )
    t.page.locator("#inner").click()
    t.expect_heard(("inner", "outer", "click"))


def test_a_click_on_what_has_no_handler_sends_nothing(tab: Callable[..., Tab]) -> None:
    t = tab(NESTED + "<b id='b'>x</b>", lambda t: t.on("click", "inner"))
    t.page.locator("#b").click()
    t.page.locator("#middle").click(position={"x": 300, "y": 5})
    t.expect_heard()
    assert [frame[0] for frame in t.line.passed_up if frame and frame[0] > 0] == [1]  # the flush


@pytest.mark.parametrize("type", ["mouseenter", "focus", "blur"])
def test_events_that_do_not_bubble_stay_where_they_happen(
    tab: Callable[..., Tab], type: str
) -> None:
    t = tab(NESTED, lambda t: t.on(type, "outer", "inner"))
    t.page.locator("#inner").hover()
    t.page.locator("#inner").focus()
    t.page.evaluate("() => document.activeElement.blur()")
    # The mouse enters the outer one too, but focus is a matter of the inner one alone.
    t.expect_heard(*(["outer", "inner"] if type == "mouseenter" else ["inner"]))


def test_what_does_not_bubble_is_not_heard_around_a_scripts_own_element(
    tab: Callable[..., Tab],
) -> None:
    t = tab("<div id='d'></div>", lambda t: t.on("focus", "d"))
    t.page.evaluate("() => d.append(document.createElement('input'))")
    t.page.locator("#d input").focus()
    t.expect_heard()


def test_events_that_a_script_makes_arrive_too(tab: Callable[..., Tab]) -> None:
    t = tab(NESTED, lambda t: t.on("my-event", "outer", note=lambda e: e.event_data["detail"]))
    t.page.evaluate(
        "() => inner.dispatchEvent(new CustomEvent('my-event', { bubbles: true, detail: 7 }))"
    )
    t.expect_heard(7)


def test_a_handler_that_was_taken_off_is_not_called(tab: Callable[..., Tab]) -> None:
    t = tab("<button id='b'>x</button>")
    first = t["b"].on("click", lambda: t.heard.append("first"))
    second = t["b"].on("click", lambda: t.heard.append("second"))
    t.template.update()
    t.page.locator("#b[_onclick]").click()
    t.expect_heard("first", "second")
    first.off()
    t.template.update()
    t.page.locator("#b").click()
    t.expect_heard("second")
    second.off()
    t.template.update()
    expect(t.page.locator("#b[_onclick]")).to_have_count(0)
    t.page.locator("#b").click()
    t.expect_heard()


def test_an_element_that_comes_later_has_its_handlers(tab: Callable[..., Tab]) -> None:
    t = tab("<div id='d'></div>")
    t["d"].children.append(Element("input", id="new", onkeyup=lambda e: t.heard.append(e.type)))
    t.template.update()
    t.page.locator("#new").press("a")
    t.expect_heard("keyup")


# --- What events say ------------------------------------------------------------------


def test_a_key_comes_with_its_name_and_modifiers(tab: Callable[..., Tab]) -> None:
    def note(e: EventHandler) -> Any:
        return {
            k: e.event_data[k] for k in ("key", "code", "ctrlKey", "shiftKey") if k in e.event_data
        }

    t = tab("<input id='i'>", lambda t: t.on("keydown", "i", note=note))
    t.page.locator("#i").press("Enter")
    t.page.locator("#i").press("Control+Shift+K")
    t.expect_heard(
        {"key": "Enter", "code": "Enter"},
        {"key": "Control", "code": "ControlLeft", "ctrlKey": True},
        {"key": "Shift", "code": "ShiftLeft", "ctrlKey": True, "shiftKey": True},
        {"key": "K", "code": "KeyK", "ctrlKey": True, "shiftKey": True},
    )


def test_a_click_comes_with_what_was_held_and_how_often(tab: Callable[..., Tab]) -> None:
    def note(e: EventHandler) -> Any:
        return e.event_data.get("altKey", False), e.event_data.get("detail", 1)

    t = tab("<button id='b'>x</button>", lambda t: t.on("click", "b", note=note))
    t.page.locator("#b").click(modifiers=["Alt"])
    t.page.locator("#b").dblclick()
    t.expect_heard((True, 1), (False, 1), (False, 2))


# --- Forms ----------------------------------------------------------------------------

FORM = """<form id="form" action="/elsewhere">
<input id="text" name="text" value="old"><textarea id="area" name="area">x</textarea>
<input id="box" name="box" type="checkbox" value="b"><input name="other" type="checkbox" checked>
<input id="one" name="r" type="radio" value="1" checked>
<input id="two" name="r" type="radio" value="2">
<select id="single" name="single"><option>a<option>b</select>
<select id="many" name="many" multiple><option>a<option>b<option>c</select>
<button id="send" name="how" value="now">send</button></form>"""


def fill_in(page: Page) -> None:
    page.locator("#text").fill("new")
    page.locator("#area").fill("two\nlines")
    page.locator("#box").check()
    page.locator("#two").check()
    page.locator("#single").select_option("b")
    page.locator("#many").select_option(["a", "c"])


def test_a_submitted_form_stays_and_carries_what_is_in_its_fields(tab: Callable[..., Tab]) -> None:
    t = tab(FORM, lambda t: t.on("submit", "form", note=lambda e: e.template.getFormValues()))
    fill_in(t.page)
    t.page.locator("#send").click()
    t.expect_heard(
        {
            "text": "new",
            "area": "two\nlines",
            "box": "b",
            "other": "on",
            "r": "2",
            "single": "b",
            "many": ["a", "c"],
        }
    )
    assert t.page.url.endswith("/")


def test_elements_say_what_their_fields_hold(tab: Callable[..., Tab]) -> None:
    def note(e: EventHandler) -> Any:
        t = e.template
        found = [t.getElementById(i) for i in ("text", "area", "single", "many")]
        ticks = [t.getElementById(i) for i in ("box", "one", "two")]
        return [e.value for e in found if e], [e.checked for e in ticks if e]

    t = tab(
        FORM + "<button id='b'>x</button>",
        lambda t: t.on("click", "b", note=note),
    )
    t.page.locator("#b").click()
    fill_in(t.page)
    t.page.locator("#b").click()
    t.expect_heard(
        (["old", "x", "a", []], [False, True, False]),
        (["new", "two\nlines", "b", ["a", "c"]], [True, False, True]),
    )


def test_what_was_typed_before_the_page_was_live_is_known(page: Page) -> None:
    app = App()
    template = Template(DOCUMENT.format(FORM))
    app.route("/")(lambda: template)
    with Live(app) as live:
        live.line._is_up = False
        page.goto(live.url)
        fill_in(page)
        live.line.mend()
        expect(page.locator("html")).to_have_attribute("data-sapwood", "online")
        values = template.getFormValues()
        expect(page.locator("#text")).to_have_value("new")
    assert (values["text"], values["r"], values["many"]) == ("new", "2", ["a", "c"])


def test_typing_is_heard_with_the_value(tab: Callable[..., Tab]) -> None:
    t = tab("<input id='i'>", lambda t: t.on("input", "i", note=lambda e: e.target.value))
    t.page.locator("#i").press_sequentially("abc")
    t.line.until(lambda: "abc" in t.heard)
    assert t.heard[-1] == "abc"


def test_a_choice_is_heard_with_the_value(tab: Callable[..., Tab]) -> None:
    t = tab(FORM, lambda t: t.on("change", "form", note=lambda e: (e.target.id, e.target.value)))
    t.page.locator("#single").select_option("b")
    t.page.locator("#many").select_option(["b"])
    t.expect_heard(("single", "b"), ("many", ["b"]))


def test_a_field_that_the_handler_rewrites_keeps_its_caret(tab: Callable[..., Tab]) -> None:
    def shout(e: EventHandler) -> str:
        e.target.value = str(e.target.value).upper()
        e.update()
        return "shouted"

    t = tab("<input id='i'>", lambda t: t.on("input", "i", note=shout))
    field = t.page.locator("#i")
    field.press_sequentially("abcd")
    expect(field).to_have_value("ABCD")
    t.page.evaluate("() => i.setSelectionRange(2, 2)")
    field.press("x")
    expect(field).to_have_value("ABXCD")
    assert t.page.evaluate("() => i.selectionStart") == 3


def test_newer_typing_is_not_overwritten_by_an_older_value(tab: Callable[..., Tab]) -> None:
    def shout(e: EventHandler) -> str:
        e.target.value = str(e.target.value).upper()
        e.update()
        return "shouted"

    t = tab("<input id='i'>", lambda t: t.on("input", "i", note=shout))
    late = Held()
    t.line.down = late
    t.page.locator("#i").press_sequentially("a")
    t.line.until(lambda: len(late.frames) > 0)
    t.page.locator("#i").press_sequentially("b")
    t.line.until(lambda: len(t.heard) == 2)
    first, *rest = late.frames
    t.line.down = whole
    # "A" comes after "ab" was typed, and is older.
    t.line.pass_down([first])
    t.line.until(lambda: [-1, 1] in t.line.passed_up)
    assert t.page.locator("#i").input_value() == "ab"
    t.line.pass_down(rest)
    expect(t.page.locator("#i")).to_have_value("AB")


def test_a_field_is_emptied_after_its_form_was_sent(tab: Callable[..., Tab]) -> None:
    def send(e: EventHandler) -> Any:
        field = e.template.getElementById("i")
        assert field is not None
        sent, field.value = field.value, ""
        e.update()
        return sent

    t = tab("<form id='f'><input id='i'></form>", lambda t: t.on("submit", "f", note=send))
    for text in ("one", "two"):
        t.page.locator("#i").fill(text)
        t.page.locator("#i").press("Enter")
        expect(t.page.locator("#i")).to_have_value("")
    t.expect_heard("one", "two")


def test_the_server_ticks_and_chooses_against_what_the_user_did(tab: Callable[..., Tab]) -> None:
    def reset(e: EventHandler) -> str:
        t = e.template
        box, single = t.getElementById("box"), t.getElementById("single")
        assert box is not None
        assert single is not None
        box.checked = False
        single.value = "a"
        e.update()
        return "reset"

    t = tab(FORM + "<button id='b'>x</button>", lambda t: t.on("click", "b", note=reset))
    fill_in(t.page)
    t.page.locator("#b").click()
    expect(t.page.locator("#box")).not_to_be_checked()
    expect(t.page.locator("#single")).to_have_value("a")
    expect(t.page.locator("#text")).to_have_value("new")


def test_an_option_is_chosen_that_comes_with_the_same_update(tab: Callable[..., Tab]) -> None:
    def add(e: EventHandler) -> str:
        single = e.template.getElementById("single")
        assert single is not None
        single.children.append(Element("option", "z"))
        single.value = "z"
        e.update()
        return "added"

    t = tab(FORM + "<button id='b'>x</button>", lambda t: t.on("click", "b", note=add))
    t.page.locator("#b").click()
    expect(t.page.locator("#single")).to_have_value("z")


# --- What must not run ------------------------------------------------------------------


def test_a_disabled_button_sends_nothing(tab: Callable[..., Tab]) -> None:
    t = tab("<button id='b' disabled>x</button>", lambda t: t.on("click", "b"))
    t.page.locator("#b").click(force=True)
    t.page.evaluate("() => b.click()")
    t.expect_heard()


def test_a_forged_event_of_a_disabled_button_is_not_run(tab: Callable[..., Tab]) -> None:
    t = tab(
        "<button id='b' disabled>x</button><fieldset disabled><button id='c'>y</button></fieldset>",
        lambda t: t.on("click", "b", "c"),
    )
    t.page.evaluate("() => { for (const e of document.querySelectorAll('*')) e.disabled = false }")
    t.page.locator("#b").click()
    t.page.locator("#c").click()
    t.expect_heard()


def test_what_is_in_a_disabled_group_hears_what_the_browser_lets_it_hear(
    tab: Callable[..., Tab],
) -> None:
    t = tab(
        """<fieldset disabled><legend><button id="legend">l</button></legend>
        <button id="inner">x</button><p id="text">text</p></fieldset>""",
        lambda t: t.on("click", "legend", "inner", "text"),
    )
    t.page.locator("#inner").click(force=True)
    t.page.locator("#text").click()
    t.page.locator("#legend").click()
    t.expect_heard("text", "legend")


def test_an_element_of_a_script_hears_events_and_shadows_none_of_ours(
    tab: Callable[..., Tab],
) -> None:
    def bought(e: EventHandler) -> str:
        price = e.template.getElementById("price")
        assert price
        price.attrs["title"] = "paid"
        if e.target.is_foreign:
            e.target.content = "heard"
        e.update()
        return price.text

    t = tab(
        "<div id='shop'><b id='price'>100</b></div>", lambda t: t.on("click", "shop", note=bought)
    )
    t.page.evaluate("""() => {
      shop.insertAdjacentHTML("afterbegin", "<b id=price class=forged>0.01</b>");
      sapwood.resync();
    }""")
    forged = t.page.locator(".forged[uuid]")
    forged.click()
    expect(forged).to_have_text("heard")
    expect(t.page.locator("b:not(.forged)")).to_have_attribute("title", "paid")
    expect(forged).not_to_have_attribute("title", "paid")
    t.expect_heard("100")


def test_a_forged_handler_is_not_run(tab: Callable[..., Tab]) -> None:
    t = tab("<button id='b'>x</button>")
    t.page.evaluate("() => b.setAttribute('_onclick', 'on')")
    t.page.evaluate("() => b.setAttribute('_onflush', '__init__')")
    t.page.locator("#b").click()
    t.expect_heard()


def test_what_a_page_says_of_a_field_cannot_change_another_kind_of_element(
    tab: Callable[..., Tab],
) -> None:
    t = tab("<p id='p'>x</p><input id='i' type='checkbox'><button id='b'>go</button>")
    t["b"].on("click", lambda: t.heard.append((t["p"].text, t["i"].checked, t["i"].value)))
    uuids = [t[id].uuid for id in ("p", "i")]
    forged = [uuids[0], "evil", uuids[1], "evil", "nowhere", True]
    t.line.pass_up([[1, 0, t["b"].uuid, "click", None, forged]])
    t.line.until(lambda: bool(t.heard))
    assert t.heard == [("x", False, "")]


# --- Errors -----------------------------------------------------------------------------


def fail(e: EventHandler) -> None:
    raise ValueError("the secret <b>cause</b>")


@pytest.mark.parametrize("debug", [True, False])
def test_an_error_in_a_handler_is_shown_in_development_only(
    tab: Callable[..., Tab], debug: bool
) -> None:
    t = tab(
        "<button id='b'>x</button><button id='c'>y</button><p id='p'>0</p>",
        lambda t: t.on("click", "b", note=fail),
        debug=debug,
    )

    def work() -> None:
        t["p"].content = "1"
        t.template.update()

    t["c"].on("click", work)
    t.template.update()
    t.page.locator("#b").click()
    panel = t.page.get_by_role("alert")
    if debug:
        expect(panel).to_contain_text("ValueError: the secret <b>cause</b>")
        expect(panel).to_contain_text("test_page.py")
        panel.get_by_role("button").click()
    expect(panel).to_have_count(0)
    # The session lives on.
    t.page.locator("#c[_onclick]").click()
    expect(t.page.locator("#p")).to_have_text("1")
    told = str([frame for frame in t.line.passed_down if frame[0] == -3])
    assert ("secret" in told, "ValueError" in told) == (debug, debug)
    assert "error" in told


def test_a_handler_in_a_thread_does_not_stop_the_others(tab: Callable[..., Tab]) -> None:
    gate = threading.Event()
    t = tab("<button id='b'>x</button><p id='p'>0</p>")
    t["b"].on("click", lambda: gate.wait(15))
    t.template.update()
    t.page.locator("#b[_onclick]").click()
    t["p"].content = "1"
    t.template.update()
    expect(t.page.locator("#p")).to_have_text("1")
    gate.set()


# --- Handlers that take their time --------------------------------------------------------


def test_what_a_handler_sets_shows_while_it_still_works(tab: Callable[..., Tab]) -> None:
    gate = threading.Event()

    def send(e: EventHandler) -> None:
        e.target.value = "sent"
        e.update()
        assert gate.wait(15)

    t = tab("<input id='i'>", lambda t: t.on("change", "i", note=send))
    t.page.locator("#i").fill("text")
    t.page.locator("#i").press("Enter")
    expect(t.page.locator("#i")).to_have_value("sent")
    gate.set()


def test_what_a_handler_sets_before_another_update_shows(tab: Callable[..., Tab]) -> None:
    def send(e: EventHandler) -> None:
        e.target.value = "sent"
        e.update()
        e.target.attrs["title"] = "later"
        e.update()

    t = tab("<input id='i'>", lambda t: t.on("change", "i", note=send))
    t.page.locator("#i").fill("text")
    t.page.locator("#i").press("Enter")
    expect(t.page.locator("#i[title]")).to_have_value("sent")
