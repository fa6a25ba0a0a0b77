"""Steps that journeys and fault tests share: what people at the sandbox's desks and telephones do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from gateway.sandbox.client import Client, Live
from gateway.sandbox.person import SILENT
from gateway.sandbox.phone import Phone
from gateway.sandbox.world import World

HANDLERS = ("anna", "ben", "chloe")
LOUD = 0.1
QUIET = 0.02


async def everybody_available(world: World) -> None:
    for name in HANDLERS:
        world.behave(world.phones[name], SILENT)
        await (await world.api(name)).put("me/presence", {"state": "available"})


async def everybody_away(world: World, *, but: str = "") -> None:
    for name in HANDLERS:
        if name != but:
            await (await world.api(name)).put("me/presence", {"state": "away", "reason": "break"})


async def eventually(condition: Callable[[], Awaitable[bool]], deadline: float = 10.0) -> None:
    """Asks again and again until the condition holds; TimeoutError after ``deadline`` seconds."""
    async with asyncio.timeout(deadline):
        while not await condition():
            await asyncio.sleep(0.05)


async def contact(client: Client, reference: str) -> dict[str, Any]:
    """The contact as the API shows it."""
    return dict((await client.get(f"contacts/{reference}", reason="test"))["contact"])


async def stage(client: Client, reference: str) -> str:
    return str((await contact(client, reference))["stage"])


async def kinds(client: Client, reference: str) -> list[str]:
    """What the journal says happened to the contact, in order."""
    rows = await client.get(f"contacts/{reference}/journal", reason="test")
    return [row["kind"] for row in rows]


async def answered_by(world: World, live: Live, reference: str) -> tuple[str, Phone]:
    """The handler whose phone rings for this contact answers it; both are on the line."""
    offer = await live.wait_for("MakeOffer", contact=reference)
    name = str(offer["handler"])
    phone = world.phones[name]
    await phone.wait_for("ringing", 5)
    await phone.answer()
    await live.wait_for("OfferAccepted", contact=reference)
    return name, phone


async def hears(phone: Phone, *others: Phone, seconds: float = 0.6, deadline: float = 5.0) -> None:
    """This phone hears the tones of exactly these others among all who could be heard. It may take a moment."""
    wanted = {other.tone for other in others if other.tone}

    async def now() -> bool:
        heard = await phone.hears(sorted(wanted), seconds)
        return all(heard[tone] > LOUD for tone in wanted)

    await eventually(now, deadline)


async def does_not_hear(phone: Phone, other: Phone, seconds: float = 0.6) -> None:
    assert other.tone
    heard = await phone.hears([other.tone], seconds)
    assert heard[other.tone] < QUIET, f"{phone.name} still hears {other.name}: {heard}"


async def wrap_up(world: World, name: str, reference: str, **more: Any) -> None:
    client = await world.api(name)
    await client.post(f"contacts/{reference}/wrap-up", {"disposition": "resolved", **more})


async def settle(world: World, reference: str, deadline: float = 20.0) -> None:
    """Whatever is still open in the contact is finished, as handlers would."""
    sam = await world.api("sam")

    async def closed() -> bool:
        shown = await contact(sam, reference)
        if shown["stage"] == "closed":
            return True
        if shown["live"]:
            return False
        for follow_up in (await sam.get(f"contacts/{reference}", reason="test"))["follow_ups"]:
            if follow_up["state"] == "scheduled":
                await sam.delete(f"contacts/{reference}/follow-ups/{follow_up['id']}", why="test over")
        for name in {*shown["wrap_ups"], *filter(None, [shown["handler"]])}:
            await sam.post(f"contacts/{reference}/wrap-up", {"disposition": "resolved", "handler": name})
        for offer in shown["offers"]:
            if not offer["by_phone"]:
                await (await world.api(offer["handler"])).post(f"offers/{offer['id']}/accept")
        return False

    await everybody_available(world)
    try:
        await eventually(closed, deadline)
    except TimeoutError:
        raise AssertionError(f"cannot be settled: {await contact(sam, reference)}") from None


async def clear(world: World) -> None:
    """What an earlier test left open, because it failed, is settled: the next one starts from nothing."""
    sam = await world.api("sam")
    for where in ("assigned", "offered", "arriving", "queued", "handover", "scheduled", "wrap_up"):
        for left in reversed((await sam.get("contacts", stage=where, reason="test"))["contacts"]):
            await settle(world, left["reference"])
