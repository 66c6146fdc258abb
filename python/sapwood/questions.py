"""What a page is asked, and has not answered yet; no I/O.

A question stays until its number is answered, over as many sockets as that takes: each
new one carries again what is open. One that nobody waits for any more is withdrawn, which
the page answers too. So a page never owes more than QUESTIONS_MAX answers, and if it keeps
its last so many it does nothing twice and can say again what was lost.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec

from sapwood.errors import FrameError, WindowError, WindowGone

QUESTIONS_MAX = 16
QUESTION_BYTES_MAX = 64 * 1024

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WindowInfo:
    """What a browser says of a window: sizes in CSS pixels, `x` to the right, `y` downwards."""

    #: The page's address, with its query and fragment.
    url: str
    #: The language that the browser prefers, as in `"en-US"`.
    language: str
    #: An IANA time zone, as in `"Europe/Vienna"`.
    timezone: str
    user_agent: str
    #: What the browser calls the system, as in `"Linux x86_64"`.
    platform: str
    #: The size of what shows the page.
    width: int
    height: int
    screen_width: int
    screen_height: int
    #: Device pixels in a CSS pixel.
    pixel_ratio: float
    #: How far the page is scrolled.
    scroll_x: float
    scroll_y: float


@dataclass(frozen=True, slots=True)
class Kind:
    """One thing that a page can be asked."""

    #: What an answer is, for msgspec to check.
    answer: Any
    #: Whether it is done in any case, also when nobody waits for the answer any more.
    is_order: bool = False


_ORDER = Kind(None, is_order=True)

#: All there is, by name; the page knows no other ones either.
KINDS: dict[str, Kind] = {
    "alert": _ORDER,
    "confirm": Kind(bool),
    "prompt": Kind(str | None),
    "info": Kind(WindowInfo),
    "get": Kind(str | None),
    "keys": Kind(list[str]),
    "set": _ORDER,
    "remove": _ORDER,
    "clear": _ORDER,
    "open": _ORDER,
    "close": _ORDER,
    "scroll_to": _ORDER,
    "scroll_by": _ORDER,
    "assign": _ORDER,
    "replace": _ORDER,
    "reload": _ORDER,
}


@dataclass(slots=True, eq=False)
class Question(Generic[T]):
    """Something that a page is asked, and what becomes of it."""

    number: int
    name: str
    #: The frame that carries it.
    frame: str
    #: Whoever waits for the answer has this, in whatever thread.
    future: Future[T] = field(default_factory=Future)
    #: Whether the socket in use has carried it, and whether any has.
    is_sent: bool = False
    was_sent: bool = False

    def fail(self, error: Exception) -> None:
        """Have whoever waits raise *error*."""
        if not self.future.done():
            self.future.set_exception(error)


class Questions:
    """The open questions of one page; whoever has them sees that threads take turns."""

    __slots__ = ("_newest", "_open")

    def __init__(self) -> None:
        self._newest = 0
        self._open: dict[int, Question[Any]] = {}

    def ask(self, name: str, arguments: tuple[Any, ...]) -> Question[Any]:
        """Add a question.

        Raises WindowError if too many are open, ValueError if it is too long.
        """
        assert name in KINDS, name
        if len(self._open) >= QUESTIONS_MAX:
            raise WindowError(f"{name}: the window has {QUESTIONS_MAX} calls to answer already")
        number = self._newest + 1
        frame = msgspec.json.encode([-5, number, name, arguments])
        if len(frame) > QUESTION_BYTES_MAX:
            raise ValueError(f"{name}: what a window is told is over {QUESTION_BYTES_MAX} bytes")
        self._newest = number
        question = self._open[number] = Question(number, name, frame.decode())
        return question

    def frames(self) -> list[str]:
        """Return what is to be sent now, and count it as sent."""
        unsent = [it for it in self._open.values() if not it.is_sent]
        for question in unsent:
            question.is_sent = question.was_sent = True
        return [question.frame for question in unsent]

    def send_again(self) -> None:
        """Begin with a new socket, which has carried nothing."""
        for question in self._open.values():
            question.is_sent = False

    def answer(self, number: int, value: Any, error: str | None) -> None:
        """Take an answer; one that came before is nothing new.

        Raises FrameError if nothing of that number was asked, or it is not the kind of
        answer.
        """
        if not 0 < number <= self._newest:
            raise FrameError(f"answer {number}, and {self._newest} questions")
        question = self._open.pop(number, None)
        if question is None or question.future.done():
            return
        if error is not None:
            # As a literal: it is a stranger's, and stands in logs.
            question.fail(WindowError(f"{question.name}: the browser says {error!a}"))
            return
        try:
            value = msgspec.convert(value, KINDS[question.name].answer)
        except msgspec.ValidationError as wrong:
            # It is no page of ours, and is not asked any more.
            question.fail(WindowGone(f"{question.name}: the browser's answer is none: {wrong}"))
            raise FrameError(f"no answer to {question.name}: {wrong}") from wrong
        question.future.set_result(value)

    def withdraw(self, question: Question[Any], error: Exception) -> None:
        """Let nobody wait for an answer any more; an order is done all the same."""
        question.fail(error)
        if KINDS[question.name].is_order or question.number not in self._open:
            return
        if not question.was_sent:
            del self._open[question.number]
        question.frame = msgspec.json.encode([-5, question.number]).decode()
        question.is_sent = False

    def withdraw_all(self, reason: str) -> None:
        """Let nobody wait: the page does not answer for now."""
        for question in list(self._open.values()):
            self.withdraw(question, WindowGone(f"{question.name}: {reason}"))

    def drop_all(self, reason: str) -> None:
        """Forget all: the page is gone."""
        for question in self._open.values():
            question.fail(WindowGone(f"{question.name}: {reason}"))
        self._open.clear()
