"""A trunk that encrypts sound: SRTP outside, plain RTP at the call processes, and nothing in the clear by mistake."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from channels.voice.edge import EdgeControl
from config.edge import Trunk
from config.settings import Settings
from gateway.sandbox.kamailio import Kamailio
from gateway.sandbox.phone import Phone
from gateway.sandbox.rtpengine import Rtpengine
from tests.channels.voice.edge_peers import DOMAIN, HOST, SDP, Peer, edge_settings, free_ports, scene, until
from tests.channels.voice.edge_streams import StreamPeer, certificate, client_tls, listening, server_tls, with_tls

NUMBER = f"sip:+441234567890@{DOMAIN}"
AUDIBLE, SILENT = 0.1, 0.02
KEY = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40 + "\r\n"
SECURE_SDP = SDP.replace("RTP/AVP", "RTP/SAVP") + KEY


def trunk(port: int, **more: Any) -> dict[str, Any]:
    return {"name": "carrier", "host": HOST, "port": port, "sources": [HOST], "media": "srtp", **more}


def over_udp(port: int) -> dict[str, Any]:
    relay = {"relay_control_port": free_ports(), "relay_port_base": free_ports(40), "relay_ports": 40}
    return {"trunks": [trunk(port, keys_in_clear=True)], **relay}


@dataclass(frozen=True, slots=True)
class Line:
    """A carrier's phone that insists on SRTP, and one in a call process's place that knows only RTP."""

    carrier: Phone
    process: Phone
    relay: Rtpengine
    settings: Settings


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    slot, port, edge_port = free_ports(2), free_ports(), free_ports()
    settings = edge_settings(
        tmp_path,
        edge_port=edge_port,
        slot_base=slot,
        slots=2,
        trunk_port=port,
        overflow_port=free_ports(),
        more=over_udp(port),
    )
    at: dict[str, Any] = {"edge_address": HOST, "edge_port": edge_port, "domain": DOMAIN}
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(Kamailio(settings, tmp_path))
        relay = await stack.enter_async_context(Rtpengine(settings.edge.relay_control_port, tmp_path))
        carrier = await stack.enter_async_context(
            await Phone.start("carrier", port, tone=1100, srtp=True, auto_answer=0.0, **at)
        )
        process = await stack.enter_async_context(await Phone.start("process", slot, tone=700, auto_answer=0.0, **at))
        await EdgeControl(settings.edge, HOST).set_slot(slot, open=True)
        yield Line(carrier, process, relay, settings)


async def invited(phone: Phone) -> str:
    return str((await phone.wait_for_event("incoming")).facts["message"])


async def they_hear_each_other(line: Line) -> None:
    at_carrier, at_process = await asyncio.gather(line.carrier.hears((700, 1100)), line.process.hears((700, 1100)))
    assert at_carrier[700] > AUDIBLE
    assert at_process[1100] > AUDIBLE
    assert max(at_carrier[1100], at_process[700]) < SILENT


async def held_and_taken_back(phone: Phone, *, heard_by: Phone, tone: int) -> None:
    """Two re-INVITEs, each of which the relay must follow."""

    async def silent() -> bool:
        return (await heard_by.hears((tone,), 0.2))[tone] < SILENT

    async def audible() -> bool:
        return not await silent()

    await phone.hold()
    await until(silent, within=5)
    await phone.hold(False)
    await until(audible, within=5)


async def test_a_caller_over_srtp_and_a_call_process_hear_each_other(line: Line) -> None:
    await line.carrier.call(NUMBER)
    await line.carrier.wait_for("talking")
    offered = await invited(line.process)
    assert "RTP/AVP" in offered
    assert "crypto" not in offered

    await they_hear_each_other(line)
    await held_and_taken_back(line.carrier, heard_by=line.process, tone=1100)
    await they_hear_each_other(line)

    await line.process.hang_up()
    await line.carrier.wait_for("idle")


async def test_a_call_to_the_public_is_encrypted_and_survives_a_hold(line: Line) -> None:
    await line.process.call(NUMBER)
    await line.process.wait_for("talking")
    offered = await invited(line.carrier)
    assert "RTP/SAVP" in offered
    assert "AES_CM_128_HMAC_SHA1_80" in offered
    assert "NULL" not in offered

    await they_hear_each_other(line)
    await held_and_taken_back(line.process, heard_by=line.carrier, tone=700)
    await they_hear_each_other(line)

    await line.carrier.hang_up()
    await line.process.wait_for("idle")


async def test_the_relay_may_be_restarted_between_calls(line: Line) -> None:
    await line.relay.stop()
    await line.process.call(NUMBER)
    await line.process.wait_for("idle")
    assert line.process.code >= 500
    assert line.carrier.state == "idle"

    await line.relay.start()
    async with asyncio.timeout(8):
        while line.process.state != "talking":
            await line.process.call(NUMBER)
            await line.process.wait_for_event("state")
            while line.process.state in ("calling", "ringing"):
                await asyncio.sleep(0.02)
    await they_hear_each_other(line)


# --- what is not encrypted ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sdp",
    [
        SDP,
        SDP.replace("RTP/AVP", "RTP/SAVP"),
        SDP.replace("RTP/AVP", "RTP/SAVP") + KEY.replace("AES_CM_128", "NULL"),
        SECURE_SDP + "m=audio 40002 RTP/AVP 8\r\n",
    ],
    ids=["plain", "no key", "no cipher", "one plain stream"],
)
async def test_a_caller_who_is_not_encrypted_is_refused_by_such_a_trunk(tmp_path: Path, sdp: str) -> None:
    async with scene(tmp_path, more=over_udp(free_ports())) as edge:
        await edge.open_slots(0)
        edge.trunk.request("INVITE", NUMBER, body=sdp)

        assert (await edge.trunk.get("488")).first_line == "SIP/2.0 488 Encryption Required"
        assert not edge.slots[0].received
        assert "media = srtp" in (tmp_path / "kamailio.log").read_text()


async def test_a_trunk_that_answers_in_the_clear_gets_no_sound(tmp_path: Path) -> None:
    port = free_ports()
    more = over_udp(port)
    async with scene(tmp_path, more=more) as edge, Rtpengine(more["relay_control_port"], tmp_path):
        carrier = await Peer.open(edge.settings.edge.port, port)
        edge.slots[0].request("INVITE", NUMBER, body=SDP)
        carrier.reply(await carrier.get("INVITE"), 200, body=SDP)

        assert (await edge.slots[0].get("200")).body == ""
        assert "answers with plain sound" in (tmp_path / "kamailio.log").read_text()
        carrier.close()


async def test_an_answer_that_must_be_mended_first_is_decrypted_all_the_same(tmp_path: Path) -> None:
    port = free_ports()
    more = over_udp(port)
    own_address = SECURE_SDP.replace("c=IN IP4 127.0.0.1\r\n", "")
    own_address = own_address.replace("8 101\r\n", "8 101\r\nc=IN IP4 127.0.0.1\r\n")
    async with scene(tmp_path, more=more) as edge, Rtpengine(more["relay_control_port"], tmp_path):
        carrier = await Peer.open(edge.settings.edge.port, port)
        edge.slots[0].request("INVITE", NUMBER, body=SDP)
        carrier.reply(await carrier.get("INVITE"), 200, body=own_address)

        answer = (await edge.slots[0].get("200")).body
        assert "RTP/AVP 8" in answer
        assert answer.index("c=IN") < answer.index("m=audio")
        carrier.close()


async def test_keys_come_over_tls_or_not_at_all(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, "carrier")
    port = free_ports()
    more = with_tls(tmp_path) | over_udp(port) | {"trunks": [trunk(port, transport="tls")], "tls_ca": cert}
    async with (
        scene(tmp_path, more=more) as edge,
        Rtpengine(more["relay_control_port"], tmp_path),
        listening(edge.settings.edge.port, port, server_tls(cert, key)) as carrier,
    ):
        await edge.open_slots(0)
        edge.trunk.request("INVITE", NUMBER, body=SECURE_SDP)
        assert (await edge.trunk.get("488")).first_line == "SIP/2.0 488 Use TLS"

        caller = await StreamPeer.connect(
            edge.settings.edge.port, more["tls_port"], client_tls(more["tls_certificate"])
        )
        caller.request("INVITE", NUMBER, body=SECURE_SDP)
        edge.slots[0].reply(await edge.slots[0].get("INVITE"), 200, body=SDP)
        assert "RTP/SAVP" in (await caller.get("200")).body
        caller.close()

        edge.slots[1].request("INVITE", NUMBER, body=SDP)
        assert "RTP/SAVP" in (await carrier.get("INVITE")).body


async def test_without_the_relay_callers_are_sent_on_by_the_carrier_and_never_in_the_clear(tmp_path: Path) -> None:
    async with scene(tmp_path, more=over_udp(free_ports())) as edge:
        await edge.open_slots(0)
        edge.trunk.request("INVITE", NUMBER, body=SECURE_SDP)

        assert (await edge.trunk.get("503", within=8)).header("Retry-After") == "5"
        assert not edge.slots[0].received
        assert not edge.overflow.received


async def test_the_overflow_target_hears_such_a_caller_too(tmp_path: Path) -> None:
    more = over_udp(free_ports())
    async with scene(tmp_path, more=more) as edge, Rtpengine(more["relay_control_port"], tmp_path):
        edge.trunk.request("INVITE", NUMBER, body=SECURE_SDP)
        edge.overflow.reply(await edge.overflow.get("INVITE"), 200, body=SDP)

        assert "RTP/SAVP" in (await edge.trunk.get("200")).body
        assert "RTP/AVP" in edge.overflow.received[0].body


def test_srtp_without_tls_must_be_said_to_be_wanted() -> None:
    with pytest.raises(ValidationError, match="keys_in_clear"):
        Trunk.model_validate(trunk(5060))
