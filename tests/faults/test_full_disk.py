"""A disk without room: no text is answered as taken, everybody is told, and in the end each is there once."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from gateway.sandbox.client import Client
from gateway.sandbox.world import World
from tests.support.steps import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

LINE, SECOND = "61016", "61017"
LOOKS = 100


@contextmanager
def disk_full_for(pid: int | None) -> Iterator[None]:
    """Nothing that the process writes to a file arrives there (setrlimit(2), RLIMIT_FSIZE)."""
    assert pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


async def written_by(sam: Client, sender: str) -> list[str]:
    """What the person wrote, in all their contacts."""
    found = (await sam.get("contacts", party=sender, reason="test"))["contacts"]
    messages = [m for c in found for m in await sam.get(f"contacts/{c['reference']}/messages", reason="test")]
    return [m["body"] for m in messages if m["direction"] == "in"]


async def test_a_webhook_that_cannot_be_written_down_is_answered_503_until_it_can_and_is_one_message(
    world: World,
) -> None:
    sam, twilio, second = await world.api("sam"), world.carrier, world.second_carrier
    sid, words = f"SM{uuid4().hex}", "my bag is gone"
    batch: dict[str, Any] = {
        "messages": [{"id": "f1", "from": "447700900641", "to": SECOND, "text": words, "sent": 1.0, "files": []}]
    }

    # given a disk that is full: both carriers are told that we have not got it, and all the while we are not ready
    with disk_full_for(world.gateway.pid):
        assert await twilio.text_in("+447700900642", LINE, words, message_sid=sid) == 503
        assert await second.post(second.webhook_url, batch) == 503
        async with aiohttp.ClientSession() as web:
            for _ in range(LOOKS):
                async with web.get(f"{world.gateway_url}/readyz") as answer:
                    assert answer.status == 503, "it is not ready for a moment"
        assert await twilio.text_in("+447700900642", LINE, words, message_sid=sid) == 503

    # when there is room again, then it is ready by itself, and what they bring again is taken, once
    await eventually(lambda: _ready(world))
    for _ in range(2):
        assert await twilio.text_in("+447700900642", LINE, words, message_sid=sid) == 200
        assert await second.post(second.webhook_url, batch) == 200
    assert await written_by(sam, "+447700900642") == [words]
    assert await written_by(sam, "+447700900641") == [words]

    # and so is what is acknowledged
    await eventually(lambda: _acknowledged(world))
    assert [m.recipient for m in twilio.outbox].count("+447700900642") == 1


async def _ready(world: World) -> bool:
    return not await world.gateway.readiness()


async def _acknowledged(world: World) -> bool:
    return "+447700900642" in [m.recipient for m in world.carrier.outbox]
