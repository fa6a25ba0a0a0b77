"""A call from outside: it arrives, waits, is recorded and ends."""

from __future__ import annotations

from dataclasses import dataclass

from routing.model import Party


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


OfCalls = (
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
)
