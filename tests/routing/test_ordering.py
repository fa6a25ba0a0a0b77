"""Who is served first across calls, texts and emails: by when each ought to be answered, sooner by rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.ordering import Bump, Bumps
from routing import events as ev
from tests.support.world import World, offers, rules

BUMPS = Bumps(
    vulnerable=Bump(due_within_seconds=3_600),
    repeat=Bump(ahead_seconds=40),
    cut_off=Bump(ahead_seconds=20),
    repeat_contacts=3,
    repeat_hours=1,
)


def bumping() -> World:
    return World(rules(bumps=BUMPS))


def hung_up(world: World, reference: str, number: str) -> None:
    world.call(reference, number=number)
    world.did(ev.CallerLeft(reference))


def test_a_vulnerable_persons_email_of_two_hours_ago_comes_before_a_fresh_call() -> None:
    world = bumping()
    world.email("E1")
    world.email("E2")
    world.did(ev.VulnerableMarked("E1", "handler:anna"))
    world.after(7_200)
    world.call("C1")
    assert [r.reference for r in world.board.waiting()] == ["E1", "C1", "E2"]


def test_a_fresh_call_comes_before_a_vulnerable_persons_email_of_a_minute_ago() -> None:
    world = bumping()
    world.email("E1")
    world.did(ev.VulnerableMarked("E1", "handler:anna"))
    world.after(60)
    world.call("C1")
    assert [r.reference for r in world.board.waiting()] == ["C1", "E1"]


def test_who_has_been_in_contact_often_is_served_sooner() -> None:
    world = bumping()
    for n in range(2):
        hung_up(world, f"A{n}", "+447700900001")
    world.call("C1", number="+447700900009")
    world.after(30)
    world.call("C2", number="+447700900001")
    assert world.contact("C2").bumps == ("repeat",)
    assert [r.reference for r in world.board.waiting()] == ["C2", "C1"]


def test_contacts_of_long_ago_are_not_counted_and_a_withheld_number_never() -> None:
    world = bumping()
    for n in range(2):
        hung_up(world, f"A{n}", "+447700900001")
    world.after(3_700)
    world.call("C1", number="+447700900001")
    for n in range(2, 6):
        world.call(f"C{n}", number="")
    assert all(not c.bumps for c in world.board.contacts.values())


def test_a_caller_who_was_cut_off_and_is_back_comes_before_those_of_the_same_moment() -> None:
    world = bumping()
    world.call("C1", number="+441632960001")
    world.call("C2", number="+441632960002")
    world.did(ev.CallerLeft("C2", cut_off=True))
    world.after(10)
    world.arriving("C3", number="+441632960002")
    world.did(ev.CallQueued("C2"))
    assert world.contact("C2").bumps == ("cut_off",)
    assert [r.reference for r in world.board.waiting()] == ["C2", "C1"]


def test_who_has_waited_longer_in_the_queue_is_first_however_long_another_has_heard_the_menu() -> None:
    """So nobody who is told their place in the queue sees it go up by a caller who joins it later."""
    world = World()
    world.arriving("C1")
    world.after(30)
    world.call("C2", number="+441632960002")
    world.after(15)
    world.did(ev.CallQueued("C1"))
    assert [r.reference for r in world.board.waiting()] == ["C2", "C1"]
    assert world.board.place("C2") == 1


@pytest.mark.parametrize("first", ["email", "call"])
def test_of_two_emergencies_whoever_has_waited_longer_is_first_whatever_their_queues_targets(first: str) -> None:
    """An email of a queue with a target of 12 h is not passed over by every emergency call that comes after it."""
    world = World()
    for nth, channel in enumerate(("email", "call") if first == "email" else ("call", "email")):
        world.after(60 * nth)
        (world.email if channel == "email" else world.call)(channel)
        world.emergency(channel)
    assert [r.reference for r in world.board.waiting()] == [first, {"email": "call", "call": "email"}[first]]


def test_what_moves_others_up_moves_no_emergency_before_one_that_has_waited_longer() -> None:
    world = bumping()
    for n in range(2):
        hung_up(world, f"A{n}", "+447700900001")
    world.call("C1", number="+447700900009")
    world.after(1)
    world.call("C2", number="+447700900001")
    assert world.contact("C2").bumps == ("repeat",)
    assert [r.reference for r in world.board.waiting()] == ["C2", "C1"]
    world.emergency("C1")
    world.emergency("C2")
    assert [r.reference for r in world.board.waiting()] == ["C1", "C2"]


def test_that_a_persons_first_contact_is_forgotten_takes_nothing_from_the_later_ones() -> None:
    world = bumping()
    hung_up(world, "A0", "+447700900001")
    world.after(world.rules.remembered_seconds - 60)
    for n in (1, 2):
        hung_up(world, f"A{n}", "+447700900001")
    world.after(120)
    hung_up(world, "B1", "+447700900002")
    assert world.board.recent.count("+447700900001", since=0.0) == 2
    world.call("A3", number="+447700900001")
    assert world.contact("A3").bumps == ("repeat",)


def test_a_mark_that_is_given_twice_counts_once() -> None:
    world = bumping()
    world.email("E1")
    for _ in range(2):
        world.did(ev.VulnerableMarked("E1", "handler:anna"))
    assert world.contact("E1").bumps == ("vulnerable",)


@given(st.lists(st.sampled_from(["+447700900001", "+447700900002"]), min_size=30, max_size=60))
def test_nobody_waits_for_ever_behind_those_who_are_bumped(callers: list[str]) -> None:
    """However many are bumped: once they come later than target and bump together, the old one is first."""
    world = bumping()
    world.call("OLD", number="+441632960000")
    due = world.contact("OLD").due
    for n, number in enumerate(callers):
        world.after(5)
        world.call(f"C{n}", number=number)
    served_before = [r.reference for r in world.board.waiting()]
    before = served_before[: served_before.index("OLD")]
    assert all(world.contact(reference).received_at <= due + 40 for reference in before)


def test_the_same_moment_is_decided_by_the_reference_so_that_it_is_decided_the_same_again() -> None:
    world = World()
    world.call("C2")
    world.call("C1")
    assert offers(world.handler("anna")) == [("C1", "anna")]
