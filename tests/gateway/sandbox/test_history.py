"""A past that never happened, for a sandbox alone: enough for a forecast, and as sound as a real one."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from config.load import load
from gateway.rosters.staffing import forecast_from
from gateway.sandbox.cli.history import A_SMALL_FORCE
from gateway.sandbox.history import write_history
from gateway.sandbox.place import PlaceError
from gateway.sandbox.site import SITE_FILE
from gateway.simulate.scenario import Scenario, load_scenario
from gateway.store.database import open_engine
from gateway.store.journal import verify
from gateway.store.store import Store
from routing.model import Stage
from routing.rules import Rules

NOW = datetime(2026, 11, 26, 14, 0, tzinfo=UTC).timestamp()  # a Thursday, weeks after the last bank holiday


def quiet() -> Scenario:
    """The small force on its quietest days."""
    scenario = load_scenario(A_SMALL_FORCE)
    demand = tuple(d.model_copy(update={"per_day": 8.0}) for d in scenario.demand)
    return scenario.model_copy(update={"demand": demand})


def written(directory: Path, scenario: Scenario, *, fresh: bool = False) -> int:
    return write_history(directory, scenario, 4, NOW, fresh=fresh, progress=lambda done: None)


async def test_four_weeks_of_it_are_enough_for_a_forecast_and_leave_nothing_behind(tmp_path: Path) -> None:
    contacts = await asyncio.to_thread(written, tmp_path, quiet())

    settings = load(tmp_path / SITE_FILE)
    store = Store(open_engine(settings.store))
    try:
        found = await forecast_from(store, settings, date(2026, 11, 30), NOW)
        assert (found.days, found.why, set(found.ordinary_days)) == (28, "", {4})
        assert {assumed.queue for assumed in found.assumed} == {"", "general", "crime"}
        calls = next(assumed for assumed in found.assumed if assumed.queue == "")
        rows = [row async for row in store.journal(kind="CallArrived")]
        before = sum(row.at < NOW - 28.6 * 86_400 for row in rows)  # the day on which it begins does not count
        assert calls.calls == pytest.approx(len(rows) - before, abs=1), "every call is counted, emergencies too"
        board = await store.board(Rules.of(settings), NOW)
        assert (board.handlers, [c for c in board.contacts.values() if c.stage is not Stage.CLOSED]) == ({}, [])
        journal = [row async for row in store.journal()]
        assert contacts > 28 * 20 and max(row.at for row in journal) <= NOW
        verdict = await verify(store.journal())
        assert (verdict.broken, verdict.rows) == (None, len(journal))
    finally:
        await store.close()


def test_a_sandbox_that_has_a_past_keeps_it_unless_it_is_to_begin_anew(tmp_path: Path) -> None:
    short = quiet().model_copy(update={"demand": quiet().demand[:1]})
    written(tmp_path, short)

    with pytest.raises(PlaceError, match="has a past already: use --fresh"):
        written(tmp_path, short)

    assert written(tmp_path, short, fresh=True) > 0


def test_a_queue_that_the_sandbox_does_not_have_is_named(tmp_path: Path) -> None:
    county = load_scenario(A_SMALL_FORCE.parent / "county.toml")

    with pytest.raises(PlaceError, match=r"the sandbox has no queue switchboard, enquiries, online; .* general"):
        written(tmp_path, county)
