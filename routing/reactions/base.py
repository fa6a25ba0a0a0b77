"""What each event calls for, beyond matching. Each reaction yields commands; every command is on the board
before the next is considered."""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch
from typing import Any

from config.safety import MARKS, Mark
from routing import commands as do
from routing import events as ev
from routing.board import Board
from routing.commands import Command
from routing.making_way import make_way
from routing.matching import best_handler, make_offer
from routing.model import (
    Channel,
    Contact,
    FollowUp,
    FollowUpState,
    HandoverState,
    Offer,
    PresenceState,
    Time,
)
from routing.reactions.acknowledging import acknowledged, asked_where
from routing.replacing import replace
from routing.safety import refused, verdict, worse
from routing.wakes import Wake, alarm_due, silence_seconds, silent_since

ON_A_CALL = "the handler is on a call"


@singledispatch
def react(event: Any, board: Board, now: Time) -> Iterator[Command]:
    """The commands that this event calls for. Most call for none."""
    return iter(())


# --- offers ------------------------------------------------------------------------------------------


@react.register
def _(e: ev.OfferAccepted, board: Board, now: Time) -> Iterator[Command]:
    contact, handler = board.contacts[e.reference], board.handlers[e.handler]
    yield from withdraw(contact, "another handler took it")
    if contact.emergency:
        yield from make_way(board, handler, contact)
    if contact.load is Channel.VOICE:
        yield from begins_to_talk(e.handler, board, now)
    if contact.calling:
        follow_up = board.follow_ups[contact.follow_up]
        if why := refused(board, contact, Channel.VOICE, follow_up.address):
            yield do.GiveUpFollowUp(follow_up.id, contact.reference, why)
        elif now > follow_up.not_after:
            yield _window_over(follow_up)
        else:
            withheld = verdict(board, contact, Channel.VOICE, follow_up.address) != "free"
            yield do.PlaceFollowUpCall(contact.reference, follow_up.id, e.handler, follow_up.address, withheld)
    elif contact.live and contact.callback:
        yield do.CancelFollowUp(contact.callback, contact.reference, "The caller is answered.")


@react.register
def _(e: ev.OfferClaimed, board: Board, now: Time) -> Iterator[Command]:
    yield from withdraw(board.contacts[e.reference], "another handler took it")
    contact, handler = board.contacts[e.reference], board.handlers[e.handler]
    yield make_offer(board, contact, handler, now, claimed=True)


@react.register
def _(e: ev.OfferDeclined, board: Board, now: Time) -> Iterator[Command]:
    yield from _end_offer(board, e.offer, e.reference, "declined")


@react.register
def _(e: ev.OfferMissed, board: Board, now: Time) -> Iterator[Command]:
    yield from _missed(board, e.offer, e.reference, "missed", "the phone rang out")


@react.register
def _(e: ev.OfferFailed, board: Board, now: Time) -> Iterator[Command]:
    yield from _missed(board, e.offer, e.reference, "failed", e.why)


def _missed(board: Board, offer_id: str, reference: str, how: str, why: str) -> Iterator[Command]:
    offer = _find_offer(board.contacts[reference], offer_id)
    if offer is None or offer.broadcast:
        return  # who is only shown it misses nothing, and goes on seeing it
    yield from _end_offer(board, offer_id, reference, how, why)
    if board.handlers[offer.handler].misses >= board.rules.routing.misses_before_away:
        yield do.SetAway(offer.handler, f"offers not answered: {why}")
        yield from _withdraw_from(offer.handler, board, "the handler was set away")


def _end_offer(board: Board, offer_id: str, reference: str, how: str, why: str = "") -> Iterator[Command]:
    """With the one in earnest go those that were shown beside it: the contact is then offered anew."""
    contact = board.contacts[reference]
    offer = _find_offer(contact, offer_id)
    if offer is None:
        return
    yield do.EndOffer(offer.id, reference, offer.handler, how, why)
    if not offer.broadcast:
        yield from withdraw(board.contacts[reference], "it is offered anew")


def withdraw(contact: Contact, why: str) -> Iterator[Command]:
    for offer in contact.offers:
        yield do.EndOffer(offer.id, offer.reference, offer.handler, "withdrawn", why)


