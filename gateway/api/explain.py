"""Why this handler and not that one, why still waiting."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict

from gateway.api.consultation import Consultation, consult, current, has
from gateway.api.problems import BadRequest, Conflict, FieldError, NotAllowed, NotFound, TooManyRequests
from gateway.api.routes import Nothing, Request, Route
from gateway.explain import NotExplained, explain, local_times
from gateway.past import NotFollowed
from routing.explain.facts import Compared
from routing.model import Stage, Time
from routing.rules import Rules

RETRY_SECONDS = 10.0
BUSY = (
    "Two explanations are being made already. Each follows a day or more of the journal beside the calls: ask again in "
    "some seconds, or use 'contact-gateway explain' on the server."
)


class Instant(Consultation):
    """``at``: with its time zone; now when it is left out."""

    at: AwareDatetime | None = None


class Fact(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class ReasonOut(Fact):
    """``until``: when it is over by itself, null where only an event can end it."""

    code: str
    said: str
    until: datetime | None


class JudgedOut(Fact):
    handler: str
    reason: ReasonOut


class ChosenOut(Fact):
    """The last offer in earnest. ``rule``: owner, last_handler, claimed, preferred_skills, only_one, or how the site
    chooses. ``agrees``: the rules that this is told by would choose the same handler."""

    handler: str
    at: datetime
    rule: str
    said: str
    others: list[JudgedOut]
    agrees: bool


class NeededOut(Fact):
    """``until``: when it is insisted on no more, null for always."""

    what: str
    said: str
    until: datetime | None


class BeforeOut(Fact):
    reference: str
    queue: str
    reason: ReasonOut


class LaterOut(Fact):
    at: datetime
    said: str


class WaitingOut(Fact):
    """``place`` of ``of`` in its queue; ``before``: who is served first; ``nobody``: what no handler at all has, ''
    where somebody could take it; ``later``: what comes if it still waits."""

    place: int
    of: int
    due_at: datetime
    sooner: list[ReasonOut]
    needs: list[NeededOut]
    before: list[BeforeOut]
    handlers: list[JudgedOut]
    nobody: str
    later: list[LaterOut]


class WaitedOut(Fact):
    """The last wait that is over: ``waiting`` is how things stood right before ``until``."""

    since: datetime
    until: datetime
    waiting: WaitingOut


class StateOut(Fact):
    stage: Stage
    since: datetime | None
    said: str


class ExplanationOut(Fact):
    """``waiting`` only while it waits, ``waited`` once it did, ``chosen`` once it was offered. All is told by the
    rules of one configuration, this gateway's: ``rules_then`` says whether those of then were the same, ``rules_now``
    whether those are with which a gateway started last; '' where the journal does not tell. ``sentences``: all of it,
    with times of the site."""

    reference: str
    at: datetime
    state: StateOut
    waiting: WaitingOut | None
    waited: WaitedOut | None
    chosen: ChosenOut | None
    rules_then: Compared
    rules_now: Compared
    sentences: list[str]


async def read(request: Request[Instant, Nothing]) -> ExplanationOut:
    """Supervisors are told of any contact, handlers of those they have."""
    services, query, reference = request.services, request.query, request.path["reference"]
    now = services.clock()
    at = now if query.at is None else query.at.timestamp()
    if not 0 <= at <= now:
        why = "is in the future" if at > now else "lies before 1970"
        raise BadRequest("Nothing is known of that time.", [FieldError(field="at", why=why)])
    if not request.who.may("supervisor") and not has(await current(services, reference), request.who.handler):
        raise NotAllowed("This contact is not with you: ask a supervisor why it went where it went.")
    if services.explaining.locked():
        raise TooManyRequests(BUSY, RETRY_SECONDS)
    async with services.explaining:
        return await _explained(request, reference, at, now)


async def _explained(request: Request[Instant, Nothing], reference: str, at: Time, now: Time) -> ExplanationOut:
    services = request.services
    await consult(request, "explanation read", request.query.reason)
    when = local_times(now, ZoneInfo(services.settings.statistics.time_zone))
    try:
        told = await explain(services.store, Rules.of(services.settings), reference, at, when)
    except NotExplained as error:
        raise NotFound(str(error)) from None
    except NotFollowed as error:
        raise Conflict(str(error)) from None
    return ExplanationOut.model_validate(told)


ROUTES = (Route("GET", "/api/v1/contacts/{reference}/explanation", "Why it is where it is", "handler", read),)
