"""What a handler does at the telephone itself: asks for a transfer, holds."""

from __future__ import annotations

import asyncio

import pytest

from channels.voice.call import CommandRefused
from channels.voice.messages import Bridge, LegHeld, TellTransfer, TransferAsked, mesh
from tests.channels.voice.calls import answer_to, next_of, with_handler
from tests.channels.voice.conftest import Site
from tests.channels.voice.raw_sip import HOST, Phone, until


async def test_a_handlers_phone_asks_for_a_transfer_and_the_process_only_tells(site: Site, phone: Phone) -> None:
    call, _, handler = await with_handler(site, phone)
    replaces = "?Replaces=a%40b%3Bto-tag%3Dc%3Bfrom-tag%3Dd"

    assert await answer_to(phone, handler, f"Refer-To: <sip:102@{HOST}{replaces}>\r\n") == 499
    asked = await next_of(call, TransferAsked)
    assert asked == TransferAsked("handler", "102", "a@b;to-tag=c;from-tag=d")
    assert len(phone.requests("INVITE")) == 1  # the handler's own, long ago

    await call.do(TellTransfer("handler", 180, "Ringing", final=False))
    await call.do(TellTransfer("handler", 486, "did not answer"))
    await until(lambda: len(phone.requests("NOTIFY")) == 2)
    last = phone.requests("NOTIFY")[1]
    assert (last.get("event"), last.body) == ("refer", "SIP/2.0 486 did not answer\r\n")
    assert last.get("subscription-state").startswith("terminated")
    assert last.get("content-type").startswith("message/sipfrag")
    with pytest.raises(CommandRefused):
        await call.do(TellTransfer("handler", 486, "smuggled\r\nX: y"))


async def test_a_phone_hears_at_once_when_no_gateway_is_there_to_decide(site: Site, phone: Phone) -> None:
    _, _, handler = await with_handler(site, phone)
    await site.stop()

    async with asyncio.timeout(5):  # until the process has noticed
        while not phone.requests("NOTIFY"):
            assert await answer_to(phone, handler, f"Refer-To: <sip:102@{HOST}>\r\n") == 499

    assert phone.requests("NOTIFY")[0].body.startswith("SIP/2.0 503 ")


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
async def test_a_telephone_that_holds_is_seen_and_so_is_its_return(site: Site, phone: Phone, direction: str) -> None:
    call, caller, handler = await with_handler(site, phone)
    await call.do(Bridge(mesh("caller", "handler")))
    await until(lambda: caller.hears(handler.hertz))

    handler.hold(direction)
    assert await next_of(call, LegHeld) == LegHeld("handler", held=True)

    handler.hold("sendrecv")
    assert await next_of(call, LegHeld) == LegHeld("handler", held=False)
    caller.heard.clear()
    await until(lambda: caller.hears(handler.hertz))
