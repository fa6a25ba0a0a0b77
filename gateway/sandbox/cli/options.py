"""Options that several of the sandbox's commands have."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.sandbox import place

DIRECTORY = click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=place.DIRECTORY,
    show_default=True,
    envvar="SANDBOX_DIRECTORY",
    show_envvar=True,
    help="Which sandbox: where everything that it makes lies.",
)
