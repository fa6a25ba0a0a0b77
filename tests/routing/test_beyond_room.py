"""Who can be given an emergency although they have no room: who is full of messages, and in the end who is in wrap-up.

No emergency waits while somebody at their desk, who is not on a call, could take it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from routing import events as ev
from routing.audit import audit
from routing.commands import MakeOffer
from routing.model import Handler, PresenceState
from routing.triage import Finding, Reason
from tests.support.world import World, ends, of_kind, offers, rules

HELP = Finding(True, (Reason("plea", "help", 0, 4),))
FULL = "; was full, and got it as an emergency"


def full(*names: str, texts: int = 1, **more: Any) -> World:
    """Everybody has taken as many routine texts as they take at once."""
    world = World(rules(**more))
    for name in names:
        world.handler(name, text_capacity=texts)
        for n in range(texts):
            world.text(f"{name}{n}", f"+4477009{name}{n}")
            world.accept(f"{name}{n}")
        world.now += 1
    return world


def urgent(world: World, reference: str) -> list[tuple[str, str]]:
    """A text of an emergency from somebody new comes in; to whom it is offered."""
    return offers(world.text(reference, f"+447700800{reference}", finding=HELP))


def nothing_is_wrong(world: World) -> bool:
    return not audit(world.board, world.board.contacts.values(), world.board.handlers.values(), world.now)


def in_wrap_up(world: World, name: str) -> None:
    """They had a call, which is over."""
    world.handler(name)
    world.call("W1")
    world.accept("W1")
    world.did(ev.CallEnded("W1", f"handler:{name}"))


# --- who is full of messages -------------------------------------------------------------------------


def test_who_is_full_is_given_it_and_keeps_what_they_have() -> None:
    world = full("anna", texts=2)
    commands = world.text("T1", finding=HELP)
    assert (offers(commands), ends(commands)) == ([("T1", "anna")], [])
    assert [made.why for made in of_kind(MakeOffer, commands)] == ["longest idle of those who suit" + FULL]
    assert nothing_is_wrong(world)
    world.accept("T1")
    assert {c.reference for c in world.board.engaged_in("anna")} == {"anna0", "anna1", "T1"}


def test_they_get_no_routine_message_before_they_have_room_again() -> None:
    world = full("anna", texts=2)
    urgent(world, "T1")
    world.accept("T1")
    assert offers(world.text("R1", "+447700900101")) == []
    assert offers(world.email("E1")) == [], "nor one by email, for which there is room"
    assert offers(world.complete("anna0", "anna")) == [("E1", "anna")], "two texts, as many as they take"
    assert offers(world.complete("anna1", "anna")) == [("R1", "anna")]


def test_they_can_be_rung_for_a_call_as_before() -> None:
    world = full("anna")
    urgent(world, "T1")
    world.accept("T1")
    assert offers(world.call("C1")) == [("C1", "anna")]


def test_who_has_room_comes_first_and_who_is_full_sees_it_too() -> None:
    world = full("anna")
    world.handler("ben")
    assert urgent(world, "T1") == [("T1", "ben"), ("T1", "anna")], "anna has been idle for longer"
    shown = next(o for o in world.contact("T1").offers if o.handler == "anna")
    world.did(ev.OfferAccepted(shown.id, "T1", "anna"))
    assert world.with_handler("T1") == "anna" and world.with_handler("anna0") == "anna"
    assert nothing_is_wrong(world)


def test_of_those_who_are_full_it_is_whose_turn_it_is() -> None:
    world = full("anna", "ben", "cara")
    world.did(ev.ReplyWritten("anna0", "r1", "handler:anna"))
    assert urgent(world, "T1") == [("T1", "anna"), ("T1", "ben"), ("T1", "cara")]
    assert offers(world.decline("T1")) == [("T1", "ben"), ("T1", "cara")]


def test_nobody_has_more_than_one_beyond_their_room() -> None:
    world = full("anna", "ben")
    urgent(world, "T1")
    assert urgent(world, "T2") == [("T2", "ben")], "anna is being offered hers"
    world.accept("T1")
    world.accept("T2")
    assert urgent(world, "T3") == []
    assert nothing_is_wrong(world)
    assert offers(world.complete("T2", "ben", seen=None)) == [("T3", "ben")]


def test_it_is_one_by_text_or_by_email_not_one_of_each() -> None:
    world = World()
    world.handler("anna", text_capacity=1, email_capacity=1)
    for reference in ("R1", "E1"):
        _ = world.text(reference) if reference == "R1" else world.email(reference)
        world.accept(reference)
    assert urgent(world, "T1") == [("T1", "anna")]
    world.accept("T1")
    assert offers(world.email("E2", "other@example.org", finding=HELP)) == []
    world.complete("E1", "anna")
    assert world.offered_to("E2") == "anna", "for an email there is room now, beyond texts or not"


def test_an_email_of_an_emergency_reaches_who_is_full_of_emails() -> None:
    world = World()
    world.handler("anna", email_capacity=1)
    world.email("E1")
    world.accept("E1")
    assert offers(world.email("E2", "other@example.org", finding=HELP)) == [("E2", "anna")]
    world.accept("E2")
    assert offers(world.text("R1")) == [], "and no routine text, for which there is room"


def test_one_for_which_there_was_room_is_not_beyond_it() -> None:
    world = World()
    world.handler("anna", text_capacity=1, email_capacity=1)
    world.email("E1", finding=HELP)
    world.accept("E1")
    assert offers(world.text("R1")) == [("R1", "anna")]
    world.accept("R1")
    assert urgent(world, "T1") == [("T1", "anna")], "and one beyond it may still come"


def test_who_takes_no_texts_is_given_none() -> None:
    world = World()
    world.handler("anna", text_capacity=0)
    assert urgent(world, "T1") == []


def test_whose_number_was_lowered_meanwhile_is_given_it_all_the_same() -> None:
    world = full("anna", texts=3)
    world.did(ev.HandlerSaved(replace(world.board.handlers["anna"], text_capacity=1), "program:test"))
    assert urgent(world, "T1") == [("T1", "anna")]
    world.accept("T1")
    assert urgent(world, "T2") == []


def test_a_text_that_turns_out_an_emergency_while_it_waits_is_given_to_who_is_full() -> None:
    world = full("anna")
    assert offers(world.text("T1")) == []
    assert offers(world.emergency("T1")) == [("T1", "anna")]


def test_who_comes_off_a_call_is_given_what_waits_though_they_are_full() -> None:
    world = full("anna", emergency_wrap_up_seconds=120)
    world.call("C1")
    world.accept("C1")
    assert urgent(world, "T1") == [], "never while they are on a call"
    assert offers(world.did(ev.CallEnded("C1", "handler:anna"))) == []
    assert offers(world.complete("C1", "anna")) == [("T1", "anna")]


def test_a_second_emergency_finds_room_where_routine_texts_on_offer_go_back() -> None:
    world = World()
    world.handler("anna", text_capacity=2)
    for n in range(2):
        world.text(f"R{n}", f"+44770090010{n}")
    for n in range(3):
        assert urgent(world, f"T{n}") == [(f"T{n}", "anna")]
    assert urgent(world, "T3") == []
    assert nothing_is_wrong(world)


def test_more_on_offer_than_one_beyond_is_found() -> None:
    world = full("anna")
    urgent(world, "T1")
    offer = world.offer("T1")
    world.board.put_contact(replace(world.contact("T1"), emergency=False))
    wrong = audit(world.board, [], world.board.handlers.values(), world.now)
    assert wrong == (), "one is on offer, and they take one"
    world.did(ev.HandlerSaved(Handler(**vars(world.board.handlers["anna"]) | {"text_capacity": 1}), "program:test"))
    world.board.put_contact(replace(world.contact("anna0"), assignment=None, wanted=True, offers=(offer,)))
    wrong = audit(world.board, [], world.board.handlers.values(), world.now)
    assert wrong == ("anna: is offered 2 contacts by text and takes 1.",)


# --- calls that do not interrupt messages ------------------------------------------------------------


def test_an_emergency_call_rings_at_who_has_messages_in_hand_where_calls_do_not_interrupt_them() -> None:
    world = full("anna", calls_interrupt_messages=False)
    assert offers(world.call("C1")) == []
    assert offers(world.emergency("C1")) == [("C1", "anna")]
    assert world.in_earnest("C1").by_phone and nothing_is_wrong(world)


def test_who_keeps_free_for_a_call_there_is_given_an_emergency_all_the_same() -> None:
    world = full("anna", texts=2, calls_interrupt_messages=False)
    world.call("C1")
    world.complete("anna0", "anna")
    assert offers(world.text("R1", "+447700900101")) == [], "kept free for the call"
    assert urgent(world, "T1") == [("T1", "anna")]


# --- who is in wrap-up -------------------------------------------------------------------------------


def test_who_is_in_wrap_up_is_left_alone_at_first_and_then_given_it() -> None:
    world = World(rules(emergency_wrap_up_seconds=10))
    in_wrap_up(world, "anna")
    world.arriving("C2")
    assert offers(world.emergency("C2")) == []
    assert offers(world.after(9.9)) == []
    commands = world.after(0.1)
    assert offers(commands) == [("C2", "anna")]
    assert of_kind(MakeOffer, commands)[0].why.endswith("; was in wrap-up, and got it as an emergency")
    world.accept("C2")
    assert world.with_handler("C2") == "anna" and world.contact("W1").wrap_ups, "their wrap-up stays theirs"
    world.complete("W1", "anna")
    assert nothing_is_wrong(world)


def test_a_text_of_an_emergency_reaches_them_as_well_and_no_routine_one_does() -> None:
    world = World(rules(emergency_wrap_up_seconds=10))
    in_wrap_up(world, "anna")
    world.text("R1", "+447700900101")
    assert urgent(world, "T1") == []
    assert offers(world.after(10)) == [("T1", "anna")]
    assert offers(world.complete("W1", "anna")) == [("R1", "anna")]


def test_who_takes_again_what_they_are_writing_up_is_not_in_its_wrap_up_any_more() -> None:
    world = World(rules(emergency_wrap_up_seconds=10))
    in_wrap_up(world, "anna")
    world.did(ev.EmergencyRaised("W1", "supervisor:sam", "he said more than was heard"))
    world.now += 10
    assert offers(world.did(ev.TimePassed())) == [("W1", "anna")]
    world.accept("W1")
    assert world.with_handler("W1") == "anna" and not world.contact("W1").wrap_ups
    assert nothing_is_wrong(world)


def test_it_is_shown_to_who_is_in_wrap_up_while_it_rings_elsewhere_in_vain() -> None:
    world = World(rules(emergency_wrap_up_seconds=10))
    in_wrap_up(world, "anna")
    world.handler("ben")
    world.arriving("C2")
    assert offers(world.emergency("C2")) == [("C2", "ben")]
    assert offers(world.after(10)) == [("C2", "anna")]
    shown = next(o for o in world.contact("C2").offers if o.handler == "anna")
    assert shown.broadcast
    assert offers(world.did(ev.OfferClaimed(shown.id, "C2", "anna"))) == [("C2", "anna")]


def test_who_ends_a_call_while_it_rings_elsewhere_is_shown_it_in_their_wrap_up() -> None:
    world = World(rules(emergency_wrap_up_seconds=0))
    world.handler("anna", text_capacity=0, email_capacity=0)
    world.call("C1")
    world.accept("C1")
    world.handler("ben")
    world.arriving("C2")
    assert offers(world.emergency("C2")) == [("C2", "ben")]
    assert offers(world.did(ev.CallEnded("C1", "handler:anna"))) == [("C2", "anna")]


def test_who_writes_it_up_and_was_away_for_a_moment_is_shown_it_again() -> None:
    world = World(rules(emergency_wrap_up_seconds=0))
    in_wrap_up(world, "anna")
    world.handler("ben")
    raised = ev.EmergencyRaised("W1", "supervisor:sam", "he said more than was heard")
    assert offers(world.did(raised)) == [("W1", "ben"), ("W1", "anna")]
    world.presence("anna", PresenceState.AWAY)
    assert offers(world.presence("anna", PresenceState.AVAILABLE)) == [("W1", "anna")]


def test_who_ends_a_call_after_that_time_is_given_it_at_once() -> None:
    world = World(rules(emergency_wrap_up_seconds=10))
    world.handler("anna")
    world.call("C1")
    world.accept("C1")
    urgent(world, "T1")
    assert offers(world.after(30)) == []
    assert offers(world.did(ev.CallEnded("C1", "handler:anna"))) == [("T1", "anna")]


def test_who_has_room_comes_before_who_is_in_wrap_up() -> None:
    world = World(rules(emergency_wrap_up_seconds=0))
    in_wrap_up(world, "anna")
    world.handler("ben")
    world.arriving("C2")
    assert offers(world.emergency("C2")) == [("C2", "ben"), ("C2", "anna")]


# --- who declined, who is away -----------------------------------------------------------------------


def test_who_declined_it_while_it_was_no_emergency_is_asked_at_once() -> None:
    world = World()
    world.handler("anna")
    world.call("C1")
    for pause in (15, 30, 0):
        world.decline("C1")
        world.after(pause)
    assert world.offered_to("C1") == ""
    assert offers(world.emergency("C1")) == [("C1", "anna")]


def test_an_earlier_pause_of_theirs_does_not_end_the_later_one() -> None:
    world = World()
    world.handler("anna")
    world.call("C1")
    world.decline("C1")
    world.after(10)
    world.emergency("C1")
    world.after(2)
    world.decline("C1")
    assert offers(world.after(14.9)) == []
    assert offers(world.after(0.1)) == [("C1", "anna")]


def test_however_long_a_pause_the_site_wants_an_emergency_waits_15_seconds_for_who_declined_it() -> None:
    world = World(rules(decline_pause_seconds=300))
    world.handler("anna")
    world.arriving("C1")
    world.emergency("C1")
    world.decline("C1")
    assert offers(world.after(14.9)) == []
    assert offers(world.after(0.1)) == [("C1", "anna")]


def test_news_of_an_emergency_whose_handler_is_away_goes_to_somebody_else() -> None:
    world = full("anna")
    world.presence("anna", PresenceState.AWAY)
    world.handler("ben")
    commands = world.text("T1", "+4477009anna0", finding=HELP)
    assert offers(commands) == [("anna0", "ben")]


def test_what_becomes_an_emergency_while_its_handler_is_away_goes_to_somebody_else() -> None:
    world = full("anna")
    world.presence("anna", PresenceState.AWAY)
    world.handler("ben")
    assert offers(world.emergency("anna0", by="program:triage")) == [("anna0", "ben")]
    assert world.board.engaged_in("anna") == []


def test_news_of_an_emergency_whose_handler_is_there_stays_with_them() -> None:
    world = full("anna")
    world.handler("ben")
    assert offers(world.text("T1", "+4477009anna0", finding=HELP)) == []
    assert world.with_handler("anna0") == "anna"
