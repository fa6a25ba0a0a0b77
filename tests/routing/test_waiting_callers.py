"""Callers who wait: they keep their place, are cut off, give up, say nothing, or leave a voicemail."""

from __future__ import annotations

import dataclasses

import pytest

from config.settings import Queue
from routing import events as ev
from routing import replacing
from routing.commands import AskForReview, CancelFollowUp, PlaceFollowUpCall, RaiseAlarm, ScheduleFollowUp
from routing.model import Party, Stage, Work
from tests.support.world import World, of_kind, offers, rules

CALLER = "+441632960001"
OTHER = "+441632960002"


@pytest.fixture
def world() -> World:
    return World(rules([Queue(id="patient", name="Patient", target_seconds=30, abandoned="call_back")]))


# --- keep my place -------------------------------------------------------------------------------------


def test_a_caller_who_asks_to_be_called_back_keeps_their_place(world: World) -> None:
    world.call("C1")
    world.after(20)
    place = world.contact("C1").queued_at, world.contact("C1").due_at
    (planned,) = of_kind(ScheduleFollowUp, world.did(ev.CallbackAsked("C1", OTHER)))
    assert planned.follow_up.address == OTHER and planned.follow_up.keeps_place
    assert offers(world.handler("anna")) == [], "nobody is rung for a caller who is hanging up"
    world.call("C2")
    world.decline("C2")
    commands = world.did(ev.CallEnded("C1", "system"))
    assert of_kind(AskForReview, commands) == [] and offers(commands) == [("C1", "anna")]
    assert (world.contact("C1").queued_at, world.contact("C1").due_at) == place
    (call,) = of_kind(PlaceFollowUpCall, world.accept("C1"))
    assert call.address == OTHER and not call.withheld


@pytest.mark.parametrize("address", ["", "999", "112", "+44999", "141 999", "18000"])
def test_a_place_is_kept_only_for_a_number_that_may_be_called(world: World, address: str) -> None:
    world.call("C1", number="")
    world.refused(ev.CallbackAsked("C1", address))


def test_a_caller_who_changes_their_mind_and_is_answered_is_not_called_back(world: World) -> None:
    world.call("C1")
    world.did(ev.CallbackAsked("C1", OTHER))
    world.emergency("C1")
    world.handler("anna")
    assert of_kind(CancelFollowUp, world.accept("C1"))


def test_a_caller_still_on_the_line_waits_again_when_their_call_back_is_cancelled(world: World) -> None:
    world.call("C1")
    world.did(ev.CallbackAsked("C1", OTHER))
    world.did(ev.FollowUpCancelled("C1", world.contact("C1").callback, "handler:anna", "mistake"))
    assert world.stage("C1") is Stage.QUEUED and world.contact("C1").load.value == "voice"


# --- cut off -------------------------------------------------------------------------------------------


def lost(reference: str) -> ev.Event:
    return ev.CallLost(reference, "died")


def broken(reference: str) -> ev.Event:
    return ev.CallerLeft(reference, cut_off=True)


@pytest.mark.parametrize("how", [lost, broken])
def test_a_caller_who_was_cut_off_and_calls_again_gets_their_place_back(world: World, how) -> None:  # type: ignore[no-untyped-def]
    world.call("C1", queue="crime")
    before = world.contact("C1")
    world.after(30)
    world.did(how("C1"))
    world.after(200)
    commands = world.arriving("C2", queue="general")
    world.did(ev.CallQueued("C1"))
    assert bool(of_kind(CancelFollowUp, commands)) == (how is lost)
    assert not world.board.follow_ups and world.board.open_contact("C2") is None
    now = world.contact("C1")
    assert now.live and now.wanted and now.work is Work.CALL
    for name in ("received_at", "due_at", "queued_at", "queue"):
        assert getattr(now, name) == getattr(before, name)


def test_one_who_is_cut_off_at_once_gets_the_same_handler_back(world: World) -> None:
    world.handler("anna")
    world.call("C1")
    world.accept("C1")
    world.handler("ben")
    world.did(ev.CallerLeft("C1"))
    world.arriving("C2")
    assert offers(world.did(ev.CallQueued("C1"))) == [("C1", "anna")]
    world.accept("C1")
    world.did(ev.CallEnded("C1", "handler:anna"))
    world.complete("C1", "anna")
    assert world.stage("C1") is Stage.CLOSED


def test_a_conversation_that_was_long_enough_was_not_cut_off(world: World) -> None:
    world.handler("anna")
    world.call("C1")
    world.accept("C1")
    world.after(6)
    world.did(ev.CallerLeft("C1"))
    world.arriving("C2")
    assert world.contact("C2").live and not world.contact("C1").live


def test_withheld_numbers_never_inherit_a_place(world: World) -> None:
    world.call("C1", number="")
    world.did(lost("C1"))
    world.arriving("C2", number="")
    assert world.contact("C2").live and not world.contact("C1").live


