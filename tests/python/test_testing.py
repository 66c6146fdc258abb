"""`sapwood.testing`: what its docstrings say, and that a test can fail by it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from sapwood import (
    App,
    AppError,
    Element,
    EventHandler,
    MemoryStore,
    Session,
    SQLiteStore,
    Template,
    policy,
)
from sapwood.testing import Dialog, Tab, TabError

PATIENCE_S = 5.0


class Log(Template):
    """A page whose handlers write down what they hear."""

    def __init__(self, body: str, state: dict[str, Any] | None = None) -> None:
        super().__init__(f"<!doctype html><title>Log</title><body>{body}<p id=log></p>")
        self.state = {} if state is None else state
        self.heard: list[str] = []

    def log(self, e: EventHandler) -> None:
        """Show what was heard so far."""
        self.heard.append(e.type)
        self.show(" ".join(self.heard))

    def show(self, text: object) -> None:
        """Show a text and publish it."""
        shown = self.getElementById("log")
        assert shown
        shown.content = str(text)
        self.update()

    def values(self) -> None:
        """Show what the fields hold."""
        self.show(self.getFormValues())

    def count(self) -> None:
        """Count one up in the state."""
        self.state["count"] = self.state.get("count", 0) + 1
        self.show(self.state["count"])

    def fail(self) -> None:
        """Fail."""
        raise LookupError("nothing there")

    def forget(self) -> None:
        """Change the page and do not publish it."""
        body = self.querySelector("body")
        assert body
        body.append(Element("i", "new", id="new"))

    def end(self, e: EventHandler) -> None:
        """Leave for good."""
        e.session.destroy()

    def close(self, e: EventHandler) -> None:
        """Send the browser away."""
        e.session.close()

    def exit(self) -> None:
        """Ask for the end of the process."""
        raise SystemExit(3)

    async def ask(self, e: EventHandler) -> None:
        """Ask for a yes and a name, and say thanks."""
        if await e.window.confirm("Sure?"):
            self.show(await e.window.prompt("Who?", "Nobody"))
        e.window.alert("Thanks")

    async def keep(self, e: EventHandler) -> None:
        """Use the window's storage."""
        storage = e.window.local_storage
        seen = await storage.get("seen")
        await storage.set("seen", f"{seen or ''}x")
        info = await e.window.info()
        self.show(f"{seen} {await storage.keys()} {info.width} {info.url}")

    def go(self, e: EventHandler) -> None:
        """Send the window elsewhere."""
        e.window.location.assign("/other?x=1")

    @policy("parallel")
    async def hang(self) -> None:
        """Never end."""
        self.show("hangs")
        await asyncio.Event().wait()


def app_of(body: str, **settings: Any) -> App:
    """Return an app that shows *body* at `/`, and `Other` elsewhere."""
    app = App(**settings)

    @app.route("/")
    def home(state: dict[str, Any]) -> Template:
        return Log(body, state)

    @app.route("/other")
    def other(request: Request) -> Template:
        return Template(f"<title>Other</title><h1>Other</h1><p id=log>{request.url.query}</p>")

    return app


def refusal(call: Callable[..., object], *arguments: Any) -> str:
    """Return why a tab refuses a call."""
    with pytest.raises(TabError) as refused:
        call(*arguments)
    return str(refused.value)


def servers() -> list[str]:
    """Return the names of threads that serve an app."""
    names = [it.name for it in threading.enumerate()]
    return [name for name in names if name.startswith("sapwood-test-server")]


# --- The app -------------------------------------------------------------------------------


def test_an_app_without_secret_and_host_has_some_while_it_has_tabs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SAPWOOD_SECRET")
    monkeypatch.delenv("SAPWOOD_HOSTS")
    app = app_of("")
    with Tab(app) as tab:
        assert tab.status == "online"
        app.check()
    with pytest.raises(AppError, match="secret"):
        app.check()


def test_an_app_keeps_the_doors_that_it_had() -> None:
    app = app_of("", allowed_hosts=["*.example.org", "example.com"])
    doors = app.doors

    @app.route("/host")
    def host(request: Request) -> Template:
        return Template(f"<title>Host</title><p>{request.url.hostname}")

    with Tab(app, "/host") as tab:
        assert tab.text("p") == "example.com"
    assert app.doors is doors


