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
    attendees = event.get("ATTENDEE", [])
    attendee = (attendees if isinstance(attendees, list) else [attendees])[:1]
    answer = "".join(str(one.params.get("PARTSTAT", "")).upper() for one in attendee)
    if method == "REPLY":
        return f"{_named(attendee)} {ANSWERS.get(answer, 'answers about the appointment')}"
    if method in ATTENDEES:
        return f"{_named(attendee)} {ATTENDEES[method]}"
    if method in ORGANISERS:
        return f"{_named([event[name] for name in ('ORGANIZER',) if name in event])} {ORGANISERS[method]}"
    return "An appointment"


def _named(people: Sequence[Any]) -> str:
    for person in people:
        address = re.sub("^mailto:", "", str(person), flags=re.IGNORECASE)
        return one_line(str(person.params.get("CN", "")) or address, LONGEST)
    return "Somebody"


def _said(event: Any, name: str) -> str:
    """The first, where it says several."""
    given = event.get(name, "")
    return one_line(str(given[0] if isinstance(given, list) else given), LONGEST)


def _when(event: Any) -> str:
    """'Tue 1 Dec 2026 10:00 to 11:00 GMT'; '' when it does not say."""
    if "DTSTART" not in event or not isinstance(event["DTSTART"].dt, date):
        return ""
    first, last = event["DTSTART"].dt, _end(event)
    if not isinstance(first, datetime):
        last = max(first, last - DAY)  # the end is the day after (RFC 5545, 3.6.1)
        return f"{_day(first)}{f' to {_day(last)}' if last != first else ''} (whole days)"
    zone = one_line(str(event["DTSTART"].params.get("TZID", "")), LONGEST)
    first, last = _here(first), _here(last)
    hour = f"{last:%H:%M}" if last.date() == first.date() else f"{_day(last)} {last:%H:%M}"
    until = f" to {hour}" if last != first else ""
    named = f"{last:%Z}" or f"(by the clock of '{zone}')" if zone or last.tzinfo else "(in whose time, it does not say)"
    return f"{_day(first)} {first:%H:%M}{until} {named}"


def _end(event: Any) -> Any:
    """Of the same kind as its start; the start itself where it does not say, or says what cannot be."""
    first = event["DTSTART"].dt
    if "DTEND" in event and type(event["DTEND"].dt) is type(first):
        end = event["DTEND"].dt
    elif "DURATION" in event and isinstance(event["DURATION"].dt, timedelta):
        end = first + event["DURATION"].dt
    else:
        return first
    both = isinstance(first, datetime) and (first.tzinfo is None) != (end.tzinfo is None)
    return first if both or end < first else end


def _here(moment: datetime) -> datetime:
    """As it stands when nobody can tell in whose time it is."""
    return moment if moment.tzinfo is None else moment.astimezone(ZONE)


def _day(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b %Y}"
