"""The queues, the alarms, and the site's tables for the desk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from config.settings import Queue
from gateway.api.models import moment, moment_or_none
from gateway.api.routes import In, Nothing, Request, Route
from gateway.statistics.figures import Figures
from gateway.store.documents import load_change
from gateway.store.journal import Row
from routing.attention import lines, nobody_said, unattended
from routing.board import Board
from routing.commands import RaiseAlarm, WithdrawAlarm
from routing.model import Contact, Time

# Older alarms are history: they stand in the journal.
ALARM_ROWS = 200_000


class TodayOut(BaseModel):
    """Since the site's midnight, a few seconds old; docs/statistics.md defines them."""

    offered: int
    answered: int
    abandoned: int
    service_level: float | None
    mean_wait_seconds: float | None
    p90_wait_seconds: float | None


class QueueOut(BaseModel):
    """``emergencies``: that no handler has taken, also while they are shown to some. ``longest_wait_seconds`` is 0 when
    nobody waits. ``today``: None where nothing has come in yet. ``unattended``: for supervisors, in a sentence, that
    nobody who is there (or no handler at all) can take what waits; '' where somebody can."""

    id: str
    name: str
    target_seconds: float
    waiting: int
    emergencies: int
    longest_wait_seconds: float
    unattended: str
    today: TodayOut | None


class WaitingOut(BaseModel):
    contact: str
    queue: str
    channel: str
    emergency: bool
    waiting_seconds: float
    overdue: bool


class QueuesOut(BaseModel):
    """``waiting``: everybody in the order they will be served; for supervisors, empty for others.

    ``calls``: callers on the line now.
    """

    queues: list[QueueOut]
    waiting: list[WaitingOut]
    calls: int


class AlarmQuery(In):
    limit: Annotated[int, Field(ge=1, le=500)] = 50


class AlarmOut(BaseModel):
    """``queue``: of those that are withdrawn when they are true no more, and then ``withdrawn_at`` says when."""

    seq: int
    at: datetime
    what: str
    why: str
    contact: str
    handler: str
    queue: str
    withdrawn_at: datetime | None


class Choice(BaseModel):
    id: str
    name: str


class GradeOut(BaseModel):
    id: str
    name: str
    dispatch_seconds: float | None
    attendance_seconds: float | None
    emergency: bool


class TemplateOut(BaseModel):
    """``asked``: the variables that the handler must give; ``neutral``: may be sent where only neutral words may go."""

    id: str
    name: str
    neutral: bool
    asked: list[str]
    texts: dict[str, str]


class DeskSettingsOut(BaseModel):
    queues: list[Choice]
    grades: list[GradeOut]
    dispositions: list[Choice]
    centres: list[Choice]
    templates: list[TemplateOut]


async def queues(request: Request[Nothing, Nothing]) -> QueuesOut:
    board, now = request.services.dispatcher.board, request.services.clock()
    waiting = [board.contacts[rank.reference] for rank in board.waiting()]
    emergencies = Counter(c.queue for c in board.contacts.values() if c.emergency and c.wanted)
    supervisor, today = request.who.may("supervisor"), request.services.statistics.today
    lonely = _unattended(board, now) if supervisor else {}
    return QueuesOut(
        queues=[
            _queue_out(
                q,
                [c for c in waiting if c.queue == q.id],
                emergencies[q.id],
                lonely.get(q.id, ""),
                today.get(q.id),
                now,
            )
            for q in request.services.settings.queues
        ],
        waiting=[_waiting_out(c, now) for c in waiting] if supervisor else [],
        calls=sum(c.live for c in board.contacts.values()),
    )


def _unattended(board: Board, now: Time) -> dict[str, str]:
    """By queue, in sentences."""
    queues = board.rules.queues
    return {
        name: " ".join(nobody_said(board, queues[name], line) for line in unattended(board, queues[name], waiting))
        for name, waiting in lines(board, now).items()
    }


def _queue_out(
    queue: Queue, waiting: list[Contact], emergencies: int, lonely: str, today: Figures | None, now: Time
) -> QueueOut:
    return QueueOut(
        id=queue.id,
        name=queue.name,
        target_seconds=queue.target_seconds,
        waiting=len(waiting),
        emergencies=emergencies,
        longest_wait_seconds=max((_waited(c, now) for c in waiting), default=0.0),
        unattended=lonely,
        today=_today_out(today) if today else None,
    )


def _today_out(figures: Figures) -> TodayOut:
    return TodayOut(
        offered=figures.offered,
        answered=figures.answered,
        abandoned=figures.abandoned,
        service_level=figures.service_level,
        mean_wait_seconds=figures.wait.mean,
        p90_wait_seconds=figures.wait.p90,
    )


def _waiting_out(contact: Contact, now: Time) -> WaitingOut:
    return WaitingOut(
        contact=contact.reference,
        queue=contact.queue,
        channel=contact.load,
        emergency=contact.emergency,
        waiting_seconds=_waited(contact, now),
        overdue=contact.due < now,
    )


def _waited(contact: Contact, now: Time) -> float:
    return max(0.0, now - contact.wait_began_at)


async def alarms(request: Request[AlarmQuery, Nothing]) -> list[AlarmOut]:
    """The latest first."""
    store = request.services.store
    after = max(0, (await store.head()).seq - ALARM_ROWS)
    rows = [row async for row in store.journal(kind="RaiseAlarm", after=after)]
    latest = rows[-request.query.limit :][::-1]
    after = latest[-1].seq if latest else 0
    ended = [row async for row in store.journal(kind="WithdrawAlarm", after=after)] if latest else []
    withdrawn = [(row.seq, row.at, load_change(row.kind, row.document)) for row in ended]
    return [_alarm_out(row, load_change(row.kind, row.document), withdrawn) for row in latest]


def _alarm_out(row: Row, alarm: RaiseAlarm, withdrawn: Sequence[tuple[int, Time, WithdrawAlarm]]) -> AlarmOut:
    """Whatever was told of a queue is over with the first withdrawal behind it."""
    key = (alarm.what, alarm.queue)
    over = next((at for seq, at, w in withdrawn if seq > row.seq and (w.what, w.queue) == key), None)
    return AlarmOut(
        seq=row.seq,
        at=moment(row.at),
        what=alarm.what,
        why=alarm.why,
        contact=row.reference,
        handler=alarm.handler,
        queue=alarm.queue,
        withdrawn_at=moment_or_none(over),
    )


async def desk_settings(request: Request[Nothing, Nothing]) -> DeskSettingsOut:
    settings = request.services.settings
    return DeskSettingsOut(
        queues=[Choice(id=q.id, name=q.name) for q in settings.queues],
        grades=[GradeOut(**grade.model_dump()) for grade in settings.grades],
        dispositions=[Choice(id=d.id, name=d.name) for d in settings.dispositions],
        centres=[Choice(id=c.id, name=c.name) for c in settings.centres],
        templates=[
            TemplateOut(id=t.id, name=t.name, neutral=t.neutral, asked=list(t.asked), texts=dict(t.texts))
            for t in settings.templates
        ],
    )


ROUTES = (
    Route("GET", "/api/v1/queues", "How many wait, and how long", "handler", queues),
    Route("GET", "/api/v1/alarms", "The latest alarms", "supervisor", alarms),
    Route("GET", "/api/v1/settings/desk", "The site's queues, grades and dispositions", "handler", desk_settings),
)
