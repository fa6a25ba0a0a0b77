"""The whole answer for one contact at one instant, as data and in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from routing.board import Board
from routing.commands import MakeOffer
from routing.explain.facts import Chosen, Compared, Explanation, Judged, Waited, Waiting, When
from routing.explain.handlers import COULD_TOO, UNABLE, not_chosen
from routing.explain.state import state_of
from routing.explain.waiting import why_waiting
from routing.matching import OWN_CENTRE, best_handler, rule_in
from routing.model import Contact, Time
from routing.words import duration

MOST_BEFORE = 10
TURNS = frozenset({"longest_idle", "least_occupied", "round_robin", "preferred_skills"})
OFFLINE = {"offline": "could take it", "offline_unable": "could not take it"}
RULES_THEN = {
    "same": "The routing rules in force then are those of the configuration used here.",
    "other": "Other routing rules were in force then: needs, turns and limits are told by the configuration used here.",
    "": "The journal does not say which routing rules were in force then: the configuration used here is taken.",
}
RULES_NOW = (
    "The gateway last started with other routing rules than those of the configuration used here: it decides otherwise "
    "until it is started again."
)
ONLY_ONE = "the only one who could take it"


def why_chosen(board: Board, offer: MakeOffer, shown_to: Iterable[str], when: When) -> Chosen:
    """``board``: of the moment before this offer was made. ``shown_to``: to whom it was shown beside it."""
    handler, now = offer.offer.handler, offer.offer.made_at
    contact = board.contacts[offer.offer.reference]
    rule = rule_in(offer.why) or "other"
    claimed = rule == "claimed"
    by_now = best_handler(board, contact, now)
    agrees = claimed or (by_now is not None and by_now.id == handler)
    others = not_chosen(board, contact, handler, frozenset(shown_to), claimed, now, when)
    of_several = any(one.reason.code in COULD_TOO for one in others)
    if not agrees or of_several or rule not in TURNS:
        return Chosen(handler, now, rule, offer.why, others, agrees)
    turn, broke, into = offer.why.partition(";")
    said = ONLY_ONE + (OWN_CENTRE if turn.endswith(OWN_CENTRE) else "") + broke + into
    return Chosen(handler, now, "only_one", said, others, agrees)


def explained(
    board: Board, contact: Contact, now: Time, when: When, chosen: Chosen | None = None, waited: Waited | None = None,
    rules_then: Compared = "", rules_now: Compared = "",
) -> Explanation:  # fmt: skip
    """``contact``: as it was at ``now``; a closed one is off the board. ``waited``: told where it does not wait now."""
    waiting = why_waiting(board, contact, now, when) if contact.waiting and contact.closed_at is None else None
    waited = waited if waiting is None else None
    state = state_of(board, contact, when)
    told = Explanation(contact.reference, now, state, waiting, chosen, rules_then, rules_now, waited)
    return replace(told, sentences=tuple(_sentences(told, when)))


def _sentences(told: Explanation, when: When) -> Iterator[str]:
    yield f"{told.reference} at {when(told.at)}: {told.state.said}."
    if told.waiting is not None:
        yield from _why_waiting(told.waiting, told.at, when)
    waited = list(_why_waited(told.waited, when)) if told.waited else []
    chosen = list(_why_chosen(told.chosen, when)) if told.chosen else []
    in_order = told.chosen is None or told.waited is None or told.waited.until <= told.chosen.at
    yield from (*waited, *chosen) if in_order else (*chosen, *waited)
    yield RULES_THEN[told.rules_then]
    if told.rules_now == "other":
        yield RULES_NOW


def _why_waited(waited: Waited, when: When) -> Iterator[str]:
    how_long = duration(waited.until - waited.since)
    yield f"It had waited since {when(waited.since)}, until {when(waited.until)} ({how_long}). Right before that:"
    yield from (f"  {line}" for line in _standing(waited.waiting, waited.until, when))


def _why_waiting(waiting: Waiting, now: Time, when: When) -> Iterator[str]:
    yield from _standing(waiting, now, when)
    if waiting.later:
        yield "If it waits until then:"
        yield from (f"  {when(later.at)}: {later.said}." for later in waiting.later)
    yield "It is looked at whenever a handler becomes free."


def _standing(waiting: Waiting, now: Time, when: When) -> Iterator[str]:
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
    could = [one for one in waiting.handlers if one.reason.code not in (*UNABLE, *OFFLINE)]
    if could:
        yield "Who could take it, and what they are doing:"
    elif waiting.nobody:
        yield f"{waiting.nobody}: nobody could take it, whoever signs in."
    else:
        yield "Nobody who is signed in could take it."
    yield from _people(could)
    yield from _people(one for one in waiting.handlers if one not in could)


def _why_chosen(chosen: Chosen, when: When) -> Iterator[str]:
    yield f"It was offered to {chosen.handler} at {when(chosen.at)}: {chosen.said}."
    if not chosen.agrees:
        yield "  By the configuration used here it would not have been offered to them: the rules were others then."
    yield "At that moment, of the others:" if chosen.others else "There was nobody else."
    yield from _people(chosen.others)


def _people(people: Iterable[Judged]) -> Iterator[str]:
    """Those who are not signed in are only counted: who could take it if they were, and the others."""
    offline = dict.fromkeys(OFFLINE, 0)
    for one in people:
        if one.reason.code in offline:
            offline[one.reason.code] += 1
        else:
            yield f"  {one.handler} {one.reason.said}."
    for code, count in offline.items():
        if count:
            handlers, are = ("handler", "is") if count == 1 else ("handlers", "are")
            yield f"  {count} {handlers} who {OFFLINE[code]} {are} not signed in."
