"""The promises that hold after every event, checked: nobody is lost, nobody is given more than they can take.

Tests check all of it after every event. In production some contacts and handlers are drawn every few seconds; what
is found is repaired (``BoardRepaired``) and alarms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from routing.board import Board
from routing.broadcast import unseen_by
from routing.matching import best_handler
from routing.model import Channel, Contact, Handler, HandoverState, PresenceState, Time, rank_of

# An offer whose time is over is ended at the next turn of the loop, which may be busy.
LATE_SECONDS = 5.0


def audit(board: Board, contacts: Iterable[Contact], handlers: Iterable[Handler], now: Time) -> tuple[str, ...]:
    """What is wrong, each in a sentence that begins with whom it concerns; nothing, as it should be."""
    wrong = [f"{c.reference}: {why}." for c in contacts for why in _contact_wrong(board, c, now)]
    return (*wrong, *(f"{h.id}: {why}." for h in handlers for why in _handler_wrong(board, h)))


def _contact_wrong(board: Board, contact: Contact, now: Time) -> Iterator[str]:
    places = board.places_of(rank_of(contact))
    if places != int(contact.waiting):
        yield f"stands in {places} queues and should stand in {int(contact.waiting)}"
    if contact.waiting and (handler := best_handler(board, contact, now)) is not None:
        yield f"waits although {handler.id} is free and can take it"
    if _is_lost(contact):
        yield "the caller is on the line, with nobody, and no handler is wanted"
    yield from _offers_wrong(board, contact, now)


def _offers_wrong(board: Board, contact: Contact, now: Time) -> Iterator[str]:
    if contact.offers and not contact.wanted:
        yield "is offered, but no handler is wanted"
    if sum(not offer.broadcast for offer in contact.offers) != bool(contact.offers):
        yield "must be offered to one handler in earnest"
    if contact.reference in board.on_offer and (unseen := unseen_by(board, contact, now)):
        yield f"is an emergency on offer that {', '.join(unseen)} cannot see"
    for offer in contact.offers:
        handler = board.handlers.get(offer.handler)
        if offer.expires_at + LATE_SECONDS < now:
            yield f"the offer to {offer.handler} is past its deadline"
        if handler is None or handler.presence.state is not PresenceState.AVAILABLE:
            yield f"is offered to {offer.handler}, who is not there"


def _is_lost(contact: Contact) -> bool:
    """Has come to the queue in this call, is on the line, and has neither anybody nor a place any more."""
    joined = contact.handover is not None and contact.handover.state is HandoverState.JOINED
    with_somebody = contact.assignment or contact.passed_to or joined
    led_on = contact.overflow or contact.callback or contact.voicemail
    has = with_somebody or led_on or contact.wanted
    return contact.live and contact.waiting_since is not None and not has


def _handler_wrong(board: Board, handler: Handler) -> Iterator[str]:
    if board.free_index(handler.id) != board.reachable(handler):
        yield "does not stand among the free as they should"
    contacts = board.engaged_in(handler.id)
    rung = [c for c in contacts for o in c.offers if o.handler == handler.id and o.by_phone]
    talks = [c for c in contacts if c.live and c.assignment and c.assignment.handler == handler.id]
    if len(rung) + len(talks) > 1:
        yield f"is rung for {len(rung)} calls and talks in {len(talks)}"
    yield from _too_much(handler, contacts)


def _too_much(handler: Handler, contacts: list[Contact]) -> Iterator[str]:
    """More messages on offer than they take; one may be beyond it, and it is an emergency."""
    offered = [(o.channel, c) for c in contacts for o in c.offers if o.handler == handler.id and not o.broadcast]
    granted = 1
    for channel in (Channel.TEXT, Channel.EMAIL):
        urgent = [c.emergency for on, c in offered if on is channel]
        beyond = len(urgent) - handler.capacity(channel)
        if beyond > granted or (beyond == 1 and not any(urgent)):
            yield f"is offered {len(urgent)} contacts by {channel} and takes {handler.capacity(channel)}"
        granted -= max(beyond, 0)
