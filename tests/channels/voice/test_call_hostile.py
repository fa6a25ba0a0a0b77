"""What hostile peers send to a real call process harms no call."""

from __future__ import annotations

import socket
from pathlib import Path

from channels.voice.messages import End, Play, StopPlaying
from tests.channels.voice.calls import answer_to, answered, with_handler
from tests.channels.voice.conftest import Site
from tests.channels.voice.raw_sip import HOST, Phone, until


async def test_garbage_at_the_slot_does_not_harm_the_call(site: Site, phone: Phone, music: Path) -> None:
    call, caller = await answered(site, phone)
    await call.do(Play("music", (str(music),), loop=True))
    garbage = [
        b"",
        b"\x00" * 200,
        b"INVITE",
        b"INVITE sip:x SIP/2.0\r\n\r\n",
        b"SIP/2.0 200 OK\r\n\r\n",
        b"OPTIONS sip:x@y SIP/2.0\r\nVia: SIP/2.0/UDP 1;branch=\r\nContent-Length: 99999\r\n\r\n",
        bytes(range(256)) * 10,
        b"INVITE sip:a@b SIP/2.0\r\n" + b"A: b\r\n" * 500 + b"\r\n",
    ]

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for data in garbage * 5:
            sender.sendto(data, (HOST, site.port()))

    caller.heard.clear()
    await until(lambda: caller.hears(1000))
    await call.do(StopPlaying("music"))


async def test_a_hostile_refer_does_not_harm_the_call(site: Site, phone: Phone, music: Path) -> None:
    call, caller, handler = await with_handler(site, phone)
    await call.do(Play("music", (str(music),), loop=True))
    hostile = (
        *("", "Refer-To:\r\n", "Refer-To: \xff\x01\r\n", "Refer-To: <<<>\r\n", "r: sip:\r\n"),
        *("Refer-To: <sip:102@x>\r\n" * 30, f"Refer-To: <sip:{'1' * 2000}@x>\r\n"),
        *(f"Refer-To: <sip:102@x?Replaces={'a' * 2000}>\r\n", "Refer-To: <sip:102@x?Replaces=a%0d%0aX:y>\r\n"),
        *("Refer-To: <sip:102@[::1>\r\nReferred-By: \xff<\r\n", "Refer-To: <sip:102@x>\r\nReferred-By:\r\n"),
        *("Refer-To: <sip:102@x>\r\nRefer-Sub: false\r\n", "Refer-To: <sip:102@x;a=%00>\r\nb: " + "b" * 1000 + "\r\n"),
    )

    for header in hostile:
        assert await answer_to(phone, handler, header) >= 400
    assert await answer_to(phone, caller, f"Refer-To: <sip:102@{HOST}>\r\n") == 603

    assert len(phone.requests("INVITE")) == 1
    caller.heard.clear()
    await until(lambda: caller.hears(1000))


async def test_a_peer_cannot_make_us_dial_by_refer(site: Site, phone: Phone) -> None:
    call, caller = await answered(site, phone)

    assert await answer_to(phone, caller, f"Refer-To: <sip:premium@{HOST}>\r\n") == 603
    assert phone.requests("INVITE") == []
    await call.do(End())
