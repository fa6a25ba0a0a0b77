"""A text carrier that stays away is told to somebody."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from channels.base import Unreachable
from config.settings import Outbox as OutboxSettings
from gateway.alarms import Alarms
from gateway.outbox.outbox import Outbox
from gateway.sandbox.carrier import LocalCarrier
from gateway.texts import carriers as text_carriers
from gateway.texts.carriers import Carriers, senders
from gateway.texts.pictures import Pictures
from routing.commands import RaiseAlarm
from tests.support.writer import Writer, settings_for, until

QUICK = OutboxSettings(attempts=3, first_retry_seconds=0.02, last_retry_seconds=0.05, concurrency=5)


async def test_a_carrier_that_stays_away_is_an_alarm_and_is_logged_when_it_goes_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_carriers, "AGAIN_SECONDS", 0.02)
    monkeypatch.setattr(text_carriers, "CHECK_SECONDS", 0.02)
    settings, now = settings_for(tmp_path), [1_700_000_000.0]
    sid, token = "AC" + "0a" * 16, settings.text.auth_token.get_secret_value()
    carrier = LocalCarrier(account_sid=sid, auth_token=token, webhook_url="http://127.0.0.1:9/texts")
    async with Writer(settings.store.url, settings) as writer, carrier:
        text = settings.text.model_copy(update={"api_url": carrier.url, "account_sid": sid})
        here = settings.model_copy(update={"text": text})
        carriers = Carriers(here, lambda: now[0], Alarms(writer.dispatcher, lambda: now[0]))
        with capture_logs() as logs:
            watching = asyncio.create_task(carriers.run())
            await until(lambda: carriers.healthy() == "")
            assert list(carriers)
            # when it goes
            await carrier.close()
            await until(lambda: "twilio" in carriers.healthy())
            assert not [c for done in writer.committed for c in done.commands if isinstance(c, RaiseAlarm)]
            # and stays away
            now[0] += 61
            (alarm,) = await writer.commands(RaiseAlarm)
            assert alarm.what == "carrier_away" and "what is to be sent waits" in alarm.why
            # and comes back
            await carrier.open()
            await until(lambda: carriers.healthy() == "")
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        assert [log["event"] for log in logs if log["event"].startswith("carrier_")] == ["carrier_down", "carrier_back"]


async def test_credentials_that_are_not_accepted_are_an_alarm_that_says_what_to_do_and_cost_no_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For more tries than a text has, while the carrier is there and answers everything else."""
    monkeypatch.setattr(text_carriers, "AGAIN_SECONDS", 0.02)
    settings = settings_for(tmp_path)
    sid, token = "AC" + "0a" * 16, settings.text.auth_token.get_secret_value()
    carrier = LocalCarrier(account_sid=sid, auth_token=token, webhook_url="http://127.0.0.1:9/texts")
    async with Writer(settings.store.url, settings) as writer, carrier:
        text = settings.text.model_copy(update={"api_url": carrier.url, "account_sid": sid})
        here = settings.model_copy(update={"text": text})
        carriers = Carriers(here, time.time, Alarms(writer.dispatcher, time.time))
        pictures = Pictures(here, writer.store, lambda: writer.dispatcher.board, time.time)
        ways = senders(carriers, writer.store, pictures)
        chance = random.Random(1)
        outbox = Outbox(QUICK, writer.store, writer.dispatcher, ways, time.time, chance, lambda message: "")
        writer.watchers.append(outbox.committed)
        carrier.fail_next(401, 20003, times=QUICK.attempts + 3)
        running = [asyncio.create_task(outbox.run()), asyncio.create_task(carriers.run())]
        await writer.text(1)
        # when it takes them again
        await until(lambda: len(carrier.outbox) == 1 and outbox.open == 0)
        assert carriers.healthy() == "", "at once, whenever it is next asked"
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        # then
        failures = [row.document async for row in writer.store.journal(kind="SendingFailed")]
        assert len(failures) == QUICK.attempts + 3 and not any('"final":true' in f for f in failures)
        assert "account SID and auth token; this message waits until that is mended" in failures[0]
        (alarm,) = await writer.commands(RaiseAlarm)
        assert alarm.what == "carrier_refuses_us"
        assert "put text.account_sid and text.auth_token right, and start the gateway again" in alarm.why


class Counted:
    """A carrier that counts how often it is asked."""

    id = "twilio"

    def __init__(self) -> None:
        self.asked = 0

    async def check(self) -> None:
        self.asked += 1
        raise Unreachable("gone")


async def test_however_many_want_to_know_a_carrier_is_asked_once(tmp_path: Path) -> None:
    settings, counted = settings_for(tmp_path), Counted()
    async with Writer(settings.store.url, settings) as writer:
        text = settings.text.model_copy(update={"account_sid": "AC" + "0a" * 16})
        carriers = Carriers(settings.model_copy(update={"text": text}), time.time, Alarms(writer.dispatcher, time.time))
        carriers._by_id["twilio"] = counted  # type: ignore[assignment]
        answers = await asyncio.gather(*(carriers.check("twilio") for _ in range(20)), return_exceptions=True)
        assert {str(answer) for answer in answers} == {"gone"} and counted.asked == 1
