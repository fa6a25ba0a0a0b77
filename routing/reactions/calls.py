"""What the end of a call calls for, and what happens within one."""

from __future__ import annotations

from collections.abc import Iterator

from routing import commands as do
from routing import events as ev
from routing.board import Board
from routing.commands import Command
from routing.model import Channel, Contact, FollowUp, Time
from routing.reactions.base import begins_to_talk, follow_up_due, react, withdraw
from routing.safety import refused, verdict

HOUR = 3600.0


# --- the end of a call -------------------------------------------------------------------------------


@react.register
def _(e: ev.CallerLeft, board: Board, now: Time) -> Iterator[Command]:
    contact = board.contacts[e.reference]
    yield from withdraw(contact, "the caller hung up")
    yield from _left_to_do(contact, board, now)


@react.register
def _(e: ev.CallEnded, board: Board, now: Time) -> Iterator[Command]:
    contact = board.contacts[e.reference]
    yield from withdraw(contact, "the call was ended")
    yield from _left_to_do(contact, board, now)


@react.register
def _(e: ev.CallLost, board: Board, now: Time) -> Iterator[Command]:
    contact = board.contacts[e.reference]
    yield from withdraw(contact, "the call was lost")
    yield do.RaiseAlarm("call_lost", f"The call was cut off on our side: {e.why}.", contact.reference)
    yield from _call_back(contact, board, now, "cut off")


@react.register
def _(e: ev.CallTakenOver, board: Board, now: Time) -> Iterator[Command]:
    yield from withdraw(board.contacts[e.reference], "a supervisor has taken the caller over")


@react.register
def _(e: ev.HandlerLost, board: Board, now: Time) -> Iterator[Command]:
    yield do.RaiseAlarm("handler_lost", f"{e.handler}'s phone was lost in a call: {e.why}.", e.reference, e.handler)


def _left_to_do(contact: Contact, board: Board, now: Time) -> Iterator[Command]:
    """An emergency that nobody heard is called back, a voicemail is heard, a call not recorded is looked at."""
    heard = _handed_over(contact) or contact.answered_at is not None
    if contact.callback:
        yield from follow_up_due(board, contact.callback, now)
    elif contact.emergency and not heard:
        why = "An emergency caller hung up before anybody answered."
        yield do.RaiseAlarm("emergency_abandoned", why, contact.reference)
        yield from _call_back(contact, board, now, "emergency, hung up before an answer")
    elif contact.voicemail:
        yield _voicemail_to_be_heard(contact)
    elif contact.abandoned and _to_be_called_back(contact, board):
        yield from _call_back(contact, board, now, "hung up while waiting")
    elif heard and not contact.wrap_ups and not contact.disposition:
        yield do.AskForReview(contact.reference, "The call is over and no handler has recorded it.")


def _voicemail_to_be_heard(contact: Contact) -> Command:
    nothing = " Nothing was heard in it: they may be unable to speak." if contact.voicemail_silent else ""
    return do.AskForReview(contact.reference, f"The caller left a voicemail.{nothing}")


def _to_be_called_back(contact: Contact, board: Board) -> bool:
    """By the queue's policy; never where a call could do harm."""
    queue = board.rules.queues[contact.queue]
    long_enough = (contact.waited_seconds or 0.0) >= queue.abandoned_ignore_seconds
    free = verdict(board, contact, Channel.VOICE, contact.party.address) == "free"
    may_be = free and not contact.party.withheld
    return queue.abandoned == "call_back" and long_enough and may_be


def _call_back(contact: Contact, board: Board, now: Time, purpose: str, address: str = "") -> Iterator[Command]:
    address = address or contact.party.address
    if contact.callback:
        yield from follow_up_due(board, contact.callback, now)
        return
    if not address:
        yield do.AskForReview(contact.reference, "The number was withheld: nobody can be called back.")
        return
    if why := refused(board, contact, Channel.VOICE, address):
        yield do.AskForReview(contact.reference, f"{why} Nobody is called back.")
        return
    follow_up = FollowUp(
        id=f"{contact.reference}-callback-{contact.calls_made + 1}",
        reference=contact.reference,
        channel=Channel.VOICE,
        purpose=purpose,
        address=address,
        not_before=now,
        not_after=now + board.rules.follow_ups.callback_window_hours * HOUR,
        next_at=now,
        keeps_place=True,
    )
    yield do.ScheduleFollowUp(follow_up)
    yield from follow_up_due(board, follow_up.id, now)


# --- a caller on the line ----------------------------------------------------------------------------


@react.register
def _(e: ev.CallArrived, board: Board, now: Time) -> Iterator[Command]:
    contact = board.of_call(e.call_id)
    if contact is None or contact.reference == e.reference:
        return
    yield from withdraw(contact, "the caller is on the line again")
    if contact.callback:
        yield do.CancelFollowUp(contact.callback, contact.reference, "The caller has called again.")
    if contact.emergency:
        why = "An emergency caller who was cut off has called again."
        yield do.RaiseAlarm("emergency", why, contact.reference)
        only_silent = contact.silent and contact.handover is None  # which is for a handler to judge
        if not _handed_over(contact) and not only_silent:
            yield do.CallControlRoom(contact.reference)


def _handed_over(contact: Contact) -> bool:
    return contact.handover is not None and contact.handover.joined_at is not None


@react.register
def _(e: ev.CallbackAsked, board: Board, now: Time) -> Iterator[Command]:
    contact = board.contacts[e.reference]
    yield from withdraw(contact, "the caller keeps their place and is called back")
    yield from _call_back(contact, board, now, "asked to be called back", e.address)


@react.register
def _(e: ev.VoicemailLeft, board: Board, now: Time) -> Iterator[Command]:
    contact = board.contacts[e.reference]
    if contact.live and not contact.wanted:
        yield from withdraw(contact, "the caller left a voicemail")
    if not (contact.live or contact.wanted or contact.assignment):
        yield _voicemail_to_be_heard(contact)


@react.register
def _(e: ev.CallerSilent, board: Board, now: Time) -> Iterator[Command]:
    if not board.contacts[e.reference].silent:
        why = f"Nothing was heard of the caller for {e.seconds:.0f} s. They may be unable to speak."
        yield do.RaiseAlarm("silent_caller", why, e.reference)


@react.register
def _(e: ev.CallRequested, board: Board, now: Time) -> Iterator[Command]:
    contact = board.contacts[e.reference]
    yield from withdraw(contact, "a handler calls the person")
    yield from begins_to_talk(e.handler, board, now)
    withheld = e.withheld or verdict(board, contact, Channel.VOICE, e.address) != "free"
    yield do.PlaceFollowUpCall(contact.reference, contact.follow_up, e.handler, e.address, withheld)


@react.register
def _(e: ev.PartyAnswered, board: Board, now: Time) -> Iterator[Command]:
    yield from begins_to_talk(e.handler, board, now)
