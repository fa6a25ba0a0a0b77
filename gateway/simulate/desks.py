"""Who is signed in until when, and how long each was busy: from taking a contact to the end of its wrap-up."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from routing.model import Time


@dataclass(slots=True)
class Desk:
    """``since`` and ``busy_since`` count what is going on now; ``signed_in`` and ``busy`` are what is over."""

    until: Time = 0.0
    is_in: bool = False
    since: Time = 0.0
    contacts: int = 0
    busy_since: Time = 0.0
    signed_in: float = 0.0
    busy: float = 0.0
    handled: int = 0


class Desks:
    """Only what lies after ``measured_from`` is counted."""

    def __init__(self, measured_from: Time) -> None:
        self._from = measured_from
        self._desks: defaultdict[str, Desk] = defaultdict(Desk)

    # --- coming and going ----------------------------------------------------------------------------

    def on_duty(self, handler: str, until: Time) -> None:
        self._desks[handler].until = until

    def signs_in(self, handler: str, now: Time) -> None:
        desk = self._desks[handler]
        if not desk.is_in:
            desk.is_in, desk.since = True, now

    def signs_out(self, handler: str, now: Time) -> None:
        desk = self._desks[handler]
        desk.is_in = False
        desk.signed_in += self._long(desk.since, now)

    def is_in(self, handler: str) -> bool:
        return self._desks[handler].is_in

    def is_over(self, handler: str, now: Time) -> bool:
        return self._desks[handler].until <= now

    def is_on_duty(self, handler: str, now: Time) -> bool:
        return not self.is_over(handler, now)

    def may_go(self, handler: str, now: Time) -> bool:
        """The shift is over and nothing is left to do."""
        desk = self._desks[handler]
        return desk.is_in and desk.until <= now and not desk.contacts

    # --- contacts ------------------------------------------------------------------------------------

    def takes(self, handler: str, now: Time) -> None:
        desk = self._desks[handler]
        if not desk.contacts:
            desk.busy_since = now
        desk.contacts += 1
        desk.handled += now >= self._from

    def finishes(self, handler: str, now: Time) -> None:
        desk = self._desks[handler]
        desk.contacts -= 1
        if not desk.contacts:
            desk.busy += self._long(desk.busy_since, now)

    def drops(self, handler: str, now: Time) -> None:
        """What they had is taken from them: not handled."""
        self.finishes(handler, now)
        self._desks[handler].handled -= now >= self._from

    # --- the figures ---------------------------------------------------------------------------------

    def now(self) -> tuple[int, int]:
        """How many are signed in, and how many are busy."""
        desks = self._desks.values()
        return sum(desk.is_in for desk in desks), sum(desk.contacts > 0 for desk in desks)

    def totals(self, now: Time) -> dict[str, tuple[float, float, int]]:
        """Of each handler: seconds signed in, seconds busy, contacts taken."""
        return {
            name: (
                desk.signed_in + (self._long(desk.since, now) if desk.is_in else 0.0),
                desk.busy + (self._long(desk.busy_since, now) if desk.contacts else 0.0),
                desk.handled,
            )
            for name, desk in self._desks.items()
        }

    def _long(self, since: Time, until: Time) -> float:
        return max(0.0, until - max(since, self._from))
