"""What other contact centres got wrong in giving out work: each as a property over stories drawn at random."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.settings import Queue
from routing import events as ev
from routing.board import Board
from routing.model import PresenceState, WrapUp
from tests.support.world import World, offers, rules

SLOW = Queue(id="slow", name="Slow", target_seconds=240)
WAYS = ("caller left", "ended", "lost", "moved to another queue", "passed on", "phone lost")
quick = settings(max_examples=40, deadline=None, derandomize=True)


@quick
@given(st.lists(st.tuples(st.sampled_from(["general", "slow"]), st.booleans(), st.floats(0, 200)), max_size=13))
def test_a_freed_handler_always_takes_the_first_in_line(arrivals: list[tuple[str, bool, float]]) -> None:
    """Emergencies first, the oldest of them; then who is the most overdue: not the eighth of thirteen, and no wait
    overrides the order."""
    world = World(rules([SLOW], last_handler_first_seconds=0))
    expected = []
    for n, (queue, emergency, later) in enumerate(arrivals):
        world.after(later)
        reference = f"C{n:02}"
        world.call(reference, queue=queue, number="")
        if emergency:
            world.emergency(reference)
        target = 0.0 if emergency else world.rules.queues[queue].target_seconds
        expected.append((not emergency, world.now + target, reference))
    world.handler("anna")

    served = list[str]()
    while served != [reference for _, _, reference in sorted(expected)]:
        (reference,) = [r for r, c in world.board.contacts.items() if c.offers]
        served.append(reference)
        assert served == [r for _, _, r in sorted(expected)][: len(served)]
        world.accept(reference)
        world.did(ev.CallEnded(reference, "handler:anna"))
        world.complete(reference, "anna")


@pytest.mark.parametrize("way", WAYS)
def test_however_a_call_ends_its_handler_is_offered_the_next(way: str) -> None:
    """Nobody is locked 'in a call' for ever, and nobody idles who passed a caller to another queue."""
    world = World()
    world.handler("anna")
    world.call("C1", number="")
    world.accept("C1")
    world.after(60)
    _ends(world, "C1", way)
    world.call("C2", number="")
    if world.contact("C1").wrap_ups:
        world.complete("C1", "anna")
    assert world.offered_to("C2") == "anna"


def _ends(world: World, reference: str, way: str) -> None:
    match way:
        case "caller left":
            world.did(ev.CallerLeft(reference))
        case "ended":
            world.did(ev.CallEnded(reference, "handler:anna"))
        case "lost":
            world.did(ev.CallLost(reference, "the process died"))
        case "moved to another queue":
            world.did(ev.Requeued(reference, "anna", "crime", "a theft"))
        case "passed on":
            world.did(ev.PartyRung(reference, "handler:anna", "transfer", "outside"))
            world.did(ev.PartyAnswered(reference, "outside"))
            world.did(ev.CallPassed(reference, "anna", "outside"))
        case "phone lost":
            world.did(ev.HandlerLost(reference, "anna", "no answer"))


@quick
@given(st.lists(st.tuples(st.floats(1, 500), st.integers(1, 3)), min_size=1, max_size=8))
def test_an_end_that_is_told_twice_makes_nobody_look_busier(calls: list[tuple[float, int]]) -> None:
    world = World(rules(choose_by="least_occupied"))
    world.handler("anna")
    busy = 0.0
    for n, (seconds, told) in enumerate(calls):
        world.call(f"C{n}", number="")
        world.accept(f"C{n}")
        world.after(seconds)
        for _ in range(told):
            world.attempt(ev.CallEnded(f"C{n}", "handler:anna"))
            world.attempt(ev.CallerLeft(f"C{n}"))
        for _ in range(told):
            world.attempt(ev.WrapUpCompleted(f"C{n}", "anna", "resolved"))
        busy += seconds
        world.after(10)
    assert world.board.handlers["anna"].busy_seconds == pytest.approx(busy)


@pytest.mark.parametrize("said", [[], ["away"], ["away", "away"], ["away", "available"], ["offline", "away"]])
def test_a_break_with_a_caller_on_the_line_makes_nobody_look_less_busy(said: list[str]) -> None:
    world = World(rules(choose_by="least_occupied"))
    world.handler("anna")
    world.call("C1")
    world.accept("C1")
    for state in said:
        world.after(100)
        world.presence("anna", PresenceState(state), "break")
    world.after(100)
    world.did(ev.CallEnded("C1", "handler:anna"))
    world.complete("C1", "anna")
    anna = world.board.handlers["anna"]
    assert anna.busy_seconds == 100 * (len(said) + 1 if "offline" not in said else 1)


def test_who_dials_somebody_from_their_wrap_up_looks_as_busy_as_they_were() -> None:
    world = World(rules(choose_by="least_occupied"))
    world.handler("anna")
    world.call("C1")
    world.accept("C1")
    world.after(100)
    world.did(ev.CallEnded("C1", "handler:anna"))
    world.after(100)
    world.did(ev.CallRequested("C1", "handler:anna", "anna", "+441632960001"))
    world.after(100)
    world.did(ev.FollowUpTried("C1", world.contact("C1").follow_up, "no_answer"))
    world.complete("C1", "anna")
    assert world.board.handlers["anna"].busy_seconds == 300


def test_so_does_who_calls_back_somebody_who_does_not_answer() -> None:
    world = World(rules(choose_by="least_occupied"))
    world.handler("anna")
    world.call("C1")
    world.did(ev.CallLost("C1", "the process died"))
    world.accept("C1")
    world.after(40)
    world.did(ev.FollowUpTried("C1", world.contact("C1").follow_up, "no_answer"))
    anna = world.board.handlers["anna"]
    assert (anna.busy_seconds, anna.idle_since) == (40, world.now)


def test_and_who_has_been_in_a_colleagues_call_with_a_text_in_hand() -> None:
    world = World(rules(choose_by="least_occupied"))
    world.handler("ben", email_capacity=0)
    world.text("T1")
    world.accept("T1")
    world.handler("anna")
    world.now -= 1
    world.presence("ben", PresenceState.AWAY)
    world.call("C1")
    world.accept("C1")
    world.did(ev.PartyRung("C1", "handler:anna", "supervisor", "ben", "ben"))
    world.did(ev.PartyAnswered("C1", "ben", "ben"))
    world.after(60)
    world.did(ev.PartyLeft("C1", "ben", "hung up", "ben"))
    assert world.board.handlers["ben"].busy_seconds == 60


def test_a_caller_whom_a_dead_phone_gave_back_was_somebodys_work_all_the_same() -> None:
    world = World()
    for name in ("anna", "ben"):
        world.handler(name)
    world.call("C1")
    world.accept("C1")
    world.after(100)
    world.did(ev.HandlerLost("C1", "anna", "no answer"))
    anna = world.board.handlers["anna"]
    assert (anna.busy_seconds, anna.idle_since) == (100, world.now)
    assert world.offered_to("C1") == "ben"


def test_so_was_a_text_that_signing_out_gave_back() -> None:
    world = World()
    world.handler("anna")
    world.text("T1")
    world.accept("T1")
    world.after(100)
    world.presence("anna", PresenceState.OFFLINE)
    assert world.board.handlers["anna"].busy_seconds == 100


@pytest.mark.parametrize("outcome", ["busy", "no_answer", "unreachable", "handler_unreachable"])
def test_a_call_out_that_fails_leaves_a_handler_on_their_break(outcome: str) -> None:
    world = World()
    world.handler("anna")
    world.text("T1")
    world.accept("T1")
    world.presence("anna", PresenceState.AWAY, "break")
    world.did(ev.CallRequested("T1", "handler:anna", "anna", "+447700900001"))
    world.did(ev.FollowUpTried("T1", world.contact("T1").follow_up, outcome))
    assert world.board.handlers["anna"].presence.state is PresenceState.AWAY
    assert offers(world.call("C1")) == []


@quick
@given(st.lists(st.sampled_from(list(PresenceState)), min_size=1, max_size=8))
def test_what_a_handler_says_last_holds_also_when_it_was_said_in_a_call(said: list[PresenceState]) -> None:
    """Nothing that was said in a call waits for its end, to overrule what was said after."""
    world = World()
    world.handler("anna")
    world.call("C1")
    world.accept("C1")
    for state in said:
        world.presence("anna", state)
    assert world.with_handler("C1") == "anna", "and nobody is taken off the line"
    world.did(ev.CallEnded("C1", "handler:anna"))
    assert world.contact("C1").wrap_ups == (WrapUp("anna", world.now, until=world.now + 120),)
    world.complete("C1", "anna")
    assert world.board.handlers["anna"].presence.state is said[-1]
    assert offers(world.call("C2")) == ([("C2", "anna")] if said[-1] is PresenceState.AVAILABLE else [])


@quick
@given(st.lists(st.sampled_from(["declined", "missed", "rang out"]), min_size=1, max_size=20))
def test_whatever_a_handler_does_not_answer_they_are_never_removed_and_never_rung_in_a_loop(hows: list[str]) -> None:
    world = World(rules(misses_before_away=3))
    world.handler("anna")
    world.call("C1")
    rung_at = [world.now]
    for how in hows:
        offer = world.offer("C1")
        if how == "declined":
            world.did(ev.OfferDeclined(offer.id, "C1", "anna"))
        elif how == "missed":
            world.did(ev.OfferMissed(offer.id, "C1", "anna"))
        else:
            world.after(20)
        if world.board.handlers["anna"].presence.state is PresenceState.AWAY:
            assert "not answered" in world.board.handlers["anna"].presence.reason
            world.presence("anna", PresenceState.AVAILABLE)
        while not world.contact("C1").offers:
            world.after(1)
        rung_at.append(world.now)
    assert "anna" in world.board.handlers
    assert all(later - earlier >= 15 for earlier, later in pairwise(rung_at))
    assert world.contact("C1").queued_at == rung_at[0], "and the caller keeps their place"


def test_a_queue_that_is_taken_out_of_the_configuration_leaves_nobody_behind() -> None:
    """Not who waits in it, and not who writes again after their contact there was closed."""
    world = World(rules([Queue(id="gone", name="Gone", target_seconds=30, skills=("rare",))]))
    world.text("T1", queue="gone")
    world.text("T2", "+447700900002", queue="gone")
    before = list(world.board.contacts.values())
    world.board = Board.rebuilt(rules(), before[:1], [], [], [replace(before[1], closed_at=world.now)])
    assert offers(world.handler("anna")) == [("T1", "anna")]
    assert offers(world.text("T3", "+447700900002")) == [("T2", "anna")]


def test_one_who_is_not_there_stops_nobody_else() -> None:
    """Not at the end of the list, not in the middle, and not by what their record says."""
    world = World()
    for n, state in enumerate([PresenceState.AWAY, PresenceState.AVAILABLE, PresenceState.OFFLINE] * 3):
        world.handler(f"h{n}", state=state)
    world.did(ev.HandlerSaved(replace(world.board.handlers["h1"], extension=""), "program:test"))
    given = [offer for n in range(4) for offer in offers(world.call(f"C{n}", number=""))]
    assert given == [("C0", "h4"), ("C1", "h7")], "and two wait for whoever comes"
    assert offers(world.presence("h8", PresenceState.AVAILABLE)) == [("C2", "h8")]
