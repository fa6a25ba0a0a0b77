"""Shifts: who ought to be there, who is, and who is missing. A roster's and the simulator's are the same thing.

Times are epoch seconds; local times of day become such where a file is read or a rota is followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from routing.model import Handler, PresenceState, Time

MIDNIGHT = time()


@dataclass(frozen=True, slots=True, order=True)
class Shift:
    """One handler's: from ``begins`` until just before ``ends``, which is infinite for who is always there."""

    begins: Time
    ends: Time
    handler: str


def joined(shifts: Iterable[Shift]) -> list[Shift]:
    """Where shifts of one handler touch or overlap, one from the first beginning to the last end: nobody has left."""
    found: list[Shift] = []
    for shift in sorted(shifts, key=lambda s: (s.handler, s.begins)):
        last = found[-1] if found else None
        if last is not None and last.handler == shift.handler and shift.begins <= last.ends:
            found[-1] = Shift(last.begins, max(last.ends, shift.ends), last.handler)
        else:
            found.append(shift)
    return found


@dataclass(frozen=True, slots=True)
class Muster:
    """Handlers' ids, sorted: ``expected`` are on shift now, ``present`` signed in (away is signed in)."""

    expected: tuple[str, ...]
    present: tuple[str, ...]
    missing: tuple[str, ...]
    without_shift: tuple[str, ...]


def muster(handlers: Mapping[str, Handler], shifts: Iterable[Shift], now: Time, late: float) -> Muster:
    """``late``: so many seconds may pass before somebody whose shift has begun is missing."""
    current = [shift for shift in shifts if shift.begins <= now < shift.ends and shift.handler in handlers]
    expected = {shift.handler for shift in current}
    overdue = {shift.handler for shift in current if shift.begins + late <= now}
    present = {name for name, handler in handlers.items() if handler.presence.state is not PresenceState.OFFLINE}
    sets = (expected, present, overdue - present, present - expected)
    return Muster(*(tuple(sorted(names)) for names in sets))


def moment(day: date, clock: time, zone: ZoneInfo) -> Time:
    """That local time. One that comes twice is the first; one that the clock jumps over is as if it had not jumped."""
    return datetime.combine(day, clock, zone).timestamp()


def span(day: date, begins: time, ends: time, zone: ZoneInfo) -> tuple[Time, Time]:
    """From that time of the day; what ends before it begins, or when it begins, ends on the next day."""
    until = day if begins < ends else day + timedelta(days=1)
    return moment(day, begins, zone), moment(until, ends, zone)


def span_of(hours: str, day: date, zone: ZoneInfo) -> tuple[Time, Time]:
    """``22:00-07:00`` of that day; ``24:00`` is its end."""
    begins, _, ends = hours.partition("-")
    return span(day, time.fromisoformat(begins), MIDNIGHT if ends == "24:00" else time.fromisoformat(ends), zone)