def begins_to_talk(handler: str, board: Board, now: Time) -> Iterator[Command]:
    """A message that they have not taken goes to somebody else who is free. Where nobody is, it stays: otherwise one
    call after the other would take its turn from it."""
    for contact in board.engaged_in(handler):
        mine = [o for o in contact.offers if o.handler == handler and not o.broadcast]
        for offer in mine:
            if offer.channel is not Channel.VOICE and best_handler(board, contact, now):
                yield from _end_offer(board, offer.id, offer.reference, "withdrawn", ON_A_CALL)


def _withdraw_from(handler: str, board: Board, why: str) -> Iterator[Command]:
    for contact in board.engaged_in(handler):
        for offer in contact.offers:
            if offer.handler == handler:
                yield from _end_offer(board, offer.id, offer.reference, "withdrawn", why)


# --- emergencies -------------------------------------------------------------------------------------


@react.register
def _(e: ev.EmergencyRaised, board: Board, now: Time) -> Iterator[Command]:
    contact = board.contacts[e.reference]
    yield do.RaiseAlarm("emergency", f"Emergency: {e.how}.", e.reference)
    yield from _not_left_with_who_is_away(contact, board)
    under_way = contact.handover is not None and contact.handover.state is not HandoverState.ENDED
    if contact.live and not under_way:
        yield do.CallControlRoom(e.reference, e.by)


@react.register
def _(e: ev.ControlRoomExhausted, board: Board, now: Time) -> Iterator[Command]:
    if _is_said(e.round):
        why = f"No control room target answered (round {e.round}). The caller is still on the line; we keep trying."
        yield do.RaiseAlarm("control_room_unreachable", why, e.reference)


@react.register
def _(e: ev.ControlRoomLeft, board: Board, now: Time) -> Iterator[Command]:
    """Whoever answered and hung up at once has heard nobody: on to the next target."""
    contact = board.contacts[e.reference]
    handover = contact.handover
    if not contact.live or handover is None or not handover.target or handover.joined_at is not None:
        return
    if _is_said(handover.hung_up):
        why = f"{handover.target} answered an emergency and hung up at once. The next target is rung."
        yield do.RaiseAlarm("control_room_hung_up", why, e.reference)
    yield do.CallControlRoom(e.reference, handover.by, after=handover.target)


def _is_said(times: int) -> bool:
    """The 1st, 2nd, 4th, 8th, ... time: an alarm that never stops is not heard."""
    return not times & (times - 1)


# --- messages ----------------------------------------------------------------------------------------


@react.register
def _(e: ev.MessageArrived, board: Board, now: Time) -> Iterator[Command]:
    contact = board.in_thread(e.thread) or board.contacts.get(e.reference)
    if contact is not None and e.finding.sounds_like_emergency:
        yield do.RaiseAlarm("emergency", f"Emergency: the message {e.sounds_like}.", contact.reference)
    if contact is None:
        return
    if contact.reopened_at == now:
        yield do.ReopenContact(contact.reference, contact.queue, contact.emergency)
    yield from _not_left_with_who_is_away(contact, board)
    yield from _marked(e, contact, board)
    yield from acknowledged(e, board.contacts[contact.reference], board, now)
    yield from asked_where(e, board.contacts[contact.reference], board)


def _not_left_with_who_is_away(contact: Contact, board: Board) -> Iterator[Command]:
    """An emergency of which there is news, and whose handler is not at the desk to see it, goes to somebody else."""
    if not contact.emergency or contact.assignment is None or contact.live or contact.calling:
        return
    handler = contact.assignment.handler
    if board.handlers[handler].presence.state is PresenceState.AWAY:
        yield do.ReturnToQueue(contact.reference, handler, "the handler is away, and it is an emergency")


def _marked(e: ev.MessageArrived, contact: Contact, board: Board) -> Iterator[Command]:
    """Somebody who writes that they cannot speak is not rung up, and who fears our answer is not written to: a handler
    can say otherwise, a text cannot."""
    said = {found.kind: found.words for found in reversed(e.finding.found)}
    if not e.finding.sounds_like_emergency:
        said.pop("cannot_speak", None)
    safety = board.rules.safety
    marks: dict[str, Mark] = {"unsafe_to_write": safety.unsafe_to_write, "cannot_speak": safety.cannot_speak}
    kind = max((kind for kind in marks if kind in said), key=lambda kind: MARKS.index(marks[kind]), default="")
    mark: Mark = marks.get(kind, "normal")
    if worse(contact.safety, mark) != contact.safety:
        yield do.MarkSafety(contact.reference, mark, f'they wrote "{said[kind]}"')


