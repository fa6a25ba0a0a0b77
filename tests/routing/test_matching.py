"""Who gets which contact: emergencies, then the most overdue, then the oldest; to the longest idle who can."""

from __future__ import annotations

import pytest

from config.settings import Queue
from routing import events as ev
from routing.model import Doing, Presence, PresenceState, Stage
from tests.support.world import World, ends, offers, rules


@pytest.fixture
def world() -> World:
    return World()


def test_a_contact_goes_to_the_only_free_handler(world: World) -> None:
    world.handler("anna")
    assert offers(world.call("C1")) == [("C1", "anna")]
    assert world.stage("C1") is Stage.OFFERED
    assert world.board.doing("anna") is Doing.RINGING


def test_an_emergency_is_served_before_everybody_who_waits_longer(world: World) -> None:
    world.call("C1")
    world.after(300)
    world.call("C2")
    world.emergency("C2")
    assert offers(world.handler("anna")) == [("C2", "anna")]


def test_the_longest_wait_never_overrides_an_emergency_even_an_hour_overdue(world: World) -> None:
    world.call("C1")
    world.after(3_600)
    world.text("T1")
    world.emergency("T1", by="program:triage", how="a knife is spoken of")
    assert offers(world.handler("anna")) == [("T1", "anna"), ("C1", "anna")], "a text leaves room for a call"


def test_of_two_emergencies_the_older_is_served_first(world: World) -> None:
    for reference in ("C1", "C2"):
        world.call(reference)
        world.emergency(reference)
        world.after(1)
    assert offers(world.handler("anna")) == [("C1", "anna")]


def test_the_most_overdue_against_its_own_queue_is_served_first(world: World) -> None:
    world.call("C1", queue="crime")  # due in 60 s
    world.after(10)
    world.call("C2", queue="general")  # due in 30 s: sooner, though it came later
    assert offers(world.handler("anna", "crime")) == [("C2", "anna")]


def test_within_a_queue_the_oldest_is_served_first(world: World) -> None:
    for n in range(13):
        world.call(f"C{n:02}")
        world.after(1)
    served = []
    for n in range(13):
        world.handler(f"h{n:02}")
        served += [reference for reference, _ in offers(world.last_commands)]
    assert served == [f"C{n:02}" for n in range(13)]


def test_the_longest_idle_of_those_who_suit_is_chosen(world: World) -> None:
    for name in ("anna", "ben", "cara"):
        world.handler(name)
    assert [offers(world.call(f"C{n}")) for n in range(3)] == [[("C0", "anna")], [("C1", "ben")], [("C2", "cara")]]


def test_who_has_something_on_offer_comes_after_who_has_less_of_it(world: World) -> None:
    for name in ("anna", "ben"):
        world.handler(name)
    texts = [offers(world.text(f"T{n}", f"+44770090000{n}")) for n in range(3)]
    assert texts == [[("T0", "anna")], [("T1", "ben")], [("T2", "anna")]]
    assert offers(world.call("C1")) == [("C1", "ben")], "he has one on offer, she has two"


def test_an_offer_that_is_withdrawn_costs_nobody_their_turn(world: World) -> None:
    for name in ("anna", "ben"):
        world.handler(name)
    world.call("C1")
    world.did(ev.CallerLeft("C1"))
    assert offers(world.call("C2")) == [("C2", "anna")]


def test_who_has_just_finished_is_idle_since_then(world: World) -> None:
    for name in ("anna", "ben"):
        world.handler(name)
    world.call("C1")
    world.accept("C1")
    world.after(5)
    world.did(ev.CallEnded("C1", "handler:anna"))
    world.complete("C1", "anna")
    assert offers(world.call("C2")) == [("C2", "ben")]


def test_only_a_handler_with_all_the_skills_is_chosen(world: World) -> None:
    world.handler("anna")
    world.handler("ben", "crime", "welsh")
    assert offers(world.call("C1", queue="crime")) == [("C1", "ben")]
    assert offers(world.call("C2", queue="crime")) == [], "anna lacks the skill"
    assert offers(world.call("C3")) == [("C3", "anna")]


def test_a_contact_that_nobody_can_take_does_not_hold_up_the_others(world: World) -> None:
    world.call("C1", queue="crime")
    world.after(300)
    assert offers(world.handler("anna")) == []
    assert offers(world.call("C2")) == [("C2", "anna")]


