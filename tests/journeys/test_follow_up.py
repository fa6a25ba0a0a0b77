"""A follow-up call: due in its window, given to its owner, the handler's phone first, then the person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.sandbox.person import BUSY
from gateway.sandbox.world import OUTSIDE_ANSWERS, World
from tests.support.steps import answered_by, hears, stage, wrap_up

pytestmark = pytest.mark.asyncio(loop_scope="session")


def window(seconds: float = 0.0, hours: float = 2.0) -> dict[str, str]:
    start = datetime.now(UTC) + timedelta(seconds=seconds)
    return {"not_before": start.isoformat(), "not_after": (start + timedelta(hours=hours)).isoformat()}


async def test_the_owner_calls_back_as_promised(world: World) -> None:
    sam = await world.api("sam")
    world.behave(world.public, OUTSIDE_ANSWERS)
    async with sam.live() as live:
        # given a call that ended with a promise to call back
        async with await world.caller("+447700900301") as caller:
            reference = (await live.wait_for("CallArrived"))["contact"]
            name, phone = await answered_by(world, live, reference)
            desk = await world.api(name)
            await desk.post(
                f"contacts/{reference}/follow-ups", {"channel": "voice", "purpose": "tell the outcome", **window(2)}
            )
            await caller.hang_up()
            await live.wait_for("CallerLeft", contact=reference)
        await wrap_up(world, name, reference)
        assert await stage(sam, reference) == "scheduled"

        # when it is due, its owner is asked first and takes it
        offer = await live.wait_for("MakeOffer", contact=reference, deadline=15)
        assert offer["handler"] == name
        await desk.post(f"offers/{offer['data']['offer']['id']}/accept")

        # then the handler's phone rings, and only then the person's
        await phone.wait_for("ringing", 5)
        assert world.public.state == "idle"
        await phone.answer()
        await world.public.wait_for("talking", 8)
        assert "+441632960101" in world.public.incoming_headers["from"]
        await hears(world.public, phone)
        await hears(phone, world.public)

        # and the outcome is recorded
        await live.wait_for("FollowUpAnswered", contact=reference)
        await phone.hang_up()
        await live.wait_for("CallEnded", contact=reference)
    await wrap_up(world, name, reference)
    assert await stage(sam, reference) == "closed"


async def test_nobody_reached_is_tried_again_later_by_policy(world: World) -> None:
    sam = await world.api("sam")
    world.behave(world.public, BUSY)
    async with sam.live() as live:
        async with await world.caller("+447700900302") as caller:
            reference = (await live.wait_for("CallArrived"))["contact"]
            name, phone = await answered_by(world, live, reference)
            desk = await world.api(name)
            follow_up = await desk.post(
                f"contacts/{reference}/follow-ups", {"channel": "voice", "purpose": "more details", **window()}
            )
            await caller.hang_up()
            await live.wait_for("CallerLeft", contact=reference)
        await wrap_up(world, name, reference)
        offer = await live.wait_for("MakeOffer", contact=reference, deadline=45)
        await desk.post(f"offers/{offer['data']['offer']['id']}/accept")
        await phone.wait_for("ringing", 5)
        await phone.answer()

        tried = await live.wait_for("FollowUpTried", contact=reference)
        assert tried["data"]["outcome"] == "busy"
        again = await live.wait_for("ScheduleFollowUp", contact=reference)
        assert again["data"]["follow_up"]["attempts"] == 1
        await phone.wait_for("idle", 5)
        assert await stage(sam, reference) == "scheduled"
        await desk.delete(f"contacts/{reference}/follow-ups/{follow_up['id']}", why="no longer needed")
        await live.wait_for("CloseContact", contact=reference)
