"""How far a simulated contact is, as the statistics would say of it."""

from __future__ import annotations

from routing.model import Contact, Work


def with_control_room(contact: Contact) -> bool:
    """It has come into the call; here it stays to the end."""
    return contact.handover is not None and contact.handover.joined_at is not None


def is_heard(contact: Contact) -> bool:
    """A person has answered: the first wait is over."""
    return contact.answered_at is not None or with_control_room(contact)


def place_of(contact: Contact) -> str:
    """Which part of ``LeftOpen`` it belongs to."""
    if contact.assignment or contact.wrap_ups or (contact.live and with_control_room(contact)):
        return "in_hand"
    if contact.wanted and (contact.live or contact.work is Work.MESSAGE):
        return "waiting"
    return "arriving" if contact.live else "later"
