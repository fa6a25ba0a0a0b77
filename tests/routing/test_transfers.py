"""A call that passes from one to another: nobody is stuck, everybody's time and record are their own."""

from __future__ import annotations

import pytest

from routing import events as ev
from routing.commands import EndOffer, WrapUpDue
from routing.model import Doing, PresenceState, Stage
from tests.support.world import World, of_kind, offers, rules

ANNA = "handler:anna"


@pytest.fixture
def world() -> World:
    """Anna talks with the caller of C1; Ben is free."""
    world = World()
    world.handler("anna")
    world.handler("ben")
    world.call("C1")
    world.accept("C1")
    return world


def rung(handler: str = "ben", role: str = "consult") -> ev.PartyRung:
    return ev.PartyRung("C1", ANNA, role, f"ext {handler}", handler)  # type: ignore[arg-type]


def test_who_is_rung_as_a_guest_is_busy_until_they_leave(world: World) -> None:
    world.did(rung())
    assert world.board.doing("ben") is Doing.RINGING
    world.did(ev.PartyAnswered("C1", "ext ben", "ben"))
    assert world.board.doing("ben") is Doing.ON_CONTACT
    assert offers(world.call("C2")) == [], "a guest is on a call"
    assert offers(world.did(ev.PartyLeft("C1", "ext ben", "hung up", "ben"))) == [("C2", "ben")]


def test_a_guest_who_never_answered_is_free_again(world: World) -> None:
    world.did(rung())
    world.did(ev.PartyLeft("C1", "ext ben", "no answer", "ben"))
    assert world.board.doing("ben") is Doing.NOTHING and world.with_handler("C1") == "anna"


@pytest.mark.parametrize(("answered", "first"), [(True, "cara"), (False, "ben")])
def test_a_guest_who_talked_is_idle_since_then_and_one_who_did_not_keeps_their_turn(
    world: World, answered: bool, first: str
) -> None:
    world.handler("cara")  # idle for less long than ben
    world.did(rung())
    if answered:
        world.did(ev.PartyAnswered("C1", "ext ben", "ben"))
    world.after(60)
    world.did(ev.PartyLeft("C1", "ext ben", "hung up", "ben"))
    assert offers(world.call("C2")) == [("C2", first)]


@pytest.mark.parametrize("where", ["desk", "phone"])
@pytest.mark.parametrize("way", ["moved", "passed", "taken over", "left", "lost"])
def test_a_caller_on_hold_is_held_no_more_when_who_held_them_has_gone(world: World, where: str, way: str) -> None:
    world.did(ev.HeldChanged("C1", ANNA, True, where))  # type: ignore[arg-type]
    held = world.contact("C1")
    assert (held.held, held.held_at_phone) == (where == "desk", where == "phone")
    goes: dict[str, ev.Event] = {
        "moved": ev.Requeued("C1", "anna", "crime", "a theft"),
        "passed": ev.CallPassed("C1", "anna", "the council"),
        "taken over": ev.CallTakenOver("C1", "ben", "anna", "a complaint"),
        "left": ev.HandlerLeft("C1", "anna"),
        "lost": ev.HandlerLost("C1", "anna", "no answer"),
    }
    world.did(goes[way])
    assert not (world.contact("C1").held or world.contact("C1").held_at_phone)


def test_only_who_has_the_call_may_ring_another_but_any_supervisor_may_come_in(world: World) -> None:
    world.handler("cara")
    assert "does not have the call" in world.refused(ev.PartyRung("C1", "handler:ben", "consult", "ext cara", "cara"))
    world.did(ev.PartyRung("C1", "handler:ben", "supervisor", "Ben", "ben"))


