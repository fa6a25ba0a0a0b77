"""An emergency by text or email: in front of somebody at once, asked where it is, and never left lying."""

from __future__ import annotations

from dataclasses import replace

from routing import events as ev
from routing.audit import audit
from routing.board import Board
from routing.commands import AskWhere, Command, EndOffer, RaiseAlarm
from routing.model import Stage
from routing.triage import Finding, Found, Reason
from tests.support.world import World, ends, of_kind, offers, rules

HELP = Finding(True, (Reason("plea", "help", 0, 4),))
PLACED = replace(HELP, found=(Found("place", "at Grays", 5, 13),))
UNSAFE = replace(HELP, found=(Found("cannot_speak", "cant talk", 5, 14),))


def site() -> World:
    seconds = rules(
        emergency_alarm_again_seconds=60, emergency_silence_seconds=120, emergency_email_silence_seconds=600
    )
    return World(replace(seconds, ask_where={"text": "where", "email": "where"}))


def alarms(commands: tuple[Command, ...], what: str) -> int:
    return sum(alarm.what == what for alarm in of_kind(RaiseAlarm, commands))


def asked(commands: tuple[Command, ...]) -> list[str]:
    return [c.template for c in of_kind(AskWhere, commands)]


def test_it_is_shown_to_everybody_who_is_free() -> None:
    world = site()
    for name in ("anna", "ben"):
        world.handler(name)
    assert offers(world.text("T1", finding=HELP)) == [("T1", "anna"), ("T1", "ben")]


def filled(*names: str) -> World:
    """Everybody has one routine text on the desk, on offer, and takes no more."""
    world = site()
    for n, name in enumerate(names, start=1):
        world.handler(name, text_capacity=1)
        world.text(f"R{n}", f"+44770090010{n}")
    return world


def test_it_does_not_wait_behind_routine_texts_that_nobody_has_taken() -> None:
    world = filled("anna", "ben")
    commands = world.text("T1", finding=HELP)
    assert [(c.reference, c.handler, c.why) for c in of_kind(EndOffer, commands)] == [
        ("R1", "anna", "an emergency comes first")
    ]
    assert offers(commands) == [("T1", "anna"), ("T1", "ben")], "ben, who is as full, sees it too"
    assert world.stage("R1") is Stage.QUEUED
    assert world.board.handlers["anna"].misses == 0


def test_the_latest_of_several_goes_back_and_only_as_many_as_must() -> None:
    world = site()
    world.handler("anna", text_capacity=2)
    for n in (1, 2):
        world.text(f"R{n}", f"+44770090010{n}")
        world.after(1)
    commands = world.text("T1", finding=HELP)
    assert [c.reference for c in of_kind(EndOffer, commands)] == ["R2"]
    assert ends(world.accept("T1")) == [], "one on offer and one in hand: as many as she takes"
    assert world.offered_to("R1") == "anna"


def test_who_is_only_shown_it_takes_it_and_their_routine_text_goes_back() -> None:
    world = filled("anna", "ben")
    world.text("T1", finding=HELP)
    shown = next(o.id for o in world.contact("T1").offers if o.handler == "ben")
    commands = world.did(ev.OfferAccepted(shown, "T1", "ben"))
    assert ends(commands) == [("anna", "withdrawn"), ("ben", "withdrawn")]
    assert offers(commands) == [("R1", "anna")], "offered again where there is room"
    assert world.contact("T1").owner == "ben"
    assert audit(world.board, world.board.contacts.values(), world.board.handlers.values(), world.now) == ()


def test_what_somebody_has_taken_is_not_taken_from_them_and_they_are_given_it_all_the_same() -> None:
    world = filled("anna")
    world.accept("R1")
    commands = world.text("T1", finding=HELP)
    assert (offers(commands), ends(commands)) == ([("T1", "anna")], [])
    world.accept("T1")
    assert [world.with_handler(r) for r in ("R1", "T1")] == ["anna", "anna"]


def test_a_handler_who_declines_it_is_given_the_routine_texts_again() -> None:
    world = filled("anna")
    world.text("T1", finding=HELP)
    assert offers(world.decline("T1")) == [("R1", "anna")]


def test_who_names_no_place_is_asked_once() -> None:
    world = site()
    assert asked(world.text("T1", finding=HELP)) == ["where"]
    assert asked(world.text("T2", finding=HELP)) == []


def test_nobody_is_asked_who_said_it_who_is_not_safe_or_whose_text_is_ordinary() -> None:
    world = site()
    assert asked(world.text("T1", "+447700900001", finding=PLACED)) == []
    assert asked(world.text("T2", "+447700900002", finding=UNSAFE)) == []
    assert asked(world.text("T3", "+447700900003")) == []
    assert asked(world.text("T4", "+447700900004", finding=HELP, automatic=True)) == []
    assert asked(World().text("T5", "+447700900005", finding=HELP)) == [], "where the site does not want it"


def test_who_wrote_hours_ago_is_asked_nothing_by_itself_and_everybody_sees_how_late_it_came() -> None:
    """It may be over, and another may have answered; whoever takes it says what is still to be said."""
    world = site()
    fresh = world.text("T1", finding=HELP, waited=3 * 3600.0)
    assert asked(fresh) == ["where"]
    old = world.text("T2", "+447700900002", finding=HELP, waited=44 * 3600.0)
    assert asked(old) == []
    (alarm,) = [a for a in of_kind(RaiseAlarm, old) if a.what == "emergency"]
    assert "it came here 44 h 0 min late" in alarm.why
    assert "it came here 44 h 0 min late" in world.board.contacts["T2"].sounds_like
    assert world.board.contacts["T2"].emergency, "it is one all the same"


