"""What follow-ups change on the board. Nothing is decided here."""

from __future__ import annotations

from routing import commands as do
from routing import events as ev
from routing.apply.base import (
    apply,
    follow_up_over,
    for_review,
    owner_first,
    to_wrap_up,
    turned,
    wanted,
    with_declined,
    without_wrap_up,
)
from routing.board import Board
from routing.model import Assignment, Channel, FollowUp, FollowUpState, Time, Work
from routing.replacing import replace


@apply.register
def _(e: ev.FollowUpRequested, board: Board, now: Time) -> None:
    first = max(e.follow_up.next_at, e.follow_up.not_before)
    _schedule(board, replace(e.follow_up, next_at=first))


@apply.register
def _(c: do.ScheduleFollowUp, board: Board, now: Time) -> None:
    _schedule(board, c.follow_up)


@apply.register
def _(c: do.QueueFollowUp, board: Board, now: Time) -> None:
    follow_up = board.follow_ups[c.follow_up]
    contact = board.contacts[c.reference]
    rules = board.rules
    due = now + rules.queues[rules.follow_ups.queue].target_seconds
    board.put_follow_up(replace(follow_up, state=FollowUpState.DUE))
    queued = replace(
        wanted(contact if follow_up.keeps_place else replace(contact, queued_at=None), now),
        work=Work.FOLLOW_UP,
        work_channel=follow_up.channel,
        follow_up=follow_up.id,
        due_at=min(due, contact.due_at) if follow_up.keeps_place else due,
    )
    board.put_contact(owner_first(queued, follow_up.owner, board, now))


@apply.register
def _(e: ev.FollowUpAnswered, board: Board, now: Time) -> None:
    follow_up = board.follow_ups[e.follow_up]
    follow_up_over(board, follow_up, FollowUpState.DONE, "answered")
    contact = board.contacts[e.reference]
    answered_at = contact.answered_at or now
    talking = replace(contact, live=True, work=Work.CALL, work_channel=Channel.VOICE, answered_at=answered_at)
    board.put_contact(replace(talking, expected_until=None))


@apply.register
def _(e: ev.FollowUpTried, board: Board, now: Time) -> None:
    contact = board.contacts[e.reference]
    handler = contact.assignment.handler if contact.assignment else ""
    if board.follow_ups[e.follow_up].by_hand:
        follow_up_over(board, board.follow_ups[e.follow_up], FollowUpState.GIVEN_UP, e.outcome)
        board.put_contact(to_wrap_up(board.contacts[e.reference], board, now))
        return
    if e.outcome == "handler_unreachable":
        contact = wanted(with_declined(contact, handler, "unreachable", board, now), now)
    else:
        follow_up = board.follow_ups[e.follow_up]
        outcomes = (*follow_up.outcomes, e.outcome)
        board.put_follow_up(replace(follow_up, attempts=follow_up.attempts + 1, outcomes=outcomes))
        contact = for_review(contact)
    if handler in board.handlers:
        turned(board, handler, now)
    board.put_contact(replace(contact, assignment=None))


@apply.register
def _(e: ev.FollowUpCancelled, board: Board, now: Time) -> None:
    was_due = board.contacts[e.reference].follow_up == e.follow_up
    was_callback = board.contacts[e.reference].callback == e.follow_up
    follow_up_over(board, board.follow_ups[e.follow_up], FollowUpState.CANCELLED, "cancelled")
    if was_due:
        contact = board.contacts[e.reference]
        board.put_contact(replace(contact, wanted=bool(contact.unread)))
    contact = board.contacts[e.reference]
    if was_callback and contact.live and not (contact.assignment or contact.passed_to):
        board.put_contact(wanted(contact, now))  # they are still on the line, and nobody will call them


@apply.register
def _(e: ev.CallRequested, board: Board, now: Time) -> None:
    turned(board, e.handler, now)
    waiting = board.contacts[e.reference].follow_up
    if waiting:
        follow_up_over(board, board.follow_ups[waiting], FollowUpState.CANCELLED, "called by hand")
    contact = without_wrap_up(board.contacts[e.reference], e.handler)
    follow_up = FollowUp(
        id=f"{contact.reference}-dialled-{contact.calls_made + 1}",
        reference=contact.reference,
        channel=Channel.VOICE,
        purpose="dialled by hand",
        address=e.address,
        not_before=now,
        not_after=now,
        owner=e.handler,
        state=FollowUpState.DUE,
        by_hand=True,
    )
    board.put_follow_up(follow_up)
    board.put_contact(
        replace(
            contact,
            wanted=False,
            preferred="",
            preferred_until=None,
            assignment=Assignment(e.handler, now),
            owner=e.handler,
            work=Work.FOLLOW_UP,
            work_channel=Channel.VOICE,
            follow_up=follow_up.id,
            follow_ups_open=contact.follow_ups_open + 1,
            calls_made=contact.calls_made + 1,
            unread="",
        )
    )


@apply.register
def _(c: do.CancelFollowUp, board: Board, now: Time) -> None:
    follow_up_over(board, board.follow_ups[c.follow_up], FollowUpState.CANCELLED, "cancelled")


@apply.register
def _(c: do.GiveUpFollowUp, board: Board, now: Time) -> None:
    follow_up_over(board, board.follow_ups[c.follow_up], FollowUpState.GIVEN_UP, "")


def _schedule(board: Board, follow_up: FollowUp) -> None:
    known = follow_up.id in board.follow_ups
    board.put_follow_up(follow_up)
    if not known:
        contact = board.contacts[follow_up.reference]
        board.put_contact(
            replace(
                contact,
                follow_ups_open=contact.follow_ups_open + 1,
                calls_made=contact.calls_made + 1,
                callback=follow_up.id if follow_up.keeps_place else contact.callback,
            )
        )
