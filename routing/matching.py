"""Who gets which contact.

A contact: emergencies first, then the most overdue against its queue's target, then the oldest.
A handler: whose turn it is (by default, who has been idle longest) among those who are free for it and can do what
it needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from routing.board import Board
from routing.commands import MakeOffer
from routing.model import Channel, Contact, Handler, Need, Offer, Rank, Time, Work, rank_of
from routing.replacing import replace


def next_offers(board: Board, now: Time) -> tuple[MakeOffer, ...]:
    """The next match: the first in line of those whose chance has changed, to whose turn it is of those who suit it.

    Only what is fresh can match: a handler who became free for more, a contact that began to wait. An emergency is
    shown to all who could take it; it is offered in earnest to the first, and whoever takes it first has it.
    """
    if not (board.fresh_contacts or board.fresh_handlers):
        return ()
    candidates = [c for c in (_first_for_the_freed(board, now), _first_of_the_fresh(board, now)) if c]
    if not candidates:
        return ()
    contact = min(candidates, key=rank_of)
    handler = best_handler(board, contact, now)
    if handler is None:
        return ()
    offers = [make_offer(board, contact, handler, now)]
    if contact.emergency and board.rules.routing.broadcast_emergencies:
        others = (other for other in all_who_can(board, contact, now) if other != handler.id)
        offers += [_also_shown(board, contact, other, n, now) for n, other in enumerate(others, start=1)]
    return tuple(offers)


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
    able, first = board.able(handler.id), _Firsts(board, handler.id, now)
    best: Rank | None = None
    for need in board.needs_for(handler.id):
        if need.able <= able and board.is_free(handler.id, need.load):
            best = first.of(need, best)
    if best is None or not kept_for_a_call(board, handler.id, best, now):
        return board.contacts[best.reference] if best else None
    return None


def best_handler(board: Board, contact: Contact, now: Time) -> Handler | None:
    """Of the handlers who are free for this contact and can do what it needs: who can most of what it prefers,
    and of these whose turn it is."""
    need = board.need_of(contact)
    declined = {d.handler for d in contact.declined if d.until > now}
    if need.only:
        return board.handlers[need.only] if need.only not in declined and _can(board, need, contact, now) else None
    best: tuple[int, float, str] | None = None
    for able, free in board.free_for(need.load):
        if not need.able <= able:
            continue
        head = next((place for place in free if _suits(board, place[1], contact, declined, now)), None)
        if head is not None and (best is None or (-len(need.prefers & able), *head) < best):
            best = (-len(need.prefers & able), *head)
    return board.handlers[best[2]] if best else None


def all_who_can(board: Board, contact: Contact, now: Time) -> list[str]:
    """Everybody who is free for it and can do what it needs."""
    need = board.need_of(contact)
    declined = {d.handler for d in contact.declined if d.until > now}
    return [
        place[1]
        for able, free in board.free_for(need.load)
        if need.able <= able
        for place in free
        if place[1] not in declined
    ]


def _can(board: Board, need: Need, contact: Contact, now: Time) -> bool:
    if not board.is_free(need.only, need.load):
        return False
    return need.able <= board.able(need.only) and not kept_for_a_call(board, need.only, rank_of(contact), now)


def _suits(board: Board, handler: str, contact: Contact, declined: set[str], now: Time) -> bool:
    return handler not in declined and not kept_for_a_call(board, handler, rank_of(contact), now)


def kept_for_a_call(board: Board, handler: str, rank: Rank, now: Time) -> bool:
    """Where calls do not interrupt messages: no further message while a call, first in line, waits for their last
    one to be finished. Otherwise whoever answers texts would never be free for a call."""
    if board.rules.routing.calls_interrupt_messages or board.contacts[rank.reference].load is Channel.VOICE:
        return False
    if board.is_free(handler, Channel.VOICE) or not board.handlers[handler].capacity(Channel.VOICE):
        return False
    able, first = board.able(handler), _Firsts(board, handler, now)
    call: Rank | None = None
    for need in board.needs_for(handler):
        if need.load is Channel.VOICE and need.able <= able:
            call = first.of(need, call)
    kept = call is not None and call < rank
    if kept:
        board.held_back[handler] = None
    return kept


@dataclass(frozen=True, slots=True)
class _Firsts:
    """The first in line for a handler, among those who wait with some need."""

    board: Board
    handler: str
    now: Time

    def of(self, need: Need, best: Rank | None) -> Rank | None:
        """Whoever is first of those with this need, if they come before ``best``."""
        rank = next(self._not_declined(need), None)
        return rank if rank is not None and (best is None or rank < best) else best

    def _not_declined(self, need: Need) -> Iterator[Rank]:
        for rank in self.board.waiting_with(need):
            declined = self.board.contacts[rank.reference].declined
            if not any(d.handler == self.handler and d.until > self.now for d in declined):
                yield rank


CHOSEN = {
    "longest_idle": "longest idle of those who suit",
    "least_occupied": "least occupied of those who suit",
    "round_robin": "next in turn of those who suit",
    "owner": "owner of the contact",
    "last_handler": "dealt with this person last",
    "claimed": "they asked for this emergency",
}


def make_offer(board: Board, contact: Contact, handler: Handler, now: Time, why: str = "") -> MakeOffer:
    """The offer in earnest: it takes up the handler's room, and rings their phone for a call."""
    rules = board.rules.routing
    seconds = rules.voice_offer_seconds if contact.load is Channel.VOICE else rules.message_offer_seconds
    offer = Offer(
        id=f"{contact.reference}-{contact.offers_made + 1}",
        reference=contact.reference,
        handler=handler.id,
        channel=contact.load,
        by_phone=contact.work is Work.CALL,
        made_at=now,
        expires_at=now + seconds,
    )
    return MakeOffer(offer, why or _why(contact, rules.choose_by))


def _why(contact: Contact, choose_by: str) -> str:
    if not contact.preferred:
        return CHOSEN[choose_by]
    return CHOSEN["owner" if contact.owner == contact.preferred else "last_handler"]


def _also_shown(board: Board, contact: Contact, handler: str, number: int, now: Time) -> MakeOffer:
    shown = make_offer(board, contact, board.handlers[handler], now, "an emergency is shown to all who are free")
    identifier = f"{contact.reference}-{contact.offers_made + 1 + number}"
    return MakeOffer(replace(shown.offer, id=identifier, by_phone=False, broadcast=True), shown.why)
