"""How soon a caller whom no call process takes rings elsewhere: ``python tests/bench/overflow.py [--quick]``.

A raw caller's clock, from sending the INVITE to the edge to the overflow target's 180 that comes back through it.
Busy: no slot is open. Refused: three open slots answer 503, as when the database cannot write. Dead: three open
slots say nothing at all, which is the worst: each is given up after its own time.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.lib import Options, Report, read_options, run
from tests.channels.voice.edge_peers import SDP, Peer, Scene, scene

NUMBER = "sip:101@127.0.0.1"
SLOTS = 3


async def overflow(options: Options, report: Report) -> None:
    with TemporaryDirectory(prefix="overflow-") as folder:
        async with scene(Path(folder), slots=SLOTS) as edge, _rings(edge.overflow):
            busy = [await _one(edge) for _ in range(options.size(200, 10))]
            async with _refuses(*edge.slots):
                refused = [await _one(edge, *range(SLOTS)) for _ in range(options.size(100, 5))]
            dead = [await _one(edge, *range(SLOTS)) for _ in range(options.size(10, 2))]
    report.spread("every slot busy: INVITE to the overflow target's 180", busy, "ms", target=20)
    report.spread("three slots refuse first", refused, "ms", target=50)
    report.spread("three dead slots first", dead, "ms", target=3000)


async def _one(edge: Scene, *open_slots: int) -> float:
    """Milliseconds until it rings at the overflow target; the caller then gives up."""
    await edge.open_slots(*open_slots)
    caller = await edge.peer()
    sent_at = time.monotonic()
    caller.request("INVITE", NUMBER, body=SDP)
    ringing = await caller.get("180", within=10)
    return 1000 * (ringing.at - sent_at)


@asynccontextmanager
async def _rings(target: Peer) -> AsyncIterator[None]:
    async with _answers(target, 180):
        yield


@asynccontextmanager
async def _refuses(*slots: Peer) -> AsyncIterator[None]:
    async with _answers(slots[0], 503), _answers(slots[1], 503), _answers(slots[2], 503):
        yield


@asynccontextmanager
async def _answers(peer: Peer, code: int) -> AsyncIterator[None]:
    """Every INVITE that comes meanwhile, at once."""

    async def answer() -> None:
        while True:
            with suppress(TimeoutError):
                peer.reply(await peer.get("INVITE", within=60), code)

    task = asyncio.create_task(answer())
    try:
        yield
    finally:
        task.cancel()


def main() -> int:
    options = read_options("Measure how soon a caller whom no call process takes rings elsewhere.")
    report = Report("Overflow", options.quick)
    for _ in range(options.repeat):
        run(overflow(options, report))
    return report.finish(options.out)


if __name__ == "__main__":
    raise SystemExit(main())
