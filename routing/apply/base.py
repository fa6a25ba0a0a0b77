"""Where each kind of change registers how it changes the board, and what several of them share."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from config.numbers import person_of
from config.ordering import Bump
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

HOUR = 3_600.0
# No decline keeps a contact from a handler for longer.
LONGEST_PAUSE = 300.0
LONGEST_EMERGENCY_PAUSE = 15.0
NO_BUMP = Bump()


@singledispatch
def apply(change: Any, board: Board, now: Time) -> None:
    """Change the board as ``change`` (an event or a command) says. What is only recorded changes nothing."""


def wanted(contact: Contact, now: Time) -> Contact:
    """In the queue, at the place it had. Whoever is on the line is wanted for as a call."""
    # Who comes back from a step of the overflow that led nowhere has waited all the time.
    waited = contact.wanted or contact.overflow is not None
    since = contact.waiting_since if waited and contact.waiting_since is not None else now
    return replace(
        contact,
        wanted=True,
        work=Work.CALL if contact.live else contact.work,
        work_channel=Channel.VOICE if contact.live else contact.work_channel,
        queued_at=contact.queued_at or now,
        waiting_since=since,
        wait_over_at=None if contact.live and contact.answered_at is None else contact.wait_over_at,
        relaxed=contact.relaxed if contact.wanted else 0,
        not_led_on=False,
    )


def for_review(contact: Contact) -> Contact:
    """Whoever takes it next looks at the whole of it, as at a text."""
    return replace(contact, work=Work.REVIEW, work_channel=Channel.TEXT, follow_up="")


def owner_first(contact: Contact, owner: str, board: Board, now: Time) -> Contact:
    """Offered to its owner alone for a while, if they are there; an emergency waits for nobody in particular."""
    handler = board.handlers.get(owner)
    there = handler is not None and handler.presence.state is PresenceState.AVAILABLE
    if not there or contact.emergency:
        return replace(contact, preferred="", preferred_until=None) if contact.preferred else contact
    return replace(contact, preferred=owner, preferred_until=now + board.rules.routing.owner_first_seconds)


def urgent(contact: Contact) -> Contact:
    """An emergency from now on: it waits for nobody in particular, and for nobody who declined what was none yet."""
    declined = contact.declined if contact.emergency else ()
    return replace(contact, emergency=True, preferred="", preferred_until=None, declined=declined)


def with_declined(contact: Contact, handler: str, how: str, board: Board, now: Time) -> Contact:
    """Not again for a while, and for twice as long each time; in an emergency as short each time."""
    others = tuple(d for d in contact.declined if d.handler != handler)
    times = 1 + max((d.times for d in contact.declined if d.handler == handler), default=0)
    pause = board.rules.routing.decline_pause_seconds
    if contact.emergency:
        pause = min(pause, LONGEST_EMERGENCY_PAUSE)
    else:
        pause = min(pause * 2 ** (times - 1), max(pause, LONGEST_PAUSE))
    return replace(contact, declined=(*others, Declined(handler, now + pause, times, how)))


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


def moved_to(contact: Contact, queue: str, due_at: Time) -> Contact:
    fresh = replace(contact, waiting_since=None, overflow=None, overflowed=()) if queue != contact.queue else contact
    return replace(fresh, queue=queue, relaxed=0, due_at=due_at, preferred="", preferred_until=None)


def bumped(contact: Contact, why: str, bump: Bump) -> Contact:
    """Served sooner from now on, once for each reason."""
    if why in contact.bumps or bump == NO_BUMP:
        return contact
    within = [seconds for seconds in (contact.due_within, bump.due_within_seconds) if seconds is not None]
    return replace(
        contact,
        bumps=(*contact.bumps, why),
        ahead=max(contact.ahead, bump.ahead_seconds),
        due_within=min(within, default=None),
    )


def begun(contact: Contact, board: Board, now: Time) -> Contact:
    """A new contact: what is known of the person holds in it; whoever comes often of late is served sooner."""
    known = board.people.get(person_of(contact.party.address))
    contact = replace(contact, safety=known.safety) if known else contact
    bumps = board.rules.routing.bumps
    earlier = board.recent.count(contact.party.address, now - bumps.repeat_hours * HOUR)
    return bumped(contact, "repeat", bumps.repeat) if earlier + 1 >= bumps.repeat_contacts else contact


def to_last_handler(contact: Contact, board: Board, now: Time) -> Contact:
    """First to whoever dealt with this person lately, for a moment, if they are free now and can take it."""
    rules = board.rules.routing
    last = board.recent.handler(contact.party.address, now - rules.last_handler_hours * HOUR)
    if not last or contact.owner or contact.emergency or not rules.last_handler_first_seconds:
        return contact
    if not board.can_take(last, contact):
        return contact
    return replace(contact, preferred=last, preferred_until=now + rules.last_handler_first_seconds)


def turned(board: Board, handler_id: str, now: Time) -> None:
    """They are given something, have finished it, or are back: from now on they count as idle, and what they did so
    far as busy. Told before the change itself."""
    handler = board.handlers[handler_id]
    busy = now - handler.idle_since if board.occupied(handler_id) else 0.0
    board.put_handler(replace(handler, idle_since=now, busy_seconds=handler.busy_seconds + busy))


def guests_released(contact: Contact, gone: tuple[Guest, ...], board: Board, now: Time) -> Contact:
    """Without these; those of ours who were in the call begin to be idle now."""
    if not gone:
        return contact
    for guest in gone:
        if guest.handler in board.handlers and guest.answered_at is not None:
            turned(board, guest.handler, now)
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
