"""``contact-gateway simulate``: what would happen if."""

from __future__ import annotations

import gc
import json
import sys
import time
from pathlib import Path

import click

from gateway.cli.common import Failure, Misconfigured, table
from gateway.simulate import report
from gateway.simulate.measures import Measures
from gateway.simulate.roster import unserved
from gateway.simulate.scenario import Scenario, ScenarioError, load_scenario

STEPS = 1000


@click.command()
@click.argument("scenario", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--seed", type=int, help="Other chance than the scenario's own seed gives.")
@click.option("--json", "as_json", is_flag=True, help="The figures as one JSON object.")
@click.option("--plots", type=click.Path(file_okay=False, path_type=Path), help="Write plots (SVG) into this folder.")
def simulate(scenario: Path, seed: int | None, as_json: bool, plots: Path | None) -> None:
    """Play SCENARIO (a TOML file) on the real routing engine, with a simulated clock, and say how it went.

    The same scenario and seed give the same figures. Nothing of a running gateway is touched.

    \b
    Examples:
      contact-gateway simulate config/scenarios/btp.toml
      contact-gateway simulate config/scenarios/burst.toml --plots plots --json
    """
    played = _load(scenario, seed)
    for warning in unserved(played):
        click.echo(f"Warning: {warning}.", err=True)
    begin = time.process_time()
    measures = _run(played)
    took = time.process_time() - begin
    found = report.figures(played, measures)
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        click.echo(_in_words(found))
        each = took / max(1, found["contacts"]) * 1e6
        click.echo(f"Took {took:.1f} s of CPU: {each:.0f} microseconds a contact.")
    if plots is not None:
        _plot(played, measures, plots, scenario.stem)


def _load(path: Path, seed: int | None) -> Scenario:
    try:
        scenario = load_scenario(path)
    except ScenarioError as error:
        raise Misconfigured(f"The scenario is wrong:\n  {error}".replace("\n" + str(path), f"\n  {path}")) from None
    return scenario if seed is None else scenario.model_copy(update={"seed": seed})


def _run(scenario: Scenario) -> Measures:
    from gateway.simulate.simulation import Simulation

    gc.disable()  # next to nothing here refers to itself, and looking for it costs a twentieth of the time
    try:
        with click.progressbar(length=STEPS, label=scenario.name, file=sys.stderr) as bar:
            return Simulation(scenario).run(lambda done: bar.update(round(done * STEPS) - bar.pos))
    finally:
        gc.enable()


def _plot(scenario: Scenario, measures: Measures, folder: Path, name: str) -> None:
    from gateway.simulate.plots import write_plots

    try:
        paths = write_plots(scenario, measures, folder, name)
    except OSError as error:
        raise Failure(f"The plots could not be written: {error}.") from None
    for path in paths:
        click.echo(f"plot: {path}", err=True)


def _in_words(found: report.Figures) -> str:
    parts = [
        f"{found['scenario']}: {found['contacts']:,} contacts in {found['days']:g} days (seed {found['seed']})",
        table(report.QUEUE_HEADINGS, report.queue_rows(found)),
    ]
    if found["emergencies"]:
        parts.append(table(report.EMERGENCY_HEADINGS, report.emergency_rows(found)))
    parts.append(table(report.CENTRE_HEADINGS, report.centre_rows(found)))
    parts.append(f"Still open at the end: {found['left_open']}. Decisions: {found['decisions']:,}.")
    return "\n\n".join(parts)
