"""Who ought to be there, who is, and who is coming."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from gateway.api.models import moment
from gateway.api.routes import In, Nothing, Request, Route
from gateway.rosters.staffing import headcount, serves, shifts_between
from routing.board import Board
from routing.shifts import Shift, muster


class DutyQuery(In):
    """``hours``: how far ahead the shifts that begin are told."""

    hours: Annotated[float, Field(ge=0, le=48)] = 8.0


class OnDuty(BaseModel):
    """``presence``: of the handler now. ``begins``, ``ends``: of the shift, null without one."""

    handler: str
    name: str
    centre: str
    skills: list[str]
    presence: str
    begins: datetime | None
    ends: datetime | None


class Count(BaseModel):
    """Handlers of a centre, or who can take calls of a queue: ``expected`` are on shift, ``present`` signed in."""

    id: str
    expected: int
    present: int
    missing: int
    without_shift: int


class DutyOut(BaseModel):
    """``there``: on shift and signed in; ``late``: on shift, not signed in, and not long enough to be ``missing``;
    ``without_shift``: signed in all the same; ``coming``: shifts that begin in the asked hours."""

    at: datetime
    there: list[OnDuty]
    late: list[OnDuty]
    missing: list[OnDuty]
    without_shift: list[OnDuty]
    coming: list[OnDuty]
    centres: list[Count]
    queues: list[Count]


async def duty(request: Request[DutyQuery, Nothing]) -> DutyOut:
    services, now = request.services, request.services.clock()
    board, settings = services.dispatcher.board, services.settings
    until = now + request.query.hours * 3600
    # At least this moment: with no hours ahead the shifts of now are asked for all the same.
    shifts = await shifts_between(services.store, board, now, max(until, now + 1))
    current = {shift.handler: shift for shift in shifts if shift.begins <= now}
    found = muster(board.handlers, current.values(), now, settings.rosters.late_minutes * 60)
    there = [name for name in found.expected if name in found.present]
    late = [name for name in found.expected if name not in found.present and name not in found.missing]
    lists = asdict(found)
    queues = {q.id: frozenset(h for h in board.handlers if serves(board, h, q.id)) for q in settings.queues}
    centres = {c.id: frozenset(h.id for h in board.handlers.values() if h.centre == c.id) for c in settings.centres}
    return DutyOut(
        at=moment(now),
        there=[_on_duty(board, name, current.get(name)) for name in there],
        late=[_on_duty(board, name, current.get(name)) for name in late],
        missing=[_on_duty(board, name, current.get(name)) for name in found.missing],
        without_shift=[_on_duty(board, name, None) for name in found.without_shift],
        coming=[_on_duty(board, shift.handler, shift) for shift in shifts if now < shift.begins < until],
        centres=[Count(id=name, **asdict(headcount(lists, members))) for name, members in centres.items()],
        queues=[Count(id=name, **asdict(headcount(lists, members))) for name, members in queues.items()],
    )


def _on_duty(board: Board, name: str, shift: Shift | None) -> OnDuty:
    handler = board.handlers[name]
    return OnDuty(
        handler=name,
        name=handler.name,
        centre=handler.centre,
        skills=sorted(handler.skills),
        presence=handler.presence.state,
        begins=moment(shift.begins) if shift else None,
        ends=moment(shift.ends) if shift else None,
    )


ROUTES = (Route("GET", "/api/v1/duty", "Who ought to be there, and who is", "supervisor", duty),)
