"""The examples do in a browser what they say of themselves."""

import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, WebSocketRoute, expect

from server import Serve, Server

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = ("counter", "todo", "order", "clock", "table", "poll")
# What every page shows without a click and without JavaScript.
SHOWN = {
    "/": "Live web pages in Python",
    "/counter/": "Counter",
    "/todo/": "Plant a tree",
    "/order/": "Order a tree",
    "/clock/": re.compile(r"\d\d:\d\d:\d\d"),
    "/table/": "A thousand trees",
    "/poll/": "Which tree shall we plant?",
}

OpenTab = Callable[[str], Page]


@pytest.fixture(autouse=True)
def no_complaints(demo: Server, problems: list[str]) -> Iterator[None]:
    """Let nothing an example does show in the browser's console or the server's log."""
    before = demo.log.read_text()
    yield
    assert problems == []
    assert demo.log.read_text() == before


# --- Counter -----------------------------------------------------------------


def test_a_click_counts(demo: Server, open_tab: OpenTab) -> None:
    page = open_tab(f"{demo.url}/counter/")
    page.get_by_role("button").click(click_count=3)
    expect(page.locator("#count")).to_have_text("3")


def test_two_tabs_count_apart(demo: Server, open_tab: OpenTab) -> None:
    one, two = (open_tab(f"{demo.url}/counter/") for _ in range(2))
    one.get_by_role("button").click(click_count=2)
    two.get_by_role("button").click()
    expect(one.locator("#count")).to_have_text("2")
    expect(two.locator("#count")).to_have_text("1")


def test_a_page_load_runs_the_route_handler_once(
    tmp_path: Path, serve: Serve, open_tab: OpenTab
) -> None:
    app = tmp_path / "counted.py"
    app.write_text(COUNTED.format(examples=str(EXAMPLES)))
    url = serve(app).url
    for loads in (1, 2):
        page = open_tab(url)
        page.get_by_role("button").click()
        expect(page.locator("#count")).to_have_text("1")
        assert page.request.get(f"{url}/loads").json() == {"loads": loads}


COUNTED = """
import sys

sys.path.append({examples!r})

import counter
import sapwood as sw

app = sw.App()
loads = []


@app.route("/")
def home():
    loads.append(1)
    return counter.home()


@app.route("/loads")
def count():
    return {{"loads": len(loads)}}
"""


# --- Todo --------------------------------------------------------------------


@pytest.fixture
def todo(demo: Server, open_tab: OpenTab) -> Page:
    return open_tab(f"{demo.url}/todo/")


def add(page: Page, text: str) -> None:
    """Type into the new field and press Enter."""
    page.locator("#new").fill(text)
    page.locator("#new").press("Enter")


def test_enter_adds_a_row_and_clears_the_field_which_keeps_focus(todo: Page) -> None:
    add(todo, "Prune it")
    expect(todo.locator("li label")).to_have_text(["Plant a tree", "Water it", "Wait", "Prune it"])
    expect(todo.locator("#new")).to_have_value("")
    expect(todo.locator("#new")).to_be_focused()


def test_the_button_adds_a_row(todo: Page) -> None:
    todo.locator("#new").fill("Prune it")
    todo.get_by_role("button", name="Add").click()
    expect(todo.locator("li label")).to_have_text(["Plant a tree", "Water it", "Wait", "Prune it"])


def test_markup_that_is_typed_is_text(todo: Page) -> None:
    add(todo, "<b>&amp;</b>")
    expect(todo.locator("li label").last).to_have_text("<b>&amp;</b>")


def test_nothing_but_spaces_adds_no_row(todo: Page) -> None:
    add(todo, "  ")
    expect(todo.locator("#new")).to_have_value("")
    expect(todo.locator("li")).to_have_count(3)


def test_a_tick_is_counted_and_can_be_taken_back(todo: Page) -> None:
    todo.get_by_label("Water it", exact=True).check()
    expect(todo.get_by_role("status").first).to_have_text("2 of 3 left to do")
    todo.get_by_label("Water it", exact=True).uncheck()
    expect(todo.get_by_role("status").first).to_have_text("3 of 3 left to do")


