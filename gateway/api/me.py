"""The signed-in handler: presence, what they are doing, what is offered to them, what they have."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, model_validator

from gateway.api.consultation import contact_for, current
from gateway.api.models import (
    ContactOut,
    HandlerOut,
    OfferOut,
    OptionalLine,
    handler_out,
    offer_out,
)
from gateway.api.problems import Conflict
from gateway.api.routes import In, Nothing, Request, Route
from routing.events import OfferAccepted, OfferClaimed, OfferDeclined, PresenceChanged
from routing.model import Offer, Presence, PresenceState, Work


class MeOut(BaseModel):
    """``contacts``: those you are offered, have, or write up, the oldest first."""

    handler: HandlerOut
    offers: list[OfferOut]
    contacts: list[ContactOut]


class PresenceBody(In):
    """Away needs a reason."""

    state: PresenceState
    reason: OptionalLine = ""

    @model_validator(mode="after")
    def _away_has_a_reason(self) -> PresenceBody:
        if self.state is PresenceState.AWAY and not self.reason:
            raise ValueError("away needs a reason, for example 'break'")
        return self


async def read(request: Request[Nothing, Nothing]) -> MeOut:
    return _me(request)


async def set_presence(request: Request[Nothing, PresenceBody]) -> MeOut:
    presence = Presence(request.body.state, request.body.reason)
    await request.services.dispatcher.submit(PresenceChanged(request.handler, presence, request.who.by))
    return _me(request)


def _me(request: Request[Any, Any]) -> MeOut:
    board = request.services.dispatcher.board
    return MeOut(
        handler=handler_out(board.handlers[request.handler], board),
        offers=[offer_out(o) for o in _offers(request)],
        contacts=[contact_for(request, c) for c in board.engaged_in(request.handler)],
    )


async def offers(request: Request[Nothing, Nothing]) -> list[OfferOut]:
    return [offer_out(o) for o in _offers(request)]


async def accept(request: Request[Nothing, Nothing]) -> ContactOut:
    offer = _offer(request)
    if offer.by_phone:
        raise Conflict("Answer your phone: that accepts this call.")
    asks = offer.broadcast and (await current(request.services, offer.reference)).work is Work.CALL
    answer = OfferClaimed if asks else OfferAccepted
    await request.services.dispatcher.submit(answer(offer.id, offer.reference, request.handler))
    return contact_for(request, await current(request.services, offer.reference))


async def decline(request: Request[Nothing, Nothing]) -> None:
    offer = _offer(request)
    await request.services.dispatcher.submit(OfferDeclined(offer.id, offer.reference, request.handler))


def _offers(request: Request[Any, Any]) -> list[Offer]:
    contacts = request.services.dispatcher.board.engaged_in(request.handler)
    return [offer for contact in contacts for offer in contact.offers if offer.handler == request.handler]


def _offer(request: Request[Nothing, Nothing]) -> Offer:
    """Raises Conflict."""
    found = next((o for o in _offers(request) if o.id == request.path["id"]), None)
    if found is None:
        raise Conflict("This offer is over: it was withdrawn, it expired, or another handler took it.")
    return found


ROUTES = (
    Route("GET", "/api/v1/me", "My presence, offers and contacts", "handler", read),
    Route("PUT", "/api/v1/me/presence", "Say whether I am available", "handler", set_presence),
    Route("GET", "/api/v1/offers", "What is offered to me", "handler", offers),
    Route("POST", "/api/v1/offers/{id}/accept", "Take the offered contact", "handler", accept),
    Route("POST", "/api/v1/offers/{id}/decline", "Leave the offered contact to others", "handler", decline),
)
