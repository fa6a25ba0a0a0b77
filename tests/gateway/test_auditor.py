"""The auditor in production: what it draws and finds wrong is repaired and in the journal."""

from __future__ import annotations

import random
from pathlib import Path

from gateway.auditor import Auditor
from routing import events as ev
from routing.model import Handler, Presence, PresenceState
from tests.support.clock import FakeClock
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
