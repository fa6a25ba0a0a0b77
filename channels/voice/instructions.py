"""What the gateway tells the story of a call to do."""

from __future__ import annotations

from dataclasses import dataclass

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
    """Dial the control room until it answers."""


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


Instruction = Ring | StopRinging | GetControlRoom | Leave | HangUp | TooLate | ControlRoomAnswered | Gone
