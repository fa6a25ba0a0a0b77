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
    """The next match: the first in line of those whose chance has changed, to the longest idle who suits it.

    Only what is fresh can match: a handler who became free for more, a contact that began to wait.
    """
    if not (board.fresh_contacts or board.fresh_handlers):
        return None
    candidates = [c for c in (_first_for_the_freed(board, now), _first_of_the_fresh(board, now)) if c]
    if not candidates:
        return None
    contact = min(candidates, key=rank_of)
    handler = best_handler(board, contact, now)
    return _offer(board, contact, handler, now) if handler else None


def _first_for_the_freed(board: Board, now: Time) -> Contact | None:
    """The first in line of all that the freed handlers can take; who can take nothing is fresh no more."""
    best: Contact | None = None
    for name in list(board.fresh_handlers):
        contact = best_contact(board, board.handlers[name], now) if name in board.handlers else None
        if contact is None:
            del board.fresh_handlers[name]
        elif best is None or rank_of(contact) < rank_of(best):
            best = contact
    return best


def _first_of_the_fresh(board: Board, now: Time) -> Contact | None:
    """The first in line of the contacts that began to wait and that somebody is free for."""
    while board.fresh_contacts:
        contact = min((board.contacts[reference] for reference in board.fresh_contacts), key=rank_of)
        if contact.waiting and best_handler(board, contact, now):
            return contact
        del board.fresh_contacts[contact.reference]
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
