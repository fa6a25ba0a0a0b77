"""What to do. Each command is applied to the board the moment it is decided, journalled, and carried out
after the commit."""

from __future__ import annotations

from dataclasses import dataclass

from config.overflow import Cause, StepKind
from config.safety import Mark
from routing.model import FollowUp, Offer


@dataclass(frozen=True, slots=True)
class MakeOffer:
    """Show the contact to the handler; for a call, ring their phone. ``why`` explains the choice."""

    offer: Offer
    why: str


@dataclass(frozen=True, slots=True)
class EndOffer:
    """The offer is over. ``how``: declined, expired, missed, failed or withdrawn."""

    offer: str
    reference: str
    handler: str
    how: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class SetAway:
    """Stop offering to a handler who does not answer; they are told and come back by themselves."""

    handler: str
    reason: str


@dataclass(frozen=True, slots=True)
class OpenToAll:
    """The preferred handler had their time: anyone suitable may take the contact now."""

    reference: str


@dataclass(frozen=True, slots=True)
class Relax:
    """It has waited so long that less is insisted on: ``relaxed`` steps are over. Its place stays."""

    reference: str
    relaxed: int


@dataclass(frozen=True, slots=True)
class OfferAgain:
    """The pause after a decline is over."""

    reference: str
    handler: str


@dataclass(frozen=True, slots=True)
class MarkSafety:
    """What the person wrote says that it is not safe to reach them: in this contact and in every other."""

    reference: str
    calling: Mark
    why: str


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Send an acknowledgement by text or email: in the words of this template, '' for those of the queue."""

    reference: str
    message: str
    template: str = ""


@dataclass(frozen=True, slots=True)
class LeaveUnacknowledged:
    """Send none to whoever began this contact, or opened it again. ``why`` is a sentence."""

    reference: str
    why: str


@dataclass(frozen=True, slots=True)
class AskWhere:
    """Their text sounds like an emergency and names no place: ask them, once, with this template."""

    reference: str
    message: str
    template: str


@dataclass(frozen=True, slots=True)
class CallControlRoom:
    """Dial the control room's targets in order until one answers. ``by`` raised the emergency. ``after``: begin with
    the target that follows this one, '' with the first."""

    reference: str
    by: str = "system"
    after: str = ""


@dataclass(frozen=True, slots=True)
class RaiseAlarm:
    """Tell the supervisors. ``what`` is a short name, ``why`` a sentence.

    ``queue``: of an alarm that is withdrawn when it is true no more."""

    what: str
    why: str
    reference: str = ""
    handler: str = ""
    queue: str = ""


@dataclass(frozen=True, slots=True)
class WithdrawAlarm:
    """What was told of this queue is true no more. ``why``: a sentence."""

    what: str
    why: str
    queue: str


@dataclass(frozen=True, slots=True)
class LeadOn:
    """The queue cannot serve the contact: it takes this step of the overflow. ``why``: a sentence for people.

    ``target``: the queue, number, voicemail or prompt; '' for a call back, and for waiting on without a word.
    """

    reference: str
    cause: Cause
    step: int
    kind: StepKind
    target: str
    why: str


@dataclass(frozen=True, slots=True)
class ScheduleFollowUp:
    follow_up: FollowUp


@dataclass(frozen=True, slots=True)
class QueueFollowUp:
    """The follow-up is due: its contact wants a handler, its owner first."""

    follow_up: str
    reference: str


@dataclass(frozen=True, slots=True)
class GiveUpFollowUp:
    follow_up: str
    reference: str
    why: str


@dataclass(frozen=True, slots=True)
class PlaceFollowUpCall:
    """Ring the handler's phone, then call the person. ``withheld``: without showing our number."""

    reference: str
    follow_up: str
    handler: str
    address: str
    withheld: bool = False


@dataclass(frozen=True, slots=True)
class CancelFollowUp:
    """The person is on the line again: what would have called them is not needed."""

    follow_up: str
    reference: str
    why: str


@dataclass(frozen=True, slots=True)
class StopExpecting:
    """The caller who was cut off has not called again in time."""

    reference: str


@dataclass(frozen=True, slots=True)
class WrapUpDue:
    """The time for the wrap-up is over; the desk is told. The handler can ask for more."""

    reference: str
    handler: str


@dataclass(frozen=True, slots=True)
class AskForReview:
    """Nobody is on the line any more, but a person must look at this contact and settle it."""

    reference: str
    why: str


@dataclass(frozen=True, slots=True)
class ReturnToQueue:
    """The handler can no longer work on it: it goes back to its place."""

    reference: str
    handler: str
    why: str


@dataclass(frozen=True, slots=True)
class ReopenContact:
    """Its person wrote again soon after it was closed: it waits for a handler once more, its last one first.

    ``queue`` and ``emergency``: as it was, whatever the message says.
    """

    reference: str
    queue: str = ""
    emergency: bool = False


@dataclass(frozen=True, slots=True)
class CloseContact:
    reference: str


Command = (
    MakeOffer
    | EndOffer
    | SetAway
    | OpenToAll
    | Relax
    | OfferAgain
    | MarkSafety
    | Acknowledge
    | LeaveUnacknowledged
    | AskWhere
    | CallControlRoom
    | RaiseAlarm
    | WithdrawAlarm
    | LeadOn
    | ScheduleFollowUp
    | QueueFollowUp
    | GiveUpFollowUp
    | PlaceFollowUpCall
    | CancelFollowUp
    | StopExpecting
    | WrapUpDue
    | AskForReview
    | ReturnToQueue
    | ReopenContact
    | CloseContact
)
