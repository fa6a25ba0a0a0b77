"""Handlers, the people whom contacts are about, and what they are promised."""

from __future__ import annotations

from dataclasses import dataclass, field

from config.safety import Mark
from routing.model.kinds import Channel, FollowUpState, PresenceState, Time


@dataclass(frozen=True, slots=True)
class Presence:
    state: PresenceState
    reason: str = ""


@dataclass(frozen=True)
class Handler:
    """A person who takes contacts. ``idle_since``: when they were last given or finished something.

    ``reserved``: kept for emergencies. ``signed_in_at``, ``busy_seconds`` (since then) and ``offered_at`` (last)
    say who is next, where the site chooses by them. ``auto_answer``: their phone is asked to answer by itself.
    ``misses``: in a row; ``missed_at``: when the last of them was counted.
    """

    id: str
    name: str
    centre: str
    skills: frozenset[str] = frozenset()
    extension: str = ""
    text_capacity: int = 3
    email_capacity: int = 3
    presence: Presence = field(default_factory=lambda: Presence(PresenceState.OFFLINE))
    idle_since: Time = 0.0
    misses: int = 0
    missed_at: Time = 0.0
    reserved: bool = False
    signed_in_at: Time = 0.0
    busy_seconds: float = 0.0
    offered_at: Time = 0.0
    auto_answer: bool = False

    def capacity(self, channel: Channel) -> int:
        """How many contacts of this channel at once; calls come one at a time and need a phone."""
        match channel:
            case Channel.VOICE:
                return 1 if self.extension else 0
            case Channel.TEXT:
                return self.text_capacity
            case Channel.EMAIL:
                return self.email_capacity


@dataclass(frozen=True)
class Person:
    """What is known of whoever is at an address, beyond one contact. ``address``: as ``person_of`` spells it.

    ``opted_out``: our numbers from which they want no texts."""

    address: str
    safety: Mark = "normal"
    opted_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class FollowUp:
    """An outbound call, text or email that is due between ``not_before`` and ``not_after``.

    ``attempts`` counts the tries made; ``outcomes`` says how each ended. ``keeps_place``: a caller whom we
    cut off is served from the place they had in the queue. ``by_hand``: dialled by its owner from the contact.
    """

    id: str
    reference: str
    channel: Channel
    purpose: str
    address: str
    not_before: Time
    not_after: Time
    owner: str = ""
    state: FollowUpState = FollowUpState.SCHEDULED
    attempts: int = 0
    outcomes: tuple[str, ...] = ()
    next_at: Time = 0.0
    keeps_place: bool = False
    by_hand: bool = False
