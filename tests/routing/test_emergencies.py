"""An emergency is first in line and on its way to the control room at once, and nobody lets go of it."""

from __future__ import annotations

import pytest

from routing import events as ev
from routing.commands import AskForReview, CallControlRoom, Command, MakeOffer, RaiseAlarm, ScheduleFollowUp
from routing.model import HandoverState, PresenceState, Stage, Work
from tests.support.world import World, of_kind, offers

STAGES = [Stage.ARRIVING, Stage.QUEUED, Stage.OFFERED, Stage.ASSIGNED]


def at(stage: Stage) -> World:
    """A caller C1 at this stage, and time has passed since."""
    world = World()
    if stage in (Stage.OFFERED, Stage.ASSIGNED):
        world.handler("anna")
    world.arriving("C1")
    if stage is not Stage.ARRIVING:
        world.did(ev.CallQueued("C1"))
    if stage is Stage.ASSIGNED:
        world.accept("C1")
    assert world.stage("C1") is stage
    world.after(3)
    return world


@pytest.mark.parametrize("how", ["pressed 55", "was silent"])
def test_the_wait_of_an_emergency_in_the_greeting_begins_there(how: str) -> None:
    """So that it is in the forecast, and its wait at a hang-up is kept."""
    world = at(Stage.ARRIVING)
    world.did(ev.CallerSilent("C1", 30)) if how == "was silent" else world.emergency("C1")
    world.after(8)
    world.did(ev.CallQueued("C1"))
    world.after(30)
    world.did(ev.CallerLeft("C1"))
    contact = world.board.touched.contacts["C1"]
    assert (contact.menu_seconds, contact.waited_seconds) == (3, 38)


def called_again(world: World) -> tuple[Command, ...]:
    world.did(ev.CallerLeft("C1", cut_off=True))
    world.after(60)
    return world.arriving("C2")


def test_an_emergency_cut_off_before_the_control_room_answered_gets_it_on_calling_again() -> None:
    world = at(Stage.QUEUED)
    world.emergency("C1")
    world.did(ev.CallerSilent("C1", 30))
    assert of_kind(CallControlRoom, called_again(world)) == [CallControlRoom("C1", "system")]
    handover = world.contact("C1").handover
    assert handover and handover.state is HandoverState.CALLING


def test_an_emergency_raised_while_the_caller_was_cut_off_gets_the_control_room_on_calling_again() -> None:
    world = at(Stage.QUEUED)
    world.did(ev.CallerLeft("C1", cut_off=True))
    world.did(ev.EmergencyRaised("C1", "handler:anna", "graded"))
    assert of_kind(CallControlRoom, world.arriving("C2"))


def test_the_control_room_is_not_called_again_for_whom_it_has_heard_nor_for_silence_alone() -> None:
    world = at(Stage.QUEUED)
    world.emergency("C1")
    world.did(ev.ControlRoomJoined("C1", "main"))
    assert not of_kind(CallControlRoom, called_again(world))
    world = at(Stage.QUEUED)
    world.did(ev.CallerSilent("C1", 30))
    commands = called_again(world)
    assert not of_kind(CallControlRoom, commands) and of_kind(RaiseAlarm, commands)


@pytest.mark.parametrize("stage", STAGES)
def test_at_every_stage_the_control_room_is_called_and_supervisors_are_told(stage: Stage) -> None:
    world = at(stage)
    commands = world.emergency("C1")
    assert [c.what for c in of_kind(RaiseAlarm, commands)] == ["emergency"]
    assert of_kind(CallControlRoom, commands) == [CallControlRoom("C1", "caller")]
    handover = world.contact("C1").handover
    assert handover and handover.state is HandoverState.CALLING


@pytest.mark.parametrize("stage", [Stage.ARRIVING, Stage.QUEUED])
def test_a_handler_is_wanted_too_even_before_the_greeting_is_over(stage: Stage) -> None:
    world = at(stage)
    world.emergency("C1")
    assert world.stage("C1") is Stage.QUEUED
    assert offers(world.handler("ben")) == [("C1", "ben")]


