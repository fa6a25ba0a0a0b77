"""An emergency on a line that is not for emergencies: it reaches the control room, the caller is never let go."""

from __future__ import annotations

import time
from functools import partial

import pytest

from gateway.sandbox.client import Live
from gateway.sandbox.person import BUSY, HANGS_UP, SILENT
from gateway.sandbox.world import OUTSIDE_ANSWERS, World
from tests.support.steps import answered_by, does_not_hear, eventually, everybody_away, hears, kinds, stage, wrap_up

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def has_been_there(since: float) -> bool:
    """Longer than a control room can be there without having heard anything."""
    return time.monotonic() - since > 5.2


async def comes_back_and_takes(world: World, live: Live, name: str, reference: str) -> None:
    """What is left of the contact, at the desk."""
    client = await world.api(name)
    await client.put("me/presence", {"state": "available"})
    offer = await live.wait_for("MakeOffer", contact=reference)
    await client.post(f"offers/{offer['data']['offer']['id']}/accept")


async def test_a_caller_in_the_queue_presses_55_and_is_joined_with_the_control_room(world: World) -> None:
    sam = await world.api("sam")
    room = world.control_rooms[0]
    world.behave(room, OUTSIDE_ANSWERS)
    await everybody_away(world)
    async with sam.live() as live, await world.caller() as caller:
        reference = (await live.wait_for("CallQueued"))["contact"]

        # when
        await caller.digits("55")

        # then the supervisors are alarmed and the control room answers and hears the caller
        alarm = await live.wait_for("RaiseAlarm", contact=reference)
        assert alarm["data"]["what"] == "emergency"
        await live.wait_for("ControlRoomJoined", contact=reference)
        await hears(room, caller)
        await hears(caller, room)
        assert room.incoming_headers["x-contact-reference"] == reference

        # and a handler who comes back is brought in as well: the contact has an owner
        await (await world.api("anna")).put("me/presence", {"state": "available"})
        name, phone = await answered_by(world, live, reference)
        await hears(phone, caller, room)
        await hears(room, caller, phone)

        # when the handler leaves, the caller and the control room go on talking
        await (await world.api(name)).post(f"contacts/{reference}/leave")
        await live.wait_for("HandlerLeft", contact=reference)
        await phone.wait_for("idle", 3)
        await hears(room, caller)
        assert await stage(sam, reference) == "handover"
        await caller.hang_up()
        await live.wait_for("CallerLeft", contact=reference)
    await wrap_up(world, name, reference, disposition="control_room", grade="emergency")
    assert await stage(sam, reference) == "closed"


async def test_the_handler_raises_it_and_the_caller_keeps_talking_while_the_targets_are_tried(world: World) -> None:
    sam = await world.api("sam")
    first, second = world.control_rooms
    world.behave(first, BUSY)
    world.behave(second, OUTSIDE_ANSWERS)
    async with sam.live() as live, await world.caller() as caller:
        reference = (await live.wait_for("CallArrived"))["contact"]
        name, phone = await answered_by(world, live, reference)
        await hears(phone, caller)

        # when
        await (await world.api(name)).post(f"contacts/{reference}/emergency", {"how": "caller says he has a knife"})

        # then a busy target costs no time, and the second joins the two who talk
        tried = await live.wait_for("ControlRoomTried", contact=reference)
        assert tried["data"]["outcome"] == "busy"
        await hears(phone, caller)
        joined = await live.wait_for("ControlRoomJoined", contact=reference)
        assert joined["at"]
        await hears(second, caller, phone)
        await does_not_hear(first, caller)
        await caller.hang_up()
        await live.wait_for("CallerLeft", contact=reference)
        await phone.wait_for("idle", 3)
    await wrap_up(world, name, reference, disposition="control_room")
    assert await stage(sam, reference) == "closed"


