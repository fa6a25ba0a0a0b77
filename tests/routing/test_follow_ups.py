"""A follow-up is made in its window, by its owner if they are there, again if nobody answers, and never forgotten."""

from __future__ import annotations

from typing import Any

import pytest

from routing import events as ev
from routing.commands import AskForReview, GiveUpFollowUp, PlaceFollowUpCall
from routing.model import Channel, FollowUpState, PresenceState, Stage, Work
from tests.support.world import World, ends, of_kind, offers


@pytest.fixture
def world() -> World:
    """C1 was anna's call; she wrote it up and planned nothing yet."""
    world = World()
    world.handler("anna")
    world.call("C1")
    world.accept("C1")
    return world


def planned(world: World, **more: Any) -> None:
    world.follow_up("C1", **more)
    world.did(ev.CallEnded("C1", "handler:anna"))
    world.complete("C1", "anna")


def test_a_planned_follow_up_keeps_the_contact_open(world: World) -> None:
    planned(world, not_before=world.now + 3_600)
    assert world.stage("C1") is Stage.SCHEDULED


def test_it_is_never_made_before_its_window(world: World) -> None:
    planned(world, not_before=world.now + 3_600)
    assert offers(world.after(3_599)) == []
    assert offers(world.after(1)) == [("C1", "anna")]


def test_it_is_offered_to_its_owner_first_then_to_all(world: World) -> None:
    planned(world, owner="anna", not_before=world.now + 60)
    world.handler("ben")
    world.call("C2")
    world.accept("C2")
    assert world.with_handler("C2") == "anna"
    assert offers(world.after(60)) == []
    assert offers(world.after(20)) == [("C1", "ben")]


def test_the_handler_is_on_the_line_before_the_person_is_called(world: World) -> None:
    planned(world)
    world.after(1)
    assert not world.offer("C1").by_phone
    (place,) = of_kind(PlaceFollowUpCall, world.accept("C1"))
    assert (place.handler, place.address) == ("anna", "+441632960001")
    assert offers(world.call("C2")) == [], "anna is making a call"


def test_answered_it_is_a_conversation_and_ends_in_a_wrap_up(world: World) -> None:
    planned(world)
    world.after(1)
    world.accept("C1")
    answered_at = world.contact("C1").answered_at
    world.after(5)
    world.did(ev.FollowUpAnswered("C1", "f1"))
    assert world.contact("C1").live and not world.board.follow_ups
    assert world.contact("C1").answered_at == answered_at, "the person was answered when they called"
    world.did(ev.CallEnded("C1", "handler:anna"))
    world.complete("C1", "anna")
    assert world.stage("C1") is Stage.CLOSED


def try_once(world: World, outcome: str = "no_answer") -> tuple[object, ...]:
    world.accept("C1")
    return world.did(ev.FollowUpTried("C1", "f1", outcome))


def test_nobody_answers_it_is_tried_again_later_and_the_handler_is_free(world: World) -> None:
    planned(world)
    world.after(1)
    try_once(world)
    assert world.stage("C1") is Stage.SCHEDULED
    assert world.board.follow_ups["f1"].outcomes == ("no_answer",)
    assert offers(world.after(20 * 60 - 1)) == []
    assert offers(world.after(1)) == [("C1", "anna")]


def test_after_so_many_tries_a_handler_looks_at_it(world: World) -> None:
    planned(world)
    world.after(1)
    for _ in range(2):
        try_once(world)
        world.after(20 * 60)
    commands = try_once(world, "busy")
    assert of_kind(GiveUpFollowUp, commands) and of_kind(AskForReview, commands)  # type: ignore[arg-type]
    assert world.contact("C1").work is Work.REVIEW
    assert world.offered_to("C1") == "anna"
    world.accept("C1")
    world.complete("C1", "anna")
    assert world.stage("C1") is Stage.CLOSED


