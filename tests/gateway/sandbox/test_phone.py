"""The sandbox's telephones: real SIP and real sound, through a real edge."""

from __future__ import annotations

import asyncio
import os
import signal
import time
import wave
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from channels.voice.edge import EdgeControl, phone_password
from config.settings import Settings
from gateway.sandbox.kamailio import Kamailio
from gateway.sandbox.phone import Phone, PhoneError
from gateway.sandbox.tones import write_tone
from tests.channels.voice.edge_peers import DOMAIN, HOST, SECRET, edge_settings, free_ports, until

AUDIBLE = 0.1
SILENT = 0.02


@dataclass(frozen=True, slots=True)
class Sandbox:
    """An edge with two slots; a phone on a slot's port stands for a call process."""

    settings: Settings
    kamailio: Kamailio
    control: EdgeControl
    stack: AsyncExitStack

    async def phone(self, name: str, *, port: int = 0, extension: str = "", **more: Any) -> Phone:
        edge = self.settings.edge
        if extension:
            more = {"extension": extension, "password": phone_password(SECRET, extension)} | more
        phone = await Phone.start(
            name, port or free_ports(), edge_address=HOST, edge_port=edge.port, domain=DOMAIN, **more
        )
        return await self.stack.enter_async_context(phone)

    async def call_process(self, **more: Any) -> Phone:
        port = self.settings.voice.sip_port_base
        phone = await self.phone("process", port=port, **more)
        await self.control.set_slot(port, open=True)
        return phone


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    settings = edge_settings(
        tmp_path,
        edge_port=free_ports(),
        slot_base=free_ports(2),
        slots=2,
        trunk_port=free_ports(),
        overflow_port=free_ports(),
    )
    async with AsyncExitStack() as stack:
        kamailio = await stack.enter_async_context(Kamailio(settings, tmp_path))
        yield Sandbox(settings, kamailio, EdgeControl(settings.edge, HOST), stack)


async def test_a_caller_and_the_call_process_hear_each_other_and_nobody_else(sandbox: Sandbox) -> None:
    process = await sandbox.call_process(tone=700, auto_answer=0.0)
    caller = await sandbox.phone("caller", tone=1100)

    await caller.call(
        f"sip:+441234567890@{DOMAIN}", from_uri="sip:+447700900123@carrier.example", headers=[("X-Test", "yes")]
    )
    await caller.wait_for("talking")
    await process.wait_for("talking")

    heard, said = await asyncio.gather(caller.hears((700, 1100, 1500)), process.hears((700, 1100, 1500)))
    assert heard[700] > AUDIBLE
    assert said[1100] > AUDIBLE
    assert max(heard[1100], heard[1500], said[700], said[1500]) < SILENT
    assert process.incoming_headers["x-test"] == "yes"
    assert "+447700900123" in process.incoming_headers["from"]

    await caller.hang_up()
    await process.wait_for("idle")
    await caller.wait_for_event("recorded")
    with wave.open(str(caller.recordings[0])) as recording:
        assert recording.getnframes() > 4000


async def test_a_registered_handler_is_rung_answers_and_refuses(sandbox: Sandbox) -> None:
    handler = await sandbox.phone("handler", extension="101")
    await handler.wait_for("registered")
    process = await sandbox.call_process()

    await process.call(f"sip:101@{DOMAIN}")
    await handler.wait_for("ringing")
    await process.wait_for("ringing")
    await handler.answer()
    await process.wait_for("talking")
    await process.hang_up()
    await handler.wait_for("idle")

    await process.call(f"sip:101@{DOMAIN}")
    await handler.wait_for("ringing")
    await handler.refuse(603)
    await process.wait_for("idle")
    assert process.code == 603


async def test_a_wrong_password_never_registers(sandbox: Sandbox) -> None:
    handler = await sandbox.phone("handler", extension="101", password="wrong")

    refused = await handler.wait_for_event("registration")

    assert refused.facts["code"] == 401
    assert not handler.registered


