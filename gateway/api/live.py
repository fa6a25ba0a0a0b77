"""The way into the live WebSocket; what flows there is ``gateway.live``'s."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import Field

from gateway.api.problems import NotAllowed
from gateway.api.routes import In, Nothing, Request, Route


class LiveQuery(In):
    """``after``: the ``seq`` of the last row you had; what you missed comes first."""

    after: Annotated[int, Field(ge=0)] | None = None


async def live(request: Request[LiveQuery, Nothing]) -> web.WebSocketResponse:
    """Rows that concern the asking handler; for supervisors, every row."""
    _refuse_other_sites(request)
    everything = request.who.may("supervisor")
    if not everything:
        _ = request.handler

    async def still_allowed() -> bool:
        now = await request.auth.identify(request.raw)
        return now is not None and (now.name, now.role) == (request.who.name, request.who.role)

    services, handler = request.services, None if everything else request.who.handler
    return await services.live.serve(services.store, request.raw, handler, request.query.after, still_allowed)


def _refuse_other_sites(request: Request[LiveQuery, Nothing]) -> None:
    """Browsers send cookies with any site's WebSocket (RFC 6455, 10.2). Raises NotAllowed."""
    ours = request.services.settings.http.public_url
    if request.who.csrf and request.raw.headers.get("Origin") != ours:
        raise NotAllowed(f"This page's origin is not {ours} (http.public_url).")


ROUTES = (Route("GET", "/api/v1/live", "What concerns me, as it happens", "handler", live),)
