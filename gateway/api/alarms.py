"""What the supervisors were told, and which of it is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Annotated

from pydantic import BaseModel, Field

from gateway.api.models import moment, moment_or_none
from gateway.api.routes import In, Nothing, Request, Route
from gateway.store.documents import load_change
from gateway.store.journal import Row
from gateway.store.store import Store
from routing import commands as do
from routing import events as ev

# Older alarms are history: they stand in the journal.
ALARM_ROWS = 200_000
TAKEN = (ev.OfferAccepted, ev.CallTakenOver, ev.CallPassed, ev.ControlRoomJoined)
REACHED = (ev.CallArrived, ev.FollowUpAnswered)
# What does away with an alarm that names a contact, beside its closing. Where somebody had it already, an emergency is
# over with an answer or the control room.
DONE: Mapping[str, tuple[type, ...]] = {
    "emergency": (*TAKEN, ev.ReplyWritten),
    "emergency_waiting": (*TAKEN, ev.CallRequested),
    "silent_caller": (*TAKEN, ev.CallerHeard),
    "handler_lost": TAKEN,
    "control_room_unreachable": (ev.ControlRoomJoined,),
    "control_room_hung_up": (ev.ControlRoomJoined,),
    "emergency_abandoned": REACHED,
    "call_lost": REACHED,
    "person_silent": (*REACHED, ev.MessageArrived),
    "wrap_up_long": (ev.WrapUpCompleted,),
}
KINDS = {kind.__name__ for kind in (*chain.from_iterable(DONE.values()), do.CloseContact, do.CallControlRoom)}


class AlarmQuery(In):
    limit: Annotated[int, Field(ge=1, le=500)] = 50


class AlarmOut(BaseModel):
    """``withdrawn_at``: since when it is over, of those that name a contact or a queue; null while it asks for
    something."""

    seq: int
    at: datetime
    what: str
    why: str
    contact: str
    handler: str
    queue: str
    withdrawn_at: datetime | None


async def alarms(request: Request[AlarmQuery, Nothing]) -> list[AlarmOut]:
    """The latest first."""
    store = request.services.store
    after = max(0, (await store.head()).seq - ALARM_ROWS)
    rows = [row async for row in store.journal(kind=do.RaiseAlarm.__name__, after=after)]
    latest = rows[-request.query.limit :][::-1]
    since = await _since(store, latest)
    return [_alarm_out(row, load_change(row.kind, row.document), since) for row in latest]


async def _since(store: Store, alarms: Sequence[Row]) -> list[tuple[Row, do.WithdrawAlarm | None]]:
    """What came behind the first of them and may end one: of queues, then of contacts, each in the journal's order."""
    if not alarms:
        return []
    after, references = alarms[-1].seq, {row.reference for row in alarms if row.reference}
    withdrawn = [row async for row in store.journal(kind=do.WithdrawAlarm.__name__, after=after)]
    ended = [(row, load_change(row.kind, row.document)) for row in withdrawn]
    return [*ended, *((row, None) for row in _without_hung_up(await store.journal_of(references, KINDS, after)))]


def _without_hung_up(rows: Sequence[Row]) -> list[Row]:
    """A control room that answered and hung up at once has heard nobody: the one after it was called."""
    kept, hung_up = list[Row](), set[str]()
    for row in reversed(rows):
        if row.kind == do.CallControlRoom.__name__ and load_change(row.kind, row.document).after:
            hung_up.add(row.reference)
        elif row.kind == ev.ControlRoomJoined.__name__ and row.reference in hung_up:
            hung_up.remove(row.reference)
        else:
            kept.append(row)
    return kept[::-1]


def _alarm_out(row: Row, alarm: do.RaiseAlarm, since: Sequence[tuple[Row, do.WithdrawAlarm | None]]) -> AlarmOut:
    """It is over with the first that ends it."""
    over = next((later.at for later, w in since if later.seq > row.seq and _ends(later, w, row, alarm)), None)
    return AlarmOut(
        seq=row.seq,
        at=moment(row.at),
        what=alarm.what,
        why=alarm.why,
        contact=row.reference,
        handler=alarm.handler,
        queue=alarm.queue,
        withdrawn_at=moment_or_none(over),
    )


def _ends(later: Row, withdrawn: do.WithdrawAlarm | None, row: Row, alarm: do.RaiseAlarm) -> bool:
    if withdrawn is not None:
        return (withdrawn.what, withdrawn.queue) == (alarm.what, alarm.queue)
    if later.reference != row.reference:
        return False
    if later.kind == ev.WrapUpCompleted.__name__ and later.handler != row.handler:
        return False
    return later.kind in {kind.__name__ for kind in (*DONE.get(alarm.what, ()), do.CloseContact)}


ROUTES = (Route("GET", "/api/v1/alarms", "The latest alarms", "supervisor", alarms),)
