"""Who has been in contact of late: how often, and who dealt with them last."""

from __future__ import annotations

from collections import deque

from config.numbers import person_of
from routing.model import Contact, Time

ACKNOWLEDGED_SECONDS = 3_600.0  # a person who sends text after text is told once in so long that they were heard


class Recent:
    """By address, for at least ``seconds``; a withheld number is nobody. Made anew from the contacts at start-up."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._known: dict[str, dict[str, tuple[Time, str]]] = {}
        self._arrivals: deque[tuple[Time, str, str]] = deque()

    def note(self, contact: Contact) -> None:
        """A contact that is new, or has another owner."""
        address = contact.party.address
        if not address:
            return
        known = self._known.setdefault(address, {})
        if contact.reference not in known:
            self._arrivals.append((contact.received_at, address, contact.reference))
            self._forget(contact.received_at - self._seconds)
        known[contact.reference] = (contact.received_at, contact.owner)

    def count(self, address: str, since: Time) -> int:
        """How many contacts this address has opened since then."""
        return sum(at >= since for at, _ in self._known.get(address, {}).values())

    def handler(self, address: str, since: Time) -> str:
        """Who was given the latest contact of this address since then, '' for nobody."""
        given = [
            (at, reference, owner)
            for reference, (at, owner) in self._known.get(address, {}).items()
            if owner and at >= since
        ]
        return max(given)[2] if given else ""

    def _forget(self, before: Time) -> None:
        while self._arrivals and self._arrivals[0][0] < before:
            _, address, reference = self._arrivals.popleft()
            known = self._known.get(address, {})
            known.pop(reference, None)
            if not known:
                self._known.pop(address, None)


class Acknowledged:
    """Who was told by text of late that they were heard, by person."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._told: dict[str, Time] = {}

    def note(self, address: str, now: Time) -> None:
        person = person_of(address)
        self._told.pop(person, None)
        self._told[person] = now
        while now - next(iter(self._told.values())) >= self._seconds:  # never empty: the person told now is in it
            del self._told[next(iter(self._told))]

    @property
    def told(self) -> list[tuple[Time, str]]:
        """When and who, oldest first."""
        return [(at, person) for person, at in self._told.items()]

    def lately(self, address: str, now: Time) -> bool:
        at = self._told.get(person_of(address))
        return at is not None and now - at < self._seconds
