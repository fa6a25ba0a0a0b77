"""What it changes on the board that others join a call, and that it passes from one to another."""

from __future__ import annotations

from routing import events as ev
from routing.apply.base import apply, guests_released, moved_to, to_wrap_up, wanted, with_declined
from routing.board import Board
from routing.model import Assignment, Contact, Guest, HandoverState, Time
from routing.replacing import replace


@apply.register
def _(e: ev.PartyRung, board: Board, now: Time) -> None:
    contact = board.contacts[e.reference]
    board.put_contact(replace(contact, guests=(*contact.guests, Guest(e.target, e.role, now, e.handler))))


@apply.register
def _(e: ev.PartyAnswered, board: Board, now: Time) -> None:
    contact = board.contacts[e.reference]
    guests = tuple(replace(g, answered_at=g.answered_at or now) if g.target == e.target else g for g in contact.guests)
    board.put_contact(replace(contact, guests=guests))


@apply.register
def _(e: ev.PartyLeft, board: Board, now: Time) -> None:
    gone = tuple(g for g in board.contacts[e.reference].guests if g.target == e.target)
    contact = replace(guests_released(board.contacts[e.reference], gone, board, now), not_led_on=False)
    if contact.passed_to == e.target and contact.emergency:
        contact = _kept_in_emergency(contact, now)
    board.put_contact(contact)


@apply.register
def _(e: ev.CallPassed, board: Board, now: Time) -> None:
    contact = to_wrap_up(board.contacts[e.reference], board, now)
    joining = tuple(g for g in contact.guests if g.target == e.target or (e.to_handler and g.handler == e.to_handler))
    contact = replace(guests_released(contact, joining, board, now), held=False, held_at_phone=False)
    passed = _with_handler(contact, e.to_handler, now) if e.to_handler else replace(contact, passed_to=e.target)
    board.put_contact(passed)


@apply.register
def _(e: ev.CallTakenOver, board: Board, now: Time) -> None:
    contact = to_wrap_up(board.contacts[e.reference], board, now)
    listening = tuple(g for g in contact.guests if g.handler == e.supervisor)
    contact = guests_released(contact, listening, board, now)
    board.put_contact(replace(_with_handler(contact, e.supervisor, now), held=False, held_at_phone=False))


@apply.register
def _(e: ev.Requeued, board: Board, now: Time) -> None:
    contact = with_declined(to_wrap_up(board.contacts[e.reference], board, now), e.handler, "requeued", board, now)
    due = min(contact.due_at, now + board.rules.queues[e.queue].target_seconds)
    contact = wanted(moved_to(contact, e.queue, due), now)
    board.put_contact(replace(contact, held=False, held_at_phone=False))


def _with_handler(contact: Contact, handler: str, now: Time) -> Contact:
    """They talk from now on; the caller waits no more."""
    return replace(
        contact,
        assignment=Assignment(handler, now),
        owner=handler,
        answered_at=contact.answered_at or now,
        wait_over_at=now if contact.wait_over_at is None else contact.wait_over_at,
        wanted=False,
        preferred="",
        preferred_until=None,
        declined=(),
        waiting_alarmed_at=0.0,
        overflow=None,
        overflowed=(),
    )


def _kept_in_emergency(contact: Contact, now: Time) -> Contact:
    """An emergency caller whom the outside party has left is not let go."""
    joined = contact.handover is not None and contact.handover.state is HandoverState.JOINED
    contact = replace(contact, passed_to="")
    return contact if joined else wanted(contact, now)
