"""Whether the gateway lives, whether it is ready, and its figures."""

from __future__ import annotations

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from gateway.api.routes import Nothing, Request, Route, json_response


class AliveOut(BaseModel):
    alive: bool = True


class ReadyOut(BaseModel):
    """``wrong``: each part that is not well, with what is wrong. ``warnings``: what is made up for meanwhile."""

    ready: bool
    wrong: dict[str, str]
    warnings: dict[str, str]


async def alive(request: Request[Nothing, Nothing]) -> AliveOut:
    return AliveOut()


async def ready(request: Request[Nothing, Nothing]) -> web.Response:
    services = request.services
    parts = {"dispatcher": services.dispatcher.trouble, **services.health()}
    wrong = {part: why for part, why in parts.items() if why}
    warnings = {part: why for part, why in services.warnings().items() if why}
    response = json_response(READY, ReadyOut(ready=not wrong, wrong=wrong, warnings=warnings))
    response.set_status(503 if wrong else 200)
    return response


async def metrics(request: Request[Nothing, Nothing]) -> web.Response:
    content = request.services.telemetry.exposition()
    return web.Response(body=content, headers={"Content-Type": CONTENT_TYPE_LATEST})


READY = Route("GET", "/readyz", "Everything works; 503 says what does not", None, ready, answer=ReadyOut)
ROUTES = (
    Route("GET", "/healthz", "The process is alive", None, alive),
    READY,
    Route("GET", "/metrics", "Figures for Prometheus", None, metrics),
)