def test_a_retry_that_would_fall_outside_the_window_is_not_made(world: World) -> None:
    planned(world, not_after=world.now + 600)
    world.after(1)
    assert of_kind(GiveUpFollowUp, try_once(world))  # type: ignore[arg-type]


def test_a_handlers_dead_phone_is_no_try_and_the_follow_up_waits_for_another(world: World) -> None:
    planned(world)
    world.after(1)
    try_once(world, "handler_unreachable")
    assert world.board.follow_ups["f1"].attempts == 0
    assert world.stage("C1") is Stage.QUEUED
    assert offers(world.handler("ben")) == [("C1", "ben")]
    assert of_kind(PlaceFollowUpCall, world.accept("C1"))


def test_a_follow_up_that_waited_past_its_window_is_not_called_but_looked_at(world: World) -> None:
    planned(world, not_after=world.now + 600)
    world.call("C2")
    world.accept("C2")
    world.after(700)
    world.did(ev.CallEnded("C2", "handler:anna"))
    world.complete("C2", "anna")
    commands = world.accept("C1")
    assert of_kind(PlaceFollowUpCall, commands) == []
    assert of_kind(GiveUpFollowUp, commands)
    world.complete("C1", "anna")
    assert world.stage("C1") is Stage.CLOSED


def test_who_need_not_call_any_more_and_only_looks_at_it_is_on_no_call(world: World) -> None:
    planned(world, not_after=world.now + 600)
    world.presence("anna", PresenceState.AWAY)
    world.after(30)
    world.handler("ben", state=PresenceState.AWAY)
    world.after(700)
    world.presence("ben", PresenceState.AVAILABLE)
    assert of_kind(GiveUpFollowUp, world.accept("C1"))
    assert offers(world.call("C2")) == [("C2", "ben")]


def test_a_written_follow_up_that_is_done_leaves_its_handler_as_much_room_as_before() -> None:
    world = World()
    world.handler("anna", email_capacity=1)
    world.call("C1")
    world.accept("C1")
    planned(world, channel=Channel.EMAIL, address="a@example.org")
    world.after(1)
    world.accept("C1")
    assert offers(world.email("E1")) == []
    assert offers(world.complete("C1", "anna")) == [("E1", "anna")]


def test_a_window_that_passes_while_the_contact_is_busy_ends_in_a_review(world: World) -> None:
    world.follow_up("C1", not_after=world.now + 600)
    world.after(700)
    world.did(ev.CallEnded("C1", "handler:anna"))
    world.complete("C1", "anna")
    assert of_kind(AskForReview, world.after(60))
    assert world.contact("C1").wanted


def test_it_waits_while_its_contact_has_somebody_on_the_line(world: World) -> None:
    world.follow_up("C1")
    assert offers(world.after(300)) == []
    world.did(ev.CallEnded("C1", "handler:anna"))
    world.complete("C1", "anna")
    assert offers(world.after(30)) == [("C1", "anna")]


def test_a_cancelled_follow_up_closes_a_contact_with_nothing_else_open(world: World) -> None:
    planned(world, not_before=world.now + 3_600)
    world.did(ev.FollowUpCancelled("C1", "f1", "handler:anna", "resolved meanwhile"))
    assert world.stage("C1") is Stage.CLOSED


def test_cancelled_while_it_is_offered_it_is_withdrawn(world: World) -> None:
    planned(world)
    world.after(1)
    commands = world.did(ev.FollowUpCancelled("C1", "f1", "handler:anna", "resolved meanwhile"))
    assert ends(commands) == [("anna", "withdrawn")]
    assert world.stage("C1") is Stage.CLOSED


def test_cancelled_while_it_is_made_is_refused(world: World) -> None:
    planned(world)
    world.after(1)
    world.accept("C1")
    assert "being made" in world.refused(ev.FollowUpCancelled("C1", "f1", "handler:anna", "oops"))


