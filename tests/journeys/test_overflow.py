"""Queues that cannot serve everybody lead their callers on: to the next queue, outside, to a voicemail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.sandbox.person import SILENT
from gateway.sandbox.world import World
from tests.support.steps import (
    answered_by,
    called_back,
    contact,
    eventually,
    everybody_away,
    hears,
    kinds,
    press_until,
    settle,
    stage,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")
LOST, LICENSING, APPOINTMENTS = "+441632960104", "+441632960105", "+441632960106"
LONGEST = 8.0
CALLER, OTHER = "+447700900456", "+447700900457"


async def test_the_second_in_a_full_queue_waits_in_the_next_and_the_first_is_led_outside_in_the_end(
    world: World,
) -> None:
    sam = await world.api("sam")
    await everybody_away(world)
    async with sam.live() as live, await world.caller(CALLER, to=LOST) as first:
        one = (await live.wait_for("CallQueued"))["contact"]
        async with await world.caller(OTHER, to=LOST) as second:
            two = (await live.wait_for("CallQueued"))["contact"]
            moved = await live.wait_for("LeadOn", contact=two)
            assert moved["data"]["why"] == "moved from lost to general: 1 or more wait in lost already"
            assert (await contact(sam, two))["queue"] == "general"

            led = await live.wait_for("LeadOn", 15, contact=one)
            assert led["data"]["why"] == "led to +441632960200: longest wait of 8 s passed"
            await live.wait_for("LedOut", 10, contact=one)
            await hears(world.public, first)
            assert await stage(sam, one) == "passed"
            await second.hang_up()
        await world.public.hang_up()
        await live.wait_for("CallEnded", contact=one)
    for reference in (one, two):
        await settle(world, reference)


async def test_nobody_is_led_on_while_a_phone_rings_for_them_and_55_ends_every_detour(world: World) -> None:
    sam = await world.api("sam")
    await everybody_away(world, but="anna")
    world.behave(world.public, SILENT)
    async with sam.live() as live, await world.caller(CALLER, to=LOST) as caller:
        reference = (await live.wait_for("MakeOffer"))["contact"]
        await eventually(lambda: longest_wait_over(world, reference), LONGEST + 5)
        assert await stage(sam, reference) == "offered" and "LeadOn" not in await kinds(sam, reference)

        await everybody_away(world)

        led = await live.wait_for("LeadOn", contact=reference)
        assert led["data"]["kind"] == "number"
        await world.public.wait_for("ringing", 5)
        await caller.digits("55")

        await live.wait_for("ControlRoomJoined", contact=reference)
        await hears(world.control_rooms[0], caller)
        await world.public.wait_for("idle", 5)
        assert "LedOut" not in await kinds(sam, reference)
        await caller.hang_up()
    await settle(world, reference)


async def longest_wait_over(world: World, reference: str) -> bool:
    queued_at = (await contact(await world.api("sam"), reference))["queued_at"]
    return datetime.now(UTC) > datetime.fromisoformat(queued_at) + timedelta(seconds=LONGEST)


async def test_with_nobody_on_duty_a_message_is_left(world: World) -> None:
    sam = await world.api("sam")
    await (await world.api("chloe")).put("me/presence", {"state": "offline"})
    async with sam.live() as live, await world.caller(CALLER, to=LICENSING) as caller:
        led = await live.wait_for("LeadOn")
        reference = led["contact"]
        assert led["data"]["why"] == (
            "led to the voicemail of licensing: nobody is on duty in licensing (appointments is closed)"
        )
        left = await press_until(live, "VoicemailLeft", reference, caller, "#")
        assert left["data"]["queue"] == "licensing"
        await live.wait_for("CallEnded", contact=reference)
        await caller.wait_for("idle", 5)
    assert await stage(sam, reference) == "queued"
    await settle(world, reference)


async def test_who_calls_when_it_is_closed_is_asked_and_keeps_their_place(world: World) -> None:
    sam = await world.api("sam")
    await everybody_away(world)
    async with sam.live() as live, await world.caller(CALLER, to=APPOINTMENTS) as caller:
        led = await live.wait_for("LeadOn")
        reference = led["contact"]
        assert led["data"]["kind"] == "callback"
        queued_at = (await contact(sam, reference))["queued_at"]

        asked = await press_until(live, "CallbackAsked", reference, caller, "1")

        assert asked["data"]["address"] == CALLER
        await live.wait_for("CallEnded", contact=reference)
        assert (await contact(sam, reference))["queued_at"] == queued_at
        await called_back(world, live, reference)
    await settle(world, reference)


async def test_a_drained_gateway_goes_on_talking_and_new_callers_reach_the_overflow_target(world: World) -> None:
    ada, sam = await world.api("ada"), await world.api("sam")
    before = {occupant.pid for occupant in world.call_processes().values()}
    async with sam.live() as live, await world.caller(CALLER) as caller:
        reference = (await live.wait_for("CallQueued"))["contact"]
        _, phone = await answered_by(world, live, reference)

        assert await ada.post("drain", {"draining": True}) == {"draining": True, "calls": 1}
        async with await world.caller(OTHER) as other:
            await world.overflow.wait_for("talking", 10)
            await hears(world.overflow, other)
            await hears(phone, caller)
        await ada.post("drain", {"draining": False})

        await eventually(lambda: idle_again(world))
        await hears(phone, caller)
        async with await world.caller(OTHER) as other:
            new = (await live.wait_for("CallQueued"))["contact"]
            await other.hang_up()
        await caller.hang_up()
    fresh = {occupant.pid for occupant in world.call_processes().values()}
    assert len(fresh & before) <= 1, "all but the talking process are new"
    for finished in (reference, new):
        await settle(world, finished)


async def idle_again(world: World) -> bool:
    return len(world.call_processes()) == 6
