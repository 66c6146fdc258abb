"""An event loop whose time is a number: nothing waits, and the same steps give the same run.

Timers are due when somebody lets time pass; there are no sockets and no threads.
"""

from __future__ import annotations

import asyncio
from typing import Any


class ClockworkLoop(asyncio.BaseEventLoop):
    """An event loop that runs until nothing is left to do in the time it is given."""

    def __init__(self) -> None:
        super().__init__()
        # BaseEventLoop asks its selector how long to sleep; here nothing ever comes of that.
        self._selector = self
        self._now_s = 0.0
        self._until_s = 0.0

    def run_for(self, seconds: float) -> None:
        """Do all that is due within *seconds*; with 0, all that is due now."""
        self._until_s = self._now_s + seconds
        self.run_forever()

    def time(self) -> float:
        """Return the seconds that have passed."""
        return self._now_s

    # --- What BaseEventLoop wants of a loop -------------------------------------------

    def select(self, timeout: float | None) -> list[Any]:
        """Let the time pass until the next timer, or until the end of this run."""
        if timeout is None or self._now_s + timeout > self._until_s:
            self._now_s = max(self._now_s, self._until_s)
            self.stop()
        else:
            self._now_s += timeout
        return []

    def _process_events(self, event_list: list[Any]) -> None:
        assert not event_list

    def _write_to_self(self) -> None:
        """Wake nobody: the loop never sleeps."""
