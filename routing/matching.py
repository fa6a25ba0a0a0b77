"""Who gets which contact.

A contact: emergencies first, the longest waiting of them before the others; then the most overdue against its
queue's target, then the oldest.
A handler: whose turn it is (by default, who has been idle longest) among those who are free for it and can do what
it needs. For an emergency, where nobody has room, among those who are full (``Reach``).
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import merge
from itertools import takewhile

from config.settings import Routing
from routing.abilities import centre
from routing.board import Board
from routing.commands import EndOffer, MakeOffer
from routing.free import Turn
from routing.making_way import make_way
from routing.model import REACHES, Channel, Contact, Handler, Need, Offer, Rank, Reach, Time, Work, rank_of


def next_offers(board: Board, now: Time) -> tuple[MakeOffer | EndOffer, ...]:
    """The next match: the first in line of those whose chance has changed, to whose turn it is of those who suit it.
    Or what must go back to its line before that.

    Only what is fresh can match: a handler who became free for more, a contact that began to wait. An emergency is
    then shown to the others who could take it (``broadcast``).
    """
    if not (board.fresh_contacts or board.fresh_handlers):
        return ()
    freed, fresh = _first_for_the_freed(board, now), _first_of_the_fresh(board, now)
    if freed is not None and (fresh is None or rank_of(freed) < rank_of(fresh[0])):
        handler = best_handler(board, freed, now)
        return _match(board, freed, handler, now) if handler else ()
    return _match(board, *fresh, now) if fresh else ()


def _match(board: Board, contact: Contact, handler: Handler, now: Time) -> tuple[MakeOffer | EndOffer, ...]:
    return make_way(board, handler, contact, coming=1) or (make_offer(board, contact, handler, now),)


def _first_for_the_freed(board: Board, now: Time) -> Contact | None:
    """The first in line of all that the freed handlers can take; who can take nothing is fresh no more."""
    best: Contact | None = None
    freed = board.fresh_handlers
    for name in list(freed):
        contact = best_contact(board, board.handlers[name], now) if name in board.handlers else None
        if contact is None:
            del freed[name]
        elif best is None or rank_of(contact) < rank_of(best):
            best = contact
    return best


def _first_of_the_fresh(board: Board, now: Time) -> tuple[Contact, Handler] | None:
    """The first in line of the contacts that began to wait and that somebody is free for."""
    while board.fresh_contacts:
        fresh = [board.contacts[reference] for reference in board.fresh_contacts]
        contact = fresh[0] if len(fresh) == 1 else min(fresh, key=rank_of)
        handler = best_handler(board, contact, now) if contact.waiting else None
        if handler is not None:
            return contact, handler
        del board.fresh_contacts[contact.reference]
    return None


def best_contact(board: Board, handler: Handler, now: Time) -> Contact | None:
    """The first in line of all the contacts this handler can take now."""
    if not board.lines:
        return None
    channels = board.channels_within(handler.id)
    least = next((reach for reach in REACHES if channels[reach]), None)
    if least is None:
        return None
    best: Rank | None = None
    for need, ranks in board.waiting_for(handler.id, least):
        if need.load in channels[need.reach]:
            best = _first(board, ranks, handler.id, best, now)
    contact = None if best is None else board.contacts[best.reference]
    return None if contact is None or kept_for_a_call(board, handler.id, contact, now) else contact


def _first(board: Board, ranks: Iterable[Rank], handler: str, best: Rank | None, now: Time) -> Rank | None:
    """The first of these whom the handler has not declined lately, if they come before ``best``."""
    for rank in ranks:
        if best is not None and best < rank:
            return best
        if not is_declined(board.contacts[rank.reference], handler, now):
            return rank
    return best


def is_declined(contact: Contact, handler: str, now: Time) -> bool:
    """They declined or missed it and are not asked again yet."""
    return any(d.handler == handler and d.until > now for d in contact.declined) if contact.declined else False


def best_handler(board: Board, contact: Contact, now: Time) -> Handler | None:
    """Of the handlers who are free for this contact and can do what it needs: who can most of what it prefers,
    and of these whose turn it is. Who has room comes before who has not."""
    need = board.need_of(contact)
    if need.only:
        return board.handlers[need.only] if _suits(board, need, need.only, contact, now) else None
    found = (_best_at(board, need, reach, contact, now) for reach in REACHES[: need.reach + 1])
    return next((board.handlers[handler] for handler in found if handler), None)


def _best_at(board: Board, need: Need, reach: Reach, contact: Contact, now: Time) -> str:
    """The best of those whom this reach adds; '' for nobody."""
    best: tuple[int, Turn, str] | None = None
    for able, turns in board.free_for(need.load, reach):
        if not need.able <= able:
            continue
        liked = -len(need.prefers & able) if need.prefers else 0
        for turn, handler in turns:
            if best is not None and best < (liked, turn, handler):
                break
            if not is_declined(contact, handler, now) and not kept_for_a_call(board, handler, contact, now):
                best = (liked, turn, handler)
                break
    return best[2] if best else ""


def _suits(board: Board, need: Need, handler: str, contact: Contact, now: Time) -> bool:
    if is_declined(contact, handler, now) or not board.is_free(handler, need.load, need.reach):
        return False
    return need.able <= board.able(handler) and not kept_for_a_call(board, handler, contact, now)


def kept_for_a_call(board: Board, handler: str, contact: Contact, now: Time) -> bool:
    """Where calls do not interrupt messages: no further message while a call, first in line, waits for their last
    one to be finished. Otherwise whoever answers texts would never be free for a call. An emergency finishes nothing
    first: as a call it rings, as a message it is given to them."""
    if board.rules.routing.calls_interrupt_messages or contact.load is Channel.VOICE or contact.emergency:
        return False
    if board.is_free(handler, Channel.VOICE) or not board.handlers[handler].capacity(Channel.VOICE):
        return False
    call: Rank | None = None
    for need, ranks in board.waiting_for(handler):
        if need.load is Channel.VOICE:
            call = _first(board, ranks, handler, call, now)
    kept = call is not None and call < rank_of(contact)
    if kept:
        board.held_back[handler] = None
    return kept


# By each rule: what the journal says of the offer.
CHOSEN = {
    "longest_idle": "longest idle of those who suit",
    "least_occupied": "least occupied of those who suit",
    "round_robin": "next in turn of those who suit",
    "preferred_skills": "has most of the preferred skills of those who suit",
    "owner": "owner of the contact",
    "last_handler": "dealt with this person last",
    "claimed": "they asked for this emergency",
}
OWN_CENTRE = " in its own centre"
AS_EMERGENCY = "; was {}, and got it as an emergency"
RULE_OF = {said: rule for rule, said in CHOSEN.items()}


def make_offer(board: Board, contact: Contact, handler: Handler, now: Time, *, claimed: bool = False) -> MakeOffer:
    """The offer in earnest: it takes up the handler's room, and rings their phone for a call."""
    offer = Offer(
        id=f"{contact.reference}-{contact.offers_made + 1}",
        reference=contact.reference,
        handler=handler.id,
        channel=contact.load,
        by_phone=contact.work is Work.CALL,
        made_at=now,
        expires_at=now + _deadline(board.rules.routing, contact.load),
        claimed=claimed,
    )
    return MakeOffer(offer, CHOSEN["claimed"] if claimed else _why(board, contact, handler, now))


