"""A clock that is moved by hand."""

from __future__ import annotations


class FakeClock:
    """Handed in wherever the gateway wants to know the time: ``clock()``; ``clock.now += 5`` moves it."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
