"""What a contact needs of a handler: skills with levels, for ever or for a while; the centre; the language."""

from __future__ import annotations

from typing import Any

import pytest

from config.ordering import Bump, Bumps, LanguageSkill, Wanted
from config.settings import Queue
from routing import events as ev
from routing.abilities import abilities
from routing.model import Channel, Party, PresenceState
from tests.support.world import World, offers, rules


def site(**queue: Any) -> World:
    languages = (LanguageSkill(language="cy", skill="welsh", for_seconds=30),)
    return World(rules([Queue(id="q", name="Q", target_seconds=30, **queue)], languages=languages))


@pytest.mark.parametrize(
    ("has", "needs", "suits"),
    [
        ("french", "french", True),
        ("french:3", "french", True),
        ("french:3", "french:2", True),
        ("french:2", "french:3", False),
        ("french", "french:1", True),
        ("french", "french:2", False),
        ("german:9", "french", False),
    ],
)
def test_a_level_is_met_by_that_level_and_those_above(has: str, needs: str, suits: bool) -> None:
    assert ({needs} <= abilities(frozenset({has}), "fcc", reserved=False)) is suits


def test_what_is_wanted_is_insisted_on_for_its_time_and_the_place_is_kept() -> None:
    wanted = (Wanted(skill="french:2", for_seconds=20), Wanted(skill="french", for_seconds=60))
    world = site(wanted=wanted)
    world.handler("anna")
    world.handler("ben", "french:1")
    world.call("C1", queue="q")
    place = world.contact("C1").due
    assert offers(world.after(19)) == []
    assert offers(world.after(1)) == [("C1", "ben")], "after 20 s any French will do"
    world.decline("C1")
    assert offers(world.after(15)) == [("C1", "ben")], "asked again after the pause"
    world.decline("C1")
    assert offers(world.after(25)) == [("C1", "anna")], "after 60 s anybody will do"
    assert world.contact("C1").due == place


def test_what_is_preferred_chooses_among_those_who_suit_and_keeps_nobody_waiting() -> None:
    world = site(prefers=("domestic-abuse",))
    world.handler("anna")
    world.handler("ben", "domestic-abuse")
    assert offers(world.call("C1", queue="q")) == [("C1", "ben")]
    assert offers(world.call("C2", queue="q")) == [("C2", "anna")]


def test_the_own_centre_comes_first_and_the_other_after_its_time() -> None:
    world = site(centre="fcc", other_centre_after_seconds=25)
    world.handler("chloe", centre="crc")
    assert offers(world.call("C1", queue="q")) == []
    assert offers(world.after(24)) == []
    assert offers(world.after(1)) == [("C1", "chloe")]


def test_an_owner_who_can_do_what_is_needed_and_nothing_more_is_asked_first() -> None:
    world = site(centre="fcc")
    world.handler("anna")
    world.text("T1", queue="q")
    world.accept("T1")
    world.handler("ben")
    world.follow_up("T1", not_before=world.now + 3_600)
    world.complete("T1", "anna")
    assert offers(world.text("T2", queue="q")) == [("T1", "anna")]


def test_who_chose_a_language_is_given_to_a_handler_who_speaks_it_for_a_while() -> None:
    world = site()
    world.handler("anna")
    world.handler("wyn", "welsh")
    for reference in ("C1", "C2"):
        world.arriving(reference)
    assert offers(world.did(ev.CallQueued("C1", "q", "cy"))) == [("C1", "wyn")]
    assert offers(world.did(ev.CallQueued("C2", "q", "cy"))) == []
    world.accept("C1")
    assert offers(world.after(30)) == [("C2", "anna")]


def test_a_handler_who_is_kept_for_emergencies_gets_nothing_else() -> None:
    world = site()
    world.handler("anna", reserved=True)
    assert offers(world.call("C1", queue="q")) == []
    assert offers(world.emergency("C1")) == [("C1", "anna")]


