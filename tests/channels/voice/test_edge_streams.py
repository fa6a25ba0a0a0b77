"""TCP and TLS at the edge: callers and trunks over connections, call processes over UDP behind it."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.channels.voice.edge_peers import DOMAIN, HOST, SDP, Scene, free_ports, scene, until
from tests.channels.voice.edge_site import AnsweringSite, answering_site
from tests.channels.voice.edge_streams import StreamPeer, certificate, client_tls, listening, server_tls, with_tls

NUMBER = f"sip:+441234567890@{DOMAIN}"


async def connected(edge: Scene, over: str, more: dict[str, Any]) -> StreamPeer:
    port = edge.settings.edge.port
    if over == "TLS":
        return await StreamPeer.connect(port, more["tls_port"], client_tls(more["tls_certificate"]))
    return await StreamPeer.connect(port, port)


@pytest.mark.parametrize("over", ["TCP", "TLS"])
async def test_a_call_over_a_connection_is_answered_and_ends_from_either_side(tmp_path: Path, over: str) -> None:
    more = with_tls(tmp_path)
    async with scene(tmp_path, more=more) as edge:
        caller, slot = await connected(edge, over, more), edge.slots[0]
        for ended_by_caller in (True, False):
            await edge.open_slots(0)
            caller.request("INVITE", NUMBER, body=SDP)
            invite = await slot.get("INVITE")
            slot.reply(invite, 200, body=SDP, contact=f"Contact: <{slot.uri}>")
            answer = await caller.get("200")
            caller.in_dialog("ACK", answer)
            await slot.get("ACK")
            if ended_by_caller:
                caller.in_dialog("BYE", answer)
                slot.reply(await slot.get("BYE"), 200)
                assert (await caller.get("200")).header("CSeq").endswith("BYE")
            else:
                routes = tuple(f"Route: {route}" for route in invite.all("Record-Route"))
                to, sender = invite.header("From"), invite.header("To")[1:-1]
                call_id = invite.header("Call-ID")
                slot.request(
                    "BYE", invite.contact_uri, to=to, sender=sender, from_tag="t", call_id=call_id, headers=routes
                )
                caller.reply(await caller.get("BYE"), 200)
                assert (await slot.get("200")).header("CSeq").endswith("BYE")
        caller.close()


@pytest.mark.parametrize("over", ["TCP", "TLS"])
async def test_a_real_call_process_answers_a_caller_whose_contact_is_a_connection(directory: Path, over: str) -> None:
    more = with_tls(directory)
    async with answering_site(directory, AnsweringSite, slots=1, more=more) as site:
        tls = client_tls(more["tls_certificate"]) if over == "TLS" else None
        port = more["tls_port"] if over == "TLS" else site.edge_port
        caller = await StreamPeer.connect(site.edge_port, port, tls)
        caller.request("INVITE", NUMBER, body=SDP)
        answer = await caller.get("200", "500", "503", within=5)
        assert answer.what == "200"
        caller.in_dialog("ACK", answer)
        caller.in_dialog("BYE", answer)
        assert (await caller.get("200")).header("CSeq").endswith("BYE")

        async def gone() -> bool:
            return site.outlived == 1

        await until(gone)
        caller.close()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
async def test_old_tls_is_refused_by_the_edge(tmp_path: Path, version: ssl.TLSVersion) -> None:
    more = with_tls(tmp_path)
    async with scene(tmp_path, more=more) as edge:
        with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
            await StreamPeer.connect(
                edge.settings.edge.port, more["tls_port"], client_tls(more["tls_certificate"], version)
            )
        assert await edge.answers()


async def test_a_cipher_without_forward_secrecy_is_refused(tmp_path: Path) -> None:
    more = with_tls(tmp_path)
    async with scene(tmp_path, more=more) as edge:
        old = client_tls(more["tls_certificate"], ssl.TLSVersion.TLSv1_2)
        old.set_ciphers("ECDHE+AESCCM:ECDHE+SHA384:ECDHE+SHA256:!AESGCM:!CHACHA20:@SECLEVEL=0")
        with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
            await StreamPeer.connect(edge.settings.edge.port, more["tls_port"], old)


async def test_tls_is_off_unless_a_certificate_is_set(tmp_path: Path) -> None:
    port = free_ports()
    async with scene(tmp_path, more={"tls_port": port}):
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(HOST, port)


async def test_calls_go_out_over_tls_to_a_trunk_whose_certificate_holds(tmp_path: Path) -> None:
    more = with_tls(tmp_path)
    trunk_cert, trunk_key = certificate(tmp_path, "carrier")
    port = free_ports()
    more |= {"trunks": trunks(port, "tls"), "tls_ca": trunk_cert}
    async with (
        scene(tmp_path, more=more) as edge,
        listening(edge.settings.edge.port, port, server_tls(trunk_cert, trunk_key)) as trunk,
    ):
        edge.slots[0].request("INVITE", NUMBER, body=SDP)
        trunk.reply(await trunk.get("INVITE"), 200, body=SDP)
        answer = await edge.slots[0].get("200")
        edge.slots[0].in_dialog("ACK", answer)
        await trunk.get("ACK")
        edge.slots[0].in_dialog("BYE", answer)
        trunk.reply(await trunk.get("BYE"), 200)
        assert (await edge.slots[0].get("200")).header("CSeq").endswith("BYE")


async def test_a_trunk_with_a_certificate_of_its_own_making_gets_no_call(tmp_path: Path) -> None:
    more = with_tls(tmp_path)
    port = free_ports()
    more |= {"trunks": trunks(port, "tls")}
    async with (
        scene(tmp_path, more=more) as edge,
        listening(edge.settings.edge.port, port, server_tls(*certificate(tmp_path, "impostor"))) as impostor,
    ):
        edge.slots[0].request("INVITE", NUMBER, body=SDP)
        assert (await edge.slots[0].get("200", "408", "477", "500", "502")).what in ("408", "477", "500", "502")
        assert not impostor.received


@pytest.mark.parametrize("name", ["", "carrier", "other.example"], ids=["the address", "the name", "another name"])
async def test_a_trunk_s_certificate_must_be_for_the_trunk(tmp_path: Path, name: str) -> None:
    trunk_cert, trunk_key = certificate(tmp_path, "carrier")
    port = free_ports()
    more = with_tls(tmp_path) | {"trunks": trunks(port, "tls", tls_name=name), "tls_ca": trunk_cert}
    async with (
        scene(tmp_path, more=more) as edge,
        listening(edge.settings.edge.port, port, server_tls(trunk_cert, trunk_key)) as trunk,
    ):
        edge.slots[0].request("INVITE", NUMBER, body=SDP)
        trunk.reply(await trunk.get("INVITE"), 200, body=SDP)

        outcome = await edge.slots[0].get("200", "408", "477", "500", "502", within=5)
        if name == "other.example":
            assert outcome.what != "200"
            assert "its certificate is for carrier" in (tmp_path / "kamailio.log").read_text()
        else:
            assert outcome.what == "200"


async def test_a_trunk_with_another_s_certificate_is_down_although_it_answers(tmp_path: Path) -> None:
    trunk_cert, trunk_key = certificate(tmp_path, "carrier")
    port = free_ports()
    more = with_tls(tmp_path) | {"trunks": trunks(port, "tls", tls_name="other.example"), "tls_ca": trunk_cert}
    more["trunk_check_seconds"] = 1
    async with (
        scene(tmp_path, more=more) as edge,
        listening(edge.settings.edge.port, port, server_tls(trunk_cert, trunk_key)) as trunk,
    ):
        trunk.reply(await trunk.get("OPTIONS", within=5), 200)

        async def down() -> bool:
            return await edge.control.trunks_alive() == {"carrier": False}

        await until(down, within=15)


def trunks(port: int, transport: str, **more: Any) -> list[dict[str, Any]]:
    return [{"name": "carrier", "host": HOST, "port": port, "transport": transport, "sources": [HOST], **more}]