def test_a_new_skill_brings_what_waits_for_it(world: World) -> None:
    world.handler("anna")
    world.call("C1", queue="crime")
    handler = world.board.handlers["anna"]
    skilled = type(handler)("anna", "Anna", "fcc", frozenset({"crime"}), handler.extension)
    assert offers(world.did(ev.HandlerSaved(skilled, "program:test"))) == [("C1", "anna")]


# --- capacity ----------------------------------------------------------------------------------------


def test_a_handler_takes_one_call_at_a_time(world: World) -> None:
    world.handler("anna")
    world.call("C1")
    assert offers(world.call("C2")) == [], "while the phone rings"
    world.accept("C1")
    assert offers(world.call("C3")) == [], "while talking"


def test_a_handler_with_a_call_gets_no_message_either(world: World) -> None:
    world.handler("anna")
    world.call("C1")
    assert offers(world.text("T1")) == []
    world.accept("C1")
    assert offers(world.text("T2", "+447700900002")) == []


def test_a_wrap_up_of_a_call_keeps_the_handler_busy_until_it_is_complete(world: World) -> None:
    world.handler("anna")
    world.call("C1")
    world.accept("C1")
    world.did(ev.CallEnded("C1", "handler:anna"))
    assert world.board.doing("anna") is Doing.WRAP_UP
    assert offers(world.call("C2")) == []
    assert offers(world.text("T1")) == []
    assert offers(world.complete("C1", "anna")) == [("C2", "anna")]


def test_a_handler_takes_as_many_messages_as_their_capacity(world: World) -> None:
    world.handler("anna", text_capacity=2)
    assert offers(world.text("T1", "+447700900001")) == [("T1", "anna")]
    world.accept("T1")
    assert offers(world.text("T2", "+447700900002")) == [("T2", "anna")]
    assert offers(world.text("T3", "+447700900003")) == []
    assert offers(world.complete("T1", "anna")) == [("T3", "anna")]


def test_a_handler_with_messages_can_still_get_a_call(world: World) -> None:
    world.handler("anna")
    world.text("T1")
    world.accept("T1")
    assert offers(world.call("C1")) == [("C1", "anna")]
    world.accept("C1")
    assert world.with_handler("T1") == world.with_handler("C1") == "anna"


def test_without_a_phone_there_are_messages_but_no_calls(world: World) -> None:
    world.handler("anna", extension="")
    assert offers(world.call("C1")) == []
    assert offers(world.text("T1")) == [("T1", "anna")]


def test_freed_capacity_goes_to_the_oldest_who_waits(world: World) -> None:
    world.handler("anna", text_capacity=1)
    for n in range(4):
        world.text(f"T{n}", f"+44770090000{n}")
        world.after(1)
    world.accept("T0")
    assert offers(world.complete("T0", "anna")) == [("T1", "anna")]


# --- presence ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [PresenceState.AWAY, PresenceState.OFFLINE])
def test_who_is_not_available_is_offered_nothing(world: World, state: PresenceState) -> None:
    world.handler("anna", state=state)
    assert offers(world.call("C1")) == []
    assert offers(world.presence("anna", PresenceState.AVAILABLE)) == [("C1", "anna")]


@pytest.mark.parametrize("state", [PresenceState.AWAY, PresenceState.OFFLINE])
def test_going_away_withdraws_the_offer_and_the_next_is_rung_at_once(world: World, state: PresenceState) -> None:
    world.handler("anna")
    world.handler("ben")
    world.call("C1")
    commands = world.presence("anna", state)
    assert ends(commands) == [("anna", "withdrawn")]
    assert offers(commands) == [("C1", "ben")]


def test_going_away_keeps_what_one_has_accepted(world: World) -> None:
    world.handler("anna")
    world.text("T1")
    world.accept("T1")
    world.presence("anna", PresenceState.AWAY, "break")
    assert world.with_handler("T1") == "anna"


def test_signing_out_gives_messages_back_to_their_place(world: World) -> None:
    world.handler("anna")
    world.text("T1")
    queued_at = world.contact("T1").queued_at
    world.accept("T1")
    world.after(30)
    world.presence("anna", PresenceState.OFFLINE)
    assert world.stage("T1") is Stage.QUEUED
    assert world.contact("T1").queued_at == queued_at
    assert offers(world.handler("ben")) == [("T1", "ben")]


