"""Methods that browsers are to call on elements: each once, by whoever is there to do it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from starlette.testclient import TestClient

from browser import Tab
from live import LiveTab
from sapwood import App, Element, EventHandler, Template, TemplateDiff

HTML = """<body><input id=field value=text><input id=other><button id=go _onclick=go>go</button>
<p id=text>text</p></body>"""


class Page(Template):
    """A page whose button does what a test says."""

    def __init__(self, *, shared: bool = False) -> None:
        super().__init__(HTML, shared=shared)
        self.does: Callable[[EventHandler], Any] = lambda e: None

    def go(self, e: EventHandler) -> None:
        self.does(e)

    def __getitem__(self, id: str) -> Element:
        found = self.getElementById(id)
        assert found
        return found

    @property
    def body(self) -> Element:
        found = self.querySelector("body")
        assert found
        return found


def calls(element: Element) -> list[tuple[str, Any]]:
    """Return what is to be called on an element that is in no page yet."""
    page = Template("<body></body>")
    body = page.querySelector("body")
    assert body
    body.children.append(element)
    tab = Tab(page)
    tab.wake()
    tab.settle()
    return [(method, arguments) for _, method, arguments in tab.browser.page.calls]


def made(tab: Tab) -> list[tuple[str, str]]:
    """Return which methods a browser has called on what, by now."""
    tab.wake()
    tab.settle()
    ids = {each.uuid: each.id or each.tag for each in tab.template.walk()}
    return [(ids[uuid], method) for uuid, method, _ in tab.browser.page.calls]


# --- What is called ----------------------------------------------------------------


def test_each_method_is_called_by_its_name_in_the_dom() -> None:
    field = Element("textarea", "text")
    field.focus()
    field.focus(prevent_scroll=True)
    field.select()
    field.set_selection_range(1, 2)
    field.set_selection_range(1, 3, "backward")
    field.blur()
    field.click()
    field.scroll_into_view()
    field.scroll_into_view(behavior="smooth", block="center", inline="end")
    assert calls(field) == [
        ("focus", []),
        ("focus", [{"preventScroll": True}]),
        ("select", []),
        ("setSelectionRange", [1, 2, "none"]),
        ("setSelectionRange", [1, 3, "backward"]),
        ("blur", []),
        ("click", []),
        ("scrollIntoView", [{"behavior": "auto", "block": "start", "inline": "nearest"}]),
        ("scrollIntoView", [{"behavior": "smooth", "block": "center", "inline": "end"}]),
    ]


@pytest.mark.parametrize(
    ("start", "end", "units"),
    [
        (0, 0, [0, 0]),
        (1, 2, [1, 3]),
        (2, 2, [3, 3]),
        (0, 4, [0, 6]),
        (4, 9, [6, 11]),  # the browser ends it where the text ends
    ],
)
def test_a_selection_is_counted_in_characters_and_sent_as_javascript_counts(
    start: int, end: int, units: list[int]
) -> None:
    field = Element("input", value="a🦀é👩")
    field.set_selection_range(start, end)
    assert calls(field) == [("setSelectionRange", [*units, "none"])]


@pytest.mark.parametrize("type", ["text", "search", "URL", "tel", "password", ""])
def test_what_has_text_can_have_a_selection_in_it(type: str) -> None:
    field = Element("input", attrs={"type": type})
    field.set_selection_range(0, 0)
    assert calls(field) == [("setSelectionRange", [0, 0, "none"])]


@pytest.mark.parametrize("type", ["email", "number", "checkbox", "date", "color"])
def test_what_has_no_text_to_select_in_is_refused(type: str) -> None:
    field = Element("input", id="x", attrs={"type": type})
    with pytest.raises(ValueError, match="no text to select in <Element input#x>"):
        field.set_selection_range(0, 0)
    assert calls(field) == []


WRONG: dict[str, tuple[Callable[[Element], None], type[Exception], str]] = {
    "no field": (lambda it: Element("p").set_selection_range(0, 1), ValueError, "<Element p>"),
    "nothing written": (lambda it: Element("p", "x").select(), ValueError, "<Element p>"),
    "a direction": (
        lambda it: it.set_selection_range(0, 1, "up"),  # type: ignore[arg-type]
        ValueError,
        "not 'up'",
    ),
    "backwards": (lambda it: it.set_selection_range(2, 1), ValueError, "2, 1"),
    "below 0": (lambda it: it.set_selection_range(-1, 1), ValueError, "-1, 1"),
    "a string": (
        lambda it: it.set_selection_range("1", 2),  # type: ignore[arg-type]
        TypeError,
        "whole numbers.*'1', 2",
    ),
    "a fraction": (
        lambda it: it.set_selection_range(0, 1.0),  # type: ignore[arg-type]
        TypeError,
        "whole numbers.*0, 1.0",
    ),
    "a behavior": (
        lambda it: it.scroll_into_view(behavior="fast"),  # type: ignore[arg-type]
        ValueError,
        "behavior is one of auto, instant, smooth, not 'fast'",
    ),
    "a block": (
        lambda it: it.scroll_into_view(block="top"),  # type: ignore[arg-type]
        ValueError,
        "block is one of start, center, end, nearest, not 'top'",
    ),
    "an inline": (
        lambda it: it.scroll_into_view(inline=None),  # type: ignore[arg-type]
        ValueError,
        "inline is one of .* not None",
    ),
}


@pytest.mark.parametrize(("do", "error", "said"), WRONG.values(), ids=WRONG)
def test_what_no_browser_could_do_is_refused_and_not_called(
    do: Callable[[Element], None], error: type[Exception], said: str
) -> None:
    field = Element("input", value="text")
    with pytest.raises(error, match=said):
        do(field)
    assert calls(field) == []


# --- Which element -----------------------------------------------------------------


def test_what_is_made_then_focused_then_inserted_is_focused() -> None:
    page = Page()
    tab = Tab(page)
    field = Element("input", id="new")
    field.focus()
    page.body.children.append(Element("div", [field]))
    page.update()
    assert made(tab) == [("new", "focus")]


def test_a_call_goes_with_its_element_out_of_the_page_and_to_another_place() -> None:
    page = Page()
    tab = Tab(page)
    page["field"].focus()
    field = page["field"]
    field.remove()
    page["text"].content = [field]
    page.update()
    assert made(tab) == [("field", "focus")]


def test_a_call_goes_with_its_element_to_another_page() -> None:
    one, other = Page(), Page()
    tabs = Tab(one), Tab(other)
    field = one["field"]
    field.id = "moved"
    field.focus()
    other.body.children.append(field)
    for page in (one, other):
        page.update()
    assert [made(tab) for tab in tabs] == [[], [("moved", "focus")]]


def test_only_what_was_not_called_yet_goes_to_another_page() -> None:
    one, other = Page(), Page()
    tabs = Tab(one), Tab(other)
    field = one["field"]
    field.click()
    one.update()
    assert made(tabs[0]) == [("field", "click")]
    field.focus()
    field.remove()
    other.body.children.append(field)
    other.update()
    assert made(tabs[1]) == [("field", "focus")]


def test_what_left_and_came_back_is_not_called_twice() -> None:
    page = Page()
    tab = Tab(page)
    field = page["field"]
    for _ in range(3):
        field.click()
        page.update()
        field.remove()
        page.update()
        page.body.children.append(field)
        page.update()
    assert made(tab) == [("field", "click")] * 3


def test_a_clone_is_not_called_for_its_original() -> None:
    page = Page()
    tab = Tab(page)
    page["field"].focus()
    copy = page["field"].clone
    copy.id = "copy"
    page.body.children.append(copy)
    page.update()
    assert made(tab) == [("field", "focus")]


def remove(page: Page) -> None:
    page["field"].remove()


def hide(page: Page) -> None:
    page["field"].show = False


def hide_all_around(page: Page) -> None:
    group = Element("fieldset", show=False)
    page.body.children.append(group)
    group.children.append(page["field"])


@pytest.mark.parametrize("away", [remove, hide, hide_all_around])
def test_a_call_on_what_the_page_does_not_have_then_is_void_for_good(
    away: Callable[[Page], None],
) -> None:
    page = Page()
    tab = Tab(page)
    field = page["field"]
    field.focus()
    away(page)
    page["other"].focus()
    page.update()
    assert made(tab) == [("other", "focus")]
    field.show = True
    page.body.children.append(field)
    page.update()
    assert made(tab) == [("other", "focus")]


@pytest.mark.parametrize("length", [1, 127, 128, 200])
def test_an_element_with_a_call_moves_whatever_texts_are_in_it(length: int) -> None:
    page = Page()
    tab = Tab(page)
    made_alone = Element("p", ["x" * length, Element("b")], id="new")
    made_alone.focus()
    page.body.append(made_alone)
    page["field"].focus()
    page["text"].remove()
    page.update()
    assert made(tab) == [("new", "focus"), ("field", "focus")]
    assert page["new"] is made_alone


def test_what_one_page_called_no_other_page_calls() -> None:
    page, other = Page(), Page()
    tab, other_tab = Tab(page), Tab(other)
    box, item = Element("div"), Element("p", id="item")
    box.append(item)
    item.focus()
    page.body.append(item)
    page.update()
    assert made(tab) == [("item", "focus")]
    box.append(item)
    other.body.append(box)
    other.update()
    assert made(other_tab) == []


def test_what_is_no_html_has_no_click_and_all_else() -> None:
    page = Page()
    tab = Tab(page)
    drawn = Element("svg", [Element("circle", id="drawn")])
    page.body.children.append(drawn)
    for each in drawn.walk():
        each.click()
    drawn.children[0].focus()
    page.update()
    assert made(tab) == [("drawn", "focus")]


def test_what_is_called_on_what_is_just_shown_is_called() -> None:
    page = Page()
    page["field"].show = False
    tab = Tab(page)
    page["field"].show = True
    page["field"].focus()
    page.update()
    assert made(tab) == [("field", "focus")]


# --- When ----------------------------------------------------------------------------


def test_nothing_is_called_before_an_update() -> None:
    page = Page()
    tab = Tab(page)
    page["field"].focus()
    assert made(tab) == []
    page.update()
    assert made(tab) == [("field", "focus")]


def test_calls_are_made_in_their_order_and_each_as_often_as_it_was_asked_for() -> None:
    page = Page()
    tab = Tab(page)
    page["field"].focus()
    page["other"].focus()
    page.update()
    page["field"].focus()
    page["field"].focus()
    page.update()
    fields = ["field", "other", "field", "field"]
    assert made(tab) == [(id, "focus") for id in fields]


def test_calls_come_after_all_else_that_an_update_does() -> None:
    page = Page()
    tab = Tab(page)
    page["field"].focus()
    page["field"].value = "new"
    page.body.children.append(Element("i"))
    page.update()
    tab.send()
    (frame,) = tab.down
    assert frame.endswith(f',11,{tab.browser.page.id(page["field"].uuid)},"focus",[]]')


def test_a_call_alone_is_a_change_that_development_asks_to_update(
    caplog: pytest.LogCaptureFixture,
) -> None:
    page = Page()
    tab = Tab(page, debug=True)
    page.does = lambda e: page["field"].focus()
    tab.click("#go")
    tab.settle()
    (record,) = caplog.records
    assert (record.levelno, "without update()" in record.getMessage()) == (logging.WARNING, True)


def test_what_is_called_is_told_as_a_change_of_its_element() -> None:
    page = Page()
    old = page.clone
    page["field"].set_selection_range(1, 2)
    diff = TemplateDiff()
    diff.track_differences(page, old)
    uuid = page["field"].uuid
    assert diff.operations == [("call", uuid, "setSelectionRange", '[1,2,"none"]')]
    assert diff.differences == {uuid: {"status": "Changed"}}


def test_a_tree_that_is_much_called_keeps_the_newest_64() -> None:
    page = Page()
    tab = Tab(page)
    for n in range(100):
        page["field" if n < 36 else "other"].click()
    page.update()
    assert made(tab) == [("other", "click")] * 64


def test_calls_over_and_over_are_each_made_once() -> None:
    page = Page()
    tab = Tab(page)
    for n in range(1, 201):
        page["field"].click()
        page.update()
        assert len(made(tab)) == n


# --- Who ---------------------------------------------------------------------------


def test_what_is_called_while_a_page_is_made_is_called_by_its_browser() -> None:
    page = Page()
    page["field"].focus()
    page.update()
    page["other"].focus()
    assert made(Tab(page)) == [("field", "focus"), ("other", "focus")]


def test_each_clone_of_a_page_is_called_as_its_original() -> None:
    page = Page()
    page["field"].focus()
    handed = [page._hand_out() for _ in range(3)]
    assert [made(Tab(each)) for each in handed] == [[("field", "focus")]] * 3


def test_a_clone_of_a_living_page_is_not_called_again() -> None:
    page = Page()
    tab = Tab(page)
    page["field"].click()
    page.update()
    copy = page.clone
    copy["other"].focus()
    assert (made(tab), made(Tab(copy))) == ([("field", "click")], [("other", "focus")])


def test_all_who_see_a_shared_page_are_called_and_nobody_who_comes_later() -> None:
    page = Page(shared=True)
    before = Tab(page)
    page["field"].focus()
    page.update()
    tabs = [before, Tab(page)]
    assert [made(tab) for tab in tabs] == [[("field", "focus")], []]
    page["other"].focus()
    page.update()
    assert [made(tab)[-1:] for tab in tabs] == [[("other", "focus")]] * 2


def test_what_is_called_on_a_shared_page_that_nobody_sees_is_called_by_nobody() -> None:
    page = Page(shared=True)
    page["field"].focus()
    page.update()
    assert made(Tab(page)) == []


# --- On a wire that breaks ----------------------------------------------------------


@pytest.mark.parametrize("arrived", range(4))
def test_what_was_lost_is_called_after_a_resume_and_what_arrived_is_not(arrived: int) -> None:
    page = Page()
    tab = Tab(page)
    for id in ("field", "other", "go"):
        page[id].focus()
        page.update()
    tab.send()
    for _ in range(arrived):
        tab.deliver_down()
    tab.lose()
    tab.resume()
    assert made(tab) == [(id, "focus") for id in ("field", "other", "go")]


def test_what_was_called_while_nobody_was_there_is_called_when_somebody_is() -> None:
    page = Page()
    tab = Tab(page)
    tab.lose()
    page["field"].focus()
    page.update()
    page["other"].focus()
    page.update()
    tab.resume()
    assert made(tab) == [("field", "focus"), ("other", "focus")]


def test_what_is_called_waits_for_the_window_like_all_else() -> None:
    page = Page()
    tab = Tab(page)
    for n in range(20):
        page["text"].content = str(n)
        page["field"].click()
        page.update()
        tab.send()
    assert made(tab) == [("field", "click")] * 20


def test_a_whole_tree_calls_what_was_not_called_yet_and_only_that() -> None:
    page = Page()
    tab = Tab(page)
    page["field"].focus()
    page.update()
    assert made(tab) == [("field", "focus")]
    page["other"].focus()
    page.update()
    tab.connection.fill()
    assert made(tab) == [("field", "focus"), ("other", "focus")]
    tab.connection.fill()
    assert made(tab) == [("field", "focus"), ("other", "focus")]


def test_a_page_that_is_filled_from_a_version_nobody_knows_is_not_called_again() -> None:
    page = Page()
    tab = Tab(page)
    page["field"].focus()
    page.update()
    assert made(tab) == [("field", "focus")]
    tab.lose()
    tab.browser.sequence = 7
    tab.resume()
    assert made(tab) == [("field", "focus")]


class Lossy(RuleBasedStateMachine):
    """Two tabs of a shared page over wires that break; a call is one that nobody else has."""

    def __init__(self) -> None:
        super().__init__()
        self.page = Page(shared=True)
        self.tabs = [Tab(self.page), Tab(self.page)]
        self.is_connected = [True, True]
        self.asked: list[int] = []

    @rule(count=st.integers(1, 3), move=st.booleans())
    def ask(self, count: int, move: bool) -> None:
        field = self.page["field"]
        field.value = "x" * 1000
        for _ in range(count):
            self.asked.append(len(self.asked))
            field.set_selection_range(self.asked[-1], 1000)
        if move:
            field.remove()
            self.page.body.children.append(field)
        self.page.update()

    @rule(which=st.integers(0, 1))
    def send(self, which: int) -> None:
        if self.is_connected[which]:
            self.tabs[which].send()

    @rule(which=st.integers(0, 1), acknowledge=st.booleans())
    def deliver(self, which: int, acknowledge: bool) -> None:
        tab = self.tabs[which]
        if tab.down:
            tab.deliver_down()
        if acknowledge and self.is_connected[which] and tab.browser.up:
            tab.deliver_up()

    @rule(which=st.integers(0, 1))
    def lose(self, which: int) -> None:
        self.tabs[which].lose()
        self.is_connected[which] = False

    @rule(which=st.integers(0, 1))
    def connect(self, which: int) -> None:
        self.tabs[which].lose()
        self.tabs[which].resume()
        self.is_connected[which] = True

    @precondition(lambda self: len(self.asked) < 60)
    @rule(which=st.integers(0, 1))
    def fill(self, which: int) -> None:
        """Ask for the whole tree when nothing is on its way, as a script of the page may."""
        if self.is_connected[which]:
            self.tabs[which].settle()
            self.tabs[which].connection.fill()

    def called(self, tab: Tab) -> list[int]:
        return [arguments[0] for _, _, arguments in tab.browser.page.calls]

    @invariant()
    def calls_are_made_in_order_each_once(self) -> None:
        for tab in self.tabs:
            assert self.called(tab) == self.asked[: len(self.called(tab))]

    def teardown(self) -> None:
        for which, tab in enumerate(self.tabs):
            self.connect(which)
            tab.settle()
            assert (self.called(tab), tab.shown == tab.published) == (self.asked, True)


TestLossy = Lossy.TestCase
# Few enough steps that no tab misses more calls than a tree keeps.
TestLossy.settings = settings(max_examples=150, stateful_step_count=20)


# --- Through an app ------------------------------------------------------------------


def test_a_page_that_focuses_a_field_in_its_route_sends_that_after_the_join() -> None:
    app = App()

    @app.route("/")
    def home() -> Page:
        page = Page()
        page["field"].focus()
        return page

    with TestClient(app) as client, LiveTab(client) as tab:
        frame = tab.receive()
    assert frame == [1, 0, 11, tab.browser.page.id(tab.uuid("field")), "focus", []]
    assert tab.browser.page.calls == [(tab.uuid("field"), "focus", [])]


def test_a_reload_focuses_again() -> None:
    app, page = App(), Page()
    page["field"].focus()
    app.route("/")(lambda: page)
    with TestClient(app) as client:
        for _ in range(2):
            with LiveTab(client) as tab:
                tab.receive()
            assert [method for _, method, _ in tab.browser.page.calls] == ["focus"]


def test_a_tab_that_comes_back_is_not_called_again() -> None:
    app, page = App(), Page()
    page.does = lambda e: (page["field"].focus(), e.update())
    app.route("/")(lambda: page)
    with TestClient(app) as client:
        with LiveTab(client) as tab:
            tab.click("go")
            tab.until_handled()
        with tab.back():
            tab.ping()
    assert [method for _, method, _ in tab.browser.page.calls] == ["focus"]


@pytest.mark.parametrize("shared", [False, True])
def test_what_is_called_between_a_page_and_its_socket_is_called(shared: bool) -> None:
    app, page = App(), Page(shared=shared)
    app.route("/")(lambda: page)
    with TestClient(app) as client:
        late = LiveTab(client)
        page["field"].focus()
        page.update()
        with late:
            late.receive()
    assert [method for _, method, _ in late.browser.page.calls] == ["focus"]
