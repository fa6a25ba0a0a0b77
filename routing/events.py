"""What happened. The dispatcher takes these one at a time, in order; each becomes a row of the journal.

``by`` names who did it: ``caller``, ``handler:<id>``, ``system`` or ``program:<name>``.
Bodies of messages are never in an event: the message's id is.
"""

from __future__ import annotations

from dataclasses import dataclass

from routing.call_events import (
    CallbackAsked,
    CallerHeard,
    CallerSilent,
    CallPassed,
    CallRequested,
    CallTakenOver,
    DigitsSent,
    HeldChanged,
    LedOut,
    MenuChosen,
    MutedChanged,
    NotLedOn,
    PartyAnswered,
    PartyLeft,
    PartyRung,
    RecordingPaused,
    RecordingResumed,
    Requeued,
    SafetyMarked,
    SoundChanged,
    Supervised,
    TransferRefused,
    VoicemailLeft,
    VulnerableMarked,
    WrapUpExtended,
)
from routing.model import Channel, FollowUp, Handler, Party, Presence, Time, Wish
from routing.triage.finding import NOTHING, Finding

# Used from here as if they stood here.
__all__ = [
    "CallPassed",
    "CallRequested",
    "CallTakenOver",
    "CallbackAsked",
    "CallerHeard",
    "CallerSilent",
    "DigitsSent",
    "HeldChanged",
    "LedOut",
    "MenuChosen",
    "MutedChanged",
    "NotLedOn",
    "PartyAnswered",
    "PartyLeft",
    "PartyRung",
    "RecordingPaused",
    "RecordingResumed",
    "Requeued",
    "SafetyMarked",
    "SoundChanged",
    "Supervised",
    "TransferRefused",
    "VoicemailLeft",
    "VulnerableMarked",
    "WrapUpExtended",
]

# --- calls -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallArrived:
    """A call was taken by a call process. ``call_id`` is SIP's."""

    reference: str
    call_id: str
    queue: str
    party: Party
    our_address: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CallQueued:
    """The caller has heard the greeting and now waits: in ``queue``, and speaking ``language``, if they chose so in
    a menu."""

    reference: str
    queue: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class DigitPressed:
    reference: str
    digit: str


@dataclass(frozen=True, slots=True)
class CallerLeft:
    """The caller hung up, at whatever stage. ``cut_off``: their line broke, without a BYE."""

    reference: str
    cut_off: bool = False


@dataclass(frozen=True, slots=True)
class CallEnded:
    """We ended the call: the handler hung up on a finished conversation."""

    reference: str
    by: str


@dataclass(frozen=True, slots=True)
class HandlerLeft:
    """The handler left; the caller stays, with the control room."""

    reference: str
    handler: str


@dataclass(frozen=True, slots=True)
class HandlerLost:
    """The handler's phone vanished in the middle: the caller goes back to their place."""

    reference: str
    handler: str
    why: str


@dataclass(frozen=True, slots=True)
class CallLost:
    """The call process died: the caller was cut off by us."""

    reference: str
    why: str


@dataclass(frozen=True, slots=True)
class RecordingMade:
    reference: str
    path: str
    sha256: str
    seconds: float


@dataclass(frozen=True, slots=True)
class RecordingDeleted:
    """It was kept for as long as it had to be. ``sha256`` is what the file had when it was made."""

    reference: str
    path: str
    sha256: str


# --- offers and wrap-up ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OfferAccepted:
    """For a call: the handler's phone answered and the two are joined."""

    offer: str
    reference: str
    handler: str


@dataclass(frozen=True, slots=True)
class OfferClaimed:
    """A handler who was shown an emergency call beside others wants it: their phone is to ring, and no other."""

    offer: str
    reference: str
    handler: str


@dataclass(frozen=True, slots=True)
class OfferDeclined:
    offer: str
    reference: str
    handler: str


