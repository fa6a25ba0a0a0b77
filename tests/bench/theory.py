"""The simulated board against theory, and one simulated year: run with ``python tests/bench/theory.py``.

``erlang_c``: one queue, exponential handling, nobody gives up; the mean wait is within 2 % of Erlang C.
``erlang_a``: exponential patience too; the share that gives up is within 2 % of Erlang A.
Each with at least a million contacts on the real engine, in ten independent runs, whose means give the
interval (95 %).
``two_skills``: how late people are answered against their targets, by the engine's order and by fixed priorities.
``year``: CPU seconds for a year of ``config/scenarios/btp.toml``; with ``--quick`` from a week of it.
"""

from __future__ import annotations

import gc
import math
import sys
import time
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from gateway.simulate.scenario import load_scenario
from gateway.simulate.simulation import Simulation
from tests.bench.lib import Options, Report, read_options
from tests.support.theory import Found, against_theory
from tests.support.two_skills import FIXED, OURS, cost_of, dearer_by

SCENARIOS = Path(__file__).parents[2] / "config" / "scenarios"
PERCENT_OFF = 2.0
YEAR_SECONDS = 60.0
YEAR_DAYS = 365.25
RUNS = 10
T_95 = 2.262  # Student's, two-sided 95 %, for ten runs


def erlang_c(options: Options, report: Report) -> None:
    found = _runs(options, handlers=2, per_hour=60, handling=60)
    _tell(report, "mean wait, s", found[0].theory.mean_wait, [one.mean_wait for one in found])


def erlang_a(options: Options, report: Report) -> None:
    found = _runs(options, handlers=10, per_hour=200, handling=180, patience=120)
    _tell(report, "given up, share", found[0].theory.abandoned, [one.abandoned for one in found])
    _tell(report, "mean wait, s", found[0].theory.mean_wait, [one.mean_wait for one in found])


def _runs(options: Options, **case: Any) -> list[Found]:
    """One for each seed, and so independent of each other."""
    contacts = options.size(1_010_000, 20_000) // RUNS
    found = [against_theory(contacts=contacts, seed=seed, **case) for seed in range(1, RUNS + 1)]
    print(f"  {sum(one.contacts for one in found):,} contacts in {RUNS} runs")
    return found


def _tell(report: Report, what: str, theory: float, simulated: list[float]) -> None:
    mean, half = fmean(simulated), T_95 * stdev(simulated) / math.sqrt(len(simulated))
    off = (mean / theory - 1) * 100
    print(f"  {what}: theory {theory:.5g}, simulated {mean:.5g} +- {half:.2g}, off {off:+.2f} +- {half / theory:.2%}")
    report.value(f"{what}: off theory", abs(off), "%", target=PERCENT_OFF)


def two_skills(options: Options, report: Report) -> None:
    contacts = options.size(200_000, 25_000)
    costs = [cost_of(policy, contacts) for policy in (*OURS, *FIXED)]
    for cost in costs:
        print(f"  {cost.policy.name}: {cost.mean:.2f} +- {cost.half:.2f} s late a contact ({cost.contacts:,} contacts)")
    ours, fixed = (min(some, key=lambda cost: cost.mean) for some in (costs[: len(OURS)], costs[len(OURS) :]))
    more, half = dearer_by(ours, fixed)
    print(f"  {ours.policy.name} against {fixed.policy.name}: {more:+.3f} +- {half:.3f} s")
    report.value("two skills: later than with the best fixed priority", more, "s", target=0.0)


def year(options: Options, report: Report) -> None:
    scenario = load_scenario(SCENARIOS / "btp.toml")
    if options.quick:
        scenario = scenario.model_copy(update={"days": 7.0})
    gc.disable()  # as the command does
    begin = time.process_time()
    measures = Simulation(scenario).run()
    took = time.process_time() - begin
    print(f"  {measures.contacts:,} contacts, {measures.decisions:,} decisions")
    report.value("CPU for a contact", took / measures.contacts * 1e6, "us")
    report.value("CPU for a year", took * YEAR_DAYS / scenario.days, "s", target=YEAR_SECONDS)


PARTS = {part.__name__: part for part in (erlang_c, erlang_a, two_skills, year)}


def main() -> int:
    options = read_options("the simulator against theory", list(PARTS))
    report = Report("the simulator against theory", options.quick)
    for name in options.only or PARTS:
        print(name, flush=True)
        PARTS[name](options, report)
    return report.finish(options.out)


if __name__ == "__main__":
    raise SystemExit(main())
