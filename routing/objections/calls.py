"""Why something within a call, or a call from a contact, cannot be."""

from __future__ import annotations

from collections.abc import Collection

from config.numbers import as_dialled, digits, is_emergency
from routing import events as ev
from routing.board import Board
from routing.model import Channel, Contact, PresenceState
from routing.objections.base import not_open, objection
from routing.safety import refused


@objection.register(ev.PartyAnswered)
@objection.register(ev.Supervised)
@objection.register(ev.HeldChanged)
@objection.register(ev.SoundChanged)
@objection.register(ev.MutedChanged)
@objection.register(ev.RecordingPaused)
@objection.register(ev.RecordingResumed)
@objection.register(ev.DigitsSent)
@objection.register(ev.MenuChosen)
@objection.register(ev.CallerSilent)
@objection.register(ev.CallerHeard)
def _(e: ev.HeldChanged, board: Board) -> str:
    return over(board, e.reference)


@objection.register
def _(e: ev.PartyRung, board: Board) -> str:
    contact = board.open_contact(e.reference)
    if contact is None or not contact.live:
        return over(board, e.reference)
    if any(guest.target == e.target for guest in contact.guests):
        return f"{e.target} is in the call, or being rung, already."
    if e.role == "supervisor":
        return not_free(board, e.handler) if e.handler else ""
    if e.by == "system" and not contact.assignment:
        return not_free(board, e.handler) if e.handler else ""
    if not contact.assignment or e.by != f"handler:{contact.assignment.handler}":
        return f"{e.by} does not have the call of {e.reference}."
    if e.handler == contact.assignment.handler:
        return "That is who has the call already."
    return (not_free(board, e.handler) or _not_there(board, e.handler)) if e.handler else ""


@objection.register
def _(e: ev.CallPassed, board: Board) -> str:
    contact = board.open_contact(e.reference)
    led_there = contact is not None and contact.live and not contact.assignment and not e.handler
    if contact is None or not (led_there or _has_call(contact, e.handler)):
        return _not_theirs(board, e.reference, e.handler)
    if e.to_handler and not any(guest.handler == e.to_handler for guest in contact.guests):
        return f"{e.to_handler} is not in the call of {e.reference}."
    return ""


@objection.register
def _(e: ev.LedOut, board: Board) -> str:
    contact = board.open_contact(e.reference)
    if contact is not None and contact.assignment:
        return f"{e.reference} is with {contact.assignment.handler}."
    return over(board, e.reference)


@objection.register
def _(e: ev.CallTakenOver, board: Board) -> str:
    contact = board.open_contact(e.reference)
    if contact is None or not (_has_call(contact, e.handler) or (not e.handler and _with_nobody(contact))):
        return _not_theirs(board, e.reference, e.handler)
    if any(guest.handler == e.supervisor for guest in contact.guests):
        return ""
    return not_free(board, e.supervisor)


@objection.register
def _(e: ev.Requeued, board: Board) -> str:
    contact = board.open_contact(e.reference)
    if contact is None or not _has_call(contact, e.handler):
        return _not_theirs(board, e.reference, e.handler)
    return _no_queue(board, e.queue)


@objection.register
def _(e: ev.CallQueued, board: Board) -> str:
    return not_open(board, e.reference) or (_no_queue(board, e.queue) if e.queue else "")


@objection.register
def _(e: ev.VoicemailLeft, board: Board) -> str:
    return not_open(board, e.reference) or (_no_queue(board, e.queue) if e.queue else "")


@objection.register
def _(e: ev.CallbackAsked, board: Board) -> str:
    contact = board.open_contact(e.reference)
    if contact is None or not contact.live:
        return over(board, e.reference)
    if contact.assignment or contact.passed_to:
        return "Somebody talks with the caller: ask them to call back."
    if contact.emergency:
        return "An emergency stays on the line."
    if contact.callback:
        return "A call back is planned already."
    return not_to_be_dialled(board, contact, e.address)


@objection.register
def _(e: ev.CallRequested, board: Board) -> str:
    contact = board.open_contact(e.reference)
    if contact is None:
        return not_open(board, e.reference)
    if contact.live:
        return "The person is on the line."
    if contact.assignment and contact.assignment.handler != e.handler:
        return f"{e.reference} is with {contact.assignment.handler}."
    if contact.assignment and contact.follow_up:
        return "Finish the follow-up that you are making first."
    return not_to_be_dialled(board, contact, e.address) or not_free(board, e.handler, apart_from=e.reference)


