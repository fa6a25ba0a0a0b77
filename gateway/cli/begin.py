"""``contact-gateway begin``: the database, before the gateway's first start."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.common import CONFIG, load_settings, run_plainly
from gateway.store.database import begin_database


@click.command()
@CONFIG
def begin(config: Path | None) -> None:
    """Begin the database, once, before the gateway's first start. One that is there stays as it is.

    Nothing else begins one: a gateway whose path is mistyped refuses to start, and does not forget every open contact.

    \b
    Example:
      contact-gateway begin --config /etc/contact-gateway/gateway.toml
    """
    settings = load_settings(config)
    begun, where = run_plainly(lambda: begin_database(settings))
    click.echo(f"{'A database is begun' if begun else 'Nothing is changed: there is a database already'} at {where}.")
