"""One world for all journeys and fault tests: real servers, real telephones, a real gateway process.

Each test starts with every handler available and nothing open.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.sandbox.world import OUTSIDE_ANSWERS, World
from tests.support.steps import clear, everybody_available

SHORT_WORDS = {
    "recording_notice": "Recorded.",
    "greeting": "Police.",
    "emergency_reminder": "Emergency: 5 5.",
    "voicemail_greeting": "Speak.",
    "voicemail_review": "Press 1.",
}
OVERLAY = {
    "voice": {
        "position_every_seconds": 4,
        "fallback_seconds": 8,
        "media_lost_seconds": 5,
        "keep_place_after_seconds": 3,
        "silent_after_seconds": 3,
        "voicemail_silence_seconds": 2,
        "interpreters": [{"language": "polish", "name": "Language line", "number": "+441632960777"}],
    },
    "routing": {"decline_pause_seconds": 2, "owner_first_seconds": 3, "emergency_silence_seconds": 4},
    "control_room": {"retry_pause_seconds": 0.5},
    "prompts": {"texts": SHORT_WORDS},
    "text": {"replay_window_seconds": 12},
}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with World(tmp_path_factory.mktemp("world"), overlay=OVERLAY) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="session")
async def world(shared_world: World) -> AsyncIterator[World]:
    for phone in (shared_world.public, shared_world.overflow, *shared_world.control_rooms):
        shared_world.behave(phone, OUTSIDE_ANSWERS)
    if not shared_world.gateway.running:
        await shared_world.start_gateway()
    await everybody_available(shared_world)
    await clear(shared_world)
    yield shared_world