def test_a_row_can_be_removed(todo: Page) -> None:
    todo.get_by_role("button", name="Remove: Water it").click()
    expect(todo.locator("li label")).to_have_text(["Plant a tree", "Wait"])
    expect(todo.get_by_role("status").first).to_have_text("2 of 2 left to do")


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_row_moves_by_keyboard_and_its_button_keeps_focus(todo: Page, key: str) -> None:
    up = todo.get_by_role("button", name="Move up: Wait")
    up.press(key)
    expect(todo.locator("li label")).to_have_text(["Plant a tree", "Wait", "Water it"])
    expect(up).to_be_focused()
    up.press(key)
    expect(todo.locator("li label")).to_have_text(["Wait", "Plant a tree", "Water it"])
    expect(up).to_be_focused()


@pytest.mark.parametrize("name", ["Move up: Wait", "Move down: Plant a tree"])
def test_focus_stays_in_a_browser_that_cannot_move_nodes(
    name: str, context: BrowserContext, demo: Server, open_tab: OpenTab
) -> None:
    context.add_init_script("delete Element.prototype.moveBefore;")
    page = open_tab(f"{demo.url}/todo/")
    assert page.evaluate("() => document.body.moveBefore") is None
    page.get_by_role("button", name=name).press("Enter")
    expect(page.locator("li label").nth(1)).not_to_have_text("Water it")
    expect(page.get_by_role("button", name=name)).to_be_focused()


def test_a_row_moves_down_and_its_button_keeps_focus(todo: Page) -> None:
    down = todo.get_by_role("button", name="Move down: Plant a tree")
    down.press("Enter")
    expect(todo.locator("li label")).to_have_text(["Water it", "Plant a tree", "Wait"])
    expect(down).to_be_focused()


def test_a_row_at_the_end_stays_there(todo: Page) -> None:
    todo.get_by_role("button", name="Move up: Plant a tree").click()
    todo.get_by_role("button", name="Move down: Wait").click()
    add(todo, "Last")
    expect(todo.locator("li label")).to_have_text(["Plant a tree", "Water it", "Wait", "Last"])


def test_a_note_moves_with_its_row(todo: Page) -> None:
    note = todo.get_by_label("Note: Water it")
    note.fill("every other day")
    todo.get_by_role("button", name="Move up: Wait").click()
    todo.get_by_role("button", name="Move down: Plant a tree").click()
    todo.get_by_role("button", name="Move up: Water it").click()
    expect(todo.locator("li label")).to_have_text(["Wait", "Water it", "Plant a tree"])
    expect(note).to_have_value("every other day")
    expect(todo.locator("li > input").nth(1)).to_have_value("every other day")


def test_what_is_typed_and_clicked_without_a_network_counts_once_afterwards(
    demo: Server, page: Page
) -> None:
    network = Network(page)
    page.goto(f"{demo.url}/todo/")
    html = page.locator("html")
    expect(html).to_have_attribute("data-sapwood", "online")
    network.cut()
    expect(html).to_have_attribute("data-sapwood", "offline")
    page.get_by_label("Note: Wait").fill("a year or ten")
    add(page, "Prune it")
    page.get_by_role("button", name="Remove: Water it").click()
    page.locator("#new").fill("half a wo")
    expect(page.locator("li")).to_have_count(3)
    network.mend()
    expect(page.locator("li label")).to_have_text(["Plant a tree", "Wait", "Prune it"])
    expect(page.get_by_label("Note: Wait")).to_have_value("a year or ten")
    expect(page.locator("#new")).to_have_value("half a wo")
    page.locator("#new").press("Enter")
    expect(page.locator("li label")).to_have_text(["Plant a tree", "Wait", "Prune it", "half a wo"])


