"""Whether a line is open, until when, and where its number leads now.

Times are epoch seconds; a calendar's hours are its local wall clock, so a range is an hour longer or shorter in the
night of a clock change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from config.calendars import Calendar
from config.menus import Destination, VoiceNumber
from routing.shifts import span_of

_SUBDIVISIONS = {"england-and-wales": "ENG", "scotland": "SCT"}
_DAYS_AHEAD = 400  # every weekday and every bank holiday comes once within this
_DAY = timedelta(days=1)


def is_open(calendar: Calendar, now: float) -> bool:
    if calendar.always:
        return True
    today = datetime.fromtimestamp(now, ZoneInfo(calendar.time_zone)).date()
    # Yesterday's hours may run into today.
    return any(start <= now < end for day in (today - _DAY, today) for start, end in _spans(calendar, day))


def next_change(calendar: Calendar, now: float) -> float | None:
    """When it next opens or closes; None when it does neither within 400 days."""
    if calendar.always:
        return None
    opened = is_open(calendar, now)
    edges = (edge for edge in _edges(calendar, now) if edge > now and is_open(calendar, edge) != opened)
    return next(edges, None)


def opens_at(calendar: Calendar, now: float) -> float | None:
    """When it is next open: ``now`` if it is, None if not within 400 days."""
    return now if is_open(calendar, now) else next_change(calendar, now)


def destination(number: VoiceNumber, calendars: Mapping[str, Calendar], now: float) -> Destination:
    """Where a caller of this number is led now. The calendars are by their ids."""
    for rule in number.hours:
        chosen = rule.open if is_open(calendars[rule.calendar], now) else rule.closed
        if chosen:
            return chosen
    return number.to or Destination(queue=number.queue)


def _edges(calendar: Calendar, now: float) -> Iterator[float]:
    today = datetime.fromtimestamp(now, ZoneInfo(calendar.time_zone)).date()
    for ahead in range(-1, _DAYS_AHEAD):
        # A day's edges may lie behind the first of the next day, when its hours run into it.
        days = (today + timedelta(days=ahead), today + timedelta(days=ahead + 1))
        yield from sorted(edge for day in days for span in _spans(calendar, day) for edge in span)


def _spans(calendar: Calendar, day: date) -> list[tuple[float, float]]:
    zone = ZoneInfo(calendar.time_zone)
    return [span_of(hours, day, zone) for hours in _hours(calendar, day)]


def _hours(calendar: Calendar, day: date) -> tuple[str, ...]:
    for own in calendar.own_days:
        if own.date == day:
            return own.hours
    if is_bank_holiday(calendar.bank_holidays, day):
        return calendar.bank_holiday_hours
    return calendar.weekday(day.weekday())


def is_bank_holiday(region: str, day: date) -> bool:
    """``region``: as in a calendar; ``none`` has no bank holidays."""
    return day in _bank_holidays(region, day.year)


@lru_cache(maxsize=32)
def _bank_holidays(region: str, year: int) -> frozenset[date]:
    if region not in _SUBDIVISIONS:
        return frozenset()
    return frozenset(holidays.country_holidays("GB", subdiv=_SUBDIVISIONS[region], years=year))
