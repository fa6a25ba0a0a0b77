"""A roster's file into shifts: all of it, or every mistake that is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from config.rosters import Rosters
from gateway.api.problems import FieldError
from gateway.rosters.calendar_file import Window, read_calendar
from gateway.rosters.csv_file import read_csv
from gateway.rosters.entries import MOST_SHIFTS, Entry, Words, mistake, shifts_of
from gateway.rosters.people import People
from routing.model import Handler, Time
from routing.shifts import MIDNIGHT, Shift, moment

Kind = Literal["csv", "calendar"]
DAY = timedelta(days=1)
CALENDAR = "BEGIN:VCALENDAR"


@dataclass(frozen=True, slots=True)
class Roster:
    """``shifts`` begin from ``begins`` until before ``ends``: the period that they replace. ``people``: all handlers
    whom the file names, also those who are only absent."""

    begins: Time
    ends: Time
    shifts: tuple[Shift, ...]
    people: frozenset[str]


def kind_of(text: str) -> Kind:
    """By what the file begins with, whatever it is called."""
    return "calendar" if text.lstrip().upper().startswith(CALENDAR) else "csv"


def read_roster_file(
    text: str, rosters: Rosters, handlers: Mapping[str, Handler], now: Time, first: date | None, last: date | None
) -> Roster | list[FieldError]:
    """``first`` and ``last``: the days of the period; None: the first and the last day of which the file speaks.

    What recurs in a calendar is followed from today, or ``first``, for the configuration's weeks, or until ``last``.
    """
    people, words = People(handlers, rosters.people), Words(rosters)
    today = datetime.fromtimestamp(now, words.zone).date()
    begin = first or today
    window = Window(begin, last + DAY if last else begin + timedelta(weeks=rosters.weeks_ahead))
    if kind_of(text) == "calendar":
        entries, mistakes = read_calendar(text, window, people, words)
    else:
        entries, mistakes = read_csv(text, rosters.columns, people, words)
    shifts, overlaps = shifts_of(entries)
    mistakes += overlaps
    if len(shifts) > MOST_SHIFTS:
        mistakes.append(mistake(1, "file", f"at most {MOST_SHIFTS:,} shifts"))
    if not mistakes and all(entry.absent for entry in entries):
        mistakes.append(mistake(1, "file", f"has no shift{_between(window) if kind_of(text) == 'calendar' else ''}"))
    if mistakes:
        return sorted(mistakes, key=lambda m: int(m.field.removeprefix("line ").partition(":")[0]))
    return _roster(entries, shifts, words, first, last)


def _roster(
    entries: list[Entry], shifts: list[Shift], words: Words, first: date | None, last: date | None
) -> Roster | list[FieldError]:
    """The period is that of the shifts: a long leave at its end must not clear the weeks behind it."""
    worked = [(e, datetime.fromtimestamp(e.begins, words.zone).date()) for e in entries if not e.absent]
    first, last = first or min(day for _, day in worked), last or max(day for _, day in worked)
    outside = sorted({entry.line for entry, day in worked if not first <= day <= last})
    if outside:
        return [mistake(line, "date", f"is not between {first} and {last}") for line in outside]
    begins, ends = moment(first, MIDNIGHT, words.zone), moment(last + DAY, MIDNIGHT, words.zone)
    return Roster(begins, ends, tuple(shifts), frozenset(e.handler for e in entries))


def _between(window: Window) -> str:
    return f" from {window.first} to {window.after - DAY}"