def test_pressed_in_the_greeting_the_free_handler_is_rung_at_once() -> None:
    world = World()
    world.handler("anna")
    world.arriving("C1")
    assert offers(world.emergency("C1")) == [("C1", "anna")]


def test_an_offer_that_rings_goes_on_ringing() -> None:
    world = at(Stage.OFFERED)
    world.emergency("C1")
    assert world.offered_to("C1") == "anna"


def test_a_conversation_goes_on_while_the_control_room_is_called() -> None:
    world = at(Stage.ASSIGNED)
    world.emergency("C1", "handler:anna", "weapon")
    assert world.with_handler("C1") == "anna"


def test_pressed_twice_the_control_room_is_called_once() -> None:
    world = at(Stage.QUEUED)
    world.emergency("C1")
    assert of_kind(CallControlRoom, world.emergency("C1")) == []
    world.did(ev.ControlRoomJoined("C1", "Control room"))
    assert of_kind(CallControlRoom, world.emergency("C1")) == []


def test_when_the_control_room_has_left_it_can_be_called_again() -> None:
    world = at(Stage.ASSIGNED)
    world.emergency("C1")
    world.did(ev.ControlRoomJoined("C1", "Control room"))
    world.after(5)
    assert not of_kind(CallControlRoom, world.did(ev.ControlRoomLeft("C1", "Control room")))
    assert of_kind(CallControlRoom, world.emergency("C1"))


def hung_up_after(seconds: float, world: World) -> tuple[Command, ...]:
    world.did(ev.ControlRoomJoined("C1", "Main desk"))
    world.after(seconds)
    return world.did(ev.ControlRoomLeft("C1", "control room"))


@pytest.mark.parametrize("stage", STAGES)
def test_a_control_room_that_hangs_up_at_once_has_heard_nobody_and_the_next_target_is_rung(stage: Stage) -> None:
    world = at(stage)
    world.emergency("C1")
    before = world.stage("C1")

    commands = hung_up_after(4.9, world)

    assert of_kind(CallControlRoom, commands) == [CallControlRoom("C1", "caller", after="Main desk")]
    assert [c.what for c in of_kind(RaiseAlarm, commands)] == ["control_room_hung_up"]
    assert world.stage("C1") is before
    handover = world.contact("C1").handover
    assert handover and handover.state is HandoverState.CALLING


def test_one_that_hangs_up_at_once_again_and_again_is_told_of_ever_less_often() -> None:
    world = at(Stage.QUEUED)
    world.emergency("C1")

    told = [bool(of_kind(RaiseAlarm, hung_up_after(1, world))) for _ in range(8)]

    assert told == [True, True, False, True, False, False, False, True]


def test_whom_the_control_room_hung_up_on_at_once_is_called_back_when_they_give_up() -> None:
    world = at(Stage.QUEUED)
    world.emergency("C1")
    hung_up_after(1, world)

    commands = world.did(ev.CallerLeft("C1"))

    assert "emergency_abandoned" in [c.what for c in of_kind(RaiseAlarm, commands)]
    assert of_kind(ScheduleFollowUp, commands)


def test_that_the_control_room_leaves_a_caller_who_is_gone_calls_it_no_more() -> None:
    world = at(Stage.ASSIGNED)
    world.emergency("C1")
    world.did(ev.ControlRoomJoined("C1", "Main desk"))
    world.did(ev.CallerLeft("C1"))

    assert not of_kind(CallControlRoom, world.did(ev.ControlRoomLeft("C1", "control room")))


def test_an_emergency_never_waits_for_its_owner_alone() -> None:
    world = World()
    world.handler("anna")
    world.text("T1")
    world.accept("T1")
    world.complete("T1", "anna")
    world.text("T2", "+447700900002")
    world.accept("T2")
    world.emergency("T2")
    world.presence("anna", PresenceState.AWAY)
    world.handler("ben")
    world.did(ev.ReplyWritten("T2", "r1", "handler:anna"))
    world.presence("anna", PresenceState.OFFLINE)
    assert world.offered_to("T2") == "ben"


