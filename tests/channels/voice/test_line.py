"""Who hears whom on one call."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.voice.line import Line, Supervision, waits_alone, who_hears_whom
from channels.voice.messages import LegName, mesh

LEGS: tuple[LegName, ...] = get_args(LegName)
MODES: tuple[Supervision, ...] = get_args(Supervision)

lines = st.builds(
    Line,
    joined=st.sets(st.sampled_from(LEGS), max_size=4),
    held=st.booleans(),
    held_at_phone=st.booleans(),
    muted=st.booleans(),
    aside=st.booleans(),
    supervision=st.sampled_from(MODES),
)


def test_there_is_room_for_four_one_of_whom_may_be_the_control_room_that_is_being_called() -> None:
    line = Line(legs={"caller": "answered", "handler": "answered", "third": "ended"})
    assert line.has_room(kept_for_control_room=True)

    line.legs["third"] = "ringing"
    assert line.has_room(kept_for_control_room=False)
    assert not line.has_room(kept_for_control_room=True), "between two tries it needs its place, too"

    line.legs["control_room"] = "dialling"
    assert not line.has_room(kept_for_control_room=False)


def test_a_caller_and_a_handler_hear_each_other() -> None:
    assert set(who_hears_whom(Line(joined={"caller", "handler"}))) == set(mesh("caller", "handler"))


def test_a_caller_on_hold_hears_nobody_and_nobody_hears_them() -> None:
    line = Line(joined={"caller", "handler"}, held=True)

    assert who_hears_whom(line) == ()
    assert waits_alone(line)


def test_the_music_of_a_phone_that_holds_is_heard_by_nobody() -> None:
    line = Line(joined={"caller", "handler", "control_room", "supervisor"}, held_at_phone=True)

    assert not [pair for pair in who_hears_whom(line) if pair[0] == "handler" and pair[1] != "supervisor"]
    assert waits_alone(Line(joined={"caller", "handler"}, held_at_phone=True))
    assert not waits_alone(line)


def test_handler_and_third_party_talk_aside_while_the_caller_waits() -> None:
    line = Line(joined={"caller", "handler", "third"}, aside=True)

    assert set(who_hears_whom(line)) == set(mesh("handler", "third"))
    assert waits_alone(line)


def test_a_muted_handler_hears_but_is_not_heard_and_the_caller_gets_no_music() -> None:
    line = Line(joined={"caller", "handler"}, muted=True)

    assert who_hears_whom(line) == (("caller", "handler"),)
    assert not waits_alone(line)


@pytest.mark.parametrize(("held", "aside"), [(True, False), (False, True)])
def test_nothing_keeps_the_caller_from_the_control_room(held: bool, aside: bool) -> None:
    line = Line(joined={"caller", "handler", "control_room"}, held=held, aside=aside)

    assert {("caller", "control_room"), ("control_room", "caller")} <= set(who_hears_whom(line))
    assert not waits_alone(line)


@pytest.mark.parametrize(
    ("mode", "heard_by"), [("listen", set()), ("whisper", {"handler"}), ("barge", {"caller", "handler"})]
)
def test_a_supervisor_is_heard_by_exactly_those_whom_the_mode_says(mode: Supervision, heard_by: set[str]) -> None:
    pairs = who_hears_whom(Line(joined={"caller", "handler", "supervisor"}, supervision=mode))

    assert {listener for speaker, listener in pairs if speaker == "supervisor"} == heard_by
    assert {speaker for speaker, listener in pairs if listener == "supervisor"} == {"caller", "handler"}


@given(lines)
def test_a_caller_is_never_left_in_silence(line: Line) -> None:
    """Music exactly when no human could be heard; a muted handler is there all the same."""
    if "caller" not in line.joined:
        return
    heard = {speaker for speaker, listener in who_hears_whom(line) if listener == "caller"} - {"supervisor"}
    assert heard or waits_alone(line) or (line.muted and line.joined - {"caller", "supervisor"} == {"handler"})


@given(lines)
def test_nobody_hears_themselves_or_a_leg_that_is_not_there(line: Line) -> None:
    pairs = who_hears_whom(line)

    assert all(speaker != listener and {speaker, listener} <= line.joined for speaker, listener in pairs)
    assert len(set(pairs)) == len(pairs)