def test_another_number_or_another_of_ours_gets_no_place(world: World) -> None:
    world.call("C1")
    world.did(broken("C1"))
    world.arriving("C2", number=OTHER)
    world.did(ev.CallArrived("C3", "c3", "general", Party(CALLER), "0800"))
    assert world.contact("C2").live and world.contact("C3").live and not world.contact("C1").live


def test_the_place_is_kept_for_minutes_only(world: World) -> None:
    world.call("C1")
    world.did(broken("C1"))
    assert world.stage("C1") is Stage.EXPECTED
    world.after(600)
    assert world.stage("C1") is Stage.CLOSED
    world.arriving("C2")
    assert world.contact("C2").received_at == world.now


# --- gave up -------------------------------------------------------------------------------------------


def test_a_caller_who_gave_up_is_called_back_where_the_queue_says_so(world: World) -> None:
    world.call("C1", queue="patient")
    world.after(60)
    assert of_kind(ScheduleFollowUp, world.did(ev.CallerLeft("C1")))
    assert world.contact("C1").abandoned and world.contact("C1").wanted


@pytest.mark.parametrize(
    ("queue", "waited", "number"), [("patient", 59, CALLER), ("general", 90, CALLER), ("patient", 90, "")]
)
def test_otherwise_only_the_true_wait_is_kept(world: World, queue: str, waited: float, number: str) -> None:
    world.arriving("C1", queue, number)
    world.after(7)
    world.did(ev.CallQueued("C1"))
    world.after(waited)
    world.did(ev.CallerLeft("C1"))
    closed = world.board.touched.contacts["C1"]
    assert world.stage("C1") is Stage.CLOSED and closed.abandoned and closed.ended_in is Stage.QUEUED
    assert (closed.menu_seconds, closed.waited_seconds) == (7, waited)


@pytest.mark.parametrize("mark", ["unsafe", "never"])
def test_one_whom_it_is_not_safe_to_call_is_left_alone(world: World, mark) -> None:  # type: ignore[no-untyped-def]
    world.call("C1", queue="patient")
    world.did(ev.SafetyMarked("C1", "handler:anna", mark))
    world.after(90)
    assert of_kind(ScheduleFollowUp, world.did(ev.CallerLeft("C1"))) == []


# --- silence, voicemail, menus, the expected wait ---------------------------------------------------------


def test_silence_raises_attention_once_and_ends_nothing(world: World) -> None:
    world.call("C1")
    world.call("C2")
    alarms = of_kind(RaiseAlarm, world.did(ev.CallerSilent("C2", 30)))
    assert [a.what for a in alarms] == ["silent_caller"]
    assert of_kind(RaiseAlarm, world.did(ev.CallerSilent("C2", 60))) == []
    assert world.contact("C2").live and world.board.waiting()[0].reference == "C2"


def test_a_silent_caller_who_is_heard_is_silent_no_more_and_may_be_again(world: World) -> None:
    world.call("C1")
    world.did(ev.CallerSilent("C1", 30))
    assert world.contact("C1").silent
    world.did(ev.CallerHeard("C1"))
    assert not world.contact("C1").silent
    assert of_kind(RaiseAlarm, world.did(ev.CallerSilent("C1", 30)))


def test_a_voicemail_is_heard_by_the_owner_of_the_extension_first(world: World) -> None:
    world.call("C1")
    world.handler("anna")
    world.handler("ben")
    world.did(ev.VoicemailLeft("C1", "texts", "1ben", "v.wav", 12))
    assert world.offered_to("C1") == "", "the caller is still there"
    assert offers(world.did(ev.CallerLeft("C1"))) == [("C1", "ben")]
    assert world.contact("C1").queue == "texts" and world.contact("C1").work is Work.REVIEW
    world.accept("C1")
    world.complete("C1", "ben")
    assert world.stage("C1") is Stage.CLOSED


def test_a_voicemail_in_which_nothing_was_heard_says_so(world: World) -> None:
    world.call("C1")
    world.did(ev.VoicemailLeft("C1", "texts", "", "v.wav", 6, silent=True))
    (asked,) = of_kind(AskForReview, world.did(ev.CallerLeft("C1")))
    assert asked.why == "The caller left a voicemail. Nothing was heard in it: they may be unable to speak."
    assert world.contact("C1").voicemail_silent


def test_a_queue_chosen_in_a_menu_counts_from_when_the_caller_comes_to_it(world: World) -> None:
    world.arriving("C1")
    world.after(25)
    world.did(ev.CallQueued("C1", "crime"))
    contact = world.contact("C1")
    assert (contact.queue, contact.queued_at, contact.due_at) == ("crime", world.now, world.now + 60)
    assert "crime" in world.board.need_of(contact).able


def test_another_queue_later_in_the_same_call_counts_from_when_the_wait_began(world: World) -> None:
    world.arriving("C1")
    world.after(8)
    world.did(ev.CallQueued("C1"))
    began = world.now
    world.after(20)
    world.did(ev.CallQueued("C1", "crime"))
    contact = world.contact("C1")
    assert (contact.entered_queue_at, contact.queued_at, contact.due_at) == (began, began, began + 60)


