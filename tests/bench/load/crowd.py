"""Hundreds of callers and their handlers' phones, all of whose sound is the mill's."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from gateway.store.records import Account
from routing.model import Handler
from tests.bench.load import proc
from tests.bench.load.meters import Reading, Span
from tests.bench.load.peers import Dialled, SelfWillingPhone
from tests.bench.load.site import Site, bridged_calls
from tests.bench.load.sound import Heard, Mill, mill

TALKING, HANDLERS, WAITING = range(3)  # the mill's ears
EARS = ("callers who talk", "handlers", "callers who wait")
FIRST_EXTENSION = 2001
CALLS_A_SECOND = 8
CONNECT_SECONDS = 40.0
SETTLE_SECONDS = 6.0  # the first RTCP report comes within 5 s (RFC 3550 section 6.2)
GOODBYES_AT_ONCE = 10


def people(count: int) -> Sequence[tuple[Handler, Account | None]]:
    return [(Handler(f"h{n}", f"H {n}", "fcc", extension=str(FIRST_EXTENSION + n)), None) for n in range(count)]


@dataclass(frozen=True, slots=True)
class Watched:
    """What happened in a while: sound by ear, the machine, the gateway's loop lag in ms, calls bridged at its end.

    ``shares``: per cent of one core, by part; ``memory``: PSS in MB, by part; ``calls``: the busy call processes.
    """

    heard: list[Heard]
    span: Span
    lag: dict[str, float]
    bridged: int
    calls: int
    shares: dict[str, float]
    memory: dict[str, float]

    @property
    def loss(self) -> float:
        """The largest of every ear's, and of the way in; per cent."""
        return max(self.loss_in, *(ear.percent for ear in self.heard))

    @property
    def loss_in(self) -> float:
        """On the way to the call processes, by their own count."""
        return max(ear.percent_there for ear in self.heard)


class Crowd:
    def __init__(self, here: Site, sound: Mill, phone: SelfWillingPhone) -> None:
        self.here, self._sound, self._phone = here, sound, phone
        self._callers: list[Dialled] = []

    async def seat_handlers(self, count: int) -> None:
        """One socket is everybody's telephone. A registration lasts a minute."""
        for n in range(count):
            await self.here.register(self._phone, str(FIRST_EXTENSION + n))

    async def call(self, count: int, ear: int) -> None:
        due = time.monotonic()
        for _ in range(count):
            self._callers.append(
                await Dialled.start(self.here, await self.here.peer(), self._sound.ports[ear], within=CONNECT_SECONDS)
            )
            due += 1 / CALLS_A_SECOND
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def until_bridged(self, count: int) -> int:
        """As many as there are by the deadline: what is missing is a figure."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CONNECT_SECONDS):
                while len(bridged_calls(self.here)) < count:
                    await asyncio.sleep(0.5)
        return len(bridged_calls(self.here))

    async def watch(self, seconds: float) -> Watched:
        await asyncio.sleep(SETTLE_SECONDS)
        here = self.here
        parts, ports = self._parts(), [*here.rtp_ports]
        pids = [pid for part in parts.values() for pid in part]
        await here.gateway.status("reset")
        before = await asyncio.to_thread(Reading.take, pids, ports)
        await self._sound.heard("reset")
        await asyncio.sleep(seconds)
        heard = await self._sound.heard()
        after = await asyncio.to_thread(Reading.take, pids, ports)
        span, status = Span(before, after), await here.gateway.status()
        memory = {name: sum(map(proc.pss_megabytes, part)) for name, part in parts.items()}
        return Watched(
            heard=heard,
            span=span,
            lag=status["lag"],
            bridged=len(bridged_calls(here)),
            calls=len(parts["call processes"]),
            shares={name: span.cpu(*part) for name, part in parts.items()},
            memory=memory,
        )

    async def leave(self) -> None:
        """Everybody hangs up."""
        for first in range(0, len(self._callers), GOODBYES_AT_ONCE):
            leaving = self._callers[first : first + GOODBYES_AT_ONCE]
            await asyncio.gather(*(call.hang_up() for call in leaving))
            for call in leaving:
                call.peer.close()
        self._callers.clear()

    def _parts(self) -> dict[str, list[int]]:
        """The processes of each part of the product, and of this load."""
        occupants = self.here.processes.call_processes().values()
        return {
            "call processes": [o.pid for o in occupants if o.legs],
            "gateway": [self.here.gateway.pid],
            "Kamailio": self.here.edge_pids,
            "what starts call processes": [*{proc.parent(o.pid) for o in occupants}],
            "this load itself": [os.getpid(), self._sound.pid],
        }


@asynccontextmanager
async def crowd(here: Site) -> AsyncIterator[Crowd]:
    async with mill(len(EARS)) as sound:
        phone = await SelfWillingPhone.open(here.settings.edge.port)
        phone.rtp_port = sound.ports[HANDLERS]
        try:
            yield Crowd(here, sound, phone)
        finally:
            phone.close()
