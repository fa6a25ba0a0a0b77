"""The things routing thinks about. All frozen: a change is a new value.

Times are seconds since 1970-01-01 UTC. Where a contact is, and what a handler is doing, are derived from
what is open, never stored: so they cannot disagree with it. What ``replacing`` copies has no slots.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, NamedTuple

from config.overflow import Cause, StepKind
from config.safety import Mark
from routing.triage.finding import Found

Time = float
Wish = Literal["", "stop", "start"]
Role = Literal["consult", "transfer", "conference", "interpreter", "supervisor"]


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


@dataclass(frozen=True, slots=True)
class Party:
    """The person on the other side. A withheld number has the address ''."""

    address: str
    name: str = ""

    @property
    def withheld(self) -> bool:
        return not self.address


@dataclass(frozen=True)
class Offer:
    """A contact shown to one handler until ``expires_at``. A call's offer is accepted by answering the phone.

    ``broadcast``: others are offered it as well, one of them in earnest; this one takes up nobody's room.
    ``claimed``: its handler has asked for it, so that nobody else is shown it.
    """

    id: str
    reference: str
    handler: str
    channel: Channel
    by_phone: bool
    made_at: Time
    expires_at: Time
    broadcast: bool = False
    claimed: bool = False


@dataclass(frozen=True, slots=True)
class Assignment:
    handler: str
    since: Time


@dataclass(frozen=True)
class WrapUp:
    """``until``: when it should be over; the desk is then told once (``told``)."""

    handler: str
    since: Time
    alarmed: bool = False
    until: Time = 0.0
    told: bool = False


@dataclass(frozen=True)
class Guest:
    """Somebody more in a call, or being rung for it. ``handler``: their id if they are one of ours."""

    target: str
    role: Role
    since: Time
    handler: str = ""
    answered_at: Time | None = None


@dataclass(frozen=True)
class Declined:
    """This handler declined or missed the contact and is not offered it again before ``until``; 0 when that is over.

    ``times``: how often; the pause grows with it."""

    handler: str
    until: Time
    times: int = 1


@dataclass(frozen=True)
class Handover:
    """An emergency on its way to the control room; ``joined`` is its positive acknowledgement."""

    started_at: Time
    by: str
    state: HandoverState
    target: str = ""
    joined_at: Time | None = None


@dataclass(frozen=True, slots=True)
class Overflowing:
    """The step of the queue's overflow that the contact is at: ``step`` is its place in the cause's chain."""

    cause: Cause
    kind: StepKind
    step: int
    at: Time


@dataclass(frozen=True)
class Person:
    """What is known of whoever is at an address, beyond one contact. ``address``: as ``person_of`` spells it.

    ``opted_out``: our numbers from which they want no texts."""

    address: str
    safety: Mark = "normal"
    opted_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Graded:
    grade: str
    by: str
    at: Time


@dataclass(frozen=True)
class Contact:
    """One matter brought by a person.

    ``wanted``: a handler is wanted now, for ``work``. ``queued_at`` is the place in the queue and is kept
    through failed offers and lost calls. ``work_channel`` is set where the work is not of the contact's own
    channel. ``live``: the caller is on the line. ``unread``: the newest message that no handler has answered
    or was offered the contact with. ``passed_to``: the outside party who has the caller. ``safety``: whether
    it is safe to reach this person. ``held``: at the desk. ``no_sound``: the legs of the call from which no sound
    packets come. ``callback``: the follow-up that keeps the caller's place. ``voicemail``: the
    recording that no handler was given yet; ``voicemail_silent``: nothing was heard in it.
    ``sounds_like``: why its words sound like an emergency, ``found`` what they say of place, service and so on.
    ``expected_until``: the caller was cut off and gets their place back until then.
    ``language``: what the person speaks, '' for ours. ``relaxed``: how many steps of what it needs are over.
    ``bumps``: why it is served sooner, by ``ahead`` seconds and at most ``due_within`` seconds
    after it began to wait. ``entered_queue_at``, ``wait_over_at`` and ``ended_in`` are of the person's own call and
    no later one. ``waiting_since``: when they began to wait in this queue, for its longest wait. ``overflow``:
    the step they are at; ``overflowed``: the causes that have no more steps for them in this queue;
    ``not_led_on``: somebody else is on the line with them, so that they are led nowhere until that has changed.
    ``reopened_at``: the person wrote again after it had been closed. ``heard_at``: their last text; ``silence_told``:
    that nothing has come since was told. ``asked_where``: we have asked where they are.
    """

    reference: str
    channel: Channel
    queue: str
    party: Party
    our_address: str
    received_at: Time
    due_at: Time
    subject: str = ""
    thread: str = ""
    linked_to: str = ""
    emergency: bool = False
    live: bool = False
    wanted: bool = False
    work: Work = Work.CALL
    work_channel: Channel | None = None
    queued_at: Time | None = None
    preferred: str = ""
    preferred_until: Time | None = None
    declined: tuple[Declined, ...] = ()
    offers: tuple[Offer, ...] = ()
    offers_made: int = 0
    assignment: Assignment | None = None
    wrap_ups: tuple[WrapUp, ...] = ()
    handover: Handover | None = None
    follow_up: str = ""
    follow_ups_open: int = 0
    owner: str = ""
    answered_at: Time | None = None
    ended_at: Time | None = None
    closed_at: Time | None = None
    grades: tuple[Graded, ...] = ()
    disposition: str = ""
    unread: str = ""
    call_id: str = ""
    guests: tuple[Guest, ...] = ()
    passed_to: str = ""
    safety: Mark = "normal"
    held: bool = False
    held_at_phone: bool = False
    no_sound: tuple[str, ...] = ()
    recording_paused: bool = False
    silent: bool = False
    callback: str = ""
    calls_made: int = 0
    voicemail: str = ""
    voicemail_silent: bool = False
    expected_until: Time | None = None
    entered_queue_at: Time | None = None
    wait_over_at: Time | None = None
    ended_in: Stage | None = None
    language: str = ""
    relaxed: int = 0
    bumps: tuple[str, ...] = ()
    ahead: float = 0.0
    due_within: float | None = None
    waiting_since: Time | None = None
    overflow: Overflowing | None = None
    overflowed: tuple[Cause, ...] = ()
    not_led_on: bool = False
    sounds_like: str = ""
    found: tuple[Found, ...] = ()
    reopened_at: Time | None = None
    heard_at: Time | None = None
    silence_told: bool = False
    waiting_alarmed_at: Time = 0.0
    asked_where: bool = False

    @property
    def stage(self) -> Stage:
        if self.closed_at is not None:
            return Stage.CLOSED
        if self.assignment:
            return Stage.ASSIGNED
        if self.wanted:
            return Stage.OFFERED if self.offers else Stage.QUEUED
        if self.live and self.passed_to:
            return Stage.PASSED
        if self.live:
            return Stage.HANDOVER if self.handover else Stage.ARRIVING
        if self.wrap_ups:
            return Stage.WRAP_UP
        if self.follow_ups_open:
            return Stage.SCHEDULED
        return Stage.ARRIVING if self.expected_until is None else Stage.EXPECTED

    @property
    def waiting(self) -> bool:
        """Wants a handler and is shown to none."""
        return self.wanted and not self.offers

    @property
    def due(self) -> Time:
        """When it ought to be answered: the queue's target, or sooner where it was bumped."""
        due = self.due_at - self.ahead
        if self.due_within is None:
            return due
        return min(due, (self.queued_at or self.received_at) + self.due_within)

    @property
    def settled(self) -> bool:
        """Nothing is open any more: it can be closed."""
        busy = self.live or self.wanted or self.assignment or self.wrap_ups or self.follow_ups_open
        return not busy and self.expected_until is None and self.closed_at is None

    @property
    def abandoned(self) -> bool:
        """The caller hung up in the queue, or where its overflow had led them, and nobody ever talked with them."""
        led_on = self.overflow is not None and self.ended_in is Stage.ARRIVING and not self.voicemail
        return (led_on or self.ended_in in (Stage.QUEUED, Stage.OFFERED)) and self.answered_at is None

    @property
    def menu_seconds(self) -> float | None:
        """From the arrival to the queue, or to the hang-up before it; None while that is open."""
        until = self.wait_over_at if self.entered_queue_at is None else self.entered_queue_at
        return None if until is None else until - self.received_at

    @property
    def waited_seconds(self) -> float | None:
        """From the queue to the first answer or the hang-up; None while that is open or without a queue."""
        if self.entered_queue_at is None or self.wait_over_at is None:
            return None
        return self.wait_over_at - self.entered_queue_at

    @property
    def call_thread(self) -> str:
        """What a caller who was cut off is known by when they call again; '' for a withheld number."""
        return call_thread(self.our_address, self.party)

    @property
    def calling(self) -> bool:
        """A handler is calling somebody who has not answered yet."""
        return self.assignment is not None and self.work is Work.FOLLOW_UP and self.load is Channel.VOICE

    @property
    def load(self) -> Channel:
        """Whose capacity it takes: calling back the sender of a text is a call."""
        return self.work_channel or self.channel


