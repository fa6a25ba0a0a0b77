"""How long callers and emergencies take to get where they go, one call after the other."""

from __future__ import annotations

import asyncio
import time

from routing.model import Handler
from tests.bench.lib import Options, Report
from tests.bench.load.mill import FRAME_SECONDS
from tests.bench.load.peers import Dialled, Rtp, SelfWillingPhone
from tests.bench.load.site import Site, site
from tests.channels.voice.edge_peers import Message

# A slot is busy for a good second after its call; a call every 0.1 s never waits for one.
SLOTS = 30
PAUSE_SECONDS = 0.1
HANDLER = Handler("anna", "Anna", "fcc", extension="2001")


async def ringing(options: Options, report: Report) -> None:
    """From the INVITE at the edge to the 180 at the caller."""
    rang, answered = [], []
    async with site(slots=SLOTS) as here:
        for _ in range(options.size(200, 20)):
            peer = await here.peer()
            call = await Dialled.start(here, peer, here.sink)
            await call.hang_up()
            peer.close()
            await asyncio.sleep(PAUSE_SECONDS)
            rang.append(1000 * (call.ringing_at - call.invited_at))
            answered.append(1000 * (call.answered_at - call.invited_at))
    report.spread("INVITE at the edge to 180", rang, "ms", target=20)
    report.spread("INVITE at the edge to 200 (the contact is on disk)", answered, "ms")


async def offers(options: Options, report: Report) -> None:
    """From the end of the greeting to the INVITE at the phone of a handler who is free."""
    heard, taken_at = [], {}
    async with site(slots=SLOTS, handlers=[(HANDLER, None)]) as here:
        phone = await SelfWillingPhone.open(here.settings.edge.port)
        await here.register(phone, HANDLER.extension)
        for number in range(options.size(200, 20)):
            if number % 50 == 49:
                await here.register(phone, HANDLER.extension)
            invite, greeted_at = await _one_offer(here, phone)
            heard.append(1000 * (invite.at - greeted_at))
            taken_at[invite.header("X-Contact-Reference")] = invite.at
        phone.close()
        queued = await _since_queued(here, taken_at)
    report.spread("caller queued to INVITE at a free handler's phone", queued, "ms", target=40)
    report.spread("last packet of the greeting to INVITE at the phone", heard, "ms")


async def _one_offer(here: Site, phone: SelfWillingPhone) -> tuple[Message, float]:
    """The INVITE at the phone, and when the caller heard the greeting's last packet."""
    peer, rtp = await here.peer(), await Rtp.open()
    call = await Dialled.start(here, peer, rtp.port)
    invite = await phone.get("INVITE")
    await call.hang_up()
    await phone.get("CANCEL")
    peer.close()
    rtp.close()
    return invite, rtp.heard_at


async def _since_queued(here: Site, invited_at: dict[str, float]) -> list[float]:
    """Milliseconds from when the dispatcher took CallQueued, by the journal, to the INVITE."""
    ahead, store = time.time() - time.monotonic(), here.store()
    rows = [row async for row in store.journal(kind="CallQueued")]
    await store.close()
    return [1000 * (invited_at[row.reference] + ahead - row.at) for row in rows if row.reference in invited_at]


async def control_room(options: Options, report: Report) -> None:
    """From the second of two pressed 5s to the INVITE at the control room."""
    async with site(slots=SLOTS) as here:
        uri = here.settings.control_room.targets[0].uri
        room = await SelfWillingPhone.open(here.settings.edge.port, int(uri.rpartition(":")[2]))
        waits = [1000 * await _one_emergency(here, room) for _ in range(options.size(100, 10))]
        room.close()
    report.spread("second 5 pressed to INVITE at the control room", waits, "ms", target=100)


async def _one_emergency(here: Site, room: SelfWillingPhone) -> float:
    peer, rtp = await here.peer(), await Rtp.open()
    call = await Dialled.start(here, peer, rtp.port)
    assert call.answer is not None
    rtp.talk_to(call.answer)
    for _ in range(5):
        rtp.say()
        await asyncio.sleep(FRAME_SECONDS)
    await rtp.press("5")
    for _ in range(3):
        rtp.say()
        await asyncio.sleep(FRAME_SECONDS)
    pressed_at = await rtp.press("5")
    invite = await room.get("INVITE")
    await call.hang_up()
    await room.get("CANCEL")
    peer.close()
    rtp.close()
    return invite.at - pressed_at
