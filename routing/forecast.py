"""How many handlers a week's calls need, half hour by half hour, from what the past weeks' calls were like.

The calls of a half hour are the median of the same weekday and local time of the last weeks, without bank holidays and
the days that the clock jumps over. Handling times and patience are the means of the whole history. Handlers then
follow by Erlang A (C where nobody ever gave up), so that the wanted share is answered within the queue's target.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from statistics import median
from zoneinfo import ZoneInfo

from routing.erlang import FOREVER, Demand, handlers_needed
from routing.hours import is_bank_holiday
from routing.model import Time
from routing.shifts import MIDNIGHT, moment

HALF_HOUR = 1800.0
DAY = timedelta(days=1)
WEEK = timedelta(weeks=1)
ALL = ""  # all calls together, as if every handler could take each


@dataclass(frozen=True, slots=True)
class Past:
    """The calls that began to wait in ``queue`` in the half hour from ``at``. ``answered`` and over: they took
    ``handling_seconds`` together, wrap-up included; ``waited_seconds``: of all, those who gave up too."""

    queue: str
    at: Time
    calls: int
    answered: int
    handling_seconds: float
    gave_up: int
    waited_seconds: float


@dataclass(frozen=True, slots=True)
class Assumed:
    """What calls of a queue are like. ``patience_seconds`` is the maximum likelihood of an exponential patience: all
    waiting over all who gave up; infinite where nobody did. ``target_seconds``: answered within."""

    queue: str
    calls: int
    answered: int
    gave_up: int
    handling_seconds: float
    patience_seconds: float
    target_seconds: float


@dataclass(frozen=True, slots=True)
class HalfHour:
    """``at_desks`` handlers must be free for calls; ``on_shift`` so many must be on the roster, for their breaks."""

    at: Time
    queue: str
    calls: float
    at_desks: int
    on_shift: int


@dataclass(frozen=True, slots=True)
class Method:
    """``targets``: seconds within which the calls of each queue should be answered; see ``config.rosters``."""

    zone: ZoneInfo
    targets: Mapping[str, float]
    weeks: int
    least_weeks: int
    answered_share: float
    breaks_share: float
    bank_holidays: str


@dataclass(frozen=True, slots=True)
class Forecast:
    """``why``: what is wanting, '' where there is enough history; ``days``: whole days of it. ``ordinary_days``: of
    each weekday of the week, how many the medians are of. ``holidays``: bank holidays in the week itself."""

    first: date
    days: int
    why: str
    ordinary_days: tuple[int, ...] = ()
    holidays: tuple[date, ...] = ()
    assumed: tuple[Assumed, ...] = ()
    half_hours: tuple[HalfHour, ...] = ()


def forecast(
    past: Iterable[Past], first_call: Time | None, first: date, now: Time, method: Method, days: int = 7
) -> Forecast:
    """For so many days from ``first``. ``first_call``: where the history begins, None where there is none."""
    today = _local(now, method).date()
    history = _days_between(first_call, today, method)
    observed = [_observed(first + ahead * DAY, today, history, method) for ahead in range(days)]
    if min(len(days) for days in observed) < method.least_weeks:
        return Forecast(first, len(history), _too_short(history, observed, method), tuple(map(len, observed)))
    known = [entry for entry in past if _local(entry.at, method).date() in history]
    assumed = {entry.queue: entry for entry in _assumed(known, method)}
    counts = _counts(known, assumed, method)
    half_hours = [
        half_hour
        for queue in assumed
        for half_hour in _half_hours(dict(_calls(counts[queue], first, observed, method)), assumed[queue], method)
    ]
    holidays = tuple(day for n in range(days) if is_bank_holiday(method.bank_holidays, day := first + n * DAY))
    return Forecast(
        first, len(history), "", tuple(map(len, observed)), holidays, tuple(assumed.values()), tuple(half_hours)
    )


def _local(at: Time, method: Method) -> datetime:
    return datetime.fromtimestamp(at, method.zone)


def _days_between(first_call: Time | None, today: date, method: Method) -> frozenset[date]:
    """The whole days of history, at most the method's weeks: neither that of the first call nor today."""
    if first_call is None:
        return frozenset()
    begin = max(_local(first_call, method).date() + DAY, today - method.weeks * WEEK)
    return frozenset(begin + n * DAY for n in range(max(0, (today - begin).days)))


