"""Supervisors are told of a queue that is not served: once, again while it lasts, and when it is over."""

from __future__ import annotations

import asyncio

import pytest

from gateway import queue_watch
from gateway.queue_watch import QueueWatch
from routing.events import CallerLeft, MessageArrived, PresenceChanged
from routing.model import Channel, Party, Presence, PresenceState
from tests.gateway.api.site import Desk, Site, until

HERE, AWAY = Presence(PresenceState.AVAILABLE), Presence(PresenceState.AWAY, "lunch")


class Shift:
    """A supervisor and anna, who alone takes calls; the clock is moved by hand."""

    def __init__(self, site: Site, supervisor: Desk) -> None:
        self.site, self.supervisor, self.now = site, supervisor, site.now()
        site.now = lambda: self.now
        self.watch = self.watching()

    def watching(self) -> QueueWatch:
        return QueueWatch(self.site.settings.queue_alarms, self.site.store, self.site.dispatcher, self.site.clock)

    async def anna(self, presence: Presence) -> None:
        await self.site.dispatcher.submit(PresenceChanged("anna", presence, "handler:anna"))

    async def told(self, seconds: float = 0) -> list[tuple[str, str]]:
        """Lets time pass in looks of 3 s; by the kinds of events, what was told meanwhile."""
        until, said = self.now + seconds, list[tuple[str, str]]()
        while True:
            said += [(type(event).__name__, event.cause) for event in await self.watch.look()]
            if self.now >= until:
                return said
            self.now = min(until, self.now + 3)

    async def alarms(self) -> list[tuple[str, str, bool]]:
        """What, of which queue, and whether it stands still; the latest first."""
        _, found = await self.supervisor.get("/alarms")
        return [(a["what"], a["queue"], a["withdrawn_at"] is None) for a in found]


TOLD, OVER = ("QueueNotServed", "queue_unattended"), ("QueueServedAgain", "queue_unattended")
LATE, IN_TIME = ("QueueNotServed", "queue_overdue"), ("QueueServedAgain", "queue_overdue")


@pytest.fixture
async def shift(site: Site) -> Shift:
    supervisor = await site.signed_in("sam", "supervisor")
    await site.person("anna", extension="2001")
    shift = Shift(site, supervisor)
    await shift.anna(AWAY)
    return shift


async def test_a_caller_whom_nobody_can_take_is_told_at_once_and_once(site: Site, shift: Shift) -> None:
    assert await shift.told() == []
    await site.call("C1")

    assert await shift.told() == [TOLD]
    assert await shift.told(120) == []

    (alarm,) = (await shift.supervisor.get("/alarms"))[1]
    assert (alarm["what"], alarm["queue"], alarm["withdrawn_at"]) == ("queue_unattended", "general", None)
    assert alarm["why"] == (
        "Nobody who is there can take calls of 'General enquiries'. 1 call waits, for 0 s. Ask anna (away: lunch)."
    )
    _, queues = await shift.supervisor.get("/queues")
    assert queues["queues"][0]["unattended"].startswith("Nobody who is there can take calls of 'General enquiries'.")


async def test_it_is_withdrawn_when_it_is_over_for_a_while_and_not_before(site: Site, shift: Shift) -> None:
    await site.call("C1")
    await shift.told()
    await shift.anna(HERE)
    await site.answer("C1")
    assert await shift.told(27) == []
    await shift.anna(AWAY)
    assert await shift.told(60) == [], "anna was there for a moment only: it is the same alarm still"
    await shift.anna(HERE)

    assert await shift.told(27) == []
    assert await shift.told(6) == [OVER]

    assert await shift.alarms() == [("queue_unattended", "general", False)]
    (row,) = await site.rows("WithdrawAlarm")
    assert "Somebody is there for 'General enquiries' again: anna." in row.document


async def test_callers_who_come_and_go_raise_it_no_second_time(site: Site, shift: Shift) -> None:
    said = []
    for number in range(3):
        await site.call(f"C{number}")
        said += await shift.told(60)
        await site.dispatcher.submit(CallerLeft(f"C{number}"))
        said += await shift.told(60)

    assert said == [TOLD]


async def test_what_was_told_of_texts_is_told_anew_when_a_caller_waits_in_vain(site: Site, shift: Shift) -> None:
    await site.dispatcher.submit(
        MessageArrived("T1", "m1", Channel.TEXT, "general", Party("+447700900001"), "61016", "text:1")
    )
    assert await shift.told(9) == [TOLD]
    await shift.anna(HERE)
    await site.answer("T1")
    await shift.anna(AWAY)
    await site.call("C1")

    assert await shift.told(60) == [TOLD]


async def test_it_is_told_again_after_half_an_hour_while_somebody_waits(site: Site, shift: Shift) -> None:
    await site.call("C1")
    assert await shift.told(1797) == [TOLD]

    assert await shift.told(3) == [TOLD]


async def test_it_is_not_told_again_while_nobody_waits(site: Site, shift: Shift) -> None:
    await site.call("C1")
    assert await shift.told(60) == [TOLD]
    await site.dispatcher.submit(CallerLeft("C1"))

    assert await shift.told(1800) == []


async def test_what_was_told_before_a_restart_is_not_told_twice_and_is_withdrawn(site: Site, shift: Shift) -> None:
    await site.call("C1")
    await shift.told()
    shift.watch = shift.watching()
    await shift.watch.remember()
    assert await shift.told(30) == []
    await shift.anna(HERE)
    await site.answer("C1")

    assert await shift.told(33) == [OVER]

    shift.watch = shift.watching()
    await shift.watch.remember()
    await shift.anna(AWAY)
    await site.call("C2")
    assert await shift.told() == [TOLD]


async def test_a_queue_far_behind_is_told_and_replaced_by_what_is_worse(site: Site, shift: Shift) -> None:
    await shift.anna(HERE)
    await site.call("C1")
    await site.answer("C1")
    await site.call("C2")
    assert await shift.told(93) == [LATE]

    await shift.anna(AWAY)
    assert await shift.told() == [IN_TIME, TOLD]
    await shift.anna(HERE)
    assert await shift.told(27) == []
    assert await shift.told(3) == [OVER, LATE]

    assert await shift.alarms() == [
        ("queue_overdue", "general", True),
        ("queue_unattended", "general", False),
        ("queue_overdue", "general", False),
    ]


async def test_who_watches_begins_with_what_was_told_before(
    site: Site, shift: Shift, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_watch, "LOOK_SECONDS", 0.01)
    await site.call("C1")
    await shift.told()
    await shift.anna(HERE)
    await site.answer("C1")

    async def is_withdrawn() -> bool:
        shift.now += 3
        return await shift.alarms() == [("queue_unattended", "general", False)]

    running = asyncio.create_task(shift.watching().run())
    await until(is_withdrawn)
    running.cancel()
