"""A number that leads through a menu: by keys to a queue, a voicemail, an extension; and by 5 5 to the control room."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.sandbox.client import Live
from gateway.sandbox.phone import Phone
from gateway.sandbox.world import World
from tests.support.steps import contact, eventually, everybody_away, hears, press_until, settle, stage

pytestmark = pytest.mark.asyncio(loop_scope="session")
MENU = "+441632960103"


@asynccontextmanager
async def in_the_menu(world: World) -> AsyncIterator[tuple[Live, str, Phone]]:
    sam = await world.api("sam")
    async with sam.live() as live, await world.caller(to=MENU) as caller:
        reference = (await live.wait_for("CallArrived"))["contact"]
        await caller.wait_for("talking", 3)
        yield live, reference, caller


async def test_a_key_leads_to_the_queue_of_those_who_record_crimes(world: World) -> None:
    async with in_the_menu(world) as (live, reference, caller):
        await press_until(live, "MenuChosen", reference, caller, "1")

        await live.wait_for("CallQueued", contact=reference)
        assert (await contact(await world.api("sam"), reference))["queue"] == "crime"
        await world.phones["chloe"].wait_for("ringing", 5)
        await world.phones["chloe"].answer()
        await hears(world.phones["chloe"], caller)
        await caller.hang_up()
    await settle(world, reference)


async def test_a_key_pressed_during_the_greeting_counts_when_the_menu_begins(world: World) -> None:
    async with in_the_menu(world) as (live, reference, caller):
        await caller.digits("1")

        queued = await live.wait_for("CallQueued", contact=reference)

        assert queued["data"]["queue"] == "crime"
        await caller.hang_up()
    await settle(world, reference)


async def test_a_voicemail_becomes_a_contact_that_somebody_must_look_at(world: World) -> None:
    await everybody_away(world)
    async with in_the_menu(world) as (live, reference, caller):
        await press_until(live, "MenuChosen", reference, caller, "4")

        await press_until(live, "VoicemailLeft", reference, caller, "#")
        await live.wait_for("CallEnded", contact=reference)
        await caller.wait_for("idle", 5)
    recording = await live_recording(world, reference)
    assert recording["seconds"] > 2, "greeting and message are on it"
    assert await stage(await world.api("sam"), reference) == "queued"
    await settle(world, reference)


async def live_recording(world: World, reference: str) -> dict[str, float]:
    sam = await world.api("sam")
    found: list[dict[str, float]] = []

    async def kept() -> bool:
        found[:] = await sam.get(f"contacts/{reference}/recordings", reason="test")
        return bool(found)

    await eventually(kept)
    return found[0]


async def test_a_key_leads_to_an_extension(world: World) -> None:
    async with in_the_menu(world) as (live, reference, caller):
        await press_until(live, "MenuChosen", reference, caller, "6")
        ben = world.phones["ben"]
        await ben.wait_for("ringing", 5)
        await ben.answer()

        await hears(ben, caller)
        await hears(caller, ben)

        await ben.hang_up()
        await live.wait_for("CallEnded", contact=reference)
        await caller.wait_for("idle", 3)
    await settle(world, reference)


async def test_an_extension_that_does_not_answer_leaves_the_caller_in_the_queue(world: World) -> None:
    await everybody_away(world, but="anna")
    async with in_the_menu(world) as (live, reference, caller):
        await press_until(live, "MenuChosen", reference, caller, "6")
        await world.phones["ben"].wait_for("ringing", 5)
        await world.phones["ben"].refuse()

        await live.wait_for("CallQueued", contact=reference)
        await world.phones["anna"].wait_for("ringing", 5)
        await world.phones["anna"].answer()
        await hears(world.phones["anna"], caller)
        await caller.hang_up()
    await settle(world, reference)


async def test_pressing_55_in_a_menu_reaches_the_control_room(world: World) -> None:
    await everybody_away(world)
    async with in_the_menu(world) as (live, reference, caller):
        await caller.digits("55")

        await live.wait_for("ControlRoomJoined", contact=reference)
        await hears(world.control_rooms[0], caller)
        assert (await contact(await world.api("sam"), reference))["emergency"]
        await caller.hang_up()
    await settle(world, reference)
