"""How long a caller can expect to wait: their place, times what lay between the last answers of their queue."""

from __future__ import annotations

from collections import deque

from routing.model import Time

WINDOW_SECONDS = 30 * 60.0
FEWEST = 5
MOST = 200


class Answers:
    """When each queue's callers were answered, over the last half hour; taken from the tables at start-up."""

    def __init__(self) -> None:
        self._times: dict[str, deque[Time]] = {}

    def note(self, queue: str, now: Time) -> None:
        self._times.setdefault(queue, deque(maxlen=MOST)).append(now)

    def expected(self, queue: str, place: int, now: Time) -> float | None:
        """Seconds until the ``place``-th in line is answered; None where too few answers tell."""
        times = self._times.get(queue, deque())
        while times and times[0] < now - WINDOW_SECONDS:
            times.popleft()
        return place * (now - times[0]) / len(times) if len(times) >= FEWEST else None