def test_the_app_runs_from_its_first_tab_to_its_last() -> None:
    app, told = app_of(""), list[str]()

    @app.on_startup
    async def start() -> None:
        told.append("start")

    with Tab(app) as tab:
        with Tab(app):
            assert len(app.sessions) == 2
        assert told == ["start"]
        assert tab.session.is_connected
    assert app.sessions == {}
    with Tab(app):
        assert told == ["start", "start"]


def test_the_app_has_a_thread_while_it_has_tabs() -> None:
    app = app_of("")
    with Tab(app), Tab(app):
        assert len(servers()) == 1
    assert not servers()


def test_what_a_startup_function_raises_is_raised_and_leaves_nothing_running() -> None:
    app = app_of("")

    @app.on_startup
    def start() -> None:
        raise LookupError("no database")

    for _ in range(2):
        with pytest.raises(LookupError, match="no database"), Tab(app):
            pass
    assert not servers()


def test_what_a_route_raises_is_raised() -> None:
    app = App()

    @app.route("/")
    def home() -> Template:
        raise LookupError("no such page")

    with pytest.raises(LookupError, match="no such page"), Tab(app):
        pass


def test_the_hooks_of_the_app_are_called() -> None:
    app, told = app_of(""), list[str]()
    app.on_connect(lambda session: told.append("new"))
    app.on_reconnect(lambda session: told.append("back"))
    app.on_disconnect(lambda session: told.append("gone"))
    with Tab(app) as tab:
        tab.drop()
        tab.until(lambda: told == ["new", "gone"])
        tab.connect()
        tab.until(lambda: told == ["new", "gone", "back"])


def test_a_tab_is_used_in_a_with() -> None:
    tab = Tab(app_of(""))
    assert "inside of its with" in refusal(tab.text, "p")


# --- Pages ---------------------------------------------------------------------------------


def site() -> App:
    """Return an app of several pages, where one logs in by a cookie."""
    app = app_of("<a id=in href='other?x=2'>in</a><a id=out href='https://example.net/'>out</a>")

    @app.route("/login")
    def login() -> Response:
        response = RedirectResponse("/who")
        response.set_cookie("user", "ada")
        return response

    @app.route("/logout")
    def logout() -> Response:
        response = RedirectResponse("who")
        response.delete_cookie("user")
        return response

    @app.route("/who")
    def who(request: Request) -> Template:
        named = request.cookies.get("user", request.headers.get("x-user", "nobody"))
        return Template(f"<title>Who</title><p>{named}")

    @app.route("/plain")
    def plain() -> Response:
        return PlainTextResponse("no page")

    return app


def test_redirects_are_followed_and_cookies_kept_and_deleted() -> None:
    with Tab(site(), "/login") as tab:
        assert (tab.path, tab.text("p")) == ("/who", "ada")
        tab.open("/logout")
        assert tab.text("p") == "nobody"


def test_each_tab_is_a_browser_of_its_own_with_its_headers() -> None:
    app = site()
    with Tab(app, "/login") as ann, Tab(app, "/who", headers={"x-user": "bob"}) as bob:
        assert (ann.text("p"), bob.text("p")) == ("ada", "bob")


def test_a_link_that_leads_somewhere_is_followed() -> None:
    with Tab(site()) as tab:
        tab.click("#in")
        assert (tab.path, tab.text("h1"), tab.text("#log")) == ("/other?x=2", "Other", "x=2")


def test_what_leads_out_of_the_app_is_refused() -> None:
    with Tab(site()) as tab:
        assert refusal(tab.click, "#out") == "https://example.net/ leads out of the app"


def test_what_is_no_live_page_is_refused() -> None:
    with Tab(site()) as tab:
        assert "answered with 404" in refusal(tab.open, "/nowhere")
        assert "/plain is not a live page" in refusal(tab.open, "/plain")


def test_pages_of_mounted_apps_are_live_too() -> None:
    app, inner = App(), app_of("<button _onclick=count>")
    app.mount("/inner", inner)
    with Tab(app, "/inner/") as tab:
        tab.click("button")
        assert tab.text("#log") == "1"
        assert tab.session in inner.sessions.values()


# --- What is shown -------------------------------------------------------------------------


def test_only_what_was_published_is_shown() -> None:
    with Tab(app_of("<button _onclick=forget>")) as tab:
        tab.click("button")
        assert tab.querySelector("#new") is None
        assert tab.template.querySelector("#new") is not None
        assert "an update() is missing" in refusal(tab.text, "#new")
        tab.template.update()
        assert tab.text("#new") == "new"


