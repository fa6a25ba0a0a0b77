"""Slows down guessing: after some failures each further try has to wait twice as long. Bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from routing.model import Time

LONGEST_WAIT = 60.0
FORGET_SECONDS = 900.0
MOST_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class Failures:
    count: int
    last: Time
    next_at: Time


class Throttle:
    def __init__(self, most_keys: int = MOST_KEYS) -> None:
        self._most_keys = most_keys
        self._failures: OrderedDict[str, Failures] = OrderedDict()

    def wait(self, key: str, now: Time) -> float:
        """Seconds before the next try is allowed, 0 for now."""
        failures = self._failures.get(key)
        return max(0.0, failures.next_at - now) if failures else 0.0

    def failed(self, key: str, now: Time, free: int) -> None:
        """``free`` failures cost nothing."""
        before = self._failures.pop(key, None)
        count = before.count + 1 if before and now - before.last < FORGET_SECONDS else 1
        pause = min(LONGEST_WAIT, 2.0 ** min(count - free, 10)) if count >= free else 0.0
        self._failures[key] = Failures(count, now, now + pause)
        if len(self._failures) > self._most_keys:
            self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        self._failures.pop(key, None)

    def __len__(self) -> int:
        return len(self._failures)