def test_an_emergency_that_no_handler_takes_alarms_the_supervisors_once() -> None:
    world = at(Stage.QUEUED)
    world.emergency("C1")
    alarms = of_kind(RaiseAlarm, world.after(60))
    assert [a.what for a in alarms] == ["emergency_waiting"]


def test_its_time_without_a_handler_begins_when_it_is_raised_not_with_the_greeting() -> None:
    world = World()
    world.arriving("C1")
    world.after(60)
    world.emergency("C1")
    assert of_kind(RaiseAlarm, world.after(9.9)) == []
    assert [a.what for a in of_kind(RaiseAlarm, world.after(0.1))] == ["emergency_waiting"]


def test_an_emergency_that_only_rings_alarms_too() -> None:
    world = World()
    world.handler("anna")
    world.call("C1")
    world.emergency("C1")
    assert [a.what for a in of_kind(RaiseAlarm, world.after(10))] == ["emergency_waiting"]


def test_an_emergency_that_waits_a_second_time_alarms_a_second_time() -> None:
    world = at(Stage.QUEUED)
    world.emergency("C1")
    world.after(60)
    world.handler("anna")
    world.accept("C1")
    world.did(ev.HandlerLost("C1", "anna", "gone"))
    assert [a.what for a in of_kind(RaiseAlarm, world.after(10))] == ["emergency_waiting"]


def test_an_unreachable_control_room_alarms_and_the_caller_stays() -> None:
    world = at(Stage.QUEUED)
    world.emergency("C1")
    world.did(ev.ControlRoomTried("C1", "Control room", "busy", 486))
    (alarm,) = of_kind(RaiseAlarm, world.did(ev.ControlRoomExhausted("C1", 1)))
    assert alarm.what == "control_room_unreachable"
    assert world.contact("C1").live and world.contact("C1").wanted


# --- who leaves when ---------------------------------------------------------------------------------


def test_the_handler_may_leave_when_the_control_room_has_joined() -> None:
    world = at(Stage.ASSIGNED)
    world.emergency("C1", "handler:anna", "weapon")
    world.did(ev.ControlRoomJoined("C1", "Control room"))
    world.did(ev.HandlerLeft("C1", "anna"))
    contact = world.contact("C1")
    assert contact.stage is Stage.HANDOVER and not contact.wanted
    assert [w.handler for w in contact.wrap_ups] == ["anna"]


def test_a_handler_who_leaves_before_the_control_room_has_joined_leaves_the_caller_in_the_queue() -> None:
    world = at(Stage.ASSIGNED)
    world.emergency("C1", "handler:anna", "weapon")
    world.did(ev.HandlerLeft("C1", "anna"))
    assert world.stage("C1") is Stage.QUEUED
    assert offers(world.handler("ben")) == [("C1", "ben")]


def test_a_control_room_that_leaves_a_caller_alone_puts_them_back_into_the_queue() -> None:
    world = at(Stage.ASSIGNED)
    world.emergency("C1", "handler:anna", "weapon")
    world.did(ev.ControlRoomJoined("C1", "Control room"))
    world.did(ev.HandlerLeft("C1", "anna"))
    world.did(ev.ControlRoomLeft("C1", "Control room"))
    assert world.stage("C1") is Stage.QUEUED
    assert offers(world.handler("ben")) == [("C1", "ben")]


def test_a_control_room_that_leaves_a_handler_on_the_line_changes_nothing_else() -> None:
    world = at(Stage.ASSIGNED)
    world.emergency("C1", "handler:anna", "weapon")
    world.did(ev.ControlRoomJoined("C1", "Control room"))
    world.did(ev.ControlRoomLeft("C1", "Control room"))
    assert world.with_handler("C1") == "anna" and not world.contact("C1").wanted


def test_handed_over_and_ended_it_is_wrapped_up_and_closed() -> None:
    world = at(Stage.ASSIGNED)
    world.emergency("C1", "handler:anna", "weapon")
    world.did(ev.ControlRoomJoined("C1", "Control room"))
    world.did(ev.HandlerLeft("C1", "anna"))
    world.did(ev.CallerLeft("C1"))
    assert world.stage("C1") is Stage.WRAP_UP
    world.complete("C1", "anna")
    assert world.stage("C1") is Stage.CLOSED


