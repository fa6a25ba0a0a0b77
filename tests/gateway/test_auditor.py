"""The auditor in production: what it draws and finds wrong is repaired and in the journal."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from gateway.app import Gateway
from gateway.auditor import Auditor
from gateway.cli.client import connected
from gateway.store.database import begin_database
from routing import events as ev
from routing.model import Channel, Handler, Party, Presence, PresenceState
from tests.gateway.api.site import settings_in, until
from tests.support.clock import FakeClock
from tests.support.ports import SINGLE, any_of
from tests.support.writer import Writer, assert_sound, settings_for


async def test_a_text_that_fell_out_of_the_queue_is_put_back_offered_and_alarmed(tmp_path: Path) -> None:
    here = settings_for(tmp_path)
    async with Writer(here.store.url, here) as writer:
        dispatcher = writer.dispatcher
        await writer.text(1)
        auditor = Auditor(dispatcher, FakeClock(), random.Random(1), 5.0)
        assert await auditor.check() == ()
        ((_, waiting),) = dispatcher.board.lines.needs()
        waiting.clear()
        assert await auditor.check() == ("T1: stands in 0 queues and should stand in 1.",)
        assert await auditor.check() == ()
        await dispatcher.submit(ev.HandlerSaved(Handler("anna", "Anna", "fcc", extension="2001"), "program:test"))
        await dispatcher.submit(ev.PresenceChanged("anna", Presence(PresenceState.AVAILABLE), "handler:anna"))
        assert [o.handler for o in dispatcher.board.contacts["T1"].offers] == ["anna"]
        alarms = [row.document async for row in writer.store.journal(kind="RaiseAlarm")]
        assert any("board_repaired" in alarm for alarm in alarms)
        await assert_sound(writer.store, writer.rules)


async def test_a_running_gateway_finds_a_fault_by_itself_repairs_it_and_tells_the_supervisors(tmp_path: Path) -> None:
    """From the fault in the board's memory to what a supervisor's desk asks for, with nobody's help."""
    alone: dict[str, Any] = {"text": {"enabled": False}, "email": {"enabled": False}}
    quick = {"http": {"port": any_of(SINGLE, 1)}, "routing": {"audit_seconds": 0.1}}
    gateway = Gateway(settings_in(tmp_path, alone | quick))
    dispatcher = gateway.dispatcher
    await begin_database(gateway.settings)
    async with gateway.running(), connected(gateway.settings) as desk:
        assert desk.running
        await dispatcher.submit(
            ev.MessageArrived("T1", "m1", Channel.TEXT, "texts", Party("+447700900001"), "61016", "text:1")
        )
        ((_, waiting),) = dispatcher.board.lines.needs()
        waiting.clear()  # nobody would ever be given this text

        alarms = await until(lambda: desk.get("/alarms"))

        assert [(alarm["what"], alarm["why"]) for alarm in alarms] == [
            (
                "board_repaired",
                "The board was wrong and has been repaired: T1: stands in 0 queues and should stand in 1.",
            )
        ]
        await dispatcher.submit(ev.HandlerSaved(Handler("anna", "Anna", "fcc"), "program:test"))
        await dispatcher.submit(ev.PresenceChanged("anna", Presence(PresenceState.AVAILABLE), "handler:anna"))
        assert [offer.handler for offer in dispatcher.board.contacts["T1"].offers] == ["anna"]
        journal = [row async for row in gateway.store.journal()]
        (repaired,) = [row for row in journal if row.kind == "BoardRepaired"]
        assert "T1: stands in 0 queues" in repaired.document
