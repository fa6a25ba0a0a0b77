"""``contact-gateway simulate``: what would happen if."""

from __future__ import annotations

import gc
import json
import sys
import time
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile

import click

from gateway.cli.common import Failure, Misconfigured, table
from gateway.simulate import report
from gateway.simulate.measures import Measures
from gateway.simulate.roster import unserved
from gateway.simulate.scenario import SECONDS_FOR_ONE, Scenario, ScenarioError, load_scenario

STEPS = 1000
LONG_SECONDS = 60.0


class Stopped(Failure):
    exit_code = 130  # as the shell has it for Ctrl-C


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
    if plots is not None:
        _check_folder(plots)
    _warn(played)
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


def _check_folder(folder: Path) -> None:
    """Before the work, not after it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise Failure(f"No plots can be written into {folder}: {error.strerror}.") from None


def _warn(scenario: Scenario) -> None:
    for warning in unserved(scenario):
        click.echo(f"Warning: {warning}.", err=True)
    seconds = scenario.contacts * SECONDS_FOR_ONE
    if seconds > LONG_SECONDS:
        minutes = max(1, round(seconds / 60))
        long = "1 minute" if minutes == 1 else f"{minutes} minutes"
        count = f"{round(scenario.contacts, -3):,.0f}"
        click.echo(f"About {count} contacts come in: that takes some {long}. Ctrl-C stops it.", err=True)


def _load(path: Path, seed: int | None) -> Scenario:
    try:
        scenario = load_scenario(path)
    except ScenarioError as error:
        raise Misconfigured(f"The scenario is wrong:\n  {error}".replace("\n" + str(path), f"\n  {path}")) from None
    return scenario if seed is None else scenario.model_copy(update={"seed": seed})


def _run(scenario: Scenario) -> Measures:
    from gateway.simulate.simulation import Simulation

    reached = 0.0

    def told(done: float) -> None:
        nonlocal reached
        reached = done
        bar.update(round(done * STEPS) - bar.pos)

    gc.disable()  # next to nothing here refers to itself, and looking for it costs a twentieth of the time
    try:
        with click.progressbar(length=STEPS, label=scenario.name, file=sys.stderr) as bar:
            return Simulation(scenario).run(told)
    except KeyboardInterrupt:
        at = datetime.fromtimestamp(scenario.begins + reached * (scenario.ends - scenario.begins), scenario.zone)
        raise Stopped(f"Stopped at {reached:.0%}, on {at:%d %b %Y} of the scenario. There are no figures.") from None
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
        report.title(found),
        table(report.QUEUE_HEADINGS, report.queue_rows(found)),
    ]
    if led_on := report.led_on(found):
        parts.append(led_on)
    if found["emergencies"]:
        parts.append(table(report.EMERGENCY_HEADINGS, report.emergency_rows(found)))
    parts.append(table(report.CENTRE_HEADINGS, report.centre_rows(found)))
    parts.append(f"{report.left_open(found)} Decisions: {found['decisions']:,}.")
    return "\n\n".join(parts)
