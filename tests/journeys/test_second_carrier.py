"""Texts by two carriers at once: each number's texts come and go by its own, and one in trouble hurts no other."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from gateway.sandbox.client import Client, Live
from gateway.sandbox.world import World
from tests.support.steps import contact, eventually, wrap_up

pytestmark = pytest.mark.asyncio(loop_scope="session")

FIRST, SECOND = "61016", "61017"


async def taken(world: World, live: Live, number: str, sender: str, words: str) -> tuple[str, str, Client]:
    """A text comes by the carrier of this number and a handler has it: its reference, their name, their desk."""
    assert await world.carrier_of(number).text_in(sender, number, words) == 200
    reference = (await live.wait_for("MessageArrived"))["contact"]
    offer = await live.wait_for("MakeOffer", contact=reference)
    desk = await world.api(offer["handler"])
    await desk.post(f"offers/{offer['data']['offer']['id']}/accept")
    return reference, offer["handler"], desk


async def statuses(desk: Client, reference: str) -> dict[str, str]:
    messages = await desk.get(f"contacts/{reference}/messages")
    return {m["body"]: m["status"] for m in messages if m["direction"] == "out"}


async def test_a_text_is_answered_by_the_carrier_that_brought_it(world: World) -> None:
    sam, sender = await world.api("sam"), "+447700900301"
    async with sam.live() as live:
        # given a text with a picture to the number of the second carrier
        picture = ("image/png", b"\x89PNG a bag")
        assert await world.second_carrier.text_in(sender, SECOND, "lost a bag", media=[picture]) == 200
        reference = (await live.wait_for("MessageArrived"))["contact"]
        offer = await live.wait_for("MakeOffer", contact=reference)
        desk = await world.api(offer["handler"])
        await desk.post(f"offers/{offer['data']['offer']['id']}/accept")

        # then its picture is here; the acknowledgement and the reply leave by that carrier, which delivers them
        await desk.post(f"contacts/{reference}/replies", {"body": "We have found it."})

        async def all_well() -> bool:
            (came, *_) = await desk.get(f"contacts/{reference}/messages")
            states = await statuses(desk, reference)
            return bool(came["attachments"][0]["available"]) and set(states.values()) == {"delivered"}

        await eventually(all_well)
        sent = [(m.sender, m.recipient) for m in world.second_carrier.outbox if m.recipient == sender]
        assert sent == [(SECOND, sender)] * 2
        assert sender not in [m.recipient for m in world.carrier.outbox]
    await wrap_up(world, offer["handler"], reference)


async def test_texts_of_a_batch_are_taken_and_duplicates_forgeries_and_replays_are_not(world: World) -> None:
    sam, second, sender = await world.api("sam"), world.second_carrier, "447700900392"
    one: dict[str, Any] = {"id": "b1", "from": sender, "to": SECOND, "text": "first", "sent": 1.0, "files": []}
    two = one | {"id": "b2", "text": "second"}

    async def words() -> list[str]:
        found = (await sam.get("contacts", party=f"+{sender}", reason="test"))["contacts"]
        messages = [m for c in found for m in await sam.get(f"contacts/{c['reference']}/messages", reason="test")]
        return [m["body"] for m in messages if m["direction"] == "in"]

    # a broken text in a batch costs no other; the carrier is told, and brings all of it again
    batch = {"messages": [one, {"id": "b0"}, two]}
    assert await second.post(second.webhook_url, batch) == 400
    assert await second.post(second.webhook_url, {"messages": [two, one]}) == 200
    assert await words() == ["first", "second"]

    # an identifier that was used before, with other words, is no duplicate: a message of its own, which says so
    other = {"messages": [one | {"text": "third"}]}
    for _ in range(2):
        assert await second.post(second.webhook_url, other) == 200
    assert await words() == ["first", "second", "third"]
    (found,) = (await sam.get("contacts", party=f"+{sender}", reason="test"))["contacts"]
    messages = await sam.get(f"contacts/{found['reference']}/messages", reason="test")
    assert ["used this identifier" in m["problems"] for m in messages if m["direction"] == "in"] == [False, False, True]
    warnings = [r async for r in world.store().journal(kind="Recorded") if "identifier of another" in r.document]
    assert [r.reference for r in warnings] == [found["reference"]]

    # what is not signed, or not now, is refused and creates nothing
    forged = {"messages": [one | {"id": "b3", "text": "forged"}]}
    assert await second.post(second.webhook_url, forged, signature="00" * 32) == 403
    assert await second.post(second.webhook_url, forged, at=1_700_000_000) == 403
    assert await second.post(f"{world.gateway_url}/webhooks/third/message", forged) == 404
    assert await second.post(f"{world.gateway_url}/webhooks/twilio/message", forged) == 403
    assert await words() == ["first", "second", "third"]


async def test_a_carrier_that_asks_for_a_pause_or_is_gone_holds_up_nobody_elses_texts(world: World) -> None:
    sam, second = await world.api("sam"), world.second_carrier
    async with sam.live() as live:
        one, anna, desk = await taken(world, live, SECOND, "+447700900303", "lost a bag")
        other, ben, desk2 = await taken(world, live, FIRST, "+447700900304", "lost a hat")
        await eventually(lambda: delivered(desk, one, 1))

        # given a second carrier that wants a pause of two seconds, and then is gone
        second.fail_next(429, retry_after=2)
        await desk.post(f"contacts/{one}/replies", {"body": "Slowly."})
        await live.wait_for("SendingFailed", contact=one)
        await second.go_away()
        await desk.post(f"contacts/{one}/replies", {"body": "Later."})

        # then the first carrier's texts leave at once
        await desk2.post(f"contacts/{other}/replies", {"body": "At once."})
        await world.carrier.wait_for_sent(lambda m: m.body == "At once.")
        assert not {"Slowly.", "Later."} & {m.body for m in second.outbox}

        # it is told which carrier is in trouble, and when that is back nothing is lost and nothing doubled
        async def told() -> bool:
            async with sam.session.get(f"{world.gateway_url}/readyz") as answer:
                return "the text carrier second: " in await answer.text()

        await eventually(told, 40)
        await second.come_back()
        await eventually(lambda: delivered(desk, one, 3), 30)
        sent = [m.body for m in second.outbox]
        assert (sent.count("Slowly."), sent.count("Later.")) == (1, 1)

    await wrap_up(world, anna, one)
    await wrap_up(world, ben, other)
    assert (await contact(sam, one))["stage"] == "closed"


async def delivered(desk: Client, reference: str, how_many: int) -> bool:
    return list((await statuses(desk, reference)).values()) == ["delivered"] * how_many


async def test_a_gateway_that_dies_before_it_hears_that_a_text_was_taken_sends_it_once(world: World) -> None:
    sam, second = await world.api("sam"), world.second_carrier
    async with sam.live() as live:
        reference, name, desk = await taken(world, live, SECOND, "+447700900305", "lost a coat")
        await eventually(lambda: delivered(desk, reference, 1))
        gate = second.answer_late()
        await desk.post(f"contacts/{reference}/replies", {"body": "It is here."})
        await second.wait_for_sent(lambda m: m.body == "It is here.")
    await world.kill_gateway()
    gate.set()
    await world.start_gateway()
    desk = await world.api(name)
    await eventually(lambda: delivered(desk, reference, 2), 30)
    assert [m.body for m in second.outbox].count("It is here.") == 1
    await wrap_up(world, name, reference)


@pytest.mark.parametrize(("number", "sender"), [(FIRST, "+447700900306"), (SECOND, "+447700900307")])
async def test_a_handlers_picture_is_fetched_by_the_carrier_at_an_address_that_is_signed(
    world: World, number: str, sender: str
) -> None:
    sam, carrier, picture = await world.api("sam"), world.carrier_of(number), b"\x89PNG a map of the station"
    body = {"filename": "map.png", "content_type": "image/png", "content": base64.b64encode(picture).decode()}
    async with sam.live() as live:
        reference, name, desk = await taken(world, live, number, sender, "which exit")

        # when a handler sends a picture, the carrier fetches it from us and delivers it
        await desk.post(f"contacts/{reference}/replies", {"body": "This exit.", "pictures": [body]})
        (url,) = (await carrier.wait_for_sent(lambda m: bool(m.media_urls))).media_urls
        await eventually(lambda: delivered(desk, reference, 2))
        assert carrier.fetched[url] == picture

    # and nobody who changes the address sees anything
    start, expires, signature = url.rsplit("/", 2)
    other = f"{'0' if signature[0] != '0' else '1'}{signature[1:]}"
    for wrong in (f"{start}/{expires}/{other}", f"{start}/{int(expires) + 1}/{signature}"):
        async with sam.session.get(wrong) as answer:
            assert answer.status == 403
    await wrap_up(world, name, reference)
