"""Callers of whom nothing is heard, and callers whose line dies without a word."""

from __future__ import annotations

import pytest

from gateway.sandbox.person import SILENT
from gateway.sandbox.tones import write_tone
from gateway.sandbox.world import OUTSIDE_ANSWERS, World
from tests.support.steps import answered_by, contact, everybody_away, hears, kinds, settle, silence, wrap_up

pytestmark = pytest.mark.asyncio(loop_scope="session")
CALLER = "+447700900461"
EDGE_WAITS_SECONDS = 5.0  # for an answer within a call: fr_timer in kamailio.cfg


async def test_a_silent_caller_is_raised_their_keys_are_shown_and_nothing_ends_the_call(world: World) -> None:
    sam = await world.api("sam")
    async with sam.live() as live, await world.caller(CALLER, voice_wav=silence(world)) as caller:
        reference = (await live.wait_for("CallArrived"))["contact"]
        name, phone = await answered_by(world, live, reference)

        # when they say nothing for so long
        silent = await live.wait_for("CallerSilent", contact=reference)

        # then it is raised, and their call goes on
        assert silent["data"]["seconds"] >= world.settings.voice.silent_after_seconds
        alarm = await live.wait_for("RaiseAlarm", contact=reference)
        assert alarm["data"]["what"] == "silent_caller"
        shown = await contact(sam, reference)
        assert shown["silent"] and shown["emergency"] and shown["handler"] == name
        await caller.digits("3")
        assert (await live.wait_for("DigitPressed", 1, contact=reference))["data"]["digit"] == "3"
        await caller.hears([phone.tone or 0])

        # and it is shown that they speak again
        await caller.say(write_tone(world.directory / "speaks.wav", 440))
        await live.wait_for("CallerHeard", contact=reference)
        assert not (await contact(sam, reference))["silent"]
        await caller.hang_up()
        await live.wait_for("CallerLeft", contact=reference)
    await wrap_up(world, name, reference)


async def test_a_silent_caller_is_raised_also_after_the_gateway_was_killed(world: World) -> None:
    sam = await world.api("sam")
    async with sam.live() as live, await world.caller(CALLER, voice_wav=silence(world)):
        reference = (await live.wait_for("CallArrived"))["contact"]
        name, _ = await answered_by(world, live, reference)

        await world.kill_gateway()
        await world.start_gateway()

        async with sam.live(after=0) as again:
            await again.wait_for("CallerSilent", contact=reference)
    async with sam.live(after=0) as live:
        await live.wait_for("CallerLeft", contact=reference)
    await wrap_up(world, name, reference)
    assert (await kinds(sam, reference)).count("CallerSilent") == 1


async def test_a_caller_whose_sound_stops_stays_on_the_line_while_their_phone_answers(world: World) -> None:
    sam = await world.api("sam")
    async with sam.live() as live, await world.caller(CALLER) as caller:
        reference = (await live.wait_for("CallArrived"))["contact"]
        name, phone = await answered_by(world, live, reference)
        await hears(phone, caller)

        # when no packets come from them, and their phone answers that it is still there
        await caller.sound(False)
        await live.wait_for("SoundChanged", contact=reference)
        await caller.wait_for_event("probe")
        assert (await contact(sam, reference))["no_sound"] == ["caller"]

        # then their call goes on, longer than a dead line would have been waited for
        with pytest.raises(TimeoutError):
            await live.wait_for("CallerLeft", EDGE_WAITS_SECONDS + 0.5, contact=reference)

        # and they are heard when the sound comes back
        await caller.sound(True)
        await live.wait_for("SoundChanged", contact=reference)
        await hears(phone, caller)
        await caller.hang_up()
        await live.wait_for("CallerLeft", contact=reference)
    await wrap_up(world, name, reference)


async def test_an_emergency_caller_whose_phone_dies_and_who_calls_again_gets_the_control_room(world: World) -> None:
    sam, room = await world.api("sam"), world.control_rooms[0]
    for phone in world.control_rooms:
        world.behave(phone, SILENT)
    await everybody_away(world)
    async with sam.live() as live:
        # given an emergency whom no control room has answered yet
        async with await world.caller(CALLER) as caller:
            reference = (await live.wait_for("CallQueued"))["contact"]
            await caller.digits("55")
            await live.wait_for("CallControlRoom", contact=reference)

            # when their phone is gone, without a BYE
            caller.kill()
            left = await live.wait_for("CallerLeft", 25, contact=reference)
            assert left["data"]["cut_off"]

        # then the same contact is theirs when they call again, and the control room is called at once
        world.behave(room, OUTSIDE_ANSWERS)
        async with await world.caller(CALLER) as again:
            assert (await live.wait_for("CallArrived"))["contact"] == reference
            await live.wait_for("CallControlRoom", contact=reference)
            await live.wait_for("ControlRoomJoined", contact=reference)
            await hears(room, again)
            await again.hang_up()
    await settle(world, reference)
