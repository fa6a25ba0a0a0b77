"""Cuts time into intervals of a site's wall clock: minutes and hours from midnight, days, weeks from Monday.

A day of a clock change has 23 or 25 hours, each counted; the hour that comes twice is two intervals.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from routing.model import Time

Interval = Literal["15min", "30min", "60min", "day", "week", "all"]
SECONDS = {"15min": 900.0, "30min": 1800.0, "60min": 3600.0}
DAY = timedelta(days=1)


class Intervals:
    """From ``begins`` up to, not including, ``ends``. The first and last may be parts of an interval."""

    def __init__(self, begins: Time, ends: Time, interval: Interval, zone: ZoneInfo) -> None:
        inner = (cut for cut in _cuts(begins, ends, interval, zone) if begins < cut < ends)
        self.edges = [begins, *inner, ends]
        self._zone = zone

    def __len__(self) -> int:
        return len(self.edges) - 1

    def local_edge(self, number: int) -> datetime:
        """Where interval ``number`` begins, and the one before it ends."""
        return datetime.fromtimestamp(self.edges[number], self._zone)

    def number_of(self, at: Time) -> int:
        """Which interval a moment within begins and ends lies in."""
        return bisect_right(self.edges, at) - 1

    def pieces(self, begins: Time, ends: Time) -> Iterator[tuple[int, Time, Time]]:
        """What of a stretch of time lies in each interval: (its number, from, to)."""
        begins, ends = max(begins, self.edges[0]), min(ends, self.edges[-1])
        while begins < ends:
            number = self.number_of(begins)
            until = min(ends, self.edges[number + 1])
            yield number, begins, until
            begins = until


def midnight(day: date, zone: ZoneInfo) -> Time:
    return datetime.combine(day, time(), zone).timestamp()


def _cuts(begins: Time, ends: Time, interval: Interval, zone: ZoneInfo) -> Iterator[Time]:
    if interval == "all":
        return
    day = datetime.fromtimestamp(begins, zone).date()
    while (start := midnight(day, zone)) < ends:
        if interval == "week":
            yield from (start,) if day.weekday() == 0 else ()
        elif interval == "day":
            yield start
        else:
            yield from _within_day(start, midnight(day + DAY, zone), SECONDS[interval])
        day += DAY


def _within_day(start: Time, end: Time, step: float) -> Iterator[Time]:
    while start < end:
        yield start
        start += step
