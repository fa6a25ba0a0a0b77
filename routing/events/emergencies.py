"""An emergency, and how the control room was reached."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EmergencyRaised:
    """``how``: what raised it, for example ``pressed 55``."""

    reference: str
    by: str
    how: str


@dataclass(frozen=True, slots=True)
class ControlRoomTried:
    """Nobody was reached at a target: ``outcome`` is busy, unreachable, no_answer or hung_up (before it could hear the
    caller), ``code`` SIP's status."""

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


OfEmergencies = EmergencyRaised | ControlRoomTried | ControlRoomExhausted | ControlRoomJoined | ControlRoomLeft
