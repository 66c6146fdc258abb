"""A poll that everybody sees: one page, however many tabs look at it.

Open it in two tabs, or on two machines, and vote in both. Its types hold under the
strictest settings of mypy and pyright.
"""

import sapwood as sw

app = sw.App()
app.static("/static", "static")


class Choice(sw.Element):
    """A button to vote with, and a bar as long as its share of the votes."""

    def __init__(self, poll: "Poll", text: str) -> None:
        super().__init__("li")
        self.poll = poll
        self.votes = 0
        self.bar = sw.Element("meter", attrs={"aria-label": f"Share of {text}"})
        self.number = sw.Element("output", "0")
        self.content = [sw.Element("button", text, onclick=self.vote), self.number, self.bar]

    async def vote(self, e: sw.EventHandler) -> None:
        """Count a vote and show it to everybody.

        A coroutine function that awaits nothing: no other vote comes in between.
        """
        self.votes += 1
        self.poll.count()
        e.update()

    def draw(self, share: float) -> None:
        """Show the number of votes, and their share."""
        self.number.content = self.votes
        self.bar.value = f"{share:.3f}"


class Poll(sw.Template):
    """A question and its choices."""

    def __init__(self) -> None:
        super().__init__("poll.html", shared=True)
        self.choices = [Choice(self, text) for text in ("Oak", "Beech", "Lime", "Birch")]
        self.total = element(self, "#total")
        element(self, "#choices").children.extend(self.choices)
        self.count()

    def count(self) -> None:
        """Count all votes and show how they are shared out."""
        total = sum(choice.votes for choice in self.choices)
        for choice in self.choices:
            choice.draw(choice.votes / total if total else 0)
        self.total.content = "1 vote" if total == 1 else f"{total} votes"


def element(page: sw.Template, selector: str) -> sw.Element:
    """Return the element that *selector* selects; there is one."""
    found = page.querySelector(selector)
    assert found is not None, selector
    return found


poll = Poll()


@app.route("/")
def home() -> Poll:
    """Give every tab the same page."""
    return poll
