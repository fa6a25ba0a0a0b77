"""What one transaction becomes: its events decided in their order, with all that will be written of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.store.journal import Head, Row, reference_of, write_row
from gateway.store.looks import Looks
from gateway.store.records import CallRecord, KnownMail, MailCursor, MailToFile, Message, Record
from gateway.store.store import Batch, Store
from routing.board import Board
from routing.commands import Acknowledge, AskWhere, Command
from routing.engine import decide
from routing.events import CallArrived, Event, MessageArrived, TimePassed
from routing.model import Contact, Time
from routing.replacing import replace

Compose = Callable[[Acknowledge | AskWhere, Contact, Time, Message | None], tuple[Record, ...]]
Happened = tuple[Event, tuple[Record, ...]]


class Refused(Exception):
    """The event speaks of something that is over; the words are for a person."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """``reference``: the contact that took the event. ``duplicate``: we had it already, nothing has changed."""

    reference: str
    commands: tuple[Command, ...] = ()
    duplicate: bool = False


class Transaction:
    """It grows event by event. ``batch`` is written at its end; then ``commands`` are carried out, and each submitter
    is told its one of ``outcomes``. ``head`` is the journal's end, with what is recorded here.
    """

    def __init__(self, board: Board, head: Head | Row, clock: Clock, compose: Compose) -> None:
        """``compose`` writes what is sent by itself."""
        self.batch = Batch()
        self.commands: list[Command] = []
        self.outcomes: list[tuple[Outcome, ...] | Refused] = []
        self._board, self._before, self._clock, self._compose = board, head, clock, compose

    @property
    def head(self) -> Head | Row:
        return self.batch.rows[-1] if self.batch.rows else self._before

    def take(self, happened: tuple[Happened, ...], known: dict[str, str]) -> None:
        """Decide what one submitter tells, all or nothing; ``known`` are the inbound keys we had, and grows.

        Raises Refused when some of it was taken already: the board must be built again.
        """
        try:
            self.outcomes.append(tuple([self._outcome(event, records, known) for event, records in happened]))
        except Refused as refusal:
            if len(happened) > 1:
                raise
            self.outcomes.append(refusal)

    def _outcome(self, event: Event, written: tuple[Record, ...], known: dict[str, str]) -> Outcome:
        """Raises Refused."""
        keys = [*_inbound_keys(written), *_call_ids(written)]
        before = next((known[key] for key in keys if key in known), None)
        if before is not None:
            self.batch.records += [r for r in written if isinstance(r, MailCursor | KnownMail | MailToFile)]
            return Outcome(before, duplicate=True)
        now = self._clock()
        decision = decide(self._board, event, now)
        if decision.refused:
            raise Refused(decision.refused)
        reference = self._reference(event)
        known.update(dict.fromkeys(keys, reference))
        self._record(event, decision.commands, [_belonging(record, reference) for record in written], now)
        return Outcome(reference, decision.commands)

    def _record(self, event: Event, commands: tuple[Command, ...], records: list[Record], now: Time) -> None:
        if isinstance(event, TimePassed) and not commands:
            return
        for change in (event, *commands):
            reference = self._reference(change)
            self.batch.rows.append(write_row(self.head, change, now, self._concerned(reference), reference))
            if isinstance(change, Acknowledge | AskWhere):
                came = next((r for r in records if isinstance(r, Message)), None)
                records.extend(self._compose(change, self._board.contacts[change.reference], now, came))
        self.batch.records += records
        self.commands += commands

    def _reference(self, change: Event | Command) -> str:
        if isinstance(change, MessageArrived):
            contact = self._board.in_thread(change.thread)
            return contact.reference if contact else change.reference
        if isinstance(change, CallArrived):
            contact = self._board.of_call(change.call_id)
            return contact.reference if contact else change.reference
        return reference_of(change)

    def _concerned(self, reference: str) -> str:
        """The handler who has the contact: their desk is told of everything in it."""
        contact = self._board.open_contact(reference) or self._board.touched.contacts.get(reference)
        if contact is None:
            return ""
        return contact.assignment.handler if contact.assignment else contact.owner


async def known_before(store: Store, happened: Iterable[Happened]) -> dict[str, str]:
    """The inbound keys among what happened that we had before, with their contacts."""
    written = [records for _, records in happened]
    keys = {key for records in written for key in _inbound_keys(records)}
    calls = {r.call_id for records in written for r in records if isinstance(r, CallRecord)}

    def look(looks: Looks) -> dict[str, str]:
        known = looks.known_keys(keys) if keys else {}
        known_calls = looks.known_calls(calls) if calls else {}
        return known | {f"call:{call_id}": reference for call_id, reference in known_calls.items()}

    return await store.look(look) if keys or calls else {}


def _inbound_keys(records: tuple[Record, ...]) -> list[str]:
    return [r.provider_key for r in records if isinstance(r, Message) and r.provider_key]


def _call_ids(records: tuple[Record, ...]) -> list[str]:
    """Marked, so that no caller can choose a Call-ID that is another message's key."""
    return [f"call:{r.call_id}" for r in records if isinstance(r, CallRecord)]


def _belonging(record: Record, reference: str) -> Record:
    if isinstance(record, CallRecord):
        return replace(record, reference=reference)
    return replace(record, reference=reference) if isinstance(record, Message) and not record.reference else record
