"""Handlers and their shifts, time, and what is only recorded."""

from __future__ import annotations

from dataclasses import dataclass

from routing.model import Channel, Handler, NotServed, Presence, Time


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
class QueueNotServed:
    """Nobody takes what waits in a queue, or far too late. ``channel``: whose contacts are meant, None for any."""

    cause: NotServed
    queue: str
    why: str
    channel: Channel | None = None


@dataclass(frozen=True, slots=True)
class QueueServedAgain:
    """What was told of a queue is true no more."""

    cause: NotServed
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


OfTheSite = (
    HandlerSaved
    | HandlerRemoved
    | PresenceChanged
    | TimePassed
    | BoardRepaired
    | ShiftsImported
    | StaffingShort
    | QueueNotServed
    | QueueServedAgain
    | PartFailing
    | Recorded
)