@objection.register
def _(e: ev.WrapUpExtended, board: Board) -> str:
    contact = board.open_contact(e.reference)
    if contact is not None and not any(w.handler == e.handler for w in contact.wrap_ups):
        return f"{e.handler} is not in wrap-up of {e.reference}."
    return not_open(board, e.reference)


@objection.register
def _(e: ev.FollowUpRequested, board: Board) -> str:
    follow_up = e.follow_up
    if follow_up.id in board.follow_ups:
        return f"There is already a follow-up {follow_up.id}."
    contact = board.open_contact(follow_up.reference)
    if contact is None:
        return not_open(board, follow_up.reference)
    if follow_up.channel is not Channel.VOICE:
        return refused(board, contact, follow_up.channel, follow_up.address)
    return not_to_be_dialled(board, contact, follow_up.address)


def over(board: Board, reference: str) -> str:
    contact = board.open_contact(reference)
    return not_open(board, reference) if contact is None or contact.live else f"The call of {reference} is over."


def not_to_be_dialled(board: Board, contact: Contact, address: str) -> str:
    """Why this number may not be called: the person must not be, or it is an emergency number."""
    if why := refused(board, contact, Channel.VOICE, address):
        return why
    if not digits(address):
        return "There is no number to call."
    return is_an_emergency_number(address, board.rules.routing.never_dial) or is_not_whole(
        address, board.rules.routing.short_codes
    )


def is_an_emergency_number(dialled: str, never: Collection[str]) -> str:
    """Why this is not dialled, '' when it may be. ``never``: digits of numbers that nobody may call."""
    if not is_emergency(dialled, never):
        return ""
    return f"{dialled} is an emergency number: raise the emergency instead."


def is_not_whole(dialled: str, short_codes: Collection[str]) -> str:
    """Why this cannot be dialled, '' when it can. ``short_codes``: digits of those that may be (111)."""
    if as_dialled(dialled, short_codes):
        return ""
    codes = f"; short codes that may be dialled: {', '.join(short_codes)}" if short_codes else ""
    return f"{dialled} is not a whole telephone number: dial it with its area code{codes}."


def not_free(board: Board, handler: str, apart_from: str = "") -> str:
    """Why this handler cannot take part in a call now: what they are doing, contact ``apart_from`` aside."""
    known = board.handlers.get(handler)
    if known is None:
        return f"There is no handler {handler}."
    if not known.extension:
        return f"{known.name} has no phone."
    contacts = [c for c in board.engaged_in(handler) if c.reference != apart_from]
    doing = next((what for c in contacts if (what := _in_call(c, handler))), "")
    return f"{known.name} {doing}." if doing else ""


def _in_call(contact: Contact, handler: str) -> str:
    if contact.assignment and contact.assignment.handler == handler and contact.load is Channel.VOICE:
        return "is on a call"
    if any(g.handler == handler and g.answered_at is not None for g in contact.guests):
        return "is on a call"
    offered = any(o.handler == handler and o.channel is Channel.VOICE and not o.broadcast for o in contact.offers)
    if offered or any(g.handler == handler for g in contact.guests):
        return "is being rung"
    return "is in wrap-up" if any(w.handler == handler for w in contact.wrap_ups) else ""


def _not_there(board: Board, handler: str) -> str:
    known = board.handlers[handler]
    if known.presence.state is PresenceState.AVAILABLE:
        return ""
    reason = f" ({known.presence.reason})" if known.presence.reason else ""
    return f"{known.name} is {known.presence.state.value}{reason}."


def _has_call(contact: Contact, handler: str) -> bool:
    return contact.live and contact.assignment is not None and contact.assignment.handler == handler


def _with_nobody(contact: Contact) -> bool:
    """And nobody is to call them back instead."""
    return contact.live and not (contact.assignment or contact.passed_to or contact.callback)


def _not_theirs(board: Board, reference: str, handler: str) -> str:
    having = (
        f"{handler} does not have the call of {reference}."
        if handler
        else f"No caller of {reference} is without a handler."
    )
    return not_open(board, reference) or having


def _no_queue(board: Board, queue: str) -> str:
    return "" if queue in board.rules.queues else f"There is no queue {queue}."
