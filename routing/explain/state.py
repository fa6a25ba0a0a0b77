"""Where a contact is, with whom, and since when."""

from __future__ import annotations

from routing.board import Board
from routing.explain.facts import State, When
from routing.model import Channel, Contact, FollowUpState, HandoverState, Offer, Stage, Time, Work

WANTED_FOR = {
    Work.CALL: "to talk with the caller",
    Work.MESSAGE: "to answer it",
    Work.FOLLOW_UP: "for a follow-up",
    Work.REVIEW: "to look at it and settle it",
}


def state_of(board: Board, contact: Contact, when: When) -> State:
    """In one sentence without its end, whatever the stage is."""
    since, said = _said(board, contact, when)
    emergency = "an emergency; " if contact.emergency else ""
    with_control_room = f"; {_control_room(contact, when)}" if contact.handover and contact.live else ""
    return State(contact.stage, since, f"{emergency}{said}{with_control_room}")


def _said(board: Board, contact: Contact, when: When) -> tuple[Time | None, str]:
    match contact.stage:
        case Stage.CLOSED:
            how = f" with disposition '{contact.disposition}'" if contact.disposition else ""
            return contact.closed_at, f"closed at {_at(contact.closed_at, when)}{how}"
        case Stage.ASSIGNED:
            return _assigned(contact, when)
        case Stage.OFFERED:
            earnest = next((o for o in contact.offers if not o.broadcast), contact.offers[0])
            return earnest.made_at, _offered(earnest, len(contact.offers) - 1, when)
        case Stage.QUEUED:
            since = contact.wait_began_at
            wanted = f"a handler is wanted {WANTED_FOR[contact.work]}"
            return since, f"waits in {contact.queue} since {when(since)}: {wanted}"
        case Stage.PASSED:
            return None, f"the caller talks with {contact.passed_to}, outside"
        case Stage.HANDOVER:
            return None, "the caller is on the line, and no handler is wanted"
        case Stage.ARRIVING:
            return _arriving(contact, when)
        case Stage.EXPECTED:
            until = _at(contact.expected_until, when)
            return contact.ended_at, f"was cut off at {_at(contact.ended_at, when)}; keeps the place until {until}"
        case Stage.SCHEDULED:
            return None, _scheduled(board, contact, when)
        case Stage.WRAP_UP:
            who = ", ".join(f"{w.handler} since {when(w.since)}" for w in contact.wrap_ups)
            return min(w.since for w in contact.wrap_ups), f"in the wrap-up of {who}"


def _assigned(contact: Contact, when: When) -> tuple[Time | None, str]:
    if contact.assignment is None:
        raise ValueError(f"{contact.reference} is with nobody")
    doing = "talks with the caller" if contact.live else "has it"
    doing = "is calling the person" if contact.calling else doing
    guests = "".join(f"; {g.role} {g.target}" for g in contact.guests if g.role != "supervisor")
    since = contact.assignment.since
    return since, f"{contact.assignment.handler} {doing} since {when(since)}{guests}"


def _offered(offer: Offer, others: int, when: When) -> str:
    how = "their phone rings" if offer.by_phone else "they have been shown it"
    shown = f"; also shown to {others} more" if others else ""
    return f"offered to {offer.handler}: {how} since {when(offer.made_at)}, until {when(offer.expires_at)}{shown}"


def _arriving(contact: Contact, when: When) -> tuple[Time | None, str]:
    if not contact.live:
        return contact.received_at, f"arrived at {when(contact.received_at)}; nothing is open in it"
    if contact.overflow is not None:
        led = {"voicemail": "led to the voicemail", "number": "led to a number outside"}
        said = led.get(contact.overflow.kind, "asked whether they want to be called back")
        return contact.overflow.at, f"the caller was {said} at {when(contact.overflow.at)} ({contact.queue})"
    if contact.callback or contact.voicemail:
        what = "will be called back" if contact.callback else "has left a voicemail"
        return None, f"the caller {what}; their call is not over yet"
    return contact.received_at, f"the caller is on the line since {when(contact.received_at)} and not in a queue yet"


def _scheduled(board: Board, contact: Contact, when: When) -> str:
    planned = [f for f in board.follow_ups.values() if f.reference == contact.reference]
    planned = sorted((f for f in planned if f.state is FollowUpState.SCHEDULED), key=lambda f: f.next_at)
    kinds = {Channel.VOICE: "a call", Channel.TEXT: "a text", Channel.EMAIL: "an email"}
    what = "; ".join(f"{kinds[f.channel]} at {when(f.next_at)} ({f.purpose})" for f in planned)
    return f"nobody is on the line; planned: {what or 'a follow-up that is under way'}"


def _control_room(contact: Contact, when: When) -> str:
    handover = contact.handover
    if handover is None or handover.state is HandoverState.ENDED:
        return "the control room has left the call"
    if handover.state is HandoverState.JOINED:
        return f"{handover.target} is in the call since {_at(handover.joined_at, when)}"
    return f"the control room is being called since {when(handover.started_at)}"


def _at(at: Time | None, when: When) -> str:
    return "a time unknown" if at is None else when(at)
