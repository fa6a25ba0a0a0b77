"""What the telling of a call and of an emergency changes on the board. Nothing is decided here."""

from __future__ import annotations

from routing import commands as do
from routing import events as ev
from routing.apply.base import (
    apply,
    begun,
    bumped,
    for_review,
    guests_released,
    handover_over,
    moved_to,
    owner_first,
    to_last_handler,
    to_wrap_up,
    turned,
    urgent,
    wanted,
    with_declined,
    without_wrap_up,
)
from routing.board import Board
from routing.model import BLANK, Channel, Contact, FollowUpState, Handover, HandoverState, Time, Work, call_thread
from routing.replacing import replace


@apply.register
def _(e: ev.CallArrived, board: Board, now: Time) -> None:
    expected = board.expected(call_thread(e.our_address, e.party), now)
    if expected is not None:
        if expected.follow_up:  # it was due, and waits now until they have hung up again
            follow_up = board.follow_ups[expected.follow_up]
            board.put_follow_up(replace(follow_up, state=FollowUpState.SCHEDULED))
        back = bumped(expected, "cut_off", board.rules.routing.bumps.cut_off)
        board.put_contact(_back_again(back, e.call_id, now))
        return
    contact = replace(
        BLANK,
        reference=e.reference,
        channel=Channel.VOICE,
        queue=e.queue,
        party=e.party,
        our_address=e.our_address,
        received_at=now,
        due_at=now + board.rules.queues[e.queue].target_seconds,
        live=True,
        call_id=e.call_id,
    )
    board.put_contact(begun(contact, board, now))


def _back_again(contact: Contact, call_id: str, now: Time) -> Contact:
    """A caller who was cut off is on the line again: as if they had never left the place they had."""
    wait_over_at = contact.wait_over_at if contact.answered_at is not None else None
    back = replace(
        contact,
        live=True,
        wanted=False,
        work=Work.CALL,
        work_channel=Channel.VOICE,
        follow_up="",
        preferred="",
        preferred_until=None,
        expected_until=None,
        ended_at=None,
        ended_in=None,
        wait_over_at=wait_over_at,
        call_id=call_id,
        waiting_since=None,
        overflow=None,
        overflowed=(),
    )
    return wanted(back, now) if back.emergency else back


@apply.register
def _(e: ev.CallQueued, board: Board, now: Time) -> None:
    contact = board.contacts[e.reference]
    if e.queue:
        began = now if contact.entered_queue_at is None else contact.entered_queue_at
        contact = moved_to(contact, e.queue, began + board.rules.queues[e.queue].target_seconds)
    if e.language:
        contact = replace(contact, language=e.language)
    if contact.live and not (contact.assignment or contact.passed_to or contact.callback or contact.voicemail):
        contact = _in_queue(contact, board, now)
        contact = wanted(contact, now) if contact.wanted else _to_owner_first(wanted(contact, now), board, now)
    board.put_contact(contact)


def _to_owner_first(contact: Contact, board: Board, now: Time) -> Contact:
    """The handler who had the caller before is free for them, also while still in the wrap-up of that talk."""
    if not contact.owner:
        return to_last_handler(contact, board, now)
    contact = owner_first(contact, contact.owner, board, now)
    return without_wrap_up(contact, contact.owner) if contact.preferred else contact


@apply.register
def _(e: ev.CallerLeft, board: Board, now: Time) -> None:
    assignment = board.contacts[e.reference].assignment
    at_once = assignment is not None and now - assignment.since < board.rules.routing.cut_off_seconds
    _hung_up(board, e.reference, now, cut_off=e.cut_off or at_once)


@apply.register
def _(e: ev.CallEnded, board: Board, now: Time) -> None:
    _hung_up(board, e.reference, now, cut_off=False)


@apply.register
def _(e: ev.CallLost, board: Board, now: Time) -> None:
    _hung_up(board, e.reference, now, cut_off=True)


@apply.register
def _(e: ev.HandlerLeft, board: Board, now: Time) -> None:
    contact = to_wrap_up(board.contacts[e.reference], board, now)
    with_control_room = contact.handover is not None and contact.handover.state is HandoverState.JOINED
    contact = replace(contact, held=False, held_at_phone=False)
    board.put_contact(wanted(contact, now) if contact.live and not with_control_room else contact)


@apply.register
def _(e: ev.HandlerLost, board: Board, now: Time) -> None:
    turned(board, e.handler, now)
    contact = with_declined(board.contacts[e.reference], e.handler, "lost", board, now)
    board.put_contact(replace(wanted(contact, now), assignment=None, held=False, held_at_phone=False))


def _hung_up(board: Board, reference: str, now: Time, *, cut_off: bool) -> None:
    before = board.contacts[reference]
    contact = guests_released(handover_over(to_wrap_up(before, board, now)), before.guests, board, now)
    expected = cut_off and contact.call_id and contact.call_thread
    if contact.heard_at is not None:  # who wrote of an emergency was heard until now, and is watched from here
        contact = replace(contact, heard_at=now, silence_told=False)
    board.put_contact(
        replace(
            contact,
            live=False,
            wanted=False,
            preferred="",
            preferred_until=None,
            ended_at=now,
            ended_in=contact.ended_in or before.stage,
            wait_over_at=now if contact.wait_over_at is None else contact.wait_over_at,
            passed_to="",
            held=False,
            held_at_phone=False,
            no_sound=(),
            recording_paused=False,
            expected_until=now + board.rules.routing.return_minutes * 60 if expected else None,
        )
    )