def _observed(day: date, today: date, history: frozenset[date], method: Method) -> list[date]:
    """The ordinary days of history that have this day's weekday."""
    latest = today - DAY * ((today.weekday() - day.weekday() - 1) % 7 + 1)
    days = (latest - n * WEEK for n in range(method.weeks))
    return [d for d in days if d in history and not is_bank_holiday(method.bank_holidays, d)]


def _too_short(history: frozenset[date], observed: Sequence[Sequence[date]], method: Method) -> str:
    fewest = min(map(len, observed))
    return (
        f"There is too little history: {len(history)} whole days of calls, in which the rarest weekday comes {fewest} "
        f"times without bank holidays; each must come {method.least_weeks} times."
    )


def _assumed(past: Sequence[Past], method: Method) -> Iterator[Assumed]:
    """Of all calls first, then of each queue; one without any answered call tells nothing."""
    by_queue = {queue: [p for p in past if p.queue == queue] for queue in method.targets}
    served = {queue: entries for queue, entries in by_queue.items() if any(p.answered for p in entries)}
    if not served:
        return
    together = [entry for entries in served.values() for entry in entries]
    yield _mean(ALL, together, min(method.targets[queue] for queue in served))
    for queue, entries in served.items():
        yield _mean(queue, entries, method.targets[queue])


def _mean(queue: str, past: Sequence[Past], target: float) -> Assumed:
    answered, gave_up = sum(p.answered for p in past), sum(p.gave_up for p in past)
    waited = math.fsum(p.waited_seconds for p in past)
    handling = max(1.0, math.fsum(p.handling_seconds for p in past) / answered)
    patience = max(1.0, waited / gave_up) if gave_up else FOREVER
    return Assumed(queue, sum(p.calls for p in past), answered, gave_up, handling, patience, target)


Counts = dict[tuple[date, str], int]


def _counts(past: Iterable[Past], queues: Iterable[str], method: Method) -> dict[str, Counts]:
    """Calls by queue, and by day and local time; of an hour that comes twice the first counts."""
    counts: dict[str, Counts] = {queue: {} for queue in queues}
    seen: dict[tuple[date, str], Time] = {}
    for entry in sorted(past, key=lambda p: p.at):
        local = _local(entry.at, method)
        key = local.date(), local.strftime("%H:%M")
        if entry.queue in counts and seen.setdefault(key, entry.at) == entry.at:
            for queue in (entry.queue, ALL):
                counts[queue][key] = counts[queue].get(key, 0) + entry.calls
    return counts


def _calls(
    counts: Counts, first: date, observed: Sequence[Sequence[date]], method: Method
) -> Iterator[tuple[Time, float]]:
    at, end = (moment(day, MIDNIGHT, method.zone) for day in (first, first + len(observed) * DAY))
    while at < end:
        local = _local(at, method)
        clock = local.strftime("%H:%M")
        days = [day for day in observed[(local.date() - first).days] if _exists(day, local, method)]
        yield at, float(median(counts.get((day, clock), 0) for day in days)) if days else 0.0
        at += HALF_HOUR


def _exists(day: date, local: datetime, method: Method) -> bool:
    """Whether that day has this time of day: the clock may have jumped over it."""
    at = moment(day, local.time().replace(fold=0), method.zone)
    return _local(at, method).time() == local.time().replace(fold=0)


def _half_hours(calls: Mapping[Time, float], assumed: Assumed, method: Method) -> Iterator[HalfHour]:
    handling, patience = max(1.0, round(assumed.handling_seconds)), assumed.patience_seconds
    patience = patience if math.isinf(patience) else float(round(patience))
    kinds = tuple(sorted({number for number in calls.values() if number}))
    needed = _needed(kinds, handling, patience, assumed.target_seconds, method.answered_share)
    for at, number in calls.items():
        at_desks = needed[number] if number else 0
        # Rounded first: 17 / 0.85 is 20 and a little more in binary.
        on_shift = math.ceil(round(at_desks / (1 - method.breaks_share), 6))
        yield HalfHour(at, assumed.queue, number, at_desks, on_shift)


@lru_cache(maxsize=100)
def _needed(
    kinds: tuple[float, ...], handling: float, patience: float, target: float, share: float
) -> Mapping[float, int]:
    """Handlers by calls in a half hour, in rising order: more calls never need fewer. Nor do fewer handlers than the
    answered calls keep busy answer enough."""
    needed: dict[float, int] = {}
    least = 1
    for calls in kinds:
        demand = Demand(calls * 3600 / HALF_HOUR, handling, patience)
        least = handlers_needed(demand, target, share, at_least=max(least, math.floor(share * demand.load)))
        needed[calls] = least
    return needed
