"""In which order, and for whom, a contact waits."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from routing.model.contact import Contact
from routing.model.kinds import Channel, Time


class Reach(IntEnum):
    """How far we go to find somebody: each takes in the ones before it, who come first.

    ``ROOM``: who has room. ``BEYOND``, for an emergency: who is full too, for one message more than they take; and
    whoever has messages in hand is rung. ``WRAP_UP``, for one that has waited: also who is in wrap-up.
    """

    ROOM = 0
    BEYOND = 1
    WRAP_UP = 2


REACHES = tuple(Reach)


class Need(NamedTuple):
    """What kind of handler a waiting contact needs. ``only``: this handler alone, '' for anyone.

    ``prefers``: of those who can, who has more of these is chosen first. ``reach``: how far we go to find them."""

    load: Channel
    able: frozenset[str]
    only: str
    prefers: frozenset[str] = frozenset()
    reach: Reach = Reach.ROOM


class Rank(NamedTuple):
    """The order in which waiting contacts are served: emergencies, then the most overdue, then the oldest.

    An emergency is due at once, whatever its queue: of two, whoever has waited longer is first."""

    ordinary: bool
    due_at: Time
    received_at: Time
    reference: str


def rank_of(contact: Contact) -> Rank:
    return Rank(not contact.emergency, contact.due, contact.received_at, contact.reference)