@apply.register
def _(c: do.StopExpecting, board: Board, now: Time) -> None:
    board.put_contact(replace(board.contacts[c.reference], expected_until=None))


@apply.register
def _(e: ev.CallbackAsked, board: Board, now: Time) -> None:
    contact = board.contacts[e.reference]
    board.put_contact(replace(contact, wanted=False, preferred="", preferred_until=None))


@apply.register
def _(e: ev.VoicemailLeft, board: Board, now: Time) -> None:
    contact = board.contacts[e.reference]
    queue = e.queue or contact.queue
    contact = moved_to(contact, queue, now + board.rules.queues[queue].target_seconds)
    whose = board.with_extension(e.extension)
    kept = contact.wanted and (contact.emergency or not contact.live)
    owner = whose.id if whose else contact.owner
    board.put_contact(replace(contact, voicemail=e.path, voicemail_silent=e.silent, owner=owner, wanted=kept))


@apply.register
def _(e: ev.CallerSilent, board: Board, now: Time) -> None:
    contact = urgent(board.contacts[e.reference])
    served = contact.assignment or contact.passed_to or contact.callback or contact.voicemail
    board.put_contact(contact if served else wanted(_in_queue(contact, board, now), now))


@apply.register
def _(e: ev.CallerHeard, board: Board, now: Time) -> None:
    board.put_contact(replace(board.contacts[e.reference], silent=False))


@apply.register
def _(e: ev.VulnerableMarked, board: Board, now: Time) -> None:
    contact = board.contacts[e.reference]
    board.put_contact(bumped(contact, "vulnerable", board.rules.routing.bumps.vulnerable))


@apply.register
def _(e: ev.HeldChanged, board: Board, now: Time) -> None:
    contact = board.contacts[e.reference]
    board.put_contact(replace(contact, held=e.held) if e.where == "desk" else replace(contact, held_at_phone=e.held))


@apply.register
def _(e: ev.SoundChanged, board: Board, now: Time) -> None:
    contact = board.contacts[e.reference]
    others = tuple(leg for leg in contact.no_sound if leg != e.leg)
    board.put_contact(replace(contact, no_sound=(*others, e.leg) if e.sound == "lost" else others))


@apply.register
def _(e: ev.RecordingPaused, board: Board, now: Time) -> None:
    board.put_contact(replace(board.contacts[e.reference], recording_paused=True))


@apply.register
def _(e: ev.RecordingResumed, board: Board, now: Time) -> None:
    board.put_contact(replace(board.contacts[e.reference], recording_paused=False))


@apply.register
def _(e: ev.EmergencyRaised, board: Board, now: Time) -> None:
    contact = urgent(board.contacts[e.reference])
    if not contact.assignment and not contact.wanted and not contact.passed_to:
        contact = wanted(for_review(_in_queue(contact, board, now)), now)
    board.put_contact(contact)


def _in_queue(contact: Contact, board: Board, now: Time) -> Contact:
    """The wait of the caller begins, if it has not, and with it the time within which they should be answered: an
    emergency in the greeting or the menu waits from then on."""
    if not contact.live or contact.entered_queue_at is not None:
        return contact
    return replace(contact, entered_queue_at=now, due_at=now + board.rules.queues[contact.queue].target_seconds)


@apply.register
def _(c: do.CallControlRoom, board: Board, now: Time) -> None:
    contact = board.contacts[c.reference]
    hung_up = contact.handover.hung_up if contact.handover else 0
    board.put_contact(replace(contact, handover=Handover(now, c.by, HandoverState.CALLING, hung_up=hung_up)))


@apply.register
def _(e: ev.ControlRoomJoined, board: Board, now: Time) -> None:
    contact = board.contacts[e.reference]
    begun = contact.handover or Handover(now, "system", HandoverState.CALLING)
    joined = replace(begun, state=HandoverState.JOINED, target=e.target, joined_at=now)
    board.put_contact(replace(contact, handover=joined))


@apply.register
def _(e: ev.ControlRoomLeft, board: Board, now: Time) -> None:
    contact = handover_over(_unheard(board.contacts[e.reference], board, now))
    if contact.live and not contact.assignment and not contact.passed_to:
        contact = wanted(contact, now)
    board.put_contact(contact)


def _unheard(contact: Contact, board: Board, now: Time) -> Contact:
    """A control room that answers and hangs up has heard nobody, and is taken for one that did not answer."""
    handover = contact.handover
    if handover is None or handover.state is not HandoverState.JOINED or handover.joined_at is None:
        return contact
    if now - handover.joined_at >= board.rules.routing.handover_heard_seconds:
        return contact
    return replace(contact, handover=replace(handover, joined_at=None, hung_up=handover.hung_up + 1))
