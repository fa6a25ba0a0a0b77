"""The recording of a talk: who is on which side of it, a pause in it, and how it is listened to."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from gateway.sandbox.client import ApiError
from gateway.sandbox.world import World
from tests.support.steps import answered_by, contact, does_not_hear, hears, stage, wrap_up
from tests.support.tracks import Tracks

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_caller_is_left_the_handler_right_a_pause_is_silent_and_a_whisper_nowhere(world: World) -> None:
    sam, sams_phone = await world.api("sam"), world.phones["sam"]
    async with sam.live() as live, await world.caller("+447700900611") as caller:
        reference = (await live.wait_for("CallArrived"))["contact"]
        name, phone = await answered_by(world, live, reference)
        desk, path = await world.api(name), f"contacts/{reference}/call/recording"
        await hears(phone, caller)

        # when the handler pauses the recording, everybody goes on hearing each other
        await desk.put(path, {"paused": True, "reason": "card number"})
        paused = await live.wait_for("RecordingPaused", contact=reference)
        assert (paused["data"]["by"], paused["data"]["why"]) == (f"handler:{name}", "card number")
        assert (await contact(desk, reference))["recording_paused"] is True
        with pytest.raises(ApiError, match="paused already"):
            await desk.put(path, {"paused": True, "reason": "again"})
        await hears(phone, caller)
        await hears(caller, phone)
        await desk.put(path, {"paused": False})
        await live.wait_for("RecordingResumed", contact=reference)
        with pytest.raises(ApiError, match="not paused"):
            await desk.put(path, {"paused": False})
        await hears(phone, caller)

        # and a supervisor whispers to the handler, who is told
        supervision = {"mode": "whisper", "reason": "advice"}
        await sam.put(f"contacts/{reference}/call/supervision", supervision)
        await sams_phone.wait_for("ringing", 5)
        await sams_phone.answer()
        told = await live.wait_for("Supervised", contact=reference)
        assert (told["handler"], told["data"]["mode"]) == (name, "whisper")
        await hears(phone, sams_phone, caller)
        await does_not_hear(caller, sams_phone)
        await caller.hang_up()

        # then
        made = (await live.wait_for("RecordingMade", contact=reference))["data"]
    await wrap_up(world, name, reference)
    assert await stage(sam, reference) == "closed"
    file = Path(made["path"])
    assert hashlib.sha256(file.read_bytes()).hexdigest() == made["sha256"]
    tracks = Tracks.of(file)
    assert caller.tone and phone.tone and sams_phone.tone
    assert sum(tracks.heard(tracks.left, caller.tone)) > 8 and sum(tracks.heard(tracks.right, phone.tone)) > 8
    assert not any(tracks.heard(tracks.left, phone.tone)) and not any(tracks.heard(tracks.right, caller.tone))
    assert not any(tracks.heard(tracks.left, sams_phone.tone)) and not any(tracks.heard(tracks.right, sams_phone.tone))
    assert len(tracks.silences()) >= 4  # two listened for 0.6 s each
    # and it is kept for six years, to be listened to in parts
    (listed,) = await sam.get(f"contacts/{reference}/recordings", reason="test")
    assert (listed["sha256"], listed["state"], listed["held"]) == (made["sha256"], "kept", "")
    assert listed["keep_until"]


async def test_a_pause_ends_with_an_emergency_and_none_can_begin_in_one(world: World) -> None:
    sam = await world.api("sam")
    async with sam.live() as live, await world.caller("+447700900612") as caller:
        reference = (await live.wait_for("CallArrived"))["contact"]
        name, phone = await answered_by(world, live, reference)
        desk, path = await world.api(name), f"contacts/{reference}/call/recording"
        await hears(phone, caller)
        await desk.put(path, {"paused": True, "reason": "card number"})
        await live.wait_for("RecordingPaused", contact=reference)

        await caller.digits("55")

        resumed = await live.wait_for("RecordingResumed", contact=reference)
        assert resumed["data"]["by"] == "system"
        with pytest.raises(ApiError, match="recorded throughout"):
            await desk.put(path, {"paused": True, "reason": "again"})
        await live.wait_for("ControlRoomJoined", contact=reference)
        await caller.hang_up()
        await live.wait_for("CallerLeft", contact=reference)
    await wrap_up(world, name, reference)
