"""Builds the web application out of the table of routes."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from importlib.metadata import version

from aiohttp import web

from gateway.api import (
    alarms,
    blocks,
    calls,
    casework,
    contacts,
    drain,
    duty,
    explain,
    follow_ups,
    forecast,
    handlers,
    health,
    live,
    me,
    messages,
    queues,
    recordings,
    session,
    shifts,
    statistics,
    tokens,
)
from gateway.api.openapi import document
from gateway.api.problems import problems
from gateway.api.routes import BODY_BYTES, Route, register
from gateway.api.services import Services, TextWebhooks
from gateway.auth import Auth

ROUTES: tuple[Route, ...] = (
    *session.ROUTES,
    *me.ROUTES,
    *contacts.ROUTES,
    *explain.ROUTES,
    *messages.ROUTES,
    *recordings.ROUTES,
    *casework.ROUTES,
    *calls.ROUTES,
    *follow_ups.ROUTES,
    *queues.ROUTES,
    *alarms.ROUTES,
    *statistics.ROUTES,
    *handlers.ROUTES,
    *shifts.ROUTES,
    *duty.ROUTES,
    *forecast.ROUTES,
    *blocks.ROUTES,
    *tokens.ROUTES,
    *drain.ROUTES,
    *live.ROUTES,
    *health.ROUTES,
)

# A page of the desk may set its own policy; everything else shows nothing, nowhere.
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
HSTS = {"Strict-Transport-Security": "max-age=31536000"}


def build(services: Services) -> web.Application:
    """The whole HTTP side: API, live WebSocket, webhooks, health. The desk's pages may be added to it."""
    application = web.Application(middlewares=[problems], client_max_size=BODY_BYTES)
    auth = Auth(services.store, services.clock, services.settings.http.session_hours)
    register(application, ROUTES, services, auth)
    application.router.add_get("/api/v1/openapi.json", _openapi())
    application.router.add_post("/webhooks/{carrier}/message", _webhook(services.texts, "message"))
    application.router.add_post("/webhooks/{carrier}/status", _webhook(services.texts, "status"))
    picture = "/pictures/{id}/{expires:[0-9]{1,12}}/{signature:[0-9a-f]{64}}"
    application.router.add_get(picture, _webhook(services.texts, "picture"))
    application.on_response_prepare.append(_security_headers(services.settings.http.public_url))
    application.on_shutdown.append(_send_desks_away(services))
    return application


def _openapi() -> Callable[[web.Request], Awaitable[web.Response]]:
    text = json.dumps(document(ROUTES, version("contact-gateway")))

    async def openapi(_request: web.Request) -> web.Response:
        return web.Response(text=text, content_type="application/json")

    return openapi


def _webhook(texts: TextWebhooks | None, name: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """No session: the carrier's signature is checked where the form is read."""

    async def webhook(request: web.Request) -> web.StreamResponse:
        if texts is None:
            raise web.HTTPNotFound
        response: web.StreamResponse = await getattr(texts, name)(request)
        return response

    return webhook


def _security_headers(public_url: str) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    headers = SECURITY_HEADERS | (HSTS if public_url.startswith("https://") else {})

    async def secure(_request: web.Request, response: web.StreamResponse) -> None:
        for name, value in headers.items():
            response.headers.setdefault(name, value)

    return secure


def _send_desks_away(services: Services) -> Callable[[web.Application], Awaitable[None]]:
    async def send_away(_application: web.Application) -> None:
        services.live.close()

    return send_away
