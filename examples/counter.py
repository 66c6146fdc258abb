"""A button that counts: one click, one method, one word of HTML changed.

Try two tabs: each counts for itself.
"""

import sapwood as sw

app = sw.App()


class Counter(sw.Template):
    """A page with a number on it."""

    def __init__(self):
        super().__init__("counter.html")
        self.count = self.querySelector("#count")

    def increment(self, e: sw.EventHandler):
        """Count one up and show it."""
        self.count.content = int(self.count.content) + 1
        e.update()


@app.route("/")
def home():
    """Give every tab a counter of its own."""
    return Counter()