def test_a_wait_began_on_arrival_and_after_the_greeting_when_the_caller_came_to_the_queue(world: World) -> None:
    world.arriving("C1")
    world.after(8)
    assert world.contact("C1").wait_began_at == world.now - 8

    world.did(ev.CallQueued("C1"))
    began = world.now
    world.after(20)
    world.did(ev.CallQueued("C1", "crime"))

    assert world.contact("C1").wait_began_at == began


def test_a_message_after_the_first_was_dealt_with_begins_a_wait_of_its_own(world: World) -> None:
    world.handler("anna")
    world.text("T1")
    assert world.contact("T1").wait_began_at == world.contact("T1").received_at
    world.accept("T1")
    world.follow_up("T1", not_before=world.now + 3600)
    world.complete("T1", "anna")
    world.after(90)

    world.text("T1", message="m-2")

    assert world.contact("T1").wait_began_at == world.now


def test_an_emergency_in_the_greeting_begins_the_wait(world: World) -> None:
    world.arriving("C1")
    world.after(3)
    world.emergency("C1")
    contact = world.contact("C1")
    assert (contact.entered_queue_at, contact.due, contact.due_at) == (world.now, world.now, world.now + 30)


def test_the_expected_wait_is_said_only_when_it_is_known_and_still_true(world: World) -> None:
    world.handler("anna")
    for n in range(5):
        assert world.board.expected_wait(f"A{n}", world.now) is None
        world.call(f"A{n}")
        world.accept(f"A{n}")
        world.after(60)
        world.did(ev.CallEnded(f"A{n}", "handler:anna"))
        world.complete(f"A{n}", "anna")
    world.presence("anna", world.board.handlers["anna"].presence.state.OFFLINE)
    world.call("C1")
    world.call("C2")
    assert world.board.expected_wait("C1", world.now) == 60
    assert world.board.expected_wait("C2", world.now) == 120
    world.after(100)
    assert world.board.expected_wait("C1", world.now) is None, "already longer than was expected"


# --- dialling from a contact ------------------------------------------------------------------------------


def dial(address: str = OTHER, handler: str = "anna", **more: bool) -> ev.CallRequested:
    return ev.CallRequested("C1", f"handler:{handler}", handler, address, **more)


@pytest.fixture
def wrapping(world: World) -> World:
    """Anna is in wrap-up of C1."""
    world.handler("anna")
    world.call("C1")
    world.accept("C1")
    world.after(60)
    world.did(ev.CallEnded("C1", "handler:anna"))
    return world


def test_a_handler_dials_from_their_wrap_up_and_is_in_wrap_up_again(wrapping: World) -> None:
    (call,) = of_kind(PlaceFollowUpCall, wrapping.did(dial()))
    assert (call.handler, call.address, call.withheld) == ("anna", OTHER, False)
    assert "is not over" in wrapping.refused(ev.WrapUpCompleted("C1", "anna", "resolved"))
    wrapping.did(ev.FollowUpTried("C1", call.follow_up, "no_answer"))
    assert wrapping.stage("C1") is Stage.WRAP_UP and not wrapping.board.follow_ups
    (call,) = of_kind(PlaceFollowUpCall, wrapping.did(dial()))
    wrapping.did(ev.FollowUpAnswered("C1", call.follow_up))
    assert "on the line" in wrapping.refused(dial())
    wrapping.did(ev.CallEnded("C1", "handler:anna"))
    wrapping.complete("C1", "anna")
    assert wrapping.stage("C1") is Stage.CLOSED


def test_our_number_is_withheld_from_whom_it_is_unsafe_to_call(wrapping: World) -> None:
    wrapping.did(ev.SafetyMarked("C1", "handler:anna", "unsafe"))
    assert of_kind(PlaceFollowUpCall, wrapping.did(dial()))[0].withheld


def test_calls_that_must_not_be_made_are_refused(wrapping: World) -> None:
    assert "emergency number" in wrapping.refused(dial("999"))
    assert "no number" in wrapping.refused(dial(""))
    wrapping.handler("ben")
    wrapping.call("C2")
    assert "Ben is being rung" in wrapping.refused(dial(handler="ben"))
    wrapping.did(ev.SafetyMarked("C1", "handler:anna", "never"))
    assert "must not be called" in wrapping.refused(dial())


def test_the_copy_of_a_changed_contact_differs_in_nothing_else(world: World) -> None:
    world.call("C1")
    contact = world.contact("C1")
    assert replacing.replace(contact) == contact
    assert replacing.replace(contact, held=True) == dataclasses.replace(contact, held=True)


def test_a_caller_silent_in_the_greeting_is_answered_by_a_person(world: World) -> None:
    world.handler("anna")
    world.arriving("C1")
    assert offers(world.did(ev.CallerSilent("C1", 30))) == [("C1", "anna")]
