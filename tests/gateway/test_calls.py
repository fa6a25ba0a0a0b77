"""What a call's story tells is written down, also when the database is away at that moment."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from gateway.calls import CallDesk
from gateway.dispatcher import NotWritten
from gateway.store.records import CallRecord
from routing import events as ev
from routing.model import Party
from tests.support.postgres import Postgres
from tests.support.writer import Writer, settings_for


async def test_a_recording_that_is_told_while_the_database_is_down_is_written_when_it_is_back(
    postgres: Postgres, tmp_path: Path
) -> None:
    """The contact is closed by then, so its queue is looked up in the database, too."""
    settings = settings_for(tmp_path)
    async with Writer(await postgres.create(), settings) as writer:
        desk = CallDesk(writer.dispatcher, writer.store, time.time, settings)
        arrived = ev.CallArrived("C1", "call1", "general", Party("+441632960001"), "101")
        await writer.dispatcher.submit(arrived, CallRecord("call1", "C1", 1.0))
        await writer.dispatcher.submit(ev.CallerLeft("C1"))

        await asyncio.to_thread(postgres.stop)
        try:
            telling = asyncio.create_task(desk.report(ev.RecordingMade("C1", "/kept/C1_1.flac", "hash", 2.5)))
            with pytest.raises(NotWritten):
                await writer.text(1)
        finally:
            await asyncio.to_thread(postgres.start)
        async with asyncio.timeout(20):
            await telling

        assert [kept.path for kept in await writer.store.recordings("C1")] == ["/kept/C1_1.flac"]
