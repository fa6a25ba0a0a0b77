"""Where the time comes from: given to whoever needs it, so that tests can make it pass."""

from __future__ import annotations

import time
from collections.abc import Callable

from routing.model import Time

# Epoch seconds.
Clock = Callable[[], Time]

SLOWED = 0.9


class Steady:
    """The machine's clock, but it never goes back. Were it set back by an hour, whatever is due (the end of an offer,
    the alarm of an emergency that waits) would be due an hour later; ours goes on, slower, until it is true again."""

    def __init__(self, machine: Clock = time.time, passed: Clock = time.monotonic) -> None:
        self._machine, self._passed = machine, passed
        self._now, self._at = machine(), passed()

    def __call__(self) -> Time:
        at = self._passed()
        self._now, self._at = max(self._machine(), self._now + SLOWED * (at - self._at)), at
        return self._now

    def wrong(self) -> str:
        """In words for a person; '' when it is true."""
        ahead = self() - self._machine()
        told = f"the machine's clock was set back: our times are {ahead:.0f} s ahead of it, and less by and by"
        return told if ahead > 1 else ""
