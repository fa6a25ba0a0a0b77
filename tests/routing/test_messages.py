"""Texts and emails: one conversation is one contact, its owner comes first, its acknowledgement goes out once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from routing import events as ev
from routing.board import Board
from routing.commands import Acknowledge, RaiseAlarm, ReopenContact
from routing.model import Channel, Party, PresenceState, Stage
from routing.triage import Finding, Found, Reason
from tests.support.world import World, of_kind, offers, rules

EMAIL = ev.MessageArrived("E1", "m1", Channel.EMAIL, "emails", Party("member@example.org"), "force@example.org", "")


@pytest.fixture
def world() -> World:
    return World()


def test_a_text_from_arrival_to_closed(world: World) -> None:
    world.handler("anna")
    assert offers(world.text("T1")) == [("T1", "anna")]
    world.accept("T1")
    world.did(ev.ReplyWritten("T1", "r1", "handler:anna"))
    world.complete("T1", "anna")
    assert world.stage("T1") is Stage.CLOSED


def test_it_is_acknowledged_once(world: World) -> None:
    assert of_kind(Acknowledge, world.text("T1")) == [Acknowledge("T1", "T1-acknowledgement")]
    assert of_kind(Acknowledge, world.text("T2")) == [], "the second text of one conversation"


def test_automatic_mail_is_never_acknowledged(world: World) -> None:
    assert of_kind(Acknowledge, world.text("T1", automatic=True)) == []
    assert world.stage("T1") is Stage.QUEUED


def test_a_withheld_sender_and_a_silent_queue_get_no_acknowledgement(world: World) -> None:
    assert of_kind(Acknowledge, world.text("T1", "")) == []
    assert of_kind(Acknowledge, world.text("T2", queue="emails")) == []


def test_three_texts_of_one_sender_are_one_contact(world: World) -> None:
    for n in range(3):
        world.text(f"T{n}", message=f"m{n}")
    assert list(world.board.contacts) == ["T0"]
    assert world.contact("T0").unread == "m2"


def test_another_sender_is_another_contact(world: World) -> None:
    world.text("T1", "+447700900001")
    world.text("T2", "+447700900002")
    assert list(world.board.contacts) == ["T1", "T2"]


def test_messages_without_a_thread_never_join(world: World) -> None:
    for n in range(2):
        world.did(ev.MessageArrived(f"T{n}", f"m{n}", Channel.TEXT, "texts", Party(""), "61016", ""))
    assert list(world.board.contacts) == ["T0", "T1"]


def closed(world: World) -> None:
    """T1 was anna's and is closed."""
    world.handler("anna")
    world.text("T1")
    world.accept("T1")
    world.complete("T1", "anna", grade="priority")
    assert world.stage("T1") is Stage.CLOSED


def test_a_text_after_the_hours_begins_a_new_linked_contact(world: World) -> None:
    closed(world)
    world.after(12 * 3_600)
    world.text("T2", linked_to="T1")
    assert world.contact("T2").linked_to == "T1"
    assert "T1" not in world.board.contacts


def test_a_text_within_the_hours_opens_its_contact_again_for_its_owner_first(world: World) -> None:
    closed(world)
    world.handler("ben")
    world.after(12 * 3_600 - 2)  # and a second in which Ben signs in
    commands = world.text("T2")
    assert of_kind(ReopenContact, commands) == [ReopenContact("T1", "texts")]
    assert offers(commands) == [("T1", "anna")]
    contact = world.contact("T1")
    assert (contact.unread, contact.disposition) == ("m-T2", "")
    assert [graded.grade for graded in contact.grades] == ["priority"], "what was said before stands"
    world.accept("T1")
    world.complete("T1", "anna")
    assert world.stage("T1") is Stage.CLOSED


def test_a_contact_that_is_closed_a_second_time_opens_again_for_as_long_after_that(world: World) -> None:
    closed(world)
    world.after(6 * 3_600)
    world.text("T2")
    world.accept("T1")
    world.complete("T1", "anna")
    world.after(7 * 3_600)
    world.text("T3", "+447700900003")
    world.accept("T3")
    world.complete("T3", "anna")

    world.text("T4")

    assert world.contact("T1").reopened_at == world.now


def test_an_email_opens_its_contact_again_by_the_same_rule(world: World) -> None:
    world.email("E1")
    world.handler("anna", email_capacity=1)
    world.accept("E1")
    world.complete("E1", "anna")
    world.did(replace(EMAIL, reference="E2", thread="mail:E1"))
    assert list(world.board.contacts) == ["E1"]


def test_nothing_opens_again_where_the_site_does_not_want_it() -> None:
    never = World(rules(reopen_hours=0))
    closed(never)
    never.text("T2")
    assert list(never.board.contacts) == ["T2"]


def test_it_opens_again_after_a_restart_too(world: World) -> None:
    closed(world)
    written = world.board.take_touched().contacts["T1"]
    world.board = Board.rebuilt(world.rules, [], world.board.handlers.values(), [], [written])
    world.text("T2")
    assert world.contact("T1").reopened_at == world.now


def test_a_joining_text_while_it_waits_keeps_the_place_it_had(world: World) -> None:
    world.text("T1")
    before = world.contact("T1")
    world.after(60)
    world.text("T2")
    after = world.contact("T1")
    assert (after.queued_at, after.due_at) == (before.queued_at, before.due_at)


