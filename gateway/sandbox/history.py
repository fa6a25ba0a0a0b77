"""A past for an empty sandbox: weeks of a scenario are played on the real engine, and its rows are written into the
journal and the tables as the dispatcher writes them. So forecasts and statistics of weeks can be tried in a minute.

It never happened, and says so: every handler in it was saved by ``program:simulation``. Messages have no words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from config.load import load
from config.settings import Settings
from gateway.sandbox.place import PlaceError, empty, taken
from gateway.sandbox.ports import Ports
from gateway.sandbox.site import write_site
from gateway.sandbox.speech import CACHE
from gateway.sandbox.world import SLOTS
from gateway.simulate.scenario import Scenario
from gateway.simulate.simulation import Simulation
from gateway.store.database import migrate, open_engine
from gateway.store.journal import Head, Row, reference_of, write_row
from gateway.store.store import Batch, Store
from routing import events as ev
from routing.board import Touched
from routing.engine import Decision
from routing.model import Time

ROWS_AT_ONCE = 5_000


def write_history(
    directory: Path, scenario: Scenario, weeks: int, now: Time, *, fresh: bool, progress: Callable[[float], None]
) -> int:
    """The last ``weeks`` whole weeks until ``now``, into this sandbox that does not run; how many contacts came in.

    ``fresh``: what is there already is removed. Raises PlaceError, ConfigurationError, StoreError.
    """
    with taken(directory):
        if fresh:
            empty(directory)
        settings = load(write_site(directory.absolute(), CACHE, Ports(), SLOTS, {}))
        _check_queues(scenario, settings)
        with asyncio.Runner() as runner:
            store = Store(open_engine(settings.store))
            try:
                runner.run(migrate(store.engine))
                if runner.run(store.head()) != Head():
                    raise PlaceError(f"{directory} has a past already: use --fresh, or choose another --directory")
                scribe = Scribe(lambda batch: runner.run(store.commit(batch)))
                return _play(placed(scenario, weeks, now), scribe, now, progress)
            finally:
                runner.run(store.close())


def placed(scenario: Scenario, weeks: int, now: Time) -> Scenario:
    """The same, up to last midnight: so many weeks, and a day on which the history begins and which does not count."""
    midnight = datetime.fromtimestamp(now, scenario.zone).date()
    days = 7 * weeks + 1
    begins = midnight - timedelta(days=days)
    return scenario.model_copy(update={"start": begins, "days": days, "warm_up_hours": 0, "bursts": (), "outages": ()})


def _check_queues(scenario: Scenario, settings: Settings) -> None:
    known = [queue.id for queue in settings.queues]
    missing = [queue.id for queue in scenario.queues if queue.id not in known]
    if missing:
        there = ", ".join(known)
        raise PlaceError(f"the sandbox has no queue {', '.join(missing)}; a scenario for it may have: {there}")


def _play(scenario: Scenario, scribe: Scribe, now: Time, progress: Callable[[float], None]) -> int:
    """Nobody comes in after the last midnight; who is there finishes, and then goes for good."""
    simulation = scribe.simulation = Simulation(scenario, scribe.watch)
    contacts = simulation.run(progress, until=now).contacts
    simulation.disband()
    scribe.write()
    return contacts


class Scribe:
    """Keeps what the simulation decides, as the dispatcher would."""

    def __init__(self, commit: Callable[[Batch], None]) -> None:
        self.simulation: Simulation | None = None
        self._commit = commit
        self._head = Head()
        self._rows: list[Row] = []
        self._touched = Touched()

    def watch(self, event: ev.Event, now: Time, decision: Decision) -> None:
        if self.simulation is not None:
            touched = self.simulation.board.take_touched()
            self._touched.contacts |= touched.contacts
            self._touched.handlers |= touched.handlers
            self._touched.follow_ups |= touched.follow_ups
            self._touched.people |= touched.people
        if isinstance(event, ev.TimePassed) and not decision.commands:
            return
        for change in (event, *decision.commands):
            row = write_row(self._head, change, now, "", reference_of(change))
            self._head = Head(row.seq, row.hash)
            self._rows.append(row)
        if len(self._rows) >= ROWS_AT_ONCE:
            self.write()

    def write(self) -> None:
        self._commit(Batch(self._rows, self._touched))
        self._rows, self._touched = [], Touched()
