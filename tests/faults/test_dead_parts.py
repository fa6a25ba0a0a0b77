"""A part that the gateway depends on is dead: it says so, callers are answered somewhere, and it comes back."""

from __future__ import annotations

import pytest

from channels.voice.channel import WRITTEN_SECONDS
from gateway.sandbox.world import World
from tests.faults.test_killed import nothing_written
from tests.support.postgres import Postgres
from tests.support.shared_world import OVERLAY
from tests.support.steps import answered_by, eventually, everybody_available, hears, stage, wrap_up

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_sip_edge_dies_and_everything_is_as_before_when_it_is_back(world: World) -> None:
    sam = await world.api("sam")

    async def said() -> bool:
        return "the SIP edge does not answer" in await world.gateway.readiness()

    async def ready() -> bool:
        return not await world.gateway.readiness()

    # given two people who talk
    async with sam.live() as live, await world.caller("+447700900601") as caller:
        reference = (await live.wait_for("CallArrived"))["contact"]
        name, phone = await answered_by(world, live, reference)
        # when
        await world.kamailio.kill()
        # then it is said, and they go on talking
        await eventually(said, 20)
        await hears(phone, caller)
        # when it is back
        await world.kamailio.start()
        await eventually(ready, 20)
        await phone.hang_up()
        await caller.wait_for("idle", 5)
    await wrap_up(world, name, reference)
    # then new calls come in and phones can be rung
    async with sam.live() as live, await world.caller("+447700900602") as caller:
        reference = (await live.wait_for("CallArrived"))["contact"]
        name, phone = await answered_by(world, live, reference)
        await hears(phone, caller)
        await phone.hang_up()
        await live.wait_for("CallEnded", contact=reference)
    await wrap_up(world, name, reference)


async def test_the_media_relay_dies_and_it_is_said_who_cannot_call_until_it_is_back(world: World) -> None:
    async def said() -> bool:
        return "the media relay does not answer: calls by trunk" in await world.gateway.readiness()

    async def ready() -> bool:
        return not await world.gateway.readiness()

    sam = await world.api("sam")
    # given a caller whose sound is encrypted, in talk with a handler
    async with sam.live() as live, await world.caller("+447700900606", srtp=True) as caller:
        reference = (await live.wait_for("CallArrived"))["contact"]
        name, phone = await answered_by(world, live, reference)
        await hears(phone, caller)
        # when
        await world.relay.kill()
        # then
        await eventually(said, 20)
        # when it is back
        await world.relay.start()
        # then they hear each other again
        await eventually(ready, 20)
        await hears(phone, caller, deadline=15)
        await hears(caller, phone)
        await phone.hang_up()
        await caller.wait_for("idle", 5)
    await wrap_up(world, name, reference)


async def test_the_database_dies_callers_go_to_the_overflow_target_and_then_as_before(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres
) -> None:
    overlay = OVERLAY | {"store": {"url": await postgres.create()}}
    async with World(tmp_path_factory.mktemp("postgres"), overlay=overlay, slots=3) as world:
        sam = await world.api("sam")
        await everybody_available(world)

        async def said() -> bool:
            return "database" in await world.gateway.readiness()

        async def ready() -> bool:
            return not await world.gateway.readiness()

        # given two people who talk, on PostgreSQL
        async with sam.live() as live, await world.caller("+447700900611") as caller:
            reference = (await live.wait_for("CallArrived"))["contact"]
            name, phone = await answered_by(world, live, reference)
            # when the database dies
            postgres.stop()
            try:
                # then who calls now is taken by the overflow target, and the two go on talking
                async with await world.caller("+447700900612") as other:
                    await world.overflow.wait_for("talking", 10)
                    await hears(world.overflow, other)
                await eventually(said, 20)
                await hears(phone, caller)
                # and what happens meanwhile is not lost
                await phone.hang_up()
                await caller.wait_for("idle", 5)
            finally:
                postgres.start()
            await eventually(ready, 30)

        async def over() -> bool:
            return await stage(await world.api("sam"), reference) == "wrap_up"

        await eventually(over, 15)
        await wrap_up(world, name, reference)


async def test_a_database_that_stands_still_keeps_no_caller_ringing(world: World) -> None:
    with nothing_written(world):
        # when somebody calls who cannot be written down
        async with await world.caller("+447700900603") as caller:
            # then a person answers them elsewhere, within seconds, and no call process but one was used up
            await world.overflow.wait_for("talking", WRITTEN_SECONDS + 4)
            await hears(world.overflow, caller)
            await caller.hang_up()
            await world.overflow.wait_for("idle", 5)

    async def ready() -> bool:
        return not await world.gateway.readiness()

    await eventually(ready, 30)
