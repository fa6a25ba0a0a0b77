"""Service levels over the API: who may see what, in which form, and what is said against a wrong question."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from routing import events as ev
from routing.model import Party
from tests.gateway.api.site import Desk, Site, settings_in

NINE = datetime(2026, 11, 4, 9, tzinfo=ZoneInfo("Europe/London")).timestamp()
DAY = "/statistics?from=2026-11-04&to=2026-11-05"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with Site(settings_in(tmp_path), None, None) as site:
        site.now = lambda: NINE
        yield site


async def a_morning(site: Site) -> tuple[Desk, Desk]:
    """Sam supervises; anna answers one call after 12 s, talks 60 s and wraps up 30 s; another caller gives up."""
    sam = await site.signed_in("sam", "supervisor")
    site.now = lambda: NINE
    await site.call("C1")
    site.now = lambda: NINE + 12
    anna = await site.signed_in("anna", available=True, extension="2001")
    assert await site.answer("C1") == "anna"
    site.now = lambda: NINE + 72
    await site.dispatcher.submit(ev.CallEnded("C1", "handler:anna"))
    await site.call("C2", "+441632960002")
    site.now = lambda: NINE + 102
    await site.dispatcher.submit(ev.WrapUpCompleted("C1", "anna", "resolved"))
    await anna.send("PUT", "/me/presence", {"state": "away", "reason": "break"})
    site.now = lambda: NINE + 400
    await site.dispatcher.submit(ev.CallerLeft("C2"))
    return sam, anna


async def test_a_supervisor_reads_each_queues_figures(site: Site) -> None:
    sam, _ = await a_morning(site)

    status, answer = await sam.get(DAY)

    assert status == 200, answer
    (row,) = answer["rows"]
    assert (row["group"], row["offered"], row["answered"], row["abandoned"]) == ("general", 2, 1, 1)
    assert (row["wait"]["mean"], row["service_level"], row["wait_at_hang_up"]["mean"]) == (12, 0.5, 328)
    assert (row["talk_seconds"], row["wrap_up_seconds"], row["handling_seconds"]) == (60, 30, 90)
    assert datetime.fromisoformat(answer["begins"]) == datetime(2026, 11, 4, tzinfo=ZoneInfo("Europe/London"))


async def test_who_waits_past_the_target_is_missed_today_and_in_the_report_alike(site: Site) -> None:
    sam, _ = await a_morning(site)
    await site.call("C3", "+441632960003")
    for seconds, level, late in ((30, 1 / 2, 0), (31, 1 / 3, 1)):
        site.now = lambda seconds=seconds: NINE + 400 + seconds  # type: ignore[misc]
        await site.statistics.look_at_today()
        _, queues = await sam.get("/queues")
        _, answer = await sam.get(DAY)
        (row,) = answer["rows"]
        assert (row["service_level"], row["waiting"], row["waiting_past_target"]) == (level, 1, late)
        assert queues["queues"][0]["today"]["service_level"] == level
        (waiting,) = queues["waiting"]
        assert (waiting["waiting_seconds"], waiting["overdue"]) == (seconds, bool(late))


async def test_the_metric_of_answers_counts_from_the_queue_as_the_figures_do(site: Site) -> None:
    sam = await site.signed_in("sam", "supervisor")
    await site.dispatcher.submit(ev.CallArrived("C1", "sip-C1", "general", Party("+441632960001"), "101"))
    site.now = lambda: NINE + 8  # the greeting
    await site.dispatcher.submit(ev.CallQueued("C1"))
    site.now = lambda: NINE + 20
    await site.signed_in("anna", available=True, extension="2001")
    await site.answer("C1")
    _, answer = await sam.get(DAY)
    assert answer["rows"][0]["wait"]["mean"] == 12
    assert 'gateway_answer_seconds_sum{channel="voice"} 12.0' in site.telemetry.exposition().decode()


async def test_the_threshold_and_the_target_are_the_askers(site: Site) -> None:
    sam, _ = await a_morning(site)
    _, answer = await sam.get(DAY + "&threshold=400&target=5")
    (row,) = answer["rows"]
    assert (row["abandoned"], row["abandoned_early"], row["service_level"]) == (0, 1, 0)


async def test_by_hour_each_wait_stands_where_it_began(site: Site) -> None:
    sam, _ = await a_morning(site)
    _, answer = await sam.get(DAY + "&interval=60min&by=handler")
    hours = {(row["begins"][11:13], row["group"]): row for row in answer["rows"]}
    assert hours["09", "anna"]["answered"] == 1 and hours["09", ""]["abandoned"] == 1
    assert hours["09", "anna"]["occupancy"] == 1 and hours["09", "anna"]["away_seconds"] == 298


async def test_csv_has_a_line_for_each_row_and_all_figures_of_the_json(site: Site) -> None:
    sam, _ = await a_morning(site)
    status, text = await sam.get(DAY + "&format=csv")
    (line,) = csv.DictReader(io.StringIO(text))
    assert status == 200
    assert (line["group"], line["offered"], line["wait_mean"], line["answered_10_to_30_seconds"]) == (
        "general", "2", "12.0", "1",
    )  # fmt: skip
    assert line["abandoned_300_to_more_seconds"] == "1" and line["occupancy"] == ""


async def test_a_quiet_day_has_the_columns_of_any_other(site: Site) -> None:
    """A program that reads the file every night finds them where they were."""
    sam, _ = await a_morning(site)
    _, busy = await sam.get(DAY + "&format=csv")
    _, quiet = await sam.get("/statistics?from=2026-10-04&to=2026-10-05&format=csv")
    assert quiet.splitlines() == busy.splitlines()[:1]


async def test_a_handler_sees_their_own_figures_and_no_others(site: Site) -> None:
    _, anna = await a_morning(site)
    ben = await site.signed_in("ben")
    _, own = await anna.get(DAY + "&by=handler")
    _, nothing = await ben.get(DAY + "&by=handler")
    status, problem = await anna.get(DAY)
    assert [row["group"] for row in own["rows"]] == ["anna"] and nothing["rows"] == []
    assert status == 403 and "your own figures" in problem["detail"]


@pytest.mark.parametrize(
    ("query", "field", "why"),
    [
        ("from=2026-11-04", "to", "is missing"),
        ("from=yesterday&to=2026-11-05", "from", "must be a date"),
        ("from=2026-11-04&to=2026-11-04", "to", "later than 'from'"),
        ("from=2016-11-04&to=2026-11-04", "to", "three years"),
        ("from=2026-01-01&to=2026-11-04&interval=15min", "interval", "choose a longer one"),
        ("from=2026-11-04&to=2026-11-05&by=mood", "by", "'queue'"),
        ("from=2026-11-04&to=2026-11-05&threshold=-1", "threshold", "must be at least 0"),
        ("from=2026-11-04&to=2026-11-05&colour=red", "colour", "there is no such field"),
    ],
)
async def test_a_wrong_question_is_told_what_is_wrong(site: Site, query: str, field: str, why: str) -> None:
    sam = await site.signed_in("sam", "supervisor")
    status, problem = await sam.get(f"/statistics?{query}")
    assert status == 400
    (error,) = problem["errors"]
    assert error["field"] == field and why in error["why"]


async def test_an_administrator_makes_them_anew_and_they_are_the_same(site: Site) -> None:
    sam, _ = await a_morning(site)
    chief = await site.signed_in("chief", "administrator")
    before: Any = await sam.get(DAY)
    assert (await sam.post("/statistics/rebuild"))[0] == 403
    assert (await chief.post("/statistics/rebuild"))[0] == 204
    _, how_far = await chief.get("/statistics/progress")
    after: Any = await sam.get(DAY)
    assert how_far["read"] == how_far["rows"] > 0
    assert after == before


async def test_queues_and_metrics_show_today(site: Site) -> None:
    sam, _ = await a_morning(site)
    _, earlier = await sam.get("/queues")
    await site.statistics.look_at_today()
    _, answer = await sam.get("/queues")
    general = next(queue for queue in answer["queues"] if queue["id"] == "general")
    assert earlier["queues"][0]["today"] is None
    assert (general["today"]["offered"], general["today"]["abandoned"]) == (2, 1)
    metrics = site.telemetry.exposition().decode()
    assert 'gateway_today_answered_in_target{queue="general"} 1.0' in metrics
    assert 'gateway_longest_wait_seconds{queue="general"} 0.0' in metrics