class Network:
    """What is between a page and its server, and can be cut."""

    def __init__(self, page: Page) -> None:
        self._is_cut = False
        self._sockets: list[WebSocketRoute] = []
        page.route_web_socket(re.compile("/_sapwood/ws$"), self._open)

    def cut(self) -> None:
        """Close what is open and let nothing through."""
        self._is_cut = True
        for socket in self._sockets:
            socket.close()

    def mend(self) -> None:
        """Let the next socket through."""
        self._is_cut = False

    def _open(self, socket: WebSocketRoute) -> None:
        if self._is_cut:
            socket.close()
            return
        socket.connect_to_server()
        self._sockets = [socket]


# --- Order -------------------------------------------------------------------


def test_an_order_outlives_its_server(
    tmp_path: Path, serve: Serve, open_tab: OpenTab, problems: list[str]
) -> None:
    for name in ("order.py", "order.html", "static"):
        (tmp_path / name).symlink_to(EXAMPLES / name)
    server = serve(tmp_path / "order.py")
    page = open_tab(server.url)
    page.get_by_label("How many?").fill("99")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("alert")).to_have_text("From 1 to 50, please: the van is small.")
    page.get_by_label("How many?").fill("3")
    page.get_by_label("Which tree?").select_option("Lime")
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Your name").fill("Ada")
    server.stop(signal.SIGKILL)
    expect(page.locator("html")).to_have_attribute("data-sapwood", "offline")
    page.get_by_label("Where does it go?").press_sequentially("By the gate")
    page.get_by_role("button", name="Go on").click()
    server.start()
    expect(page.locator("#summary")).to_have_text("3 × Lime for Ada")
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_label("Where does it go?")).to_have_value("By the gate")
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Order").click()
    expect(page.get_by_text("Thank you!")).to_be_visible()
    assert all("ERR_CONNECTION_REFUSED" in problem for problem in problems)
    problems.clear()


# --- Clock -------------------------------------------------------------------


def test_two_tabs_show_the_same_seconds_and_nobody_clicks(demo: Server, open_tab: OpenTab) -> None:
    one, two = (open_tab(f"{demo.url}/clock/") for _ in range(2))
    two.evaluate(RECORD)  # first, so that it misses nothing that the other one sees
    one.evaluate(RECORD)
    seconds = re.compile(r"^( \d\d:\d\d:\d\d){3}$")
    expect(one.locator("body")).to_have_attribute("data-shown", seconds)
    shown = one.locator("body").get_attribute("data-shown")
    assert shown is not None
    assert len(set(shown.split())) == 3
    expect(two.locator("body")).to_have_attribute("data-shown", re.compile(shown))


# Collects what the clock shows, where `expect` can wait for it.
RECORD = """() => {
  const time = document.querySelector("#time");
  const record = () => { document.body.dataset.shown += " " + time.textContent; };
  const changes = { childList: true, characterData: true, subtree: true };
  document.body.dataset.shown = "";
  new MutationObserver(record).observe(time, changes);
}"""


# --- Poll --------------------------------------------------------------------


def test_a_vote_in_one_tab_is_seen_in_the_other(demo: Server, open_tab: OpenTab) -> None:
    one, two = (open_tab(f"{demo.url}/poll/") for _ in range(2))
    expect(one.locator("meter")).to_have_count(4)
    one.get_by_role("button", name="Beech").click()
    two.get_by_role("button", name="Lime").click()
    for tab in (one, two):
        expect(tab.locator("#total")).to_have_text("2 votes")
        expect(tab.locator("output")).to_have_text(["0", "1", "1", "0"])
        shares = tab.locator("meter").evaluate_all("all => all.map(it => it.value)")
        assert shares == [0, 0.5, 0.5, 0]


# --- Table -------------------------------------------------------------------

Cells = list[list[str]]


@pytest.fixture
def table(demo: Server, open_tab: OpenTab) -> Page:
    page = open_tab(f"{demo.url}/table/")
    page.locator("tbody *").evaluate_all("nodes => nodes.forEach((node, i) => { node.mark = i; })")
    return page


