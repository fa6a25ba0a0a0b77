"""How soon the phone rings to which a handler passes a caller."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack

from argon2 import PasswordHasher

from gateway.sandbox.client import Client, Live
from gateway.store.records import Account
from routing.model import Handler
from tests.bench.lib import Options, Report
from tests.bench.load.peers import Dialled, SelfWillingPhone
from tests.bench.load.site import Site, site
from tests.channels.voice.edge_peers import Message

SLOTS = 10
TRANSFERS_A_CALL = 10
HANDLER = Handler("anna", "Anna", "fcc", extension="2001")
PASSWORD = "correct horse battery"
TARGET = "2999"


async def transfer(options: Options, report: Report) -> None:
    """From the command at the API to the INVITE at the target's phone; each is given up again while it rings."""
    count = options.calls or options.size(200, 20)
    waits: list[float] = []
    account = Account(HANDLER.id, "handler", PasswordHasher().hash(PASSWORD))
    async with site(slots=SLOTS, handlers=[(HANDLER, account)]) as here, AsyncExitStack() as stack:
        phone = await SelfWillingPhone.open(here.settings.edge.port)
        phone.rtp_port = here.sink
        target = await SelfWillingPhone.open(here.settings.edge.port)  # it only rings
        for one in (phone, target):
            stack.callback(one.close)
        client = await Client.signed_in(here.settings.http.public_url, HANDLER.id, PASSWORD)
        stack.push_async_callback(client.close)
        while len(waits) < count:
            await here.register(phone, HANDLER.extension)
            await here.register(target, TARGET)
            waits += await _one_call(here, client, phone, target)
    report.spread(f"transfer command to INVITE at the target ({TRANSFERS_A_CALL} in each call)", waits, "ms", target=50)


async def _one_call(here: Site, client: Client, phone: SelfWillingPhone, target: SelfWillingPhone) -> list[float]:
    """Milliseconds of each transfer in one call."""
    peer = await here.peer()
    async with client.live() as live:
        call = await Dialled.start(here, peer, here.sink)
        reference = (await live.wait_for("OfferAccepted"))["contact"]
        waits = [1000 * await _one_transfer(client, live, reference, target) for _ in range(TRANSFERS_A_CALL)]
        await call.hang_up()
        await phone.get("BYE")
        await live.wait_for("CallerLeft", contact=reference)
        await client.post(f"contacts/{reference}/wrap-up", {"disposition": "resolved"})
    peer.close()
    return waits


async def _one_transfer(client: Client, live: Live, reference: str, target: SelfWillingPhone) -> float:
    path, body = f"contacts/{reference}/call/third", {"role": "transfer", "to": {"extension": TARGET}}
    asked_at = time.monotonic()
    await client.post(path, body)
    invite: Message = await target.get("INVITE")
    await client.delete(path)
    await live.wait_for("PartyLeft", contact=reference)
    return invite.at - asked_at
