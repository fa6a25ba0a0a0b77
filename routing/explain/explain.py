"""The whole answer for one contact at one instant, as data and in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from routing.board import Board
from routing.commands import MakeOffer
from routing.explain.facts import Chosen, Explanation, Judged, RulesThen, Waiting, When
from routing.explain.handlers import UNABLE, not_chosen
from routing.explain.state import state_of
from routing.explain.waiting import why_waiting
from routing.matching import best_handler, rule_in
from routing.model import Contact, Time
from routing.words import duration

MOST_BEFORE = 10
RULES_THEN = {
    "same": "The routing rules were the same then as they are now.",
    "other": "The routing rules have changed since: needs, turns and limits are told by the rules of now.",
    "": "The journal does not say which routing rules were in force then: they are taken to be those of now.",
}


def why_chosen(board: Board, offer: MakeOffer, shown_to: Iterable[str], when: When) -> Chosen:
    """``board``: of the moment before this offer was made. ``shown_to``: to whom it was shown beside it."""
    handler, now = offer.offer.handler, offer.offer.made_at
    contact = board.contacts[offer.offer.reference]
    rule = rule_in(offer.why) or "other"
    claimed = rule == "claimed"
    by_now = best_handler(board, contact, now)
    agrees = claimed or (by_now is not None and by_now.id == handler)
    others = not_chosen(board, contact, handler, frozenset(shown_to), claimed, now, when)
    return Chosen(handler, now, rule, offer.why, others, agrees)


def explained(
    board: Board, contact: Contact, now: Time, chosen: Chosen | None, rules_then: RulesThen, when: When
) -> Explanation:
    """``contact``: as it was at ``now``; a closed one is off the board."""
    waiting = why_waiting(board, contact, now, when) if contact.waiting and contact.closed_at is None else None
    told = Explanation(contact.reference, now, state_of(board, contact, when), waiting, chosen, rules_then)
    return replace(told, sentences=tuple(_sentences(told, when)))


def _sentences(told: Explanation, when: When) -> Iterator[str]:
    yield f"{told.reference} at {when(told.at)}: {told.state.said}."
    if told.waiting is not None:
        yield from _why_waiting(told.waiting, told.at, when)
    if told.chosen is not None:
        yield from _why_chosen(told.chosen, when)
    yield RULES_THEN[told.rules_then]


def _why_waiting(waiting: Waiting, now: Time, when: When) -> Iterator[str]:
    yield f"It is number {waiting.place} of {waiting.of} in its queue."
    late = f"{duration(now - waiting.due_at)} ago" if waiting.due_at < now else f"in {duration(waiting.due_at - now)}"
    yield f"It is due at {when(waiting.due_at)}, {late}."
    yield from (f"  {reason.said}." for reason in waiting.sooner)
    yield f"It needs {', '.join(n.said for n in waiting.needs) or 'nothing in particular: any handler'}."
    if waiting.before:
        yield f"Before it, for the same handlers or in the same queue: {len(waiting.before)}."
        yield from (f"  {b.reference} ({b.queue}) {b.reason.said}." for b in waiting.before[:MOST_BEFORE])
        if len(waiting.before) > MOST_BEFORE:
            yield f"  and {len(waiting.before) - MOST_BEFORE} more."
    could = [one for one in waiting.handlers if one.reason.code not in (*UNABLE, "offline")]
    if could:
        yield "Who could take it, and what they are doing:"
    elif waiting.nobody:
        yield f"{waiting.nobody}: nobody could take it, whoever signs in."
    else:
        yield "Nobody who is signed in could take it."
    yield from _people(could)
    yield from _people(one for one in waiting.handlers if one not in could)
    if waiting.later:
        yield "If it waits until then:"
        yield from (f"  {when(later.at)}: {later.said}." for later in waiting.later)
    yield "It is looked at whenever a handler becomes free."


def _why_chosen(chosen: Chosen, when: When) -> Iterator[str]:
    yield f"It was offered to {chosen.handler} at {when(chosen.at)}: {chosen.said}."
    if not chosen.agrees:
        yield "  By the rules of now it would not have been offered to them: the rules were others then."
    yield "At that moment, of the others:" if chosen.others else "There was nobody else."
    yield from _people(chosen.others)


def _people(people: Iterable[Judged]) -> Iterator[str]:
    """Those who are not signed in are only counted."""
    offline = 0
    for one in people:
        if one.reason.code == "offline":
            offline += 1
        else:
            yield f"  {one.handler} {one.reason.said}."
    if offline:
        yield f"  {offline} {'handler is' if offline == 1 else 'handlers are'} not signed in."