def test_the_page_is_as_the_template_says() -> None:
    with Tab(app_of("<input name=a value=b><button _onclick=log>x</button>")) as tab:
        assert tab.html == tab.template.html.replace(' _onclick="log"', "")


def test_whatever_was_published_before_is_there_when_one_looks() -> None:
    page = Template("<title>Shared</title><p>0</p>", shared=True)
    app = App()
    app.route("/")(lambda: page)
    shown = page.querySelector("p")
    assert shown
    with Tab(app) as tab:
        for number in range(200):
            shown.content = number
            page.update()
            assert tab.text("p") == str(number)


def test_an_element_is_named_by_what_selects_one_or_by_itself() -> None:
    body = "<b>1</b><b>2</b><i hidden>3</i>"
    with Tab(app_of(body)) as tab:
        assert "2 are there" in refusal(tab.text, "b")
        assert "none is there" in refusal(tab.text, "u")
        known = tab.template.querySelectorAll("b")[1]
        assert tab.text(known) == tab.text(tab.querySelectorAll("b")[1]) == "2"
        known.show = False
        tab.template.update()
        assert "is not in the page" in refusal(tab.text, known)
        assert tab.text("b") == "1"
        known.id = "known"
        assert "its show is False" in refusal(tab.text, "#known")


def test_changing_what_the_tab_shows_changes_nothing() -> None:
    with Tab(app_of("<b>1</b>")) as tab:
        shown = tab.querySelector("b")
        assert shown
        shown.content = "2"
        known = tab.template.querySelector("b")
        assert known is not None
        assert known.text == "1"


# --- What the user does ----------------------------------------------------------------------


def test_a_call_returns_when_the_event_is_handled() -> None:
    class Slow(Log):
        async def slow(self) -> None:
            for number in range(3):
                self.show(number)
                await asyncio.sleep(0.01)

    app = App()
    app.route("/")(lambda: Slow("<button _onclick=slow>"))
    with Tab(app) as tab:
        tab.click("button")
        assert tab.text("#log") == "2"


def test_what_a_handler_raises_is_raised() -> None:
    with Tab(app_of("<button _onclick=fail>")) as tab:
        with pytest.raises(LookupError, match="nothing there") as failed:
            tab.click("button")
        assert [it.name for it in failed.traceback][-1] == "fail"
        assert tab.status == "online"


def test_what_is_raised_is_raised_also_where_nothing_is_logged() -> None:
    logger = logging.getLogger("sapwood")
    with Tab(app_of("<button id=b _onclick=fail>")) as tab:
        logger.disabled = True
        try:
            assert "click on <button id=b>: its handler failed" in refusal(tab.click, "button")
        finally:
            logger.disabled = False


def test_what_would_end_the_process_does_not() -> None:
    with Tab(app_of("<button _onclick=exit>")) as tab, pytest.raises(TabError) as failed:
        tab.click("button")
    assert isinstance(failed.value.__cause__, SystemExit)


def test_two_handlers_that_fail_are_both_told_of() -> None:
    with Tab(app_of("<div _onclick=fail><button _onclick=fail>")) as tab:
        with pytest.raises(ExceptionGroup) as failed:
            tab.click("button")
        assert [str(it) for it in failed.value.exceptions] == ["nothing there"] * 2


class Late(Log):
    """A handler that fails when it is told to."""

    def __init__(self, html: str = "<button _onclick=late>") -> None:
        super().__init__(html)
        self.goes_on = threading.Event()
        self.is_waiting = False

    def late(self) -> None:
        """Wait, and fail."""
        self.is_waiting = True
        assert self.goes_on.wait(PATIENCE_S)
        raise LookupError("too late")


def test_what_is_raised_later_is_raised_by_who_waits_next() -> None:
    app, page = App(), Late()
    app.route("/")(lambda: page)
    with Tab(app) as tab:
        tab.send("click", "button", wait=False)
        page.goes_on.set()
        with pytest.raises(LookupError, match="too late"):
            tab.until(lambda: False)


def test_what_has_failed_is_raised_when_all_have_ended_that_hear_it() -> None:
    app, page = App(), Late("<div _onclick=late><button _onclick=fail>")
    app.route("/")(lambda: page)
    with Tab(app) as tab:
        tab.send("click", "button", wait=False)
        tab.until(lambda: page.is_waiting)
        assert tab.text("button") == ""  # all is taken that the page is told by then
        tab.until(lambda: True)
        page.goes_on.set()
        with pytest.raises(ExceptionGroup) as failed:
            tab.until(lambda: False)
        assert [str(it) for it in failed.value.exceptions] == ["nothing there", "too late"]