def waiting_for_anna(world: World) -> None:
    """T1 was anna's and is open still: a follow-up is planned. Ben is free too, and idle for longer."""
    world.handler("anna")
    world.text("T1")
    world.accept("T1")
    world.follow_up("T1", not_before=world.now + 3_600)
    world.complete("T1", "anna")
    world.handler("ben")
    assert world.stage("T1") is Stage.SCHEDULED


def test_a_new_message_goes_to_its_owner_first(world: World) -> None:
    waiting_for_anna(world)
    assert offers(world.text("T2")) == [("T1", "anna")]


def test_a_busy_owner_has_their_time_then_anyone_may_take_it(world: World) -> None:
    waiting_for_anna(world)
    world.call("C1")
    world.accept("C1")
    assert world.with_handler("C1") == "anna"
    assert offers(world.text("T2")) == []
    assert offers(world.after(19)) == []
    assert offers(world.after(1)) == [("T1", "ben")]


def test_meanwhile_nobody_else_who_becomes_free_is_given_it_and_the_owner_is(world: World) -> None:
    waiting_for_anna(world)
    world.call("C1")
    world.accept("C1")
    world.text("T2")
    assert world.board.place("T1") == 1
    assert offers(world.handler("cara")) == []
    world.did(ev.CallEnded("C1", "handler:anna"))
    assert offers(world.complete("C1", "anna")) == [("T1", "anna")]


def test_an_owner_who_is_not_there_is_not_waited_for(world: World) -> None:
    waiting_for_anna(world)
    world.presence("anna", PresenceState.OFFLINE)
    assert offers(world.text("T2")) == [("T1", "ben")]


def test_an_owner_who_declines_opens_it_to_all_at_once(world: World) -> None:
    waiting_for_anna(world)
    world.text("T2")
    assert offers(world.decline("T1")) == [("T1", "ben")]


def test_an_owner_who_goes_away_opens_it_to_all_at_once(world: World) -> None:
    waiting_for_anna(world)
    world.text("T2")
    assert offers(world.presence("anna", PresenceState.AWAY)) == [("T1", "ben")]


def test_a_message_that_came_while_the_handler_finished_is_not_closed_unread(world: World) -> None:
    world.handler("anna")
    world.text("T1", message="m1")
    world.accept("T1")
    world.text("T2", message="m2")
    assert "new message" in world.refused(ev.WrapUpCompleted("T1", "anna", "resolved", seen="m1"))
    world.complete("T1", "anna", seen="m2")
    assert world.stage("T1") is Stage.CLOSED


def test_a_message_that_was_answered_is_read(world: World) -> None:
    world.handler("anna")
    world.text("T1", message="m1")
    world.accept("T1")
    world.text("T2", message="m2")
    world.did(ev.ReplyWritten("T1", "r1", "handler:anna"))
    world.complete("T1", "anna", seen="r1")
    assert world.stage("T1") is Stage.CLOSED


def test_a_message_that_finally_could_not_be_sent_alarms(world: World) -> None:
    world.text("T1")
    assert of_kind(RaiseAlarm, world.did(ev.SendingFailed("T1", "r1", "busy", final=False, next_at=1.0))) == []
    (alarm,) = of_kind(RaiseAlarm, world.did(ev.SendingFailed("T1", "r1", "unknown number", final=True)))
    assert alarm.what == "message_not_sent" and alarm.reference == "T1"


def test_what_becomes_of_a_message_is_told_even_when_its_contact_is_closed(world: World) -> None:
    assert [a.what for a in of_kind(RaiseAlarm, world.did(ev.SendingFailed("T9", "r1", "no", final=True)))]
    world.did(ev.MessageSent("T9", "r1", "SM1"))
    world.did(ev.DeliveryReported("T9", "r1", "delivered"))


KNIFE = Finding(True, (Reason("weapon", "he has a knife", 0, 14, now=True),), (Found("place", "platform 2", 20, 30),))


def test_a_text_that_sounds_like_an_emergency_goes_first_and_is_alarmed(world: World) -> None:
    commands = world.text("T1", finding=KNIFE)
    contact = world.contact("T1")
    assert contact.emergency
    assert contact.sounds_like == 'sounds like an emergency: "he has a knife" (weapon, now)'
    assert [alarm.why for alarm in of_kind(RaiseAlarm, commands)] == [f"Emergency: the message {contact.sounds_like}."]


def test_a_later_text_of_the_same_person_can_raise_and_none_lowers(world: World) -> None:
    world.text("T1")
    assert not world.contact("T1").emergency
    commands = world.text("T2", finding=KNIFE)
    assert [alarm.reference for alarm in of_kind(RaiseAlarm, commands)] == ["T1"]
    world.text("T3", finding=Finding(False, found=(Found("carriage", "coach 4", 0, 7),)))
    contact = world.contact("T1")
    assert contact.emergency
    assert contact.sounds_like
    assert [found.words for found in contact.found] == ["platform 2", "coach 4"]


def test_an_emergency_text_does_not_wait_for_its_owner(world: World) -> None:
    """given Anna has had this person before and is busy, their emergency goes to whoever is free."""
    world.handler("anna", text_capacity=1)
    world.text("T1")
    world.accept("T1")
    world.handler("ben")
    world.text("T9", "+447700900009", finding=KNIFE)
    assert world.offered_to("T9") == "ben"
    assert world.contact("T9").preferred == ""
