"""What a handler has the browser do, and what it hides and shows, in a live page."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from line import Frame, Line, Live, Once, cut
from sapwood import App, Element, EventHandler, Template

HTML = """<!DOCTYPE html><html><head><title>Calls</title></head><body>
<p id="done">0</p><button id="go" _onclick="go">go</button>
<ul id="list"><li id="a">a</li><li id="b"><input id="inner"><button id="heard" _onclick="hear">b
</button></li><li id="c"><input id="mine"></li></ul>
<input id="field" value="a🦀b👩‍🚀c"><textarea id="area">one two</textarea>
<input id="box" type="checkbox" name="box"><svg><circle id="drawn" r="9"></circle></svg>
<div style="height: 4000px"></div><p id="low" tabindex="0">low</p>
<div style="height: 4000px"></div></body></html>"""

COUNT = """() => {
  window.counts = {};
  for (const type of ["focus", "blur", "click"])
    addEventListener(type, ({ target }) => {
      const name = `${type} ${target.id}`;
      counts[name] = (counts[name] ?? 0) + 1;
    }, true);
}"""


class Calls(Template):
    """A page whose button does what the test says, and then tells that it is done."""

    def __init__(self) -> None:
        super().__init__(HTML)
        self.does: Callable[[Calls], Any] = lambda page: None
        self.heard: list[str | None] = []
        self.times = 0

    def __getitem__(self, id: str) -> Element:
        found = self.getElementById(id)
        assert found is not None
        return found

    def go(self, e: EventHandler) -> None:
        self.does(self)
        self.times += 1
        self["done"].content = self.times
        e.update()

    def hear(self, e: EventHandler) -> None:
        self.heard.append(e.target.id)


class Story:
    """A page in a browser, its template on the server, and the line between them."""

    def __init__(self, page: Page, live: Live, template: Calls) -> None:
        self.page = page
        self.live = live
        self.template = template
        self.line: Line = live.line

    def begin(self, does: Callable[[Calls], Any] = lambda page: None) -> None:
        """Open the page, whose button does this."""
        self.template.does = does
        self.page.goto(self.live.url)
        self.expect_online()
        self.page.evaluate(COUNT)

    def expect_online(self) -> None:
        expect(self.page.locator("html")).to_have_attribute("data-sapwood", "online")

    def go(self) -> None:
        """Press the button, without taking the focus there, and wait until all is done."""
        times = self.template.times + 1
        self.page.evaluate("() => go.dispatchEvent(new Event('click', { bubbles: true }))")
        expect(self.page.locator("#done")).to_have_text(str(times))

    def do(self, does: Callable[[Calls], Any]) -> None:
        """Have the button do something, once."""
        self.template.does = does
        self.go()

    def now(self, expression: str) -> Any:
        """Return what the page says."""
        return self.page.evaluate(f"() => {expression}")


@pytest.fixture
def template() -> Calls:
    return Calls()


@pytest.fixture
def story(context: BrowserContext, template: Calls) -> Iterator[Story]:
    # So that waiting for the next try is short.
    context.add_init_script("Math.random = () => 0.1")
    app = App(debug=True)
    app.route("/")(lambda: template)
    with Live(app) as live:
        yield Story(context.new_page(), live, template)


# --- What each method does ------------------------------------------------------------


def test_focus_and_blur(story: Story) -> None:
    story.begin(lambda page: page["field"].focus())
    story.go()
    assert story.now("[document.activeElement.id, scrollY]") == ["field", 0]
    story.do(lambda page: page["field"].blur())
    assert story.now("document.activeElement.localName") == "body"


def test_focus_scrolls_there_unless_told_not_to(story: Story) -> None:
    story.begin(lambda page: page["low"].focus(prevent_scroll=True))
    story.go()
    assert story.now("[document.activeElement.id, scrollY]") == ["low", 0]
    story.do(lambda page: (page["low"].blur(), page["low"].focus()))
    assert story.now("[document.activeElement.id, scrollY > 1000]") == ["low", True]


@pytest.mark.parametrize("id", ["field", "area"])
def test_select_takes_all_that_is_written(story: Story, id: str) -> None:
    story.begin(lambda page: page[id].select())
    story.go()
    selected = f"{id}.value.slice({id}.selectionStart, {id}.selectionEnd) === {id}.value"
    assert story.now(f"{selected} && {id}.value.length > 5")


@pytest.mark.parametrize(
    ("start", "end", "selected"),
    [(1, 2, "🦀"), (3, 6, "👩‍🚀"), (0, 7, "a🦀b👩‍🚀c"), (2, 2, ""), (6, 99, "c")],
)
def test_a_selection_is_of_characters_as_python_counts_them(
    story: Story, start: int, end: int, selected: str
) -> None:
    story.begin(lambda page: page["field"].set_selection_range(start, end, "backward"))
    story.go()
    found = story.now("field.value.slice(field.selectionStart, field.selectionEnd)")
    before = story.now("field.value.slice(0, field.selectionStart)")
    assert (found, before) == (selected, story.template["field"].value[:start])
    assert story.now("field.selectionDirection") == "backward"


def test_a_click_runs_the_handler_once(story: Story) -> None:
    story.begin(lambda page: page["heard"].click())
    story.go()
    story.line.until(lambda: bool(story.template.heard))
    story.do(lambda page: None)  # behind whatever else there was to handle
    assert story.template.heard == ["heard"]


def test_a_click_ticks_a_box_and_the_server_knows(story: Story) -> None:
    story.begin(lambda page: page["box"].click())
    story.go()
    assert story.now("box.checked")
    story.do(lambda page: None)
    assert story.template["box"].checked
    assert story.template.getFormValues() == {"box": "on"}


def test_scroll_into_view(story: Story) -> None:
    story.begin(lambda page: page["low"].scroll_into_view())
    story.go()
    assert story.now("Math.round(low.getBoundingClientRect().top)") == 0
    story.do(lambda page: page["low"].scroll_into_view(block="end"))
    assert story.now("Math.round(innerHeight - low.getBoundingClientRect().bottom)") == 0
    story.do(lambda page: page["done"].scroll_into_view(behavior="instant", block="nearest"))
    assert story.now("scrollY < 20")


def test_a_click_on_what_is_no_html_does_no_harm(story: Story) -> None:
    story.begin(lambda page: (page["drawn"].click(), page["field"].focus()))
    story.go()
    assert story.now("document.activeElement.id") == "field"
    assert not any(frame[2:4] == [10, 0] for frame in story.line.patches)


# --- When -----------------------------------------------------------------------------


def test_a_field_that_comes_with_the_same_update_is_focused_and_selected(story: Story) -> None:
    def insert(page: Calls) -> None:
        new = Element("input", id="new", value="new")
        new.focus()
        new.set_selection_range(1, 2)
        page["a"].content = ["name: ", new]

    story.begin(insert)
    story.go()
    selection = "[document.activeElement.id, new_.selectionStart, new_.selectionEnd]"
    assert story.now(f"(new_ => {selection})(document.getElementById('new'))") == ["new", 1, 2]


def test_a_selection_is_made_in_what_the_same_update_writes(story: Story) -> None:
    def write(page: Calls) -> None:
        page["field"].set_selection_range(3, 4)
        page["field"].value = "a longer text"
        page["field"].set_selection_range(2, 8)

    story.begin(write)
    story.go()
    assert story.now("[field.value, field.selectionStart, field.selectionEnd]") == [
        "a longer text",
        2,
        8,
    ]


def test_what_the_route_focuses_is_focused_when_the_page_is_there(story: Story) -> None:
    story.template["area"].focus()
    story.template["area"].set_selection_range(4, 7)
    story.begin()
    expect(story.page.locator("#area")).to_be_focused()
    assert story.now("area.value.slice(area.selectionStart, area.selectionEnd)") == "two"


def test_the_last_of_several_focused_fields_has_the_focus(story: Story) -> None:
    story.begin(lambda page: [page[id].focus() for id in ("field", "area", "mine")])
    story.go()
    assert story.now("[document.activeElement.id, counts]") == [
        "mine",
        {"click go": 1, "focus field": 1, "blur field": 1, "focus area": 1}
        | {"blur area": 1, "focus mine": 1},
    ]


# --- On a line that breaks --------------------------------------------------------------


def is_patch(frame: Frame) -> bool:
    return bool(frame[0] > 0)


def is_acknowledgement(frame: Frame) -> bool:
    return bool(frame[0] == -1)


@pytest.mark.parametrize("lost", ["patch", "acknowledgement"])
def test_what_is_called_on_a_line_that_breaks_is_called_once(story: Story, lost: str) -> None:
    story.begin(lambda page: (page["heard"].click(), page["field"].focus()))
    once = Once(is_patch if lost == "patch" else is_acknowledgement, cut)
    if lost == "patch":
        story.line.down = once
    else:
        story.line.up = once
    story.go()
    story.line.until(lambda: once.done and "resume" in story.line.modes)
    story.expect_online()
    story.do(lambda page: None)
    story.line.until(lambda: bool(story.template.heard))
    assert story.template.heard == ["heard"]
    assert story.now("[counts['click heard'], counts['focus field']]") == [1, 1]
    assert story.line.modes == ["handoff", "resume"]


def test_what_is_called_while_the_line_is_down_is_called_when_it_is_back(story: Story) -> None:
    story.begin()
    story.line.cut()
    expect(story.page.locator("html")).to_have_attribute("data-sapwood", "offline")
    story.template["field"].focus()
    story.template.update()
    story.line.mend()
    expect(story.page.locator("#field")).to_be_focused()
    assert story.now("counts['focus field']") == 1


# --- Hiding and showing -----------------------------------------------------------------


def hide(page: Calls) -> None:
    page["b"].show = False


def show(page: Calls) -> None:
    page["b"].show = True


def test_what_is_hidden_leaves_all_else_as_it_is(story: Story) -> None:
    story.begin()
    story.page.locator("#mine").press_sequentially("typed")
    story.page.evaluate(
        "() => { mine.mark = a.mark = list.mark = 1; mine.setSelectionRange(1, 3) }"
    )
    undisturbed = "[mine.value, mine.mark, a.mark, list.mark, mine.selectionStart]"
    for does, rows in ((hide, 2), (show, 3), (hide, 2), (show, 3)):
        story.do(does)
        assert story.now("list.children.length") == rows
        assert story.now(undisturbed) == ["typed", 1, 1, 1, 1]
        assert story.now("[document.activeElement.id, counts['blur mine']]") == ["mine", None]
    assert story.now("[...list.children].map(({ id }) => id)") == ["a", "b", "c"]


def test_what_is_shown_again_is_heard_and_holds_what_was_typed(story: Story) -> None:
    story.begin(hide)
    story.page.locator("#inner").fill("typed")
    story.go()
    expect(story.page.locator("#heard")).to_have_count(0)
    story.do(show)
    assert story.now("inner.value") == "typed"
    story.page.locator("#heard").click()
    story.line.until(lambda: story.template.heard == ["heard"])


def test_a_click_that_crosses_its_elements_hiding_runs_nothing(
    story: Story, template: Calls
) -> None:
    story.begin(hide)
    clicks = "[go, heard].forEach((it) => it.dispatchEvent(new Event('click', { bubbles: true })))"
    story.page.evaluate(f"() => {clicks}")
    expect(story.page.locator("#done")).to_have_text("1")
    story.do(show)
    assert template.heard == []


def test_texts_on_both_sides_of_what_a_page_was_loaded_without(
    story: Story, template: Calls
) -> None:
    between = Element("b", "two", show=False)
    template["a"].content = ["one", between, "three"]
    story.begin(lambda page: setattr(between, "show", True))
    assert story.now("a.innerHTML") == "onethree"
    story.go()
    assert story.now("a.textContent") == "onetwothree"
    assert story.now("a.childNodes.length") == 3


def test_a_page_that_is_loaded_has_nothing_of_what_is_hidden(story: Story) -> None:
    hide(story.template)
    story.begin(show)
    assert story.now("[document.getElementById('b'), list.children.length]") == [None, 2]
    story.go()
    assert story.now("[...list.children].map(({ id }) => id)") == ["a", "b", "c"]