@dataclass(frozen=True, slots=True)
class OfferMissed:
    """The phone rang out."""

    offer: str
    reference: str
    handler: str


@dataclass(frozen=True, slots=True)
class OfferFailed:
    """The phone could not be rung: not registered, or broken."""

    offer: str
    reference: str
    handler: str
    why: str


@dataclass(frozen=True, slots=True)
class WrapUpCompleted:
    """``seen``: the newest message on the handler's screen; None where the desk does not say."""

    reference: str
    handler: str
    disposition: str
    grade: str = ""
    notes: str = ""
    seen: str | None = None


@dataclass(frozen=True, slots=True)
class NoteAdded:
    reference: str
    by: str
    text: str


@dataclass(frozen=True, slots=True)
class GradeGiven:
    reference: str
    by: str
    grade: str
    rationale: str = ""


# --- emergencies -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EmergencyRaised:
    """``how``: what raised it, for example ``pressed 55``."""

    reference: str
    by: str
    how: str


@dataclass(frozen=True, slots=True)
class ControlRoomTried:
    """A target did not answer: ``outcome`` is busy, unreachable or no_answer, ``code`` SIP's status."""

    reference: str
    target: str
    outcome: str
    code: int


@dataclass(frozen=True, slots=True)
class ControlRoomExhausted:
    """The whole list was tried once more without an answer; it is tried again."""

    reference: str
    round: int


@dataclass(frozen=True, slots=True)
class ControlRoomJoined:
    """A person in the control room answered and hears the caller."""

    reference: str
    target: str


@dataclass(frozen=True, slots=True)
class ControlRoomLeft:
    reference: str
    target: str


# --- messages ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MessageArrived:
    """A text or email. ``thread`` names the conversation; an open contact with the same one takes it.

    ``reference`` is for a new contact, if one is needed; ``linked_to`` an earlier contact it belongs with.
    ``automatic`` mail is never answered automatically (RFC 3834), and nor is anybody who was ``answered_enough`` today.
    ``finding``: what triage says of its words; of these the journal keeps those that raised it. ``wish``: they want no
    more texts from this number of ours, or want them again.
    """

    reference: str
    message: str
    channel: Channel
    queue: str
    party: Party
    our_address: str
    thread: str
    subject: str = ""
    linked_to: str = ""
    automatic: bool = False
    language: str = ""
    answered_enough: bool = False
    finding: Finding = NOTHING
    wish: Wish = ""

    @property
    def remark(self) -> str:
        """For the story of the contact."""
        wish = {"": "", "stop": "; they want no more texts from it", "start": "; they want its texts again"}[self.wish]
        return wish + (f"; it {self.finding.in_words}" if self.finding.sounds_like_emergency else "")


@dataclass(frozen=True, slots=True)
class ReplyWritten:
    """``telling``: a word in it that says who writes, of those that the site avoids where that is not safe.
    ``pictures``: the SHA-256 of each file that goes with it."""

    reference: str
    message: str
    by: str
    telling: str = ""
    pictures: tuple[str, ...] = ()

    @property
    def remark(self) -> str:
        """For the story of the contact."""
        return f" with {len(self.pictures)} picture(s)" if self.pictures else ""


@dataclass(frozen=True, slots=True)
class SendingClaimed:
    """A try at sending begins; if nothing more is heard of it, the provider is asked before the next try."""

    reference: str
    message: str
    attempt: int


@dataclass(frozen=True, slots=True)
class MessageSent:
    reference: str
    message: str
    provider_id: str


@dataclass(frozen=True, slots=True)
class SendingFailed:
    """``final``: given up. Otherwise it is tried again at ``next_at``."""

    reference: str
    message: str
    why: str
    final: bool
    next_at: float = 0.0


@dataclass(frozen=True, slots=True)
class DeliveryReported:
    reference: str
    message: str
    status: str
    code: str = ""
    why: str = ""


# --- follow-ups --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FollowUpRequested:
    follow_up: FollowUp
    by: str