def leave_too_early(app: App, page: Late) -> None:
    """Leave a page while a handler runs, and as soon as it has failed."""
    with Tab(app) as tab:
        tab.send("click", "button", wait=False)
        tab.until(lambda: tab.session.is_busy)
        page.goes_on.set()
        busy = tab.session
        while busy.is_busy:
            pass


def test_what_is_raised_and_nobody_waits_for_is_raised_at_the_end() -> None:
    app, page = App(), Late()
    app.route("/")(lambda: page)
    with pytest.raises(LookupError, match="too late"):
        leave_too_early(app, page)


def leave_while_another_hears(app: App, page: Late) -> None:
    """Leave a page when one handler has failed, and the next one runs."""
    with Tab(app) as tab:
        tab.send("click", "button", wait=False)
        tab.until(lambda: page.is_waiting)
    page.goes_on.set()


def test_what_has_failed_when_its_tab_is_left_is_raised_though_others_run_on() -> None:
    app, page = App(), Late("<div _onclick=late><button _onclick=fail>")
    app.route("/")(lambda: page)
    try:
        with pytest.raises(LookupError, match="nothing there"):
            leave_while_another_hears(app, page)
    finally:
        page.goes_on.set()


def test_what_fails_and_is_sent_away_before_it_is_done_is_raised() -> None:
    app, page = App(), Late("<i _onclick=late><div _onclick=close><button _onclick=fail>")
    app.route("/")(lambda: page)
    try:
        with Tab(app) as tab, pytest.raises(LookupError, match="nothing there"):
            tab.click("button")
    finally:
        page.goes_on.set()


def test_what_fails_in_one_tab_is_no_matter_of_another() -> None:
    app = app_of("<button _onclick=fail>")
    with Tab(app) as ann, Tab(app, ann.session.url) as bob:
        for tab in (ann, bob):  # each is told of its own event 1
            with pytest.raises(LookupError):
                tab.click("button")


async def test_a_coroutine_may_be_a_test_too() -> None:
    with Tab(app_of("<button _onclick=count>")) as tab:
        tab.click("button")
        assert tab.text("#log") == "1"


def test_what_does_not_end_is_named() -> None:
    with Tab(app_of("<button id=b _onclick=hang>"), timeout_s=0.2) as tab:
        with pytest.raises(
            TimeoutError, match=r"click on <button id=b> is not handled after 0.2 s"
        ):
            tab.click("button")
        assert tab.text("#log") == "hangs"


CANNOT = {
    "<button disabled _onclick=log>": "<button> is disabled",
    "<fieldset disabled><button _onclick=log></fieldset>": "<button> is disabled",
    "<div hidden><button _onclick=log></div>": "<button> is hidden",
    "<div inert><button _onclick=log></div>": "<button> is hidden",
    "<button id=b>": "<button id=b> or anything around it has no handler for click",
    "<form><button _onclick=log></form>": "<form> or anything around it has no handler for submit",
}


@pytest.mark.parametrize("body", CANNOT)
def test_what_nobody_can_click_is_refused(body: str) -> None:
    with Tab(app_of(body)) as tab:
        assert refusal(tab.click, "button") == CANNOT[body]
        assert tab.text("#log") == "" or "form" in body


def test_what_is_above_hears_what_bubbles_and_only_that() -> None:
    with Tab(app_of("<div _onclick=log _onfocus=log><b>x</b></div>")) as tab:
        tab.click("b")
        assert tab.text("#log") == "click"
        assert refusal(tab.send, "focus", "b") == "<b> has no handler for focus"


def test_any_event_is_sent_with_its_data() -> None:
    class Drops(Log):
        def drop(self, e: EventHandler) -> None:
            self.show(dict(e.event_data))

    app = App()
    app.route("/")(lambda: Drops("<div _ondrop=drop>"))
    with Tab(app) as tab:
        tab.send("drop", "div", {"clientX": 3})
        assert tab.text("#log") == "{'clientX': 3}"


def test_typing_is_heard_and_told() -> None:
    with Tab(app_of("<input name=a _oninput=log _onchange=log>")) as tab:
        tab.type("input", "Ada")
        assert tab.text("#log") == "input change"
        assert tab.value("input") == "Ada"
        assert tab.template.getFormValues() == {"a": "Ada"}


