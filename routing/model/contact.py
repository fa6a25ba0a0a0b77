"""One matter brought by a person. Where it is follows from what is open in it."""

from __future__ import annotations

from dataclasses import dataclass

from config.overflow import Cause
from config.safety import Mark
from routing.model.kinds import Channel, Stage, Time, Work
from routing.model.parts import Assignment, Declined, Graded, Guest, Handover, Offer, Overflowing, Party, WrapUp
from routing.triage.finding import Found


@dataclass(frozen=True)
class Contact:
    """One matter brought by a person.

    ``wanted``: a handler is wanted now, for ``work``. ``queued_at`` is the place in the queue and is kept through
    failed offers and lost calls. ``due_at``: the queue's target after the wait began, which is when a message
    arrives and when a call comes to its first queue; until then after the call's arrival. ``work_channel`` is set
    where the work is not of the contact's own channel. ``live``: the caller is on the line. ``unread``: the newest
    message that no handler has answered or was offered the contact with. ``passed_to``: the outside party who has
    the caller. ``safety``: whether it is safe to reach this person. ``held``: at the desk. ``no_sound``: the legs
    of the call from which no sound packets come. ``callback``: the follow-up that keeps the caller's place.
    ``voicemail``: the recording that no handler was given yet; ``voicemail_silent``: nothing was heard in it.
    ``sounds_like``: why its words sound like an emergency, ``found`` what they say of place, service and so on.
    ``expected_until``: the caller was cut off and gets their place back until then.
    ``language``: what the person speaks, '' for ours. ``relaxed``: how many steps of what it needs are over.
    ``bumps``: why it is served sooner, by ``ahead`` seconds and at most ``due_within`` seconds
    after it began to wait. ``entered_queue_at``, ``wait_over_at`` and ``ended_in`` are of the person's own call and
    no later one. ``waiting_since``: when they began to wait in this queue, for its longest wait. ``overflow``:
    the step they are at; ``overflowed``: the causes that have no more steps for them in this queue;
    ``not_led_on``: somebody else is on the line with them, so that they are led nowhere until that has changed.
    ``reopened_at``: the person wrote again after it had been closed. ``heard_at``: their last text, or the end of a
    call with them; ``silence_told``: that nothing has come since was told. ``asked_where``: we have asked where they
    are.
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
    def wait_began_at(self) -> Time:
        """A message's on arrival, a call's when it comes to its first queue; before that it counts from arrival too."""
        return self.received_at if self.queued_at is None else self.queued_at

    @property
    def due(self) -> Time:
        """When it ought to be answered: an emergency at once, others by the queue's target, sooner where bumped."""
        if self.emergency:
            return self.wait_began_at
        due = self.due_at - self.ahead
        if self.due_within is None:
            return due
        return min(due, self.wait_began_at + self.due_within)

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


# A new contact is a copy of it with its own values: many times as fast as to name each field anew.
BLANK = Contact("", Channel.VOICE, "", Party(""), "", 0.0, 0.0)


def call_thread(our_address: str, party: Party) -> str:
    return "" if party.withheld else f"call:{our_address}:{party.address}"
