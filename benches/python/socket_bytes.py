"""Measures in a browser what clicks send and get, and how soon the page shows it.

Bytes are those of the payload of text frames: up the event itself, down all that comes
before the page shows the change. An acknowledgement (`[-1,7]`) that goes up alone when
no other click follows soon is counted in `bytes_counter_up_all` only.
"""

import statistics
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import servers
from playwright.sync_api import Page, WebSocket, expect, sync_playwright

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "browser"))

from chromium import find_chromium  # noqa: E402  # it is where it is

# A click, and what its patch changes first.
CLICK = """
([button, changed]) => new Promise((resolve, reject) => {
  const late = setTimeout(() => reject(new Error("nothing changed")), 5000);
  const observer = new MutationObserver(() => {
    const end = performance.now();
    observer.disconnect();
    clearTimeout(late);
    resolve(end - begin);
  });
  const all = { childList: true, characterData: true, subtree: true };
  observer.observe(document.querySelector(changed), all);
  const begin = performance.now();
  document.querySelector(button).click();
})
"""


class Traffic:
    """The frames of a page's socket."""

    def __init__(self, page: Page) -> None:
        self.up: list[str] = []
        self.down: list[str] = []
        page.on("websocket", self._listen)

    def _listen(self, socket: WebSocket) -> None:
        # Playwright marks what it is given, which a bound method of a list does not let it do.
        socket.on("framesent", lambda frame: self.up.append(frame))
        socket.on("framereceived", lambda frame: self.down.append(frame))

    def take(self) -> tuple[int, int, int]:
        """Return the bytes since the last call: of events, of all that went up, and down."""
        events = [frame for frame in self.up if not frame.startswith("[-")]
        sizes = (size(events), size(self.up), size(self.down))
        self.up.clear()
        self.down.clear()
        return sizes


def size(frames: list[str]) -> int:
    return sum(len(frame.encode()) for frame in frames)


def main() -> None:
    out, count = Path(sys.argv[1]), 3 if "--smoke" in sys.argv else 100
    chromium = find_chromium()
    with servers.sapwood() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        at = f"http://127.0.0.1:{server.port}"
        figures = counter(browser.new_page(), at, count) | table(browser.new_page(), at, count)
        browser.close()
    out.write_bytes(msgspec.json.format(msgspec.json.encode(figures)))


def counter(page: Page, at: str, count: int) -> dict[str, float]:
    traffic = opened(page, f"{at}/")
    sizes, times_ms = [], []
    for number in range(1, count + 1):
        times_ms.append(page.evaluate(CLICK, ["#more", "#count"]))
        expect(page.locator("#count")).to_have_text(str(number))
        sizes.append(traffic.take())
    return {
        "bytes_counter_up": statistics.median(event for event, _, _ in sizes),
        "bytes_counter_up_all": statistics.mean(up for _, up, _ in sizes),
        "bytes_counter_down": statistics.median(down for _, _, down in sizes),
        "click_to_dom_ms_counter": statistics.median(times_ms),
    }


def table(page: Page, at: str, count: int) -> dict[str, float]:
    traffic = opened(page, f"{at}/table")
    figures: dict[str, float] = {}
    rows = page.locator("#rows > tr")

    def repeat(name: str, times: int, check: Callable[[int], None]) -> list[float]:
        sizes, times_ms = [], []
        for number in range(1, times + 1):
            times_ms.append(page.evaluate(CLICK, [f"#{name}", "#rows"]))
            check(number)
            sizes.append(traffic.take())
        figures[f"bytes_{name}_down"] = statistics.median(down for _, _, down in sizes)
        return times_ms

    cell = page.locator("#row500 > td").first
    times_ms = repeat("change", count, lambda n: expect(cell).to_have_text(f"done {n}"))
    figures["bytes_cell_down"] = figures.pop("bytes_change_down")
    figures["click_to_dom_ms_table"] = statistics.median(times_ms)
    few = min(count, 20)
    repeat("delete", few, lambda n: expect(rows).to_have_count(1000 - n))
    repeat("move", few, lambda n: expect(rows.nth(100)).to_have_id(f"row{1000 - n}"))
    repeat("insert", few, lambda n: expect(rows).to_have_count(1000 - few + n))
    return figures


def opened(page: Page, url: str) -> Traffic:
    """Load a page; its socket is open and has said all it says unasked."""
    traffic = Traffic(page)
    page.goto(url)
    expect(page.locator("[data-sapwood-status]")).to_be_hidden()
    page.wait_for_timeout(500)
    assert traffic.down, "no socket was opened"
    traffic.take()
    return traffic


if __name__ == "__main__":
    main()
