"""The app that the measured servers run: a counter, a table of 1,000 rows, a clock."""

import asyncio
import time

import pages

import sapwood as sw

ROWS = 1000

app = sw.App(debug=False, secret="measured-" * 4)


def _page(body: str) -> str:
    return f"<!DOCTYPE html><html><head><title>Bench</title></head><body>{body}</body></html>"


class Counter(sw.Template):
    HANDLER = "increment"

    def __init__(self) -> None:
        super().__init__(
            _page(f'<p id="count">0</p><button id="more" _onclick="{self.HANDLER}">+1</button>')
        )
        self.count = 0
        self.shown = self.querySelector("#count")

    def increment(self, event: sw.EventHandler) -> None:
        self.count += 1
        self.shown.content = self.count
        event.update()


class AsyncCounter(Counter):
    HANDLER = "increment_async"

    async def increment_async(self, event: sw.EventHandler) -> None:
        self.increment(event)


class Table(sw.Template):
    def __init__(self) -> None:
        buttons = "".join(
            f'<button id="{name}" _onclick="{name}">{name}</button>'
            for name in ("change", "delete", "move", "insert")
        )
        super().__init__(pages.html(ROWS).replace("<table>", f"{buttons}<table>"))
        self.done = 0
        self.rows = self.querySelector("#rows")
        self.cell = self.querySelector("#row500 td")

    def change(self, event: sw.EventHandler) -> None:
        self.done += 1
        self.cell.content = f"done {self.done}"
        event.update()

    def delete(self, event: sw.EventHandler) -> None:
        self.rows.children[600].remove()
        event.update()

    def move(self, event: sw.EventHandler) -> None:
        self.rows.children.insert(100, self.rows.children[-1])
        event.update()

    def insert(self, event: sw.EventHandler) -> None:
        self.rows.children.insert(300, pages.row([str(ROWS), "a new row", "42.50", "in stock"]))
        event.update()


class Clock(sw.Template):
    """Shows the time to whoever looks, from the first look on, a thousand times a second."""

    PER_S = 1000

    def __init__(self) -> None:
        super().__init__(_page('<p id="now">0</p><button>idle</button>'), shared=True)
        self.shown = self.querySelector("#now")
        self.task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        began_s, count = time.monotonic(), 0
        while True:
            # As many as are due: a sleep is longer than it was asked to be.
            for _ in range(int((time.monotonic() - began_s) * self.PER_S) - count):
                self.shown.content = time.monotonic_ns()
                self.update()
                count += 1
            await asyncio.sleep(0.001)


the_clock = Clock()


@app.route("/clock")
async def clock() -> Clock:
    the_clock.task = the_clock.task or app.run_task(the_clock.run())
    return the_clock


@app.route("/")
def counter() -> Counter:
    return Counter()


@app.route("/async")
def async_counter() -> AsyncCounter:
    return AsyncCounter()


@app.route("/table")
def table() -> Table:
    return Table()


@app.route("/cpu")
async def cpu() -> dict[str, float]:
    return {"cpu_s": time.process_time()}
