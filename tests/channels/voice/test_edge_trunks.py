"""Trunks as the edge uses them: the first that is alive, inbound from any, and what is never dialled."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from channels.voice.edge import dead_trunks, no_trunk
from tests.channels.voice.edge_peers import DOMAIN, HOST, SDP, Message, Peer, Scene, free_ports, md5, scene, until

ABROAD = f"sip:+441616960000@{DOMAIN}"


def two_trunks(first: int, second: int, **more: Any) -> dict[str, Any]:
    trunks = [
        {"name": "first", "host": HOST, "port": first, "sources": ["192.0.2.1"]},
        {"name": "second", "host": HOST, "port": second, "sources": [HOST]},
    ]
    return {"trunks": trunks, **more}


class Carrier:
    """A raw peer that answers OPTIONS while it is well; calls are the test's."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.well = True

    async def serve(self) -> None:
        seen = 0
        while True:
            for message in self.peer.received[seen:]:
                if message.what == "OPTIONS" and self.well:
                    self.peer.reply(message, 200)
            seen = len(self.peer.received)
            await asyncio.sleep(0.01)


@pytest.fixture
async def trunks(tmp_path: Path) -> AsyncIterator[tuple[Scene, Carrier, Carrier]]:
    ports = free_ports(2)
    async with (
        scene(tmp_path, more=two_trunks(ports, ports + 1, trunk_check_seconds=1)) as edge,
        asyncio.TaskGroup() as tasks,
    ):
        carriers = [Carrier(await Peer.open(edge.settings.edge.port, port)) for port in (ports, ports + 1)]
        serving = [tasks.create_task(carrier.serve()) for carrier in carriers]
        yield edge, carriers[0], carriers[1]
        for task, carrier in zip(serving, carriers, strict=True):
            task.cancel()
            carrier.peer.close()


async def trunk_state(edge: Scene, trunk: Carrier) -> str:
    listing = await edge.control._ask("dispatcher.list")
    targets = [t["DEST"] for r in listing["RECORDS"] if r["SET"]["ID"] == 2 for t in r["SET"]["TARGETS"]]
    return next(str(t["FLAGS"]) for t in targets if t["URI"].endswith(f":{trunk.peer.port}"))


def becomes(edge: Scene, trunk: Carrier, flags: str) -> Callable[[], Any]:
    async def reached() -> bool:
        return await trunk_state(edge, trunk) == flags

    return reached


async def refused_with(edge: Scene, trunk: Carrier, code: int) -> Message:
    edge.slots[0].request("INVITE", ABROAD, body=SDP)
    invite = await trunk.peer.get("INVITE")
    trunk.peer.reply(invite, code)
    return invite


async def test_a_call_goes_to_the_first_trunk(trunks: tuple[Scene, Carrier, Carrier]) -> None:
    edge, first, second = trunks
    edge.slots[0].request("INVITE", ABROAD, body=SDP)

    first.peer.reply(await first.peer.get("INVITE"), 200, body=SDP)

    assert (await edge.slots[0].get("200")).what == "200"
    assert not second.peer.has("INVITE")


@pytest.mark.parametrize("code", [500, 503])
async def test_a_trunk_that_refuses_is_followed_by_the_second_at_once(
    trunks: tuple[Scene, Carrier, Carrier], code: int
) -> None:
    edge, first, second = trunks
    refused = await refused_with(edge, first, code)

    again = await second.peer.get("INVITE")
    second.peer.reply(again, 200, body=SDP)

    assert again.first_line.startswith(f"INVITE sip:+441616960000@{HOST}:{second.peer.port}")
    assert (await edge.slots[0].get("200", "500", "503")).what == "200"
    assert again.at - refused.at < 0.2


@pytest.mark.parametrize("code", [486, 404, 603])
async def test_what_the_called_person_says_is_no_failure_of_the_trunk(
    trunks: tuple[Scene, Carrier, Carrier], code: int
) -> None:
    edge, first, second = trunks
    await refused_with(edge, first, code)

    assert (await edge.slots[0].get(str(code))).what == str(code)
    assert not second.peer.has("INVITE")


