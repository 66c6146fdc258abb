"""An order in three steps, which outlives the server: what was said is the session's state.

Say what you want and go on; then stop the server with Ctrl+C, type some more, and start it again.
"""

from pathlib import Path

import sapwood as sw

app = sw.App(store=sw.SQLiteStore(Path(__file__).with_name("order.db")))
app.static("/static", "static")


class Order(sw.Template):
    """Three steps, of which one is shown, and a word of thanks; *state* says where it stands."""

    def __init__(self, state):
        super().__init__("order.html")
        self.state = state
        self.said = state.setdefault("said", {})
        self.steps = self.querySelectorAll(".step")
        for name, value in self.said.items():
            self.querySelector(f"[name={name}]").value = value
        self.turn_to(state.get("step", 0))

    def turn_to(self, step, problem=""):
        """Show one step only, and what is wrong with what was said."""
        self.state["step"] = step
        for number, element in enumerate(self.steps):
            element.show = number == step
        self.querySelector("#where").value = step
        self.querySelector("#problem").content = problem
        if step >= 2:
            summary = "{number} × {tree} for {name}".format_map(self.said)
            self.querySelector("#summary").content = summary

    def forward(self, e: sw.EventHandler):
        """Keep what the fields say, and go on if it will do."""
        # Of the fields that are shown.
        self.said.update(self.getFormValues())
        step = self.state["step"]
        number = self.said["number"]
        if step == 0 and not (number.isdecimal() and 1 <= int(number) <= 50):
            self.turn_to(step, "From 1 to 50, please: the van is small.")
        elif step == 1 and not self.said["name"].strip():
            self.turn_to(step, "Whom shall we ask for?")
        else:
            self.turn_to(step + 1)
        e.update()

    def back(self, e: sw.EventHandler):
        """Go back by a step; what was said stays."""
        self.turn_to(self.state["step"] - 1)
        e.update()


@app.route("/")
def home(state):
    """Begin an order, or go on with the one that *state* is of."""
    return Order(state)
