"""Where each kind of change registers how it changes the board, and what several of them share."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from routing.board import Board
from routing.model import (
    Channel,
    Contact,
    Declined,
    FollowUp,
    FollowUpState,
    Guest,
    HandoverState,
    PresenceState,
    Time,
    Work,
    WrapUp,
)
from routing.replacing import replace


@singledispatch
def apply(change: Any, board: Board, now: Time) -> None:
    """Change the board as ``change`` (an event or a command) says. What is only recorded changes nothing."""


def wanted(contact: Contact, now: Time) -> Contact:
    """In the queue, at the place it had. Whoever is on the line is wanted for as a call."""
    if contact.live:
        contact = replace(contact, work=Work.CALL, work_channel=Channel.VOICE)
    # Who comes back from a step of the overflow that led nowhere has waited all the time.
    waited = contact.wanted or contact.overflow is not None
    since = contact.waiting_since if waited and contact.waiting_since is not None else now
    wait_over_at = None if contact.live and contact.answered_at is None else contact.wait_over_at
    queued_at = contact.queued_at or now
    return replace(contact, wanted=True, queued_at=queued_at, waiting_since=since, wait_over_at=wait_over_at)


def for_review(contact: Contact) -> Contact:
    """Whoever takes it next looks at the whole of it, as at a text."""
    return replace(contact, work=Work.REVIEW, work_channel=Channel.TEXT, follow_up="")


def owner_first(contact: Contact, owner: str, board: Board, now: Time) -> Contact:
    """Offered to its owner alone for a while, if they are there; an emergency waits for nobody in particular."""
    handler = board.handlers.get(owner)
    there = handler is not None and handler.presence.state is PresenceState.AVAILABLE
    if not there or contact.emergency:
        return replace(contact, preferred="", preferred_until=None)
    return replace(contact, preferred=owner, preferred_until=now + board.rules.routing.owner_first_seconds)


def with_declined(contact: Contact, handler: str, board: Board, now: Time) -> Contact:
    others = tuple(d for d in contact.declined if d.handler != handler)
    until = now + board.rules.routing.decline_pause_seconds
    return replace(contact, declined=(*others, Declined(handler, until)))


def handover_over(contact: Contact) -> Contact:
    if contact.handover is None:
        return contact
    return replace(contact, handover=replace(contact.handover, state=HandoverState.ENDED))


def to_wrap_up(contact: Contact, board: Board, now: Time) -> Contact:
    if contact.assignment is None:
        return contact
    wrap_up = WrapUp(contact.assignment.handler, now, until=now + board.rules.routing.wrap_up_seconds)
    return replace(contact, assignment=None, wrap_ups=(*contact.wrap_ups, wrap_up))


def without_wrap_up(contact: Contact, handler: str) -> Contact:
    return replace(contact, wrap_ups=tuple(w for w in contact.wrap_ups if w.handler != handler))


def moved_to(contact: Contact, queue: str, due_at: Time, board: Board) -> Contact:
    skills = frozenset(board.rules.queues[queue].skills)
    fresh = replace(contact, waiting_since=None, overflow=None, overflowed=()) if queue != contact.queue else contact
    return replace(fresh, queue=queue, skills=skills, due_at=due_at, preferred="", preferred_until=None)


def guests_released(contact: Contact, gone: tuple[Guest, ...], board: Board, now: Time) -> Contact:
    """Without these; those of ours who were in the call begin to be idle now."""
    for guest in gone:
        handler = board.handlers.get(guest.handler)
        if handler is not None and guest.answered_at is not None:
            board.put_handler(replace(handler, idle_since=now))
    return replace(contact, guests=tuple(g for g in contact.guests if g not in gone))


def follow_up_over(board: Board, follow_up: FollowUp, state: FollowUpState, outcome: str) -> None:
    outcomes = (*follow_up.outcomes, outcome) if outcome else follow_up.outcomes
    board.put_follow_up(replace(follow_up, state=state, outcomes=outcomes))
    contact = board.contacts[follow_up.reference]
    if contact.follow_up == follow_up.id:
        contact = for_review(contact)
    if contact.callback == follow_up.id:
        contact = replace(contact, callback="")
    board.put_contact(replace(contact, follow_ups_open=contact.follow_ups_open - 1))
