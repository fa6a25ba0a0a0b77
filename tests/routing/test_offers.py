"""An offer has a deadline and ends in one of six ways, each told apart; its contact keeps its place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from routing import events as ev
from routing.commands import EndOffer, MakeOffer, RaiseAlarm, SetAway
from routing.model import PresenceState, Stage
from routing.triage import Finding, Reason
from tests.support.world import World, ends, of_kind, offers, rules


@pytest.fixture
def world() -> World:
    world = World()
    world.handler("anna")
    return world


def test_a_call_is_offered_by_ringing_the_phone_for_so_long(world: World) -> None:
    (made,) = of_kind(MakeOffer, world.call("C1"))
    assert made.offer.by_phone
    assert made.offer.expires_at == world.now + 20
    assert made.why


def test_a_text_is_shown_on_the_desk_for_longer(world: World) -> None:
    (made,) = of_kind(MakeOffer, world.text("T1"))
    assert not made.offer.by_phone
    assert made.offer.expires_at == world.now + 60


def test_an_email_has_a_deadline_of_its_own(world: World) -> None:
    (made,) = of_kind(MakeOffer, world.email("E1"))
    assert made.offer.expires_at == world.now + 90
    assert ends(world.after(89)) == []
    assert ends(world.after(1)) == [("anna", "expired")]


def test_accepted(world: World) -> None:
    world.call("C1")
    assert world.accept("C1") == ()
    contact = world.contact("C1")
    assert contact.stage is Stage.ASSIGNED
    assert (contact.owner, contact.answered_at) == ("anna", world.now)


def test_declined_is_remembered_for_a_while_and_the_next_handler_is_rung(world: World) -> None:
    world.handler("ben")
    world.call("C1")
    commands = world.decline("C1")
    assert ends(commands) == [("anna", "declined")]
    assert offers(commands) == [("C1", "ben")]


def test_the_sole_handler_who_declines_is_not_rung_in_a_loop(world: World) -> None:
    world.call("C1")
    assert offers(world.decline("C1")) == []
    assert offers(world.after(14)) == []
    assert offers(world.after(1)) == [("C1", "anna")]


def test_who_declined_one_contact_gets_the_next(world: World) -> None:
    world.call("C1")
    world.call("C2")
    assert offers(world.decline("C1")) == [("C2", "anna")]


def test_a_declined_contact_keeps_its_place(world: World) -> None:
    world.call("C1")
    place = world.contact("C1").queued_at, world.contact("C1").due_at
    world.after(5)
    world.call("C2")
    world.decline("C1")
    assert (world.contact("C1").queued_at, world.contact("C1").due_at) == place
    assert offers(world.handler("ben")) == [("C1", "ben")]


def test_missed_failed_and_expired_are_told_apart() -> None:
    world = World(rules(misses_before_away=9))
    world.handler("anna")
    world.call("C1")
    assert ends(world.did(ev.OfferMissed(world.offer("C1").id, "C1", "anna"))) == [("anna", "missed")]
    world.after(15)
    failed = ev.OfferFailed(world.offer("C1").id, "C1", "anna", "not registered")
    assert ends(world.did(failed)) == [("anna", "failed")]
    world.after(30)  # each time the pause is twice as long
    assert ends(world.after(20)) == [("anna", "expired")]
    assert world.board.handlers["anna"].misses == 3


def test_a_decline_is_no_miss(world: World) -> None:
    for n in range(5):
        world.call(f"C{n}")
        world.decline(f"C{n}")
        world.did(ev.CallerLeft(f"C{n}"))
    assert world.board.handlers["anna"].misses == 0


def test_so_many_misses_in_a_row_set_a_handler_away_and_tell_them(world: World) -> None:
    world.call("C1")
    assert of_kind(SetAway, world.after(20)) == []
    world.after(15)
    (away,) = of_kind(SetAway, world.after(20))
    assert away.handler == "anna" and "not answered" in away.reason
    assert world.board.handlers["anna"].presence.state is PresenceState.AWAY
    assert world.stage("C1") is Stage.QUEUED


def test_a_handler_who_was_set_away_comes_back_by_themselves(world: World) -> None:
    world.call("C1")
    world.after(120)
    assert offers(world.presence("anna", PresenceState.AVAILABLE)) == [("C1", "anna")]
    assert world.board.handlers["anna"].misses == 0


def test_who_says_themselves_that_they_are_away_and_is_back_has_missed_nothing(world: World) -> None:
    world.call("C1")
    world.after(20)
    assert world.board.handlers["anna"].misses == 1

    world.presence("anna", PresenceState.AWAY, "break")
    world.presence("anna", PresenceState.AVAILABLE)

    assert world.board.handlers["anna"].misses == 0


def test_texts_that_are_missed_together_are_one_miss(world: World) -> None:
    for n in range(3):
        world.text(f"T{n}", f"+44770090000{n}")
        world.after(1)
    missed = world.after(60)
    assert ends(missed) == [("anna", "expired")] * 3, "they left the desk for a minute"
    assert of_kind(SetAway, missed) == [] and world.board.handlers["anna"].misses == 1
    assert offers(world.after(15))
    (away,) = of_kind(SetAway, world.after(60))
    assert away.handler == "anna", "who does not come back is set away at the second row of misses"


def test_being_set_away_withdraws_the_other_offers_too(world: World) -> None:
    world.text("T0", "+447700900000")
    world.after(75)
    assert world.offered_to("T0") == "anna", "for the second time"
    world.after(30)
    world.text("T1", "+447700900001")
    world.handler("ben")
    commands = world.after(30)
    assert ends(commands)[:2] == [("anna", "expired"), ("anna", "withdrawn")]
    assert [world.offered_to(f"T{n}") for n in range(2)] == ["ben", "ben"]


def test_an_accepted_offer_forgives_the_misses_before_it(world: World) -> None:
    world.call("C1")
    world.after(35)
    world.accept("C1")
    assert world.board.handlers["anna"].misses == 0


def test_withdrawn_when_the_caller_hangs_up(world: World) -> None:
    world.call("C1")
    assert ends(world.did(ev.CallerLeft("C1"))) == [("anna", "withdrawn")]
    assert offers(world.call("C2")) == [("C2", "anna")], "and the handler is free at once"


def test_the_late_answer_to_an_offer_that_is_over_is_refused_in_words(world: World) -> None:
    world.handler("ben")
    world.call("C1")
    old = world.offer("C1")
    world.after(20)
    assert world.offered_to("C1") == "ben"
    assert "over" in world.refused(ev.OfferAccepted(old.id, "C1", "anna"))
    assert "over" in world.refused(ev.OfferMissed(old.id, "C1", "anna"))
    assert "over" in world.refused(ev.OfferAccepted(world.offer("C1").id, "C1", "anna")), "not anna's offer"


def test_the_hang_up_that_races_the_answer_leaves_nobody_answered_for_hours(world: World) -> None:
    world.call("C1")
    offer = world.offer("C1")
    world.did(ev.CallerLeft("C1"))
    assert "over" in world.refused(ev.OfferAccepted(offer.id, "C1", "anna"))
    assert world.stage("C1") is Stage.CLOSED


def test_an_offer_that_fails_never_takes_the_caller_off_the_queue(world: World) -> None:
    world.call("C1")
    world.did(ev.OfferFailed(world.offer("C1").id, "C1", "anna", "not registered"))
    assert world.stage("C1") is Stage.QUEUED and world.contact("C1").live


def test_each_offer_has_a_name_of_its_own(world: World) -> None:
    world.call("C1")
    first = world.offer("C1").id
    world.decline("C1")
    world.after(15)
    assert world.offer("C1").id != first


def test_a_wrap_up_that_goes_on_too_long_is_shown_to_supervisors_once(world: World) -> None:
    world.call("C1")
    world.accept("C1")
    world.did(ev.CallEnded("C1", "handler:anna"))
    alarms = [c for c in world.after(7_200) if getattr(c, "what", "") == "wrap_up_long"]
    assert len(alarms) == 1


def test_a_wrap_up_that_supervisors_know_of_is_not_told_again_when_its_handler_asks_for_more_time(world: World) -> None:
    world.call("C1")
    world.accept("C1")
    world.did(ev.CallEnded("C1", "handler:anna"))
    assert "wrap_up_long" in [a.what for a in of_kind(RaiseAlarm, world.after(900))]
    world.did(ev.WrapUpExtended("C1", "anna", 60))
    assert of_kind(RaiseAlarm, world.after(7_200)) == []


def test_the_next_wrap_up_of_a_contact_has_its_whole_time_before_supervisors_are_told(world: World) -> None:
    world.call("C1")
    world.accept("C1")
    world.follow_up("C1", not_before=world.now + 600)
    world.did(ev.CallEnded("C1", "handler:anna"))
    world.complete("C1", "anna")
    world.after(600)
    world.accept("C1")
    world.did(ev.FollowUpAnswered("C1", "f1"))
    world.did(ev.CallEnded("C1", "handler:anna"))

    def alarms(seconds: float) -> int:
        return [getattr(c, "what", "") for c in world.after(seconds)].count("wrap_up_long")

    assert alarms(899) == 0, "the first wrap-up's alarm is not the second one's"
    assert alarms(1) == 1


def test_nobody_is_woken_for_an_offer_that_was_answered(world: World) -> None:
    (made,) = of_kind(MakeOffer, world.text("T1"))
    assert world.board.next_wake == made.offer.expires_at

    world.accept("T1")

    assert world.board.next_wake is None


def test_nor_for_a_wrap_up_that_is_written_nor_for_an_emergency_that_was_taken(world: World) -> None:
    world.call("C1")
    world.accept("C1")
    world.follow_up("C1", not_before=world.now + 3_600)
    follow_up_at = world.now + 3_600
    world.did(ev.CallEnded("C1", "handler:anna"))
    world.complete("C1", "anna")
    world.call("C2", queue="crime")
    world.emergency("C2")
    world.after(5)
    world.accept("C2")

    assert world.board.next_wake == follow_up_at


def test_an_offer_of_what_its_handler_takes_no_more_goes_to_somebody_else(world: World) -> None:
    world.text("T1")
    world.handler("ben")
    anna = replace(world.board.handlers["anna"], text_capacity=0)

    commands = world.did(ev.HandlerSaved(anna, "handler:boss"))

    assert ends(commands) == [("anna", "withdrawn")]
    assert offers(commands) == [("T1", "ben")]


def test_a_routine_text_that_is_taken_pushes_no_other_off_the_desk(world: World) -> None:
    for n in range(3):
        world.text(f"T{n}", f"+44770090000{n}")
    world.accept("T0")
    world.did(ev.HandlerSaved(replace(world.board.handlers["anna"], text_capacity=2), "program:test"))
    assert ends(world.accept("T1")) == []
    assert world.offered_to("T2") == "anna", "only an emergency does"


def test_a_whole_shift_is_not_set_away_because_the_gateway_was_not_there(world: World) -> None:
    for name in ("anna", "ben"):
        world.handler(name)
    for n in range(4):
        world.text(f"T{n}", sender=f"+44770090000{n}")
    # when the gateway comes back long after all four offers were over
    world.now += 600
    commands = world.did(ev.TimePassed(since=world.now))
    # then they are offered anew at once, with their whole time, and nobody has missed anything
    assert {c.how for c in commands if isinstance(c, EndOffer)} == {"withdrawn"}
    assert len(offers(commands)) == 4
    assert [handler.misses for handler in world.board.handlers.values()] == [0, 0]


def test_a_phone_that_rang_out_while_the_gateway_was_not_there_was_missed(world: World) -> None:
    world.handler("anna")
    world.call("C1")
    world.now += 600
    world.did(ev.TimePassed(since=world.now))
    assert world.board.handlers["anna"].misses == 1  # of its own accord: the call process rings on without us


# --- who begins to talk ------------------------------------------------------------------------------


def test_a_text_on_offer_to_who_answers_a_call_goes_to_somebody_else_at_once_and_is_no_miss(world: World) -> None:
    world.text("T1")
    assert offers(world.call("C1")) == [("C1", "anna")], "texts do not keep a caller waiting"
    world.handler("ben")
    commands = world.accept("C1")
    assert ends(commands) == [("anna", "withdrawn")]
    assert offers(commands) == [("T1", "ben")]
    assert world.board.handlers["anna"].misses == 0


def test_where_nobody_else_could_take_it_it_stays_and_is_no_miss_of_who_is_on_the_call(world: World) -> None:
    world.text("T1")
    world.call("C1")
    assert ends(world.accept("C1")) == [], "no call takes its turn from them: they may take it while they talk"
    assert ends(world.after(60)) == [("anna", "withdrawn")]
    assert world.board.handlers["anna"].misses == 0
    world.did(ev.CallEnded("C1", "handler:anna"))
    assert offers(world.complete("C1", "anna")) == [("T1", "anna")]


def test_who_has_passed_the_caller_on_is_on_no_call_any_more(world: World) -> None:
    world.text("T1")
    world.call("C1")
    world.accept("C1")
    world.handler("ben", text_capacity=0)
    world.did(ev.PartyRung("C1", "handler:anna", "transfer", "ext ben", "ben"))
    world.did(ev.PartyAnswered("C1", "ext ben", "ben", "transfer"))
    world.did(ev.CallPassed("C1", "anna", "ext ben", "ben"))
    assert ends(world.after(60)) == [("anna", "expired")]


def test_it_goes_on_when_its_time_is_over_to_whoever_is_free_by_then(world: World) -> None:
    world.text("T1")
    world.call("C1")
    world.accept("C1")
    world.handler("ben")
    assert world.offered_to("T1") == "anna"
    assert offers(world.after(60)) == [("T1", "ben")]


def test_an_emergency_by_text_does_not_lie_with_who_answers_a_call_though_it_is_shown_to_nobody_else() -> None:
    world = World(rules(broadcast_emergencies=False))
    world.handler("anna")
    assert offers(world.text("T1", finding=Finding(True, (Reason("plea", "help", 0, 4),)))) == [("T1", "anna")]
    world.call("C1")
    world.handler("ben")
    assert offers(world.accept("C1")) == [("T1", "ben")]


def test_who_dials_somebody_keeps_no_text_on_offer_meanwhile(world: World) -> None:
    world.text("T1")
    world.accept("T1")
    world.text("T2", "+447700900002")
    world.handler("ben")
    commands = world.did(ev.CallRequested("T1", "handler:anna", "anna", "+447700900001"))
    assert (ends(commands), offers(commands)) == ([("anna", "withdrawn")], [("T2", "ben")])


def test_nor_does_who_comes_into_a_colleagues_call(world: World) -> None:
    world.call("C1")
    world.accept("C1")
    world.handler("ben")
    world.text("T1")
    world.handler("cara")
    world.did(ev.PartyRung("C1", "handler:anna", "consult", "ext ben", "ben"))
    assert world.offered_to("T1") == "ben", "they may not answer"
    assert ends(world.did(ev.PartyAnswered("C1", "ext ben", "ben", "consult"))) == [("ben", "withdrawn")]
