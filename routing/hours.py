"""Whether a line is open, until when, and where its number leads now.

Times are epoch seconds; a calendar's hours are its local wall clock, so a range is an hour longer or shorter in the
night of a clock change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from config.calendars import Calendar
from config.menus import Destination
from config.settings import VoiceNumber

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
    return [_span(hours, day, zone) for hours in _hours(calendar, day)]


def _hours(calendar: Calendar, day: date) -> tuple[str, ...]:
    for own in calendar.own_days:
        if own.date == day:
            return own.hours
    if day in _bank_holidays(calendar.bank_holidays, day.year):
        return calendar.bank_holiday_hours
    return calendar.weekday(day.weekday())


def _span(hours: str, day: date, zone: ZoneInfo) -> tuple[float, float]:
    start, _, end = hours.partition("-")
    until = day if start < end and end != "24:00" else day + _DAY
    return _moment(day, start, zone), _moment(until, "00:00" if end == "24:00" else end, zone)


def _moment(day: date, clock: str, zone: ZoneInfo) -> float:
    return datetime.combine(day, time.fromisoformat(clock), zone).timestamp()


@lru_cache(maxsize=32)
def _bank_holidays(region: str, year: int) -> frozenset[date]:
    if region not in _SUBDIVISIONS:
        return frozenset()
    return frozenset(holidays.country_holidays("GB", subdiv=_SUBDIVISIONS[region], years=year))
