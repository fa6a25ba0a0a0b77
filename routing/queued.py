"""For whom a handler is wanted in each queue, whether one is being offered them or not: how many, and since when.

Emergencies are left out, and what is only to be looked at once more: nobody waits in it. ``Lines`` has those who are
offered to none, in the order of service, in which whoever has waited longest need not be first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
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
    """Who has moved is put where they belong when somebody looks: far more is decided than looked at."""

    def __init__(self, contacts: Mapping[str, Contact]) -> None:
        self._contacts = contacts
        self._moved: dict[str, None] = {}
        self._standing: dict[str, _Standing] = {}
        self._crowds: defaultdict[Line, Crowd] = defaultdict(Crowd)

    def note(self, reference: str) -> None:
        """This contact has changed while somebody was wanted for it, or is."""
        self._moved[reference] = None

    def forget(self, reference: str) -> None:
        """It is closed: whoever came and went between two looks never stood here."""
        if reference not in self._standing:
            self._moved.pop(reference, None)

    def crowds(self) -> Iterator[tuple[Line, Crowd]]:
        """Where somebody waits."""
        while self._moved:
            self._put(self._moved.popitem()[0])
        return (pair for pair in self._crowds.items() if pair[1].callers or pair[1].others)

    def _put(self, reference: str) -> None:
        contact = self._contacts.get(reference)
        old, new = self._standing.pop(reference, None), None if contact is None else _standing(contact)
        if old is not None:
            crowd = self._crowds[old.line]
            (crowd.callers if old.live else crowd.others).remove(old.since)
            crowd.voicemails -= old.voicemail
        if new is not None:
            self._standing[reference] = new
            crowd = self._crowds[new.line]
            (crowd.callers if new.live else crowd.others).add(new.since)
            crowd.voicemails += new.voicemail


class _Standing(NamedTuple):
    line: Line
    live: bool
    voicemail: bool
    since: Time


def _standing(contact: Contact) -> _Standing | None:
    if not contact.wanted or contact.emergency:
        return None
    if contact.work is Work.REVIEW and not contact.voicemail:
        return None
    live = contact.live
    return _Standing((contact.queue, contact.load), live, bool(contact.voicemail) and not live, contact.wait_began_at)