def test_who_signs_out_of_a_wrap_up_takes_nothing_from_who_has_the_contact_now(world: World) -> None:
    world.handler("anna")
    world.call("C1")
    world.accept("C1")
    world.did(ev.CallEnded("C1", "handler:anna"))
    world.handler("ben")
    world.emergency("C1", "handler:anna", "on second thoughts")
    world.accept("C1")
    world.presence("anna", PresenceState.OFFLINE)
    assert world.with_handler("C1") == "ben"


def test_signing_out_never_takes_a_caller_off_the_line(world: World) -> None:
    world.handler("anna")
    world.call("C1")
    world.accept("C1")
    world.presence("anna", PresenceState.OFFLINE)
    assert world.with_handler("C1") == "anna"


def test_a_wrap_up_survives_the_closed_browser(world: World) -> None:
    world.handler("anna")
    world.call("C1")
    world.accept("C1")
    world.did(ev.CallEnded("C1", "handler:anna"))
    world.presence("anna", PresenceState.OFFLINE)
    world.presence("anna", PresenceState.AVAILABLE)
    assert world.stage("C1") is Stage.WRAP_UP
    assert world.board.doing("anna") is Doing.WRAP_UP


def test_a_handler_who_has_open_contacts_cannot_be_removed(world: World) -> None:
    world.handler("anna")
    world.call("C1")
    assert "1 open contact" in world.refused(ev.HandlerRemoved("anna", "program:test"))
    world.did(ev.CallerLeft("C1"))
    world.did(ev.HandlerRemoved("anna", "program:test"))
    assert offers(world.call("C2")) == []
    assert "no handler anna" in world.refused(ev.PresenceChanged("anna", Presence(PresenceState.AVAILABLE), ""))


def test_what_a_handler_does_is_derived_from_what_is_open(world: World) -> None:
    world.handler("anna")
    assert world.board.doing("anna") is Doing.NOTHING
    world.text("T1")
    assert world.board.doing("anna") is Doing.RINGING
    world.accept("T1")
    world.call("C1")
    assert world.board.doing("anna") is Doing.ON_CONTACT, "a call rings, but there is a text in hand"
    world.accept("C1")
    world.did(ev.CallerLeft("C1"))
    assert world.board.doing("anna") is Doing.ON_CONTACT
    world.complete("T1", "anna")
    assert world.board.doing("anna") is Doing.WRAP_UP
    world.complete("C1", "anna")
    assert world.board.doing("anna") is Doing.NOTHING


def test_when_much_changes_at_once_the_first_in_line_still_chooses_first() -> None:
    """At one moment ben's ringing ends and anna may be offered both again: only she can take the first of them."""
    welsh = Queue(id="welsh", name="Welsh", target_seconds=30, skills=("welsh",))
    world = World(rules([welsh], broadcast_emergencies=False))
    world.handler("anna", "crime")
    world.handler("ben", "welsh")
    world.call("W1", queue="welsh")
    world.after(5)
    world.call("C1", queue="crime")
    world.emergency("C1")
    world.decline("C1")
    world.call("C2")
    world.decline("C2")
    assert offers(world.after(15)) == [("C1", "anna"), ("C2", "ben")]


def test_the_place_in_line_counts_those_who_need_the_same(world: World) -> None:
    for n in range(3):
        world.call(f"C{n}")
        world.after(1)
    world.call("D0", queue="crime")
    assert [world.board.place(f"C{n}") for n in range(3)] == [1, 2, 3]
    world.emergency("C2")
    assert world.board.place("C2") == 1
    assert world.board.place("D0") == 1
    assert world.board.place("unknown") == 0


def test_distribution_goes_on_through_a_busy_hour() -> None:
    """Five handlers and twenty calls a minute: nobody is forgotten, nothing stops."""
    world = World(rules())
    for n in range(5):
        world.handler(f"h{n}")
    for n in range(1_200):
        world.call(f"C{n:04}")
        world.after(3)
        for reference in [r for r, c in world.board.contacts.items() if c.offers]:
            world.accept(reference)
        for reference, contact in list(world.board.contacts.items()):
            if contact.assignment and world.now - contact.assignment.since > 8:
                handler = contact.assignment.handler
                world.did(ev.CallEnded(reference, f"handler:{handler}"))
                world.complete(reference, handler)
    assert len(world.board.contacts) < 10
