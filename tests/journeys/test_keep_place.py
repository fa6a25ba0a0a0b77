"""A caller who does not want to wait keeps their place and is called back; one who was cut off gets it back."""

from __future__ import annotations

import pytest

from gateway.sandbox.world import World
from tests.support.steps import called_back, contact, everybody_away, kinds, press_until, settle, stage

pytestmark = pytest.mark.asyncio(loop_scope="session")
CALLER = "+447700900456"


async def test_a_caller_keeps_their_place_and_is_called_back_when_their_turn_comes(world: World) -> None:
    sam = await world.api("sam")
    await everybody_away(world)
    async with sam.live() as live:
        async with await world.caller(CALLER) as caller:
            reference = (await live.wait_for("CallQueued"))["contact"]
            queued_at = (await contact(sam, reference))["queued_at"]

            asked = await press_until(live, "CallbackAsked", reference, caller, "1")

            assert asked["data"]["address"] == CALLER
            await live.wait_for("CallEnded", contact=reference)
            await caller.wait_for("idle", 5)
        shown = await contact(sam, reference)
        assert shown["queued_at"] == queued_at, "the place in the queue is kept"
        assert await stage(sam, reference) == "queued"

        await called_back(world, live, reference)
    await settle(world, reference)


async def test_a_withheld_number_must_key_one(world: World) -> None:
    sam = await world.api("sam")
    await everybody_away(world)
    async with sam.live() as live, await world.caller(to="") as caller:
        await caller.call(world.line(), headers=[("Privacy", "id")])
        reference = (await live.wait_for("CallQueued"))["contact"]
        assert (await contact(sam, reference))["party"]["withheld"]

        # a 1 takes the offer but confirms nothing; the keyed number counts
        asked = await press_until(live, "CallbackAsked", reference, caller, "#02079460123#")

        assert asked["data"]["address"] == "+442079460123"
        await live.wait_for("CallEnded", contact=reference)
        await called_back(world, live, reference)
    await settle(world, reference)


async def test_a_caller_who_is_cut_off_and_calls_again_gets_their_place_back(world: World) -> None:
    sam = await world.api("sam")
    await everybody_away(world)
    async with sam.live() as live:
        async with await world.caller(CALLER):
            reference = (await live.wait_for("CallQueued"))["contact"]
            queued_at = (await contact(sam, reference))["queued_at"]
            world.kill_call_process()
            await live.wait_for("CallLost", contact=reference)

        async with await world.caller(CALLER) as again:
            joined = await live.wait_for("CallArrived")
            assert joined["contact"] == reference
            await again.wait_for("talking", 5)
            await live.wait_for("CallQueued", contact=reference)
            assert (await contact(sam, reference))["queued_at"] == queued_at
            assert "CancelFollowUp" in await kinds(sam, reference), "nobody calls who is on the line"
    await settle(world, reference)
