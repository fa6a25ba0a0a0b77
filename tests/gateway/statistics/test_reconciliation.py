"""A simulated day is put into a real journal; what the statistics make of it is what the simulated people say they
did, to the contact and to the second, and a rebuild changes nothing.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from config.settings import Queue
from config.settings import Store as StoreSettings
from gateway.simulate.measures import Measures, mean
from gateway.simulate.scenario import Scenario, load_scenario
from gateway.simulate.simulation import Simulation
from gateway.statistics import statistics as module
from gateway.statistics.figures import By, Figures
from gateway.statistics.statistics import NotReady, Question, Statistics
from gateway.store import tables
from gateway.store.database import migrate, open_engine
from gateway.store.journal import Row
from gateway.store.store import Batch, Store, StoreError
from routing import events as ev
from routing.board import Board
from routing.engine import Decision
from routing.events import Event
from routing.model import Channel
from tests.conftest import MakeSettings
from tests.support.journalled import Journal, JournalledWorld
from tests.support.postgres import Postgres

COUNTY = Path(__file__).parents[3] / "config" / "scenarios" / "county.toml"
OUTCOMES = (
    *("answered", "abandoned", "abandoned_early", "waiting", "callback"),
    *("voicemail", "passed", "control_room", "cut_off", "ended"),
)


class Day:
    """What happened, in the journal's words and in the simulated people's. Many are in an emergency, so that the
    control room is often the first to answer."""

    def __init__(self, *queues: Queue) -> None:
        scenario = load_scenario(COUNTY)
        if queues:
            changed = {queue.id: queue for queue in queues}
            kept = tuple(changed.get(queue.id, queue) for queue in scenario.queues)
            scenario = scenario.model_copy(update={"queues": kept})
        urgent = tuple(demand.model_copy(update={"emergencies": 0.3}) for demand in scenario.demand)
        self.scenario: Scenario = scenario.model_copy(update={"days": 0.4, "warm_up_hours": 0, "demand": urgent})
        self.journal = Journal()
        self._board = Board(self.scenario.rules)  # nobody calls or writes again: each row's contact is its own
        self.measures: Measures = Simulation(self.scenario, self._watch).run()

    def _watch(self, event: Event, now: float, decision: Decision) -> None:
        self.journal.record(self._board, event, decision, now)

    @property
    def question(self) -> dict[str, Any]:
        return {"begins": self.scenario.begins, "ends": self.scenario.ends}


@pytest.fixture(scope="module")
def day() -> Day:
    return Day()


@pytest.fixture
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """SQLite, and PostgreSQL where a test asks for both."""
    sqlite = getattr(request, "param", "sqlite") == "sqlite"
    url = f"sqlite+aiosqlite:///{tmp_path / 'day.db'}"
    if not sqlite:
        postgres: Postgres = request.getfixturevalue("postgres")
        url = await postgres.create()
    store = Store(open_engine(StoreSettings(url=url, pool_size=2)))
    await migrate(store.engine)
    yield store
    await store.close()


async def written(store: Store, rows: list[Row]) -> None:
    for n in range(0, len(rows), 1000):
        await store.commit(Batch(rows=rows[n : n + 1000]))


def statistics_of(store: Store, day: Day, settings: MakeSettings) -> Statistics:
    return Statistics(settings(), store, lambda: day.scenario.ends)


async def by_group(statistics: Statistics, day: Day, by: By, **more: Any) -> dict[str, Figures]:
    return {row.group: row for row in await statistics.report(Question(**day.question, by=by, **more))}


async def facts(store: Store) -> list[Any]:
    return [sorted(map(tuple, await store.rows(select(t)))) for t in (tables.waits, tables.handlings, tables.spells)]


IMPATIENT = Queue.model_validate(
    {
        "id": "enquiries",
        "name": "Enquiries and reports",
        "target_seconds": 60,
        "skills": ["enquiries"],
        "longest_wait_seconds": 20,
        "overflow": {"longest_wait": [{"queue": "switchboard"}]},
    }
)

BOTH = pytest.mark.parametrize("store", ["sqlite", "postgresql"], indirect=True)


@BOTH
async def test_the_figures_are_what_the_people_did(store: Store, day: Day, settings: MakeSettings) -> None:
    await written(store, day.journal.rows)
    statistics = statistics_of(store, day, settings)

    rows = await by_group(statistics, day, "channel")

    for channel in {channel for _, channel in day.measures.waits}:
        told = [waits for (_, of), waits in day.measures.waits.items() if of is channel]
        answered = sorted(seconds for waits in told for seconds in waits.answered)
        abandoned = sorted(seconds for waits in told for seconds in waits.abandoned)
        row = rows[channel]
        on_the_way = day.measures.left_open.arriving if channel is Channel.VOICE else 0
        assert row.offered + row.before_queue + on_the_way == sum(waits.offered for waits in told)
        assert row.control_room == sum(len(waits.control_room) for waits in told)
        assert row.waiting == sum(len(waits.waiting) for waits in told)
        assert (row.answered, row.wait.count) == (len(answered), len(answered))
        assert row.abandoned + row.abandoned_early == len(abandoned)
        assert row.wait.longest == max(answered, default=None)
        assert row.wait.mean == pytest.approx(sum(answered) / len(answered))
        if abandoned:
            assert row.wait_at_hang_up.mean == pytest.approx(sum(abandoned) / len(abandoned))
    centres = await by_group(statistics, day, "centre")
    for name, work in day.measures.centres.items():
        assert centres[name].busy_seconds == pytest.approx(work.busy)
        assert centres[name].staffed_seconds <= work.signed_in + 1e-6


async def test_a_wait_over_two_queues_is_of_the_second_for_both(store: Store, settings: MakeSettings) -> None:
    """Given a queue that leads on to another, a day is counted alike by the simulation and by the statistics."""
    day = Day(IMPATIENT)
    await written(store, day.journal.rows)

    rows = await by_group(statistics_of(store, day, settings), day, "queue", target=30.0, threshold=10.0)

    for (queue, channel), told in day.measures.waits.items():
        waits, row = replace(told, target=30.0, ignore=10.0), rows[queue]
        ends = (waits.answered, waits.control_room, waits.abandoned, waits.waiting)
        abandoned = row.abandoned + row.abandoned_early
        assert [len(waits) for waits in ends] == [row.answered, row.control_room, abandoned, row.waiting], queue
        assert waits.led_on == row.led_on, queue
        assert waits.service_level == row.service_level, queue
        assert (row.wait.mean or 0.0) == pytest.approx(mean(waits.answered))
        on_the_way = waits.offered - row.offered - row.before_queue
        assert 0 <= on_the_way <= (day.measures.left_open.arriving if channel is Channel.VOICE else 0)
    assert rows["enquiries"].led_on > 0 and (rows["switchboard"].wait.longest or 0.0) > 20


@pytest.mark.parametrize(("target", "threshold"), [(10.0, 60.0), (4.0, 2.0)])
async def test_the_service_level_is_the_simulated_peoples(
    store: Store, day: Day, settings: MakeSettings, target: float, threshold: float
) -> None:
    await written(store, day.journal.rows)
    statistics = statistics_of(store, day, settings)

    rows = await by_group(statistics, day, "queue", target=target, threshold=threshold)

    for (queue, _), waits in day.measures.waits.items():
        told = replace(waits, target=target, ignore=threshold)
        assert rows[queue].service_level == told.service_level
        assert rows[queue].abandoned_early == told.abandoned_early
    in_time = sum(row.control_room_in_target for row in rows.values())
    assert (in_time > 0) == (target >= 8), "it answers after 8 s"


async def test_every_wait_is_in_exactly_one_row_however_it_is_cut(
    store: Store, day: Day, settings: MakeSettings
) -> None:
    await written(store, day.journal.rows)
    statistics = statistics_of(store, day, settings)
    (whole,) = {
        sum(row.offered for row in (await by_group(statistics, day, by)).values()) for by in ("queue", "centre")
    }
    for by in ("queue", "channel", "centre", "handler"):
        rows = await statistics.report(Question(**day.question, by=by, interval="30min"))
        assert sum(row.offered for row in rows) == whole
        assert all(row.offered == sum(getattr(row, name) for name in OUTCOMES) for row in rows)
    busy = (await by_group(statistics, day, "handler")).values()
    halves = await statistics.report(Question(**day.question, by="handler", interval="30min"))
    assert sum(row.busy_seconds for row in halves) == pytest.approx(sum(row.busy_seconds for row in busy))


@BOTH
async def test_read_in_pieces_with_restarts_or_rebuilt_the_facts_are_the_same(
    store: Store, day: Day, settings: MakeSettings
) -> None:
    rows, chance = day.journal.rows, random.Random(1)
    begun = 0
    while begun < len(rows):  # each time by a new process
        upto = begun + chance.randrange(1, 900)
        await store.commit(Batch(rows=rows[begun:upto]))
        begun = upto
        await statistics_of(store, day, settings).catch_up()
    expected = await facts(store)
    assert len(expected[0]) == len(day.journal.waits)

    statistics = statistics_of(store, day, settings)
    await statistics.forget()
    assert await facts(store) == [[], [], []]
    await statistics.catch_up()

    assert await facts(store) == expected


async def test_nothing_is_kept_of_a_handler_who_was_removed(store: Store, day: Day, settings: MakeSettings) -> None:
    world = JournalledWorld()
    world.handler("anna")
    world.did(ev.HandlerRemoved("anna", "program:test"))
    for row in world.journal.rows:
        await store.commit(Batch(rows=[row]))
        await statistics_of(store, day, settings).catch_up()

    kept = {row.key for row in await store.rows(select(tables.ledger))}

    assert kept == {"journal"}


async def test_two_processes_that_read_at_once_count_nothing_twice(
    store: Store, day: Day, settings: MakeSettings
) -> None:
    await written(store, day.journal.rows[:1000])
    one, two = (statistics_of(store, day, settings) for _ in range(2))

    await asyncio.gather(one.catch_up(), two.catch_up(), return_exceptions=True)  # one of them is overtaken
    await one.catch_up()
    await two.catch_up()

    found = await facts(store)
    await one.forget()
    await one.catch_up()
    assert await facts(store) == found


async def test_a_report_says_so_when_the_facts_are_still_being_drawn(
    store: Store, day: Day, settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await written(store, day.journal.rows)
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.0)
    statistics = statistics_of(store, day, settings)
    with pytest.raises(NotReady, match="rows of the journal are read"):
        await statistics.report(Question(**day.question))
    await statistics.close()


async def test_after_a_failed_write_nothing_is_missing(store: Store, day: Day, settings: MakeSettings) -> None:
    await written(store, day.journal.rows[:1000])
    statistics = statistics_of(store, day, settings)
    put, fails = statistics._shelf.put, iter([True, False, True])

    async def sometimes(*arguments: Any) -> None:
        if next(fails, False):
            raise StoreError("the disk is full")
        await put(*arguments)

    statistics._shelf.put = sometimes  # type: ignore[method-assign,assignment]
    for _ in range(2):
        with pytest.raises(StoreError):
            await statistics.catch_up()
    await statistics.catch_up()
    found = await facts(store)

    await statistics.forget()
    await statistics.catch_up()
    assert await facts(store) == found


async def test_unasked_the_facts_follow_the_journal_as_it_grows(
    store: Store, day: Day, settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has to wait for what was put off; the figures of the day are counted less often."""
    monkeypatch.setattr(module, "DRAW_SECONDS", 0.01)
    statistics, looks = statistics_of(store, day, settings), 0

    async def look() -> None:
        nonlocal looks
        looks += 1

    statistics.look_at_today = look  # type: ignore[method-assign]
    running = asyncio.create_task(statistics.run())
    for until in (300, 600):
        await store.commit(Batch(rows=day.journal.rows[until - 300 : until]))
        async with asyncio.timeout(10):
            while statistics._read < until:
                await asyncio.sleep(0.01)
    running.cancel()
    assert looks == 1
    assert (await facts(store))[0]
