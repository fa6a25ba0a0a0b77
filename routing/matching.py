"""Who gets which contact.

A contact: emergencies first, then the most overdue against its queue's target, then the oldest.
A handler: the one who has been idle longest among those who are free for it and have its skills.
"""

from __future__ import annotations

from collections.abc import Iterator

from routing.board import Board
from routing.commands import MakeOffer
from routing.model import Channel, Contact, Handler, Need, Offer, Rank, Time, Work, need_of, rank_of


def next_offer(board: Board, now: Time) -> MakeOffer | None:
    """The next match among what is fresh: a freed handler takes the best contact, a new contact the best handler.

    The contact that is first in line for a freed handler still goes to the longest idle who suit it.
    """
    while board.fresh_handlers:
        freed = next(iter(board.fresh_handlers))
        contact = best_contact(board, board.handlers[freed], now) if freed in board.handlers else None
        handler = best_handler(board, contact, now) if contact else None
        if contact and handler:
            return _offer(board, contact, handler, now)
        del board.fresh_handlers[freed]
    while board.fresh_contacts:
        contact = _first_fresh(board)
        del board.fresh_contacts[contact.reference]
        handler = best_handler(board, contact, now) if contact.waiting else None
        if handler:
            return _offer(board, contact, handler, now)
    return None


def best_contact(board: Board, handler: Handler, now: Time) -> Contact | None:
    """The first in line of all the contacts this handler can take now."""
    best: Rank | None = None
    for need in board.needs_for(handler.id):
        if not (need.skills <= handler.skills and board.is_free(handler.id, need.load)):
            continue
        rank = next(_not_declined(board, need, handler.id, now), None)
        if rank is not None and (best is None or rank < best):
            best = rank
    return board.contacts[best.reference] if best else None


def best_handler(board: Board, contact: Contact, now: Time) -> Handler | None:
    """The longest idle of the handlers who are free for this contact and have its skills."""
    need = need_of(contact)
    declined = {d.handler for d in contact.declined if d.until > now}
    if need.only:
        suits = need.only not in declined and board.is_free(need.only, need.load)
        return board.handlers[need.only] if suits else None
    best: tuple[Time, str] | None = None
    for skills, free in board.free_for(need.load):
        if not need.skills <= skills:
            continue
        head = next((place for place in free if place[1] not in declined), None)
        if head is not None and (best is None or head < best):
            best = head
    return board.handlers[best[1]] if best else None


def _not_declined(board: Board, need: Need, handler: str, now: Time) -> Iterator[Rank]:
    for rank in board.waiting_with(need):
        declined = board.contacts[rank.reference].declined
        if not any(d.handler == handler and d.until > now for d in declined):
            yield rank


def _first_fresh(board: Board) -> Contact:
    if len(board.fresh_contacts) == 1:
        return board.contacts[next(iter(board.fresh_contacts))]
    return min((board.contacts[reference] for reference in board.fresh_contacts), key=rank_of)


def _offer(board: Board, contact: Contact, handler: Handler, now: Time) -> MakeOffer:
    rules = board.rules.routing
    by_phone = contact.work is Work.CALL
    seconds = rules.voice_offer_seconds if contact.load is Channel.VOICE else rules.message_offer_seconds
    offer = Offer(
        id=f"{contact.reference}-{contact.offers_made + 1}",
        reference=contact.reference,
        handler=handler.id,
        channel=contact.load,
        by_phone=by_phone,
        made_at=now,
        expires_at=now + seconds,
    )
    return MakeOffer(offer, "owner of the contact" if contact.preferred else "longest idle of those who suit")
