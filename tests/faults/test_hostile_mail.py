"""Malformed and unusual mail comes into the real mailbox: each becomes a contact with what could be read, the raw mail
is kept, and the mailbox goes on."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest

from gateway.sandbox.world import World
from gateway.store.journal import verify
from tests.journeys.test_email import OURS, mail
from tests.support.steps import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

CORPUS = sorted((Path(__file__).parent.parent / "data" / "mail").glob("*.msg"))


async def test_every_mail_of_the_malformed_corpus_is_kept_and_the_next_one_is_read(world: World) -> None:
    assert len(CORPUS) > 25
    before = {c["reference"] for c in await _email_contacts(world)}
    # given
    for file in CORPUS:
        await world.dovecot.deliver(await asyncio.to_thread(file.read_bytes), OURS, "somebody@example.org")
    # when a good one comes behind them
    await world.dovecot.deliver(mail("good@example.org", "Good", "Still there?", "<good@example.org>"), OURS)

    async def good_one_is_there() -> bool:
        return any(c["party"]["address"] == "good@example.org" for c in await _email_contacts(world))

    await eventually(good_one_is_there, 30)

    # then
    contacts = [c for c in await _email_contacts(world) if c["reference"] not in before]
    messages = [m for c in contacts for m in await world.store().messages(c["reference"]) if m.direction == "in"]
    assert len(messages) == len(CORPUS) + 1, "one message for each mail"
    for message in messages:
        raw = await asyncio.to_thread(Path(message.raw_path).read_bytes)
        assert hashlib.sha256(raw).hexdigest() == message.sha256
    broken = [m for m in messages if m.problems]
    assert broken, "what was broken is said"
    assert not await world.gateway.readiness()
    assert (await verify(world.store().journal())).broken is None


async def _email_contacts(world: World) -> list[dict[str, Any]]:
    sam = await world.api("sam")
    found = (await sam.get("contacts", limit=200, reason="test"))["contacts"]
    return [c for c in found if c["channel"] == "email"]
