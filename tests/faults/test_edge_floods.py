"""Floods and guessed passwords cost whoever sends them; callers and the other phones are served meanwhile."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from channels.voice.edge_files import Limits
from tests.channels.voice.edge_peers import DOMAIN, HOST, SDP, Scene, scene

ATTACKER = "127.0.0.66"
NUMBER = f"sip:+441234567890@{DOMAIN}"
LIMITS = Limits(flood=60, flood_exempt=(HOST,), workers=2)
CALLS = 20
rng = random.Random(3261)


def an_invite(number: int) -> bytes:
    return (
        f"INVITE {NUMBER} SIP/2.0\r\nVia: SIP/2.0/UDP {ATTACKER}:9;branch=z9hG4bK{number}\r\nMax-Forwards: 70\r\n"
        f"From: <sip:flood@{ATTACKER}>;tag={number}\r\nTo: <{NUMBER}>\r\nCall-ID: flood-{number}\r\n"
        f"CSeq: 1 INVITE\r\nContact: <sip:flood@{ATTACKER}>\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def a_register(number: int) -> bytes:
    return (
        f"REGISTER sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP {ATTACKER}:9;branch=z9hG4bK{number}\r\nMax-Forwards: 70\r\n"
        f"From: <sip:101@{DOMAIN}>;tag={number}\r\nTo: <sip:101@{DOMAIN}>\r\nCall-ID: flood-{number}\r\n"
        f"CSeq: 1 REGISTER\r\nContact: <sip:101@{ATTACKER}>\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def garbage(number: int) -> bytes:
    return rng.randbytes(rng.randint(1, 1400))


def cut_short(number: int) -> bytes:
    return an_invite(number)[: rng.randint(1, 300)]


@asynccontextmanager
async def flood(edge: Scene, message: Callable[[int], bytes]) -> AsyncIterator[list[int]]:
    """About 2,000 messages a second from the attacker's address; their number so far."""
    sent = [0]

    async def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((ATTACKER, 0))
            while True:
                for _ in range(20):
                    sock.sendto(message(sent[0]), (HOST, edge.settings.edge.port))
                    sent[0] += 1
                await asyncio.sleep(0.01)

    sending = asyncio.create_task(send())
    try:
        while sent[0] < 1000:  # the attack has begun before anybody calls
            await asyncio.sleep(0.01)
        yield sent
    finally:
        sending.cancel()


@pytest.mark.parametrize("message", [an_invite, a_register, garbage, cut_short])
async def test_callers_from_the_trunk_are_served_while_somebody_floods(
    tmp_path: Path, message: Callable[[int], bytes]
) -> None:
    async with scene(tmp_path, slots=CALLS, limits=LIMITS) as edge, flood(edge, message) as sent:
        for slot in edge.slots:
            await edge.control.set_slot(slot.port, open=True)
            edge.trunk.request("INVITE", NUMBER, body=SDP)
            slot.reply(await slot.get("INVITE", within=1), 200, body=SDP)
            answer = await edge.trunk.get("200", within=1)
            edge.trunk.in_dialog("ACK", answer)
            await slot.get("ACK", within=1)
        assert sent[0] > 1000
        assert all(m.header("From").find("flood") < 0 for slot in edge.slots for m in slot.received)
        assert await edge.answers()


async def test_phones_register_while_somebody_guesses_passwords(tmp_path: Path) -> None:
    async with scene(tmp_path, limits=LIMITS) as edge:
        guesser, phone = await edge.peer(), await edge.peer()

        async def guess() -> list[str]:
            return [await guesser.register("101", f"guess {n}", cseq=1 + 2 * n) for n in range(20)]

        guessing = asyncio.create_task(guess())
        served = [await phone.register(str(extension), edge.password(str(extension))) for extension in range(201, 211)]

        assert served == ["200"] * 10
        assert (await guessing)[10:] == ["403"] * 10
        assert await phone.register("102", edge.password("102"), cseq=50) == "200"
