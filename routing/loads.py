"""What each handler has in hand, and so for what they have room. Kept as the contacts change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from routing.model import BLANK, Channel, Contact, Offer


@dataclass(slots=True)
class Load:
    """What a handler has: how much of each channel (``taken``), how many contacts and wrap-ups in hand, and in which
    contacts, how many times, they are offered, assigned, a guest or in wrap-up. Of what is taken, ``offered``
    is on offer, ``wrap_ups`` are calls that are over, and ``urgent`` the messages that are emergencies."""

    taken: dict[Channel, int] = field(default_factory=lambda: dict.fromkeys(Channel, 0))
    in_hand: int = 0
    contacts: dict[str, int] = field(default_factory=dict)
    offered: int = 0
    wrap_ups: int = 0
    urgent: int = 0


NO_LOAD = Load()


class Loads:
    """``moved``: where the handlers are noted whose room has changed."""

    def __init__(self, moved: dict[str, None]) -> None:
        self._moved = moved
        self._loads: dict[str, Load] = {}

    def of(self, handler: str) -> Load:
        return self._loads.get(handler, NO_LOAD)

    def engaged(self) -> dict[str, set[str]]:
        """The references of the contacts of each handler who has any. For checking."""
        return {handler: set(load.contacts) for handler, load in self._loads.items() if load.contacts}

    def put(self, contact: Contact, was: Contact) -> None:
        """The contact, and as it was before."""
        if contact.closed_at is not None:
            contact = BLANK  # it takes nothing of anybody any more
        raised = contact.emergency is not was.emergency
        if raised or contact.offers is not was.offers:
            gone, new = (was.offers, contact.offers) if raised else _differences(was.offers, contact.offers)
            self._take_offers(was, gone, -1)
            self._take_offers(contact, new, 1)
        if raised or contact.assignment is not was.assignment or contact.work_channel is not was.work_channel:
            if was.assignment:
                self._take(was.assignment.handler, was, was.load, -1, -1)
            if contact.assignment:
                self._take(contact.assignment.handler, contact, contact.load, 1, 1)
        if contact.wrap_ups is not was.wrap_ups:
            for wrap_up in was.wrap_ups:
                self._take_wrap_up(wrap_up.handler, was, -1)
            for wrap_up in contact.wrap_ups:
                self._take_wrap_up(wrap_up.handler, contact, 1)
        if contact.guests is not was.guests:
            for guest in was.guests:
                self._take(guest.handler, was, Channel.VOICE, -1)
            for guest in contact.guests:
                self._take(guest.handler, contact, Channel.VOICE, 1)

    def _take_offers(self, contact: Contact, offers: Iterable[Offer], number: int) -> None:
        for offer in offers:
            self._take(offer.handler, contact, None if offer.broadcast else offer.channel, number)
            if not offer.broadcast:
                self._loads[offer.handler].offered += number

    def _take_wrap_up(self, handler: str, contact: Contact, number: int) -> None:
        self._take(handler, contact, Channel.VOICE, number, number)
        self._loads[handler].wrap_ups += number

    def _take(self, handler: str, contact: Contact, channel: Channel | None, number: int, in_hand: int = 0) -> None:
        """``number``: 1 more or, with -1, 1 less; ``channel``: None for what takes no room."""
        if not handler:
            return
        load = self._loads.get(handler)
        if load is None:
            load = self._loads[handler] = Load()
        if channel is not None:
            load.taken[channel] += number
            if contact.emergency and channel is not Channel.VOICE:
                load.urgent += number
            self._moved[handler] = None
        load.in_hand += in_hand
        times = load.contacts.get(contact.reference, 0) + number
        if times:
            load.contacts[contact.reference] = times
        else:
            del load.contacts[contact.reference]


def _differences(was: tuple[Offer, ...], now: tuple[Offer, ...]) -> tuple[Iterable[Offer], Iterable[Offer]]:
    """What is only in the one and only in the other. An offer that stays is the same object.

    Mostly one has come, or the first has gone: an emergency that is shown to many changes as many times."""
    if now[:-1] == was:
        return (), now[-1:]
    if was[1:] == now:
        return was[:1], ()
    if not was or not now:
        return was, now
    kept = {id(offer) for offer in was} & {id(offer) for offer in now}
    return [o for o in was if id(o) not in kept], [o for o in now if id(o) not in kept]
