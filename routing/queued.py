"""For whom a handler is wanted in each queue, whether one is being offered them or not: how many, and since when.

Emergencies are left out, and what is only to be looked at once more: nobody waits in it. ``Lines`` has those who are
offered to none, in the order of service, in which whoever has waited longest need not be first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from sortedcontainers import SortedList

from routing.lines import Line
from routing.model import Contact, Time, Work


@dataclass(slots=True)
class Crowd:
    """When each began to wait: ``callers``, who are on the line, and ``others``, who are not. Of these so many have
    left a voicemail."""

    callers: SortedList[Time] = field(default_factory=SortedList)
    others: SortedList[Time] = field(default_factory=SortedList)
    voicemails: int = 0


class Queued:
    """Kept as the contacts change."""

    def __init__(self) -> None:
        self._crowds: defaultdict[Line, Crowd] = defaultdict(Crowd)

    def crowds(self) -> Iterator[tuple[Line, Crowd]]:
        """Where somebody waits."""
        return (pair for pair in self._crowds.items() if pair[1].callers or pair[1].others)

    def put(self, contact: Contact, was: Contact) -> None:
        """The contact, and as it was before."""
        old, new = _standing(was), _standing(contact)
        if old == new:
            return
        if old is not None:
            crowd = self._crowds[old.line]
            (crowd.callers if old.live else crowd.others).remove(old.since)
            crowd.voicemails -= old.voicemail
        if new is not None:
            crowd = self._crowds[new.line]
            (crowd.callers if new.live else crowd.others).add(new.since)
            crowd.voicemails += new.voicemail


class _Standing(NamedTuple):
    line: Line
    live: bool
    voicemail: bool
    since: Time


def _standing(contact: Contact) -> _Standing | None:
    if not contact.wanted or contact.emergency or contact.closed_at is not None:
        return None
    if contact.work is Work.REVIEW and not contact.voicemail:
        return None
    live = contact.live
    return _Standing((contact.queue, contact.load), live, bool(contact.voicemail) and not live, contact.wait_began_at)