def test_what_nothing_hears_the_next_event_tells() -> None:
    with Tab(app_of("<input name=a><textarea name=b></textarea><button _onclick=values>")) as tab:
        tab.type("input", "Ada")
        tab.type("textarea", "one\ntwo")
        assert tab.template.getFormValues() == {"a": "", "b": ""}
        tab.click("button")
        assert tab.text("#log") == str({"a": "Ada", "b": "one\ntwo"})


def test_half_of_a_surrogate_pair_is_repaired_as_in_browsers() -> None:
    with Tab(app_of("<input name=a><button _onclick=values>")) as tab:
        tab.type("input", "a\ud800b")
        tab.click("button")
        assert tab.text("#log") == str({"a": "a\ufffdb"})


def test_what_was_typed_is_not_undone_by_what_was_set_before_it() -> None:
    with Tab(app_of("<input name=a>")) as tab:
        tab.type("input", "typed")
        field = tab.template.querySelector("input")
        assert field
        field.value = "set"
        tab.template.update()
        assert tab.value("input") == "typed"


UNTYPED = {
    "<input id=f type=checkbox>": "nobody types into <input id=f type=checkbox>",
    "<p id=f>": "nobody types into <p id=f>",
    "<input id=f readonly>": "<input id=f> is readonly",
    "<input id=f maxlength=3>": "<input id=f> takes 3 characters, not 4",
    "<input id=f>": r"<input id=f> has one line, and 'a\nbc' has more",
    "<textarea id=f disabled></textarea>": "<textarea id=f> is disabled",
}


@pytest.mark.parametrize("body", UNTYPED)
def test_what_nobody_can_type_is_refused(body: str) -> None:
    text = "abcd" if "maxlength" in body else "a\nbc"
    with Tab(app_of(body)) as tab:
        assert refusal(tab.type, "#f", text) == UNTYPED[body]


BOXES = """
    <form><input type=checkbox name=a id=a _onclick=log _oninput=log _onchange=log>
    <input type=radio name=r value=1 id=r1 checked><label id=l><input type=radio name=r value=2
    id=r2></label></form><button _onclick=values></button>
"""


def test_boxes_are_ticked_and_heard() -> None:
    with Tab(app_of(BOXES)) as tab:
        tab.check("#a")
        assert tab.text("#log") == "click input change"
        tab.check("#a")
        assert tab.text("#log") == "click input change"
        tab.click("#l")
        tab.click("button")
        assert tab.text("#log") == str({"r": "2", "a": "on"})
        first = tab.template.querySelector("#r1")
        assert first
        assert not first.checked
        tab.send("click", "#a")  # which is no click, and ticks nothing
        tab.click("#r2")
        assert tab.querySelectorAll("input:checked") == tab.querySelectorAll("#a, #r2")
        tab.check("#a", False)
        tab.click("button")
        assert tab.text("#log") == str({"r": "2"})
        assert "by ticking another one" in refusal(tab.check, "#r2", False)
        assert "is no box" in refusal(tab.check, "button")


def test_options_are_chosen_by_value_or_text() -> None:
    body = """
        <select name=a id=a _onchange=log><option value=s>Small<option> Large
        one <option disabled>No</select>
        <select name=b id=b multiple><option>1<option>2<option>3</select>
        <button _onclick=values></button>
    """
    with Tab(app_of(body)) as tab:
        tab.select("#a", "Large one")
        assert tab.text("#log") == "change"
        tab.select("#b", "1", "3")
        tab.click("button")
        assert tab.text("#log") == str({"a": "Large one", "b": ["1", "3"]})
        tab.select("#a", "Small")
        tab.select("#b")
        tab.click("button")
        assert tab.text("#log") == str({"a": "s", "b": []})
        assert "no option 'No'" in refusal(tab.select, "#a", "No")
        assert "takes one option, not 2" in refusal(tab.select, "#a", "s", "Large one")
        assert "is no select" in refusal(tab.select, "button", "x")


FORM = """
    <form id=f _onsubmit=submitted><input name=a required><input type=checkbox name=ok required>
    <button type=button>no</button><button name=b id=b _onclick=log>Go</button></form>
"""


class Form(Log):
    """A form that shows who submitted it."""

    def submitted(self, e: EventHandler) -> None:
        """Show what was heard, by which button, and the values."""
        by = self._tree.find(e.event_data["submitter"])
        self.show(f"{self.heard} {by and by.id} {self.getFormValues()}")


