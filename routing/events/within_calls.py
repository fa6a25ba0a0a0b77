"""What happens within a call beyond arriving, answering and ending: others join it, it is passed on, it is put
on hold. Part of ``routing.events``, and used through it.

``by`` and ``reference`` mean what they mean there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from config.safety import Mark
from routing.model import Role

# --- others in the call ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PartyRung:
    """Somebody more is being rung. ``target``: in words for people (``ext 204``, ``Polish interpreter``).

    ``handler``: the target's id, if it is one of our handlers; they must be free for a call. Only the handler
    who has the call may ring somebody, but anyone may come in as a ``supervisor``. By ``system``: a menu leads a
    caller to them with whom nobody is.
    """

    reference: str
    by: str
    role: Role
    target: str
    handler: str = ""


@dataclass(frozen=True, slots=True)
class PartyAnswered:
    reference: str
    target: str
    handler: str = ""
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class PartyLeft:
    """They hung up, were dropped, or never answered."""

    reference: str
    target: str
    why: str
    handler: str = ""
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Supervised:
    """A supervisor is on the call, how, or has left it (``mode`` is ''). The handler is told, if policy shows it."""

    reference: str
    supervisor: str
    mode: Literal["listen", "whisper", "barge", ""]


@dataclass(frozen=True, slots=True)
class TransferRefused:
    """The handler's phone asked to pass the caller to ``target``, and was told why that cannot be."""

    reference: str
    by: str
    target: str
    why: str


@dataclass(frozen=True, slots=True)
class CallPassed:
    """The caller now talks with ``target`` and ``handler`` has left, for their wrap-up; '': a menu had led them there.

    ``to_handler``: the target is this handler of ours and the contact is theirs from now on. Otherwise the
    caller is with an outside party.
    """

    reference: str
    handler: str
    target: str
    to_handler: str = ""


@dataclass(frozen=True, slots=True)
class LedOut:
    """The caller, whom a menu or a queue's overflow led outside, now talks with ``target``."""

    reference: str
    target: str


@dataclass(frozen=True, slots=True)
class NotLedOn:
    """The caller could not take the step of the overflow: ``why``. They wait where they were, and are led nowhere
    until who is on the line has changed."""

    reference: str
    why: str


@dataclass(frozen=True, slots=True)
class CallTakenOver:
    """``supervisor`` (a handler's id) talks with the caller now; ``handler`` has left, for their wrap-up; '': nobody
    had the caller."""

    reference: str
    supervisor: str
    handler: str
    why: str

    @property
    def taken_from(self) -> str:
        """In words for people."""
        return self.handler or "the queue"


@dataclass(frozen=True, slots=True)
class Requeued:
    """The caller waits again, now in ``queue``, at the place of their arrival; ``handler`` has left."""

    reference: str
    handler: str
    queue: str
    why: str = ""


# --- the caller who waits ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallbackAsked:
    """The waiting caller keeps their place and is called back at ``address``; their call then ends."""

    reference: str
    address: str


@dataclass(frozen=True, slots=True)
class CallerSilent:
    """Nothing was heard of the caller for so long. It raises attention and ends nothing."""

    reference: str
    seconds: float


@dataclass(frozen=True, slots=True)
class CallerHeard:
    """The caller who was silent says something."""

    reference: str


@dataclass(frozen=True, slots=True)
class MenuChosen:
    """``to``: where the digit leads, in words."""

    reference: str
    menu: str
    digit: str
    to: str


@dataclass(frozen=True, slots=True)
class VoicemailLeft:
    """Told before the end of the call. ``extension``: whose voicemail it is, '' for the queue's. ``silent``: nothing
    was heard in it."""

    reference: str
    queue: str
    extension: str
    path: str
    seconds: float
    silent: bool = False


# --- outbound ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SafetyMarked:
    """How safe it is to reach this person, in this contact and in every other: what each mark allows on each channel
    is the site's to say (``safety``)."""

    reference: str
    by: str
    calling: Mark


@dataclass(frozen=True, slots=True)
class VulnerableMarked:
    """The person needs more care than most: they are served sooner."""

    reference: str
    by: str


@dataclass(frozen=True, slots=True)
class CallRequested:
    """The handler dials ``address`` from the contact: their phone rings first. ``withheld``: our number is."""

    reference: str
    by: str
    handler: str
    address: str
    withheld: bool = False


# --- within the call ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HeldChanged:
    """``where`` the handler did it. The caller is held while either holds, and each is lifted where it was set."""

    reference: str
    by: str
    held: bool
    where: Literal["desk", "phone"] = "desk"


@dataclass(frozen=True, slots=True)
class SoundChanged:
    """Whether sound packets come from this ``leg`` (caller, handler, third...). ``gone``: the leg, while lost."""

    reference: str
    leg: str
    sound: Literal["lost", "back", "gone"]


@dataclass(frozen=True, slots=True)
class MutedChanged:
    reference: str
    by: str
    muted: bool


@dataclass(frozen=True, slots=True)
class RecordingPaused:
    reference: str
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class RecordingResumed:
    reference: str
    by: str


@dataclass(frozen=True, slots=True)
class DigitsSent:
    """``digits``: how many were sent. Never which: they can be a PIN."""

    reference: str
    by: str
    digits: int


@dataclass(frozen=True, slots=True)
class WrapUpExtended:
    """``seconds`` more."""

    reference: str
    handler: str
    seconds: float


WithinCalls = (
    PartyRung
    | PartyAnswered
    | PartyLeft
    | Supervised
    | TransferRefused
    | CallPassed
    | LedOut
    | NotLedOn
    | CallTakenOver
    | Requeued
    | CallbackAsked
    | CallerSilent
    | CallerHeard
    | MenuChosen
    | VoicemailLeft
    | SafetyMarked
    | VulnerableMarked
    | CallRequested
    | HeldChanged
    | SoundChanged
    | MutedChanged
    | RecordingPaused
    | RecordingResumed
    | DigitsSent
    | WrapUpExtended
)
