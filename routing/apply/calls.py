"""What the telling of a call and of an emergency changes on the board. Nothing is decided here."""

from __future__ import annotations

from dataclasses import replace

from routing import commands as do
from routing import events as ev
from routing.apply.base import apply, for_review, handover_over, to_wrap_up, wanted, with_declined
from routing.board import Board
from routing.model import Channel, Contact, Handover, HandoverState, Time


@apply.register
def _(e: ev.CallArrived, board: Board, now: Time) -> None:
    queue = board.rules.queues[e.queue]
    board.put_contact(
        Contact(
            reference=e.reference,
            channel=Channel.VOICE,
            queue=e.queue,
            party=e.party,
            our_address=e.our_address,
            received_at=now,
            due_at=now + queue.target_seconds,
            skills=frozenset(queue.skills),
            live=True,
        )
    )


@apply.register
def _(e: ev.CallQueued, board: Board, now: Time) -> None:
    contact = board.contacts[e.reference]
    if contact.live and not contact.assignment:
        board.put_contact(wanted(contact, now))


@apply.register
def _(e: ev.CallerLeft, board: Board, now: Time) -> None:
    _hung_up(board, e.reference, now)


@apply.register
def _(e: ev.CallEnded, board: Board, now: Time) -> None:
    _hung_up(board, e.reference, now)


@apply.register
def _(e: ev.CallLost, board: Board, now: Time) -> None:
    _hung_up(board, e.reference, now)


@apply.register
def _(e: ev.HandlerLeft, board: Board, now: Time) -> None:
    contact = to_wrap_up(board.contacts[e.reference], board, now)
    with_control_room = contact.handover is not None and contact.handover.state is HandoverState.JOINED
    board.put_contact(wanted(contact, now) if contact.live and not with_control_room else contact)


@apply.register
def _(e: ev.HandlerLost, board: Board, now: Time) -> None:
    contact = with_declined(board.contacts[e.reference], e.handler, board, now)
    board.put_contact(replace(wanted(contact, now), assignment=None))


def _hung_up(board: Board, reference: str, now: Time) -> None:
    contact = handover_over(to_wrap_up(board.contacts[reference], board, now))
    alone = replace(contact, guests=(), passed_to="", held=False)
    board.put_contact(replace(alone, live=False, wanted=False, preferred="", preferred_until=None, ended_at=now))


@apply.register
def _(e: ev.EmergencyRaised, board: Board, now: Time) -> None:
    contact = replace(board.contacts[e.reference], emergency=True, preferred="", preferred_until=None)
    if not contact.assignment and not contact.wanted:
        contact = wanted(for_review(contact), now)
    board.put_contact(contact)


@apply.register
def _(c: do.CallControlRoom, board: Board, now: Time) -> None:
    handover = Handover(now, c.by, HandoverState.CALLING)
    board.put_contact(replace(board.contacts[c.reference], handover=handover))


@apply.register
def _(e: ev.ControlRoomJoined, board: Board, now: Time) -> None:
    contact = board.contacts[e.reference]
    begun = contact.handover or Handover(now, "system", HandoverState.CALLING)
    joined = replace(begun, state=HandoverState.JOINED, target=e.target, joined_at=now)
    board.put_contact(replace(contact, handover=joined))


@apply.register
def _(e: ev.ControlRoomLeft, board: Board, now: Time) -> None:
    contact = handover_over(board.contacts[e.reference])
    if contact.live and not contact.assignment:
        contact = wanted(contact, now)
    board.put_contact(contact)
