"""Draining: no new calls on this machine, for a deployment; calls under way go on."""

from __future__ import annotations

from pydantic import BaseModel

from gateway.api.problems import Conflict
from gateway.api.routes import In, Nothing, Request, Route
from gateway.api.services import CallControl, Services
from routing.events import Recorded


class DrainBody(In):
    draining: bool


class DrainOut(BaseModel):
    """``calls``: those that have not ended yet."""

    draining: bool
    calls: int


async def shown(request: Request[Nothing, Nothing]) -> DrainOut:
    return _shown(_calls(request.services))


async def changed(request: Request[Nothing, DrainBody]) -> DrainOut:
    """Journalled first: who stopped the calls must never be unknown."""
    calls, draining = _calls(request.services), request.body.draining
    what = "draining begun: no new calls" if draining else "draining ended: new calls again"
    await request.services.dispatcher.submit(Recorded(what, request.who.by))
    if draining:
        await calls.drain()
    else:
        calls.refill()
    return _shown(calls)


def _calls(services: Services) -> CallControl:
    if services.calls is None:
        raise Conflict("No calls are taken here: the gateway is not running, or voice is not enabled.")
    return services.calls


def _shown(calls: CallControl) -> DrainOut:
    return DrainOut(draining=calls.draining, calls=calls.stats().busy)


PATH = "/api/v1/drain"
ROUTES = (
    Route("GET", PATH, "Whether new calls are taken", "administrator", shown),
    Route("POST", PATH, "Take no new calls, or take them again", "administrator", changed),
)