def test_an_emergency_waits_for_its_skill_for_five_seconds_only() -> None:
    world = site(skills=("crime",))
    world.handler("anna")
    world.call("C1", queue="q")
    assert offers(world.emergency("C1")) == []
    assert offers(world.after(5)) == [("C1", "anna")]


def test_who_dealt_with_the_person_lately_is_asked_first_if_free_now() -> None:
    world = World(rules(last_handler_first_seconds=10))
    world.handler("anna")
    world.handler("ben")
    world.text("T1", sender="+447700900001")
    world.accept("T1")
    world.complete("T1", "anna")
    world.after(60)
    assert offers(world.call("C1", number="+447700900001")) == [("C1", "anna")], "ben has been idle for longer"
    assert offers(world.call("C2", number="+447700900001")) == [("C2", "ben")], "anna is being rung"


def test_who_dealt_with_them_and_has_left_the_service_is_not_asked() -> None:
    world = World(rules(last_handler_first_seconds=10))
    world.handler("anna")
    world.text("T1", sender="+447700900001")
    world.accept("T1")
    world.complete("T1", "anna")
    world.did(ev.HandlerRemoved("anna", "program:test"))
    world.handler("ben")
    assert offers(world.call("C1", number="+447700900001")) == [("C1", "ben")]


def test_an_emergency_is_not_kept_for_who_dealt_with_the_person_lately() -> None:
    """The outside party has left, the control room is on the line, and a handler is wanted as well."""
    world = World(rules(last_handler_first_seconds=10))
    for name in ("anna", "ben"):
        world.handler(name)
    world.text("T1", sender="+447700900001")
    world.accept("T1")
    world.complete("T1", "anna")
    world.arriving("C1", number="+447700900001")
    world.did(ev.CallPassed("C1", "", "the council"))
    world.emergency("C1")
    world.did(ev.ControlRoomJoined("C1", "control room"))
    world.did(ev.PartyLeft("C1", "the council", "hung up"))
    assert offers(world.did(ev.CallQueued("C1"))) == [("C1", "ben"), ("C1", "anna")], "ben has been idle for longer"


def test_who_is_back_from_a_break_is_idle_from_then_on() -> None:
    world = World()
    world.handler("anna")
    world.handler("ben")
    world.presence("anna", PresenceState.AWAY, "break")
    world.after(600)
    world.presence("anna", PresenceState.AVAILABLE)

    assert offers(world.call("C1")) == [("C1", "ben")], "a break makes nobody the one who has been idle longest"


def test_who_says_again_that_they_are_available_loses_no_turn_by_it() -> None:
    world = World()
    world.handler("anna")
    world.handler("ben")
    world.presence("anna", PresenceState.AVAILABLE)

    assert offers(world.call("C1")) == [("C1", "anna")]


def test_what_waits_for_an_owner_who_can_do_it_no_more_does_not_keep_the_others_from_them() -> None:
    world = World()
    world.handler("anna", "crime", text_capacity=1)
    world.text("T1", queue="crime")
    world.accept("T1")
    world.follow_up("T1", not_before=world.now + 3_600)
    world.complete("T1", "anna")
    world.text("T2", sender="+447700900002")
    world.accept("T2")
    world.handler("anna", text_capacity=1)
    world.text("T3", queue="crime")  # of the person of T1
    assert world.contact("T1").preferred == "anna"
    assert [rank.reference for rank in world.board.waiting()] == ["T1"]
    world.text("T4", sender="+447700900004", queue="texts")

    assert offers(world.complete("T2", "anna")) == [("T4", "anna")]


def test_in_turn_a_handler_who_declined_comes_last_again() -> None:
    world = World(rules(choose_by="round_robin"))
    world.handler("anna")
    world.handler("ben")
    assert offers(world.call("C1")) == [("C1", "anna")]
    assert offers(world.decline("C1")) == [("C1", "ben")]
    world.after(1)
    assert offers(world.did(ev.CallerLeft("C1"))) == []
    assert offers(world.call("C2")) == [("C2", "anna")], "anna was offered a contact before ben was"


