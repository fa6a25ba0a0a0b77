"""Who is told that they were heard, and with which words: by queue, hour and grade, once an hour for each person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from config.calendars import Calendar
from config.templates import Acknowledgement
from routing.board import Board
from routing.commands import Acknowledge, LeaveUnacknowledged
from routing.rules import Rules
from routing.triage import Finding, Reason
from tests.support.world import World, of_kind, rules

KNIFE = Finding(True, (Reason("weapon", "he has a knife", 0, 14, now=True),))
RULES = (
    Acknowledgement(template="urgent", queue="texts", grade="emergency"),
    Acknowledgement(template="closed", calendar="never", open=False, queue="texts"),
    Acknowledgement(template="mail", queue="emails"),
)


def site() -> World:
    calendars = {"never": Calendar(id="never")}
    return World(replace(rules(), acknowledgements=RULES, calendars=calendars, emergency_grade="emergency"))


def templates(commands: tuple[object, ...]) -> list[str]:
    return [c.template for c in of_kind(Acknowledge, commands)]  # type: ignore[arg-type]


def test_the_first_rule_that_fits_by_queue_hour_and_grade() -> None:
    world = site()
    assert templates(world.text("T1")) == ["closed"]
    assert templates(world.text("T2", "+447700900002", finding=KNIFE)) == ["urgent"]
    assert templates(world.email("E1")) == ["mail"], "a queue without words of its own"
    assert templates(World().text("T1")) == [""], "without a rule, the queue's own words"


def test_the_grade_of_an_emergency_is_the_one_that_the_site_says_is_one(settings: Any) -> None:
    grades = [{"id": "later", "name": "Later"}, {"id": "emergency", "name": "Emergency", "emergency": True}]
    assert Rules.of(settings(grades=grades)).emergency_grade == "emergency"


def test_at_most_one_for_each_person_and_hour_whatever_number_they_write_to() -> None:
    world = site()
    world.handler("anna")
    world.text("T1")
    world.accept("T1")
    world.complete("T1", "anna")
    world.after(3_598)
    assert templates(world.text("T2")) == [], "it opens again within the hour"
    world.accept("T1")
    world.complete("T1", "anna")
    world.after(2)
    assert templates(world.text("T3")) == ["closed"]
    assert world.last_commands and of_kind(Acknowledge, world.last_commands)[0].message != "T1-acknowledgement"


def test_what_came_hours_late_is_left_to_a_handler_and_says_so() -> None:
    world = site()
    assert templates(world.text("T1", waited=3 * 3600.0)) == ["closed"]
    left = of_kind(LeaveUnacknowledged, world.text("T2", "+447700900002", waited=5 * 3600.0))
    assert [c.why for c in left] == ["It came here 5 h 0 min late: a handler says what is still to be said."]


def test_a_restart_does_not_forget_it() -> None:
    world = site()
    world.text("T1")
    lately = [(world.now, "+447700900001")]
    world.board = Board.rebuilt(world.rules, [], [], [], acknowledged=lately)
    assert templates(world.text("T2")) == []


def test_whoever_reads_the_contact_sees_why_nothing_was_sent() -> None:
    world = World()

    def why(*commands: object) -> list[str]:
        return [c.why for c in of_kind(LeaveUnacknowledged, commands)]  # type: ignore[arg-type]

    assert why(*world.email("E1")) == ["No words are set for queue emails."]
    assert "A machine sent it" in why(*world.text("T1", automatic=True))[0]
    assert why(*world.text("T2", "+447700900002")) == [], "that one was acknowledged"
    assert why(*world.text("T3", "+447700900002")) == [], "and this is more of it"
    assert "as many automatic answers" in why(*world.text("T4", "+447700900003", answered_enough=True))[0]
    forged = world.email("E2", "b@example.org", doubtful="Its sender may be forged (DMARC failed).")
    assert why(*forged) == ["Its sender may be forged (DMARC failed)."]
    assert why(*world.text("T5", "+447700900004", wish="stop")) == ["They ask for no more texts."]