@dataclass(frozen=True, slots=True)
class Presence:
    state: PresenceState
    reason: str = ""


@dataclass(frozen=True)
class Handler:
    """A person who takes contacts. ``idle_since``: when they were last given or finished something.

    ``reserved``: kept for emergencies. ``signed_in_at``, ``busy_seconds`` (since then) and ``offered_at`` (last)
    say who is next, where the site chooses by them. ``auto_answer``: their phone is asked to answer by itself.
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


class Need(NamedTuple):
    """What kind of handler a waiting contact needs. ``only``: this handler alone, '' for anyone.

    ``prefers``: of those who can, who has more of these is chosen first."""

    load: Channel
    able: frozenset[str]
    only: str
    prefers: frozenset[str] = frozenset()


class Rank(NamedTuple):
    """The order in which waiting contacts are served: emergencies, then the most overdue, then the oldest."""

    ordinary: bool
    due_at: Time
    received_at: Time
    reference: str


# A new contact is a copy of it with its own values: many times as fast as to name each field anew.
BLANK = Contact("", Channel.VOICE, "", Party(""), "", 0.0, 0.0)


def call_thread(our_address: str, party: Party) -> str:
    return "" if party.withheld else f"call:{our_address}:{party.address}"


def rank_of(contact: Contact) -> Rank:
    return Rank(not contact.emergency, contact.due, contact.received_at, contact.reference)
