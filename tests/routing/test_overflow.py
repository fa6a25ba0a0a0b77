"""A queue that cannot serve who comes leads them on: step by step, said in words, and nobody ends nowhere."""

from __future__ import annotations

from typing import Any

import pytest

from config.calendars import Calendar
from routing import events as ev
from routing.board import Board
from routing.commands import LeadOn, ScheduleFollowUp
from routing.model import Stage
from routing.rules import Rules
from tests.support.led_on import AWAY, CHAIN, GONE, HERE, OUTSIDE, led, queue, why, world_with
from tests.support.world import START, World, of_kind, offers

# --- full ----------------------------------------------------------------------------------------------


@pytest.fixture
def full() -> World:
    """One caller waits in a queue that takes one; somebody is on duty, but away."""
    world = world_with(queue(most_waiting=1, full=[{"queue": "general"}]))
    world.handler("anna", state=AWAY)
    world.call("C1", "busy")
    return world


def test_who_comes_to_a_full_queue_waits_in_the_next_with_the_place_they_had(full: World) -> None:
    full.arriving("C2", "busy")
    full.after(5)
    commands = full.did(ev.CallQueued("C2"))
    contact = full.contact("C2")
    assert why(commands) == "moved from busy to general: 1 or more wait in busy already"
    assert (contact.queue, contact.stage) == ("general", Stage.QUEUED)
    assert contact.due_at == full.now + full.rules.queues["busy"].target_seconds, "of the queue they came to first"
    assert contact.queued_at == full.now and full.contact("C1").queue == "busy"


def test_a_free_handler_is_rung_before_anybody_is_led_on(full: World) -> None:
    full.handler("ben")
    full.accept("C1")
    full.call("C2", "busy")
    assert led(full.call("C3", "busy")) == [("queue", "general")]
    full.handler("cara")
    assert full.offered_to("C2") == "cara"
    full.presence("anna", HERE)
    assert full.offered_to("C3") == "anna"
    assert led(full.call("C4", "busy")) == [], "those who are rung for wait no more"


def test_an_emergency_stays_and_is_first_in_line(full: World) -> None:
    full.arriving("C2", "busy")
    full.emergency("C2")
    assert led(full.did(ev.CallQueued("C2"))) == []
    assert full.contact("C2").queue == "busy" and full.board.waiting()[0].reference == "C2"


def test_who_waits_already_is_not_led_on_by_those_who_come_later(full: World) -> None:
    full.call("C2", "busy")
    full.presence("anna", HERE)
    commands = full.decline("C1")
    assert led(commands) == []


# --- nobody on duty --------------------------------------------------------------------------------------


def test_away_is_on_duty_and_signed_out_is_not() -> None:
    world = world_with(queue("busy", "crime", nobody_on_duty=[{"voicemail": "busy"}]))
    world.handler("anna", "crime", state=AWAY)
    world.handler("ben")
    world.presence("ben", AWAY)
    assert led(world.call("C1", "busy")) == []
    commands = world.presence("anna", GONE)
    assert led(commands) == [("voicemail", "busy")]
    assert why(commands) == "led to the voicemail of busy: nobody is on duty in busy"
    assert not world.contact("C1").wanted and world.contact("C1").live
    assert led(world.call("C2", "busy")) == [("voicemail", "busy")]


def test_a_handler_without_a_phone_answers_no_calls() -> None:
    world = world_with(queue(nobody_on_duty=[{"voicemail": "busy"}]))
    world.handler("anna", extension="")
    assert led(world.call("C1", "busy")) == [("voicemail", "busy")]


def test_a_message_left_instead_is_somebody_s_to_look_at() -> None:
    world = world_with(queue(nobody_on_duty=[{"voicemail": "busy"}]))
    world.call("C1", "busy")
    world.did(ev.VoicemailLeft("C1", "busy", "", "v.wav", 9))
    world.did(ev.CallerLeft("C1"))
    assert world.stage("C1") is Stage.QUEUED and not world.contact("C1").live
    assert offers(world.handler("anna")) == [("C1", "anna")]


