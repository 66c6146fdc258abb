"""What a page is asked by its server: dialogs that wait for the user, and the last answers.

The rules are those of client/window.js: each number is asked once, and its answer given
again for as long as the server may ask again.
"""

from __future__ import annotations

# docs/protocol.md, "Questions".
ANSWERS_MAX = 16


class Asked:
    """The questions of one page to its user."""

    def __init__(self, shown: list[str]) -> None:
        #: All that the user was ever asked.
        self.shown = shown
        #: What the user has yet to answer.
        self.open: dict[int, str] = {}
        self._answers: dict[int, str | None] = {}

    def ask(self, number: int, question: str | None) -> list[str | None]:
        """Show a question, or no longer if it is None; return the answer if there is one."""
        if question is None:
            self.open.pop(number, None)
            if number not in self._answers:
                self.answer(number, None)
        elif number not in self.open and number not in self._answers:
            self.open[number] = question
            self.shown.append(question)
        return [self._answers[number]] if number in self._answers else []

    def answer(self, number: int, answer: str | None) -> None:
        """Keep what is to be said, now and when the server asks again."""
        self.open.pop(number, None)
        self._answers[number] = answer
        for old in list(self._answers)[:-ANSWERS_MAX]:
            del self._answers[old]

    def forget(self) -> None:
        """Begin with another session, which counts from 1."""
        self.open.clear()
        self._answers.clear()
