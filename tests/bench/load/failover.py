"""An emergency whose first control rooms are dead in every way: how much longer than configured does it take?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from channels.voice.control import UNREACHABLE_SECONDS
from routing.model import Handler
from tests.bench.lib import Options, Report
from tests.bench.load.mill import FRAME_SECONDS
from tests.bench.load.peers import Dialled, Rtp, SelfWillingPhone
from tests.bench.load.site import Site, site
from tests.channels.voice.edge_peers import HOST, Peer, free_ports

RING_SECONDS = 4
# 240.0.0.0/4 is reserved (RFC 1112): no machine has a route to it, and nothing leaves this one.
NO_ROUTE = "sip:control-room@240.0.0.1:5060"
HANDLER = Handler("anna", "Anna", "fcc", extension="2001")
ALLOWED_MORE_MS = 200
SPARE_SECONDS = 10.0
CALLS, QUICK_CALLS = 5, 1


@dataclass(frozen=True, slots=True)
class Dead:
    """A target that nobody answers at. ``seconds``: how long it may cost, by what is configured."""

    what: str
    uri: str
    seconds: float


class Busy(Peer):
    """Refuses at once."""

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        super().datagram_received(data, addr)
        if self.received[-1].what == "INVITE":
            self.reply(self.received[-1], 486)


async def failover(options: Options, report: Report) -> None:
    """Second 5 pressed to INVITE at the living control room; then with the caller in conversation all the while."""
    count = options.calls or options.size(CALLS, QUICK_CALLS)
    port = free_ports()
    async with AsyncExitStack() as stack:
        busy, ringing, silent = [
            await stack.enter_async_context(_peer(kind)) for kind in (Busy, SelfWillingPhone, Peer)
        ]
        kinds = {
            "refuses": Dead("refuses at once", _uri(busy), 0.0),
            "rings": Dead("rings and is not answered", _uri(ringing), RING_SECONDS),
            "silent": Dead("says nothing", _uri(silent), min(UNREACHABLE_SECONDS, RING_SECONDS)),
            "no route": Dead("has no route", NO_ROUTE, 0.0),
        }
        for names in (("refuses", "rings", "no route"), ("refuses", "rings", "silent"), ("silent",) * 3):
            await _measure(report, [kinds[name] for name in names], port, count, [busy, ringing])


async def _measure(report: Report, dead: list[Dead], living: int, count: int, peers: list[Peer]) -> None:
    allowed = sum(one.seconds for one in dead)
    async with site(slots=2 * count + 2, handlers=[(HANDLER, None)], overlay=_overlay(dead, living)) as here:
        for peer in peers:
            peer.edge = (HOST, here.settings.edge.port)
        room = await SelfWillingPhone.open(here.settings.edge.port, living)
        phone = await SelfWillingPhone.open(here.settings.edge.port)
        phone.rtp_port = here.sink
        try:
            await here.register(phone, HANDLER.extension)
            late = [1000 * (await _one_emergency(here, room, allowed) - allowed) for _ in range(count)]
        finally:
            room.close()
            phone.close()
    words = ", ".join(one.what for one in dead)
    report.spread(f"later than the {allowed:g} s allowed ({words})", late, "ms", target=ALLOWED_MORE_MS, at=100)


async def _one_emergency(here: Site, room: SelfWillingPhone, allowed: float) -> float:
    peer, rtp = await here.peer(), await Rtp.open()
    call = await Dialled.start(here, peer, rtp.port)
    assert call.answer is not None
    rtp.talk_to(call.answer)
    for _ in range(5):
        rtp.say()
        await asyncio.sleep(FRAME_SECONDS)
    await rtp.press("5")
    pressed_at = await rtp.press("5")
    invite = await room.get("INVITE", within=allowed + SPARE_SECONDS)
    await call.hang_up()
    await room.get("CANCEL")
    peer.close()
    rtp.close()
    return invite.at - pressed_at


def _overlay(dead: list[Dead], living: int) -> dict[str, Any]:
    uris = [*(one.uri for one in dead), f"sip:control-room@{HOST}:{living}"]
    targets = [{"name": f"room {n}", "uri": uri, "ring_seconds": RING_SECONDS} for n, uri in enumerate(uris)]
    return {"control_room": {"targets": targets}}


def _uri(peer: Peer) -> str:
    return f"sip:control-room@{HOST}:{peer.port}"


@asynccontextmanager
async def _peer(kind: type[Peer]) -> AsyncIterator[Peer]:
    peer = await kind.open(0)
    try:
        yield peer
    finally:
        peer.close()
