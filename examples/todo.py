"""A list of things to do: add, tick, note, move and remove.

Try it with the keyboard alone; write a note and move another row past it; pull the network,
go on typing and clicking, and plug it in again.
"""

import sapwood as sw

app = sw.App()
app.static("/static", "static")


class Todo(sw.Template):
    """A form and, below it, one row for each thing to do."""

    def __init__(self):
        super().__init__("todo.html")
        self.field = self.querySelector("#new")
        self.rows = self.querySelector("#rows").children
        self.left = self.querySelector("#left")
        for text in ("Plant a tree", "Water it", "Wait"):
            self.rows.append(self.row(text))
        self.count()

    def row(self, text):
        """Return a new row; its handlers are methods, named in Python."""
        return sw.Element(
            "li",
            [
                sw.Element(
                    "label",
                    [sw.Element("input", attrs={"type": "checkbox"}, onchange=self.tick), text],
                ),
                sw.Element("input", attrs={"aria-label": f"Note: {text}", "placeholder": "Note"}),
                button("↑", f"Move up: {text}", self.move_up),
                button("↓", f"Move down: {text}", self.move_down),
                button("×", f"Remove: {text}", self.remove),
            ],
        )

    def add(self, e: sw.EventHandler):
        """Add what is in the field and empty it, for the next thing."""
        if text := self.field.value.strip():
            self.rows.append(self.row(text))
        self.field.value = ""
        self.count()
        e.update()

    def tick(self, e: sw.EventHandler):
        """Count again; that the box is ticked, the server knows already."""
        self.count()
        e.update()

    def remove(self, e: sw.EventHandler):
        """Take the row of the button out."""
        self.rows.remove(e.target.closest("li"))
        self.count()
        e.update()

    def move_up(self, e: sw.EventHandler):
        """Let the row above come after this one."""
        place = self.rows.index(e.target.closest("li"))
        if place > 0:
            self.rows.insert(place, self.rows[place - 1])
        e.update()

    def move_down(self, e: sw.EventHandler):
        """Let the row below come before this one."""
        place = self.rows.index(e.target.closest("li"))
        if place < len(self.rows) - 1:
            self.rows.insert(place, self.rows[place + 1])
        e.update()

    def count(self):
        """Say how much there is left to do."""
        boxes = self.querySelectorAll("#rows [type=checkbox]")
        left = sum(not box.checked for box in boxes)
        self.left.content = f"{left} of {len(boxes)} left to do"


def button(sign, label, handler):
    """Return a button that shows a sign and is called what it does."""
    return sw.Element("button", sign, attrs={"aria-label": label, "title": label}, onclick=handler)


@app.route("/")
def home():
    """Give every tab a list of its own."""
    return Todo()