def test_a_menu_leads_a_caller_to_a_handler_who_is_busy_from_the_first_ring(world: World) -> None:
    world.arriving("C2")
    world.did(ev.PartyRung("C2", "system", "transfer", "1ben", "ben"))
    assert world.board.doing("ben") is Doing.RINGING
    assert offers(world.call("C3")) == [], "nobody else's caller is offered to them"
    world.did(ev.CallPassed("C2", "", "1ben", "ben"))
    assert world.with_handler("C2") == "ben" and world.contact("C2").answered_at == world.now
    assert world.contact("C2").guests == ()
    world.did(ev.CallEnded("C2", "handler:ben"))
    assert world.board.doing("ben") is Doing.WRAP_UP


def test_a_menu_does_not_ring_a_handler_who_is_on_a_call_nor_take_a_call_away(world: World) -> None:
    world.arriving("C2")
    assert "Anna is on a call" in world.refused(ev.PartyRung("C2", "system", "transfer", "1anna", "anna"))
    assert "does not have the call" in world.refused(ev.PartyRung("C1", "system", "transfer", "1ben", "ben"))
    assert "without a handler" in world.refused(ev.CallPassed("C1", "", "1ben", "ben"))


def test_a_target_that_is_not_free_is_refused_with_what_they_are_doing(world: World) -> None:
    world.call("C2")
    assert "Ben is being rung" in world.refused(rung())
    world.accept("C2")
    assert "Ben is on a call" in world.refused(rung())
    world.did(ev.CallEnded("C2", "handler:ben"))
    assert "Ben is in wrap-up" in world.refused(rung())
    world.complete("C2", "ben")
    world.presence("ben", PresenceState.AWAY, "lunch")
    assert "Ben is away (lunch)" in world.refused(rung())
    assert "already" in world.refused(rung("anna"))
    assert "no handler" in world.refused(rung("zoe"))


def test_who_is_only_shown_an_emergency_can_be_brought_into_a_call(world: World) -> None:
    world.handler("cara")
    world.arriving("C2")
    assert offers(world.emergency("C2")) == [("C2", "ben"), ("C2", "cara")]
    assert "Ben is being rung" in world.refused(rung())
    world.did(rung("cara"))


def test_an_attended_transfer_gives_each_their_own_talk_time_and_wrap_up(world: World) -> None:
    world.did(rung(role="transfer"))
    world.did(ev.PartyAnswered("C1", "ext ben", "ben"))
    world.after(90)
    world.did(ev.CallPassed("C1", "anna", "ext ben", "ben"))
    contact = world.contact("C1")
    assert contact.assignment and (contact.assignment.handler, contact.assignment.since) == ("ben", world.now)
    assert contact.owner == "ben" and not contact.guests
    assert (
        world.board.doing("anna") is Doing.WRAP_UP and world.board.handlers["anna"].presence.state.value == "available"
    )
    world.complete("C1", "anna")
    assert world.board.doing("anna") is Doing.NOTHING and world.stage("C1") is Stage.ASSIGNED
    world.did(ev.CallEnded("C1", "handler:ben"))
    world.complete("C1", "ben")
    assert world.stage("C1") is Stage.CLOSED and world.board.doing("ben") is Doing.NOTHING


def test_a_caller_passed_to_an_outside_party_is_with_them_until_the_end(world: World) -> None:
    world.did(ev.PartyRung("C1", ANNA, "transfer", "the council"))
    world.did(ev.CallPassed("C1", "anna", "the council"))
    assert world.stage("C1") is Stage.PASSED and world.board.doing("anna") is Doing.WRAP_UP
    world.complete("C1", "anna")
    assert world.stage("C1") is Stage.PASSED, "the record is done but the caller still talks"
    world.did(ev.PartyLeft("C1", "the council", "hung up"))
    world.did(ev.CallEnded("C1", "system"))
    assert world.stage("C1") is Stage.CLOSED


@pytest.mark.parametrize(("target", "handler"), [("the council", ""), ("ext ben", "ben")])
def test_who_else_is_in_the_call_stays_in_it_when_it_is_passed_on(world: World, target: str, handler: str) -> None:
    world.did(ev.PartyRung("C1", ANNA, "interpreter", "the interpreter"))
    world.did(ev.PartyRung("C1", ANNA, "transfer", target, handler))
    world.did(ev.CallPassed("C1", "anna", target, handler))
    assert [guest.target for guest in world.contact("C1").guests] == ["the interpreter"]


