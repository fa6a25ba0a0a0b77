"""What each event and each command changes on the board. Nothing is decided here."""

from __future__ import annotations

from dataclasses import replace
from functools import singledispatch
from typing import Any

from routing import commands as do
from routing import events as ev
from routing.board import Board
from routing.model import (
    Assignment,
    Channel,
    Contact,
    Declined,
    FollowUp,
    FollowUpState,
    Graded,
    Handover,
    HandoverState,
    Presence,
    PresenceState,
    Time,
    Work,
    WrapUp,
)

MISSED = ("missed", "expired", "failed")


@singledispatch
def apply(change: Any, board: Board, now: Time) -> None:
    """Change the board as ``change`` (an event or a command) says. Most only-recorded events change nothing."""


# --- calls -------------------------------------------------------------------------------------------


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
        board.put_contact(_wanted(contact, now))


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
    contact = _to_wrap_up(board.contacts[e.reference], now)
    with_control_room = contact.handover is not None and contact.handover.state is HandoverState.JOINED
    board.put_contact(_wanted(contact, now) if contact.live and not with_control_room else contact)


@apply.register
def _(e: ev.HandlerLost, board: Board, now: Time) -> None:
    contact = _declined(board.contacts[e.reference], e.handler, board, now)
    board.put_contact(replace(_wanted(contact, now), assignment=None))


# --- offers and wrap-up ------------------------------------------------------------------------------


@apply.register
def _(e: ev.OfferAccepted, board: Board, now: Time) -> None:
    contact = board.contacts[e.reference]
    heard = contact.live or contact.work is Work.MESSAGE
    board.put_contact(
        replace(
            contact,
            wanted=False,
            assignment=Assignment(e.handler, now),
            offers=tuple(o for o in contact.offers if o.id != e.offer),
            owner=e.handler,
            answered_at=contact.answered_at or (now if heard else None),
            preferred="",
            preferred_until=None,
            declined=(),
            unread="",
            waiting_alarmed=False,
        )
    )
    board.put_handler(replace(board.handlers[e.handler], idle_since=now, misses=0))


@apply.register
def _(e: ev.WrapUpCompleted, board: Board, now: Time) -> None:
    contact = board.contacts[e.reference]
    mine = contact.assignment is not None and contact.assignment.handler == e.handler
    if mine and contact.follow_up:
        _follow_up_over(board, board.follow_ups[contact.follow_up], FollowUpState.DONE, e.disposition)
        contact = board.contacts[e.reference]
    grades = (Graded(e.grade, f"handler:{e.handler}", now),) if e.grade else ()
    board.put_contact(
        replace(
            contact,
            assignment=None if mine else contact.assignment,
            wrap_ups=tuple(w for w in contact.wrap_ups if w.handler != e.handler),
            grades=contact.grades + grades,
            disposition=e.disposition,
        )
    )
    board.put_handler(replace(board.handlers[e.handler], idle_since=now))


@apply.register
def _(e: ev.GradeGiven, board: Board, now: Time) -> None:
    contact = board.contacts[e.reference]
    board.put_contact(replace(contact, grades=(*contact.grades, Graded(e.grade, e.by, now))))


@apply.register
def _(e: ev.ReplyWritten, board: Board, now: Time) -> None:
    board.put_contact(replace(board.contacts[e.reference], unread=""))


@apply.register
def _(c: do.MakeOffer, board: Board, now: Time) -> None:
    contact = board.contacts[c.offer.reference]
    board.put_contact(replace(contact, offers=(*contact.offers, c.offer), offers_made=contact.offers_made + 1))


@apply.register
def _(c: do.EndOffer, board: Board, now: Time) -> None:
    contact = board.contacts[c.reference]
    contact = replace(contact, offers=tuple(o for o in contact.offers if o.id != c.offer))
    if contact.preferred == c.handler:
        contact = replace(contact, preferred="", preferred_until=None)
    if c.how != "withdrawn":
        contact = _declined(contact, c.handler, board, now)
    if c.how in MISSED:
        handler = board.handlers[c.handler]
        board.put_handler(replace(handler, misses=handler.misses + 1))
    board.put_contact(contact)


@apply.register
def _(c: do.OfferAgain, board: Board, now: Time) -> None:
    contact = board.contacts[c.reference]
    declined = tuple(d for d in contact.declined if d.handler != c.handler)
    board.put_contact(replace(contact, declined=declined))