def test_supervisors_are_told_again_and_again_until_somebody_takes_it() -> None:
    world = site()
    world.text("T1", finding=HELP)
    assert alarms(world.after(9.9), "emergency_waiting") == 0
    assert alarms(world.after(0.1), "emergency_waiting") == 1
    assert alarms(world.after(59.9), "emergency_waiting") == 0
    assert alarms(world.after(60.1), "emergency_waiting") == 2
    world.handler("anna")
    world.accept("T1")
    assert alarms(world.after(600), "emergency_waiting") == 0


def test_they_are_not_told_of_one_that_somebody_has_nor_sooner_again_for_who_had_it_meanwhile() -> None:
    world = site()
    world.call("C1")
    world.emergency("C1")
    assert alarms(world.after(10), "emergency_waiting") == 1
    world.handler("anna")
    world.accept("C1")
    world.now += 50
    assert alarms(world.did(ev.TimePassed()), "emergency_waiting") == 0
    world.did(ev.HandlerLost("C1", "anna", "no answer"))
    assert alarms(world.after(59), "emergency_waiting") == 1, "at once, and not when the minute of the first is over"


def test_who_falls_silent_is_brought_before_supervisors_once_for_each_silence() -> None:
    world = site()
    world.handler("anna")
    world.text("T1", finding=HELP)
    world.accept("T1")
    assert alarms(world.after(119), "person_silent") == 0
    world.text("T2")
    assert alarms(world.after(119), "person_silent") == 0
    assert alarms(world.after(1), "person_silent") == 1
    assert alarms(world.after(600), "person_silent") == 0
    world.text("T3")
    assert alarms(world.after(120), "person_silent") == 1
    assert "T1" in world.board.contacts, "never closed by itself"


def test_who_wrote_an_emergency_and_was_called_is_watched_from_the_end_of_that_call() -> None:
    world = site()
    world.handler("anna")
    world.text("T1", finding=HELP)
    world.accept("T1")
    world.did(ev.CallRequested("T1", "handler:anna", "anna", "+447700900001"))
    world.did(ev.FollowUpAnswered("T1", world.contact("T1").follow_up))
    assert alarms(world.after(600), "person_silent") == 0, "they are heard"
    world.did(ev.CallLost("T1", "the line broke"))
    assert alarms(world.after(119), "person_silent") == 0
    assert alarms(world.after(1), "person_silent") == 1


def test_an_emergency_that_a_handler_raises_is_watched_too_and_an_ordinary_text_is_not() -> None:
    world = site()
    world.handler("anna")
    world.text("T1")
    world.accept("T1")
    assert alarms(world.after(300), "person_silent") == 0
    world.did(ev.EmergencyRaised("T1", "handler:anna", "told of a knife"))
    assert alarms(world.after(1), "person_silent") == 1, "it had been silent for long"


def test_a_restart_forgets_neither() -> None:
    world = site()
    world.text("T1", finding=HELP)
    world.after(10)
    contacts = world.board.take_touched().contacts.values()
    world.board = Board.rebuilt(world.rules, contacts, [], [])
    commands = world.after(110)
    assert (alarms(commands, "emergency_waiting"), alarms(commands, "person_silent")) == (1, 1)


def test_an_emergency_email_is_shown_to_everybody_who_is_free_and_alarms_until_somebody_takes_it() -> None:
    world = site()
    for name in ("anna", "ben"):
        world.handler(name)
    assert offers(world.email("E1", finding=HELP)) == [("E1", "anna"), ("E1", "ben")]
    assert world.contact("E1").emergency
    alone = site()
    alone.email("E2", finding=HELP)
    assert alarms(alone.after(10), "emergency_waiting") == 1
    assert alarms(alone.after(120), "emergency_waiting") == 2


def test_an_emergency_email_goes_before_texts_and_calls_that_came_earlier() -> None:
    world = site()
    world.text("T1")
    world.email("E1")
    world.email("E2", sender="other@example.org", finding=HELP)
    assert offers(world.handler("anna"))[0] == ("E2", "anna")


def test_an_email_is_asked_once_for_the_place_but_no_machine_and_nobody_who_had_enough_answers() -> None:
    world = site()
    assert asked(world.email("E1", finding=HELP)) == ["where"]
    assert asked(world.email("E1", finding=HELP)) == []
    assert asked(world.email("E2", "a@example.org", finding=PLACED)) == []
    assert asked(world.email("E3", "b@example.org", finding=UNSAFE)) == []
    assert asked(world.email("E4", "c@example.org", finding=HELP, automatic=True)) == []
    assert asked(world.email("E5", "d@example.org", finding=HELP, answered_enough=True)) == []
    assert asked(world.email("E7", "f@example.org", finding=HELP, doubtful="Its sender may be forged.")) == ["where"]
    assert asked(World().email("E6", "e@example.org", finding=HELP)) == [], "where the site does not want it"


def test_who_wrote_an_emergency_by_email_has_longer_before_their_silence_is_told() -> None:
    world = site()
    world.handler("anna")
    world.email("E1", finding=HELP)
    world.accept("E1")
    assert alarms(world.after(599), "person_silent") == 0
    assert alarms(world.after(1), "person_silent") == 1
    assert alarms(world.after(3600), "person_silent") == 0
