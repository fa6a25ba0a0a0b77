"""A roster as CSV. The first line names the columns: ``person,date,begins,ends,code``, in any order, or what the
configuration calls them; columns that are not ours are left aside. The separator is a comma, a semicolon or a tab.

A date is 2026-03-28, 28/03/2026 or 28.03.2026; a time 07:00, 07:00:00 or 0700 (of which a spreadsheet leaves 700), and
24:00 is the end of that day. A shift that ends before it begins ends on the next day. ``code`` may be missing; a line
with a code and no times has the code's hours, and one whose code is an absence says that somebody is not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from config.rosters import COLUMNS, Columns
from gateway.api.csv_lines import NotCsv, csv_lines
from gateway.api.problems import FieldError
from gateway.rosters.entries import MOST_SHIFTS, THE_YEARS, Entry, Read, Words, mistake, year_is_ours
from gateway.rosters.people import People
from routing.shifts import span

DATES = ("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y")
DAY = timedelta(days=1)
TIMES = ("%H:%M", "%H:%M:%S")
HOURS_MINUTES = re.compile(r"(\d{1,2})(\d\d)")
END_OF_DAY = re.compile(r"24:?00(:00)?")


def read_csv(text: str, columns: Columns, people: People, words: Words) -> tuple[list[Entry], list[FieldError]]:
    """The right lines, and what is wrong with the others."""
    separator = _separator(text)
    try:
        lines = [(line, row) for line, row in csv_lines(text, separator) if any(cell.strip() for cell in row)]
    except NotCsv as error:
        return [], [mistake(error.line, "line", str(error))]
    if lines and lines[0][1][0].strip().casefold() == "sep=":
        del lines[0]
    places, wrong = _places(lines[0][1] if lines else [], columns)
    if wrong or len(lines) - 1 > MOST_SHIFTS:
        return [], [mistake(lines[0][0] if lines else 1, "header", wrong or f"at most {MOST_SHIFTS:,} lines")]
    width = len(lines[0][1])
    entries: list[Entry] = []
    mistakes: list[FieldError] = []
    for line, row in lines[1:]:
        if len(row) != width:
            mistakes.append(mistake(line, "line", f"has {len(row)} columns, and the header {width}"))
            continue
        cells = {name: row[place].strip() for name, place in places.items()}
        for read in _line(line, cells, people, words):
            (entries.append(read) if isinstance(read, Entry) else mistakes.append(read))
    return entries, mistakes


def _separator(text: str) -> str:
    """Of the first line that has anything in it: the header, or a spreadsheet's ``sep=;``."""
    first = next((line for line in text.splitlines() if line.strip(",;\t ")), "")
    return max(",;\t", key=first.count)


def _places(header: list[str], columns: Columns) -> tuple[dict[str, int], str]:
    """Where each of our columns stands, and what is wrong with the header, '' for nothing."""
    found = [cell.strip().casefold() for cell in header]
    names = {name: getattr(columns, name).casefold() for name in COLUMNS}
    places = {name: found.index(theirs) for name, theirs in names.items() if theirs in found}
    doubled = [theirs for theirs in names.values() if found.count(theirs) > 1]
    if doubled:
        return {}, f"{', '.join(doubled)} stands there twice"
    least = {"person", "date"} | ({"begins", "ends"} if "code" not in places else set())
    missing = [getattr(columns, name) for name in COLUMNS if name in least - places.keys()]
    if not missing:
        return places, ""
    given = ", ".join(cell.strip() for cell in header if cell.strip())[:200]
    mends = f", and there are {given}: say in rosters.columns what your HR system calls them" if given else ""
    return {}, f"there must be a column {', '.join(missing)}{mends}"


def _line(line: int, cells: dict[str, str], people: People, words: Words) -> Iterator[Read]:
    handler, day = people.called(cells["person"]), _date(cells["date"])
    begins, ends, code = (cells.get(name, "") for name in ("begins", "ends", "code"))
    times = [_time(text) for text in (begins, ends)]
    wrong = []
    if not handler:
        wrong.append(mistake(line, "person", people.unknown(cells["person"])))
    if day is None:
        wrong.append(mistake(line, "date", f"'{cells['date'][:20]}' is no date such as 2026-03-28 or 28/03/2026"))
    elif not year_is_ours(day):
        wrong.append(mistake(line, "date", f"'{cells['date'][:20]}' is out of reach: {THE_YEARS}"))
    if bool(begins) != bool(ends):
        wrong.append(mistake(line, "ends" if begins else "begins", "is missing"))
    for name, written, clock in zip(("begins", "ends"), (begins, ends), times, strict=True):
        if written and clock is None:
            wrong.append(mistake(line, name, f"'{written[:20]}' is no time of day such as 07:00"))
    if wrong or day is None:
        yield from wrong
        return
    from_clock, to_clock = times
    if END_OF_DAY.fullmatch(begins):
        day += DAY
    if from_clock is not None and to_clock is not None:
        shift = span(day, from_clock, to_clock, words.zone)
        ends_of = zip(shift, (from_clock, to_clock), strict=True)
        local = [datetime.combine(words.day(at), of_day, words.zone) for at, of_day in ends_of]
        yield words.timed(line, handler, *shift, [code], local)
    else:
        yield from words.whole_days(line, handler, day, day + DAY, [code])


def _date(text: str) -> date | None:
    for form in DATES:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a date has no zone
        except ValueError:
            continue
    return None


def _time(text: str) -> time | None:
    if END_OF_DAY.fullmatch(text):
        return time()
    text = HOURS_MINUTES.sub(r"\1:\2", text) if HOURS_MINUTES.fullmatch(text) else text
    for form in TIMES:
        try:
            return datetime.strptime(text, form).time()  # noqa: DTZ007 - local, the roster's zone is applied later
        except ValueError:
            continue
    return None
