"""What the gateway adds to an explanation: times in words, and by which rules it was decided."""

from __future__ import annotations

import json
import socket
from datetime import datetime, timedelta
from pathlib import Path

from gateway.app import Gateway
from gateway.explain import STARTED_WITH, digest_of, local_times
from routing.rules import Rules
from tests.gateway.api.site import settings_in, until


def test_times_are_local_with_their_zone_and_have_their_date_unless_it_is_today() -> None:
    three = datetime(2026, 11, 25, 3, 12, 40)  # noqa: DTZ001 - local time, wherever this runs
    zone = three.astimezone().tzname()
    when = local_times(three.timestamp())
    assert when(three.timestamp()) == f"03:12:40 {zone}"
    assert when((three - timedelta(hours=4)).timestamp()) == f"24 Nov 2026 23:12:40 {zone}"


def test_rules_that_decide_alike_have_one_digest_whatever_else_the_site_configures(tmp_path: Path) -> None:
    here = Rules.of(settings_in(tmp_path))
    there = Rules.of(settings_in(tmp_path / "elsewhere", {"gateway": {"name": "other"}}))
    other = Rules.of(settings_in(tmp_path, {"routing": {"decline_pause_seconds": 99}}))
    assert digest_of(here) == digest_of(there) != digest_of(other)


async def test_each_start_notes_by_which_rules_it_decides(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = settings_in(tmp_path, {"http": {"port": port}, "text": {"enabled": False}, "email": {"enabled": False}})
    gateway = Gateway(settings)

    async def noted() -> list[dict[str, str]]:
        rows = [row async for row in gateway.store.journal(kind="Recorded")]
        return [json.loads(row.document) for row in rows]

    async with gateway.running():
        (said,) = await until(noted)

    assert (said["what"], said["why"], said["by"]) == (STARTED_WITH, digest_of(gateway.rules), "system")
