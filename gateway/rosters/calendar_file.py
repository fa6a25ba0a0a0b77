"""A roster as an iCalendar file (RFC 5545): one person's calendar or everybody's, as Outlook or an HR system writes it.

Whose an event is, by the first of these that names a handler: its attendees (rooms and those who declined are left
out), the beginning of its UID, a part of its summary, the calendar's name. A timed event is a shift, or an absence if
a part of its summary or a category is one. An event of whole days needs a code, which says the hours, or an absence.
What is cancelled is no shift. A time without a zone is in the roster's zone.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import icalendar
import recurring_ical_events
from icalendar.timezone import tzp

from gateway.api.problems import FieldError
from gateway.rosters.calendar_checks import LINE, Window, known_zone, line_of, unknown_zone, unread_line, wrong_with
from gateway.rosters.entries import MOST_SHIFTS, Entry, Read, Words, mistake
from gateway.rosters.people import People, parts

DAY = timedelta(days=1)
ONE_AT_A_TIME = threading.Lock()
REQUEST_OR_SHOWN = ("", "PUBLISH", "REQUEST", "ADD")
# What the library raises over a rule that it has read and cannot follow.
NOT_FOLLOWED = (ValueError, TypeError, KeyError, OverflowError, AttributeError)


class NotReadable(Exception):
    """The whole file is no use; the words are for a person. ``line``: where that is seen."""

    def __init__(self, why: str, line: int = 1, field: str = "file") -> None:
        super().__init__(why)
        self.line, self.field = line, field


def read_calendar(text: str, window: Window, people: People, words: Words) -> tuple[list[Entry], list[FieldError]]:
    """The right events within the window, and what is wrong with the others, wherever they are."""
    try:
        read = list(_entries(text, window, people, words))
    except NotReadable as error:
        return [], [mistake(error.line, error.field, str(error))]
    # A rule that is wrong is wrong once, however often it recurs.
    mistakes = {(r.field, r.why): r for r in read if isinstance(r, FieldError)}
    return [r for r in read if isinstance(r, Entry)], list(mistakes.values())


def _entries(text: str, window: Window, people: People, words: Words) -> Iterator[Read]:
    read = 0
    for calendar, series in _calendars(text):
        whose = people.among(parts(str(calendar.get("X-WR-CALNAME", ""))))
        for events in series:
            wrong = [m for event in events for m in wrong_with(event, window)] or list(_shared_uid(events))
            yield from wrong
            try:
                found = [] if wrong else list(_occurrences(calendar, events, window, words))
            except NOT_FOLLOWED:
                yield mistake(line_of(events[0]), "RRULE", "cannot be followed: name the days by a simpler rule")
                continue
            for event in found:
                yield from _read(event, whose, people, words)
                read += 1
                if read > MOST_SHIFTS:
                    raise NotReadable(f"at most {MOST_SHIFTS:,} shifts")


def _calendars(text: str) -> Iterator[tuple[Any, list[list[Any]]]]:
    """Each calendar in the file, and its events: those of one UID together. Raises NotReadable."""
    lines = text.splitlines()
    begun, ended = (sum(_is(line, what) for line in lines) for what in ("BEGIN:VCALENDAR", "END:VCALENDAR"))
    if begun != ended:
        raise NotReadable("is cut off: not every BEGIN:VCALENDAR has its END:VCALENDAR; export it again")
    try:
        with ONE_AT_A_TIME:
            tzp.use_default()  # it would keep the zones that another file has defined, and read this one by them
            calendars = icalendar.Calendar.from_ical(text, multiple=True)
    except (ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        raise _damaged(str(error), lines) from None
    starts = (number for number, line in enumerate(lines, start=1) if _is(line, "BEGIN:VEVENT"))
    for calendar in calendars:
        if str(calendar.get("METHOD", "")).upper() not in REQUEST_OR_SHOWN:
            raise NotReadable(f"has the method {calendar['METHOD']}: export the calendar itself")
        zone = str(calendar.get("X-WR-TIMEZONE", ""))
        if zone and not known_zone(zone):
            number = next((n for n, line in enumerate(lines, start=1) if line.upper().startswith("X-WR-TIMEZONE")), 1)
            raise NotReadable(unknown_zone(zone), number, "X-WR-TIMEZONE")
        series: dict[str, list[Any]] = {}
        for event in calendar.walk("VEVENT"):
            line = next(starts, 1)
            event[LINE] = str(line)
            series.setdefault(str(event.get("UID", f"line {line}")), []).append(event)
        yield calendar, list(series.values())


def _damaged(said: str, lines: list[str]) -> NotReadable:
    unread = unread_line(said)
    if not unread:
        return NotReadable("is no iCalendar file, or a damaged one: export it again")
    number = next((n for n, line in enumerate(lines, start=1) if line and unread.startswith(line[:60])), 1)
    return NotReadable(f"'{unread}' is no line of an iCalendar file: export it again", number, "line")


def _shared_uid(events: list[Any]) -> Iterator[FieldError]:
    """Of two that begin a series, and neither of them later, the library keeps one and says nothing of the other."""
    begun: dict[str, int] = {}
    for event in (event for event in events if "RECURRENCE-ID" not in event):
        line, version = line_of(event), str(event.get("SEQUENCE", 0))
        other = begun.setdefault(version, line)
        if other != line:
            why = f"is that of the event of line {other}: export the calendar with a UID of its own for each shift"
            yield mistake(line, "UID", why)


def _is(line: str, what: str) -> bool:
    return line.strip().upper() == what


def _occurrences(calendar: Any, events: list[Any], window: Window, words: Words) -> Iterator[Any]:
    """What of one UID begins within the window, and is not cancelled."""
    if len(events) == 1 and not {"RRULE", "RDATE", "RECURRENCE-ID"} & events[0].keys():
        found: Iterable[Any] = events
    else:
        found = _recurring(calendar, events, window)
    for event in found:
        first = event["DTSTART"].dt
        local = _aware(first, words).astimezone(words.zone).date() if isinstance(first, datetime) else first
        if window.first <= local < window.after and str(event.get("STATUS", "")).upper() != "CANCELLED":
            yield event


def _recurring(calendar: Any, events: list[Any], window: Window) -> list[Any]:
    one = icalendar.Calendar()
    if "X-WR-TIMEZONE" in calendar:
        one["X-WR-TIMEZONE"] = known_zone(str(calendar["X-WR-TIMEZONE"]))
    for event in events:
        one.add_component(event)
    # A day more at both ends: the days are local, in a zone that the rule may not be in.
    found: list[Any] = recurring_ical_events.of(one).between(window.first - DAY, window.after + DAY)
    return found


def _read(event: Any, whose: str, people: People, words: Words) -> Iterator[Read]:
    line, said = line_of(event), parts(str(event.get("SUMMARY", "")))
    texts = [*said, *_categories(event)]
    handlers, strangers = _attendees(event, people)
    yield from (mistake(line, "ATTENDEE", people.unknown(name)) for name in strangers)
    if not handlers and not strangers:
        by_uid = people.in_uid(str(event.get("UID", "")))
        handlers = [by_uid] if by_uid else people.all_among(said) or [whose]
        if len(handlers) > 1:
            why = f"names several handlers ({', '.join(handlers)}): name them as attendees, or in events of their own"
            yield mistake(line, "SUMMARY", f"'{said[0][:60]}' {why}")
            return
    if handlers == [""]:
        yield mistake(line, "SUMMARY", f"no handler is named by '{said[0][:60]}', an attendee, the UID or the calendar")
        return
    for handler in handlers:
        yield from _of_handler(event, handler, line, texts, words)


def _of_handler(event: Any, handler: str, line: int, texts: list[str], words: Words) -> Iterator[Read]:
    first, after = event["DTSTART"].dt, _end(event, words)
    if type(first) is not type(after):
        yield mistake(line, "DTEND", "must be a time where DTSTART is one, and a date where it is a date")
    elif isinstance(first, datetime) and isinstance(after, datetime):
        begins, ends = _aware(first, words), _aware(after, words)
        yield words.timed(line, handler, begins.timestamp(), ends.timestamp(), texts, (begins, ends))
    else:
        yield from words.whole_days(line, handler, first, after, texts)


def _end(event: Any, words: Words) -> date:
    """RFC 5545, 3.6.1: without an end or a duration an event of whole days lasts one, any other no time."""
    first: date = event["DTSTART"].dt
    if "DTEND" in event:
        end: date = event["DTEND"].dt
        return end
    if "DURATION" in event:
        length: timedelta = event["DURATION"].dt
        # Through UTC: so long after, whatever the clock does meanwhile.
        return _aware(first, words).astimezone(UTC) + length if isinstance(first, datetime) else first + length
    return first if isinstance(first, datetime) else first + DAY


def _aware(value: datetime, words: Words) -> datetime:
    return value if value.tzinfo is not None else value.replace(tzinfo=words.zone)


def _attendees(event: Any, people: People) -> tuple[list[str], list[str]]:
    """The handlers who are asked, and who is asked and unknown."""
    asked = event.get("ATTENDEE", [])
    handlers, strangers = list[str](), list[str]()
    for one in asked if isinstance(asked, list) else [asked]:
        kind, state = (str(one.params.get(name, "")).upper() for name in ("CUTYPE", "PARTSTAT"))
        if kind in ("RESOURCE", "ROOM", "GROUP") or state == "DECLINED":
            continue
        handler = people.among([str(one), str(one.params.get("CN", ""))])
        (handlers.append(handler) if handler else strangers.append(re.sub("^mailto:", "", str(one), flags=re.I)))
    return list(dict.fromkeys(handlers)), strangers


def _categories(event: Any) -> list[str]:
    given = event.get("CATEGORIES", [])
    return [str(name) for group in (given if isinstance(given, list) else [given]) for name in group.cats]
