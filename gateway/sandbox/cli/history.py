"""Weeks that never happened, for what needs a past."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from config.load import DEFAULT, ConfigurationError
from gateway.cli.common import Failure
from gateway.sandbox.cli.options import DIRECTORY
from gateway.sandbox.history import write_history
from gateway.sandbox.place import PlaceError
from gateway.simulate.scenario import ScenarioError, load_scenario
from gateway.store.errors import StoreError

A_SMALL_FORCE = DEFAULT.parent / "scenarios" / "sandbox.toml"
STEPS = 1000


@click.command()
@click.argument("scenario", type=click.Path(dir_okay=False, path_type=Path), default=A_SMALL_FORCE)
@click.option("--weeks", type=click.IntRange(1, 52), default=4, show_default=True, help="One more for a bank holiday.")
@click.option("--fresh", is_flag=True, help="Remove first what the sandbox has kept: contacts, recordings, passwords.")
@DIRECTORY
def history(scenario: Path, weeks: int, fresh: bool, directory: Path) -> None:
    """Give a sandbox that does not run the past of the last weeks, as SCENARIO says (a small force, if none is given).

    It is simulated, until last midnight: its calls, texts and emails are in the journal, the statistics and the
    forecast of this sandbox alone; messages have no words. Its handlers are removed at the end.

    \b
    Example:
      contact-gateway sandbox history --fresh
      contact-gateway sandbox up
      contact-gateway forecast
    """
    long = "1 week" if weeks == 1 else f"{weeks} weeks"
    try:
        played = load_scenario(scenario)
        with click.progressbar(length=STEPS, label=f"{played.name}, {long}", file=sys.stderr) as bar:
            contacts = write_history(
                directory,
                played,
                weeks,
                time.time(),
                fresh=fresh,
                progress=lambda done: bar.update(round(done * STEPS) - bar.pos),
            )
    except (ScenarioError, PlaceError, ConfigurationError, StoreError) as error:
        raise Failure(f"No past was written: {error}") from None
    click.echo(f"{contacts:,} contacts of the {long} before today are in {directory}.")
