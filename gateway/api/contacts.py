"""Searching and reading contacts, and their journal."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, JsonValue, TypeAdapter

from config.numbers import same_person
from gateway.api.consultation import Consultation, consult, contact_for, reason_missing
from gateway.api.models import (
    ContactOut,
    FollowUpOut,
    OptionalLine,
    OtherContactOut,
    Reason,
    follow_up_out,
    moment,
    other_contact_out,
)
from gateway.api.routes import In, Nothing, Request, Route
from gateway.discretion import Discretion
from gateway.store.journal import Row
from gateway.story import sentence
from routing.events import Recorded
from routing.model import Stage

MOST_OTHERS = 20
DATA: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


class Search(In):
    """``before`` pages backwards: as the last page said. ``reason`` is needed unless you list your own (``owner``)."""

    stage: Stage | None = None
    party: OptionalLine = ""
    owner: OptionalLine = ""
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    before: float | None = None
    reason: Reason = ""


class ContactsOut(BaseModel):
    """The newest first. ``before`` asks for the next page, null on the last; it is exact, where a date is rounded."""

    contacts: list[ContactOut]
    before: float | None


class ContactInFullOut(BaseModel):
    """``others``: the newest contacts of the same person on every channel, this one left out."""

    contact: ContactOut
    follow_ups: list[FollowUpOut]
    others: list[OtherContactOut]


class RowOut(BaseModel):
    """One line of the journal. ``sentence`` follows the actor; times in ``data`` are seconds since 1970."""

    seq: int
    at: datetime
    actor: str
    entry: str
    kind: str
    handler: str
    sentence: str
    data: JsonValue


async def search(request: Request[Search, Nothing]) -> ContactsOut:
    query = request.query
    await _journal_search(request)
    contacts = await request.services.store.contacts(
        party=query.party,
        stage=query.stage or "",
        owner=query.owner,
        limit=query.limit,
        before=query.before,
    )
    more = len(contacts) == query.limit
    return ContactsOut(
        contacts=[contact_for(request, c) for c in contacts], before=contacts[-1].received_at if more else None
    )


async def _journal_search(request: Request[Search, Nothing]) -> None:
    """What was looked for is part of why. Raises BadRequest without a reason."""
    query, who = request.query, request.who
    own = bool(who.handler) and query.owner == who.handler
    if not own and not query.reason:
        raise reason_missing()
    terms = [f"{name} {value}" for name in ("stage", "party", "owner") if (value := getattr(query, name))]
    why = f"{query.reason or 'own contacts'}; searched {', '.join(terms) or 'everything'}"
    await request.services.dispatcher.submit(Recorded("contacts searched", who.by, why))


async def read(request: Request[Consultation, Nothing]) -> ContactInFullOut:
    contact = await consult(request, "contact read", request.query.reason)
    store = request.services.store
    follow_ups = await store.follow_ups(contact.reference)
    persons = same_person(contact.party.address)
    others = await store.contacts(persons=persons, limit=MOST_OTHERS) if persons else []
    return ContactInFullOut(
        contact=contact_for(request, contact),
        follow_ups=[follow_up_out(f) for f in follow_ups],
        others=[other_contact_out(c) for c in others if c.reference != contact.reference],
    )


async def journal(request: Request[Consultation, Nothing]) -> list[RowOut]:
    """Who consulted a contact is for supervisors to know, not for the handlers who have it."""
    contact = await consult(request, "journal read", request.query.reason)
    everything, discretion = request.who.may("supervisor"), Discretion.of(request.services.settings.voice)
    rows = request.services.store.journal(reference=contact.reference)
    return [row_out(row) async for row in rows if everything or discretion.shows(row)]


def row_out(row: Row) -> RowOut:
    return RowOut(
        seq=row.seq,
        at=moment(row.at),
        actor=row.actor,
        entry=row.entry,
        kind=row.kind,
        handler=row.handler,
        sentence=sentence(row),
        data=DATA.validate_json(row.document),
    )


ROUTES = (
    Route("GET", "/api/v1/contacts", "Search contacts", "handler", search),
    Route("GET", "/api/v1/contacts/{reference}", "Read a contact", "handler", read),
    Route("GET", "/api/v1/contacts/{reference}/journal", "The story of a contact", "handler", journal),
)
