"""A roster's file into shifts: all of it, or every mistake that is in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from config.rosters import Rosters
from gateway.api.problems import FieldError
from gateway.rosters.calendar_checks import Window
from gateway.rosters.calendar_file import read_calendar
from gateway.rosters.csv_file import read_csv
from gateway.rosters.entries import MOST_SHIFTS, Entry, Words, mistake, shifts_of
from gateway.rosters.people import People
from routing.model import Handler, Time
from routing.shifts import MIDNIGHT, Shift, moment

Kind = Literal["csv", "calendar"]
DAY = timedelta(days=1)
MOST_NAMED = 5  # lines of one warning, or warnings of one kind
LONGEST = timedelta(days=366)  # that one import replaces
CALENDAR = "BEGIN:VCALENDAR"


@dataclass(frozen=True, slots=True)
class Roster:
    """``shifts`` begin from ``begins`` until before ``ends``: the period that they replace. ``people``: all handlers
    whom the file names, also those who are only absent. ``away``: of a file that has nothing but absences, these, in
    the order in which they begin; they are taken from the shifts there are. ``warnings``: what may be a mistake."""

    begins: Time
    ends: Time
    shifts: tuple[Shift, ...]
    people: frozenset[str]
    away: tuple[Entry, ...] = ()
    warnings: tuple[str, ...] = ()


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
    begin = first or words.day(now)
    window = Window(begin, last + DAY if last else begin + timedelta(weeks=rosters.weeks_ahead))
    if kind_of(text) == "calendar":
        entries, mistakes = read_calendar(text, window, people, words)
    else:
        entries, mistakes = read_csv(text, rosters.columns, people, words)
    shifts, overlaps = shifts_of(entries)
    mistakes += overlaps
    if len(shifts) > MOST_SHIFTS:
        mistakes.append(mistake(1, "file", f"at most {MOST_SHIFTS:,} shifts"))
    if not mistakes and not entries:
        between = _between(window) if kind_of(text) == "calendar" else ""
        mistakes.append(mistake(1, "file", f"has no shift and no absence{between}"))
    if mistakes:
        return sorted(mistakes, key=lambda m: int(m.field.removeprefix("line ").partition(":")[0]))
    read = (
        _roster(entries, shifts, words, first, last)
        if any(not e.absent for e in entries)
        else _absences(entries, words, first, last)
    )
    return replace(read, warnings=tuple(_warnings(entries, now, words))) if isinstance(read, Roster) else read


def _roster(
    entries: list[Entry], shifts: list[Shift], words: Words, first: date | None, last: date | None
) -> Roster | list[FieldError]:
    """The period is that of the shifts: a long leave at its end must not clear the weeks behind it."""
    worked = sorted((words.day(e.begins), e.line) for e in entries if not e.absent)
    (earliest, one), (latest, other) = worked[0], worked[-1]
    first, last = first or earliest, last or latest
    outside = {line: day for day, line in worked if not first <= day <= last}
    if outside:
        return [mistake(n, "date", f"begins on {outside[n]}, not from {first} to {last}") for n in sorted(outside)]
    if last - first > LONGEST:
        why = (
            f"is {latest}, and line {one} is {earliest}: more than a year is replaced only in parts. Is the year right?"
        )
        return [mistake(other, "date", why)]
    begins, ends = moment(first, MIDNIGHT, words.zone), moment(last + DAY, MIDNIGHT, words.zone)
    return Roster(begins, ends, tuple(shifts), frozenset(e.handler for e in entries))


def _absences(entries: list[Entry], words: Words, first: date | None, last: date | None) -> Roster:
    """Of a file that has nothing else. The night shift of the day before may run into the first of them."""
    away = sorted(entries, key=lambda e: e.begins)
    first = first or words.day(away[0].begins) - DAY
    last = last or max(words.day(e.ends) for e in away)
    begins, ends = moment(first, MIDNIGHT, words.zone), moment(last + DAY, MIDNIGHT, words.zone)
    return Roster(begins, ends, (), frozenset(e.handler for e in away), tuple(away))


def _warnings(entries: list[Entry], now: Time, words: Words) -> Iterator[str]:
    """A mistyped year is no mistake that anybody else would see."""
    lines: dict[str, set[int]] = {}
    for entry, doubt in ((e, doubt) for e in entries for doubt in e.doubts):
        lines.setdefault(doubt, set()).add(entry.line)
    yield from (f"{_named(sorted(where))}: {doubt}." for doubt, where in lines.items())
    first, last = min(e.begins for e in entries), max(e.ends for e in entries)
    if last <= now:
        yield f"All of the file lies in the past: its last day is {words.day(last - 1)}. Is the year right?"
    if first > now + LONGEST.total_seconds():
        yield f"All of the file is more than a year ahead: its first day is {words.day(first)}. Is the year right?"


def _named(lines: list[int]) -> str:
    shown = ", ".join(map(str, lines[:MOST_NAMED]))
    more = f" and {len(lines) - MOST_NAMED} more" if len(lines) > MOST_NAMED else ""
    return f"Line{'s' if len(lines) > 1 else ''} {shown}{more}"


def _between(window: Window) -> str:
    return f" from {window.first} to {window.after - DAY}"
