"""Bearer tokens for programs."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from gateway.api.models import Name, RoleName, moment
from gateway.api.problems import Conflict, NotFound
from gateway.api.routes import In, Nothing, Request, Route
from routing.events import Recorded


class TokenBody(In):
    name: Name
    role: RoleName


class TokenOut(BaseModel):
    name: str
    role: str
    made_at: datetime


class NewTokenOut(TokenOut):
    """``token`` is shown this once; only its hash is kept."""

    token: str


async def listing(request: Request[Nothing, Nothing]) -> list[TokenOut]:
    tokens = sorted(await request.services.store.tokens(), key=lambda t: t.name)
    return [TokenOut(name=t.name, role=t.role, made_at=moment(t.made_at)) for t in tokens]


async def create(request: Request[Nothing, TokenBody]) -> NewTokenOut:
    name, role = request.body.name, request.body.role
    if any(t.name == name for t in await request.services.store.tokens()):
        raise Conflict(f"There is a token {name} already; remove it first, or choose another name.")
    text, token = request.auth.new_token(name, role)
    made = Recorded(f"token {name} made for the role {role}", request.who.by)
    await request.services.dispatcher.submit(made, token)
    return NewTokenOut(name=name, role=role, made_at=moment(token.made_at), token=text)


async def remove(request: Request[Nothing, Nothing]) -> None:
    """Journalled first: a removal that is on record but failed is tried again, the other way round is not seen."""
    name = request.path["name"]
    if not any(t.name == name for t in await request.services.store.tokens()):
        raise NotFound(f"There is no token {name}.")
    await request.services.dispatcher.submit(Recorded(f"token {name} removed", request.who.by))
    await request.services.store.forget_token(name)


BASE = "/api/v1/tokens"
ROUTES = (
    Route("GET", BASE, "The programs' tokens", "administrator", listing),
    Route("POST", BASE, "Make a token", "administrator", create, 201),
    Route("DELETE", f"{BASE}/{{name}}", "Remove a token", "administrator", remove),
)