async def test_keys_arrive_by_rtp_and_by_info(sandbox: Sandbox) -> None:
    process = await sandbox.call_process(auto_answer=0.0)
    caller = await sandbox.phone("caller")
    await caller.call(f"sip:101@{DOMAIN}")
    await caller.wait_for("talking")

    await caller.digits("55")
    await caller.digits("9", by_info=True)

    async def three_keys() -> bool:
        return sum(event.name == "digit" for event in process.log) == 3

    await until(three_keys)
    assert [event.facts["digit"] for event in process.log if event.name == "digit"].count("5") == 2


async def test_it_says_a_file_once_and_then_its_own_tone_again(sandbox: Sandbox, tmp_path: Path) -> None:
    process = await sandbox.call_process(auto_answer=0.0)
    caller = await sandbox.phone("caller", tone=1100)
    await caller.call(f"sip:101@{DOMAIN}")
    await caller.wait_for("talking")

    began = time.time()
    await caller.say(write_tone(tmp_path / "said.wav", 1900))
    during = await process.hears((1100, 1900), 0.5)
    await caller.wait_for_event("said", since=began)
    afterwards = await process.hears((1100, 1900), 0.5)

    assert during[1900] > AUDIBLE > SILENT > during[1100]
    assert afterwards[1100] > AUDIBLE


async def test_hold_silences_the_other_side_and_can_be_taken_back(sandbox: Sandbox) -> None:
    await sandbox.call_process(tone=700, auto_answer=0.0)
    caller = await sandbox.phone("caller", tone=1100)
    await caller.call(f"sip:101@{DOMAIN}")
    await caller.wait_for("talking")

    await caller.hold()

    async def silent() -> bool:
        return (await caller.hears((700,), 0.2))[700] < SILENT

    async def audible() -> bool:
        return (await caller.hears((700,), 0.2))[700] > AUDIBLE

    await until(silent)
    await caller.hold(False)
    await until(audible)


async def test_a_second_call_gets_busy_and_the_first_goes_on(sandbox: Sandbox) -> None:
    handler = await sandbox.phone("handler", extension="101", auto_answer=0.0)
    await handler.wait_for("registered")
    process = await sandbox.call_process()
    other = await sandbox.phone("other", port=sandbox.settings.voice.sip_port_base + 1)
    await process.call(f"sip:101@{DOMAIN}")
    await process.wait_for("talking")

    await other.call(f"sip:101@{DOMAIN}")
    await other.wait_for("idle")

    assert other.code == 486
    assert handler.state == "talking"


async def test_a_busy_control_room_can_be_played(sandbox: Sandbox) -> None:
    control_room = await sandbox.phone("control", auto_answer=0.0, answer_code=486)
    process = await sandbox.call_process()

    await process.call(f"sip:control@{HOST}:{control_room.port}")
    await process.wait_for("idle")

    assert process.code == 486


async def test_a_restart_of_the_edge_does_not_unregister_a_handler(sandbox: Sandbox, tmp_path: Path) -> None:
    handler = await sandbox.phone("handler", extension="101")

    async def on_disk() -> bool:
        return ":101:" in (tmp_path / "locations" / "location").read_text()

    await until(on_disk)
    await sandbox.kamailio.kill()
    await sandbox.kamailio.start()

    process = await sandbox.call_process()
    await process.call(f"sip:101@{DOMAIN}")

    await handler.wait_for("ringing")


async def test_a_handler_registers_soon_when_the_edge_comes_late(sandbox: Sandbox) -> None:
    await sandbox.kamailio.stop()
    handler = await sandbox.phone("handler", extension="101")
    await sandbox.kamailio.start()

    await handler.wait_for("registered", 5)


async def test_it_ends_when_its_owner_is_gone(sandbox: Sandbox) -> None:
    phone = await sandbox.phone("orphan")
    pid = phone._process.pid

    assert phone._process.stdin is not None
    phone._process.stdin.close()

    assert await phone._process.wait() == 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_phone_that_died_says_so_at_once(sandbox: Sandbox) -> None:
    phone = await sandbox.phone("dead")
    os.kill(phone._process.pid, signal.SIGKILL)

    with pytest.raises(PhoneError, match="has ended"):
        await phone.wait_for("talking")


async def test_a_taken_port_is_named(sandbox: Sandbox) -> None:
    phone = await sandbox.phone("first")
    with pytest.raises(PhoneError, match=f"did not start on port {phone.port}"):
        await sandbox.phone("second", port=phone.port)
