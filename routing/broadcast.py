"""An emergency that is being offered is shown to all who could be given it, whenever that becomes so."""

from __future__ import annotations

from collections.abc import Iterator

from routing.board import Board
from routing.commands import MakeOffer
from routing.matching import is_declined
from routing.model import REACHES, Contact, Offer, Time, rank_of
from routing.replacing import replace

WHY = "an emergency is shown to all who are free"


def shown_to_more(board: Board, now: Time) -> tuple[MakeOffer, ...]:
    """To whom else the emergencies on offer are shown now: asked when nothing more can be matched.

    Looked at are those on offer since the last look, for everybody, and the others for who came into reach since then.
    """
    if not (board.unshown or board.onlookers):
        return ()
    unshown, onlookers = board.take_unshown()
    whom = {ref: unseen_by(board, board.contacts[ref], now) for ref in unshown if ref in board.on_offer}
    for handler in sorted(onlookers):
        for contact in _of_interest(board, handler):
            if contact.reference not in unshown and not is_declined(contact, handler, now):
                whom.setdefault(contact.reference, []).append(handler)
    # In the order of service, whatever happened before: a board that was rebuilt must decide the same.
    order = sorted((board.contacts[reference] for reference in whom), key=rank_of)
    return tuple(_show(c, handler, n, now) for c in order for n, handler in enumerate(whom[c.reference], start=1))


def _of_interest(board: Board, handler: str) -> Iterator[Contact]:
    """The emergencies on offer that this handler could be given and does not see."""
    channels = board.channels_within(handler)
    if not channels[-1]:
        return
    able, engaged = board.able(handler), board.loads.of(handler).contacts
    for reference, need in board.on_offer.items():
        if need.load in channels[need.reach] and need.able <= able:
            contact = board.contacts[reference]
            if reference not in engaged or all(offer.handler != handler for offer in contact.offers):
                yield contact


def unseen_by(board: Board, contact: Contact, now: Time) -> list[str]:
    """Who is within its reach and can do what it needs, and does not see it: who has room first, then in their turn."""
    need, seen = board.need_of(contact), {offer.handler for offer in contact.offers}
    able = [
        handler
        for reach in REACHES[: need.reach + 1]
        for _, handler in sorted(
            turn for able, turns in board.free_for(need.load, reach) if need.able <= able for turn in turns
        )
    ]
    return [handler for handler in able if handler not in seen and not is_declined(contact, handler, now)]


def _show(contact: Contact, handler: str, number: int, now: Time) -> MakeOffer:
    """It lasts as long as the one in earnest."""
    earnest: Offer = next(offer for offer in contact.offers if not offer.broadcast)
    identifier = f"{contact.reference}-{contact.offers_made + number}"
    shown = replace(earnest, id=identifier, handler=handler, by_phone=False, made_at=now, broadcast=True)
    return MakeOffer(shown, WHY)