def test_who_hangs_up_without_leaving_a_message_has_given_up_waiting() -> None:
    patient = queue(
        abandoned="call_back", longest_wait_seconds=90, longest_wait=[{"voicemail": "busy"}], most_waiting=0
    )
    world = world_with(patient)
    world.handler("anna", state=AWAY)
    world.call("C1", "busy")
    assert led(world.after(90)) == [("voicemail", "busy")]
    world.after(10)
    commands = world.did(ev.CallerLeft("C1"))
    assert of_kind(ScheduleFollowUp, commands) and world.contact("C1").abandoned
    assert world.contact("C1").waited_seconds == 90, "the true wait, without the time in the voicemail"


# --- closed ----------------------------------------------------------------------------------------------


def opening_hours(world: World, hours: str = "08:00-15:00") -> None:
    """``START`` is a Monday, 14:46 in London; ``office`` is open until 15:00."""
    calendar = Calendar(id="office", monday=(hours,))
    known = world.rules
    world.rules = Rules(known.queues, known.routing, known.follow_ups, {"office": calendar})
    world.board = Board(world.rules)


@pytest.fixture
def office() -> World:
    world = world_with(queue(calendar="office", closed=[{"queue": "general"}]))
    opening_hours(world)
    world.handler("anna", state=AWAY)
    return world


def test_who_calls_when_it_is_closed_is_led_on_and_who_came_before_is_served(office: World) -> None:
    assert led(office.call("C1", "busy")) == []
    office.after(24 * 60)
    commands = office.call("C2", "busy")
    assert why(commands) == "moved from busy to general: busy is closed"
    assert office.contact("C1").queue == "busy"


def test_nobody_is_moved_to_a_queue_that_is_closed_too() -> None:
    night = queue("night", calendar="office", closed=[{"voicemail": "night"}])
    world = world_with(queue(calendar="office", closed=[{"queue": "night"}, {"queue": "general"}]), night)
    opening_hours(world)
    world.handler("anna", state=AWAY)
    world.after(24 * 60)
    assert why(world.call("C1", "busy")) == "moved from busy to general: busy is closed (night is closed)"


def test_when_the_last_handler_goes_after_closing_time_those_left_are_led_on(office: World) -> None:
    office.call("C1", "busy")
    office.after(24 * 60)
    assert led(office.presence("anna", GONE)) == [("stay", "overflow_stay")], "nobody is on duty in general either"


def test_nobody_is_moved_to_a_queue_that_is_full() -> None:
    following = queue("next", most_waiting=1, full=[{"voicemail": "next"}])
    world = world_with(queue(most_waiting=1, full=[{"queue": "next"}, {"queue": "general"}]), following)
    world.handler("anna", state=AWAY)
    world.call("C1", "busy")
    assert led(world.call("C2", "busy")) == [("queue", "next")], "nobody waits there"
    assert why(world.call("C3", "busy")).endswith("(next is full)")
    assert world.contact("C3").queue == "general"


def test_who_came_a_moment_before_it_opened_stays_when_it_has() -> None:
    world = world_with(queue(calendar="office", closed=[{"callback": True}, {"voicemail": "busy"}]))
    opening_hours(world, "14:47-17:00")
    world.handler("anna", state=AWAY)
    assert led(world.call("C1", "busy")) == [("callback", "")]
    assert why(world.after(45)) == "waits on in busy: 'busy is closed' is no longer true"


def test_a_text_to_a_closed_queue_goes_to_the_next(office: World) -> None:
    office.after(24 * 60)
    office.text("T1", queue="busy")
    assert office.contact("T1").queue == "general"


# --- the longest wait ------------------------------------------------------------------------------------


@pytest.fixture
def patient() -> World:
    """Ten minutes at most, then general; anna is away."""
    world = world_with(queue(longest_wait_seconds=600, longest_wait=[{"queue": "general"}]))
    world.handler("anna", state=AWAY)
    world.call("C1", "busy")
    return world


def test_who_has_waited_longest_is_moved(patient: World) -> None:
    assert led(patient.after(599)) == []
    assert why(patient.after(1)) == "moved from busy to general: longest wait of 10 min passed"
    assert patient.contact("C1").queued_at == START + 1


def test_it_waits_until_an_offer_is_over(patient: World) -> None:
    patient.after(590)
    patient.presence("anna", HERE)
    assert patient.offered_to("C1") == "anna"
    assert led(patient.after(15)) == [], "somebody is being rung for them"
    assert led(patient.decline("C1")) == [("queue", "general")]


