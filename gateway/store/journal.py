"""The journal: an append-only chain of rows, each carrying the hash of the row before (DESIGN: nothing altered
without trace)."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import orjson

from gateway.store.documents import dump, storable
from routing import commands, events
from routing.model import Time

START = "0" * 64
COMMANDS = frozenset(get_args(commands.Command))
BY_CALLER = {
    events.CallArrived,
    events.CallerLeft,
    events.DigitPressed,
    events.MenuChosen,
    events.CallbackAsked,
    events.VoicemailLeft,
    events.MessageArrived,
}
BY_HANDLER = {
    events.OfferAccepted,
    events.OfferClaimed,
    events.OfferDeclined,
    events.WrapUpCompleted,
    events.WrapUpExtended,
    events.HandlerLeft,
    events.CallPassed,
    events.Requeued,
}


@dataclass(frozen=True, slots=True)
class Row:
    """Who (``actor``), what (``kind``, ``document``), when (``at``), which contact (``reference``).

    ``handler`` is whom it concerns: their desk is told.
    """

    seq: int
    at: Time
    entry: Literal["event", "command"]
    kind: str
    reference: str
    handler: str
    actor: str
    document: str
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: the next row goes behind it."""

    seq: int = 0
    hash: str = START


@dataclass(frozen=True, slots=True)
class Verdict:
    """What ``verify`` found: ``rows`` checked, and the first ``broken`` row's number with the reason."""

    rows: int
    broken: int | None = None
    why: str = ""


def write_row(
    last: Head | Row, change: events.Event | commands.Command, at: Time, concerns: str, reference: str
) -> Row:
    """The row behind ``last`` that records ``change`` to contact ``reference``; ``concerns`` is its handler."""
    entry: Literal["event", "command"] = "command" if type(change) in COMMANDS else "event"
    handler = str(getattr(change, "handler", "") or "") if not isinstance(change, events.HandlerSaved) else ""
    offer = getattr(change, "offer", None)
    if isinstance(change, commands.MakeOffer):
        handler = offer.handler if offer else ""
    if isinstance(change, events.HandlerSaved):
        handler = change.handler.id
    row = (
        last.seq + 1,
        float(at),
        entry,
        type(change).__name__,
        storable(reference),
        storable(handler or concerns),
        storable(actor_of(change)),
        dump(change),
    )
    return Row(*row, previous=last.hash, hash=row_hash(last.hash, row))


def row_hash(previous: str, fields: tuple[Any, ...]) -> str:
    """SHA-256 over the previous hash and the row's fields in order, as JSON without spaces."""
    return hashlib.sha256(orjson.dumps([previous, *fields])).hexdigest()


async def verify(rows: AsyncIterable[Row]) -> Verdict:
    """Walk the chain from its start: every number follows, every hash is right."""
    head, count = Head(), 0
    async for row in rows:
        if row.seq != head.seq + 1:
            return Verdict(count, row.seq, f"row {head.seq + 1} is missing")
        fields = (row.seq, row.at, row.entry, row.kind, row.reference, row.handler, row.actor, row.document)
        if row.previous != head.hash:
            return Verdict(count, row.seq, "does not follow the row before it")
        if row.hash != row_hash(head.hash, fields):
            return Verdict(count, row.seq, "was altered")
        head, count = Head(row.seq, row.hash), count + 1
    return Verdict(count)


def reference_of(change: Any) -> str:
    """The contact that an event or command speaks of, '' for none."""
    if isinstance(change, commands.MakeOffer):
        return change.offer.reference
    if isinstance(change, events.FollowUpRequested | commands.ScheduleFollowUp):
        return change.follow_up.reference
    return str(getattr(change, "reference", ""))


def actor_of(change: Any) -> str:
    """Who did it: people by name, otherwise the caller or the system itself."""
    by = getattr(change, "by", "")
    if by:
        return str(by)
    if type(change) in BY_CALLER:
        return "caller"
    if isinstance(change, events.CallTakenOver):
        return f"handler:{change.supervisor}"
    return f"handler:{change.handler}" if type(change) in BY_HANDLER and change.handler else "system"
