"""An emergency that is being offered is shown to all who could take it, whenever they become free for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from routing.board import Board
from routing.commands import MakeOffer
from routing.matching import is_declined
from routing.model import Contact, Offer, Time, rank_of
from routing.replacing import replace

WHY = "an emergency is shown to all who are free"


def shown_to_more(board: Board, now: Time) -> tuple[MakeOffer, ...]:
    """To whom else the emergencies on offer are shown now: asked when nothing more can be matched.

    Looked at are those on offer since the last look, for everybody, and the others for who became free since then.
    """
    if not (board.unshown or board.onlookers):
        return ()
    unshown, freed = board.take_unshown()
    if not board.on_offer:
        return ()
    onlookers = [handler for handler in sorted(freed) if board.room_of(handler) or handler in board.loads.offered]
    looked_at = board.on_offer if onlookers else board.on_offer.keys() & unshown
    shown: list[MakeOffer] = []
    # In the order of service, whatever happened before: a board that was rebuilt must decide the same.
    for contact in sorted((board.contacts[reference] for reference in looked_at), key=rank_of):
        is_new = contact.reference in unshown
        whom = _who_can(board, contact, now) if is_new else _of_these(board, contact, onlookers, now)
        shown += [_show(contact, handler, n, now) for n, handler in enumerate(whom, start=1)]
    return tuple(shown)


def _who_can(board: Board, contact: Contact, now: Time) -> list[str]:
    """Those who are free, then those whose room is full only of routine messages that they have not taken."""
    seen = {offer.handler for offer in contact.offers}
    making_way = [h for h in board.could_make_way(contact) if h not in seen and not is_declined(contact, h, now)]
    return unseen_by(board, contact, now) + making_way


def unseen_by(board: Board, contact: Contact, now: Time) -> list[str]:
    """Who is free for it and can do what it needs, and does not see it; in their turn."""
    need, seen = board.need_of(contact), {offer.handler for offer in contact.offers}
    turns = sorted(turn for able, turns in board.free_for(need.load) if need.able <= able for turn in turns)
    return [handler for _, handler in turns if handler not in seen and not is_declined(contact, handler, now)]


def _of_these(board: Board, contact: Contact, handlers: Iterable[str], now: Time) -> Iterator[str]:
    seen, making_way = {offer.handler for offer in contact.offers}, board.could_make_way(contact)
    for handler in handlers:
        can = board.can_take(handler, contact) or handler in making_way
        if can and handler not in seen and not is_declined(contact, handler, now):
            yield handler


def _show(contact: Contact, handler: str, number: int, now: Time) -> MakeOffer:
    """It lasts as long as the one in earnest."""
    earnest: Offer = next(offer for offer in contact.offers if not offer.broadcast)
    identifier = f"{contact.reference}-{contact.offers_made + number}"
    shown = replace(earnest, id=identifier, handler=handler, by_phone=False, made_at=now, broadcast=True)
    return MakeOffer(shown, WHY)
