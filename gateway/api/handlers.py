"""The handlers and their accounts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from config.ordering import SKILL
from gateway.api.models import HandlerOut, Line, Name, Password, RoleName, handler_out
from gateway.api.problems import BadRequest, Conflict, FieldError, NotFound
from gateway.api.roster import EXTENSION, MOST_BYTES, Capacity, Entry, read_roster
from gateway.api.routes import CsvText, In, Nothing, Request, Route
from gateway.api.services import Services
from gateway.deciding import Refused
from gateway.store.records import Account
from routing.events import HandlerRemoved, HandlerSaved
from routing.model import Handler

Extension = Annotated[str, StringConstraints(pattern=EXTENSION)]
Skill = Annotated[str, StringConstraints(pattern=SKILL)]


class HandlerBody(In):
    """``skills`` may carry a level (``french:2``). ``reserved``: for emergencies only. ``auto_answer``: their phone
    answers calls from the queue by itself, and a tone tells them.

    ``password``: null keeps the one there is; without any, the handler cannot sign in.
    """

    name: Line
    centre: Line
    skills: tuple[Skill, ...] = ()
    extension: Extension = ""
    text_capacity: Capacity = 3
    email_capacity: Capacity = 3
    auto_answer: bool = False
    reserved: bool = False
    role: RoleName = "handler"
    password: Password | None = Field(default=None, repr=False)


class NewHandlerBody(HandlerBody):
    id: Name


class AccountOut(BaseModel):
    """``can_sign_in``: has a password."""

    handler: HandlerOut
    role: str
    can_sign_in: bool


class ImportOut(BaseModel):
    added: int
    changed: int


async def listing(request: Request[Nothing, Nothing]) -> list[HandlerOut]:
    board = request.services.dispatcher.board
    return [handler_out(board.handlers[h], board) for h in sorted(board.handlers)]


async def accounts(request: Request[Nothing, Nothing]) -> list[AccountOut]:
    board = request.services.dispatcher.board
    known = {a.name: a for a in await request.services.store.accounts()}
    return [_account_out(request.services, board.handlers[h], known.get(h)) for h in sorted(board.handlers)]


async def add(request: Request[Nothing, NewHandlerBody]) -> AccountOut:
    body = request.body
    if body.id in request.services.dispatcher.board.handlers:
        raise Conflict(f"There is a handler {body.id} already.")
    return await _save(request, body.id, body)


async def change(request: Request[Nothing, HandlerBody]) -> AccountOut:
    handler = request.path["id"]
    if handler not in request.services.dispatcher.board.handlers:
        raise NotFound(f"There is no handler {handler}.")
    return await _save(request, handler, request.body)


async def _save(
    request: Request[Nothing, NewHandlerBody] | Request[Nothing, HandlerBody], handler_id: str, body: HandlerBody
) -> AccountOut:
    handler = Handler(
        id=handler_id,
        name=body.name,
        centre=body.centre,
        skills=frozenset(body.skills),
        extension=body.extension,
        text_capacity=body.text_capacity,
        email_capacity=body.email_capacity,
        auto_answer=body.auto_answer,
        reserved=body.reserved,
    )
    services = request.services
    if mistakes := site_mistakes(services, [handler]):
        raise BadRequest("Some fields are not right.", [FieldError(field=f, why=w) for _, f, w in mistakes])
    before = await services.store.account(handler_id)
    kept = before.password if before else ""
    password = kept if body.password is None else await request.auth.hash(body.password)
    account = Account(handler_id, body.role, password)
    await services.dispatcher.submit(HandlerSaved(handler, request.who.by), account)
    return _account_out(services, services.dispatcher.board.handlers[handler_id], account)


def _account_out(services: Services, handler: Handler, account: Account | None) -> AccountOut:
    return AccountOut(
        handler=handler_out(handler, services.dispatcher.board),
        role=account.role if account else "handler",
        can_sign_in=bool(account and account.password),
    )


async def remove(request: Request[Nothing, Nothing]) -> None:
    """The handler first: whoever is still busy stays. What is left of an interrupted removal is cleared too."""
    handler, services = request.path["id"], request.services
    administrators = {a.name for a in await services.store.accounts() if a.role == "administrator"}
    if administrators == {handler}:
        raise Refused(f"{handler} is the last administrator: make another one first.")
    known = handler in services.dispatcher.board.handlers
    if known:
        await services.dispatcher.submit(HandlerRemoved(handler, request.who.by))
    elif await services.store.account(handler) is None:
        raise NotFound(f"There is no handler {handler}.")
    await request.auth.forget(handler)


async def import_roster(request: Request[Nothing, CsvText]) -> ImportOut:
    """All or nothing: one wrong line and none is saved."""
    services, board = request.services, request.services.dispatcher.board
    entries, mistakes = read_roster(request.body.text)
    lines = {entry.id: entry.line for entry in entries}
    handlers = [_merged(entry, board.handlers.get(entry.id)) for entry in entries]
    mistakes += [FieldError(field=f"line {lines[h]}: {f}", why=w) for h, f, w in site_mistakes(services, handlers)]
    if mistakes:
        raise BadRequest("Nothing was imported: some lines are not right.", sorted(mistakes, key=_line))
    known = {a.name: a for a in await services.store.accounts()}
    hashes = await asyncio.gather(*(request.auth.hash(e.password) for e in entries if e.password))
    hashed = dict(zip((e.id for e in entries if e.password), hashes, strict=True))
    added = sum(h.id not in board.handlers for h in handlers)
    async with asyncio.TaskGroup() as saving:
        for entry, handler in zip(entries, handlers, strict=True):
            kept = known[entry.id].password if entry.id in known else ""
            account = Account(entry.id, entry.role, hashed.get(entry.id, kept))
            saving.create_task(services.dispatcher.submit(HandlerSaved(handler, request.who.by), account))
    return ImportOut(added=added, changed=len(handlers) - added)


def _merged(entry: Entry, before: Handler | None) -> Handler:
    """What a roster does not say stays as it is."""
    base = before or Handler(entry.id, entry.name, entry.centre)
    handler = replace(base, name=entry.name, centre=entry.centre, skills=entry.skills, extension=entry.extension)
    return replace(handler, **entry.options)


def site_mistakes(services: Services, handlers: Iterable[Handler]) -> list[tuple[str, str, str]]:
    """(handler, field, why) of what does not fit the site: no such centre, an extension that rings for two."""
    centres = [c.id for c in services.settings.centres]
    after = services.dispatcher.board.handlers | {h.id: h for h in handlers}
    extensions: dict[str, list[str]] = {}
    for handler in after.values():
        extensions.setdefault(handler.extension, []).append(handler.id)
    mistakes = []
    for handler in handlers:
        if handler.centre not in centres:
            why = f"there is no centre '{handler.centre}'; there are: {', '.join(centres)}"
            mistakes.append((handler.id, "centre", why))
        others = [h for h in extensions[handler.extension] if h != handler.id]
        if handler.extension and others:
            mistakes.append((handler.id, "extension", f"{handler.extension} belongs to {', '.join(others)}"))
    return mistakes


def _line(mistake: FieldError) -> int:
    return int(mistake.field.removeprefix("line ").partition(":")[0])


BASE = "/api/v1/handlers"
ROUTES = (
    Route("GET", BASE, "The handlers and what they are doing", "handler", listing),
    Route("GET", "/api/v1/accounts", "The handlers with their roles", "administrator", accounts),
    Route("POST", BASE, "Add a handler", "administrator", add, 201),
    Route("POST", f"{BASE}/import", "Import a roster", "administrator", import_roster, limit=MOST_BYTES),
    Route("PUT", f"{BASE}/{{id}}", "Change a handler", "administrator", change),
    Route("DELETE", f"{BASE}/{{id}}", "Remove a handler", "administrator", remove),
)
