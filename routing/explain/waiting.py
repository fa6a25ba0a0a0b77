"""Why a contact still waits: its place and who is before it, what it needs, who could take it, what comes next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from config.overflow import Step
from routing.abilities import ORDINARY
from routing.board import Board
from routing.coverage import nobody_at_all
from routing.explain.facts import Before, Later, Reason, Waited, Waiting, When
from routing.explain.handlers import judged, needed
from routing.model import Contact, Handler, Need, PresenceState, Time, rank_of
from routing.wakes import CALLBACK_ANSWER_SECONDS, alarm_at
from routing.words import in_words

BUMPS = {
    "vulnerable": "they are marked vulnerable",
    "repeat": "they have been in contact often of late",
    "cut_off": "their call was cut off before",
}


def why_waiting(board: Board, contact: Contact, now: Time, when: When) -> Waiting:
    """Everything about a contact that waits and is shown to nobody."""
    return Waiting(
        place=board.place_in_queue(contact),
        of=board.waiting_in(contact.queue, contact.load),
        due_at=contact.due,
        sooner=tuple(Reason(why, f"served sooner: {BUMPS[why]}") for why in _bumps(contact)),
        needs=needed(board, contact, when),
        before=tuple(_before(board, contact, when)),
        handlers=judged(board, contact, now, when),
        nobody="" if contact.emergency else nobody_at_all(board, contact.queue, contact.load),
        later=tuple(sorted(_later(board, contact, now), key=lambda later: later.at)),
    )


def why_waited(board: Board, contact: Contact, now: Time, until: Time, when: When) -> Waited:
    """Of a wait that was over at ``until``: the board and the contact are those of right before. ``now``: when anything
    had happened last, for a pause that is over is ended a moment later."""
    return Waited(contact.wait_began_at, until, replace(why_waiting(board, contact, now, when), later=()))


# --- who is before it --------------------------------------------------------------------------------


def _before(board: Board, contact: Contact, when: When) -> Iterator[Before]:
    """Whoever is served first by somebody who is there and could take this one, first in line first."""
    need = board.need_of(contact)
    could = [h for h in board.handlers.values() if _could(board, h, need)]
    shared: dict[Need, bool] = {}
    for rank in board.waiting():
        if rank >= rank_of(contact):
            return
        other = board.contacts[rank.reference]
        theirs = board.need_of(other)
        if theirs not in shared:
            shared[theirs] = any(_could(board, h, theirs) for h in could)
        if shared[theirs] or other.queue == contact.queue:
            yield Before(other.reference, other.queue, _why_before(other, contact, when))


def _could(board: Board, handler: Handler, need: Need) -> bool:
    """Signed in and able, whatever they are doing."""
    there = handler.presence.state is not PresenceState.OFFLINE and handler.capacity(need.load) > 0
    return there and need.only in ("", handler.id) and need.able <= board.able(handler.id)


def _bumps(contact: Contact) -> tuple[str, ...]:
    """Of emergencies whoever has waited longest is first: nothing moves one of them up."""
    return () if contact.emergency else contact.bumps


def _why_before(other: Contact, contact: Contact, when: When) -> Reason:
    if other.emergency and not contact.emergency:
        return Reason("emergency", "is an emergency")
    if other.due == contact.due:
        return Reason("older", f"is due at the same time and came first, at {when(other.received_at)}")
    if other.emergency:
        return Reason("waits_longer", f"is an emergency that has waited for longer, since {when(other.due)}")
    bumps = "".join(f"; {BUMPS[why]}" for why in other.bumps)
    return Reason("due_earlier", f"was due earlier, at {when(other.due)}{bumps}")


# --- what comes next ---------------------------------------------------------------------------------


def _later(board: Board, contact: Contact, now: Time) -> Iterator[Later]:
    if contact.preferred and contact.preferred_until is not None:
        yield Later(contact.preferred_until, "it is opened to everybody who suits")
    steps = board.rules.needs.steps(contact.queue, contact.language, emergency=contact.emergency)
    for insisted, following in pairwise(steps[contact.relaxed :]):
        dropped = ", ".join(in_words(what) for what in sorted(insisted.needed - following.needed - {ORDINARY}))
        if dropped:
            yield Later(contact.wait_began_at + following.after, f"insisted on no more: {dropped}")
        if following.reach > insisted.reach:
            yield Later(contact.wait_began_at + following.after, "offered to whoever is in wrap-up, too")
    for declined in contact.declined:
        if declined.until > now and _is_available(board, declined.handler):
            yield Later(declined.until, f"{declined.handler} may be asked again")
    if contact.emergency:
        yield Later(alarm_at(contact, board.rules), "the supervisors are alarmed again")
    yield from _overflow(board, contact, now)


def _is_available(board: Board, handler: str) -> bool:
    """Who is away or has signed out is not asked again, whatever the time."""
    return handler in board.handlers and board.handlers[handler].presence.state is PresenceState.AVAILABLE


def _overflow(board: Board, contact: Contact, now: Time) -> Iterator[Later]:
    queue, at = board.rules.queues[contact.queue], contact.overflow
    if contact.callback:
        return  # they asked for it, and are led nowhere else
    if at is not None and at.kind == "callback":
        following = queue.overflow.steps(at.cause)[at.step + 1 :]
        said = f"unless they ask to be called back: {_steps(following)}"
        yield Later(at.at + CALLBACK_ANSWER_SECONDS, said)
    elif queue.longest_wait_seconds and contact.waiting_since is not None and not contact.emergency:
        due = contact.waiting_since + queue.longest_wait_seconds
        if "longest_wait" not in contact.overflowed and due > now and not contact.not_led_on:
            yield Later(due, f"the longest wait of {queue.id} is over: {_steps(queue.overflow.steps('longest_wait'))}")


def _steps(steps: tuple[Step, ...]) -> str:
    """The first of these that is possible then is taken."""
    words = {
        "queue": "moved to queue {}",
        "callback": "asked whether they want to be called back",
        "voicemail": "led to the voicemail of {}",
        "number": "led to {}",
        "stay": "waits on",
    }
    return ", or else ".join(words[step.kind].format(step.target) for step in steps) or "waits on"
