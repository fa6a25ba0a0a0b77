"""Contacts whose call is gone are mended; a call that is only just coming in is not taken for one."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

from gateway.recovery import Reconciler
from gateway.store.records import CallRecord
from routing.events import CallArrived
from routing.model import Party
from tests.support.writer import Writer, settings_for


class Arriving:
    """No story has begun yet; one call is being written down."""

    def __init__(self, call_id: str) -> None:
        self._call_id = call_id

    async def adopted(self) -> None: ...

    def has(self, reference: str) -> bool:
        return False

    def arriving(self, call_id: str) -> bool:
        return call_id == self._call_id


async def kinds_after_two_looks(directory: Path, calls: Arriving) -> list[str]:
    """What is in the journal of a call that arrives while the database takes nothing, and is looked for twice."""
    file = directory / "gateway.db"
    async with Writer(f"sqlite+aiosqlite:///{file}", settings_for(directory)) as writer:
        reconciler = Reconciler(writer.dispatcher, calls)
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        arrived = CallArrived("C1", "call1", "general", Party("+441632960001"), "101")
        coming = asyncio.create_task(writer.dispatcher.submit(arrived, CallRecord("call1", "C1", 1.0)))
        async with asyncio.timeout(5):
            while "C1" not in writer.dispatcher.board.contacts:
                await asyncio.sleep(0.01)
        await reconciler.compare()
        second_look = asyncio.create_task(reconciler.compare())
        await asyncio.sleep(0)  # it has begun, and what it tells waits for the database
        other.rollback()
        other.close()
        await asyncio.gather(coming, second_look)
        return [row.kind async for row in writer.store.journal(reference="C1")]


async def test_a_caller_who_is_being_written_down_slowly_is_not_taken_for_lost(tmp_path: Path) -> None:
    assert await kinds_after_two_looks(tmp_path, Arriving("call1")) == ["CallArrived"]


async def test_a_caller_whose_call_is_not_there_is_called_back(tmp_path: Path) -> None:
    assert "CallLost" in await kinds_after_two_looks(tmp_path, Arriving("another"))
