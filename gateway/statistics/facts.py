"""What is counted: waits, handlings, and spells of presence. Each is drawn from the journal alone.

Times are seconds since 1970-01-01 UTC; ``None`` is: not yet. ``centre`` is the handler's at that time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from routing.model import Channel, Time

Outcome = Literal[
    "arriving",
    "waiting",
    "answered",
    "abandoned",
    "before_queue",
    "callback",
    "voicemail",
    "passed",
    "control_room",
    "cut_off",
    "ended",
]
OPEN: tuple[Outcome, ...] = ("arriving", "waiting")
Activity = Literal["call", "message", "follow_up", "review", "assist"]


@dataclass(frozen=True)
class Wait:
    """One person's wait for an answer. ``began_at``: in a queue; None for who never came to one.

    ``again``: put back after somebody had talked with them. ``through``: the queues that led them on to ``queue``.
    """

    id: str
    reference: str
    queue: str
    channel: Channel
    again: bool
    arrived_at: Time
    began_at: Time | None = None
    ended_at: Time | None = None
    outcome: Outcome = "arriving"
    emergency: bool = False
    handler: str = ""
    centre: str = ""
    through: tuple[str, ...] = ()

    @property
    def seconds(self) -> float | None:
        """In the queue; None while that is open, or without a queue."""
        return None if self.began_at is None or self.ended_at is None else self.ended_at - self.began_at


@dataclass(frozen=True)
class Handling:
    """One handler's work on one contact: talk (``hold_seconds`` of it on hold), then wrap-up.

    ``assist``: as a guest in somebody else's call. ``reached``: the person whom a follow-up call was for answered.
    """

    id: str
    reference: str
    queue: str
    channel: Channel
    activity: Activity
    handler: str
    centre: str
    began_at: Time
    talked_until: Time | None = None
    ended_at: Time | None = None
    hold_seconds: float = 0.0
    reached: bool = False


@dataclass(frozen=True)
class Spell:
    """A handler was available, or away for a reason. Offline is no spell."""

    id: str
    handler: str
    centre: str
    state: str
    reason: str
    began_at: Time
    ended_at: Time | None = None


Fact = Wait | Handling | Spell


@dataclass
class Matter:
    """What must be known of an open contact to draw its next facts. ``heard``: somebody has talked with the person
    since they last began to wait. ``due``: the follow-up that a handler is wanted for; ``dialled``: one by hand.

    ``opened``: the journal's row that opened it; a contact that was closed can be opened again.
    """

    reference: str
    channel: Channel
    queue: str
    opened: int = 0
    live: bool = False
    emergency: bool = False
    heard: bool = False
    voicemail: bool = False
    control_room: bool = False
    passed_to: str = ""
    activity: Activity = "review"
    activity_channel: Channel = Channel.TEXT
    wait: Wait | None = None
    handlings: list[Handling] = field(default_factory=list)
    guests: dict[str, str] = field(default_factory=dict)
    held: list[str] = field(default_factory=list)
    held_since: Time = 0.0
    follow_ups: dict[str, Channel] = field(default_factory=dict)
    callback: str = ""
    due: str = ""
    dialled: bool = False
    facts: int = 0

    @property
    def waits(self) -> bool:
        return self.wait is not None and self.wait.outcome in OPEN

    @property
    def talking(self) -> Handling | None:
        """The handler who has it."""
        return next((h for h in self.handlings if h.talked_until is None and h.activity != "assist"), None)

    @property
    def alone(self) -> bool:
        """The person is on the line and nobody of ours, nor anyone outside, has them."""
        return self.live and self.talking is None and not self.passed_to


@dataclass
class Colleague:
    """A handler's centre and the spell they are in."""

    id: str
    centre: str = ""
    spell: Spell | None = None