@apply.register
def _(c: do.OpenToAll, board: Board, now: Time) -> None:
    contact = board.contacts[c.reference]
    board.put_contact(replace(contact, preferred="", preferred_until=None))


@apply.register
def _(c: do.ReturnToQueue, board: Board, now: Time) -> None:
    contact = board.contacts[c.reference]
    board.put_contact(replace(_wanted(contact, now), assignment=None))


@apply.register
def _(c: do.SetAway, board: Board, now: Time) -> None:
    handler = board.handlers[c.handler]
    board.put_handler(replace(handler, presence=Presence(PresenceState.AWAY, c.reason), misses=0))


@apply.register
def _(c: do.AskForReview, board: Board, now: Time) -> None:
    board.put_contact(_wanted(_for_review(board.contacts[c.reference]), now))


@apply.register
def _(c: do.CloseContact, board: Board, now: Time) -> None:
    board.put_contact(replace(board.contacts[c.reference], closed_at=now, offers=()))


@apply.register
def _(c: do.RaiseAlarm, board: Board, now: Time) -> None:
    contact = board.open_contact(c.reference)
    if contact is None:
        return
    if c.what == "emergency_waiting":
        board.put_contact(replace(contact, waiting_alarmed=True))
    if c.what == "wrap_up_long":
        wrap_ups = tuple(replace(w, alarmed=True) if w.handler == c.handler else w for w in contact.wrap_ups)
        board.put_contact(replace(contact, wrap_ups=wrap_ups))


# --- emergencies -------------------------------------------------------------------------------------


@apply.register
def _(e: ev.EmergencyRaised, board: Board, now: Time) -> None:
    contact = replace(board.contacts[e.reference], emergency=True, preferred="", preferred_until=None)
    if not contact.assignment and not contact.wanted:
        contact = _wanted(_for_review(contact), now)
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
    contact = _handover_over(board.contacts[e.reference])
    if contact.live and not contact.assignment:
        contact = _wanted(contact, now)
    board.put_contact(contact)


# --- messages ----------------------------------------------------------------------------------------


@apply.register
def _(e: ev.MessageArrived, board: Board, now: Time) -> None:
    queue = board.rules.queues[e.queue]
    due = now + queue.target_seconds
    contact = board.in_thread(e.thread)
    if contact is None:
        contact = Contact(
            reference=e.reference,
            channel=e.channel,
            queue=e.queue,
            party=e.party,
            our_address=e.our_address,
            received_at=now,
            due_at=due,
            skills=frozenset(queue.skills),
            subject=e.subject,
            thread=e.thread,
            linked_to=e.linked_to,
        )
    contact = replace(contact, unread=e.message)
    if not contact.assignment and not contact.wanted:
        fresh = replace(contact, work=Work.MESSAGE, work_channel=None, queued_at=None, due_at=due)
        contact = _owner_first(_wanted(fresh, now), contact.owner, board, now)
    board.put_contact(contact)


# --- follow-ups --------------------------------------------------------------------------------------


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
    wanted = replace(
        _wanted(contact if follow_up.keeps_place else replace(contact, queued_at=None), now),
        work=Work.FOLLOW_UP,
        work_channel=follow_up.channel,
        follow_up=follow_up.id,
        due_at=min(due, contact.due_at) if follow_up.keeps_place else due,
    )
    board.put_contact(_owner_first(wanted, follow_up.owner, board, now))


@apply.register
def _(e: ev.FollowUpAnswered, board: Board, now: Time) -> None:
    follow_up = board.follow_ups[e.follow_up]
    _follow_up_over(board, follow_up, FollowUpState.DONE, "answered")
    contact = board.contacts[e.reference]
    answered_at = contact.answered_at or now
    board.put_contact(replace(contact, live=True, work=Work.CALL, work_channel=Channel.VOICE, answered_at=answered_at))


@apply.register
def _(e: ev.FollowUpTried, board: Board, now: Time) -> None:
    contact = board.contacts[e.reference]
    handler = contact.assignment.handler if contact.assignment else ""
    if e.outcome == "handler_unreachable":
        contact = _wanted(_declined(contact, handler, board, now), now)
    else:
        follow_up = board.follow_ups[e.follow_up]
        outcomes = (*follow_up.outcomes, e.outcome)
        board.put_follow_up(replace(follow_up, attempts=follow_up.attempts + 1, outcomes=outcomes))
        contact = _for_review(contact)
    board.put_contact(replace(contact, assignment=None))
    if handler in board.handlers:
        board.put_handler(replace(board.handlers[handler], idle_since=now))


