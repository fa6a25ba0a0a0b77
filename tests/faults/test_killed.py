"""Processes die at any moment; nobody on the line is lost, nothing is doubled."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from channels.voice.fallback import UNHEARD_SECONDS
from gateway.sandbox.client import ApiError
from gateway.sandbox.person import SILENT
from gateway.sandbox.world import OUTSIDE_ANSWERS, World
from gateway.store.journal import verify
from tests.support.shared_world import OVERLAY
from tests.support.steps import (
    answered_by,
    contact,
    eventually,
    everybody_away,
    hears,
    kinds,
    message_under_way,
    press_until,
    settle,
    stage,
    wrap_up,
)
from tests.support.tracks import Tracks

pytestmark = pytest.mark.asyncio(loop_scope="session")
MENU, LOST = "+441632960103", "+441632960104"


async def nobody_answers(world: World) -> None:
    """No handler; and no control room, should the next gateway be slow to come."""
    await everybody_away(world)
    for room in world.control_rooms:
        world.behave(room, SILENT)


async def kinds_written(world: World, reference: str) -> list[str]:
    """While no gateway is there to ask."""
    return [row.kind async for row in world.store().journal(reference=reference)]


@contextmanager
def nothing_written(world: World) -> Iterator[None]:
    """The database takes nothing meanwhile: what the gateway is told, it has not written when it is killed."""
    path = world.settings.store.url.removeprefix("sqlite+aiosqlite:///")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.rollback()
        other.close()


async def test_the_gateway_is_killed_while_two_people_talk_and_neither_notices(world: World) -> None:
    sam = await world.api("sam")
    async with sam.live() as live, await world.caller("+447700900401") as caller:
        reference = (await live.wait_for("CallArrived"))["contact"]
        name, phone = await answered_by(world, live, reference)
        await hears(phone, caller)
        desk, recording = await world.api(name), f"contacts/{reference}/call/recording"
        await desk.put(recording, {"paused": True, "reason": "card number"})
        await live.wait_for("RecordingPaused", contact=reference)

        # when
        await world.kill_gateway()

        # then they go on talking, without a gateway and with the next one
        await hears(phone, caller)
        await hears(caller, phone)
        await world.start_gateway()
        await hears(phone, caller)
        assert await stage(sam, reference) == "assigned"
        # which knows that the recording is paused
        with pytest.raises(ApiError, match="paused already"):
            await desk.put(recording, {"paused": True, "reason": "again"})
        await desk.put(recording, {"paused": False})
        await hears(phone, caller)

    # and the next gateway knows the call: the caller's hang-up ends it, the recording is whole
    async with sam.live(after=0) as live:
        await live.wait_for("CallerLeft", contact=reference)
        made = await live.wait_for("RecordingMade", contact=reference)
    assert caller.tone and phone.tone
    tracks = Tracks.of(Path(made["data"]["path"]))
    for side, tone in ((tracks.left, caller.tone), (tracks.right, phone.tone)):
        heard = tracks.heard(side, tone)
        assert heard.index(True) < min(tracks.silences()[1:]) and any(heard[-4:]), "before the pause, and to the end"
    await wrap_up(world, name, reference)
    assert await stage(sam, reference) == "closed"
    happened = await kinds(sam, reference)
    assert happened.count("CallArrived") == happened.count("OfferAccepted") == 1
    assert "CallLost" not in happened


async def test_the_gateway_is_killed_while_a_caller_waits_and_they_keep_their_place(world: World) -> None:
    sam = await world.api("sam")
    await nobody_answers(world)
    async with sam.live() as live, await world.caller("+447700900402") as caller:
        reference = (await live.wait_for("CallQueued"))["contact"]
        queued_at = (await contact(sam, reference))["queued_at"]

        # when the gateway dies and comes back
        await world.kill_gateway()
        assert caller.state == "talking"
        await world.start_gateway()

        # then the caller is still in the same place, and a handler gets them
        assert caller.state == "talking"
        assert (await contact(sam, reference))["queued_at"] == queued_at
        async with sam.live() as again:
            await (await world.api("ben")).put("me/presence", {"state": "available"})
            name, phone = await answered_by(world, again, reference)
            await hears(phone, caller)
            await phone.hang_up()
            await again.wait_for("CallEnded", contact=reference)
    await wrap_up(world, name, reference)


async def test_the_gateway_is_killed_while_a_caller_is_in_a_menu_and_they_are_still_there(world: World) -> None:
    sam = await world.api("sam")
    await nobody_answers(world)
    async with sam.live() as live, await world.caller("+447700900410", to=MENU) as caller:
        # given a caller who hears a message from which the menu goes on
        reference = (await live.wait_for("CallArrived"))["contact"]
        await caller.wait_for("talking", 3)
        await press_until(live, "MenuChosen", reference, caller, "2")

        # when the gateway dies and comes back
        await world.kill_gateway()
        await world.start_gateway()

        # then the message and the menu after it are still theirs
        async with sam.live() as again:
            await press_until(again, "MenuChosen", reference, caller, "1")
            await again.wait_for("CallQueued", contact=reference)
        assert (await kinds(sam, reference)).count("CallQueued") == 1
        await caller.hang_up()
    await settle(world, reference)


async def test_a_key_pressed_while_no_gateway_is_there_counts_in_the_menu(world: World) -> None:
    sam = await world.api("sam")
    await nobody_answers(world)
    async with sam.live() as live, await world.caller("+447700900411", to=MENU) as caller:
        reference = (await live.wait_for("CallArrived"))["contact"]
        await caller.wait_for("talking", 3)

        # when the gateway dies in the greeting, and the caller knows the menu
        await world.kill_gateway()
        await caller.digits("1")
        await world.start_gateway()

        # then
        async with sam.live(after=0) as again:
            queued = await again.wait_for("CallQueued", 20, contact=reference)
        assert queued["data"]["queue"] == "crime"
        await caller.hang_up()
    await settle(world, reference)


async def test_the_gateway_is_killed_in_a_voicemail_and_every_word_of_it_is_recorded(world: World) -> None:
    sam = await world.api("sam")
    await nobody_answers(world)
    async with sam.live() as live, await world.caller("+447700900412", to=MENU) as caller:
        reference = (await live.wait_for("CallArrived"))["contact"]
        await caller.wait_for("talking", 3)
        await press_until(live, "MenuChosen", reference, caller, "4")
        await message_under_way(world, reference, 8000)

        # when
        await world.kill_gateway()
        await message_under_way(world, reference, 48_000)
        await world.start_gateway()

        # then the message goes on, and is kept as one
        async with sam.live() as again:
            left = await press_until(again, "VoicemailLeft", reference, caller, "#")
        assert left["data"]["path"].endswith("-message-1.wav") and left["data"]["seconds"] > 3
        await caller.wait_for("idle", 5)
    assert await stage(sam, reference) == "queued"
    await settle(world, reference)


async def test_the_gateway_is_killed_while_a_phone_rings_and_the_answer_still_joins_them(world: World) -> None:
    sam = await world.api("sam")
    async with sam.live() as live, await world.caller("+447700900403") as caller:
        offer = await live.wait_for("MakeOffer")
        reference, name = offer["contact"], offer["handler"]
        phone = world.phones[name]
        await phone.wait_for("ringing", 5)

        # when the gateway dies, and the handler picks up before the next one is there
        await world.kill_gateway()
        await phone.answer()
        await hears(phone, caller)
        await world.start_gateway()

        # then the board learns that they talk
        async def assigned() -> bool:
            return await stage(sam, reference) == "assigned"

        await eventually(assigned)
        await hears(caller, phone)
        await phone.hang_up()
        await caller.wait_for("idle", 5)

        async def over() -> bool:
            return await stage(sam, reference) == "wrap_up"

        await eventually(over)
    await wrap_up(world, name, reference)


async def test_the_gateway_is_killed_when_a_colleague_has_just_got_the_caller_and_the_contact_becomes_theirs(
    world: World,
) -> None:
    sam = await world.api("sam")
    async with sam.live() as live, await world.caller("+447700900413") as caller:
        reference = (await live.wait_for("CallArrived"))["contact"]
        name, phone = await answered_by(world, live, reference)
        other = "ben" if name != "ben" else "anna"
        colleague, desk = world.phones[other], await world.api(name)
        await desk.post(f"contacts/{reference}/call/third", {"role": "transfer", "to": {"handler": other}})
        await colleague.wait_for("ringing", 5)

        # when the gateway dies before it could write down that they have the caller
        with nothing_written(world):
            await colleague.answer()
            await phone.wait_for("idle", 5)
            await hears(colleague, caller)
            await world.kill_gateway()
        assert (await kinds_written(world, reference)).count("CallPassed") == 0
        await world.start_gateway()

        # then the next one learns of it from the call itself
        async def theirs() -> bool:
            shown = await contact(sam, reference)
            return (shown["handler"], shown["wrap_ups"]) == (other, [name])

        await eventually(theirs)
        await hears(caller, colleague)
        await caller.hang_up()
        await colleague.wait_for("idle", 5)
    for who in (name, other):
        await wrap_up(world, who, reference)
    assert await stage(sam, reference) == "closed"


async def test_the_gateway_is_killed_when_a_queue_has_just_led_its_caller_outside_and_no_phone_rings_for_them(
    world: World,
) -> None:
    sam = await world.api("sam")
    await nobody_answers(world)
    world.behave(world.public, SILENT)
    async with sam.live() as live, await world.caller("+447700900414", to=LOST) as caller:
        reference = (await live.wait_for("CallQueued"))["contact"]
        await world.public.wait_for("ringing", 20)

        # when
        with nothing_written(world):
            await world.public.answer()
            await hears(world.public, caller)
            await world.kill_gateway()
        assert (await kinds_written(world, reference)).count("LedOut") == 0
        await world.start_gateway()

        # then
        async def passed() -> bool:
            return await stage(sam, reference) == "passed"

        await eventually(passed)
        await hears(caller, world.public)
        await world.public.hang_up()
        await caller.wait_for("idle", 5)
    await settle(world, reference)


async def test_who_answered_while_the_gateway_was_away_for_longer_than_phones_ring_keeps_the_caller(
    tmp_path: Path,
) -> None:
    overlay = OVERLAY | {"routing": {"voice_offer_seconds": 6}}
    async with World(tmp_path, overlay=overlay, slots=2) as world:
        sam = await world.api("sam")
        async with sam.live() as live, await world.caller("+447700900404") as caller:
            offer = await live.wait_for("MakeOffer")
            reference, name = offer["contact"], offer["handler"]
            phone, made_at = world.phones[name], time.time()
            await phone.wait_for("ringing", 5)

            # when the gateway dies, the handler picks up, and the offer's time passes
            await world.kill_gateway()
            await phone.answer()
            await hears(phone, caller)

            async def over() -> bool:
                return time.time() > made_at + 6

            await eventually(over)
            await world.start_gateway()

            # then nobody else is rung, and the board learns that they talk
            async def assigned() -> bool:
                return await stage(sam, reference) == "assigned"

            await eventually(assigned)
            assert (await kinds(sam, reference)).count("MakeOffer") == 1
            await hears(caller, phone)


async def test_nobody_comes_back_and_the_call_process_itself_brings_the_control_room(world: World) -> None:
    sam = await world.api("sam")
    room = world.control_rooms[0]
    world.behave(room, OUTSIDE_ANSWERS)
    await everybody_away(world)
    async with sam.live() as live, await world.caller("+447700900404") as caller:
        reference = (await live.wait_for("CallQueued"))["contact"]

        # when no gateway is there for longer than the fallback time
        await world.kill_gateway()
        await room.wait_for("talking", world.settings.voice.fallback_seconds + 10)

        # then a human hears the caller
        await hears(room, caller)

        # and when a gateway is back, it finds them talking
        await world.start_gateway()
        await hears(room, caller)

        async def joined() -> bool:
            return ((await contact(sam, reference))["handover"] or {}).get("state") == "joined"

        await eventually(joined)
        await caller.hang_up()

    async def wanted() -> bool:
        return await stage(sam, reference) in ("queued", "offered", "closed")

    await eventually(wanted)
    await settle(world, reference)


async def test_55_pressed_in_a_conversation_while_no_gateway_is_there_brings_the_control_room(world: World) -> None:
    sam = await world.api("sam")
    room = world.control_rooms[0]
    async with sam.live() as live, await world.caller("+447700900408") as caller:
        reference = (await live.wait_for("CallArrived"))["contact"]
        _, phone = await answered_by(world, live, reference)
        await hears(phone, caller)

        # when
        await world.kill_gateway()
        await caller.digits("55")

        # then the call process itself brings the control room in, at once, and the handler stays
        await room.wait_for("talking", 5)
        await hears(room, caller, phone)
        await hears(caller, room, phone)

        # and the next gateway knows
        await world.start_gateway()

        async def known() -> bool:
            shown = await contact(sam, reference)
            return bool(shown["emergency"]) and (shown["handover"] or {}).get("state") == "joined"

        await eventually(known)
        await hears(room, caller, phone)
        await caller.hang_up()
        await phone.wait_for("idle", 5)
    await settle(world, reference)


async def test_55_pressed_that_a_killed_gateway_could_not_write_down_is_known_to_the_next_one(world: World) -> None:
    sam, room = await world.api("sam"), world.control_rooms[0]
    await nobody_answers(world)
    async with sam.live() as live, await world.caller("+447700900415") as caller:
        reference = (await live.wait_for("CallQueued", 20))["contact"]

        # given a control room that rings for longer than a call process keeps keys in mind by itself
        with nothing_written(world):
            await caller.digits("55")
            await room.wait_for("ringing", 5)
            await caller.hears([400], UNHEARD_SECONDS)
            # when
            await world.kill_gateway()
        assert (await kinds_written(world, reference)).count("EmergencyRaised") == 0
        await world.start_gateway()

        # then
        async def known() -> bool:
            return bool((await contact(sam, reference))["emergency"])

        await eventually(known)
        for phone in world.control_rooms:
            world.behave(phone, OUTSIDE_ANSWERS)

        async def joined() -> bool:
            return ((await contact(sam, reference))["handover"] or {}).get("state") == "joined"

        await eventually(joined, 40)
        await caller.hang_up()
    await settle(world, reference)


async def test_a_caller_who_hangs_up_while_no_gateway_is_there_hung_up_and_was_not_cut_off(world: World) -> None:
    sam = await world.api("sam")
    async with sam.live() as live, await world.caller("+447700900409") as caller:
        reference = (await live.wait_for("CallArrived"))["contact"]
        name, phone = await answered_by(world, live, reference)
        await hears(phone, caller)

        # when
        await world.kill_gateway()
        await caller.hang_up()
        await phone.wait_for("idle", 5)
        await world.start_gateway()

    # then
    async with sam.live(after=0) as live:
        await live.wait_for("CallerLeft", contact=reference)
    async with sam.live(after=0) as live:  # made of what the process left, before or after its call is known again
        await live.wait_for("RecordingMade", contact=reference)
    await wrap_up(world, name, reference)
    assert await stage(sam, reference) == "closed"
    assert "CallLost" not in await kinds(sam, reference)


async def test_with_no_gateway_new_callers_reach_the_overflow_target(world: World) -> None:
    await world.kill_gateway()
    try:
        async with await world.caller("+447700900405") as caller:
            await world.overflow.wait_for("talking", 10)
            await hears(world.overflow, caller)
    finally:
        await world.start_gateway()


async def test_a_call_process_is_killed_only_its_caller_is_affected_and_is_called_back(world: World) -> None:
    sam = await world.api("sam")
    world.behave(world.public, OUTSIDE_ANSWERS)
    async with sam.live() as live, await world.caller("+447700900406") as other:
        undisturbed = (await live.wait_for("CallArrived"))["contact"]
        other_name, other_phone = await answered_by(world, live, undisturbed)
        slot_of_other = next(s for s, o in world.call_processes().items() if o.legs)
        async with await world.caller("+447700900407") as caller:
            reference = (await live.wait_for("CallArrived"))["contact"]
            name, phone = await answered_by(world, live, reference)
            slot = next(s for s, o in world.call_processes().items() if o.legs and s != slot_of_other)
            await hears(caller, phone)

            # when
            world.kill_call_process(slot)

            # then both its peers are released at once and nobody else is
            await caller.wait_for("idle", 10)
            await phone.wait_for("idle", 10)
            await hears(other_phone, other)

            # and the number becomes a callback for the next handler, the last one writes up
            await live.wait_for("CallLost", contact=reference)
            offer = await live.wait_for("MakeOffer", contact=reference)
            assert offer["handler"] not in (name, other_name)
            desk = await world.api(offer["handler"])
            await desk.post(f"offers/{offer['data']['offer']['id']}/accept")
            back = world.phones[offer["handler"]]
            await back.wait_for("ringing", 5)
            await back.answer()
            await world.public.wait_for("talking", 8)
            await hears(world.public, back)
            await back.hang_up()
            await live.wait_for("CallEnded", contact=reference)
            # what was recorded before the process died is kept
            recordings = await sam.get(f"contacts/{reference}/recordings", reason="test")
            assert len(recordings) >= 1
            rows = await sam.get(f"contacts/{reference}/journal", reason="test")
            first = next(row for row in rows if row["kind"] == "RecordingMade")
            tracks = Tracks.of(Path(first["data"]["path"]))
            assert caller.tone and any(tracks.heard(tracks.left, caller.tone))
            assert phone.tone and any(tracks.heard(tracks.right, phone.tone))
        await wrap_up(world, name, reference)
        await wrap_up(world, offer["handler"], reference)
        await other.hang_up()
        await live.wait_for("CallerLeft", contact=undisturbed)
    await wrap_up(world, other_name, undisturbed)
    assert await stage(sam, reference) == "closed"


async def test_the_gateway_is_killed_in_the_middle_of_texts_and_every_one_is_there_once(world: World) -> None:
    sam = await world.api("sam")
    sids = [f"SM{n:032x}" for n in range(1, 41)]

    async def bring(sid: str, number: int) -> int:
        return await world.carrier.text_in(f"+4477009005{number:02d}", "61016", f"text {number}", message_sid=sid)

    # given texts that are being brought while the gateway dies
    bringing = asyncio.gather(*(bring(sid, n) for n, sid in enumerate(sids)))
    await world.kill_gateway()
    first = await bringing
    await world.start_gateway()

    # when the carrier brings again what was not answered 2xx
    for number, sid in enumerate(sids):
        if first[number] != 200:
            assert await bring(sid, number) == 200

    # then every text is there once, is acknowledged once, and the journal is whole
    for number in range(len(sids)):
        found = (await sam.get("contacts", party=f"+4477009005{number:02d}", reason="test"))["contacts"]
        assert len(found) == 1
    await world.carrier.wait_for_sent(lambda m: m.recipient == "+447700900539", deadline=20)

    async def acknowledged() -> bool:
        return len({m.recipient for m in world.carrier.outbox if m.recipient.startswith("+4477009005")}) == len(sids)

    await eventually(acknowledged, 20)
    texts = [m.recipient for m in world.carrier.outbox if m.recipient.startswith("+4477009005")]
    assert len(texts) == len(set(texts))
    assert (await verify(world.store().journal())).broken is None