@pytest.mark.parametrize(
    "submit",
    [
        lambda tab: tab.submit("#f"),
        lambda tab: tab.click("#b"),
        lambda tab: tab.press("Enter", on="[name=a]"),
    ],
    ids=["submit", "click", "Enter"],
)
def test_a_form_is_submitted_by_its_button_when_it_is_complete(
    submit: Callable[[Tab], None],
) -> None:
    app = App()
    app.route("/")(lambda: Form(FORM))
    with Tab(app) as tab:
        assert "<input name=a> is required" in refusal(submit, tab)
        tab.type("[name=a]", "Ada")
        assert "<input name=ok type=checkbox> is required" in refusal(submit, tab)
        tab.check("[name=ok]")
        submit(tab)
        assert tab.text("#log").endswith("b {'a': 'Ada', 'ok': 'on'}")


def test_a_form_without_a_button_is_submitted_too() -> None:
    with Tab(app_of("<form id=f novalidate _onsubmit=log><input name=a required></form>")) as tab:
        tab.submit("#f")
        tab.press("Enter", on="input")
        assert tab.text("#log") == "submit submit"
        assert refusal(tab.submit, "input") == "<input name=a> is no form"


def test_a_field_that_is_disabled_is_not_required() -> None:
    with Tab(app_of("<form _onsubmit=log><input name=a required disabled></form>")) as tab:
        tab.submit("form")
        assert tab.text("#log") == "submit"


def test_keys_are_pressed_and_released() -> None:
    class Keys(Log):
        def key(self, e: EventHandler) -> None:
            self.heard.append(f"{e.type}:{e.event_data['key']}:{e.event_data['code']}")
            self.show(" ".join(self.heard))

    app = App()
    app.route("/")(lambda: Keys("<div _onkeydown=key _onkeyup=key><button _onclick=log></div>"))
    with Tab(app) as tab:
        tab.press("a", on="div")
        assert tab.text("#log") == "keydown:a:KeyA keyup:a:KeyA"
        tab.press("Enter", on="button")
        assert tab.text("#log").endswith("keydown:Enter:Enter click")
        tab.press(" ", on="button")
        assert tab.text("#log").endswith("keydown: :Space click")
        assert "no handler for keydown" in refusal(tab.press, "a")


# --- Dialogs and the window --------------------------------------------------------------------


def test_dialogs_are_answered_one_after_the_other() -> None:
    with Tab(app_of("<button _onclick=ask>")) as tab:
        assert tab.dialog is None
        assert refusal(tab.answer) == "no dialog is open"
        tab.click("button")
        assert tab.dialog == Dialog("confirm", "Sure?")
        assert "a dialog is open" in refusal(tab.click, "button")
        assert "'yes' is no answer to" in refusal(tab.answer, "yes")
        tab.answer(True)
        assert tab.dialog == Dialog("prompt", "Who?", "Nobody")
        tab.answer("Ada")
        assert tab.text("#log") == "Ada"
        assert tab.dialog == Dialog("alert", "Thanks")
        tab.answer()
        tab.click("button")
        tab.answer(False)
        assert tab.dialog == Dialog("alert", "Thanks")


def test_a_dialog_stays_open_over_a_drop() -> None:
    with Tab(app_of("<button _onclick=ask>")) as tab:
        tab.click("button")
        tab.drop()
        tab.connect()
        tab.answer(True)
        tab.answer("Ada")
        assert tab.text("#log") == "Ada"


def test_a_dialog_goes_with_its_page() -> None:
    with Tab(app_of("<button _onclick=ask>")) as tab:
        tab.click("button")
        tab.reload()
        assert tab.dialog is None


def test_questions_of_the_next_process_are_others() -> None:
    with Tab(app_of("<button _onclick=ask>")) as tab:
        tab.click("button")
        tab.answer(False)
        tab.answer()
        tab.restart()
        tab.click("button")
        assert tab.dialog == Dialog("confirm", "Sure?")
        tab.answer(False)


def test_the_window_has_storage_and_tells_of_itself() -> None:
    with Tab(app_of("<button _onclick=keep>")) as tab:
        tab.click("button")
        assert tab.text("#log") == "None ['seen'] 1280 /"
        tab.open("/")
        tab.click("button")
        assert tab.text("#log") == "x ['seen'] 1280 /"


