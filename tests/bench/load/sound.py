"""Our end of ``mill``: the RTP of every leg that the load has."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ANSWER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Heard:
    """One ear's legs since the last reset, in packets.

    ``lost``: missing sequence numbers at our ear; ``worst``: the same for the worst leg, in per cent of what it was
    sent; ``lost_there``: what the ``reports`` of call processes (RTCP) miss of our packets; ``late``: packets fewer
    than fifty a second make.
    """

    legs: int
    expected: int
    lost: int
    worst: float
    reports: int
    lost_there: int
    late: int

    @property
    def percent(self) -> float:
        return 100 * self.lost / max(1, self.expected)

    @property
    def percent_there(self) -> float:
        """We send as many as we are sent."""
        return 100 * self.lost_there / max(1, self.expected)


class Mill:
    """``ports``: where each ear hears RTP."""

    def __init__(self, process: asyncio.subprocess.Process, ports: list[int]) -> None:
        self._process = process
        self.ports = ports
        self.pid = process.pid

    async def heard(self, order: str = "status") -> list[Heard]:
        """Each ear; the order ``reset`` begins a new measurement."""
        assert self._process.stdin is not None
        self._process.stdin.write(order.encode() + b"\n")
        return [Heard(**ear) for ear in await _answer(self._process)]


@asynccontextmanager
async def mill(ears: int) -> AsyncIterator[Mill]:
    process = await asyncio.create_subprocess_exec(
        *("setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "tests.bench.load.mill", str(ears)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    try:
        yield Mill(process, await _answer(process))
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _answer(process: asyncio.subprocess.Process) -> Any:
    assert process.stdout is not None
    async with asyncio.timeout(ANSWER_SECONDS):
        line = await process.stdout.readline()
    if not line:
        raise RuntimeError("the mill has ended")
    return json.loads(line)