def test_an_emergency_caller_whom_the_outside_party_leaves_is_wanted_again(world: World) -> None:
    world.did(ev.CallPassed("C1", "anna", "the council"))
    world.emergency("C1")
    assert world.stage("C1") is Stage.PASSED
    world.did(ev.PartyLeft("C1", "the council", "hung up"))
    assert world.offered_to("C1") == "ben"


def test_one_who_is_left_with_the_control_room_is_with_it_and_nobody_is_rung(world: World) -> None:
    world.did(ev.CallPassed("C1", "anna", "the council"))
    world.emergency("C1")
    world.did(ev.ControlRoomJoined("C1", "control room"))
    assert offers(world.did(ev.PartyLeft("C1", "the council", "hung up"))) == []
    assert world.stage("C1") is Stage.HANDOVER


def test_only_who_is_in_the_call_can_be_given_it(world: World) -> None:
    assert "not in the call" in world.refused(ev.CallPassed("C1", "anna", "ext ben", "ben"))
    assert "does not have the call" in world.refused(ev.CallPassed("C1", "ben", "ext 1"))


def test_cancelling_a_transfer_leaves_the_caller_with_the_handler(world: World) -> None:
    world.did(rung())
    world.did(ev.PartyLeft("C1", "ext ben", "cancelled", "ben"))
    assert world.with_handler("C1") == "anna" and world.contact("C1").live


def test_the_end_of_the_call_releases_every_guest(world: World) -> None:
    world.did(rung())
    world.did(ev.PartyAnswered("C1", "ext ben", "ben"))
    world.did(ev.HeldChanged("C1", ANNA, True))
    world.did(ev.CallerLeft("C1"))
    assert world.board.doing("ben") is Doing.NOTHING and not world.contact("C1").held
    assert "over" in world.refused(rung())


def test_either_hold_holds_and_each_is_lifted_where_it_was_set(world: World) -> None:
    world.did(ev.HeldChanged("C1", ANNA, True))
    world.did(ev.HeldChanged("C1", ANNA, True, "phone"))
    world.did(ev.HeldChanged("C1", ANNA, False))
    assert (world.contact("C1").held, world.contact("C1").held_at_phone) == (False, True)

    world.did(ev.HandlerLost("C1", "anna", "no sound"))
    assert not world.contact("C1").held_at_phone


def test_the_legs_without_sound_are_known_until_it_is_back_or_the_call_is_over(world: World) -> None:
    world.did(ev.SoundChanged("C1", "caller", "lost"))
    world.did(ev.SoundChanged("C1", "third", "lost"))
    world.did(ev.SoundChanged("C1", "third", "gone"))
    assert world.contact("C1").no_sound == ("caller",)

    world.did(ev.CallerLeft("C1"))
    assert world.contact("C1").no_sound == ()


def test_a_supervisor_who_takes_over_has_the_call_and_the_handler_their_wrap_up(world: World) -> None:
    world.did(ev.PartyRung("C1", "handler:ben", "supervisor", "Ben", "ben"))
    world.did(ev.CallTakenOver("C1", "ben", "anna", "abusive caller"))
    assert world.with_handler("C1") == "ben" and world.board.doing("anna") is Doing.WRAP_UP
    assert "does not have" in world.refused(ev.CallTakenOver("C1", "ben", "anna", "again"))


