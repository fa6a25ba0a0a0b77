"""What makes a calendar's event unusable, or too costly to follow: each mistake in words, with its event's line.

The library's own words are for programmers, and never shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from gateway.api.problems import FieldError
from gateway.rosters.entries import THE_YEARS, mistake, year_is_ours

LINE = "X-CONTACT-GATEWAY-LINE"  # on every event, so that a mistake can be found again in the file
MOST_YEARS = 5
MOST_DATES = 1000  # that one event names beside its rule
LONGEST = timedelta(days=366 * MOST_YEARS)
# A rule with one of these makes thousands of shifts a day.
TOO_OFTEN = ("SECONDLY", "MINUTELY", "HOURLY")
BY_THE_CLOCK = ("BYHOUR", "BYMINUTE", "BYSECOND")
CYCLE = 28  # years, after which every day of the year falls on the same day of the week again
LAST_BEGINNING = MAXYEAR - CYCLE
ONCE = ("DTSTART", "DTEND", "DURATION", "RRULE")
A_TIME = "is no date and no time such as 20261130T070000Z"
MEANT = {
    **dict.fromkeys(("DTSTART", "DTEND", "RDATE", "EXDATE", "RECURRENCE-ID"), A_TIME),
    "DURATION": "is no length such as PT8H",
    "RRULE": "is no rule such as FREQ=DAILY;COUNT=5",
}


@dataclass(frozen=True, slots=True)
class Window:
    """The local days that are looked at: from ``first`` until before ``after``."""

    first: date
    after: date


def line_of(event: Any) -> int:
    return int(event[LINE])


def wrong_with(event: Any, window: Window) -> Iterator[FieldError]:
    """Every mistake there is; what cannot be read is not looked at any further."""
    line = line_of(event)
    for kinds in ((_not_read,), (_not_once,), (_no_times,), (_unknown_zones, _too_far, _no_rule)):
        found = [mistake(line, field, why) for kind in kinds for field, why in kind(event, window)]
        if found:
            yield from found
            return


Mistakes = Iterator[tuple[str, str]]  # which field, and why


def _not_read(event: Any, _window: Window) -> Mistakes:
    for name, said in event.errors:
        if name is None:
            yield "line", f"cannot be read: '{unread_line(said)}'"
        else:
            given = event.get(name, "")
            written = str(given[-1] if isinstance(given, list) else given)[:60]
            yield name, f"'{written}' {MEANT.get(name, 'cannot be read')}"


def unread_line(said: str) -> str:
    """The file's own line in what the library says of it."""
    found = re.search(r"parsed into parts: '(.*?)': ", said, re.DOTALL)
    return found.group(1)[:60] if found else ""


def _not_once(event: Any, _window: Window) -> Mistakes:
    if "DTSTART" not in event:
        yield "DTSTART", "is missing"
    yield from ((name, "stands there twice") for name in ONCE if isinstance(event.get(name), list))


def _no_times(event: Any, _window: Window) -> Mistakes:
    for name in ("DTSTART", "DTEND"):
        if name in event and not isinstance(event[name].dt, date):
            yield name, A_TIME
    if _dates(event, "RDATE") + _dates(event, "EXDATE") > MOST_DATES:
        yield "RDATE", f"at most {MOST_DATES:,} dates"
    if any(not isinstance(one.dt, date) for one in _listed(event, "RDATE")):
        yield "RDATE", "names a period: name the time when each begins"


def _unknown_zones(event: Any, _window: Window) -> Mistakes:
    """The library takes a time in a zone that it does not know for one without any."""
    for name in ("DTSTART", "DTEND", "RECURRENCE-ID", "RDATE", "EXDATE"):
        for given in _given(event, name):
            zone = str(given.params.get("TZID", ""))
            times = given.dts if hasattr(given, "dts") else [given]
            if zone and any(isinstance(one.dt, datetime) and one.dt.tzinfo is None for one in times):
                yield name, unknown_zone(zone)
                break


def unknown_zone(zone: str) -> str:
    known = "a name of the IANA database such as Europe/London, or with a VTIMEZONE in the file"
    return f"there is no time zone '{zone[:60]}': export the calendar with {known}"


def known_zone(zone: str) -> str:
    """The IANA name of a zone that may have Windows' name, '' for one that is not known."""
    name = WINDOWS_TO_OLSON.get(zone, zone)
    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, LookupError):
        return ""


def _too_far(event: Any, _window: Window) -> Mistakes:
    for name in ("DTSTART", "DTEND"):
        if name in event and not year_is_ours(event[name].dt):
            yield name, f"the year {event[name].dt.year} is out of reach: {THE_YEARS}"
    if any(not year_is_ours(one.dt) for one in _listed(event, "RDATE")):
        yield "RDATE", f"has a year that is out of reach: {THE_YEARS}"
    if "DURATION" in event and not timedelta() <= event["DURATION"].dt <= LONGEST:
        yield "DURATION", f"must be from nothing to {MOST_YEARS} years"


def _no_rule(event: Any, window: Window) -> Mistakes:
    rule = event.get("RRULE")
    if rule is None:
        return
    if _day(event["DTSTART"].dt) < window.first - LONGEST:
        yield "DTSTART", f"recurs since more than {MOST_YEARS} years: let it begin anew"
    if "FREQ" not in rule or any(number < 1 for number in rule.get("INTERVAL", ())):
        yield "RRULE", MEANT["RRULE"]
    elif set(map(str.upper, rule["FREQ"])) & set(TOO_OFTEN) or any(name in rule for name in BY_THE_CLOCK):
        yield "RRULE", "a shift recurs once a day at most: FREQ=DAILY and no BYHOUR"
    elif not _comes(rule, _day(event["DTSTART"].dt)):
        written = rule.to_ical().decode()[:60]
        yield "RRULE", f"'{written}' names no day of the next {CYCLE} years: put it right, or take the event out"


def _comes(rule: Any, first: date) -> bool:
    """For a day that never comes the library looks as far as the year 9999, for many seconds. So it is asked of the
    last cycle of years before that, from a year on whose days fall as those of the first."""
    fell = first.year % 4, first.replace(month=1, day=1).weekday()
    alike = (y for y in range(LAST_BEGINNING, LAST_BEGINNING - CYCLE, -1) if (y % 4, date(y, 1, 1).weekday()) == fell)
    days = rule.copy()
    for ends in ("COUNT", "UNTIL"):
        days.pop(ends, None)
    try:
        then = datetime.combine(first.replace(year=next(alike)), time())
        return next(iter(rrulestr(days.to_ical().decode(), dtstart=then)), None) is not None
    except (ValueError, TypeError, KeyError, AttributeError):
        return True  # another mistake, which is found when it is followed


def _given(event: Any, name: str) -> list[Any]:
    given = event.get(name, [])
    return given if isinstance(given, list) else [given]


def _listed(event: Any, name: str) -> Iterator[Any]:
    for given in _given(event, name):
        yield from given.dts


def _dates(event: Any, name: str) -> int:
    """How many an event names as its own, or as exceptions."""
    return sum(1 for _ in _listed(event, name))


def _day(value: date) -> date:
    return value.date() if isinstance(value, datetime) else value
