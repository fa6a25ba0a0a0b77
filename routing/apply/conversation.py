"""What happens within a call: others join it, it is passed on, held, asked for. Nothing is decided here."""

from __future__ import annotations

from dataclasses import replace

from routing import events as ev
from routing.apply.base import apply, to_wrap_up, wanted, with_declined
from routing.board import Board
from routing.model import Assignment, Channel, Contact, FollowUp, FollowUpState, Guest, Time, Work

HOUR = 3600.0


@apply.register
def _(e: ev.PartyRung, board: Board, now: Time) -> None:
    contact = board.contacts[e.reference]
    board.put_contact(replace(contact, guests=(*contact.guests, Guest(e.target, e.role, now, e.handler))))


@apply.register
def _(e: ev.PartyAnswered, board: Board, now: Time) -> None:
    contact = board.contacts[e.reference]
    guests = tuple(replace(g, answered_at=now) if g.target == e.target else g for g in contact.guests)
    board.put_contact(replace(contact, guests=guests))


@apply.register
def _(e: ev.PartyLeft, board: Board, now: Time) -> None:
    board.put_contact(_without(board.contacts[e.reference], e.target))


@apply.register
def _(e: ev.CallPassed, board: Board, now: Time) -> None:
    contact = replace(to_wrap_up(_without(board.contacts[e.reference], e.target), board, now), held=False)
    if e.to_handler:
        board.put_contact(_given(contact, e.to_handler, now))
    else:
        board.put_contact(replace(contact, passed_to=e.target))


@apply.register
def _(e: ev.CallTakenOver, board: Board, now: Time) -> None:
    contact = board.contacts[e.reference]
    guests = tuple(g for g in contact.guests if g.handler != e.supervisor)
    contact = to_wrap_up(replace(contact, guests=guests, held=False), board, now)
    board.put_contact(_given(contact, e.supervisor, now))


@apply.register
def _(e: ev.Requeued, board: Board, now: Time) -> None:
    contact, queue = board.contacts[e.reference], board.rules.queues[e.queue]
    contact = with_declined(to_wrap_up(contact, board, now), e.handler, board, now)
    moved = replace(
        contact,
        queue=e.queue,
        skills=frozenset(queue.skills),
        due_at=min(contact.due_at, now + queue.target_seconds),
        held=False,
    )
    board.put_contact(wanted(moved, now))


@apply.register
def _(e: ev.HeldChanged, board: Board, now: Time) -> None:
    board.put_contact(replace(board.contacts[e.reference], held=e.held))


@apply.register
def _(e: ev.SafetyMarked, board: Board, now: Time) -> None:
    board.put_contact(replace(board.contacts[e.reference], safety=e.calling))


@apply.register
def _(e: ev.CallRequested, board: Board, now: Time) -> None:
    """The handler has the contact again, as for a follow-up that is due now."""
    contact = board.contacts[e.reference]
    follow_up = FollowUp(
        id=f"{e.reference}-call-{contact.calls_made + 1}",
        reference=e.reference,
        channel=Channel.VOICE,
        purpose="called from the contact",
        address=e.address,
        not_before=now,
        not_after=now + HOUR,
        owner=e.handler,
        state=FollowUpState.DUE,
        next_at=now,
        by_hand=True,
    )
    board.put_follow_up(follow_up)
    board.put_contact(
        replace(
            contact,
            wanted=False,
            assignment=Assignment(e.handler, now),
            wrap_ups=tuple(w for w in contact.wrap_ups if w.handler != e.handler),
            owner=e.handler,
            work=Work.FOLLOW_UP,
            work_channel=Channel.VOICE,
            follow_up=follow_up.id,
            follow_ups_open=contact.follow_ups_open + 1,
            calls_made=contact.calls_made + 1,
        )
    )


def _without(contact: Contact, target: str) -> Contact:
    return replace(contact, guests=tuple(g for g in contact.guests if g.target != target))


def _given(contact: Contact, handler: str, now: Time) -> Contact:
    wrap_ups = tuple(w for w in contact.wrap_ups if w.handler != handler)
    return replace(contact, assignment=Assignment(handler, now), owner=handler, wrap_ups=wrap_ups)
