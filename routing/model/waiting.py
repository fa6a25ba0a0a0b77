"""In which order, and for whom, a contact waits."""

from __future__ import annotations

from typing import NamedTuple

from routing.model.contact import Contact
from routing.model.kinds import Channel, Time


class Need(NamedTuple):
    """What kind of handler a waiting contact needs. ``only``: this handler alone, '' for anyone.

    ``prefers``: of those who can, who has more of these is chosen first."""

    load: Channel
    able: frozenset[str]
    only: str
    prefers: frozenset[str] = frozenset()


class Rank(NamedTuple):
    """The order in which waiting contacts are served: emergencies, then the most overdue, then the oldest.

    An emergency is due at once, whatever its queue: of two, whoever has waited longer is first."""

    ordinary: bool
    due_at: Time
    received_at: Time
    reference: str


def rank_of(contact: Contact) -> Rank:
    return Rank(not contact.emergency, contact.due, contact.received_at, contact.reference)
