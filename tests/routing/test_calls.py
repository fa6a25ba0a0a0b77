"""From the first second of a call to its resolution: who hangs up when, and what is left to do."""

from __future__ import annotations

import pytest

from routing import events as ev
from routing.commands import AskForReview, CloseContact, PlaceFollowUpCall, RaiseAlarm, ScheduleFollowUp
from routing.model import Channel, Party, Stage, Work
from tests.support.world import World, of_kind, offers


@pytest.fixture
def world() -> World:
    world = World()
    world.handler("anna")
    return world


def test_a_call_from_arrival_to_closed(world: World) -> None:
    world.arriving("C1")
    assert world.stage("C1") is Stage.ARRIVING
    world.did(ev.CallQueued("C1"))
    world.accept("C1")
    assert world.stage("C1") is Stage.ASSIGNED
    world.did(ev.CallEnded("C1", "handler:anna"))
    assert world.stage("C1") is Stage.WRAP_UP
    assert of_kind(CloseContact, world.complete("C1", "anna", grade="priority"))
    assert world.stage("C1") is Stage.CLOSED


def test_nobody_is_rung_before_the_greeting_is_over(world: World) -> None:
    assert offers(world.arriving("C1")) == []


@pytest.mark.parametrize("stage", [Stage.ARRIVING, Stage.QUEUED, Stage.OFFERED])
def test_a_caller_who_leaves_before_an_answer_is_closed_and_nobody_stays_busy(stage: Stage) -> None:
    world = World()
    if stage is Stage.OFFERED:
        world.handler("anna")
    world.arriving("C1")
    if stage is not Stage.ARRIVING:
        world.did(ev.CallQueued("C1"))
    assert world.stage("C1") is stage
    world.did(ev.CallerLeft("C1"))
    assert world.stage("C1") is Stage.CLOSED
    assert not world.board.waiting() and not world.board.engaged_in("anna")
    closed = world.board.touched.contacts["C1"]
    assert closed.ended_at == world.now and closed.answered_at is None
    assert closed.abandoned is (stage is not Stage.ARRIVING), "who hears the greeting does not wait yet"


def test_a_caller_who_leaves_the_conversation_leaves_a_wrap_up(world: World) -> None:
    world.call("C1")
    world.accept("C1")
    world.did(ev.CallerLeft("C1"))
    assert world.stage("C1") is Stage.WRAP_UP
    world.complete("C1", "anna")
    assert world.stage("C1") is Stage.CLOSED


@pytest.mark.parametrize("late", [ev.CallerLeft("C1"), ev.CallEnded("C1", "system"), ev.CallLost("C1", "again")])
def test_the_end_of_a_call_that_is_told_twice_undoes_nothing(world: World, late: ev.Event) -> None:
    world.call("C1")
    world.did(ev.CallLost("C1", "process died"))
    assert "over" in world.refused(late)
    assert world.contact("C1").work is Work.FOLLOW_UP and world.contact("C1").wanted


def test_a_wrap_up_waits_for_the_end_of_the_call(world: World) -> None:
    world.call("C1")
    world.accept("C1")
    assert "hang up first" in world.refused(ev.WrapUpCompleted("C1", "anna", "resolved"))


def test_only_who_has_the_contact_can_wrap_it_up(world: World) -> None:
    world.handler("ben")
    world.call("C1")
    world.accept("C1")
    assert "not with ben" in world.refused(ev.WrapUpCompleted("C1", "ben", "resolved"))
    assert "no such contact" in world.refused(ev.WrapUpCompleted("C9", "ben", "resolved"))


def test_a_handler_whose_phone_vanishes_gives_the_caller_back_to_their_place(world: World) -> None:
    world.call("C1")
    queued_at = world.contact("C1").queued_at
    world.accept("C1")
    world.after(60)
    world.call("C2")
    commands = world.did(ev.HandlerLost("C1", "anna", "no answer to a re-INVITE"))
    assert of_kind(RaiseAlarm, commands)[0].what == "handler_lost"
    assert offers(commands) == [("C2", "anna")], "anna is not given back the caller she has just lost"
    assert world.contact("C1").queued_at == queued_at
    assert offers(world.handler("ben")) == [("C1", "ben")]


