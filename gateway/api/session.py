"""Signing in and out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, Field

from gateway.api.models import moment_or_none
from gateway.api.problems import NotSignedIn, TooManyRequests
from gateway.api.routes import In, Nothing, Request, Route, json_response
from gateway.auth import SignedIn, TooManyTries, WrongPassword, address_of, cookie_name, session_cookie
from routing.events import PresenceChanged, Recorded
from routing.model import Presence, PresenceState

PATH = "/api/v1/session"


class SignInBody(In):
    name: Annotated[str, Field(min_length=1, max_length=60)]
    password: Annotated[str, Field(min_length=1, max_length=1024)]


class SessionOut(BaseModel):
    """``csrf`` is to be sent as X-CSRF-Token with every unsafe request; '' where no cookie is used.

    ``expires_at``: the latest end of the session; told when it begins.
    """

    name: str
    role: str
    handler: str
    csrf: str
    expires_at: datetime | None = None


async def sign_in(request: Request[Nothing, SignInBody]) -> web.Response:
    signed_in = await _signed_in(request)
    await request.services.dispatcher.submit(Recorded("signed in", signed_in.who.by, address_of(request.raw)))
    response = json_response(SIGN_IN, _session_out(request, signed_in))
    hours = request.services.settings.http.session_hours
    _set_cookie(request, response, signed_in.cookie, int(hours * 3600))
    return response


async def _signed_in(request: Request[Nothing, SignInBody]) -> SignedIn:
    """Raises NotSignedIn, TooManyRequests. A failure is journalled; a name that is none may be a password."""
    name, address = request.body.name, address_of(request.raw)
    try:
        return await request.auth.sign_in(name, request.body.password, address)
    except TooManyTries as error:
        raise TooManyRequests(str(error), error.seconds) from None
    except WrongPassword as error:
        who = name if error.known else "an unknown name"
        await request.services.dispatcher.submit(Recorded("sign-in refused", "unknown", f"{who} from {address}"))
        raise NotSignedIn(str(error)) from None


async def read(request: Request[Nothing, Nothing]) -> SessionOut:
    return _session_out(request, None)


def _session_out(request: Request[Any, Any], new: SignedIn | None) -> SessionOut:
    who = new.who if new else request.who
    handlers = request.services.dispatcher.board.handlers
    return SessionOut(
        name=who.name,
        role=who.role,
        handler=who.handler if who.handler in handlers else "",
        csrf=who.csrf,
        expires_at=moment_or_none(new.expires_at if new else None),
    )


async def sign_out(request: Request[Nothing, Nothing]) -> web.Response:
    """Nothing is offered to a handler who has signed out."""
    submit, board = request.services.dispatcher.submit, request.services.dispatcher.board
    handler = board.handlers.get(request.who.handler)
    if handler and handler.presence.state is not PresenceState.OFFLINE:
        await submit(PresenceChanged(handler.id, Presence(PresenceState.OFFLINE, "signed out"), request.who.by))
    await submit(Recorded("signed out", request.who.by))
    await request.auth.sign_out(session_cookie(request.raw))
    response = web.Response(status=204)
    _set_cookie(request, response, "", 0)
    return response


def _set_cookie(request: Request[Any, Any], response: web.Response, value: str, max_age: int) -> None:
    secure = request.services.settings.http.secure_cookies
    name = cookie_name(secure=secure)
    response.set_cookie(name, value, max_age=max_age, secure=secure, httponly=True, samesite="Strict")


SIGN_IN = Route("POST", PATH, "Sign in with name and password", None, sign_in, 201, answer=SessionOut)
ROUTES = (
    SIGN_IN,
    Route("GET", PATH, "Who am I", "handler", read),
    Route("DELETE", PATH, "Sign out and go offline", "handler", sign_out, answer=type(None)),
)