@react.register
def _(e: ev.DeliveryReported, board: Board, now: Time) -> Iterator[Command]:
    if e.status in ("undelivered", "failed"):
        why = f": {e.why}" if e.why else ""
        code = f" (code {e.code})" if e.code and e.code not in e.why else ""
        said = f"{_as_begun(e.which)} did not reach the person{why}{code}."
        yield do.RaiseAlarm("message_not_delivered", said, e.reference)


@react.register
def _(e: ev.SendingFailed, board: Board, now: Time) -> Iterator[Command]:
    which = _as_begun(e.which)
    if e.final:
        yield do.RaiseAlarm("message_not_sent", f"{which} could not be sent: {e.why}.", e.reference)
    elif e.late:
        yield do.RaiseAlarm("message_waits", f"{which} has not left yet, and is still tried: {e.why}.", e.reference)


def _as_begun(which: str) -> str:
    """As a sentence begins."""
    return f"{which[0].upper()}{which[1:]}"


# --- follow-ups --------------------------------------------------------------------------------------


@react.register
def _(e: ev.FollowUpTried, board: Board, now: Time) -> Iterator[Command]:
    follow_up = board.follow_ups.get(e.follow_up)
    if follow_up is None or e.outcome == "handler_unreachable":
        return
    next_at = now + board.rules.follow_ups.retry_minutes * 60
    if follow_up.attempts < board.rules.follow_ups.attempts and next_at <= follow_up.not_after:
        yield do.ScheduleFollowUp(replace(follow_up, state=FollowUpState.SCHEDULED, next_at=next_at))
        return
    why = f"Tried {follow_up.attempts} times, last: {e.outcome}."
    yield do.GiveUpFollowUp(follow_up.id, follow_up.reference, why)
    yield do.AskForReview(follow_up.reference, f"The follow-up reached nobody. {why}")


@react.register
def _(e: ev.FollowUpCancelled, board: Board, now: Time) -> Iterator[Command]:
    contact = board.contacts[e.reference]
    if not contact.wanted:
        yield from withdraw(contact, "the follow-up was cancelled")


def follow_up_due(board: Board, follow_up_id: str, now: Time) -> Iterator[Command]:
    follow_up = board.follow_ups.get(follow_up_id)
    if follow_up is None or follow_up.state is not FollowUpState.SCHEDULED or follow_up.next_at > now:
        return
    contact = board.contacts[follow_up.reference]
    if contact.assignment or contact.wanted or contact.live:
        board.wake_at(now + 5, "follow_up", follow_up.reference, follow_up.id)
    elif now > follow_up.not_after:
        yield _window_over(follow_up)
        yield do.AskForReview(follow_up.reference, "A follow-up was not made in its time window.")
    else:
        yield do.QueueFollowUp(follow_up.id, follow_up.reference)


def _window_over(follow_up: FollowUp) -> do.GiveUpFollowUp:
    return do.GiveUpFollowUp(follow_up.id, follow_up.reference, "Its time window is over.")


# --- handlers ----------------------------------------------------------------------------------------


@react.register
def _(e: ev.HandlerSaved, board: Board, now: Time) -> Iterator[Command]:
    """What is being offered to them and they take no more, or not so many of, goes to somebody else."""
    handler = board.handlers[e.handler.id]
    offers = [o for c in board.engaged_in(handler.id) for o in c.offers if o.handler == handler.id and not o.broadcast]
    for channel in Channel:
        for offer in [o for o in offers if o.channel is channel][handler.capacity(channel) :]:
            yield from _end_offer(board, offer.id, offer.reference, "withdrawn", "the handler takes no more of these")


@react.register
def _(e: ev.PresenceChanged, board: Board, now: Time) -> Iterator[Command]:
    if e.presence.state is PresenceState.AVAILABLE:
        return
    yield from _withdraw_from(e.handler, board, "the handler went away")
    if e.presence.state is PresenceState.OFFLINE:
        for contact in board.engaged_in(e.handler):
            assigned = contact.assignment is not None and contact.assignment.handler == e.handler
            if assigned and not contact.live and not contact.calling:
                yield do.ReturnToQueue(contact.reference, e.handler, "the handler signed out")


