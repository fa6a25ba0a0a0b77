"""Who is not alone on the line is led nowhere until that has changed, and nobody is led round and round."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing import events as ev
from routing.model import Presence, Stage
from tests.support.led_on import AWAY, CHAIN, GONE, HERE, OUTSIDE, led, queue, world_with
from tests.support.world import World, offers


@pytest.fixture
def licensing() -> World:
    """Nobody is on duty, and C1 was to be led to the voicemail."""
    world = world_with(queue(nobody_on_duty=[{"voicemail": "busy"}]))
    world.handler("anna", state=GONE)
    assert led(world.call("C1", "busy")) == [("voicemail", "busy")]
    return world


def test_who_talks_with_the_control_room_is_led_on_when_it_has_gone(licensing: World) -> None:
    licensing.did(ev.ControlRoomJoined("C1", "control room"))
    assert led(licensing.did(ev.NotLedOn("C1", "with the control room"))) == []
    assert licensing.stage("C1") is Stage.QUEUED
    licensing.presence("anna", AWAY)
    assert led(licensing.presence("anna", GONE)) == [], "whoever comes and goes"
    assert led(licensing.did(ev.ControlRoomLeft("C1", "control room"))) == [("voicemail", "busy")]


def test_who_is_listened_to_by_a_supervisor_is_led_on_when_they_have_gone(licensing: World) -> None:
    licensing.did(ev.PartyRung("C1", "handler:sam", "supervisor", "sam"))
    assert led(licensing.did(ev.NotLedOn("C1", "with a supervisor"))) == []
    assert led(licensing.did(ev.PartyLeft("C1", "sam", "hung up"))) == [("voicemail", "busy")]


def test_who_cannot_be_led_on_has_waited_all_the_time_and_is_offered(licensing: World) -> None:
    queued_at = licensing.contact("C1").queued_at
    licensing.after(5)
    licensing.did(ev.NotLedOn("C1", "with somebody"))
    assert (licensing.contact("C1").queued_at, licensing.contact("C1").waiting_since) == (queued_at, queued_at)
    assert offers(licensing.presence("anna", HERE)) == [("C1", "anna")]


MOST_STEPS = 6
HAPPENINGS = (
    ev.CallQueued("C1"),
    ev.ControlRoomJoined("C1", "control room"),
    ev.ControlRoomLeft("C1", "control room"),
    ev.PartyRung("C1", "handler:sam", "supervisor", "sam"),
    ev.PartyLeft("C1", "sam", "hung up"),
    ev.PresenceChanged("anna", Presence(AWAY), "handler:anna"),
    ev.PresenceChanged("anna", Presence(GONE), "handler:anna"),
    ev.TimePassed(),
)


@given(st.lists(st.tuples(st.sampled_from(HAPPENINGS), st.booleans(), st.sampled_from([0, 0, 45, 90])), max_size=15))
def test_whatever_happens_nobody_is_led_on_more_than_a_handful_of_times_at_once(
    happened: list[tuple[ev.Event, bool, float]],
) -> None:
    """The call answers each step at once: outside nobody answers, and who is not alone cannot be led on."""
    steps: dict[str, Any] = {
        "full": CHAIN,
        "nobody_on_duty": CHAIN,
        "longest_wait": [{"number": OUTSIDE}, {"voicemail": "busy"}],
    }
    world = world_with(queue(most_waiting=1, longest_wait_seconds=60, **steps))
    world.handler("anna", state=GONE)
    world.arriving("C1", "busy")
    for event, alone, later in happened:
        world.now += later
        commands, taken = world.attempt(event).commands, 0
        while step := next(iter(led(commands)[::-1]), None):
            taken += 1
            assert taken <= MOST_STEPS
            if alone and step[0] != "number":
                break
            commands = world.did(ev.CallQueued("C1") if alone else ev.NotLedOn("C1", "with somebody"))