async def test_a_silent_trunk_costs_one_call_two_seconds_and_the_next_call_nothing(
    trunks: tuple[Scene, Carrier, Carrier],
) -> None:
    edge, first, second = trunks
    first.well = False
    edge.slots[0].request("INVITE", ABROAD, body=SDP)
    sent = await first.peer.get("INVITE")
    again = await second.peer.get("INVITE")
    assert again.at - sent.at < 2.8

    edge.slots[1].request("INVITE", ABROAD, body=SDP)
    await second.peer.get("INVITE")
    calls = {message.header("Call-ID") for message in first.peer.received if message.what == "INVITE"}
    assert len(calls) == 1


async def test_a_dead_trunk_is_found_before_anybody_calls_and_used_again_when_it_is_back(
    trunks: tuple[Scene, Carrier, Carrier],
) -> None:
    edge, first, second = trunks
    first.well = False
    await until(becomes(edge, first, "IP"), within=12)
    edge.slots[0].request("INVITE", ABROAD, body=SDP)
    await second.peer.get("INVITE")
    assert not first.peer.has("INVITE")

    first.well = True
    await until(becomes(edge, first, "AP"), within=12)
    edge.slots[1].request("INVITE", ABROAD, body=SDP)
    await first.peer.get("INVITE")


async def test_when_no_trunk_seems_alive_the_first_is_tried_all_the_same(
    trunks: tuple[Scene, Carrier, Carrier],
) -> None:
    edge, first, second = trunks
    first.well = second.well = False
    for carrier in (first, second):
        await until(becomes(edge, carrier, "IP"), within=12)

    edge.slots[0].request("INVITE", ABROAD, body=SDP)
    first.peer.reply(await first.peer.get("INVITE"), 200, body=SDP)
    assert (await edge.slots[0].get("200")).what == "200"


async def test_which_trunks_are_down_is_known_and_each_change_is_logged_once(
    trunks: tuple[Scene, Carrier, Carrier],
) -> None:
    edge, first, _ = trunks

    def seen(**state: bool) -> Callable[[], Any]:
        async def reached() -> bool:
            return edge.control.trunks == state

        return reached

    async def nothing() -> None:
        return

    with capture_logs() as log:
        watching = asyncio.create_task(edge.control.watch(nothing))
        await until(seen(first=True, second=True))
        first.well = False
        await until(seen(first=False, second=True), within=12)
        first.well = True
        await until(seen(first=True, second=True), within=12)
        watching.cancel()

    said = [(e["event"], e["trunk"], e["log_level"]) for e in log if "trunk" in e]
    assert said == [("trunk_down", "first", "error"), ("trunk_up", "first", "warning")]


@pytest.mark.parametrize(
    ("alive", "wrong", "warning"),
    [
        ({}, "", ""),
        ({"first": True, "second": True}, "", ""),
        ({"first": False, "second": True}, "", "no answer from trunk first; calls go out by the next one"),
        ({"first": False, "second": False}, "no trunk answers (first, second)", ""),
    ],
    ids=["not known yet", "both", "one", "none"],
)
def test_one_dead_trunk_is_a_warning_and_no_trunk_at_all_is_wrong(
    alive: dict[str, bool], wrong: str, warning: str
) -> None:
    assert no_trunk(alive).startswith(wrong) and bool(no_trunk(alive)) == bool(wrong)
    assert dead_trunks(alive) == warning


async def test_callers_come_in_by_any_trunk(trunks: tuple[Scene, Carrier, Carrier]) -> None:
    edge, _, second = trunks
    await edge.open_slots(0)
    second.peer.request("INVITE", f"sip:101@{DOMAIN}", body=SDP)
    assert (await edge.slots[0].get("INVITE")).what == "INVITE"
    assert await edge.control.slots_open() == set()  # the trunks, which are alive, are no slots


# --- a carrier that wants us to register ------------------------------------------------------------------

PASSWORD = 'a:\\b $ "c"'
ACCOUNT = {"user": "county", "password": PASSWORD, "domain": "carrier.example", "seconds": 60}


