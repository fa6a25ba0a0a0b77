"""What the gateway adds to an explanation: times in words, and by which rules it was decided."""

from __future__ import annotations

import json
import socket
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from config.settings import Store as StoreSettings
from gateway.app import Gateway
from gateway.explain import STARTED_WITH, digest_of, explain, local_times
from gateway.store.database import begin_database, migrate, open_engine
from gateway.store.store import Store
from routing.rules import Rules
from tests.gateway.api.site import settings_in, until
from tests.support.kept import Kept, days
from tests.support.world import rules


def test_times_are_those_of_the_site_with_their_zone_and_have_their_date_unless_it_is_today() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    three = datetime(2026, 11, 25, 3, 12, 40, tzinfo=tokyo)
    when = local_times(three.timestamp(), tokyo)
    assert when(three.timestamp()) == "03:12:40 JST"
    assert when((three - timedelta(hours=4)).timestamp()) == "24 Nov 2026 23:12:40 JST"


async def test_a_wait_is_told_alike_right_after_it_and_days_later(tmp_path: Path) -> None:
    """Also where the journal is not followed from its start: by the board of then, not by that of now."""
    store = Store(open_engine(StoreSettings(url=f"sqlite+aiosqlite:///{tmp_path}/gateway.db", pool_size=1)))
    await migrate(store.engine)
    world = Kept(rules())
    begun = world.now
    days(world, 5)
    two_days = [row for row in world.rows if row.at < begun + 2 * 86_400]
    closed = {row.reference: row.at for row in two_days if row.kind == "CloseContact"}
    await world.commit(store)
    told = 0
    for reference, at in Random(3).sample(sorted(closed.items()), 6):
        then = await explain(store, world.rules, reference, at, str)
        now = await explain(store, world.rules, reference, world.now, str)
        assert (now.waited, now.chosen) == (then.waited, then.chosen)
        told += then.waited is not None and any(one.reason.code != "offline" for one in then.waited.waiting.handlers)
    await store.close()
    assert told, "some of them had waited while somebody was there"


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

    await begin_database(settings)
    async with gateway.running():
        (said,) = await until(noted)

    assert (said["what"], said["why"], said["by"]) == (STARTED_WITH, digest_of(gateway.rules), "system")
