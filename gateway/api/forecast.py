"""How many handlers a week's calls need, beside how many are on the roster."""

from __future__ import annotations

import math
from datetime import date, datetime

from pydantic import BaseModel

from gateway.api.models import Day, moment
from gateway.api.routes import In, Nothing, Request, Route
from gateway.rosters.staffing import forecast_from, rostered, shifts_between, today
from routing.forecast import HALF_HOUR, Assumed


class ForecastQuery(In):
    """``week``: its first day; today where none is given."""

    week: Day | None = None


class AssumedOut(BaseModel):
    """``queue`` '' is all calls together. ``patience_seconds``: null where nobody gave up in the whole history."""

    queue: str
    calls: int
    answered: int
    gave_up: int
    handling_seconds: float
    patience_seconds: float | None
    target_seconds: float


class HalfHourOut(BaseModel):
    """``calls``: expected; ``at_desks``: handlers needed; ``on_shift``: with breaks; ``rostered``: on the roster."""

    at: datetime
    queue: str
    calls: float
    at_desks: int
    on_shift: int
    rostered: int


class ForecastOut(BaseModel):
    """``why``: there is too little history, and how much there is; '' where there is enough. ``ordinary_days``: of
    each day of the week, of how many earlier days its calls are the median. ``holidays``: in the week itself; they
    are counted as ordinary days."""

    first: date
    days_of_history: int
    why: str
    ordinary_days: list[int]
    holidays: list[date]
    history_weeks: int
    answered_share: float
    breaks_share: float
    assumed: list[AssumedOut]
    half_hours: list[HalfHourOut]


async def forecast(request: Request[ForecastQuery, Nothing]) -> ForecastOut:
    services, now = request.services, request.services.clock()
    settings, board = services.settings, services.dispatcher.board
    first = request.query.week or today(settings, now)
    found = await forecast_from(services.store, settings, first, now)
    begins, ends = (found.half_hours[0].at, found.half_hours[-1].at + HALF_HOUR) if found.half_hours else (now, now)
    shifts = await shifts_between(services.store, board, begins, ends)
    roster = rostered(board, shifts, [assumed.queue for assumed in found.assumed])
    return ForecastOut(
        first=first,
        days_of_history=found.days,
        why=found.why,
        ordinary_days=list(found.ordinary_days),
        holidays=list(found.holidays),
        history_weeks=settings.rosters.history_weeks,
        answered_share=settings.rosters.answered_share,
        breaks_share=settings.rosters.breaks_share,
        assumed=[_assumed_out(assumed) for assumed in found.assumed],
        half_hours=[
            HalfHourOut(
                at=moment(h.at),
                queue=h.queue,
                calls=h.calls,
                at_desks=h.at_desks,
                on_shift=h.on_shift,
                rostered=roster[h.queue, h.at],
            )
            for h in found.half_hours
        ],
    )


def _assumed_out(assumed: Assumed) -> AssumedOut:
    patience = assumed.patience_seconds
    return AssumedOut(
        queue=assumed.queue,
        calls=assumed.calls,
        answered=assumed.answered,
        gave_up=assumed.gave_up,
        handling_seconds=assumed.handling_seconds,
        patience_seconds=None if math.isinf(patience) else patience,
        target_seconds=assumed.target_seconds,
    )


ROUTES = (Route("GET", "/api/v1/forecast", "How many handlers a week needs", "supervisor", forecast),)
