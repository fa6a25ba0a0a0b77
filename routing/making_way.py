"""An emergency by text or email does not wait behind routine messages that are only on offer and that nobody has taken.

A handler who is away from the desk with routine offers on it would otherwise hold up the emergency until those expire.
"""

from __future__ import annotations

from routing.board import Board
from routing.commands import EndOffer
from routing.matching import is_declined
from routing.model import Contact, Time, rank_of

WHY = "an emergency comes first"


def make_way(board: Board, now: Time) -> tuple[EndOffer, ...]:
    """For the first emergency that nobody is free for, one routine offer goes back to its line, of whose turn it is."""
    while board.stranded:
        contact = min((board.contacts[reference] for reference in board.stranded), key=rank_of)
        del board.stranded[contact.reference]
        whom = [h for h in board.could_make_way(contact) if not is_declined(contact, h, now)]
        if contact.waiting and whom:
            return end_routine_offer(board, whom[0], contact)
    return ()


def end_routine_offer(board: Board, handler: str, contact: Contact) -> tuple[EndOffer, ...]:
    """The latest one of this handler in the contact's channel, if there is one."""
    offer = board.routine_offer(handler, contact.load)
    return (EndOffer(offer.id, offer.reference, handler, "withdrawn", WHY),) if offer else ()