def test_a_supervisor_takes_over_a_caller_who_waits_and_nobody_else_is_offered_them(world: World) -> None:
    world.handler("sam", state=PresenceState.AWAY)
    world.call("C2")
    assert world.offered_to("C2") == "ben"
    world.did(ev.PartyRung("C2", "handler:sam", "supervisor", "sam", "sam"))
    world.did(ev.PartyAnswered("C2", "sam", "sam", "supervisor"))

    commands = world.did(ev.CallTakenOver("C2", "sam", "", "a complaint"))

    assert [(end.handler, end.how) for end in of_kind(EndOffer, commands)] == [("ben", "withdrawn")]
    contact = world.contact("C2")
    assert (world.with_handler("C2"), contact.wanted, contact.guests) == ("sam", False, ())
    assert contact.answered_at == contact.wait_over_at == world.now
    assert world.board.doing("ben") is Doing.NOTHING
    world.did(ev.CallEnded("C2", "handler:sam"))
    assert world.board.doing("sam") is Doing.WRAP_UP


def test_who_is_taken_over_while_they_wait_for_their_last_handler_waits_for_them_no_more() -> None:
    """Otherwise they would wait for that one alone when the supervisor's phone is lost."""
    world = World(rules(emergency_wrap_up_seconds=0))
    world.handler("anna")
    world.call("C1")
    world.accept("C1")
    world.did(ev.CallerLeft("C1"))
    world.arriving("C9", number="+441632960009")
    world.emergency("C9")
    world.accept("C9")
    world.arriving("C2")
    world.did(ev.CallQueued("C1"))
    assert world.contact("C1").preferred == "anna", "who talks with somebody else just now"
    world.handler("sam", state=PresenceState.AWAY)
    world.did(ev.CallTakenOver("C1", "sam", "", "a complaint"))
    world.handler("ben")
    assert offers(world.did(ev.HandlerLost("C1", "sam", "no answer"))) == [("C1", "ben")]


def test_a_caller_whom_somebody_has_is_not_taken_over_as_one_who_waits(world: World) -> None:
    assert "without a handler" in world.refused(ev.CallTakenOver("C1", "ben", "", "a complaint"))
    world.did(ev.CallPassed("C1", "anna", "the council"))
    world.refused(ev.CallTakenOver("C1", "ben", "", "a complaint"))


def test_what_is_no_call_or_is_over_is_not_taken_over(world: World) -> None:
    world.text("T1")
    assert "without a handler" in world.refused(ev.CallTakenOver("T1", "ben", "", "a complaint"))
    world.did(ev.CallEnded("C1", ANNA))
    assert "without a handler" in world.refused(ev.CallTakenOver("C1", "ben", "", "a complaint"))
    assert "does not have" in world.refused(ev.CallTakenOver("C1", "ben", "anna", "a complaint"))


def test_a_caller_moved_to_another_queue_keeps_the_place_of_their_arrival() -> None:
    world = World()
    world.handler("anna", "crime")
    world.call("C1")
    world.accept("C1")
    due = world.contact("C1").due_at
    world.after(100)
    world.call("C2", queue="crime")
    world.did(ev.Requeued("C1", "anna", "crime", "to report a theft"))
    contact = world.contact("C1")
    assert (contact.queue, contact.due_at) == ("crime", due)
    assert "crime" in world.board.need_of(contact).able
    assert [r.reference for r in world.board.waiting()] == ["C1", "C2"]
    assert offers(world.complete("C1", "anna")) == [("C2", "anna")], "not back to the one who moved them"
    assert offers(world.handler("ben", "crime")) == [("C1", "ben")]
    assert "no queue" in world.refused(ev.CallQueued("C1", "nowhere"))


def test_a_wrap_up_that_is_over_tells_the_desk_once_and_can_be_extended(world: World) -> None:
    world.did(ev.CallEnded("C1", ANNA))
    world.did(ev.WrapUpExtended("C1", "anna", 60))
    assert of_kind(WrapUpDue, world.after(179)) == []
    assert len(of_kind(WrapUpDue, world.after(300))) == 1
    world.did(ev.WrapUpExtended("C1", "anna", 30))
    assert len(of_kind(WrapUpDue, world.after(30))) == 1
    assert "not in wrap-up" in world.refused(ev.WrapUpExtended("C1", "ben", 60))