def test_a_lost_handler_is_rung_again_for_the_same_caller_after_a_pause(world: World) -> None:
    world.call("C1")
    world.accept("C1")
    world.did(ev.HandlerLost("C1", "anna", "gone"))
    assert offers(world.after(15)) == [("C1", "anna")]


def test_a_caller_who_gave_up_after_our_handler_was_lost_is_looked_at(world: World) -> None:
    world.call("C1")
    world.accept("C1")
    world.did(ev.HandlerLost("C1", "anna", "gone"))
    world.did(ev.CallerLeft("C1"))
    assert world.contact("C1").work is Work.REVIEW and world.contact("C1").wanted


# --- the call process dies -----------------------------------------------------------------------------


def test_a_caller_whom_we_cut_off_is_called_back_from_the_place_they_had(world: World) -> None:
    world.call("C1")
    world.accept("C1")
    world.after(90)
    place = world.contact("C1").queued_at, world.contact("C1").due_at
    commands = world.did(ev.CallLost("C1", "the process died"))
    assert of_kind(RaiseAlarm, commands)[0].what == "call_lost"
    (scheduled,) = of_kind(ScheduleFollowUp, commands)
    assert scheduled.follow_up.address == "+441632960001"
    contact = world.contact("C1")
    assert (contact.queued_at, contact.due_at) == place
    assert [w.handler for w in contact.wrap_ups] == ["anna"], "who talked with them writes it down"
    assert contact.wanted and contact.work is Work.FOLLOW_UP


def test_one_who_must_not_be_called_is_looked_at_instead(world: World) -> None:
    world.call("C1")
    world.did(ev.SafetyMarked("C1", "handler:anna", "never"))
    commands = world.did(ev.CallLost("C1", "the process died"))
    assert of_kind(ScheduleFollowUp, commands) == []
    assert of_kind(AskForReview, commands)[0].why.endswith("Nobody is called back.")


def test_the_call_back_is_made_by_the_next_free_handler(world: World) -> None:
    world.call("C1")
    world.accept("C1")
    world.did(ev.CallLost("C1", "the process died"))
    assert offers(world.handler("ben")) == [("C1", "ben")]
    (place,) = of_kind(PlaceFollowUpCall, world.accept("C1"))
    assert (place.handler, place.address) == ("ben", "+441632960001")
    world.did(ev.FollowUpAnswered("C1", place.follow_up))
    world.did(ev.CallEnded("C1", "handler:ben"))
    world.complete("C1", "anna")
    assert world.stage("C1") is Stage.WRAP_UP
    world.complete("C1", "ben")
    assert world.stage("C1") is Stage.CLOSED


def test_a_call_back_that_is_cut_off_too_is_called_back_again(world: World) -> None:
    world.call("C1")
    world.did(ev.CallLost("C1", "died"))
    first = world.contact("C1").follow_up
    world.accept("C1")
    world.did(ev.FollowUpAnswered("C1", first))
    world.did(ev.CallLost("C1", "died"))
    assert world.contact("C1").follow_up not in ("", first)


def test_a_withheld_number_that_was_cut_off_is_looked_at_by_a_person() -> None:
    world = World()
    world.call("C1", number="")
    world.did(ev.CallLost("C1", "died"))
    assert world.stage("C1") is Stage.QUEUED
    assert world.contact("C1").work is Work.REVIEW
    assert world.contact("C1").load is Channel.TEXT, "a look needs no phone"


def test_withheld_callers_never_share_anything() -> None:
    world = World()
    world.call("C1", number="")
    world.call("C2", number="")
    world.did(ev.CallLost("C1", "died"))
    assert world.contact("C1").queued_at is not None and world.contact("C2").live


def test_a_reference_that_is_in_use_is_never_overwritten(world: World) -> None:
    world.call("C1")
    assert "already" in world.refused(ev.CallArrived("C1", "other", "general", Party("+44"), "101"))