@dataclass(frozen=True, slots=True)
class FollowUpAnswered:
    """The person answered and talks with the handler."""

    reference: str
    follow_up: str


@dataclass(frozen=True, slots=True)
class FollowUpTried:
    """An attempt reached nobody. ``outcome``: busy, no_answer, unreachable, handler_unreachable."""

    reference: str
    follow_up: str
    outcome: str


@dataclass(frozen=True, slots=True)
class FollowUpCancelled:
    reference: str
    follow_up: str
    by: str
    why: str


# --- handlers, time, and what is only recorded -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HandlerSaved:
    """Added, or changed: what they are doing and their presence stay as they are."""

    handler: Handler
    by: str


@dataclass(frozen=True, slots=True)
class HandlerRemoved:
    handler: str
    by: str


@dataclass(frozen=True, slots=True)
class PresenceChanged:
    handler: str
    presence: Presence
    by: str


@dataclass(frozen=True, slots=True)
class TimePassed:
    """The moment that the engine asked to be woken for has come.

    ``since``: until then no gateway was there, or it could write nothing: nobody could take what they were shown.
    """

    since: Time = 0.0


@dataclass(frozen=True, slots=True)
class BoardRepaired:
    """A check found that the board did not keep its promises; everything derived is built once more."""

    found: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShiftsImported:
    """The shifts of these centres that begin from ``begins`` until before ``ends`` are now those of a file."""

    roster: str
    file: str
    sha256: str
    begins: float
    ends: float
    centres: tuple[str, ...]
    added: int
    removed: int
    by: str


@dataclass(frozen=True, slots=True)
class StaffingShort:
    """Fewer are there, or will be, than are needed. ``cause``: handlers_missing or roster_short; ``queue``: '' for
    all calls together; ``why``: a sentence."""

    cause: str
    queue: str
    why: str


@dataclass(frozen=True, slots=True)
class PartFailing:
    """Something around the board needs a person: a mailbox that lets us in no more, mail that cannot be filed.
    ``why``: a sentence that says what to do, as far as that is known."""

    cause: str
    why: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """Something that changes nothing on the board but must be in the journal: a reading, a refusal, a sign-in."""

    what: str
    by: str
    why: str = ""
    reference: str = ""


Event = (
    CallArrived
    | CallQueued
    | DigitPressed
    | CallerLeft
    | CallEnded
    | HandlerLeft
    | HandlerLost
    | CallLost
    | RecordingMade
    | RecordingDeleted
    | OfferAccepted
    | OfferClaimed
    | OfferDeclined
    | OfferMissed
    | OfferFailed
    | WrapUpCompleted
    | NoteAdded
    | GradeGiven
    | EmergencyRaised
    | ControlRoomTried
    | ControlRoomExhausted
    | ControlRoomJoined
    | ControlRoomLeft
    | MessageArrived
    | ReplyWritten
    | SendingClaimed
    | MessageSent
    | SendingFailed
    | DeliveryReported
    | FollowUpRequested
    | FollowUpAnswered
    | FollowUpTried
    | FollowUpCancelled
    | HandlerSaved
    | HandlerRemoved
    | PresenceChanged
    | TimePassed
    | BoardRepaired
    | ShiftsImported
    | StaffingShort
    | PartFailing
    | Recorded
    | PartyRung
    | PartyAnswered
    | PartyLeft
    | Supervised
    | CallPassed
    | LedOut
    | NotLedOn
    | CallTakenOver
    | Requeued
    | CallbackAsked
    | SafetyMarked
    | CallRequested
    | HeldChanged
    | SoundChanged
    | TransferRefused
    | MutedChanged
    | RecordingPaused
    | RecordingResumed
    | DigitsSent
    | MenuChosen
    | VoicemailLeft
    | VulnerableMarked
    | CallerSilent
    | CallerHeard
    | WrapUpExtended
)