CHALLENGES = (
    (401, "WWW-Authenticate", "Authorization"),
    (407, "Proxy-Authenticate", "Proxy-Authorization"),
)


def number_of(message: Message) -> int:
    return int(message.header("CSeq").split()[0])


def digest_holds(request: Message, nonce: str, header: str = "Authorization") -> bool:
    """RFC 2617 with qop or without, computed anew from what we know."""
    said = {k: v.strip('"') for k, v in re.findall(r'(\w+)=("[^"]*"|[^,\s]+)', request.header(header))}
    account, action = md5(f"county:carrier:{PASSWORD}"), md5(f"{request.what}:{said['uri']}")
    middle = f"{nonce}:{said['nc']}:{said['cnonce']}:auth" if "qop" in said else nonce
    return bool(said["response"] == md5(f"{account}:{middle}:{action}"))


@pytest.mark.parametrize("ends", ["", ', qop="auth"'], ids=["plain", "qop"])
async def test_the_edge_registers_at_a_carrier_that_challenges_and_calls_to_the_account_come_in(
    tmp_path: Path, ends: str
) -> None:
    port = free_ports()
    trunk = {"name": "carrier", "host": HOST, "port": port, "sources": [HOST], "registration": ACCOUNT}
    async with scene(tmp_path, more={"trunks": [trunk]}) as edge:
        carrier = await Peer.open(edge.settings.edge.port, port)
        first = await carrier.get("REGISTER", within=12)
        assert first.first_line == "REGISTER sip:carrier.example SIP/2.0"
        carrier.reply(first, 401, contact=f'WWW-Authenticate: Digest realm="carrier", nonce="n1", algorithm=MD5{ends}')
        second = await carrier.get("REGISTER")
        while not second.header("Authorization"):
            second = await carrier.get("REGISTER")
        assert digest_holds(second, "n1")
        carrier.reply(second, 200, contact=f"Contact: <{second.contact_uri}>;expires=60")

        await edge.open_slots(0)
        carrier.request("INVITE", second.contact_uri, body=SDP)
        assert (await edge.slots[0].get("INVITE")).first_line == "INVITE sip:county@carrier.example SIP/2.0"
        carrier.close()


@pytest.mark.parametrize(("code", "asks", "answers"), CHALLENGES, ids=["401", "407"])
async def test_a_call_that_the_carrier_challenges_is_sent_again_with_the_trunk_s_password(
    tmp_path: Path, code: int, asks: str, answers: str
) -> None:
    port = free_ports()
    login = {"user": "county", "password": PASSWORD}
    trunk = {"name": "carrier", "host": HOST, "port": port, "sources": [HOST], "login": login}
    async with scene(tmp_path, more={"trunks": [trunk]}) as edge:
        carrier, slot = await Peer.open(edge.settings.edge.port, port), edge.slots[0]
        slot.request("INVITE", ABROAD, body=SDP)
        first = await carrier.get("INVITE")
        carrier.reply(first, code, contact=f'{asks}: Digest realm="carrier", nonce="n1", algorithm=MD5, qop="auth"')
        again = await carrier.get("INVITE")

        assert digest_holds(again, "n1", answers)
        assert again.header("Call-ID") == first.header("Call-ID")
        assert number_of(again) == number_of(first)
        assert again.body == SDP
        carrier.reply(again, 200, body=SDP)
        answer = await slot.get("200", "401", "407")
        assert answer.what == "200"
        slot.in_dialog("ACK", answer)
        assert number_of(await carrier.get("ACK")) == number_of(again)
        slot.in_dialog("BYE", answer)
        bye = await carrier.get("BYE")
        assert number_of(bye) > number_of(again)
        carrier.reply(bye, 200)
        assert (await slot.get("200")).header("CSeq").endswith("BYE")
        carrier.close()


