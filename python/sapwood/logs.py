"""What is logged, in a form in which nothing that a stranger said can pass for something else.

Messages of ours escape what came from a browser; the text of an exception, which the app's
own code raised, is escaped here. A line that is not indented begins a record.
"""

from __future__ import annotations

import logging

RECORD_CHARS_MAX = 8192
LINES_MAX = 100
LINE_CHARS_MAX = 500
INDENT = "    "


class LogFormatter(logging.Formatter):
    """Writes a record with its level, its message and, if it has one, its traceback.

    What moves a cursor, hides text or turns it around is escaped, all lines but the first are
    indented, and of what is too long the middle is left out: a record has at most 8,192
    characters and a few. Give it to the handlers of a host that is not `sapwood run`.
    """

    def __init__(self, fmt: str = "%(levelname)s: %(message)s") -> None:
        super().__init__(fmt)

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of *record*."""
        # What comes after so many lines is one line, of which the end stays.
        lines = super().format(record).split("\n", LINES_MAX)
        shown = [_escaped(_without_middle(line, LINE_CHARS_MAX)) for line in lines]
        return _without_middle(f"\n{INDENT}".join(shown), RECORD_CHARS_MAX)


def log_to_terminal() -> None:
    """Have what is logged where nobody set up logging written so, as by `sapwood run`."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(LogFormatter())


def _without_middle(text: str, length_max: int) -> str:
    if len(text) <= length_max:
        return text
    half = length_max // 2
    return f"{text[:half]} [{len(text) - 2 * half} characters left out] {text[-half:]}"


def _escaped(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(it if it.isprintable() else it.encode("unicode_escape").decode() for it in line)