def _deadline(rules: Routing, channel: Channel) -> float:
    """How many seconds an offer lasts."""
    if channel is Channel.VOICE:
        return rules.voice_offer_seconds
    return rules.text_offer_seconds if channel is Channel.TEXT else rules.email_offer_seconds


def rule_in(why: str) -> str:
    """The rule by which the handler of an offer was chosen, from what the journal says of it; '' for one that is
    not known any more."""
    return RULE_OF.get(why.partition(";")[0].removesuffix(OWN_CENTRE), "")


def _why(board: Board, contact: Contact, handler: Handler, now: Time) -> str:
    """What decided: whom they know, the skills that the queue prefers, or else whose turn it was."""
    need = board.need_of(contact)
    if need.only:
        return CHOSEN["owner" if contact.owner == need.only else "last_handler"]
    reach = board.reach_to(handler.id, need.load) or Reach.ROOM
    by_skills = need.prefers and _passes_over_somebody(board, contact, need, reach, handler, now)
    among = OWN_CENTRE if centre(board.rules.queues[contact.queue].centre) in need.able else ""
    return CHOSEN["preferred_skills" if by_skills else board.rules.routing.choose_by] + among + _broke_into(reach, need)


def _broke_into(reach: Reach, need: Need) -> str:
    """What they were at when an emergency reached them; '' for nothing."""
    if reach is Reach.ROOM:
        return ""
    messages = "busy with messages" if need.load is Channel.VOICE else "full"
    return AS_EMERGENCY.format("in wrap-up" if reach is Reach.WRAP_UP else messages)


def _passes_over_somebody(board: Board, contact: Contact, need: Need, reach: Reach, chosen: Handler, now: Time) -> bool:
    """Whether somebody else within the same reach could take it whose turn comes sooner."""
    free = merge(*(turns for able, turns in board.free_for(need.load, reach) if need.able <= able))
    sooner = (name for _, name in takewhile(lambda turn: turn[1] != chosen.id, free))
    return any(
        not is_declined(contact, name, now) and not kept_for_a_call(board, name, contact, now) for name in sooner
    )
