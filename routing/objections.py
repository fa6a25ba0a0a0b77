"""Why an event cannot be: it speaks of something that is over. It is then refused, not applied.

Two people may act on one thing in the same second; the dispatcher takes them in order and the second is told.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from routing import events as ev
from routing.board import Board
from routing.model import Channel, Contact, Doing, PresenceState

NEED_NO_OPEN_CONTACT = (
    ev.MessageSent,
    ev.SendingFailed,
    ev.SendingClaimed,
    ev.DeliveryReported,
    ev.RecordingMade,
    ev.Recorded,
    ev.DigitPressed,
)


@singledispatch
def objection(event: Any, board: Board) -> str:
    """'' when the event can be applied, otherwise the reason in words for a person."""
    reference = getattr(event, "reference", "")
    if not reference or isinstance(event, NEED_NO_OPEN_CONTACT):
        return ""
    return _not_open(board, reference)


@objection.register(ev.OfferAccepted)
@objection.register(ev.OfferDeclined)
@objection.register(ev.OfferMissed)
@objection.register(ev.OfferFailed)
def _(e: ev.OfferAccepted, board: Board) -> str:
    contact = board.open_contact(e.reference)
    if contact is None or not any(o.id == e.offer and o.handler == e.handler for o in contact.offers):
        return "This offer is over: it was withdrawn, it expired, or another handler took it."
    return ""


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
    return _not_open(board, e.reference) if contact is None or contact.live else f"The call of {e.reference} is over."


@objection.register
def _(e: ev.WrapUpCompleted, board: Board) -> str:
    contact = board.open_contact(e.reference)
    if contact is None:
        return _not_open(board, e.reference)
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
def _(e: ev.PartyRung, board: Board) -> str:
    contact = board.open_contact(e.reference)
    if contact is None or not contact.live:
        return _not_open(board, e.reference) or f"Nobody is on the line in {e.reference}."
    supervises = e.role == "supervisor"
    having = contact.assignment.handler if contact.assignment else ""
    if not supervises and e.by != f"handler:{having}":
        return f"{e.reference} is with {having or 'nobody'}: only they can ring somebody."
    if e.handler and e.handler == having:
        return f"{e.target} has this call already."
    return _not_to_be_rung(e.handler, board, on_duty=not supervises) if e.handler else ""


def _not_to_be_rung(name: str, board: Board, *, on_duty: bool) -> str:
    """Why this handler cannot be brought into a call now; a supervisor comes off duty too."""
    handler = board.handlers.get(name)
    if handler is None or not handler.extension:
        return f"There is no handler {name} with a phone."
    if on_duty and handler.presence.state is not PresenceState.AVAILABLE:
        return f"{handler.name} is {handler.presence.state.value}."
    doing = board.doing(name)
    if doing is not Doing.NOTHING and not board.is_free(name, Channel.VOICE):
        return f"{handler.name} is busy: {doing.value.replace('_', ' ')}."
    return ""


@objection.register(ev.CallPassed)
@objection.register(ev.Requeued)
@objection.register(ev.CallTakenOver)
def _(e: ev.CallPassed, board: Board) -> str:
    return objection(ev.HandlerLeft(e.reference, e.handler), board)


@objection.register
def _(e: ev.CallRequested, board: Board) -> str:
    contact = board.open_contact(e.reference)
    if contact is None:
        return _not_open(board, e.reference)
    if contact.safety == "never":
        return f"This person must not be called: {e.reference} is marked so."
    if not e.address:
        return "The number was withheld: say which number to call."
    if e.address in board.rules.routing.never_dial:
        return f"{e.address} is an emergency number and never dialled: raise the emergency instead."
    if contact.live or contact.calling:
        return f"There is a call in {e.reference} already."
    others = {o.handler for o in contact.offers} | ({contact.assignment.handler} if contact.assignment else set())
    if others - {e.handler}:
        return f"{e.reference} is with {', '.join(sorted(others - {e.handler}))}."
    return _busy_elsewhere(e.handler, e.reference, board)


def _busy_elsewhere(name: str, reference: str, board: Board) -> str:
    handler = board.handlers.get(name)
    if handler is None or not handler.extension:
        return "You need a phone to call somebody."
    calls = [c for c in board.engaged_in(name) if c.reference != reference and (c.live or c.calling or c.wrap_ups)]
    return f"You are busy with {calls[0].reference}." if calls else ""


@objection.register
def _(e: ev.WrapUpExtended, board: Board) -> str:
    contact = board.open_contact(e.reference)
    mine = contact is not None and any(w.handler == e.handler for w in contact.wrap_ups)
    return "" if mine else f"{e.handler} has no wrap-up of {e.reference}."


@objection.register
def _(e: ev.HandlerLeft, board: Board) -> str:
    contact = board.open_contact(e.reference)
    if contact is None:
        return _not_open(board, e.reference)
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
def _(e: ev.FollowUpRequested, board: Board) -> str:
    if e.follow_up.id in board.follow_ups:
        return f"There is already a follow-up {e.follow_up.id}."
    return _not_open(board, e.follow_up.reference)


@objection.register
def _(e: ev.HandlerRemoved, board: Board) -> str:
    if e.handler not in board.handlers:
        return f"There is no handler {e.handler}."
    busy: list[Contact] = board.engaged_in(e.handler)
    return f"{e.handler} still has {len(busy)} open contact(s)." if busy else ""


@objection.register
def _(e: ev.PresenceChanged, board: Board) -> str:
    return "" if e.handler in board.handlers else f"There is no handler {e.handler}."


def _not_open(board: Board, reference: str) -> str:
    return "" if reference in board.contacts else f"{reference} is closed, or there is no such contact."
