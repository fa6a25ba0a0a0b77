"""Steps that journeys and fault tests share: what people at the sandbox's desks and telephones do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from gateway.sandbox.client import ApiError, Client, Live
from gateway.sandbox.person import SILENT
from gateway.sandbox.phone import Phone
from gateway.sandbox.tones import write_tone
from gateway.sandbox.world import World

HANDLERS = ("anna", "ben", "chloe")
OPEN_STAGES = ("assigned", "offered", "arriving", "queued", "handover", "scheduled", "wrap_up")
LOUD = 0.1
QUIET = 0.02
KEY_SECONDS = 0.24  # what a telephone takes for one


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
    heard: dict[int, float] = {}

    async def now() -> bool:
        heard.update(await phone.hears(sorted(wanted), seconds))
        return all(heard[tone] > LOUD for tone in wanted)

    try:
        await eventually(now, deadline)
    except TimeoutError:
        states = ", ".join(f"{other.name} is {other.state}" for other in (phone, *others))
        raise TimeoutError(f"{phone.name} does not hear them ({states}); heard of their tones: {heard}") from None


async def does_not_hear(phone: Phone, other: Phone, seconds: float = 0.6) -> None:
    assert other.tone
    heard = await phone.hears([other.tone], seconds)
    assert heard[other.tone] < QUIET, f"{phone.name} still hears {other.name}: {heard}"


async def press_until(live: Live, kind: str, reference: str, caller: Phone, digits: str) -> dict[str, Any]:
    """Keys before a menu or an offer is spoken are nothing, so callers press again; the row that tells it counted."""
    async with asyncio.timeout(45):
        while True:
            await caller.digits(digits)
            with suppress(TimeoutError):
                return await live.wait_for(kind, 1.5 + KEY_SECONDS * len(digits), contact=reference)


def silence(world: World) -> Path:
    """The voice of somebody who cannot speak."""
    return write_tone(world.directory / "silence.wav", 440, amplitude=0.0)


async def message_under_way(world: World, reference: str, size: int) -> None:
    """So many bytes of a voicemail are on disk."""

    async def there() -> bool:
        found = world.settings.voice.recordings_dir.glob(f"{reference}-*-message-*.wav")
        return any(file.stat().st_size > size for file in found)

    await eventually(there)


async def called_back(world: World, live: Live, reference: str) -> None:
    """A handler who is there again takes it; their phone rings, then the person's."""
    anna, phone = await world.api("anna"), world.phones["anna"]
    await anna.put("me/presence", {"state": "available"})
    offer = await live.wait_for("MakeOffer", contact=reference)
    await anna.post(f"offers/{offer['data']['offer']['id']}/accept")
    await phone.wait_for("ringing", 5)
    await phone.answer()
    await hears(world.public, phone)
    await world.public.hang_up()
    await phone.wait_for("idle", 3)


async def wrap_up(world: World, name: str, reference: str, **more: Any) -> None:
    client = await world.api(name)
    await client.post(f"contacts/{reference}/wrap-up", {"disposition": "resolved", **more})


async def settle(world: World, reference: str, deadline: float = 20.0) -> None:
    """Whatever is still open in the contact is finished, as handlers would."""
    await everybody_available(world)

    async def closed() -> bool:
        await _finish_what_can_be(world, await contact(await world.api("sam"), reference))
        return await stage(await world.api("sam"), reference) == "closed"

    await eventually(closed, deadline)


async def clear(world: World, deadline: float = 40.0) -> None:
    """What an earlier test left open is settled: the next one starts from nothing."""
    sam = await world.api("sam")

    async def nothing_open() -> bool:
        left = [c for s in OPEN_STAGES for c in (await sam.get("contacts", stage=s, reason="test"))["contacts"]]
        for shown in left:
            await _finish_what_can_be(world, shown)
        return not left

    await eventually(nothing_open, deadline)


async def _finish_what_can_be(world: World, shown: dict[str, Any]) -> None:
    sam, reference = await world.api("sam"), shown["reference"]
    if shown["live"]:
        return
    try:
        if shown["stage"] in ("scheduled", "queued", "offered"):  # before anybody takes it, and calls for long in vain
            for follow_up in (await sam.get(f"contacts/{reference}", reason="test"))["follow_ups"]:
                if follow_up["state"] in ("scheduled", "due"):
                    await sam.delete(f"contacts/{reference}/follow-ups/{follow_up['id']}", why="test over")
        for name in {*shown["wrap_ups"], *filter(None, [shown["handler"]])}:
            await sam.post(f"contacts/{reference}/wrap-up", {"disposition": "resolved", "handler": name})
        for offer in shown["offers"]:
            if not offer["by_phone"]:
                await (await world.api(offer["handler"])).post(f"offers/{offer['id']}/accept")
    except ApiError as error:
        if error.status != 409:  # it moved on meanwhile: looked at again
            raise
