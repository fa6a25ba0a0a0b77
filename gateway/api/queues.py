"""The queues, and the site's tables for the desk."""

from __future__ import annotations

from collections import Counter

from pydantic import BaseModel

from config.settings import Queue
from gateway.api.routes import Nothing, Request, Route
from gateway.statistics.figures import Figures
from routing.attention import lines, nobody_said, unattended
from routing.board import Board
from routing.model import Contact, Time, rank_of


class TodayOut(BaseModel):
    """Since the site's midnight, a few seconds old; docs/statistics.md defines them."""

    offered: int
    answered: int
    abandoned: int
    service_level: float | None
    mean_wait_seconds: float | None
    p90_wait_seconds: float | None


class QueueOut(BaseModel):
    """``waiting``, ``emergencies``: whom no handler has taken, also while they are on offer to one.
    ``longest_wait_seconds`` is 0 when nobody waits. ``today``: None where nothing has come in yet. ``unattended``: for
    supervisors, in a sentence, that nobody who is there (or no handler at all) can take what waits; '' where somebody
    can."""

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
    """``waiting``: everybody whom no handler has taken, also who is on offer to one, in the order they are served; for
    supervisors, empty for others.

    ``calls``: callers on the line now.
    """

    queues: list[QueueOut]
    waiting: list[WaitingOut]
    calls: int


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
    waiting = sorted((c for c in board.contacts.values() if c.wanted), key=rank_of)
    emergencies = Counter(c.queue for c in waiting if c.emergency)
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
    Route("GET", "/api/v1/settings/desk", "The site's queues, grades and dispositions", "handler", desk_settings),
)
