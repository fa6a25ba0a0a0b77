"""What the gateway tells the story of a call to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from channels.voice.line import Supervision
from channels.voice.menu import State
from config.overflow import StepKind
from routing.events import Event
from routing.model import Offer


@dataclass(frozen=True, slots=True)
class Ring:
    """Ring the handler's phone for this offer."""

    offer: Offer
    extension: str


@dataclass(frozen=True, slots=True)
class StopRinging:
    offer: str


@dataclass(frozen=True, slots=True)
class GetControlRoom:
    """Dial the control room until it answers. ``after``: beginning with the target that follows this one."""

    after: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """The caller hears music and nobody hears them, until it is taken back."""

    by: str
    held: bool


@dataclass(frozen=True, slots=True)
class Mute:
    """Nobody hears the handler, until it is taken back."""

    by: str
    muted: bool


@dataclass(frozen=True, slots=True)
class PauseRecording:
    """What must not be kept is being said: silence is recorded until it is taken back, or for the longest time."""

    by: str
    why: str


@dataclass(frozen=True, slots=True)
class ResumeRecording:
    by: str


@dataclass(frozen=True, slots=True)
class SendDigits:
    """Key presses, for whoever the handler talks with."""

    by: str
    digits: str


@dataclass(frozen=True, slots=True)
class Target:
    """Somebody to ring: ``words`` name them for people; ``handler`` is the id of one of our handlers, or ''.

    ``replaces``: the call with the handler's phone that theirs has, which the new one takes the place of (RFC 3891).
    """

    words: str
    uri: str
    handler: str = ""
    replaces: str = ""


Role = Literal["consult", "transfer", "conference", "interpreter"]


@dataclass(frozen=True, slots=True)
class Bring:
    """Ring a third party. ``transfer``: the caller is passed on when they answer; ``consult``: they talk with the
    handler alone first; ``conference`` and ``interpreter``: all talk together. ``by_phone``: the handler's phone
    asked for it, and is told how it goes."""

    role: Role
    target: Target
    by_phone: bool = False


@dataclass(frozen=True, slots=True)
class CompleteTransfer:
    """Pass the caller to the third party who is on the line."""


@dataclass(frozen=True, slots=True)
class DropThird:
    """Give up the third party, ringing or talking: the caller is with the handler again."""

    why: str


@dataclass(frozen=True, slots=True)
class Requeue:
    """Pass the caller to a queue."""

    queue: str
    why: str


@dataclass(frozen=True, slots=True)
class ToVoicemail:
    """Pass the caller to the voicemail ``of`` a queue or an extension."""

    of: str


@dataclass(frozen=True, slots=True)
class Supervise:
    """A supervisor comes onto the call, or changes how."""

    supervisor: str
    extension: str
    mode: Supervision


@dataclass(frozen=True, slots=True)
class StopSupervising:
    why: str


@dataclass(frozen=True, slots=True)
class TakeOver:
    """The supervisor who is on the call becomes its handler."""

    why: str


@dataclass(frozen=True, slots=True)
class LeadOn:
    """The queue cannot serve the caller: the next step of its overflow; see ``config.overflow``."""

    kind: StepKind
    target: str


@dataclass(frozen=True, slots=True)
class MenuTimedOut:
    """The caller pressed nothing in time; of no interest when they have moved on."""

    state: State


@dataclass(frozen=True, slots=True)
class MessageReviewed:
    """Nothing was pressed after a message."""


@dataclass(frozen=True, slots=True)
class Leave:
    """The handler leaves; whoever else is on the line stays."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the whole call."""

    by: str


@dataclass(frozen=True, slots=True)
class TooLate:
    """The gateway refused this event: what it speaks of is over."""

    event: Event


@dataclass(frozen=True, slots=True)
class ControlRoomAnswered:
    target: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The call process has ended."""


Instruction = (
    Ring
    | StopRinging
    | GetControlRoom
    | Hold
    | Mute
    | PauseRecording
    | ResumeRecording
    | SendDigits
    | Bring
    | CompleteTransfer
    | DropThird
    | Requeue
    | ToVoicemail
    | Supervise
    | StopSupervising
    | TakeOver
    | LeadOn
    | MenuTimedOut
    | MessageReviewed
    | Leave
    | HangUp
    | TooLate
    | ControlRoomAnswered
    | Gone
)
