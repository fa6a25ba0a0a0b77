"""A calendar's message (iTIP, RFC 5546) in words: who asks for an appointment, accepts, declines or cancels it, when.

Times are those of Britain, as telephone numbers are (``config.numbers``): whoever reads it is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
from icalendar.error import BrokenCalendarProperty

from channels.email.words import one_line

TYPES = ("text/calendar", "application/ics")
ZONE = ZoneInfo("Europe/London")
DAY = timedelta(days=1)
MOST_CHARACTERS = 100_000
MOST_EVENTS = 5
LONGEST = 200  # of a title, a place, a comment
NEW_LINES, FOLDED = re.compile(r"(?:\r?\n)+"), re.compile(r"\n[ \t]")
# A zone of the sender's own can be a rule for each second since 1601, which the library would follow, and would then
# remember under its name for everybody: zones count only by names that are known.
OWN_ZONE = re.compile(r"^(BEGIN|END)\b.*VTIMEZONE.*$", re.IGNORECASE | re.MULTILINE)
ANSWERS = {
    "ACCEPTED": "accepts the appointment",
    "DECLINED": "declines the appointment",
    "TENTATIVE": "may come to the appointment",
    "DELEGATED": "sends somebody else to the appointment",
}
ORGANISERS = {
    "REQUEST": "asks for the appointment",
    "CANCEL": "cancels the appointment",
    "ADD": "adds to the appointment",
    "DECLINECOUNTER": "keeps to the time of the appointment",
}
ATTENDEES = {"COUNTER": "asks for another time for the appointment", "REFRESH": "asks for news of the appointment"}


def in_words(written: str) -> tuple[str, ...]:
    """A sentence for each event; none when there is none. Raises ValueError, and more, for what is no calendar."""
    lines = FOLDED.sub("", NEW_LINES.sub("\n", written[:MOST_CHARACTERS]))
    calendars = icalendar.Calendar.from_ical(OWN_ZONE.sub(r"\1:X-ZONE", lines), multiple=True)
    if not calendars:
        raise ValueError("no calendar begins and ends there")
    return tuple(_sentence(calendar, event) for calendar, event in islice(_events(calendars), MOST_EVENTS))


def _events(calendars: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    for calendar in calendars:
        for event in calendar.walk("VEVENT"):
            yield calendar, event


def _sentence(calendar: Any, event: Any) -> str:
    """For example: Anna Smith accepts the appointment 'Statement', Tue 1 Dec 2026 10:00 to 11:00 GMT."""
    title, place, comment = (_said(event, name) for name in ("SUMMARY", "LOCATION", "COMMENT"))
    does = _does(str(calendar.get("METHOD", "")).upper(), event)
    what = f"{does} '{title}'" if title else does
    again = "and again after that" if "RRULE" in event or "RDATE" in event else ""
    parts = (what, _when(event), again, f"at {place}" if place else "")
    return ", ".join(filter(None, parts)) + (f". They say: {comment}" if comment else "")


def _does(method: str, event: Any) -> str:
    """Who does what with it."""
    attendee = _all(event, "ATTENDEE")[:1]
    answer = "".join(str(one.params.get("PARTSTAT", "")).upper() for one in attendee)
    if method == "REPLY":
        return f"{_named(attendee)} {ANSWERS.get(answer, 'answers about the appointment')}"
    if method in ATTENDEES:
        return f"{_named(attendee)} {ATTENDEES[method]}"
    if method in ORGANISERS:
        return f"{_named(_all(event, 'ORGANIZER'))} {ORGANISERS[method]}"
    return "An appointment"


def _all(event: Any, name: str) -> list[Any]:
    """What it gives under this name: once, or against the rule several times."""
    given = event.get(name, [])
    return given if isinstance(given, list) else [given]


def _time(given: Any) -> Any:
    """A date, a time or a length; None where it cannot be read."""
    try:
        return given.dt
    except (AttributeError, BrokenCalendarProperty):
        return None


def _named(people: Sequence[Any]) -> str:
    for person in people:
        address = re.sub("^mailto:", "", str(person), flags=re.IGNORECASE)
        return one_line(str(person.params.get("CN", "")) or address, LONGEST)
    return "Somebody"


def _said(event: Any, name: str) -> str:
    """The first, where it says several."""
    return one_line(str(next(iter(_all(event, name)), "")), LONGEST)


def _when(event: Any) -> str:
    """'Tue 1 Dec 2026 10:00 to 11:00 GMT'; '' when it does not say, and each when it says several."""
    starts = {one.to_ical(): one for one in _all(event, "DTSTART") if isinstance(_time(one), date)}
    if not starts:
        return "at a time that cannot be read: see its file" if "DTSTART" in event else ""
    if len(starts) > 1:
        each = " or ".join(_span(start, start.dt) for start in islice(starts.values(), MOST_EVENTS))
        return f"{each} (it gives more than one time: ask which)"
    (start,) = starts.values()
    return _span(start, _end(event, start.dt))


def _span(start: Any, last: Any) -> str:
    first = start.dt
    if not isinstance(first, datetime):
        last = max(first, last - DAY)  # the end is the day after (RFC 5545, 3.6.1)
        return f"{_day(first)}{f' to {_day(last)}' if last != first else ''} (whole days)"
    zone = one_line(str(start.params.get("TZID", "")), LONGEST)
    first, last = _here(first), _here(last)
    hour = f"{last:%H:%M}" if last.date() == first.date() else f"{_day(last)} {last:%H:%M}"
    until = f" to {hour}" if last != first else ""
    named = f"{last:%Z}" or f"(by the clock of '{zone}')" if zone or last.tzinfo else "(in whose time, it does not say)"
    return f"{_day(first)} {first:%H:%M}{until} {named}"


def _end(event: Any, first: Any) -> Any:
    """Of the same kind as its start; the start itself where it does not say, says several, or says what cannot be."""
    ends, lengths = ([_time(one) for one in _all(event, name)] for name in ("DTEND", "DURATION"))
    if len(ends) == 1 and type(ends[0]) is type(first):
        end = ends[0]
    elif len(lengths) == 1 and isinstance(lengths[0], timedelta):
        end = first + lengths[0]
    else:
        return first
    both = isinstance(first, datetime) and (first.tzinfo is None) != (end.tzinfo is None)
    return first if both or end < first else end


def _here(moment: datetime) -> datetime:
    """As it stands when nobody can tell in whose time it is."""
    return moment if moment.tzinfo is None else moment.astimezone(ZONE)


def _day(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b %Y}"
