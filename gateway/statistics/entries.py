"""What each row of the journal means for the facts: ``enter(ledger, row)``. Rows that mean nothing are passed over.

The definitions in plain words are in docs/statistics.md.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from gateway.statistics.facts import Activity, Matter
from gateway.statistics.ledger import Ledger
from gateway.store.documents import KINDS, load_change
from gateway.store.journal import Row
from routing import commands as do
from routing import events as ev
from routing.model import Channel, PresenceState, Time
from routing.replacing import replace


def enter(ledger: Ledger, row: Row) -> None:
    """The ledger takes the row in; rows must come in the order of the journal."""
    kind = KINDS.get(row.kind)
    if kind in ABOUT_HANDLERS:
        about_handler(load_change(row.kind, row.document), ledger, row.at, row.seq)
    elif kind in ARRIVALS:
        arrival(load_change(row.kind, row.document), ledger, row)
    elif kind in ABOUT_CONTACTS and (matter := ledger.matters.get(row.reference)) is not None:
        ledger.changes.matters[row.reference] = matter
        about_contact(load_change(row.kind, row.document), ledger, matter, row.at)


# --- handlers ----------------------------------------------------------------------------------------


@singledispatch
def about_handler(change: Any, ledger: Ledger, at: Time, seq: int) -> None:
    """A handler comes, goes, or says whether they are there."""


@about_handler.register
def _(e: ev.HandlerSaved, ledger: Ledger, at: Time, seq: int) -> None:
    ledger.joins(e.handler.id, e.handler.centre, at, seq)


@about_handler.register
def _(e: ev.HandlerRemoved, ledger: Ledger, at: Time, seq: int) -> None:
    ledger.leaves(e.handler, at, seq)


@about_handler.register
def _(e: ev.PresenceChanged, ledger: Ledger, at: Time, seq: int) -> None:
    ledger.is_present(e.handler, e.presence.state, e.presence.reason, at, seq)


@about_handler.register
def _(c: do.SetAway, ledger: Ledger, at: Time, seq: int) -> None:
    ledger.is_present(c.handler, PresenceState.AWAY, c.reason, at, seq)


# --- arrivals ----------------------------------------------------------------------------------------


def arrival(e: ev.CallArrived | ev.MessageArrived, ledger: Ledger, row: Row) -> None:
    """Of a contact that is not known yet, or of one that is open: the row says whose it is."""
    known = ledger.matters.get(row.reference)
    channel = e.channel if isinstance(e, ev.MessageArrived) else Channel.VOICE
    m = known or ledger.opened(Matter(row.reference, channel, e.queue, row.seq))
    ledger.changes.matters[row.reference] = m
    if isinstance(e, ev.CallArrived):
        m.live = True
        if known is None:
            ledger.arrives(m, row.at)
            return
        ledger.resumes(m)
        if m.emergency and m.alone:
            ledger.begins_to_wait(m, row.at)
    elif m.talking is None and not m.waits:
        ledger.arrives(m, row.at, queued=True)


# --- a contact's life --------------------------------------------------------------------------------


@singledispatch
def about_contact(change: Any, ledger: Ledger, m: Matter, at: Time) -> None:
    """What happens to an open contact."""


@about_contact.register
def _(e: ev.CallQueued, ledger: Ledger, m: Matter, at: Time) -> None:
    _moves(ledger, m, e.queue or m.queue)
    if m.alone and not m.callback and not m.voicemail:
        ledger.begins_to_wait(m, at)


@about_contact.register
def _(c: do.LeadOn, ledger: Ledger, m: Matter, at: Time) -> None:
    if c.kind != "queue" or c.target == m.queue:
        return
    if m.wait is not None and m.waits:
        ledger.put_wait(m, replace(m.wait, through=(*m.wait.through, m.queue)))
    _moves(ledger, m, c.target)


@about_contact.register
def _(c: do.ReopenContact, ledger: Ledger, m: Matter, at: Time) -> None:
    _moves(ledger, m, c.queue or m.queue)
    if c.emergency:
        _is_emergency(ledger, m)


@about_contact.register
def _(e: ev.CallbackAsked, ledger: Ledger, m: Matter, at: Time) -> None:
    ledger.wait_ends(m, at, "callback")


@about_contact.register
def _(e: ev.VoicemailLeft, ledger: Ledger, m: Matter, at: Time) -> None:
    """It may be told after the hang-up. Whoever is in an emergency is waited for all the same."""
    _moves(ledger, m, e.queue or m.queue)
    m.voicemail = True
    still_wanted = m.waits and (m.emergency or not m.live)
    was_answered = m.heard and not m.waits
    if m.wait is None or was_answered or still_wanted or m.wait.outcome == "callback":
        return
    ended_at = at if m.wait.ended_at is None else m.wait.ended_at
    ledger.put_wait(m, replace(m.wait, outcome="voicemail", ended_at=ended_at, queue=m.queue))


@about_contact.register
def _(e: ev.LedOut, ledger: Ledger, m: Matter, at: Time) -> None:
    if not m.emergency:
        _talks_outside(ledger, m, at, e.target)


@about_contact.register
def _(e: ev.CallerLeft, ledger: Ledger, m: Matter, at: Time) -> None:
    ledger.hangs_up(m, at, "abandoned")


@about_contact.register
def _(e: ev.CallEnded, ledger: Ledger, m: Matter, at: Time) -> None:
    ledger.hangs_up(m, at, "ended")


@about_contact.register
def _(e: ev.CallLost, ledger: Ledger, m: Matter, at: Time) -> None:
    ledger.hangs_up(m, at, "cut_off")


@about_contact.register
def _(c: do.CloseContact, ledger: Ledger, m: Matter, at: Time) -> None:
    ledger.hangs_up(m, at, "ended")
    for handler in {h.handler for h in m.handlings}:
        ledger.finishes(m, handler, at)
    ledger.closed(m)


# --- emergencies -------------------------------------------------------------------------------------


@about_contact.register
def _(e: ev.EmergencyRaised, ledger: Ledger, m: Matter, at: Time) -> None:
    _is_emergency(ledger, m)
    if m.alone:
        ledger.begins_to_wait(m, at)


@about_contact.register
def _(e: ev.CallerSilent, ledger: Ledger, m: Matter, at: Time) -> None:
    _is_emergency(ledger, m)
    if m.alone and not m.callback and not m.voicemail:
        ledger.begins_to_wait(m, at)


@about_contact.register
def _(c: do.RaiseAlarm, ledger: Ledger, m: Matter, at: Time) -> None:
    if c.what == "emergency":
        _is_emergency(ledger, m)


@about_contact.register
def _(e: ev.ControlRoomJoined, ledger: Ledger, m: Matter, at: Time) -> None:
    m.control_room = True
    ledger.wait_ends(m, at, "control_room")
    m.heard = True


@about_contact.register
def _(e: ev.ControlRoomLeft, ledger: Ledger, m: Matter, at: Time) -> None:
    m.control_room = False
    if m.alone:
        ledger.begins_to_wait(m, at)


# --- handlers at work --------------------------------------------------------------------------------


@about_contact.register
def _(e: ev.OfferAccepted, ledger: Ledger, m: Matter, at: Time) -> None:
    activity, channel = _wanted_for(m)
    m.heard = m.heard or m.live or m.waits
    m.voicemail = m.voicemail and m.live
    ledger.wait_ends(m, at, "answered", e.handler)
    ledger.takes(m, e.handler, at, activity, channel)


def _wanted_for(m: Matter) -> tuple[Activity, Channel]:
    if m.live:
        return "call", Channel.VOICE
    return ("message", m.channel) if m.waits else (m.activity, m.activity_channel)


@about_contact.register
def _(c: do.MakeOffer, ledger: Ledger, m: Matter, at: Time) -> None:
    """Who is rung for a caller's return is not in the wrap-up of their last talk any more. For an emergency it rings
    although they are, and they are until they take it."""
    in_wrap_up = any(h.handler == c.offer.handler and h.talked_until is not None for h in m.handlings)
    if c.offer.by_phone and in_wrap_up and not m.emergency:
        ledger.finishes(m, c.offer.handler, at)


@about_contact.register
def _(e: ev.WrapUpCompleted, ledger: Ledger, m: Matter, at: Time) -> None:
    if m.talking and m.talking.handler == e.handler:
        ledger.follow_up_over(m, m.due)
    ledger.finishes(m, e.handler, at)


@about_contact.register
def _(c: do.ReturnToQueue, ledger: Ledger, m: Matter, at: Time) -> None:
    was_message = m.talking is not None and m.talking.activity == "message"
    ledger.talk_ends(m, at, wrap_up=False)
    if was_message:
        ledger.begins_to_wait(m, at)


@about_contact.register
def _(e: ev.HandlerLeft, ledger: Ledger, m: Matter, at: Time) -> None:
    ledger.talk_ends(m, at, wrap_up=True)
    if m.alone and not m.control_room:
        ledger.begins_to_wait(m, at)


@about_contact.register
def _(e: ev.HandlerLost, ledger: Ledger, m: Matter, at: Time) -> None:
    ledger.talk_ends(m, at, wrap_up=False)
    ledger.begins_to_wait(m, at)


@about_contact.register
def _(e: ev.HeldChanged, ledger: Ledger, m: Matter, at: Time) -> None:
    where = [w for w in m.held if w != e.where] + ([e.where] if e.held else [])
    if where and not m.held:
        m.held_since = at
    if m.held and not where:
        ledger.hold_ends(m, at)
    m.held = where


# --- passing on --------------------------------------------------------------------------------------


@about_contact.register
def _(e: ev.PartyRung, ledger: Ledger, m: Matter, at: Time) -> None:
    m.guests[e.target] = e.handler


@about_contact.register
def _(e: ev.PartyAnswered, ledger: Ledger, m: Matter, at: Time) -> None:
    handler = m.guests.get(e.target, "")
    helps = any(h.handler == handler and h.activity == "assist" for h in m.handlings)
    if handler and not helps:
        ledger.takes(m, handler, at, "assist", Channel.VOICE)


@about_contact.register
def _(e: ev.PartyLeft, ledger: Ledger, m: Matter, at: Time) -> None:
    ledger.guests_leave(m, {m.guests.pop(e.target, "")}, at)
    if m.passed_to == e.target and m.emergency:
        m.passed_to = ""
        if not m.control_room:
            ledger.begins_to_wait(m, at)


@about_contact.register
def _(e: ev.CallPassed, ledger: Ledger, m: Matter, at: Time) -> None:
    ledger.talk_ends(m, at, wrap_up=True)
    ledger.guests_leave(m, {m.guests.pop(e.target, ""), e.to_handler}, at)
    if e.to_handler:
        ledger.wait_ends(m, at, "answered", e.to_handler)
        m.heard = True
        ledger.takes(m, e.to_handler, at, "call", Channel.VOICE)
    else:
        _talks_outside(ledger, m, at, e.target)


@about_contact.register
def _(e: ev.CallTakenOver, ledger: Ledger, m: Matter, at: Time) -> None:
    ledger.talk_ends(m, at, wrap_up=True)
    ledger.wait_ends(m, at, "answered", e.supervisor)
    m.heard = True
    ledger.takes(m, e.supervisor, at, "call", Channel.VOICE)


@about_contact.register
def _(e: ev.Requeued, ledger: Ledger, m: Matter, at: Time) -> None:
    ledger.talk_ends(m, at, wrap_up=True)
    m.queue = e.queue
    ledger.begins_to_wait(m, at)


# --- follow-ups --------------------------------------------------------------------------------------


@about_contact.register(ev.FollowUpRequested)
@about_contact.register(do.ScheduleFollowUp)
def _(e: ev.FollowUpRequested | do.ScheduleFollowUp, ledger: Ledger, m: Matter, at: Time) -> None:
    if e.follow_up.keeps_place and e.follow_up.id not in m.follow_ups:
        m.callback = e.follow_up.id
    m.follow_ups[e.follow_up.id] = e.follow_up.channel


@about_contact.register
def _(c: do.QueueFollowUp, ledger: Ledger, m: Matter, at: Time) -> None:
    m.due, m.activity = c.follow_up, "follow_up"
    m.activity_channel = m.follow_ups.get(c.follow_up, Channel.VOICE)


@about_contact.register
def _(c: do.AskForReview, ledger: Ledger, m: Matter, at: Time) -> None:
    m.activity, m.activity_channel = "review", Channel.TEXT


@about_contact.register(do.CancelFollowUp)
@about_contact.register(do.GiveUpFollowUp)
def _(c: do.CancelFollowUp | do.GiveUpFollowUp, ledger: Ledger, m: Matter, at: Time) -> None:
    ledger.follow_up_over(m, c.follow_up)


@about_contact.register
def _(e: ev.FollowUpCancelled, ledger: Ledger, m: Matter, at: Time) -> None:
    was_callback = m.callback == e.follow_up
    ledger.follow_up_over(m, e.follow_up)
    if was_callback and m.alone:
        ledger.begins_to_wait(m, at)  # still on the line, and nobody will call them


@about_contact.register
def _(e: ev.CallRequested, ledger: Ledger, m: Matter, at: Time) -> None:
    """A handler who dials the person of a waiting message answers it by that."""
    ledger.follow_up_over(m, m.due)
    m.heard = m.heard or m.waits
    ledger.wait_ends(m, at, "answered", e.handler)
    ledger.talk_ends(m, at, wrap_up=False)
    ledger.takes(m, e.handler, at, "follow_up", Channel.VOICE)
    m.dialled = True


@about_contact.register
def _(e: ev.FollowUpAnswered, ledger: Ledger, m: Matter, at: Time) -> None:
    ledger.follow_up_over(m, e.follow_up)
    m.live, m.heard, m.dialled = True, True, False
    if m.talking:
        ledger.put_handling(m, replace(m.talking, reached=True))


@about_contact.register
def _(e: ev.FollowUpTried, ledger: Ledger, m: Matter, at: Time) -> None:
    ledger.talk_ends(m, at, wrap_up=m.dialled)
    if m.dialled:
        ledger.follow_up_over(m, e.follow_up)
    elif e.outcome != "handler_unreachable":
        m.due, m.activity, m.activity_channel = "", "review", Channel.TEXT
    m.dialled = False


# --- shared ------------------------------------------------------------------------------------------


def _moves(ledger: Ledger, m: Matter, queue: str) -> None:
    if queue == m.queue:
        return
    m.queue = queue
    if m.wait is not None and m.waits:
        ledger.put_wait(m, replace(m.wait, queue=queue))


def _talks_outside(ledger: Ledger, m: Matter, at: Time, target: str) -> None:
    m.passed_to = target
    ledger.wait_ends(m, at, "passed")
    m.heard = True


def _is_emergency(ledger: Ledger, m: Matter) -> None:
    m.emergency = True
    if m.wait is not None and m.waits:
        ledger.put_wait(m, m.wait)


ARRIVALS = (ev.CallArrived, ev.MessageArrived)
ABOUT_HANDLERS = frozenset(about_handler.registry) - {object}
ABOUT_CONTACTS = frozenset(about_contact.registry) - {object}
