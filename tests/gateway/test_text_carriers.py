"""A text carrier that stays away is told to somebody."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway import text_carriers
from gateway.alarms import Alarms
from gateway.sandbox.carrier import LocalCarrier
from gateway.text_carriers import Carriers
from routing.commands import RaiseAlarm
from tests.support.writer import Writer, settings_for, until


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