def test_cancelled_while_its_person_hears_the_greeting_it_cuts_that_not_short() -> None:
    world = World()
    world.call("C1")
    world.follow_up("C1", not_before=world.now + 3_600)
    world.did(ev.CallerLeft("C1", cut_off=True))
    world.handler("anna")
    world.arriving("C2")
    commands = world.did(ev.FollowUpCancelled("C1", "f1", "handler:anna", "resolved"))
    assert world.stage("C1") is Stage.ARRIVING and offers(commands) == []


def test_a_message_that_came_meanwhile_is_read_though_the_follow_up_is_cancelled() -> None:
    world = World()
    world.text("T1", message="m1")
    world.handler("anna")
    world.accept("T1")
    world.follow_up("T1")
    world.complete("T1", "anna")
    world.after(1)
    assert world.contact("T1").work is Work.FOLLOW_UP
    world.text("T2", message="m2")
    world.did(ev.FollowUpCancelled("T1", "f1", "handler:anna", "they wrote"))
    assert world.contact("T1").wanted, "m2 was seen by nobody"


def test_a_written_follow_up_is_done_when_its_handler_has_finished(world: World) -> None:
    planned(world, channel=Channel.EMAIL, address="a@example.org")
    world.after(1)
    assert of_kind(PlaceFollowUpCall, world.accept("C1")) == []
    world.complete("C1", "anna")
    assert world.stage("C1") is Stage.CLOSED
    assert world.board.touched.follow_ups["f1"].state is FollowUpState.DONE


def test_while_the_call_is_being_made_it_cannot_be_wrapped_up(world: World) -> None:
    planned(world)
    world.after(1)
    world.accept("C1")
    assert "hang up first" in world.refused(ev.WrapUpCompleted("C1", "anna", "resolved"))


def test_signing_out_while_the_call_is_being_made_waits_for_its_outcome(world: World) -> None:
    planned(world)
    world.after(1)
    world.accept("C1")
    world.presence("anna", world.board.handlers["anna"].presence.state.OFFLINE)
    world.did(ev.FollowUpAnswered("C1", "f1"))
    assert world.with_handler("C1") == "anna"


def test_an_outcome_that_is_told_twice_is_refused(world: World) -> None:
    planned(world)
    world.after(1)
    try_once(world)
    assert "not being made" in world.refused(ev.FollowUpTried("C1", "f1", "no_answer"))
    assert "not being made" in world.refused(ev.FollowUpAnswered("C1", "f1"))


def test_a_follow_up_is_planned_once(world: World) -> None:
    world.follow_up("C1")
    follow_up = world.board.follow_ups["f1"]
    assert "already" in world.refused(ev.FollowUpRequested(follow_up, "handler:anna"))


def test_whoever_calls_again_while_their_follow_up_is_due_is_called_when_that_call_is_over(
    world: World,
) -> None:
    """The handler may cancel it in that call; who does not has still promised it."""
    world.follow_up("C1")
    world.did(ev.CallerLeft("C1", cut_off=True))
    world.after(10)
    assert world.contact("C1").work is Work.FOLLOW_UP and world.contact("C1").waiting, "it is due, anna is in wrap-up"
    world.arriving("C2")
    world.did(ev.CallQueued("C1"))
    assert world.contact("C1").work is Work.CALL
    world.accept("C1")
    world.did(ev.CallEnded("C1", "handler:anna"))
    world.complete("C1", "anna")
    world.after(10)
    assert world.contact("C1").work is Work.FOLLOW_UP and world.offered_to("C1") == "anna"


def test_in_that_call_it_can_be_cancelled(world: World) -> None:
    world.follow_up("C1")
    world.did(ev.CallerLeft("C1", cut_off=True))
    world.after(10)
    world.arriving("C2")
    world.did(ev.CallQueued("C1"))
    world.accept("C1")
    world.did(ev.FollowUpCancelled("C1", "f1", "handler:anna", "said it now"))
    assert world.with_handler("C1") == "anna" and world.contact("C1").live
    world.did(ev.CallEnded("C1", "handler:anna"))
    world.complete("C1", "anna")
    assert world.stage("C1") is Stage.CLOSED