@apply.register
def _(e: ev.FollowUpCancelled, board: Board, now: Time) -> None:
    was_due = board.contacts[e.reference].follow_up == e.follow_up
    _follow_up_over(board, board.follow_ups[e.follow_up], FollowUpState.CANCELLED, "cancelled")
    if was_due:
        contact = board.contacts[e.reference]
        board.put_contact(replace(contact, wanted=bool(contact.unread)))


@apply.register
def _(c: do.GiveUpFollowUp, board: Board, now: Time) -> None:
    _follow_up_over(board, board.follow_ups[c.follow_up], FollowUpState.GIVEN_UP, "")


# --- handlers ----------------------------------------------------------------------------------------


@apply.register
def _(e: ev.HandlerSaved, board: Board, now: Time) -> None:
    was = board.handlers.get(e.handler.id)
    kept = replace(e.handler, presence=was.presence, idle_since=was.idle_since, misses=was.misses) if was else e.handler
    board.put_handler(kept)


@apply.register
def _(e: ev.HandlerRemoved, board: Board, now: Time) -> None:
    board.remove_handler(e.handler)


@apply.register
def _(e: ev.PresenceChanged, board: Board, now: Time) -> None:
    handler = board.handlers[e.handler]
    back = e.presence.state is PresenceState.AVAILABLE and handler.presence.state is not PresenceState.AVAILABLE
    idle_since = now if back else handler.idle_since
    board.put_handler(replace(handler, presence=e.presence, idle_since=idle_since, misses=0))


# --- parts -------------------------------------------------------------------------------------------


def _wanted(contact: Contact, now: Time) -> Contact:
    """In the queue, at the place it had. Whoever is on the line is wanted for as a call."""
    if contact.live:
        contact = replace(contact, work=Work.CALL, work_channel=Channel.VOICE)
    return replace(contact, wanted=True, queued_at=contact.queued_at or now)


def _for_review(contact: Contact) -> Contact:
    """Whoever takes it next looks at the whole of it, as at a text."""
    return replace(contact, work=Work.REVIEW, work_channel=Channel.TEXT, follow_up="")


def _owner_first(contact: Contact, owner: str, board: Board, now: Time) -> Contact:
    """Offered to its owner alone for a while, if they are there; an emergency waits for nobody in particular."""
    handler = board.handlers.get(owner)
    there = handler is not None and handler.presence.state is PresenceState.AVAILABLE
    if not there or contact.emergency:
        return replace(contact, preferred="", preferred_until=None)
    return replace(contact, preferred=owner, preferred_until=now + board.rules.routing.owner_first_seconds)


def _declined(contact: Contact, handler: str, board: Board, now: Time) -> Contact:
    others = tuple(d for d in contact.declined if d.handler != handler)
    until = now + board.rules.routing.decline_pause_seconds
    return replace(contact, declined=(*others, Declined(handler, until)))


def _handover_over(contact: Contact) -> Contact:
    if contact.handover is None:
        return contact
    return replace(contact, handover=replace(contact.handover, state=HandoverState.ENDED))


def _to_wrap_up(contact: Contact, now: Time) -> Contact:
    if contact.assignment is None:
        return contact
    wrap_ups = (*contact.wrap_ups, WrapUp(contact.assignment.handler, now))
    return replace(contact, assignment=None, wrap_ups=wrap_ups)


def _hung_up(board: Board, reference: str, now: Time) -> None:
    contact = _handover_over(_to_wrap_up(board.contacts[reference], now))
    board.put_contact(replace(contact, live=False, wanted=False, preferred="", preferred_until=None, ended_at=now))


def _schedule(board: Board, follow_up: FollowUp) -> None:
    known = follow_up.id in board.follow_ups
    board.put_follow_up(follow_up)
    if not known:
        contact = board.contacts[follow_up.reference]
        board.put_contact(replace(contact, follow_ups_open=contact.follow_ups_open + 1))


def _follow_up_over(board: Board, follow_up: FollowUp, state: FollowUpState, outcome: str) -> None:
    outcomes = (*follow_up.outcomes, outcome) if outcome else follow_up.outcomes
    board.put_follow_up(replace(follow_up, state=state, outcomes=outcomes))
    contact = board.contacts[follow_up.reference]
    if contact.follow_up == follow_up.id:
        contact = _for_review(contact)
    board.put_contact(replace(contact, follow_ups_open=contact.follow_ups_open - 1))