@pytest.mark.parametrize("login", [None, {"user": "county", "password": "wrong"}], ids=["none", "wrong"])
async def test_a_password_that_is_missing_or_wrong_ends_the_call_and_is_said(
    tmp_path: Path, login: dict[str, str] | None
) -> None:
    port = free_ports()
    trunk = {"name": "carrier", "host": HOST, "port": port, "sources": [HOST], "login": login}
    async with scene(tmp_path, more={"trunks": [trunk]}) as edge:
        carrier = await Peer.open(edge.settings.edge.port, port)
        call = edge.slots[0].request("INVITE", ABROAD, body=SDP)
        for _ in range(2 if login else 1):
            challenge = 'Proxy-Authenticate: Digest realm="carrier", nonce="n1"'
            carrier.reply(await carrier.get("INVITE"), 407, contact=challenge)

        assert (await edge.slots[0].get("407")).header("Call-ID") == call
        assert "trunk carrier refused our password" in (tmp_path / "kamailio.log").read_text()
        carrier.close()


async def test_a_password_is_readable_by_the_edge_alone(tmp_path: Path) -> None:
    trunk = {"name": "carrier", "host": HOST, "port": free_ports(), "sources": [HOST], "registration": ACCOUNT}
    async with scene(tmp_path, more={"trunks": [trunk]}):
        for file in ("registrations/uacreg", "destinations.list"):
            assert (tmp_path / file).stat().st_mode & 0o007 == 0


# --- what is never dialled -----------------------------------------------------------------------------

EMERGENCY = (
    "999",
    "112",
    "18000",
    "+44999",
    "0044999",
    "00999",
    "0999",
    "+44%20112",
    "9%2099",
    "+4418000",
    "9-9-9",
    "141999",
    "1470112",
    "000999",
)


@pytest.mark.parametrize("number", EMERGENCY)
async def test_an_emergency_number_is_never_dialled_however_it_is_written(tmp_path: Path, number: str) -> None:
    async with scene(tmp_path) as edge:
        for host in (DOMAIN, f"{HOST}:{edge.settings.edge.port}", f"{HOST}:{edge.trunk.port}"):
            edge.slots[0].request("INVITE", f"sip:{number}@{host}", body=SDP)
            assert (await edge.slots[0].get("403", "404", "480", "502")).what == "403", host
        assert not edge.trunk.has("INVITE")
        assert "routing.never_dial" in (tmp_path / "kamailio.log").read_text()


@pytest.mark.parametrize("number", ["+441129990000", "+44116112999", "+44999000"])
async def test_a_number_that_only_contains_one_is_dialled(tmp_path: Path, number: str) -> None:
    async with scene(tmp_path) as edge:
        edge.slots[0].request("INVITE", f"sip:{number}@{DOMAIN}", body=SDP)
        assert number in (await edge.trunk.get("INVITE")).first_line


async def test_a_short_code_goes_to_the_trunk_when_it_says_that_it_is_a_telephone_number(tmp_path: Path) -> None:
    async with scene(tmp_path) as edge:
        edge.slots[0].request("INVITE", f"sip:111@{DOMAIN};user=phone", body=SDP)
        assert "sip:111@" in (await edge.trunk.get("INVITE")).first_line

        edge.slots[1].request("INVITE", f"sip:111@{DOMAIN}", body=SDP)
        assert (await edge.slots[1].get("404", "480", "502")).what == "480", "an extension that nobody has registered"
        for other in ("118118", "999"):
            edge.slots[2].request("INVITE", f"sip:{other}@{DOMAIN};user=phone", body=SDP)
            assert (await edge.slots[2].get("403", "404", "480", "502")).what in ("403", "480")
        invited = [message.first_line for message in edge.trunk.received if message.what == "INVITE"]
        assert all("sip:111@" in line for line in invited), invited


async def test_the_control_room_elsewhere_may_be_called_999(tmp_path: Path) -> None:
    async with scene(tmp_path) as edge:
        room = await edge.peer()
        edge.slots[0].request("INVITE", f"sip:999@{HOST}:{room.port}", body=SDP)
        assert (await room.get("INVITE")).what == "INVITE"


async def test_the_list_may_be_empty(tmp_path: Path) -> None:
    async with scene(tmp_path, never_dial=()) as edge:
        edge.slots[0].request("INVITE", f"sip:+44999@{DOMAIN}", body=SDP)
        assert (await edge.trunk.get("INVITE")).what == "INVITE"