async def test_no_target_answers_and_the_caller_is_still_there_when_one_does(world: World) -> None:
    sam = await world.api("sam")
    first, second = world.control_rooms
    world.behave(first, BUSY)
    world.behave(second, BUSY)
    async with sam.live() as live, await world.caller() as caller:
        reference = (await live.wait_for("CallQueued"))["contact"]
        await everybody_away(world)
        await caller.digits("55")

        # when the whole list has failed, the supervisors are alarmed
        await live.wait_for("ControlRoomExhausted", contact=reference)
        alarm = await live.wait_for("RaiseAlarm", contact=reference)
        assert alarm["data"]["what"] == "control_room_unreachable"
        assert caller.state == "talking"

        # and it goes on trying until a person answers
        world.behave(first, OUTSIDE_ANSWERS)
        await live.wait_for("ControlRoomJoined", contact=reference, deadline=20)
        await hears(first, caller)

        # when the control room has heard them and hangs up, the caller is not alone: in the queue, first in line
        await eventually(partial(has_been_there, time.monotonic()))
        await first.hang_up()
        await live.wait_for("ControlRoomLeft", contact=reference)
        assert await stage(sam, reference) == "queued"
        assert caller.state == "talking"
        await caller.hang_up()
        await live.wait_for("CallerLeft", contact=reference)

        # then somebody must still look at it: nobody has written it up
        await live.wait_for("AskForReview", contact=reference)
        await comes_back_and_takes(world, live, "chloe", reference)
    await wrap_up(world, "chloe", reference, disposition="control_room")
    assert await stage(sam, reference) == "closed"


async def test_a_target_that_answers_and_hangs_up_has_heard_nobody_and_the_next_one_is_rung(world: World) -> None:
    sam = await world.api("sam")
    first, second = world.control_rooms
    world.behave(first, HANGS_UP)
    world.behave(second, OUTSIDE_ANSWERS)
    await everybody_away(world)
    async with sam.live() as live, await world.caller() as caller:
        reference = (await live.wait_for("CallQueued"))["contact"]

        # when
        await caller.digits("55")

        # then the second is rung at once, and the caller talks with it
        await hears(second, caller, deadline=10)
        await hears(caller, second)
        assert "ControlRoomExhausted" not in await kinds(sam, reference)

        # and supervisors are told of the first, unless it was gone before it could hear the caller
        told = await sam.get(f"contacts/{reference}/journal", reason="test")
        alarms = [row["data"]["what"] for row in told if row["kind"] == "RaiseAlarm"]
        tried = [row["data"]["outcome"] for row in told if row["kind"] == "ControlRoomTried"]
        assert "control_room_hung_up" in alarms or tried == ["hung_up"]

        # when the second, the last of the list, is no better, the list is begun again after a pause
        world.behave(first, OUTSIDE_ANSWERS)
        await second.hang_up()
        await live.wait_for("ControlRoomExhausted", contact=reference)
        await hears(first, caller)
        await caller.hang_up()
        await live.wait_for("CallerLeft", contact=reference)
        await comes_back_and_takes(world, live, "ben", reference)
    await wrap_up(world, "ben", reference, disposition="control_room")
    assert await stage(sam, reference) == "closed"


async def test_a_target_that_only_rings_is_given_up_after_its_ring_time(world: World) -> None:
    sam = await world.api("sam")
    first, second = world.control_rooms
    world.behave(first, SILENT)
    world.behave(second, OUTSIDE_ANSWERS)
    await everybody_away(world)
    async with sam.live() as live, await world.caller() as caller:
        reference = (await live.wait_for("CallArrived"))["contact"]
        await caller.wait_for("talking", 3)
        # pressed while the greeting still plays
        await caller.digits("55")
        raised = await live.wait_for("EmergencyRaised", contact=reference)
        tried = await live.wait_for("ControlRoomTried", contact=reference, deadline=12)
        assert tried["data"]["outcome"] == "no_answer"
        joined = await live.wait_for("ControlRoomJoined", contact=reference)
        assert joined["at"] != raised["at"]
        await hears(second, caller)
        await caller.hang_up()
        await live.wait_for("AskForReview", contact=reference)
        await comes_back_and_takes(world, live, "ben", reference)
    await wrap_up(world, "ben", reference, disposition="control_room")