def test_who_is_answered_in_time_is_never_moved(patient: World) -> None:
    patient.after(590)
    patient.presence("anna", HERE)
    patient.accept("C1")
    assert led(patient.after(1000)) == []
    patient.did(ev.HandlerLost("C1", "anna", "gone"))
    assert led(patient.after(599)) == [], "the wait begins anew"
    assert led(patient.after(30)) == [("queue", "general")]


def test_it_outlives_the_gateway(patient: World) -> None:
    patient.after(300)
    board = patient.board
    patient.board = Board.rebuilt(
        patient.rules, board.contacts.values(), board.handlers.values(), board.follow_ups.values()
    )
    assert led(patient.after(299)) == []
    assert led(patient.after(1)) == [("queue", "general")]


def test_what_fell_due_while_no_gateway_was_there_is_done_at_once(patient: World) -> None:
    board = patient.board
    patient.now += 700
    patient.board = Board.rebuilt(patient.rules, board.contacts.values(), board.handlers.values(), ())
    assert led(patient.did(ev.TimePassed())) == [("queue", "general")]


def test_a_text_goes_to_the_next_queue_and_takes_no_other_step() -> None:
    steps = [{"callback": True}, {"number": OUTSIDE}, {"queue": "general"}]
    world = world_with(queue(longest_wait_seconds=600, longest_wait=steps))
    world.text("T1", queue="busy")
    world.handler("anna", state=AWAY)
    assert led(world.after(600)) == [("queue", "general")]


def test_a_text_that_comes_after_an_answer_waits_as_long_anew_before_it_is_led_on() -> None:
    world = world_with(queue(longest_wait_seconds=600, longest_wait=[{"stay": "overflow_stay"}]))
    world.handler("anna", state=AWAY)
    world.text("T1", queue="busy")
    assert [kind for kind, _ in led(world.after(600))] == ["stay"]
    world.presence("anna", HERE)
    world.accept("T1")
    world.follow_up("T1", not_before=world.now + 86_000)
    world.complete("T1", "anna")
    world.presence("anna", AWAY)
    world.text("T2", queue="busy")
    assert list(world.board.contacts) == ["T1"] and led(world.after(599)) == []
    assert [kind for kind, _ in led(world.after(1))] == ["stay"]


# --- the steps, one after the other -----------------------------------------------------------------------


@pytest.fixture
def chain() -> World:
    """Nobody is on duty, and everything has its step."""
    return world_with(queue(nobody_on_duty=CHAIN))


def test_what_is_impossible_now_is_skipped_and_the_journal_says_why(chain: World) -> None:
    commands = chain.call("C1", "busy", number="")
    assert led(commands) == [("number", OUTSIDE)]
    assert why(commands) == (
        f"led to {OUTSIDE}: nobody is on duty in busy (nobody is on duty in general; the number is withheld)"
    )


def test_who_does_not_ask_to_be_called_back_is_led_on(chain: World) -> None:
    assert led(chain.call("C1", "busy")) == [("callback", "")]
    assert chain.contact("C1").wanted, "they wait meanwhile"
    assert led(chain.after(44)) == []
    assert led(chain.after(1)) == [("number", OUTSIDE)]


def test_who_asks_to_be_called_back_keeps_their_place_and_is_led_nowhere_else(chain: World) -> None:
    chain.call("C1", "busy")
    queued_at = chain.contact("C1").queued_at
    chain.did(ev.CallbackAsked("C1", "+441632960001"))
    chain.did(ev.CallEnded("C1", "system"))
    assert led(chain.after(3600)) == []
    assert chain.contact("C1").queued_at == queued_at and chain.contact("C1").wanted


@pytest.mark.parametrize("mark", ["unsafe", "never"])
def test_nobody_is_asked_whom_it_is_not_safe_to_call(chain: World, mark: Any) -> None:
    chain.arriving("C1", "busy")
    chain.did(ev.SafetyMarked("C1", "handler:anna", mark))
    assert led(chain.did(ev.CallQueued("C1"))) == [("number", OUTSIDE)]