def test_the_window_goes_where_it_is_sent() -> None:
    with Tab(app_of("<button _onclick=go>")) as tab:
        tab.click("button")
        assert (tab.path, tab.text("h1")) == ("/other?x=1", "Other")


# --- Waiting -------------------------------------------------------------------------------


def test_until_waits_for_what_is_published_and_for_what_is_not() -> None:
    page = Template("<title>Shared</title><p>0</p>", shared=True)
    app, done = App(), threading.Event()
    app.route("/")(lambda: page)

    async def count() -> None:
        for number in range(1, 4):
            await asyncio.sleep(0.02)
            shown = page.querySelector("p")
            assert shown
            shown.content = number
            page.update()
        await asyncio.sleep(0.02)
        done.set()

    app.on_startup(lambda: app.run_task(count()))
    with Tab(app) as tab:
        tab.until(lambda: tab.text("p") == "3")
        tab.until(done.is_set)


def test_until_ends_with_what_the_page_shows() -> None:
    with Tab(app_of("<b>as it is</b>")) as tab:
        with pytest.raises(TimeoutError, match=r"not so after 0.1 s.*<b>as it is</b>"):
            tab.until(lambda: tab.text("b") == "other", timeout_s=0.1)
        tab.drop()
        with pytest.raises(TimeoutError):
            tab.until(lambda: False, timeout_s=0.1)


# --- Coming and going ------------------------------------------------------------------------


def test_what_is_done_offline_is_kept_and_handled_once() -> None:
    with Tab(app_of("<input name=a><button _onclick=count>")) as tab:
        tab.drop()
        assert tab.status == "offline"
        tab.click("button")
        tab.type("input", "offline")
        tab.click("button")
        assert tab.text("#log") == ""
        tab.connect()
        assert tab.status == "online"
        assert tab.text("#log") == "2"
        assert tab.template.getFormValues() == {"a": "offline"}
        tab.drop()
        tab.connect()
        assert tab.text("#log") == "2"


def test_no_more_is_kept_than_a_browser_keeps() -> None:
    with Tab(app_of("<button _onclick=count>")) as tab:
        tab.drop()
        for _ in range(64):
            tab.click("button")
        assert "no more than 64 events" in refusal(tab.click, "button")
        tab.connect()
        assert tab.text("#log") == "64"


def test_what_fails_of_what_was_done_offline_is_raised_by_connect() -> None:
    with Tab(app_of("<button _onclick=fail>")) as tab:
        tab.drop()
        tab.click("button")
        with pytest.raises(LookupError):
            tab.connect()


def test_what_was_published_meanwhile_is_there_after_a_drop() -> None:
    with Tab(app_of("<b>old</b>")) as tab:
        tab.drop()
        shown = tab.template.querySelector("b")
        assert shown
        shown.content = "new"
        tab.template.update()
        assert tab.text("b") == "old"
        tab.connect()
        assert tab.text("b") == "new"


def test_a_page_that_is_loaded_again_goes_on_with_its_session() -> None:
    with Tab(app_of("<input name=a><button _onclick=count>")) as tab:
        tab.click("button")
        before = tab.session
        tab.type("input", "typed")
        tab.drop()
        tab.click("button")
        tab.reload()
        assert tab.session is before
        assert tab.text("#log") == "2"
        assert tab.value("input") == "typed"
        tab.click("button")
        assert tab.text("#log") == "3"


def test_what_was_typed_and_not_told_is_told_when_the_page_is_loaded_again() -> None:
    with Tab(app_of("<input name=a>")) as tab:
        tab.type("input", "typed")
        tab.reload()
        assert tab.value("input") == "typed"
        assert tab.template.getFormValues() == {"a": "typed"}


def test_what_is_opened_anew_is_a_new_session() -> None:
    with Tab(app_of("<button _onclick=count>")) as tab:
        tab.click("button")
        before = tab.session
        tab.open("/")
        assert tab.session is not before
        assert tab.text("#log") == ""
        tab.click("button")
        assert tab.text("#log") == "1"


def test_two_tabs_share_a_session_by_its_url() -> None:
    app = app_of("<input name=a _oninput=log><button _onclick=count>")
    with Tab(app) as ann, Tab(app, ann.session.url) as bob:
        assert bob.session is ann.session
        bob.click("button")
        assert ann.text("#log") == bob.text("#log") == "1"
        ann.type("input", "shared")
        assert bob.value("input") == "shared"


