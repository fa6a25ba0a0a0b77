"""Who must not be rung up or written to: one rule for all that goes out, for the person and not only the contact."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from config.safety import Reach, Safety
from routing import events as ev
from routing.board import Board
from routing.commands import Acknowledge, AskWhere, GiveUpFollowUp, MarkSafety, PlaceFollowUpCall
from routing.model import Channel
from routing.safety import unsent
from routing.triage import Finding, Found, Reason
from tests.support.world import World, of_kind, rules

NUMBER = "+447700900001"
SAID = (Found("cannot_speak", "cant talk", 0, 9),)
CANNOT_SPEAK = Finding(True, (Reason("cannot speak", "cant talk", 0, 9),), SAID)
SAFETY = Safety(words_to_avoid=("police", "101"), acknowledgement="heard")


@pytest.fixture
def world() -> World:
    world = World(replace(rules(), safety=SAFETY))
    world.handler("anna")
    return world


def mark(world: World, reference: str, calling: Any) -> None:
    world.did(ev.SafetyMarked(reference, "handler:anna", calling))


def dial(reference: str, address: str = NUMBER) -> ev.CallRequested:
    return ev.CallRequested(reference, "handler:anna", "anna", address)


def reply(telling: str = "") -> ev.ReplyWritten:
    return ev.ReplyWritten("T1", "r1", "handler:anna", telling)


def test_who_writes_that_they_cannot_speak_is_marked_and_answered_in_neutral_words(world: World) -> None:
    commands = world.text("T1", NUMBER, finding=CANNOT_SPEAK)
    assert of_kind(MarkSafety, commands) == [MarkSafety("T1", "never", 'they wrote "cant talk"')]
    assert of_kind(Acknowledge, commands) == [Acknowledge("T1", "T1-acknowledgement", "heard")]
    assert "must not be called: they are marked 'never'" in world.refused(dial("T1"))
    assert "the words say 'police'" in world.refused(reply("police"))
    world.did(reply())


@pytest.mark.parametrize("emergency", [True, False])
def test_who_fears_that_our_answer_is_seen_is_not_written_to(emergency: bool) -> None:
    world = World(replace(rules(), safety=SAFETY, ask_where={"text": "where"}))
    said = (*SAID, Found("unsafe_to_write", "he checks my phone", 0, 18))
    why = (Reason("plea", "help", 0, 4),) if emergency else ()
    commands = world.text("T1", NUMBER, finding=Finding(emergency, why, said))
    assert of_kind(MarkSafety, commands) == [MarkSafety("T1", "silent", 'they wrote "he checks my phone"')]
    assert of_kind(Acknowledge, commands) == []
    assert of_kind(AskWhere, commands) == []
    assert "must not be written to by text" in world.refused(reply())


def test_who_merely_cannot_talk_at_work_is_not_marked(world: World) -> None:
    world.text("T1", NUMBER, finding=Finding(False, found=SAID))
    assert world.contact("T1").safety == "normal"


def test_a_text_only_makes_a_mark_worse_and_a_handler_can_lift_it(world: World) -> None:
    world.text("T1", NUMBER)
    mark(world, "T1", "silent")
    assert of_kind(MarkSafety, world.text("T2", NUMBER, finding=CANNOT_SPEAK)) == []
    assert world.contact("T1").safety == "silent"
    mark(world, "T1", "normal")
    assert not world.attempt(dial("T1")).refused


def test_the_mark_is_the_persons_in_other_contacts_later_ones_and_after_a_restart(world: World) -> None:
    world.text("T1", NUMBER)
    world.call("C1", number=NUMBER)
    mark(world, "T1", "never")
    assert world.contact("C1").safety == "never"
    world.board = Board.rebuilt(world.rules, [], world.board.handlers.values(), [], people=world.board.people.values())
    world.call("C2", number=NUMBER)
    world.text("W1", f"whatsapp:{NUMBER}")
    assert (world.contact("C2").safety, world.contact("W1").safety) == ("never", "never")
    world.text("T9", "+447700900009")
    assert "must not be called" in world.refused(dial("T9")), "their number from another person's contact"


def test_nobody_else_is_marked(world: World) -> None:
    world.text("T1", NUMBER)
    world.call("C1", number="+447700900009")
    world.email("E1")
    mark(world, "T1", "never")
    assert [world.contact(r).safety for r in ("T1", "C1", "E1")] == ["never", "normal", "normal"]


def test_a_withheld_caller_is_marked_in_their_contact_alone(world: World) -> None:
    world.call("C1", number="")
    world.call("C2", number="")
    mark(world, "C1", "never")
    assert (world.contact("C1").safety, world.contact("C2").safety) == ("never", "normal")
    assert world.board.people == {}


@pytest.mark.parametrize("channel", [Channel.VOICE, Channel.TEXT, Channel.EMAIL])
def test_silent_refuses_every_channel_and_nothing_is_acknowledged(world: World, channel: Channel) -> None:
    world.text("T1", NUMBER)
    mark(world, "T1", "silent")
    address = "jo@example.org" if channel is Channel.EMAIL else NUMBER
    with pytest.raises(AssertionError, match="must not be"):
        world.follow_up("T1", channel=channel, address=address)
    assert "must not be written to by text" in world.refused(reply())
    world.after(3_600)
    assert of_kind(Acknowledge, world.text("X", NUMBER)) == []


def test_a_follow_up_that_was_planned_before_the_mark_is_not_made(world: World) -> None:
    world.text("T1", NUMBER)
    world.accept("T1")
    world.follow_up("T1", address=NUMBER, not_before=world.now + 60)
    world.complete("T1", "anna")
    world.text("T2", NUMBER, finding=CANNOT_SPEAK)
    world.accept("T1")
    world.complete("T1", "anna")
    world.after(60)
    commands = world.accept("T1")
    assert "must not be called" in of_kind(GiveUpFollowUp, commands)[0].why
    assert of_kind(PlaceFollowUpCall, commands) == []


def test_what_a_mark_allows_is_the_sites_to_say() -> None:
    free = Reach(voice="free", text="free", email="free")
    world = World(replace(rules(), safety=Safety(never=free, cannot_speak="normal")))
    world.handler("anna")
    assert of_kind(MarkSafety, world.text("T1", NUMBER, finding=CANNOT_SPEAK)) == []
    mark(world, "T1", "never")
    assert not world.attempt(dial("T1")).refused


def test_the_last_gate_knows_the_person_when_their_contact_is_closed(world: World) -> None:
    world.text("T1", NUMBER)
    world.accept("T1")
    mark(world, "T1", "never")
    world.complete("T1", "anna")
    assert "'police'" in unsent(world.board, None, Channel.TEXT, "61016", NUMBER, "police")
    assert unsent(world.board, None, Channel.TEXT, "61016", NUMBER, "") == ""
    assert unsent(world.board, None, Channel.TEXT, "61016", "+447700900009", "police") == ""


def test_words_to_avoid_are_beginnings_of_words() -> None:
    assert SAFETY.telling("The POLICE are here") == "police"
    assert SAFETY.telling("policeman") == "police"
    assert SAFETY.telling("call 101.") == "101"
    assert SAFETY.telling("flat 2101") == ""
    assert SAFETY.telling("ring 1 0 1, or 9-9-9") == "101"
    assert SAFETY.telling("platform 10, then 1 pm") == ""


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("the po\u00adlice", "police"),
        ("the po\u200blice", "police"),
        ("the p\u2060o\ufefflice", "police"),
        ("the \uff50\uff4f\uff4c\uff49\uff43\uff45", "police"),
        ("Not the P O L I C E", "police"),
        ("Not the p\u043eli\u0441e", "police"),  # Cyrillic o and c
        ("Not the \u03a1 \u039f L I C \u0395", "police"),  # Greek capitals
        ("p.o.l.i.c.e", "police"),
        ("this is a p-o-l-i-c-e matter", "police"),
        ("p\u00f3lice", "police"),
        ("call one oh one", "101"),
        ("call One-Zero-One", "101"),
        ("ring \uff11\uff10\uff11", "101"),
    ],
)
def test_words_to_avoid_are_found_however_they_are_disguised(text: str, word: str) -> None:
    assert SAFETY.telling(text) == word


def test_words_to_avoid_can_be_of_another_alphabet() -> None:
    cyrillic = Safety(words_to_avoid=("полиция", "рос"))
    assert cyrillic.telling("Это полиция.") == "полиция"
    assert cyrillic.telling("россия") == "рос", "although each letter of the short one looks like a Latin one"


@pytest.mark.parametrize(
    "text", ["I have one, oh! one more", "a b c d e f", "see you at 1", "we like a p.o. box", "the 10.15 train"]
)
def test_ordinary_words_tell_nothing(text: str) -> None:
    assert Safety(words_to_avoid=("police", "999", "101")).telling(text) == ""


def test_who_opts_out_gets_no_more_texts_from_that_number_until_they_opt_in(world: World) -> None:
    assert of_kind(Acknowledge, world.text("T1", NUMBER, wish="stop")) == []
    assert world.contact("T1").wanted, "a handler sees it all the same"
    assert "by STOP" in world.refused(reply())
    mark(world, "T1", "never")
    assert "by STOP" in unsent(world.board, None, Channel.TEXT, "61016", NUMBER, "")
    assert unsent(world.board, None, Channel.TEXT, "+447700900999", NUMBER, "") == "", "another number of ours"
    world.text("T2", NUMBER, wish="start")
    world.did(reply())


def test_a_contact_that_is_opened_again_has_the_mark_that_the_person_was_given_meanwhile(world: World) -> None:
    world.text("T1", NUMBER)
    mark(world, "T1", "never")
    world.accept("T1")
    world.complete("T1", "anna")
    world.call("C1", number=NUMBER)
    mark(world, "C1", "normal")

    world.text("T2", NUMBER)

    assert world.contact("T1").safety == "normal"


def test_after_stop_a_text_without_start_changes_nothing(world: World) -> None:
    world.text("T1", NUMBER, wish="stop")
    world.text("T2", NUMBER)
    assert "by STOP" in unsent(world.board, None, Channel.TEXT, "61016", NUMBER, "")


def test_what_is_found_in_two_texts_is_kept_once(world: World) -> None:
    for reference in ("T1", "T2"):
        world.text(reference, NUMBER, finding=CANNOT_SPEAK)
    assert world.contact("T1").found == SAID