@react.register
def _(e: ev.BoardRepaired, board: Board, now: Time) -> Iterator[Command]:
    """Whoever waited although somebody was free is offered now; an offer past its deadline ends."""
    for contact in list(board.contacts.values()):
        for offer in contact.offers:
            yield from _offer_expired(offer, board, now)
    yield do.RaiseAlarm("board_repaired", f"The board was wrong and has been repaired: {' '.join(e.found)}")


@react.register
def _(e: ev.PartFailing, board: Board, now: Time) -> Iterator[Command]:
    yield do.RaiseAlarm(e.cause, e.why)


@react.register
def _(e: ev.StaffingShort, board: Board, now: Time) -> Iterator[Command]:
    yield do.RaiseAlarm(e.cause, e.why)


@react.register
def _(e: ev.QueueNotServed, board: Board, now: Time) -> Iterator[Command]:
    yield do.RaiseAlarm(e.cause, e.why, queue=e.queue)


@react.register
def _(e: ev.QueueServedAgain, board: Board, now: Time) -> Iterator[Command]:
    yield do.WithdrawAlarm(e.cause, e.why, e.queue)


# --- time --------------------------------------------------------------------------------------------


@react.register
def _(e: ev.TimePassed, board: Board, now: Time) -> Iterator[Command]:
    for wake in board.due_wakes(now):
        contact = board.open_contact(wake.reference)
        if contact is not None:
            yield from _look_again(wake, contact, board, now, e.since)


def _look_again(wake: Wake, contact: Contact, board: Board, now: Time, since: Time) -> Iterator[Command]:
    match wake.kind:
        case "offer":
            yield from _offer_expired(_find_offer(contact, wake.detail), board, now, since)
        case "declined":
            if any(d.handler == wake.detail and 0 < d.until <= now for d in contact.declined):
                yield do.OfferAgain(contact.reference, wake.detail)
        case "relax":
            if contact.wanted and (over := board.steps_over(contact, now)) > contact.relaxed:
                yield do.Relax(contact.reference, over)
        case "preferred":
            if contact.preferred and (contact.preferred_until or now) <= now:
                yield do.OpenToAll(contact.reference)
        case "follow_up":
            yield from follow_up_due(board, wake.detail, now)
        case "wrap_up":
            long = board.rules.routing.wrap_up_alarm_seconds
            if any(w.handler == wake.detail and not w.alarmed and w.since + long <= now for w in contact.wrap_ups):
                why = f"{wake.detail} has been in wrap-up for a long time."
                yield do.RaiseAlarm("wrap_up_long", why, contact.reference, wake.detail)
        case "wrap_up_due":
            if any(w.handler == wake.detail and not w.told and w.until <= now for w in contact.wrap_ups):
                yield do.WrapUpDue(contact.reference, wake.detail)
        case "expected":
            if contact.expected_until is not None and contact.expected_until <= now:
                yield do.StopExpecting(contact.reference)
        case "overflow":
            board.unserved[contact.reference] = None
        case "emergency":
            if alarm_due(contact, board.rules, now):
                why = "An emergency is waiting and no handler has taken it."
                yield do.RaiseAlarm("emergency_waiting", why, contact.reference)
        case "silence":
            if silent_since(contact, board.rules, now):
                seconds = silence_seconds(contact, board.rules)
                why = f"Nothing more was heard for {seconds:.0f} s of somebody who wrote of an emergency."
                yield do.RaiseAlarm("person_silent", why, contact.reference)


def _find_offer(contact: Contact, offer: str) -> Offer | None:
    return next((o for o in contact.offers if o.id == offer), None)


def _offer_expired(offer: Offer | None, board: Board, now: Time, since: Time = 0.0) -> Iterator[Command]:
    """Nobody has missed what they could not take, for want of a gateway or while they talked; a phone has rung all the
    same."""
    if offer is None or offer.expires_at > now:
        return
    if offer.expires_at <= since and not offer.by_phone:
        yield from _end_offer(board, offer.id, offer.reference, "withdrawn", "it could not be taken: we were not there")
    elif offer.channel is not Channel.VOICE and board.on_a_call(offer.handler):
        yield from _end_offer(board, offer.id, offer.reference, "withdrawn", ON_A_CALL)
    else:
        yield from _missed(board, offer.id, offer.reference, "expired", "no answer in time")
