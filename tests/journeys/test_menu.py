"""A number that leads through a menu: by keys to a queue, a voicemail, an extension; and by 5 5 to the control room."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.sandbox.client import Client, Live
from gateway.sandbox.phone import Phone
from gateway.sandbox.tones import measure_tones
from gateway.sandbox.world import World
from tests.support.steps import (
    LOUD,
    contact,
    eventually,
    everybody_away,
    hears,
    message_under_way,
    press_until,
    settle,
    silence,
    stage,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")
MENU = "+441632960103"


@asynccontextmanager
async def in_the_menu(world: World, **more: Any) -> AsyncIterator[tuple[Live, str, Phone]]:
    sam = await world.api("sam")
    async with sam.live() as live, await world.caller(to=MENU, **more) as caller:
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
    sam = await world.api("sam")
    await everybody_away(world)
    async with in_the_menu(world) as (live, reference, caller):
        await press_until(live, "MenuChosen", reference, caller, "4")

        left = await press_until(live, "VoicemailLeft", reference, caller, "#")
        await live.wait_for("CallEnded", contact=reference)
        await caller.wait_for("idle", 5)

    message = Path(left["data"]["path"])
    heard = measure_tones(message, (caller.tone or 0,))
    assert heard[caller.tone or 0] > LOUD / 2, "the message is what the caller said"
    assert not left["data"]["silent"]
    assert await both_recordings(sam, reference), "the message, and the whole call"
    assert await stage(sam, reference) == "queued"
    await settle(world, reference)


async def test_a_caller_listens_to_their_message_and_says_it_again(world: World) -> None:
    sam = await world.api("sam")
    await everybody_away(world)
    async with in_the_menu(world) as (live, reference, caller):
        await press_until(live, "MenuChosen", reference, caller, "4")

        await message_under_way(world, reference, 32_000)
        await caller.digits("#")

        async def hears_themself() -> bool:
            await caller.digits("2")
            heard = await caller.hears([caller.tone or 0], 0.5)
            return heard[caller.tone or 0] > LOUD

        await eventually(hears_themself, 20)
        await caller.digits("3")
        left = await press_until(live, "VoicemailLeft", reference, caller, "#")

        assert left["data"]["path"].endswith("-message-2.wav")
        await caller.wait_for("idle", 5)
    assert await both_recordings(sam, reference)
    assert not list(Path(left["data"]["path"]).parent.glob(f"{reference}-*-message-1.wav")), "it is replaced"
    await settle(world, reference)


async def test_a_message_of_silence_ends_by_itself_and_is_kept_when_nothing_is_pressed(world: World) -> None:
    await everybody_away(world)
    async with in_the_menu(world, voice_wav=silence(world)) as (live, reference, caller):
        await press_until(live, "MenuChosen", reference, caller, "4")

        left = await live.wait_for("VoicemailLeft", 25, contact=reference)

        assert 1.5 < left["data"]["seconds"] < 6
        assert left["data"]["silent"], "whoever looks at it knows that it was not a mere wrong number"
        await caller.wait_for("idle", 8)
    await settle(world, reference)


async def test_who_hangs_up_in_the_middle_of_a_message_has_left_it(world: World) -> None:
    sam = await world.api("sam")
    await everybody_away(world)
    async with in_the_menu(world) as (live, reference, caller):
        await press_until(live, "MenuChosen", reference, caller, "4")
        await message_under_way(world, reference, 24_000)

        await caller.hang_up()

        left = await live.wait_for("VoicemailLeft", contact=reference)
        assert not left["data"]["silent"]
    assert await both_recordings(sam, reference)
    await settle(world, reference)


async def test_pressing_55_in_a_message_reaches_the_control_room(world: World) -> None:
    sam = await world.api("sam")
    await everybody_away(world)
    async with in_the_menu(world) as (live, reference, caller):
        await press_until(live, "MenuChosen", reference, caller, "4")
        await message_under_way(world, reference, 8000)

        await caller.digits("55")

        await live.wait_for("ControlRoomJoined", contact=reference)
        await hears(world.control_rooms[0], caller)
        await caller.hang_up()
    assert await both_recordings(sam, reference), "what was said before stays on record"
    await settle(world, reference)


async def both_recordings(sam: Client, reference: str) -> bool:
    async def there() -> bool:
        return len(await sam.get(f"contacts/{reference}/recordings", reason="test")) == 2

    await eventually(there)
    return True


async def test_a_key_leads_to_an_extension(world: World) -> None:
    async with in_the_menu(world) as (live, reference, caller):
        await press_until(live, "MenuChosen", reference, caller, "6")
        ben = world.phones["ben"]
        await ben.wait_for("ringing", 5)
        rung = await live.wait_for("PartyRung", contact=reference)
        assert rung["data"]["target"] == "Ben Okoro", "as their colleagues know them"
        shown = await contact(await world.api("sam"), reference)
        assert [g["handler"] for g in shown["guests"]] == ["ben"], "nobody else's call is offered to them meanwhile"
        await ben.answer()

        await live.wait_for("CallPassed", contact=reference)
        assert (await contact(await world.api("sam"), reference))["handler"] == "ben"
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