def test_an_outside_number_that_does_not_answer_leads_to_the_next_step(chain: World) -> None:
    chain.call("C1", "busy", number="")
    assert led(chain.did(ev.CallQueued("C1"))) == [("voicemail", "busy")]
    assert led(chain.did(ev.CallQueued("C1"))) == [("voicemail", "busy")], "a gateway was restarted meanwhile"


def test_who_talks_with_somebody_outside_waits_no_more(chain: World) -> None:
    chain.call("C1", "busy", number="")
    chain.after(8)
    chain.did(ev.LedOut("C1", OUTSIDE))
    assert chain.stage("C1") is Stage.PASSED and chain.contact("C1").waited_seconds == 8
    assert offers(chain.handler("anna")) == []
    chain.did(ev.CallEnded("C1", OUTSIDE))
    assert chain.stage("C1") is Stage.CLOSED
    assert not chain.board.touched.contacts["C1"].abandoned, "somebody talked with them"


def test_an_emergency_on_the_way_outside_is_wanted_by_everybody(chain: World) -> None:
    chain.call("C1", "busy", number="")
    chain.emergency("C1")
    assert offers(chain.handler("anna")) == [("C1", "anna")]


def test_when_somebody_signs_in_meanwhile_the_caller_stays(chain: World) -> None:
    chain.call("C1", "busy", number="")
    chain.handler("anna", state=AWAY)
    commands = chain.did(ev.CallQueued("C1"))
    assert why(commands) == "waits on in busy: 'nobody is on duty in busy' is no longer true"
    assert led(commands) == [("stay", "")], "without a word"


def test_a_chain_that_is_through_ends_with_waiting_on_and_is_gone_through_once() -> None:
    world = world_with(queue(nobody_on_duty=[{"number": OUTSIDE}]))
    world.call("C1", "busy")
    assert led(world.did(ev.CallQueued("C1"))) == [("stay", "overflow_stay")]
    world.handler("anna", state=AWAY)
    assert led(world.presence("anna", GONE)) == []
    assert world.contact("C1").wanted


def test_who_waits_on_hears_the_words_that_the_chain_ends_with() -> None:
    world = world_with(queue(nobody_on_duty=[{"queue": "general"}, {"stay": "please_hold"}]))
    commands = world.call("C1", "busy")
    assert led(commands) == [("stay", "please_hold")]
    assert why(commands) == "waits on in busy: nobody is on duty in busy (nobody is on duty in general)"


@pytest.mark.parametrize("first", ["slow", "busy"])
def test_those_left_when_the_last_handler_goes_are_led_on_in_the_order_of_service(first: str) -> None:
    """Whatever queue was waited in first: a gateway that was started again must decide as the one before."""
    slow = queue("slow", target_seconds=600, nobody_on_duty=[{"voicemail": "slow"}])
    world = world_with(slow, queue(nobody_on_duty=[{"voicemail": "busy"}]))
    world.handler("anna", state=AWAY)
    for name in sorted(("slow", "busy"), key=first.__ne__):
        world.call(name, name)
    commands = world.presence("anna", GONE)
    assert [step.reference for step in of_kind(LeadOn, commands)] == ["busy", "slow"]


def test_an_emergency_number_is_never_a_step() -> None:
    world = world_with(queue(nobody_on_duty=[{"number": "+44999"}]))
    assert led(world.call("C1", "busy")) == [("stay", "overflow_stay")]


def test_a_caller_for_whom_somebody_outside_is_rung_cannot_be_with_a_handler() -> None:
    world = world_with()
    world.handler("anna")
    world.call("C1")
    world.accept("C1")
    assert "is with anna" in world.refused(ev.LedOut("C1", OUTSIDE))


# --- the expected wait is each queue's own -------------------------------------------------------------------


def test_the_expected_wait_counts_those_of_the_own_queue() -> None:
    world = world_with(queue())
    for n in range(5):
        world.board.answers.note("busy", world.now - 300 + 60 * n)
    world.call("C1", "general")
    world.call("C2", "busy")
    assert world.board.place("C2") == 2, "handlers serve both queues in one order"
    assert world.board.expected_wait("C2", world.now) == 60
    assert world.board.expected_wait("C1", world.now) is None
