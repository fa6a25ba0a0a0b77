"""Why an event cannot be: it speaks of something that is over. It is then refused, not applied.

Two people may act on one thing in the same second; the dispatcher takes them in order and the second is told.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from routing import events as ev
from routing.board import Board
from routing.model import Contact, Offer, Reach, Work
from routing.safety import unsent

OFFER_OVER = "This offer is over: it was withdrawn, it expired, or another handler took it."
NO_ROOM = "You have no room for it now: finish what you have first."
NEED_NO_OPEN_CONTACT = (
    ev.MessageSent,
    ev.SendingFailed,
    ev.SendingClaimed,
    ev.DeliveryReported,
    ev.RecordingMade,
    ev.RecordingDeleted,
    ev.Recorded,
    ev.DigitPressed,
)


@singledispatch
def objection(event: Any, board: Board) -> str:
    """'' when the event can be applied, otherwise the reason in words for a person."""
    reference = getattr(event, "reference", "")
    if not reference or isinstance(event, NEED_NO_OPEN_CONTACT):
        return ""
    return not_open(board, reference)


@objection.register(ev.OfferAccepted)
@objection.register(ev.OfferDeclined)
@objection.register(ev.OfferMissed)
@objection.register(ev.OfferFailed)
def _(e: ev.OfferAccepted, board: Board) -> str:
    if (offered := _offered(e, board)) is None:
        return OFFER_OVER
    contact, offer = offered
    if not isinstance(e, ev.OfferAccepted) or not offer.broadcast:
        return ""
    if contact.work is Work.CALL:
        return "Ask for this call first: your phone then rings."
    return _no_room(board, offer)


@objection.register
def _(e: ev.OfferClaimed, board: Board) -> str:
    if (offered := _offered(e, board)) is None:
        return OFFER_OVER
    contact, offer = offered
    if not offer.broadcast or contact.work is not Work.CALL:
        return "Accept this offer; it need not be asked for."
    return _no_room(board, offer)


def _offered(e: ev.OfferAccepted | ev.OfferClaimed, board: Board) -> tuple[Contact, Offer] | None:
    """The contact and its offer to this handler, while that is open."""
    contact = board.open_contact(e.reference)
    offers = contact.offers if contact else ()
    offer = next((o for o in offers if o.id == e.offer and o.handler == e.handler), None)
    return None if contact is None or offer is None else (contact, offer)


def _no_room(board: Board, offer: Offer) -> str:
    """For an emergency that they were only shown: of their own will they go as far as can be, at once."""
    return "" if board.is_free(offer.handler, offer.channel, Reach.WRAP_UP) else NO_ROOM


@objection.register(ev.CallArrived)
@objection.register(ev.MessageArrived)
def _(e: ev.CallArrived | ev.MessageArrived, board: Board) -> str:
    joins = isinstance(e, ev.MessageArrived) and board.in_thread(e.thread) is not None
    if e.reference in board.contacts and not joins:
        return f"There is already a contact {e.reference}."
    return ""


@objection.register(ev.CallerLeft)
@objection.register(ev.CallEnded)
@objection.register(ev.CallLost)
@objection.register(ev.ControlRoomJoined)
def _(e: ev.CallerLeft, board: Board) -> str:
    contact = board.open_contact(e.reference)
    return not_open(board, e.reference) if contact is None or contact.live else f"The call of {e.reference} is over."


@objection.register
def _(e: ev.WrapUpCompleted, board: Board) -> str:
    contact = board.open_contact(e.reference)
    if contact is None:
        return not_open(board, e.reference)
    if any(w.handler == e.handler for w in contact.wrap_ups):
        return ""
    if contact.assignment is None or contact.assignment.handler != e.handler:
        return f"{e.reference} is not with {e.handler}."
    if contact.live or contact.calling:
        return f"The call of {e.reference} is not over: hang up first."
    if contact.unread and e.seen not in (None, contact.unread):
        return f"A new message has arrived in {e.reference}: read it first."
    return ""


@objection.register
def _(e: ev.ReplyWritten, board: Board) -> str:
    contact = board.open_contact(e.reference)
    if contact is None:
        return not_open(board, e.reference)
    theirs, pictures = contact.party.address, bool(e.pictures)
    return unsent(board, contact, contact.channel, contact.our_address, theirs, e.telling, pictures=pictures)


@objection.register
def _(e: ev.HandlerLeft, board: Board) -> str:
    contact = board.open_contact(e.reference)
    if contact is None:
        return not_open(board, e.reference)
    mine = contact.assignment is not None and contact.assignment.handler == e.handler
    return "" if mine and contact.live else f"{e.handler} is not on a call of {e.reference}."


@objection.register
def _(e: ev.HandlerLost, board: Board) -> str:
    return objection(ev.HandlerLeft(e.reference, e.handler), board)


@objection.register(ev.FollowUpAnswered)
@objection.register(ev.FollowUpTried)
def _(e: ev.FollowUpAnswered, board: Board) -> str:
    contact = board.open_contact(e.reference)
    calling = contact is not None and contact.calling and contact.follow_up == e.follow_up
    return "" if calling else "This follow-up is not being made any more."


@objection.register
def _(e: ev.FollowUpCancelled, board: Board) -> str:
    follow_up = board.follow_ups.get(e.follow_up)
    if follow_up is None or follow_up.reference != e.reference:
        return "This follow-up is over or was cancelled."
    contact = board.open_contact(e.reference)
    being_made = contact is not None and contact.assignment is not None and contact.follow_up == e.follow_up
    return "This follow-up is being made now; finish it instead." if being_made else ""


@objection.register
def _(e: ev.HandlerRemoved, board: Board) -> str:
    if e.handler not in board.handlers:
        return f"There is no handler {e.handler}."
    busy: list[Contact] = board.engaged_in(e.handler)
    return f"{e.handler} still has {len(busy)} open contact(s)." if busy else ""


@objection.register
def _(e: ev.PresenceChanged, board: Board) -> str:
    return "" if e.handler in board.handlers else f"There is no handler {e.handler}."


def not_open(board: Board, reference: str) -> str:
    return "" if reference in board.contacts else f"{reference} is closed, or there is no such contact."
