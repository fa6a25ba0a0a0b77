"""An orderly stop of the gateway does not wait for what can no longer be written."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from channels.voice.call import Call
from channels.voice.flow import Desk, Story
from channels.voice.messages import Command, Snapshot
from config.load import load
from routing.events import CallerLeft, Event


class CallerGone:
    """A call process whose caller left while no gateway was there."""

    id, slot, gone = "0-1-a", 0, False
    snapshot = Snapshot(slot=0, pid=1, port=5060, begun=True)

    async def do(self, *commands: Command) -> None:
        """Everything is acknowledged."""

    def post(self, command: Command) -> None:
        """Everything is read."""

    async def next(self, deadline: float | None) -> Any:
        await asyncio.Event().wait()


class NobodyKnown:
    def view(self, reference: str) -> None:
        return None


async def test_a_story_that_is_stopped_does_not_wait_for_a_writer_that_has_stopped() -> None:
    # given a call whose news waits for a writer that will not come back
    reporting: asyncio.Queue[Event] = asyncio.Queue()

    async def report(event: Event) -> str:
        reporting.put_nowait(event)
        await asyncio.Event().wait()
        return ""

    settings = load(overlay={"edge": {"phone_secret": "x"}})
    story = Story(cast(Call, CallerGone()), "AAAA-0001", settings, cast(Desk, NobodyKnown()), report)
    telling = asyncio.create_task(story.resumed())
    assert await asyncio.wait_for(reporting.get(), 1) == CallerLeft("AAAA-0001")

    # when the gateway stops
    telling.cancel()

    # then the story ends: its call process is left to the next gateway
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asyncio.shield(telling), 1)
    assert telling.cancelled()
