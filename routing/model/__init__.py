"""The things routing thinks about. All frozen: a change is a new value.

Times are seconds since 1970-01-01 UTC. Where a contact is, and what a handler is doing, are derived from
what is open, never stored: so they cannot disagree with it. What ``replacing`` copies has no slots.
"""

from __future__ import annotations

from routing.model.contact import BLANK, Contact, call_thread
from routing.model.kinds import (
    Channel,
    Doing,
    FollowUpState,
    HandoverState,
    NotServed,
    PresenceState,
    Role,
    Stage,
    Time,
    Wish,
    Work,
)
from routing.model.parts import Assignment, Declined, Graded, Guest, Handover, Offer, Overflowing, Party, WrapUp
from routing.model.people import FollowUp, Handler, Person, Presence
from routing.model.waiting import REACHES, Need, Rank, Reach, rank_of

# All of them are used from here.
__all__ = [
    "BLANK",
    "REACHES",
    "Assignment",
    "Channel",
    "Contact",
    "Declined",
    "Doing",
    "FollowUp",
    "FollowUpState",
    "Graded",
    "Guest",
    "Handler",
    "Handover",
    "HandoverState",
    "Need",
    "NotServed",
    "Offer",
    "Overflowing",
    "Party",
    "Person",
    "Presence",
    "PresenceState",
    "Rank",
    "Reach",
    "Role",
    "Stage",
    "Time",
    "Wish",
    "Work",
    "WrapUp",
    "call_thread",
    "rank_of",
]
