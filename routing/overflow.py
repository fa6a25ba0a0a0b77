"""Where a contact goes that its queue cannot serve: full, closed, nobody on duty, or it has waited too long.

Looked at when somebody begins to wait, when an offer is over, when who is on duty changes, and in time. Never while
it is being offered, never with somebody, never in an emergency. Every chain ends with waiting on or a voicemail.
"""

from __future__ import annotations

from config.numbers import is_emergency
from config.overflow import CAUSES, STAY_PROMPT, Cause, Step, StepKind
from config.settings import Queue
from routing.board import Board
from routing.commands import LeadOn
from routing.coverage import on_duty, open_at
from routing.model import Channel, Contact, Time, Work
from routing.objections.calls import not_to_be_dialled
from routing.safety import verdict
from routing.wakes import CALLBACK_ANSWER_SECONDS


def next_step(board: Board, now: Time) -> tuple[LeadOn, ...]:
    """The next step of those whose chance has changed; who needs none is looked at no more."""
    while board.unserved:
        reference = next(iter(board.unserved))
        contact = board.open_contact(reference)
        step = _lead_on(contact, board, now) if contact else None
        if step is not None:
            return (step,)
        del board.unserved[reference]
    return ()


def _lead_on(contact: Contact, board: Board, now: Time) -> LeadOn | None:
    queue = board.rules.queues.get(contact.queue)
    if queue is None or not _may_be_led(contact, now):
        return None
    begun = contact.overflow
    causes = [begun.cause] if begun else [c for c in CAUSES if queue.overflow.steps(c) and c not in contact.overflowed]
    holding = next((c for c in causes if _holds(c, contact, queue, board, now)), None)
    if holding is None:
        return (
            _stays(contact, begun.cause, f"'{_reason(begun.cause, queue)}' is no longer true", say="")
            if begun
            else None
        )
    # A voicemail that was interrupted by the end of a gateway begins again.
    first = 0 if begun is None else begun.step + (begun.kind != "voicemail")
    return _first_possible(contact, queue, holding, first, board, now)


def _first_possible(contact: Contact, queue: Queue, cause: Cause, first: int, board: Board, now: Time) -> LeadOn:
    why, passed_over = _reason(cause, queue), list[str]()
    for place, step in enumerate(queue.overflow.steps(cause)[first:], first):
        impossible = _impossible(step, contact, board, now)
        if not impossible:
            skipped = f" ({'; '.join(passed_over)})" if passed_over else ""
            said = f"{_what(step.kind, step.target, contact)}: {why}{skipped}"
            return LeadOn(contact.reference, cause, place, step.kind, step.target, said)
        passed_over.append(impossible)
    return _stays(contact, cause, "; ".join([why, *passed_over]))


def _stays(contact: Contact, cause: Cause, why: str, say: str = STAY_PROMPT) -> LeadOn:
    said = f"{_what('stay', '', contact)}: {why}"
    return LeadOn(contact.reference, cause, 0, "stay", say, said)


def _may_be_led(contact: Contact, now: Time) -> bool:
    if not contact.waiting or contact.emergency or contact.preferred or contact.not_led_on:
        return False
    asked = contact.overflow is not None and contact.overflow.kind == "callback"
    if asked and contact.overflow and now < contact.overflow.at + CALLBACK_ANSWER_SECONDS:
        return False
    return contact.work is (Work.CALL if contact.live else Work.MESSAGE)


# --- causes ------------------------------------------------------------------------------------------


def _holds(cause: Cause, contact: Contact, queue: Queue, board: Board, now: Time) -> bool:
    since = now if contact.waiting_since is None else contact.waiting_since
    match cause:
        case "closed":
            came_too_late = not open_at(board, queue.id, since) or not on_duty(board, queue.id, contact.load)
            return not contact.answered_at and not open_at(board, queue.id, now) and came_too_late
        case "nobody_on_duty":
            return not on_duty(board, queue.id, contact.load)
        case "full":
            joins = since == now or contact.overflow is not None
            return joins and not contact.answered_at and 0 < queue.most_waiting < board.place_in_queue(contact)
        case "longest_wait":
            return 0 < queue.longest_wait_seconds <= now - since


# --- steps -------------------------------------------------------------------------------------------


def _impossible(step: Step, contact: Contact, board: Board, now: Time) -> str:
    """'' when the step can be taken now, otherwise why not."""
    if step.kind == "queue":
        return _no_better(board.rules.queues[step.target], contact, board, now)
    if step.kind == "stay":
        return ""
    if not contact.live:
        return "nobody is on the line"
    if step.kind == "number" and is_emergency(step.target, board.rules.routing.never_dial):
        return f"{step.target} is an emergency number"
    return _no_callback(contact, board) if step.kind == "callback" else ""


def _no_better(queue: Queue, contact: Contact, board: Board, now: Time) -> str:
    """Why this queue could not serve the contact either."""
    if not open_at(board, queue.id, now):
        return f"{queue.id} is closed"
    if not on_duty(board, queue.id, contact.load):
        return f"nobody is on duty in {queue.id}"
    if 0 < queue.most_waiting <= board.waiting_in(queue.id, contact.load):
        return f"{queue.id} is full"
    return ""


def _no_callback(contact: Contact, board: Board) -> str:
    if contact.party.withheld:
        return "the number is withheld"
    if verdict(board, contact, Channel.VOICE, contact.party.address) != "free":
        return "calling this person may not be safe"
    return not_to_be_dialled(board, contact, contact.party.address)


# --- words -------------------------------------------------------------------------------------------


def _what(kind: StepKind, target: str, contact: Contact) -> str:
    match kind:
        case "queue":
            return f"moved from {contact.queue} to {target}"
        case "callback":
            return "asked whether they want to be called back"
        case "voicemail":
            return f"led to the voicemail of {target}"
        case "number":
            return f"led to {target}"
        case "stay":
            return f"waits on in {contact.queue}"


def _reason(cause: Cause, queue: Queue) -> str:
    match cause:
        case "closed":
            return f"{queue.id} is closed"
        case "nobody_on_duty":
            return f"nobody is on duty in {queue.id}"
        case "full":
            return f"{queue.most_waiting} or more wait in {queue.id} already"
        case "longest_wait":
            return f"longest wait of {_duration(queue.longest_wait_seconds)} passed"


def _duration(seconds: float) -> str:
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"
