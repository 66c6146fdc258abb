"""Somebody at a notebook: what they leave in the page, and whether it is still there."""

import json

from playwright.sync_api import Page, expect

TYPED = "typed"
STATE = """() => [window.mark, document.activeElement.id, silent.value, silent.selectionStart,
  silent.selectionEnd, more.open, box.scrollTop]"""
LEFT = [1, "silent", TYPED, 2, 4, True, 123]


class Person:
    """Uses the notebook at *url* in the tab *page*."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.banner = page.get_by_role("status")

    def open(self) -> None:
        """Open the page and wait until it is live."""
        self.page.goto(self.url)
        self.expect_state("online")

    def begin(self) -> None:
        """Open the page, leave something everywhere, and stay in a field."""
        self.open()
        self.page.locator("summary").click()
        self.page.locator("#silent").press_sequentially(TYPED)
        self.page.evaluate(
            "() => { window.mark = 1; box.scrollTop = 123; silent.setSelectionRange(2, 4) }"
        )

    def press(self, *ids: str) -> None:
        """Press buttons without taking the focus from the field."""
        for id in ids:
            self.page.evaluate("id => document.getElementById(id).click()", id)

    def expect_state(self, state: str) -> None:
        expect(self.page.locator("html")).to_have_attribute("data-sapwood", state)

    def expect_ran(self, ran: str) -> None:
        expect(self.page.locator("#ran")).to_have_text(ran)

    def expect_known(self, **fields: str) -> None:
        """Ask the server what it knows of the fields; its answer must be exactly that."""
        self.press("ask")
        expect(self.page.locator("#known")).to_have_text(json.dumps(fields))

    def expect_undisturbed(self) -> None:
        """The page was not loaded again, and is as it was left."""
        state = self.page.evaluate(STATE)
        assert state == LEFT, state
