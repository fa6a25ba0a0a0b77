"""What a line of a roster is, whatever file it came in, and the shifts that all lines together make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from config.rosters import Rosters
from gateway.api.problems import FieldError
from routing.model import Time
from routing.shifts import MIDNIGHT, Shift, moment, span_of

DAY = timedelta(days=1)
NONE = timedelta()
MOST_HOURS = 24
MOST_SHIFTS = 20_000
MOST_BYTES = 4 * 1024 * 1024
MOST_DAYS = 31  # of one entry that lasts whole days
YEARS = range(1900, 3000)  # far from both ends of the calendar; 9999-12-31 is some systems' "for ever"
THE_YEARS = f"years are from {YEARS[0]} to {YEARS[-1]}"


@dataclass(frozen=True, slots=True)
class Entry:
    """``line``: of the file. ``absent``: they are not there; ``whole_days`` takes the shifts that begin in them.
    ``doubts``: what was taken for a time that the clock skips or repeats."""

    line: int
    handler: str
    begins: Time
    ends: Time
    absent: bool = False
    whole_days: bool = False
    doubts: tuple[str, ...] = ()


Read = Entry | FieldError


def mistake(line: int, field: str, why: str) -> FieldError:
    return FieldError(field=f"line {line}: {field}", why=why)


def year_is_ours(day: date) -> bool:
    return day.year in YEARS


class Words:
    """What codes and words stand for."""

    def __init__(self, rosters: Rosters) -> None:
        self.zone = ZoneInfo(rosters.time_zone)
        self._hours = {code.casefold(): hours for code, hours in rosters.codes.items()}
        self._absences = {word.casefold() for word in rosters.absences}

    def day(self, at: Time) -> date:
        return datetime.fromtimestamp(at, self.zone).date()

    def hours(self, texts: Iterable[str]) -> str:
        """Those of the first code among the texts, '' for none."""
        return next((self._hours[t.casefold()] for t in texts if t.casefold() in self._hours), "")

    def is_absence(self, texts: Iterable[str]) -> bool:
        return any(text.casefold() in self._absences for text in texts)

    def timed(
        self, line: int, handler: str, begins: Time, ends: Time, texts: list[str], written: Iterable[datetime] = ()
    ) -> Read:
        """A shift from one moment to another, unless the texts say that they are not there. ``written``: the times as
        they stand in the file, with their zone."""
        absent = self.is_absence(texts)
        if ends <= begins:
            return mistake(line, "ends", f"must be after it begins{self._clock_jumps(begins)}")
        if self._hours_of(begins, ends) > MOST_HOURS and not absent:
            return mistake(line, "ends", f"a shift lasts {MOST_HOURS} hours at most")
        doubts = tuple(doubt for local in written if (doubt := self._doubt(local)))
        return Entry(line, handler, begins, ends, absent, doubts=doubts)

    def _hours_of(self, begins: Time, ends: Time) -> float:
        """By the clock on the wall or as they pass, whichever is less: the day that has 25 hours is one day."""
        first, last = (datetime.fromtimestamp(at, self.zone).replace(tzinfo=None) for at in (begins, ends))
        return min((last - first).total_seconds(), ends - begins) / 3600

    def _doubt(self, local: datetime) -> str:
        """'' for a time that comes once."""
        first, second = (local.replace(fold=fold).timestamp() for fold in (0, 1))
        day = f"on {local:%d %B %Y}, when the clock changes"
        if first < second:
            return f"{local:%H:%M} comes twice {day}: the first is taken"
        taken = datetime.fromtimestamp(first, local.tzinfo)
        return f"{local:%H:%M} does not exist {day}: {taken:%H:%M} is taken" if first > second else ""

    def _clock_jumps(self, at: Time) -> str:
        """Why a shift can end before it begins, on the night when the clock goes forward."""
        day = self.day(at)
        before, after = (datetime.combine(d, MIDNIGHT, self.zone).utcoffset() or NONE for d in (day, day + DAY))
        if after <= before:
            return ""
        return (
            f": the clock goes forward on {day:%d %B %Y}, and a time that it jumps over counts as "
            f"{(after - before).total_seconds() / 60:.0f} minutes later"
        )

    def whole_days(self, line: int, handler: str, first: date, after: date, texts: list[str]) -> Iterator[Read]:
        """From ``first`` until before ``after``: on each day the code's hours, or away on all of them."""
        if not DAY <= after - first <= MOST_DAYS * DAY and not self.is_absence(texts):
            yield mistake(line, "date", f"an entry lasts from 1 to {MOST_DAYS} days")
        elif self.is_absence(texts):
            ends = moment(after, MIDNIGHT, self.zone)
            yield Entry(line, handler, moment(first, MIDNIGHT, self.zone), ends, absent=True, whole_days=True)
        elif hours := self.hours(texts):
            for ahead in range((after - first).days):
                yield Entry(line, handler, *span_of(hours, first + ahead * DAY, self.zone))
        else:
            said = next(iter(texts), "")[:60]
            why = f"'{said}' says no hours: name it in rosters.codes, or in rosters.absences if they are not there"
            yield mistake(line, "code", why)


def shifts_of(entries: Iterable[Entry]) -> tuple[list[Shift], list[FieldError]]:
    """In order of time. Two shifts of one person at the same time are a mistake; an absence takes from a shift."""
    by_handler: dict[str, list[Entry]] = {}
    for entry in entries:
        by_handler.setdefault(entry.handler, []).append(entry)
    shifts: list[Shift] = []
    mistakes: list[FieldError] = []
    for handler, theirs in by_handler.items():
        worked = sorted((e for e in theirs if not e.absent), key=lambda e: (e.begins, e.ends))
        away = sorted((e for e in theirs if e.absent), key=lambda e: e.begins)
        mistakes += [_overlap(a, b, handler) for a, b in pairwise(worked) if b.begins < a.ends]
        shifts += [shift for entry in worked for shift in left_of(entry, away)]
    return sorted(shifts), mistakes


def _overlap(first: Entry, second: Entry, handler: str) -> FieldError:
    late, early = max(first.line, second.line), min(first.line, second.line)
    return mistake(late, "begins", f"{handler} is on shift at the same time by line {early}")


def left_of(entry: Entry | Shift, away: Iterable[Entry]) -> Iterator[Shift]:
    """What remains of a shift; an absence of whole days takes the shifts that begin on them, and only those.
    ``away``: this handler's absences, in the order in which they begin."""
    begins = entry.begins
    for absence in away:
        if absence.whole_days:
            if absence.begins <= entry.begins < absence.ends:
                return
        elif absence.begins < entry.ends and begins < absence.ends:
            if begins < absence.begins:
                yield Shift(begins, absence.begins, entry.handler)
            begins = max(begins, absence.ends)
    if begins < entry.ends:
        yield Shift(begins, entry.ends, entry.handler)
