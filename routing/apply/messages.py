"""What an arriving message changes on the board. Nothing is decided here."""

from __future__ import annotations

from config.numbers import person_of
from config.safety import Mark
from routing import commands as do
from routing import events as ev
from routing.apply.base import apply, begun, owner_first, to_last_handler, urgent, wanted
from routing.board import Board
from routing.model import BLANK, Channel, Contact, Person, Time, Work
from routing.replacing import replace

MOST_FOUND = 30


@apply.register
def _(e: ev.MessageArrived, board: Board, now: Time) -> None:
    queue = board.rules.queues[e.queue]
    due = now + queue.target_seconds
    contact = _opened_again(board.thread_of(e.thread, now), board, now)
    if contact is None:
        contact = replace(
            BLANK,
            reference=e.reference,
            channel=e.channel,
            queue=e.queue,
            party=e.party,
            our_address=e.our_address,
            received_at=now,
            subject=e.subject,
            thread=e.thread,
            linked_to=e.linked_to,
            language=e.language,
        )
        contact = begun(contact, board, now)
    contact = replace(contact, unread=e.message, heard_at=now, silence_told=False)
    if not contact.assignment and not contact.wanted:
        fresh = replace(contact, work=Work.MESSAGE, work_channel=None, queued_at=None, due_at=due, overflowed=())
        contact = to_last_handler(owner_first(wanted(fresh, now), contact.owner, board, now), board, now)
    board.put_contact(_with_finding(contact, e))
    if e.wish:
        _opt(board, e)


def _opened_again(contact: Contact | None, board: Board, now: Time) -> Contact | None:
    if contact is None or contact.closed_at is None:
        return contact
    known = board.people.get(person_of(contact.party.address))
    safety = known.safety if known else contact.safety
    return replace(contact, safety=safety, closed_at=None, disposition="", reopened_at=now, waiting_alarmed_at=0.0)


def _with_finding(contact: Contact, e: ev.MessageArrived) -> Contact:
    """A later message adds to what is known and can raise; none lowers."""
    finding = e.finding
    known = {(found.kind, found.words.casefold()) for found in contact.found}
    new = tuple(f for f in finding.found if (f.kind, f.words.casefold()) not in known)
    if new:
        contact = replace(contact, found=(*contact.found, *new)[:MOST_FOUND])
    if not finding.sounds_like_emergency:
        return contact
    return replace(urgent(contact), sounds_like=e.sounds_like)


@apply.register
def _(e: ev.SafetyMarked, board: Board, now: Time) -> None:
    _mark(board, board.contacts[e.reference], e.calling)


@apply.register
def _(c: do.MarkSafety, board: Board, now: Time) -> None:
    _mark(board, board.contacts[c.reference], c.calling)


def _opt(board: Board, e: ev.MessageArrived) -> None:
    address = person_of(e.party.address)
    person = board.people.get(address, Person(address))
    others = tuple(ours for ours in person.opted_out if ours != e.our_address)
    board.put_person(replace(person, opted_out=(*others, e.our_address) if e.wish == "stop" else others))


def _mark(board: Board, contact: Contact, mark: Mark) -> None:
    """It holds for the person: in this contact, in their others that are open, and in those to come."""
    person = person_of(contact.party.address)
    board.put_contact(replace(contact, safety=mark))
    if not person:
        return
    board.put_person(replace(board.people.get(person, Person(person)), safety=mark))
    for other in [c for c in board.contacts.values() if person_of(c.party.address) == person and c.safety != mark]:
        board.put_contact(replace(other, safety=mark))


@apply.register
def _(c: do.Acknowledge, board: Board, now: Time) -> None:
    contact = board.contacts[c.reference]
    if contact.channel is Channel.TEXT:
        board.acknowledged.note(contact.party.address, now)


@apply.register
def _(c: do.AskWhere, board: Board, now: Time) -> None:
    board.put_contact(replace(board.contacts[c.reference], asked_where=True))
