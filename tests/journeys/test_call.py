"""A telephone call, from arrival to closed."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from gateway.sandbox.world import World
from tests.support.steps import (
    answered_by,
    contact,
    does_not_hear,
    eventually,
    everybody_away,
    hears,
    kinds,
    stage,
    wrap_up,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_call_is_answered_queued_given_to_a_free_handler_recorded_and_closed(world: World) -> None:
    sam = await world.api("sam")
    async with sam.live() as live:
        # given a caller whom the network names
        async with await world.caller("+447700900111") as caller:
            arrived = await live.wait_for("CallArrived")
            reference = arrived["contact"]
            await caller.wait_for("talking", 3)

            # when the longest idle handler answers
            name, phone = await answered_by(world, live, reference)

            # then they hear each other, and the phone showed who calls about what
            await hears(phone, caller)
            await hears(caller, phone)
            assert "+447700900111" in phone.incoming_headers["from"]
            assert phone.incoming_headers["x-contact-reference"] == reference
            shown = await contact(sam, reference)
            assert shown["party"]["address"] == "+447700900111"
            assert shown["handler"] == name

            # when the handler hangs up
            await phone.hang_up()

            # then the caller is released and the recording kept
            await caller.wait_for("idle", 3)
        recording = await live.wait_for("RecordingMade", contact=reference)
        content = await asyncio.to_thread(Path(recording["data"]["path"]).read_bytes)
        assert hashlib.sha256(content).hexdigest() == recording["data"]["sha256"]
        assert recording["data"]["seconds"] > 1

        # and the handler finishes: the contact is closed, its story whole
        assert await stage(sam, reference) == "wrap_up"
        await wrap_up(world, name, reference, notes="Lost umbrella, told where to ask.")
        assert await stage(sam, reference) == "closed"
    happened = await kinds(sam, reference)
    story = ["CallArrived", "CallQueued", "MakeOffer", "OfferAccepted", "CallEnded", "WrapUpCompleted", "CloseContact"]
    assert [kind for kind in happened if kind in story] == story


async def test_a_caller_by_a_trunk_that_encrypts_and_a_handler_hear_each_other(world: World) -> None:
    sam = await world.api("sam")
    async with sam.live() as live, await world.caller("+447700900112", srtp=True) as caller:
        reference = (await live.wait_for("CallArrived"))["contact"]
        name, phone = await answered_by(world, live, reference)
        await hears(phone, caller)
        await hears(caller, phone)

        # also after a hold, at their own telephone
        await caller.hold()
        await does_not_hear(phone, caller)
        await caller.hold(False)
        await hears(phone, caller)
        await phone.hang_up()
        await caller.wait_for("idle", 3)
    await wrap_up(world, name, reference)


async def test_a_caller_waits_with_music_and_position_until_a_handler_is_free(world: World) -> None:
    sam = await world.api("sam")
    await everybody_away(world)
    async with sam.live() as live, await world.caller() as caller:
        reference = (await live.wait_for("CallQueued"))["contact"]
        await caller.wait_for("talking", 3)
        # given nobody is free: the caller is in the queue and hears something
        assert await stage(sam, reference) == "queued"
        assert [w["contact"] for w in (await sam.get("queues"))["waiting"]] == [reference]

        # when a handler comes back
        await (await world.api("ben")).put("me/presence", {"state": "available"})

        # then it is ben's phone that rings
        name, phone = await answered_by(world, live, reference)
        assert name == "ben"
        await hears(phone, caller)

        # when the caller hangs up
        await caller.hang_up()
        await phone.wait_for("idle", 3)
        await live.wait_for("CallerLeft", contact=reference)
    await wrap_up(world, "ben", reference)


async def test_a_handler_who_declines_is_not_rung_again_at_once_and_the_next_one_is(world: World) -> None:
    sam = await world.api("sam")
    async with sam.live() as live, await world.caller() as caller:
        offer = await live.wait_for("MakeOffer")
        reference, first = offer["contact"], offer["handler"]
        await world.phones[first].wait_for("ringing", 5)

        # when the first refuses on the phone
        await world.phones[first].refuse(486)

        # then another is rung, and the caller never left the queue
        declined = await live.wait_for("EndOffer", contact=reference)
        assert declined["data"]["how"] == "declined"
        second, phone = await answered_by(world, live, reference)
        assert second != first
        await hears(caller, phone)
        await phone.hang_up()
        await live.wait_for("CallEnded", contact=reference)
    await wrap_up(world, second, reference)


async def test_a_caller_who_hangs_up_while_a_phone_rings_stops_it_ringing(world: World) -> None:
    sam = await world.api("sam")
    async with sam.live() as live, await world.caller() as caller:
        offer = await live.wait_for("MakeOffer")
        phone = world.phones[offer["handler"]]
        await phone.wait_for("ringing", 5)
        await caller.hang_up()
        await phone.wait_for("idle", 3)
        await live.wait_for("CloseContact", contact=offer["contact"])
    me = await (await world.api(offer["handler"])).get("me")
    assert me["handler"]["doing"] == "nothing"


async def test_the_handler_ends_the_call_from_the_desk(world: World) -> None:
    sam = await world.api("sam")
    async with sam.live() as live, await world.caller() as caller:
        reference = (await live.wait_for("CallArrived"))["contact"]
        name, phone = await answered_by(world, live, reference)
        await (await world.api(name)).post(f"contacts/{reference}/end")
        await caller.wait_for("idle", 3)
        await phone.wait_for("idle", 3)
    await wrap_up(world, name, reference)

    async def closed() -> bool:
        return await stage(sam, reference) == "closed"

    await eventually(closed)