def test_the_least_occupied_is_chosen_even_if_idle_for_less_long() -> None:
    world = World(rules(choose_by="least_occupied"))
    for name in ("anna", "ben"):
        world.handler(name)
    world.call("C1")
    world.accept("C1")
    world.after(600)
    world.did(ev.CallEnded("C1", "handler:anna"))
    world.complete("C1", "anna")
    world.call("C2")
    world.accept("C2")  # ben, briefly
    world.after(20)
    world.did(ev.CallEnded("C2", "handler:ben"))
    world.complete("C2", "ben")
    assert offers(world.call("C3")) == [("C3", "ben")], "anna has been idle for longer, but was busy for ten minutes"


def test_occupied_is_the_share_of_the_shift_and_not_the_seconds() -> None:
    world = World(rules(choose_by="least_occupied"))
    for name, there, busy in (("anna", 7_200, 1_200), ("ben", 600, 600)):
        world.handler(name)
        world.after(there)
        world.presence("anna", PresenceState.AWAY if name == "ben" else PresenceState.AVAILABLE)
        world.call(f"of-{name}")
        world.accept(f"of-{name}")
        world.after(busy)
        world.did(ev.CallEnded(f"of-{name}", f"handler:{name}"))
        world.complete(f"of-{name}", name)
    world.presence("anna", PresenceState.AVAILABLE)

    assert offers(world.call("C1")) == [("C1", "anna")], "twenty minutes of three hours are less than ten of twenty"


def test_where_calls_do_not_interrupt_messages_a_call_waits_for_the_last_message() -> None:
    world = World(rules(calls_interrupt_messages=False))
    world.handler("anna")
    world.text("T1")
    world.accept("T1")
    assert offers(world.call("C1")) == [], "anna writes to somebody"
    assert offers(world.text("T2", sender="+447700900002")) == [], "and gets no further text: a call waits before it"
    assert offers(world.complete("T1", "anna")) == [("C1", "anna")], "a backlog of texts does not starve the calls"


def test_a_message_that_is_moved_up_before_the_call_is_offered_at_once() -> None:
    bumps = Bumps(vulnerable=Bump(ahead_seconds=600))
    world = World(rules(calls_interrupt_messages=False, bumps=bumps))
    world.handler("anna")
    world.text("T1")
    world.accept("T1")
    world.call("C1")
    assert offers(world.text("T2", sender="+447700900002")) == [], "the call comes first"
    assert offers(world.did(ev.VulnerableMarked("T2", "handler:anna"))) == [("T2", "anna")]


def test_when_the_call_is_taken_elsewhere_messages_are_offered_again() -> None:
    world = World(rules(calls_interrupt_messages=False))
    world.handler("anna")
    world.text("T1")
    world.accept("T1")
    world.call("C1")
    world.text("T2", sender="+447700900002")
    assert ("T2", "anna") in offers(world.did(ev.CallerLeft("C1")))


def test_when_one_who_waits_for_their_owner_leaves_the_others_who_do_are_still_in_line() -> None:
    world = World()
    world.handler("anna", text_capacity=1, email_capacity=1)
    world.text("T1")
    world.email("E1")
    for reference in ("T1", "E1"):
        world.accept(reference)
        world.follow_up(reference, f"of-{reference}", not_before=world.now + 3_600)
        world.complete(reference, "anna")
    world.text("T2", sender="+447700900002")
    world.email("E2")
    for reference in ("T2", "E2"):
        world.accept(reference)
    world.text("T3")  # of the person of T1, and then one of the conversation of E1
    party, ours = Party("member@example.org"), "force@example.org"
    world.did(ev.MessageArrived("E3", "m-E3", Channel.EMAIL, "emails", party, ours, "mail:E1"))
    assert [rank.reference for rank in world.board.waiting()] == ["T1", "E1"]

    assert offers(world.complete("T2", "anna")) == [("T1", "anna")]

    assert [rank.reference for rank in world.board.waiting()] == ["E1"]
    assert offers(world.complete("E2", "anna")) == [("E1", "anna")]
