"""A gateway that hangs is one that is not there: its calls notice within seconds, and are its own again afterwards."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.sandbox.world import World
from tests.support.steps import (
    answered_by,
    contact,
    eventually,
    everybody_away,
    hears,
    kinds,
    settle,
    stage,
    wrap_up,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOTICED_SECONDS = 6.0
MUSIC_HERTZ = 400


@contextmanager
def hung(world: World) -> Iterator[None]:
    """The gateway stands still meanwhile: it neither reads nor writes, and its sockets stay open."""
    pid = world.gateway.pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        if world.gateway.pid == pid:
            os.kill(pid, signal.SIGCONT)


async def missed(world: World) -> bool:
    """The call has noticed."""
    slots = world.settings.gateway.run_dir / "slots"
    busy = [slot for slot, occupant in world.call_processes().items() if occupant.legs]
    return any("the gateway hangs" in (slots / f"{slot}.log").read_text() for slot in busy)


async def test_55_pressed_while_the_gateway_hangs_brings_the_control_room_and_is_known_afterwards(world: World) -> None:
    sam, room = await world.api("sam"), world.control_rooms[0]
    await everybody_away(world)
    async with sam.live() as live, await world.caller("+447700900421") as caller:
        reference = (await live.wait_for("CallQueued", 20))["contact"]

        # when
        with hung(world):
            await caller.digits("55")
            # then the call itself brings the control room
            await room.wait_for("talking", NOTICED_SECONDS + 4)
            await hears(room, caller)

        # and the gateway knows when it goes on, and they still hear each other
        async def known() -> bool:
            shown = await contact(sam, reference)
            return bool(shown["emergency"]) and (shown["handover"] or {}).get("state") == "joined"

        await eventually(known)
        await hears(room, caller)
        await hears(caller, room)
        assert (await kinds(sam, reference)).count("EmergencyRaised") == 1
        await caller.hang_up()
        await room.wait_for("idle", 5)
    await settle(world, reference)


async def test_55_pressed_while_the_gateway_hangs_is_not_lost_when_it_is_killed_before_it_is_missed(
    world: World,
) -> None:
    sam, room = await world.api("sam"), world.control_rooms[0]
    await everybody_away(world)
    async with sam.live() as live, await world.caller("+447700900422") as caller:
        reference = (await live.wait_for("CallQueued", 20))["contact"]

        # when it is killed, as by a watchdog, some time after the keys
        with hung(world):
            await caller.digits("55")
            await caller.hears([MUSIC_HERTZ], 3.0)  # they are alone for so long
            await world.kill_gateway()

        # then
        await room.wait_for("talking", 5)
        await world.start_gateway()

        async def known() -> bool:
            return bool((await contact(sam, reference))["emergency"])

        await eventually(known)
        await hears(room, caller)
        await caller.hang_up()
    await settle(world, reference)


async def test_a_caller_who_waits_while_the_gateway_hangs_keeps_their_place_and_is_served_by_it_afterwards(
    world: World,
) -> None:
    sam = await world.api("sam")
    await everybody_away(world)
    async with sam.live() as live, await world.caller("+447700900423") as caller:
        reference = (await live.wait_for("CallQueued", 20))["contact"]
        queued_at = (await contact(sam, reference))["queued_at"]

        # when it hangs for long enough to be missed, and goes on
        with hung(world):
            await eventually(lambda: missed(world))

        # then nobody else was rung, and a handler gets them
        async with sam.live() as again:
            await (await world.api("ben")).put("me/presence", {"state": "available"})
            name, phone = await answered_by(world, again, reference)
            await hears(phone, caller)
            assert (await contact(sam, reference))["queued_at"] == queued_at
            assert "ControlRoomJoined" not in await kinds(sam, reference)
            await phone.hang_up()
            await again.wait_for("CallEnded", contact=reference)
        await caller.wait_for("idle", 5)
    await wrap_up(world, name, reference)


async def test_a_caller_who_hangs_up_while_the_gateway_hangs_frees_the_handler_and_was_not_cut_off(
    world: World,
) -> None:
    sam = await world.api("sam")
    async with sam.live() as live, await world.caller("+447700900424") as caller:
        reference = (await live.wait_for("CallArrived"))["contact"]
        name, phone = await answered_by(world, live, reference)
        await hears(phone, caller)

        # when
        with hung(world):
            await caller.hang_up()
            # then
            await phone.wait_for("idle", NOTICED_SECONDS + 2)

    async def over() -> bool:
        return await stage(sam, reference) == "wrap_up"

    await eventually(over)
    happened = await kinds(sam, reference)
    assert "CallerLeft" in happened and "CallLost" not in happened
    await wrap_up(world, name, reference)
