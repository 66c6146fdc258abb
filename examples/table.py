"""A thousand trees in a table: change one cell, sort by a column, turn the order round.

Try to grow a tree and sort by height: the browser gets the cell, or the moves, and no table.
"""

import random
from pathlib import Path

import sapwood as sw

HERE = Path(__file__).parent
KINDS = ("Alder", "Ash", "Beech", "Birch", "Elm", "Hazel", "Larch", "Linden", "Oak", "Rowan")

app = sw.App()
app.static("/static", "static")


def html():
    """Return the page with a thousand trees in it: much HTML is best written as text."""
    chance = random.Random(1)
    rows = [
        f"<tr><th scope=row>{number}<td>{chance.choice(KINDS)}"
        f"<td>{chance.randint(20, 400) / 10}<td>{chance.randint(10, 300)}"
        for number in range(1, 1001)
    ]
    page = (HERE / "table.html").read_text(encoding="utf-8")
    return page.replace("<!-- rows -->", "".join(rows))


HTML = html()


class Trees(sw.Template):
    """The table; the order of its rows is the order of the body's children."""

    def __init__(self):
        super().__init__(HTML)
        self.rows = self.querySelector("tbody").children
        self.said = self.querySelector("#said")
        self.grown = 0

    def grow(self, e: sw.EventHandler):
        """Let a tree grow: at first the one on top, then the next one."""
        number, kind, height, _ = self.rows[self.grown % len(self.rows)].children
        self.grown += 1
        height.content = round(float(height.content) + 0.1, 1)
        self.said.content = f"{kind.content} {number.content} is {height.content} m tall now"
        e.update()

    def sort(self, e: sw.EventHandler):
        """Sort by the column that the button stands in."""
        header = e.target.closest("th")
        headers = header.parent.children
        column = headers.index(header)
        value = str if column == 1 else float
        self.rows.sort(key=lambda row: value(row.children[column].content))
        for each in headers:
            each.attrs["aria-sort"] = "ascending" if each is header else None
        self.begin(f"Sorted by {header.text.strip().lower()}")
        e.update()

    def reverse(self, e: sw.EventHandler):
        """Turn the order round."""
        self.rows.reverse()
        turned = {"ascending": "descending", "descending": "ascending"}
        for header in self.querySelectorAll("thead th[aria-sort]"):
            header.attrs["aria-sort"] = turned[header.attrs["aria-sort"]]
        self.begin("Turned round")
        e.update()

    def begin(self, said):
        """Say what happened, and grow from the top again."""
        self.said.content = said
        self.grown = 0


@app.route("/")
def home():
    """Give every tab a wood of its own."""
    return Trees()