def test_a_session_that_the_app_ends_is_closed() -> None:
    with Tab(app_of("<button _onclick=end>")) as tab:
        tab.click("button")
        tab.until(lambda: tab.status == "closed")
        assert "has ended" in refusal(lambda: tab.session)
        assert refusal(tab.click, "button") == "the app has closed the session"


def test_a_session_that_nobody_came_back_to_begins_afresh_and_says_what_was_lost() -> None:
    app = App(session_timeout_s=0.01)
    app.route("/")(lambda: Log("<input name=a><button id=b _onclick=count>"))
    with Tab(app) as tab:
        tab.click("button")
        tab.type("input", "typed")
        tab.drop()
        tab.until(lambda: not app.sessions)
        tab.click("button")
        assert refusal(tab.connect) == "click on <button id=b> is not handled: its session is gone"
        assert (tab.text("#log"), tab.value("input")) == ("", "typed")
        tab.click("button")
        assert tab.text("#log") == "1"
        assert tab.template.getFormValues() == {"a": "typed"}


def test_who_waits_for_a_place_is_told_so() -> None:
    app = app_of("", max_sessions=1)
    with Tab(app) as tab:
        with pytest.raises(TimeoutError, match="waits for place 1"), Tab(app, timeout_s=0.1):
            pass
        assert tab.status == "online"


# --- Restarts ------------------------------------------------------------------------------


def test_state_outlives_a_restart_and_what_was_done_meanwhile_comes_once() -> None:
    store = MemoryStore()
    body = "<input name=a><button id=b _onclick=count>"
    with Tab(app_of(body, store=store)) as tab:
        tab.click("button")
        tab.drop()
        tab.click("button")
        tab.type("input", "typed")
        after = app_of(body, store=store)
        tab.restart(after)
        assert tab.session in after.sessions.values()
        assert tab.session.state == {"count": 2}
        assert tab.value("input") == "typed"
        assert tab.template.getFormValues() == {"a": "typed"}


def test_elements_of_the_next_process_are_found_by_id_and_name() -> None:
    store = MemoryStore()

    def made(count: int) -> App:
        app = App(store=store)

        @app.route("/")
        def home(state: dict[str, Any]) -> Template:
            page = Log("", state)
            for _ in range(count):  # so that all have other uuids in each process
                Element("i", parent=page.root.children[1])
            Element("input", attrs={"name": "a"}, parent=page.root.children[1])
            Element("button", id="b", onclick=page.count, parent=page.root.children[1])
            return page

        return app

    with Tab(made(1)) as tab:
        before = tab.template.querySelectorAll("input, button")
        tab.type("input", "typed")
        tab.drop()
        tab.click("button")
        tab.restart(made(3))
        after = tab.template.querySelectorAll("input, button")
        assert not {it.uuid for it in before} & {it.uuid for it in after}
        assert tab.text("#log") == "1"
        assert tab.value("input") == "typed"
        assert tab.template.getFormValues() == {"a": "typed"}


def test_an_app_restarts_with_its_own_store(tmp_path: Path) -> None:
    app = app_of("<button _onclick=count>", store=SQLiteStore(tmp_path / "sessions.db"))
    for _ in range(2):  # the second test of a module has the same app
        with Tab(app) as tab:
            tab.click("button")
            tab.restart()
            assert tab.session.state == {"count": 1}
            tab.click("button")
            assert tab.text("#log") == "2"


def test_a_restart_is_one_for_all_tabs() -> None:
    app = app_of("<button _onclick=count>")
    with Tab(app) as ann, Tab(app) as bob:
        bob.click("button")
        ann.restart()
        assert bob.status == "offline"
        bob.connect()
        assert (bob.status, bob.session.state) == ("online", {"count": 1})


def test_an_app_with_tabs_is_no_other_process() -> None:
    first, second = app_of(""), app_of("")
    with Tab(first) as ann, Tab(second):
        assert "has tabs already" in refusal(ann.restart, second)


def test_startup_that_fails_at_a_restart_is_raised_and_leaves_nothing_running() -> None:
    before, after = app_of(""), app_of("")

    @after.on_startup
    def start() -> None:
        raise LookupError("no database")

    with pytest.raises(LookupError), Tab(before) as tab:
        tab.restart(after)
    assert not servers()
    with Tab(before) as tab:
        assert tab.status == "online"


def test_a_session_is_the_server_s_own() -> None:
    app = app_of("")
    with Tab(app) as tab:
        session: Session = tab.session
        assert app.sessions == {session.id: session}
        assert tab.template is session.template
