"""A thousand rows that are sorted again and again while somebody types into two of them."""

import random
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from line import Live
from sapwood import App, EventHandler, Template

ROWS = 1000
# A word for each row that holds something: what stands in its field, and the field's own row.
FILLED = """() => Object.fromEntries([...document.querySelectorAll("#rows input")]
  .filter(({ value }) => value)
  .map((field) => [field.closest("tr").id + " " + field.name, field.value]))"""


# A browser in which an element that is moved loses its focus.
OLDER = "delete Element.prototype.moveBefore"


class Table(Template):
    """Rows with a field each."""

    def __init__(self) -> None:
        rows = "".join(
            f'<tr id="r{n}"><td>{n}</td><td><input name="f{n}"></td></tr>' for n in range(ROWS)
        )
        super().__init__(
            f"<!DOCTYPE html><html><head><title>Rows</title></head><body>"
            f'<p id="sorted">0</p><button id="count" _onclick="count">count</button>'
            f'<p id="known"></p><table><tbody id="rows">{rows}</tbody></table></body></html>'
        )

    def sort(self, times: int, chance: random.Random) -> None:
        rows, told = self.getElementById("rows"), self.getElementById("sorted")
        assert rows is not None
        assert told is not None
        order = {row: chance.random() for row in rows.children}
        rows.children.sort(key=lambda row: order[row])
        told.content = times
        self.update()

    def count(self, e: EventHandler) -> None:
        """Write which fields hold something, as far as the server knows."""
        known = self.getElementById("known")
        assert known is not None
        known.content = "".join(f"{k}={v};" for k, v in self.getFormValues().items() if v)
        e.update()


class Sorting:
    """Sorts a table for as long as the block lasts."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._sort)

    def _sort(self) -> None:
        chance = random.Random(7)
        times = 0
        while not self._is_over.wait(0.02):
            times += 1
            self._table.sort(times, chance)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()


@pytest.fixture
def live() -> Iterator[Live]:
    app = App(debug=True)
    app.route("/")(Table)
    with Live(app) as live:
        yield live


@pytest.mark.parametrize("script", ["", OLDER], ids=["newer", "older"])
def test_what_is_typed_into_rows_stays_in_them_however_they_are_sorted(
    page: Page, live: Live, script: str
) -> None:
    page.add_init_script(script)
    page.goto(live.url)
    expect(page.locator("html")).to_have_attribute("data-sapwood", "online")
    [session] = live.line.app.sessions.values()
    shown = page.locator("#sorted")
    with Sorting(session.template):
        for n, text in ((900, "left behind"), (5, "tail")):
            page.evaluate("n => document.querySelector(`[name=f${n}]`).focus()", n)
            page.keyboard.type(text, delay=10)
        page.evaluate("() => document.activeElement.setSelectionRange(0, 0)")
        for letter in "in front of the ":
            before = shown.inner_text()
            page.keyboard.type(letter)
            # Each letter is typed into another order.
            expect(shown).not_to_have_text(before)
        focus = "() => [document.activeElement.name, document.activeElement.selectionStart]"
        assert page.evaluate(focus) == ["f5", len("in front of the ")]
        page.evaluate("() => document.getElementById('count').click()")
        expect(page.locator("#known")).not_to_be_empty()
    expected = {"r5 f5": "in front of the tail", "r900 f900": "left behind"}
    assert page.evaluate(FILLED) == expected
    told = page.locator("#known").inner_text().split(";")
    assert sorted(told) == ["", "f5=in front of the tail", "f900=left behind"]
    order = [row.id for row in session.template.querySelectorAll("tr")]
    expect(shown).to_have_text(session.template.getElementById("sorted").content)
    assert page.evaluate("() => [...document.querySelectorAll('tr')].map(({ id }) => id)") == order
