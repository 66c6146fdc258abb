"""Sessions without sockets: each event once and in order, and the browser ends up with the tree."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from browser import Tab
from sapwood import Element, EventHandler, FrameError, Template
from sapwood.connection import EVENTS_WAITING_MAX, READY_MAX
from sapwood.protocol import Ping, Resync, decode
from sapwood.sessions import Sessions

HTML = """<body><button id=go _onclick=go>go</button>
<ul id=list _onclick=heard><li id=item>0</li></ul>
<input id=field name=field><input id=box type=checkbox>
<fieldset id=set><button id=inner _onclick=go></button></fieldset>
<div id=outer _onfocus=heard _onclick=heard><a id=link _onfocus=go>x</a></div></body>"""


class Page(Template):
    """A page that logs what is called, and does what it is told to."""

    def __init__(self, *, shared: bool = False) -> None:
        super().__init__(HTML, shared=shared)
        self.log: list[Any] = []
        self.does: Callable[[EventHandler], Any] = lambda e: None

    def go(self, e: EventHandler) -> None:
        self.log.append(e.event_data.get("n", "go"))
        self.does(e)

    def heard(self, e: EventHandler) -> None:
        self.log.append(f"heard on {e.current_target.id} of {e.target.id}")

    def element(self, id: str) -> Element:
        found = self.getElementById(id)
        assert found
        return found

    def count(self, text: object) -> None:
        self.element("item").content = str(text)
        self.update()


def frames(tab: Tab) -> list[Any]:
    """Return the frames that the server sends now."""
    tab.send()
    found, tab.down = [json.loads(frame) for frame in tab.down], []
    return found


def received(tab: Tab, *parts: Any) -> None:
    """Let the server have a frame that no browser of ours sent."""
    tab.connection.receive(decode(json.dumps(parts)))


# --- Events ------------------------------------------------------------------------


def test_events_are_handled_in_their_order_each_once() -> None:
    page = Page()
    tab = Tab(page)
    for n in range(5):
        tab.click("#go", data={"n": n})
    tab.settle()
    assert page.log == [0, 1, 2, 3, 4]


def test_an_event_seen_before_is_acknowledged_and_not_run_again() -> None:
    page = Page()
    tab = Tab(page)
    tab.click("#go")
    again = tab.browser.up[0]
    tab.settle()
    tab.connection.receive(decode(again))
    assert (page.log, frames(tab), tab.session.is_busy) == (["go"], [[-1, 1]], False)


def test_an_event_after_a_gap_is_refused() -> None:
    tab = Tab(Page())
    with pytest.raises(FrameError, match="event 2 after 0") as refused:
        received(tab, 2, 0, 1)
    assert refused.value.code == 4400


def test_a_refused_event_may_come_again_in_its_turn() -> None:
    page = Page()
    tab = Tab(page)
    with pytest.raises(FrameError):
        received(tab, 2, 0, 1)
    tab.click("#go")
    tab.settle()
    assert page.log == ["go"]


def test_no_more_than_64_events_wait() -> None:
    tab = Tab(Page())
    for number in range(1, EVENTS_WAITING_MAX + 1):
        received(tab, number, 0, 1)
    with pytest.raises(FrameError) as refused:
        received(tab, EVENTS_WAITING_MAX + 1, 0, 1)
    assert refused.value.code == 4429


def test_a_second_join_is_refused() -> None:
    join = decode('[0,{"v":1,"path":"/","token":"t"}]', is_first=True)
    with pytest.raises(FrameError):
        Tab(Page()).connection.receive(join)


def test_a_ping_is_answered_with_its_mark() -> None:
    tab = Tab(Page())
    tab.connection.receive(Ping(1.5))
    assert frames(tab) == [[-2, 1.5]]


def test_who_asks_much_and_reads_nothing_is_closed() -> None:
    tab = Tab(Page())
    for _ in range(READY_MAX):
        tab.connection.receive(Ping(0))
    with pytest.raises(FrameError) as refused:
        tab.connection.receive(Ping(0))
    assert refused.value.code == 4429


def test_an_event_without_a_change_is_acknowledged() -> None:
    tab = Tab(Page())
    tab.click("#go")
    tab.deliver_up()
    tab.handle()
    assert frames(tab) == [[-1, 1]]


def test_a_patch_says_which_events_are_handled() -> None:
    page = Page()
    tab = Tab(page)
    page.does = lambda e: page.count(1)
    tab.click("#go")
    tab.deliver_up()
    tab.handle()
    assert frames(tab) == [[1, 1, 0, tab.browser.page.id(tab.uuid("#item")), "1"]]


# --- Who hears -----------------------------------------------------------------------


def test_a_click_bubbles_to_those_above() -> None:
    page = Page()
    tab = Tab(page)
    tab.click("#item")
    tab.settle()
    assert page.log == ["heard on list of item"]


def test_an_event_that_does_not_bubble_stays_with_its_target() -> None:
    page = Page()
    tab = Tab(page)
    tab.click("#link", "focus")
    tab.settle()
    assert page.log == ["go"]


def test_a_handler_can_stop_the_event() -> None:
    page = Page()
    tab = Tab(page)
    page.element("item").on("click", lambda e: e.stop_propagation())
    tab.click("#item")
    tab.settle()
    assert page.log == []


def test_all_handlers_of_one_element_hear_even_if_one_stops_the_event() -> None:
    page = Page()
    tab = Tab(page)
    page.element("item").on("click", lambda e: e.stop_propagation())
    page.element("item").on("click", lambda: page.log.append("second"))
    tab.click("#item")
    tab.settle()
    assert page.log == ["second"]


def test_a_handler_may_destroy_those_that_would_hear_next() -> None:
    page = Page()
    tab = Tab(page)
    page.element("item").on("click", lambda: page.element("list").destroy())
    page.element("item").on("click", lambda: page.log.append("second"))
    tab.click("#item")
    tab.settle()
    tab.click("#go")
    tab.settle()
    assert page.log == ["go"]


def test_handlers_named_in_html_come_before_those_of_python() -> None:
    page = Page()
    tab = Tab(page)
    page.element("go").on("click", lambda: page.log.append("python"))
    tab.click("#go")
    tab.settle()
    assert page.log == ["go", "python"]


def test_an_event_of_another_type_runs_nothing() -> None:
    page = Page()
    tab = Tab(page)
    tab.click("#go", "dblclick")
    tab.settle()
    assert (page.log, tab.browser.outbox) == ([], {})


# As Chromium 156 dispatches a click there: to whom, of these, from the inside to the outside.
HEARD = {
    "<button id=x disabled></button>": "",
    "<button id=out disabled><i id=x></i></button>": "x",
    "<fieldset disabled id=out><button id=x></button></fieldset>": "",
    "<fieldset disabled id=out><button><i id=x></i></button></fieldset>": "x",
    "<fieldset disabled id=out><i id=x></i></fieldset>": "x out around",
    "<fieldset disabled id=out><label><input id=x></label></fieldset>": "",
    "<fieldset disabled id=out><a href=#><output id=x></output></a></fieldset>": "x out around",
    "<fieldset disabled id=x></fieldset>": "x around",
    "<fieldset disabled id=out><p></p><legend><b><button id=x></button>": "x out around",
    "<fieldset disabled id=out><legend></legend><legend><button id=x></button></legend>": "",
    "<fieldset disabled id=out><p><legend><button id=x></button></legend>": "",
    "<fieldset disabled><legend><fieldset id=out><button id=x></button>": "x out around",
    "<fieldset disabled><legend><fieldset id=out disabled><button id=x></button>": "",
    "<fieldset disabled><fieldset id=out><legend><button id=x></button></legend>": "",
    "<select id=out multiple><option id=x disabled>": "",
    "<select id=out multiple><optgroup disabled><option id=x>": "",
    "<select id=out multiple disabled><option id=x>": "x",
    "<div id=out disabled><i id=x></i></div>": "x out around",
    "<svg id=out disabled><g id=x></g></svg>": "x out around",
}


@pytest.mark.parametrize("html", HEARD)
def test_an_event_ends_at_what_is_disabled_as_in_a_browser(html: str) -> None:
    page = Template(f"<div id=around>{html}</div>")
    for element in page.walk():
        element.on("click", lambda: None)
    target = page.getElementById("x")
    assert target
    path = page._tree.listeners(target.uuid, "_onclick")
    assert path is not None
    heard = [it.id for it, _ in path if it.id]
    assert " ".join(heard) == HEARD[html]


@pytest.mark.parametrize(
    ("event_type", "is_heard"),
    [
        *[("click", False), ("mousedown", False), ("keydown", False), ("made-up", False)],
        *[("pointerdown", True), ("mouseenter", True), ("contextmenu", True), ("touchend", True)],
    ],
)
def test_what_is_disabled_can_be_pointed_at(event_type: str, is_heard: bool) -> None:
    page = Template("<div><button id=x disabled></button></div>")
    button = page.querySelector("button")
    assert button
    assert button.parent
    for element in (button, button.parent):
        element.on(event_type, lambda: None)
    path = page._tree.listeners(button.uuid, f"_on{event_type}")
    assert path == ([(button, ""), (button.parent, "")] if is_heard else [])


def test_nothing_runs_for_an_element_that_left() -> None:
    page = Page()
    tab = Tab(page)
    tab.click("#go")
    page.element("go").remove()
    tab.settle()
    assert (page.log, tab.browser.handled) == ([], 1)


def test_a_handler_that_an_earlier_one_took_away_does_not_run() -> None:
    page = Page()
    tab = Tab(page)
    second = page.element("list").on("click", lambda: page.log.append("second"))
    page.element("item").on("click", second.off)
    tab.click("#item")
    tab.settle()
    assert page.log == ["heard on list of item"]


TAKEN_AWAY: dict[str, Callable[[Element], Any]] = {
    "removed": lambda group: group.remove(),
    "deaf": lambda group: group._remove_attribute("_onclick"),
}


@pytest.mark.parametrize("take", TAKEN_AWAY.values(), ids=TAKEN_AWAY)
def test_a_handler_above_must_still_be_there_when_its_turn_comes(
    take: Callable[[Element], Any],
) -> None:
    page = Page()
    tab = Tab(page)
    group = page.element("set")
    group.on("click", lambda: page.log.append("group"))
    page.does = lambda e: take(group)
    tab.click("#inner")
    tab.settle()
    assert page.log == ["go"]


def test_a_handler_above_must_still_be_enabled_when_its_turn_comes() -> None:
    page = Page()
    tab = Tab(page)
    button = page.element("go")
    inner = Element("i", id="within", parent=button)
    inner.on("click", lambda: button.attrs.update(disabled=True))
    page.update()
    tab.settle()
    tab.click("#within")
    tab.settle()
    assert page.log == []


def test_a_handler_above_hears_of_an_element_that_just_left() -> None:
    page = Page()
    tab = Tab(page)
    page.element("item").on("click", lambda e: e.target.remove())
    tab.click("#item")
    tab.settle()
    assert page.log == ["heard on list of item"]


@pytest.mark.parametrize("id", [0, 2**53 - 1, "none", "Xk3f1", ""])
def test_an_element_that_never_was_runs_nothing(id: Any) -> None:
    page = Page()
    tab = Tab(page)
    received(tab, 1, 0, id or 999_999)
    tab.handle()
    assert (page.log, tab.connection.handled) == ([], 1)


def test_an_event_says_where_it_happened() -> None:
    page = Page()
    tab = Tab(page)
    seen: list[Any] = []
    page.element("list").on(
        "click", lambda e: seen.extend((e.type, e.target, e.current_target, e.template, e.route))
    )
    tab.click("#item", data={"clientX": 3})
    tab.settle()
    assert seen == ["click", page.element("item"), page.element("list"), page, "/"]


def test_the_old_name_of_the_target_warns() -> None:
    page = Page()
    tab = Tab(page)
    seen: list[Any] = []

    def old(e: EventHandler) -> None:
        with pytest.deprecated_call(match="target"):
            seen.append(e.element)

    page.element("item").on("click", old)
    tab.click("#item")
    tab.settle()
    assert seen == [page.element("item")]


def test_a_handler_that_a_foreign_element_names_fails_and_the_session_lives_on() -> None:
    class Other(Template):
        def elsewhere(self) -> None:
            pass

    page = Page()
    tab = Tab(page)
    foreign = Other("<i id=i _onclick=elsewhere></i>").getElementById("i")
    assert foreign
    page.element("outer").children.append(foreign)
    page.update()
    tab.click("#i")
    tab.click("#go")
    tab.settle()
    assert page.log == ["heard on outer of i", "go"]


# --- Errors ----------------------------------------------------------------------------


def failing(debug: bool) -> Tab:
    page = Page()
    tab = Tab(page, debug=debug)
    page.does = lambda e: 1 // 0
    tab.click("#go")
    tab.settle()
    return tab


def test_the_handlers_that_changed_the_page_without_update_are_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    page = Page()
    tab = Tab(page, debug=True)
    page.does = lambda e: setattr(page.element("item"), "content", "changed")
    tab.click("#go")
    tab.settle()
    (record,) = caplog.records
    assert "route /: Page.go, hearing 'click', changed the page without update()" in record.message
    caplog.clear()
    page.update()
    tab.click("#go")
    tab.settle()
    assert caplog.records == []


def test_who_fails_and_who_comes_after_is_not_asked_for_an_update(
    caplog: pytest.LogCaptureFixture,
) -> None:
    page = Page()
    tab = Tab(page, debug=True)

    def fails(e: EventHandler) -> None:
        page.element("item").content = "changed"
        raise ValueError("on the way")

    page.does = fails
    tab.click("#go")
    tab.settle()
    page.does = lambda e: None
    tab.click("#go")
    tab.settle()
    assert ["update()" in record.getMessage() for record in caplog.records] == [False]


def test_an_error_is_logged_with_session_route_and_handler(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failing(debug=False)
    (record,) = caplog.records
    said = record.getMessage()
    assert (
        record.levelno,
        "route /, event 1: Page.go failed at" in said,
        "ZeroDivision" in said,
    ) == (
        logging.ERROR,
        True,
        True,
    )


def test_an_error_is_told_without_text_in_production() -> None:
    assert failing(debug=False).browser.errors == [[1, "error", ""]]


def test_an_error_is_told_in_full_in_development() -> None:
    ((number, code, text),) = failing(debug=True).browser.errors
    assert (number, code, "ZeroDivisionError" in text, "Page.go" in text) == (
        1,
        "error",
        True,
        True,
    )


def test_what_fails_is_told_once_when_all_that_hear_the_event_have_ended() -> None:
    page = Page()
    tab = Tab(page, debug=True)
    page.element("item").on("click", lambda: 1 // 0)
    page.element("list").on("click", lambda: [][0])
    tab.click("#item")
    tab.deliver_up()
    told: list[list[str]] = []
    tab.handle(between=lambda: told.append(tab.connection.take()))
    assert told == [[], [], []]
    tab.settle()
    ((_, code, text),) = tab.browser.errors
    assert (code, "ZeroDivisionError" in text, "IndexError" in text) == ("error", True, True)


def test_what_failed_is_told_when_all_before_it_is_handled() -> None:
    tab = Tab(Page())
    tab.connection.finish(3, "error")
    tab.connection.finish(2)
    assert tab.connection.take() == []
    tab.connection.finish(1, "refused")
    assert tab.connection.take() == ['[-3,1,"refused",""]', '[-3,3,"error",""]', "[-1,3]"]


def test_an_error_whose_text_cannot_be_sent_is_told_all_the_same() -> None:
    page = Page()
    tab = Tab(page, debug=True)

    def fails(e: EventHandler) -> None:
        raise ValueError("half a pair: \ud83d")

    page.does = fails
    tab.click("#go")
    tab.settle()
    ((_, _, text),) = tab.browser.errors
    assert "half a pair: ?" in text
    assert not tab.session.is_busy


def test_a_session_lives_on_after_an_error() -> None:
    tab = failing(debug=False)
    page = tab.template
    assert isinstance(page, Page)
    page.does = lambda e: page.count("fine")
    tab.click("#go")
    tab.settle()
    assert tab.shown == tab.published


# --- Updates ---------------------------------------------------------------------------


def test_nothing_reaches_the_browser_without_an_update() -> None:
    page = Page()
    tab = Tab(page)
    page.does = lambda e: setattr(page.element("item"), "content", "secret")
    tab.click("#go")
    tab.settle()
    assert tab.node("#item").children[0].data == "0"  # type: ignore[union-attr]  # a text


def test_several_updates_are_several_frames_in_order() -> None:
    page = Page()
    tab = Tab(page)

    def three(e: EventHandler) -> None:
        for n in range(3):
            page.count(n + 1)

    page.does = three
    tab.click("#go")
    tab.deliver_up()
    tab.handle()
    assert [(frame[0], frame[-1]) for frame in frames(tab)] == [(1, "1"), (2, "2"), (3, "3")]


def test_an_update_between_two_changes_shows_only_the_first() -> None:
    page = Page()
    tab = Tab(page)
    page.count("shown")
    page.element("item").content = "hidden"
    assert [frame[-1] for frame in frames(tab)] == ["shown"]


def test_eight_frames_may_be_unacknowledged_then_changes_are_one() -> None:
    page = Page()
    tab = Tab(page)
    for n in range(1, 21):
        page.count(n)
        tab.send()
    assert len(tab.down) == 8
    tab.settle()
    assert (tab.browser.sequence, tab.shown) == (9, tab.published)


def test_a_patch_that_was_never_sent_cannot_be_acknowledged() -> None:
    with pytest.raises(FrameError, match="never sent"):
        received(Tab(Page()), -1, 1)


def test_an_old_acknowledgement_changes_nothing() -> None:
    page = Page()
    tab = Tab(page)
    page.count(1)
    tab.settle()
    received(tab, -1, 0)
    page.count(2)
    tab.settle()
    assert tab.shown == tab.published


def test_a_page_that_asks_gets_the_whole_tree() -> None:
    page = Page()
    tab = Tab(page)
    tab.connection.receive(Resync("broken"))
    page.element("item").content = "not published"
    ((sequence, handled, op, id, *_rest),) = frames(tab)
    assert (sequence, handled, op, id, "not published" in _rest) == (1, 0, 10, 0, False)


def test_a_page_asks_until_it_has_got_the_whole_tree_however_often_its_line_breaks() -> None:
    tab = Tab(Worklist())
    for _ in range(10):
        tab.connection.receive(decode('[-3,"gap"]'))
        tab.lose()
        tab.resume()
    tab.browser.waits_for_whole = True
    tab.connection.receive(decode('[-3,"gap"]'))
    tab.settle()
    assert not tab.browser.waits_for_whole
    assert tab.shown == tab.published


def test_the_whole_tree_goes_out_though_the_window_is_full() -> None:
    page = Page()
    tab = Tab(page)
    for n in range(10):
        page.count(n)
        tab.send()
    tab.down.clear()
    tab.browser.waits_for_whole = True
    tab.connection.receive(Resync("lost"))
    tab.settle()
    assert tab.shown == tab.published


# --- Coming back -------------------------------------------------------------------------


@pytest.mark.parametrize("arrived", range(6))
def test_a_browser_resumes_from_any_version_it_has(arrived: int) -> None:
    page = Page()
    tab = Tab(page)
    for n in range(1, 6):
        page.count(n)
    tab.send()
    for _ in range(arrived):
        tab.deliver_down()
        tab.deliver_up()
    tab.lose()
    page.element("list").children.append(Element("li", "while away"))
    page.update()
    tab.resume()
    tab.send()
    ((sequence, _, op, *_),) = map(json.loads, tab.down)
    assert (sequence, op == 10) == (arrived + 1, False)  # not the whole tree
    tab.settle()
    assert (tab.browser.sequence, tab.shown) == (arrived + 1, tab.published)


def test_nothing_is_sent_to_who_comes_back_to_the_same() -> None:
    tab = Tab(Page())
    tab.lose()
    tab.resume()
    assert frames(tab) == []


@pytest.mark.parametrize("sequence", [7, 2**53 - 2])
def test_from_an_unknown_version_the_whole_tree_is_sent(sequence: int) -> None:
    page = Page()
    tab = Tab(page)
    page.count(1)
    tab.settle()
    tab.lose()
    tab.browser.sequence = sequence
    tab.resume()
    tab.settle()
    assert (tab.browser.sequence, tab.shown) == (sequence + 1, tab.published)


def test_nothing_is_cut_while_nobody_is_there() -> None:
    page = Page()
    tab = Tab(page)
    tab.lose()
    for n in range(20):
        page.count(n)
    assert (frames(tab), tab.connection._sync.sequence) == ([], 0)
    tab.resume()
    assert len(frames(tab)) == 1


def test_events_go_on_to_be_handled_while_nobody_is_there() -> None:
    page = Page()
    tab = Tab(page)
    tab.click("#go")
    tab.deliver_up()
    tab.lose()
    tab.handle()
    tab.resume()
    assert (page.log, tab.browser.up) == (["go"], [])


def test_a_newer_socket_supersedes_the_older() -> None:
    tab = Tab(Page())
    woken: list[str] = []
    connection = tab.connection
    first = connection.open(lambda: woken.append("first"))
    connection.resume(0)
    second = connection.open(lambda: woken.append("second"))
    assert (connection.is_current(first), connection.is_current(second)) == (False, True)
    assert (connection.close(first), woken) == (False, ["first"])


def test_a_destroyed_session_follows_no_more() -> None:
    page = Page()
    tab = Tab(page)
    tab.session.forget()
    tab.session.detach(tab.connection)
    assert page._followers == set()


def test_a_browser_that_loses_two_welcomes_in_a_row_still_finds_its_session() -> None:
    count = iter(range(100))
    sessions = Sessions(lambda: f"secret {next(count)}")
    connection = Tab(Page()).connection
    sessions.add(connection.session)
    sessions.connect(connection)
    first = sessions.secret(connection)
    for _ in range(3):
        assert sessions.find(first, "") is connection
        sessions.secret(connection)


def test_a_secret_ends_when_the_next_one_was_used() -> None:
    count = iter(range(100))
    sessions = Sessions(lambda: f"secret {next(count)}")
    connection = Tab(Page()).connection
    sessions.add(connection.session)
    sessions.connect(connection)
    first, second = sessions.secret(connection), sessions.secret(connection)
    assert sessions.find(second, "") is connection
    sessions.secret(connection)
    assert sessions.find(first, "") is None


def test_a_secret_is_its_browsers_only() -> None:
    sessions = Sessions(lambda: "secret")
    connection = Tab(Page()).connection
    sessions.add(connection.session)
    sessions.connect(connection)
    assert sessions.find(sessions.secret(connection), "other") is None


def test_no_secret_outlives_its_session() -> None:
    count = iter(range(100))
    sessions = Sessions(lambda: f"secret {next(count)}")
    connection = Tab(Page()).connection
    sessions.add(connection.session)
    sessions.connect(connection)
    secrets = [sessions.secret(connection) for _ in range(3)]
    sessions.remove(connection.session)
    assert [sessions.find(secret, "") for secret in secrets] == [None] * 3


# --- Fields --------------------------------------------------------------------------------


def test_a_field_is_taken_over_before_the_handler_runs() -> None:
    page = Page()
    tab = Tab(page)
    page.does = lambda e: page.log.append(page.getFormValues()["field"])
    tab.browser.type(tab.uuid("#field"), "typed")
    tab.click("#go")
    tab.settle()
    assert page.log == ["go", "typed"]


@pytest.mark.parametrize(("id", "value"), [("field", "typed"), ("box", True)])
def test_what_was_typed_is_not_sent_back(id: str, value: Any) -> None:
    page = Page()
    tab = Tab(page)
    page.does = lambda e: page.update()
    tab.browser.type(tab.uuid(f"#{id}"), value)
    tab.click("#go")
    tab.deliver_up()
    tab.handle()
    assert frames(tab) == [[-1, 1]]


def test_what_was_typed_is_not_sent_back_with_changes_that_were_not_published_yet() -> None:
    page = Page()
    tab = Tab(page)
    page.does = lambda e: page.update()
    page.element("item").content = "changed"
    tab.browser.type(tab.uuid("#field"), "typed")
    tab.click("#go")
    tab.deliver_up()
    tab.handle()
    assert frames(tab) == [[1, 1, 0, tab.browser.page.id(tab.uuid("#item")), "changed"]]


def test_what_was_typed_is_not_sent_back_after_a_resume() -> None:
    page = Page()
    tab = Tab(page)
    page.count(1)
    tab.send()  # a frame that will be lost
    tab.browser.type(tab.uuid("#field"), "typed")
    tab.click("#go")
    tab.deliver_up()
    tab.handle()
    tab.lose()
    tab.resume()
    assert frames(tab) == [[1, 1, 0, tab.browser.page.id(tab.uuid("#item")), "1"]]


def test_what_was_typed_reaches_the_other_browsers_of_a_shared_page() -> None:
    page = Page(shared=True)
    one, other = Tab(page), Tab(page)
    page.does = lambda e: page.update()
    one.browser.type(one.uuid("#field"), "typed")
    one.click("#go")
    one.settle()
    other.settle()
    assert (other.node("#field").value, other.shown == one.shown) == ("typed", True)


def test_what_a_handler_sets_before_newer_typing_gives_way_to_it() -> None:
    page = Page()
    tab = Tab(page)
    page.does = lambda e: (setattr(page.element("field"), "value", "server"), page.update())
    tab.click("#go")
    tab.browser.type(tab.uuid("#field"), "newer")
    tab.settle()
    assert tab.node("#field").value == "newer"


def test_what_a_handler_sets_shows_while_it_still_works() -> None:
    page = Page()
    tab = Tab(page)
    shown: list[str] = []

    def clear(e: EventHandler) -> None:
        page.element("field").value = ""
        page.update()
        tab.send()
        tab.deliver_down()
        shown.append(tab.node("#field").value)

    page.does = clear
    tab.browser.type(tab.uuid("#field"), "typed")
    tab.click("#go")
    tab.settle()
    assert shown == [""]


def test_what_a_handler_sets_after_typing_is_shown() -> None:
    page = Page()
    tab = Tab(page)
    page.does = lambda e: (setattr(page.element("field"), "value", ""), page.update())
    tab.browser.type(tab.uuid("#field"), "typed")
    tab.click("#go")
    tab.settle()
    assert (tab.node("#field").value, page.element("field").value) == ("", "")


@pytest.mark.parametrize(
    ("id", "value"),
    [("go", "x"), ("field", True), ("field", ["x"]), ("box", "x"), ("list", "x"), ("none", "x")],
)
def test_a_field_that_no_user_can_set_so_is_not_set(id: str, value: Any) -> None:
    page = Page()
    tab = Tab(page)
    before = page._tree.fork()
    element = page.getElementById(id)
    tab.connection.take_fields(((element.uuid if element else "none", value),))
    assert page._tree.same_version(before)


def test_a_disabled_field_is_not_taken_over() -> None:
    page = Page()
    tab = Tab(page)
    page.element("field").attrs["disabled"] = True
    tab.connection.take_fields(((tab.uuid("#field"), "forged"),))
    assert page.element("field").value == ""


def test_a_field_of_a_disabled_group_is_not_taken_over() -> None:
    page = Page()
    tab = Tab(page)
    page.element("set").children.append(page.element("field"))
    page.element("set").attrs["disabled"] = True
    tab.connection.take_fields(((tab.uuid("#field"), "forged"),))
    assert page.element("field").value == ""


def test_a_field_in_the_legend_of_a_disabled_group_is_taken_over() -> None:
    page = Page()
    tab = Tab(page)
    page.element("set").children.append(Element("legend", [page.element("field")]))
    page.element("set").attrs["disabled"] = True
    tab.connection.take_fields(((tab.uuid("#field"), "typed"),))
    assert page.element("field").value == "typed"


# --- All of it, in any order -----------------------------------------------------------------

number = st.integers(0, 20)


class Worklist(Template):
    """A page whose handlers change its shape; each click says which it was."""

    def __init__(self) -> None:
        super().__init__(
            "<body><button id=add _onclick=add></button><button id=turn _onclick=turn></button>"
            "<button id=twice _onclick=twice></button><button id=clear _onclick=clear></button>"
            "<ul>start<li>0</li></ul>end<input id=field value=first><p></p></body>"
        )
        self.log: list[Any] = []
        found = self.querySelector("ul"), self.querySelector("p"), self.querySelector("input")
        assert found[0]
        assert found[1]
        assert found[2]
        self.list, self.shown, self.field = found

    def note(self, e: EventHandler) -> int:
        self.log.append(e.event_data["n"])
        return len(self.log)

    def add(self, e: EventHandler) -> None:
        n = self.note(e)
        row = Element("li", ["row ", Element("b", str(n)), "!"], onclick=self.drop)
        self.list.children.insert(n % 3, row)
        if n % 4:
            e.update()

    def drop(self, e: EventHandler) -> None:
        e.current_target.remove()
        self.list.content = [*self.list.content, "dropped "]
        e.update()

    def turn(self, e: EventHandler) -> None:
        self.note(e)
        self.list.children.reverse()
        self.field.value = self.field.value.upper()
        e.update()

    def twice(self, e: EventHandler) -> None:
        n = self.note(e)
        self.shown.content = f"half {n}"
        e.update()
        self.shown.content = [f"whole {n}", Element("i", self.field.value)]
        e.update()

    def clear(self, e: EventHandler) -> None:
        self.note(e)
        self.list.content = ["empty"]
        self.list.clone.remove()
        e.update()


class Lossy(RuleBasedStateMachine):
    """One tab over a wire that loses, doubles and breaks."""

    def __init__(self) -> None:
        super().__init__()
        self.page = Worklist()
        self.tab = Tab(self.page)
        self.clicks: list[int] = []
        self.is_connected = True

    @rule(id=st.sampled_from(["add", "add", "turn", "twice", "clear"]))
    def click(self, id: str) -> None:
        if len(self.tab.browser.outbox) >= EVENTS_WAITING_MAX // 2:
            return
        self.clicks.append(len(self.clicks))
        self.tab.browser.do(self.tab.uuid(f"#{id}"), "click", {"n": self.clicks[-1]})
        if not self.is_connected:
            self.tab.browser.up = []

    @rule(at=number)
    def click_on_a_row(self, at: int) -> None:
        rows = [node for node in self.tab.browser.page.elements.values() if node.tag == "li"]
        if rows and self.is_connected:
            uuid = rows[at % len(rows)].uuid
            assert uuid
            self.tab.browser.do(uuid)

    @rule(text=st.sampled_from(["a", "b", ""]))
    def type(self, text: str) -> None:
        self.tab.browser.type(self.page.field.uuid, text)

    @rule(text=st.sampled_from("xyz"))
    def change_from_outside(self, text: str) -> None:
        self.page.shown.attrs["title"] = text
        self.page.update()

    @precondition(lambda self: self.is_connected and self.tab.browser.up)
    @rule(twice=st.booleans())
    def deliver_up(self, twice: bool) -> None:
        if twice:
            self.tab.browser.up.insert(0, self.tab.browser.up[0])
        self.tab.deliver_up()

    @precondition(lambda self: self.tab.session.is_busy)
    @rule()
    def handle(self) -> None:
        self.tab.handle()

    @precondition(lambda self: self.is_connected)
    @rule()
    def send(self) -> None:
        self.tab.send()

    @precondition(lambda self: self.tab.down)
    @rule(twice=st.booleans())
    def deliver_down(self, twice: bool) -> None:
        if twice:
            self.tab.down.insert(0, self.tab.down[0])
        self.tab.deliver_down()

    @precondition(lambda self: len(self.tab.down) > 1)
    @rule()
    def lose_a_frame(self) -> None:
        self.tab.down.pop(0)

    @precondition(lambda self: self.is_connected)
    @rule()
    def lose_the_connection(self) -> None:
        self.tab.lose()
        self.is_connected = False

    @rule()
    def connect(self) -> None:
        self.tab.lose()
        self.tab.resume()
        self.is_connected = True

    @rule()
    def come_to_rest(self) -> None:
        if not self.is_connected:
            self.connect()
        self.tab.settle()
        # A last frame may have been lost without a trace: nothing tells of it but the next.
        self.clicks.append(len(self.clicks))
        self.page.shown.attrs["title"] = f"rest {len(self.clicks)}"
        self.tab.browser.do(self.tab.uuid("#twice"), "click", {"n": self.clicks[-1]})
        self.tab.settle()
        assert self.tab.shown == self.tab.published
        assert self.page.log == self.clicks
        assert self.tab.browser.outbox == {}
        # Rows that are clicked hear nothing, and the page is told so.
        assert {code for _, code, _ in self.tab.browser.errors} <= {"refused"}

    @invariant()
    def events_run_in_order_each_once(self) -> None:
        assert self.page.log == self.clicks[: len(self.page.log)]

    @invariant()
    def what_is_kept_is_bounded(self) -> None:
        assert len(self.tab.down) <= 100

    def teardown(self) -> None:
        self.come_to_rest()


TestLossy = Lossy.TestCase
TestLossy.settings = settings(max_examples=150, stateful_step_count=50)


# --- What became of an event ---------------------------------------------------------------


def lost(tab: Tab, sequence: int | None = 0) -> list[str]:
    """Lose the socket and all on its way; return what the next one begins with."""
    tab.connection.close(tab.connection.epoch)
    tab.connection.resume(sequence)
    tab.connection.open(tab.wake)
    return tab.connection.take()


def failed(tab: Tab, number: int) -> str:
    """Let event *number* fail, and return the frame that says so."""
    tab.connection.report(number, "error", "")
    tab.connection.finish(number)
    return f'[-3,{number},"error",""]'


def patched(tab: Tab, page: Page) -> None:
    """Send a patch."""
    page.count(f"{page.element('item').text}!")
    tab.connection.take()


def test_what_became_of_an_event_is_told_though_no_connection_was_there() -> None:
    tab = Tab(Page())
    tab.connection.close(tab.connection.epoch)
    report = failed(tab, 1)
    tab.connection.put("[-2,1]")
    tab.connection.resume(0)
    tab.connection.open(tab.wake)
    tab.connection.fill()
    frames = tab.connection.take()
    assert frames[0] == report
    assert "[-2,1]" not in frames


def test_what_became_of_an_event_is_told_again_until_the_page_shows_that_it_heard() -> None:
    page = Page()
    tab = Tab(page)
    report = failed(tab, 1)
    assert tab.connection.take() == [report, "[-1,1]"]
    # Nothing says that it arrived. The welcome does not count the event, so it is waited for.
    for _ in range(2):
        assert tab.connection.told == 0
        assert lost(tab) == [report, "[-1,1]"]
    patched(tab, page)
    tab.connection.acknowledge(1)
    assert (tab.connection.told, lost(tab, 1)) == (1, [])


def test_a_patch_that_went_before_does_not_show_that_a_report_was_heard() -> None:
    page = Page()
    tab = Tab(page)
    patched(tab, page)
    report = failed(tab, 1)
    tab.connection.take()
    tab.connection.acknowledge(1)
    assert lost(tab, 1) == [report, "[-1,1]"]


def test_a_join_that_names_a_later_patch_shows_that_a_report_was_heard() -> None:
    page = Page()
    tab = Tab(page)
    failed(tab, 1)
    patched(tab, page)
    assert lost(tab, 1) == []


def test_a_page_that_was_loaded_anew_is_told_what_the_one_before_may_not_have_heard() -> None:
    page = Page()
    tab = Tab(page)
    for _ in range(3):
        patched(tab, page)
    report = failed(tab, 1)
    assert lost(tab, None)[0] == report
    tab.connection.acknowledge(1)  # patches of the new page count from 1
    assert tab.connection.told == 1


def test_an_event_that_still_runs_is_not_told_to_be_handled_by_a_report_of_another() -> None:
    tab = Tab(Page())
    failed(tab, 2)
    assert tab.connection.told == 0


@pytest.mark.parametrize("count", [64, 65])
def test_of_what_was_not_heard_the_newest_64_are_kept(count: int) -> None:
    tab = Tab(Page())
    for number in range(1, count + 1):
        failed(tab, number)
        tab.connection.take()
    assert lost(tab)[:-1] == [
        f'[-3,{number},"error",""]' for number in range(count - 63, count + 1)
    ]