def test_wrapped_up_while_the_control_room_still_talks_it_stays_open_until_they_end() -> None:
    world = at(Stage.ASSIGNED)
    world.emergency("C1", "handler:anna", "weapon")
    world.did(ev.ControlRoomJoined("C1", "Control room"))
    world.did(ev.HandlerLeft("C1", "anna"))
    world.complete("C1", "anna")
    assert world.stage("C1") is Stage.HANDOVER
    world.did(ev.CallerLeft("C1"))
    assert world.stage("C1") is Stage.CLOSED


@pytest.mark.parametrize("stage", [Stage.ARRIVING, Stage.QUEUED, Stage.OFFERED])
def test_an_emergency_caller_who_hangs_up_before_anybody_answers_is_called_back(stage: Stage) -> None:
    world = at(stage)
    world.emergency("C1")
    commands = world.did(ev.CallerLeft("C1"))
    assert "emergency_abandoned" in [a.what for a in of_kind(RaiseAlarm, commands)]
    assert of_kind(ScheduleFollowUp, commands)
    contact = world.contact("C1")
    assert contact.wanted and contact.work is Work.FOLLOW_UP and contact.emergency
    if stage is Stage.OFFERED:
        assert of_kind(MakeOffer, commands)[0].offer.handler == "anna"


def test_a_call_back_that_nobody_has_talked_on_yet_is_still_an_unheard_emergency() -> None:
    world = at(Stage.QUEUED)
    world.emergency("C1")
    world.did(ev.CallerLeft("C1"))
    world.handler("anna")
    world.accept("C1")
    assert world.contact("C1").answered_at is None
    world.did(ev.FollowUpAnswered("C1", world.contact("C1").follow_up))
    assert world.contact("C1").answered_at == world.now
    world.did(ev.CallerLeft("C1"))
    assert world.stage("C1") is Stage.WRAP_UP


def test_a_withheld_number_that_hangs_up_is_looked_at_by_a_person_and_stays_first() -> None:
    world = World()
    world.call("C1", number="")
    world.emergency("C1")
    commands = world.did(ev.CallerLeft("C1"))
    assert of_kind(AskForReview, commands)
    assert world.contact("C1").emergency and world.contact("C1").work is Work.REVIEW


def test_what_only_the_control_room_heard_is_looked_at_by_a_handler() -> None:
    world = at(Stage.QUEUED)
    world.emergency("C1")
    world.did(ev.ControlRoomJoined("C1", "Control room"))
    assert of_kind(AskForReview, world.did(ev.CallerLeft("C1")))
    assert world.stage("C1") is Stage.QUEUED


def test_a_control_room_that_answers_after_the_caller_has_gone_is_told_so() -> None:
    world = at(Stage.QUEUED)
    world.emergency("C1")
    world.did(ev.CallerLeft("C1"))
    assert "over" in world.refused(ev.ControlRoomJoined("C1", "Control room"))


def test_an_emergency_found_after_the_call_is_shown_to_a_handler() -> None:
    world = at(Stage.ASSIGNED)
    world.did(ev.CallEnded("C1", "handler:anna"))
    world.handler("ben")
    commands = world.emergency("C1", "handler:anna", "on second thoughts")
    assert of_kind(CallControlRoom, commands) == [], "nobody is on the line"
    assert offers(commands) == [("C1", "ben")]


def test_an_emergency_in_a_contact_whose_follow_up_is_planned_is_looked_at_now() -> None:
    world = at(Stage.ASSIGNED)
    world.follow_up("C1", not_before=world.now + 3_600)
    world.did(ev.CallEnded("C1", "handler:anna"))
    world.complete("C1", "anna")
    assert world.stage("C1") is Stage.SCHEDULED
    assert offers(world.emergency("C1", "program:triage", "knife")) == [("C1", "anna")]
    world.accept("C1")
    world.complete("C1", "anna")
    assert world.stage("C1") is Stage.SCHEDULED, "and the follow-up is still planned"
