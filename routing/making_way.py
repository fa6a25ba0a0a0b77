"""What somebody has taken stays theirs; a routine message that is only on offer to them makes way for an emergency.

A handler who is away from the desk with routine offers on it would otherwise hold up the emergency until those expire,
and one who takes it would have more to do than need be.
"""

from __future__ import annotations

from routing.board import Board
from routing.commands import EndOffer
from routing.model import Contact, Handler

WHY = "an emergency comes first"


def make_way(board: Board, handler: Handler, contact: Contact, coming: int = 0) -> tuple[EndOffer, ...]:
    """Where the handler would have more of the contact's channel than they take, with so many more ``coming``: the
    latest routine one that they have not taken goes back to its line, if there is one."""
    if board.loads.of(handler.id).taken[contact.load] + coming <= handler.capacity(contact.load):
        return ()
    offer = board.routine_offer(handler.id, contact.load)
    return (EndOffer(offer.id, offer.reference, handler.id, "withdrawn", WHY),) if offer else ()
