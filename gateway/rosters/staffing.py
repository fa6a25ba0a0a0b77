"""Who is there, who ought to be, and how many are needed: the roster, the board and the forecast side by side."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from config.settings import Settings
from gateway.store.store import Store
from routing.board import Board
from routing.coverage import could_serve
from routing.forecast import ALL, DAY, HALF_HOUR, Forecast, Method, forecast
from routing.model import Channel, Time
from routing.shifts import Shift, joined, moment


async def shifts_between(store: Store, board: Board, begins: Time, ends: Time) -> list[Shift]:
    """In order; of those who are handlers still."""
    planned = await store.shifts(begins, ends)
    return sorted(Shift(p.begins, p.ends, p.handler) for p in planned if p.handler in board.handlers)


def serves(board: Board, handler: str, queue: str) -> bool:
    """Whether they can take calls of the queue, at the latest when no more than the least is insisted on."""
    known = board.handlers.get(handler)
    if known is None or queue == ALL:
        return known is not None and known.capacity(Channel.VOICE) > 0
    return could_serve(board, known, queue, Channel.VOICE)


def rostered(board: Board, shifts: Sequence[Shift], queues: Sequence[str]) -> Counter[tuple[str, Time]]:
    """By queue and the beginning of each half hour: the handlers for it who are on shift all the half hour."""
    served = {name: [q for q in queues if serves(board, name, q)] for name in {shift.handler for shift in shifts}}
    there = {
        (queue, number * HALF_HOUR, shift.handler)
        for shift in joined(shifts)
        for number in range(math.ceil(shift.begins / HALF_HOUR), math.floor(shift.ends / HALF_HOUR))
        for queue in served[shift.handler]
    }
    return Counter((queue, at) for queue, at, _ in there)


@dataclass(frozen=True, slots=True)
class Headcount:
    """Of a centre or a queue: on shift now, of them signed in, missing, and signed in without a shift."""

    expected: int
    present: int
    missing: int
    without_shift: int


def headcount(names: Mapping[str, Iterable[str]], belongs: frozenset[str]) -> Headcount:
    """``names``: the four lists of a muster, by their names; counted are those who belong."""
    return Headcount(**{what: len(belongs & set(listed)) for what, listed in names.items()})


def method(settings: Settings) -> Method:
    rosters = settings.rosters
    return Method(
        zone=ZoneInfo(rosters.time_zone),
        targets={queue.id: queue.target_seconds for queue in settings.queues},
        weeks=rosters.history_weeks,
        least_weeks=rosters.least_weeks,
        answered_share=rosters.answered_share,
        breaks_share=rosters.breaks_share,
        bank_holidays=rosters.bank_holidays,
    )


def today(settings: Settings, now: Time) -> date:
    return datetime.fromtimestamp(now, ZoneInfo(settings.rosters.time_zone)).date()


async def forecast_from(store: Store, settings: Settings, first: date, now: Time, days: int = 7) -> Forecast:
    """Raises StoreError. Worked out beside the loop: it may take seconds, and callers must not wait for it."""
    how = method(settings)
    since = moment(today(settings, now) - how.weeks * 7 * DAY, datetime.min.time(), how.zone)
    past = await store.calls_by_half_hour(since, now, settings.routing.wrap_up_alarm_seconds)
    first_call = await store.first_call()
    return await asyncio.to_thread(forecast, past, first_call, first, now, how, days)
