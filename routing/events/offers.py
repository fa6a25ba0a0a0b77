"""What handlers do with what they are offered, and what they write down when they have dealt with it."""

from __future__ import annotations

from dataclasses import dataclass


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


OfOffers = (
    OfferAccepted | OfferClaimed | OfferDeclined | OfferMissed | OfferFailed | WrapUpCompleted | NoteAdded | GradeGiven
)
