"""Outbound calls, texts and emails that are due in a window of time."""

from __future__ import annotations

import re

from pydantic import AwareDatetime, model_validator

from config.numbers import person_of
from gateway.api.casework import open_contact
from gateway.api.models import FollowUpOut, Line, OptionalLine, follow_up_out
from gateway.api.problems import BadRequest, FieldError, NotFound
from gateway.api.routes import In, Nothing, Request, Route
from routing.events import FollowUpCancelled, FollowUpRequested
from routing.model import Channel, Contact, FollowUp, Time

DAY = 86_400.0
FURTHEST = 90 * DAY
SHORTEST = 60.0
NUMBER = re.compile(r"\+?[0-9]{3,15}")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


class FollowUpBody(In):
    """``address`` is the person's own unless it is given; ``owner``, the contact's own unless given, is asked first."""

    channel: Channel
    purpose: Line
    address: OptionalLine = ""
    not_before: AwareDatetime
    not_after: AwareDatetime
    owner: OptionalLine = ""

    @model_validator(mode="after")
    def _is_a_window(self) -> FollowUpBody:
        if (self.not_after - self.not_before).total_seconds() < SHORTEST:
            raise ValueError("not_after must be at least a minute after not_before")
        return self


async def request_follow_up(request: Request[Nothing, FollowUpBody]) -> FollowUpOut:
    contact, services = open_contact(request), request.services
    follow_up = _follow_up(request.body, contact, services.new_id())
    known = services.dispatcher.board.handlers.keys()
    if mistakes := [*_window_mistakes(follow_up, services.clock()), *_mistakes(follow_up, contact, set(known))]:
        raise BadRequest("Some fields are not right.", mistakes)
    await services.dispatcher.submit(FollowUpRequested(follow_up, request.who.by))
    return follow_up_out(follow_up)


def _follow_up(body: FollowUpBody, contact: Contact, follow_up: str) -> FollowUp:
    not_before = body.not_before.timestamp()
    return FollowUp(
        id=follow_up,
        reference=contact.reference,
        channel=body.channel,
        purpose=body.purpose,
        address=body.address or person_of(contact.party.address),
        not_before=not_before,
        not_after=body.not_after.timestamp(),
        owner=body.owner or contact.owner,
        next_at=not_before,
    )


def _window_mistakes(follow_up: FollowUp, now: Time) -> list[FieldError]:
    mistakes = []
    if follow_up.not_after <= now:
        mistakes.append(FieldError(field="not_after", why="lies in the past"))
    if follow_up.not_before > now + FURTHEST:
        mistakes.append(FieldError(field="not_before", why="lies more than 90 days ahead"))
    return mistakes


def _mistakes(follow_up: FollowUp, contact: Contact, handlers: set[str]) -> list[FieldError]:
    mistakes = []
    right = EMAIL if follow_up.channel is Channel.EMAIL else NUMBER
    if not follow_up.address:
        why = "is needed: this person's own address was withheld"
        mistakes.append(FieldError(field="address", why=why))
    elif not right.fullmatch(follow_up.address):
        kind = "an email address" if right is EMAIL else "a telephone number such as +441632960123"
        why = f"is not {kind}; this contact came by {contact.channel}, so say where to reach the person"
        mistakes.append(FieldError(field="address", why=why))
    if follow_up.owner and follow_up.owner not in handlers:
        mistakes.append(FieldError(field="owner", why=f"there is no handler '{follow_up.owner}'"))
    return mistakes


class CancelQuery(In):
    why: OptionalLine = ""


async def cancel(request: Request[CancelQuery, Nothing]) -> None:
    contact = open_contact(request)
    board, follow_up = request.services.dispatcher.board, request.path["id"]
    known = board.follow_ups.get(follow_up)
    if known is None or known.reference != contact.reference:
        raise NotFound(f"{contact.reference} has no open follow-up {follow_up}.")
    why = request.query.why or "no longer needed"
    event = FollowUpCancelled(contact.reference, follow_up, request.who.by, why)
    await request.services.dispatcher.submit(event)


BASE = "/api/v1/contacts/{reference}/follow-ups"
ROUTES = (
    Route("POST", BASE, "Ask for a follow-up in a window of time", "handler", request_follow_up, 201),
    Route("DELETE", f"{BASE}/{{id}}", "Cancel a follow-up", "handler", cancel),
)
