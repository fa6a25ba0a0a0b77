"""The words that have a few values: channels, stages, states."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

Time = float
Wish = Literal["", "stop", "start"]
Role = Literal["consult", "transfer", "conference", "interpreter", "supervisor"]
# Why a queue is not served: no handler at all could, none who is there can, or they are far behind.
NotServed = Literal["queue_without_handlers", "queue_unattended", "queue_overdue"]


class Channel(StrEnum):
    VOICE = "voice"
    TEXT = "text"
    EMAIL = "email"


class Stage(StrEnum):
    """Where a contact is. A person can be waiting in ``arriving`` to ``scheduled``.

    ``passed``: the caller talks with an outside party. ``expected``: they were cut off and may call again.
    """

    ARRIVING = "arriving"
    QUEUED = "queued"
    OFFERED = "offered"
    ASSIGNED = "assigned"
    HANDOVER = "handover"
    PASSED = "passed"
    EXPECTED = "expected"
    SCHEDULED = "scheduled"
    WRAP_UP = "wrap_up"
    CLOSED = "closed"


class Work(StrEnum):
    """What a handler is wanted for."""

    CALL = "call"
    MESSAGE = "message"
    FOLLOW_UP = "follow_up"
    REVIEW = "review"


class HandoverState(StrEnum):
    CALLING = "calling"
    JOINED = "joined"
    ENDED = "ended"


class FollowUpState(StrEnum):
    SCHEDULED = "scheduled"
    DUE = "due"
    DONE = "done"
    GIVEN_UP = "given_up"
    CANCELLED = "cancelled"


class PresenceState(StrEnum):
    AVAILABLE = "available"
    AWAY = "away"
    OFFLINE = "offline"


class Doing(StrEnum):
    """What a handler is doing: derived from offers, assignments and wrap-ups."""

    NOTHING = "nothing"
    RINGING = "ringing"
    ON_CONTACT = "on_contact"
    WRAP_UP = "wrap_up"