def cells(page: Page) -> Cells:
    """Return the texts of all cells, row by row."""
    found: Cells = page.locator("tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    )
    return found


def marks(page: Page) -> list[list[int]]:
    """Return, row by row, which of the nodes that were there at first a row is made of."""
    found: list[list[int]] = page.locator("tbody tr").evaluate_all(
        "rows => rows.map(row => [row, ...row.cells].map(node => node.mark))"
    )
    return found


def test_a_thousand_rows_of_four_cells_are_there(table: Page) -> None:
    assert [len(row) for row in cells(table)] == [4] * 1000


def test_a_click_changes_one_cell_and_no_node(table: Page) -> None:
    before, nodes = cells(table), marks(table)
    table.get_by_role("button", name="Grow a tree").click()
    number, kind, height, girth = before[0]
    higher = f"{float(height) + 0.1:.1f}"
    expect(table.locator("#said")).to_have_text(f"{kind} {number} is {higher} m tall now")
    assert cells(table) == [[number, kind, higher, girth], *before[1:]]
    assert marks(table) == nodes


@pytest.mark.parametrize(("name", "column"), [("No.", 0), ("Kind", 1), ("Height", 2), ("Girth", 3)])
def test_a_column_sorts_the_rows_that_are_there(table: Page, name: str, column: int) -> None:
    rows = list(zip(cells(table), marks(table), strict=True))
    rows.sort(key=lambda row: row[0][1] if column == 1 else float(row[0][column]))
    header = table.get_by_role("columnheader", name=name)
    header.get_by_role("button").click()
    expect(table.locator("#said")).to_have_text(f"Sorted by {name.lower()}")
    expect(header).to_have_attribute("aria-sort", "ascending")
    assert list(zip(cells(table), marks(table), strict=True)) == rows


def test_the_order_turns_round_and_back(table: Page) -> None:
    before, nodes = cells(table), marks(table)
    turn = table.get_by_role("button", name="Turn round")
    number = table.get_by_role("columnheader", name="No.")
    turn.click()
    expect(number).to_have_attribute("aria-sort", "descending")
    assert cells(table) == before[::-1]
    assert marks(table) == nodes[::-1]
    turn.click()
    expect(number).to_have_attribute("aria-sort", "ascending")
    assert marks(table) == nodes


# --- All of them ---------------------------------------------------------------


def test_the_index_leads_to_every_example_and_back(demo: Server, open_tab: OpenTab) -> None:
    page = open_tab(demo.url)
    for name in NAMES:
        page.get_by_role("link", name=name.capitalize(), exact=True).click()
        expect(page).to_have_url(f"{demo.url}/{name}/")
        expect(page.locator("html")).to_have_attribute("data-sapwood", "online")
        page.get_by_role("link", name="All examples").click()
        expect(page).to_have_url(f"{demo.url}/")


def test_the_index_shows_every_source_as_it_is(demo: Server, open_tab: OpenTab) -> None:
    page = open_tab(demo.url)
    for file in [f"{name}.{suffix}" for name in NAMES for suffix in ("py", "html")]:
        page.get_by_text(file, exact=True).click()
        code = page.get_by_role("region", name=file)
        expect(code).to_be_visible()
        assert code.text_content() == (EXAMPLES / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_an_example_runs_alone(name: str, serve: Serve, open_tab: OpenTab) -> None:
    server = serve(EXAMPLES / f"{name}.py")
    page = open_tab(server.url)
    expect(page.locator("body")).to_contain_text(SHOWN[f"/{name}/"])
    expect(page.get_by_role("link", name="All examples")).to_be_hidden()
    assert server.log.read_text() == ""


@pytest.mark.parametrize("path", SHOWN)
def test_a_page_fits_a_narrow_window(path: str, demo: Server, page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 640})
    page.goto(f"{demo.url}{path}")
    expect(page.locator("body")).to_contain_text(SHOWN[path])
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("path", SHOWN)
def test_a_page_shows_what_it_has_without_javascript(
    path: str, demo: Server, browser: Browser
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{demo.url}{path}")
    expect(page.locator("body")).to_contain_text(SHOWN[path])
    context.close()
