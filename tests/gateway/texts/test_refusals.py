"""A webhook that is refused: a stranger's is only journalled, a carrier's own is told to a person."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from channels.base import NotGenuine
from channels.text.port import Malformed, OutOfTime, TooMuch
from gateway.texts.refusals import MOST_A_MINUTE, Refusals
from routing.commands import RaiseAlarm
from tests.support.writer import Writer, settings_for

URL = "https://contact.force.example"


@pytest.fixture
async def writer(tmp_path: Path) -> AsyncIterator[Writer]:
    settings = settings_for(tmp_path)
    async with Writer(settings.store.url, settings) as writer:
        yield writer


async def journalled(writer: Writer) -> list[str]:
    return [row.document async for row in writer.store.journal(kind="Recorded")]


def alarms(writer: Writer) -> list[RaiseAlarm]:
    return [c for done in writer.committed for c in done.commands if isinstance(c, RaiseAlarm)]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Malformed("there is nothing at id"), 400),
        (TooMuch("it is larger than 1,000 kB"), 413),
        (OutOfTime("the X-Timestamp header is no time of now"), 403),
    ],
)
async def test_what_a_carrier_has_signed_is_journalled_and_told_with_what_to_do(
    writer: Writer, error: Malformed, status: int
) -> None:
    answer = await Refusals(writer.dispatcher, lambda: 1_700_000_000.0, URL).refuse(error, "second")

    assert answer.status == status
    (row,) = await journalled(writer)
    assert str(error) in row and "carrier:second" in row
    (alarm,) = alarms(writer)
    assert alarm.what == "text_refused"
    assert all(words in alarm.why for words in ("second", "22:13:20 UTC", str(error), "Find it at the carrier"))


async def test_what_a_stranger_posts_is_journalled_and_wakes_nobody(writer: Writer) -> None:
    answer = await Refusals(writer.dispatcher, time.time, URL).refuse(NotGenuine("no signature"), "second")

    assert answer.status == 403
    assert len(await journalled(writer)) == 1
    assert not alarms(writer)


async def test_a_flood_of_forgeries_neither_fills_the_journal_nor_hides_a_carriers_own(writer: Writer) -> None:
    refusals = Refusals(writer.dispatcher, time.time, URL)
    for _ in range(2 * MOST_A_MINUTE):
        await refusals.refuse(NotGenuine("no signature"), "second")
    await refusals.refuse(Malformed("no words"), "second")

    rows = await journalled(writer)
    assert len(rows) == MOST_A_MINUTE + 1
    assert "no words" in rows[-1]


async def test_many_of_one_carrier_are_one_alarm_a_minute(writer: Writer) -> None:
    now = 1_700_000_000.0
    refusals = Refusals(writer.dispatcher, lambda: now, URL)
    for _ in range(5):
        await refusals.refuse(Malformed("no words"), "second")
    assert len(alarms(writer)) == 1

    now += 61
    await refusals.refuse(Malformed("no words"), "second")
    assert len(alarms(writer)) == 2


async def test_what_a_carrier_signed_is_not_refused_before_that_is_on_record(writer: Writer) -> None:
    await writer.stop()
    with pytest.raises(web.HTTPServiceUnavailable):
        await Refusals(writer.dispatcher, time.time, URL).refuse(Malformed("no words"), "second")


async def test_a_text_that_came_incomplete_is_told(writer: Writer) -> None:
    await Refusals(writer.dispatcher, time.time, URL).incomplete("second", "the carrier does not say who wrote it")
    (alarm,) = alarms(writer)
    assert alarm.what == "text_incomplete"
    assert "who wrote it" in alarm.why


async def test_a_webhook_that_brings_nothing_is_told_once_in_a_while_with_the_address_that_it_needs(
    writer: Writer,
) -> None:
    refusals = Refusals(writer.dispatcher, time.time, URL)
    for _ in range(3):
        await refusals.not_brought("twilio")
    (alarm,) = alarms(writer)
    assert alarm.what == "texts_not_brought"
    assert f"{URL}/webhooks/twilio/message" in alarm.why
