"""How long one question to the journal takes: run with ``python tests/bench/explain.py [--quick]``.

The simulator plays days of BTP's load on the real engine and every row is written as the dispatcher writes it, into
SQLite. Then contacts of the last hours, of the middle and of the beginning are explained, and the whole journal is
followed once for its speed. ``--seconds`` replaces how much time is played.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from math import inf
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from sqlalchemy import select

from config.settings import Store as StoreSettings
from gateway.explain import explain, local_times
from gateway.past import History
from gateway.sandbox.history import Scribe
from gateway.simulate.scenario import Scenario, load_scenario
from gateway.simulate.simulation import Simulation
from gateway.store.database import migrate, open_engine
from gateway.store.store import Batch, Store
from gateway.store.tables import contacts
from routing.model import Time
from tests.bench.lib import Options, Report, read_options, run

SCENARIO = Path(__file__).parents[2] / "config/scenarios/btp.toml"
A_DAY = 86_400


async def measure(options: Options, report: Report) -> None:
    days = (options.seconds or options.size(30, 3) * A_DAY) / A_DAY
    scenario = load_scenario(SCENARIO).model_copy(update={"days": days})
    with tempfile.TemporaryDirectory(prefix="bench-explain-") as folder:
        store = Store(open_engine(StoreSettings(url=f"sqlite+aiosqlite:///{folder}/gateway.db", pool_size=1)))
        await migrate(store.engine)
        batches: list[Batch] = []
        scribe = Scribe(batches.append)
        simulation = scribe.simulation = Simulation(scenario, scribe.watch)
        simulation.run()
        scribe.write()
        for batch in batches:
            await store.commit(batch)
        rows = [row for batch in batches for row in batch.rows]
        report.value("days played", days, "days")
        report.value("rows in the journal", len(rows), "rows")
        report.value("size of the database", Path(folder, "gateway.db").stat().st_size / 1e6, "MB")
        for where, begin, end in (("first", 0.0, 0.1), ("middle", 0.45, 0.55), ("last", 0.9, 1.0)):
            span = scenario.ends - scenario.begins
            await _explained(
                store, scenario, where, scenario.begins + begin * span, scenario.begins + end * span, report
            )
        began, cpu = time.perf_counter(), time.process_time()
        await History(store, scenario.rules, shift=inf).until(len(rows), rows[-1].reference)
        took, used = time.perf_counter() - began, time.process_time() - cpu
        report.value("followed from the start, by the clock", len(rows) / took, "rows/s")
        report.value("followed from the start, of CPU", len(rows) / used, "rows/s")
        await store.close()


async def _explained(store: Store, scenario: Scenario, where: str, begin: Time, end: Time, report: Report) -> None:
    columns = contacts.c
    query = select(columns.reference, columns.received_at).where(columns.received_at.between(begin, end))
    async with store.engine.connect() as connection:
        known = (await connection.execute(query)).all()
    took, used, rows = [], [], []
    for reference, received_at in random.Random(1).sample(known, 5):
        began, cpu, followed = time.perf_counter(), time.process_time(), [0]

        def told(done: int, of: int, followed: list[int] = followed) -> None:
            followed[0] = done

        when = local_times(received_at, scenario.zone)
        await explain(store, scenario.rules, reference, received_at + 30, when, told)
        took.append(time.perf_counter() - began)
        used.append(time.process_time() - cpu)
        rows.append(followed[0])
    report.spread(f"a question about the {where} tenth, by the clock", took, "s")
    report.spread(f"a question about the {where} tenth, of CPU", used, "s", target=10)
    report.spread(f"a question about the {where} tenth, rows followed", rows, "rows")


if __name__ == "__main__":
    options = read_options("A question to the journal")
    report = Report("A question to the journal", options.quick)
    run(measure(options, report))
    sys.exit(report.finish(options.out))
