from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from channels.text.twilio.carrier import Twilio
from gateway.sandbox.carrier import LocalCarrier
from tests.channels.text.peers import ACCOUNT, TOKEN, settings_for


@pytest.fixture
async def local() -> AsyncIterator[LocalCarrier]:
    """A carrier that has nothing to complain of when the test is over."""
    async with LocalCarrier(account_sid=ACCOUNT, auth_token=TOKEN, webhook_url="http://127.0.0.1:9/texts") as carrier:
        yield carrier
    assert carrier.violations == []


@pytest.fixture
async def carrier(local: LocalCarrier, tmp_path: Path) -> AsyncIterator[Twilio]:
    async with Twilio(settings_for(local.url, tmp_path), "") as carrier:
        yield carrier
