"""One answer of the forkserver belongs to one request, also when the one who asked has gone."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from channels.voice.slot import Occupant, Slot, read_occupant, slots_dir
from channels.voice.spawn import Spawner
from tests.channels.voice.raw_sip import HOST, free_port_range, until


@pytest.fixture
def slots(directory: Path) -> Iterator[tuple[Slot, ...]]:
    sip, rtp = free_port_range(3), free_port_range(3, 16)
    slots_dir(directory).mkdir()
    slots = tuple(
        Slot(n, HOST, sip + n, rtp + 16 * n, f"sip:{HOST}:9;lr", directory, start_deadline=1, media_lost=2)
        for n in range(3)
    )
    yield slots
    for slot in slots:
        with suppress(ProcessLookupError):
            os.kill(read(slot).pid, signal.SIGKILL)


def read(slot: Slot) -> Occupant:
    occupant = read_occupant(slot.file)
    assert occupant is not None
    return occupant


def forkserver_of(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat[stat.rindex(")") + 2 :].split()[1])


async def test_a_start_that_is_given_up_half_way_gives_its_process_to_nobody_else(slots: tuple[Slot, ...]) -> None:
    # given a forkserver that was asked for a process, and is slow to answer
    forkserver = forkserver_of(await Spawner().start(slots[0]))
    os.kill(forkserver, signal.SIGSTOP)
    given_up = asyncio.create_task(Spawner().start(slots[1]))
    await asyncio.wait([given_up], timeout=0.1)  # by then it waits for the answer
    given_up.cancel()

    # when the next slot asks
    asking = asyncio.create_task(Spawner().start(slots[2]))
    os.kill(forkserver, signal.SIGCONT)
    pid = await asyncio.wait_for(asking, 30)

    # then it is told of its own process
    assert given_up.cancelled()
    await until(lambda: slots[1].file.exists() and slots[2].file.exists(), 30, "both processes have their slots")
    assert read(slots[2]).pid == pid != read(slots[1]).pid
