"""``contact-gateway tokens``: bearer tokens for programs."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.common import CONFIG, run_with, table
from gateway.cli.handlers import ROLES


@click.group()
def tokens() -> None:
    """Bearer tokens with which programs use the API."""


@tokens.command()
@click.argument("name")
@click.option("--role", type=ROLES, default="handler", show_default=True)
@CONFIG
def add(name: str, role: str, config: Path | None) -> None:
    """Make a token called NAME and print it. It is shown this once.

    \b
    Example:
      contact-gateway tokens add wallboard --role supervisor > wallboard.token
    """
    made = run_with(config, lambda client: client.post("/tokens", {"name": name, "role": role}))
    click.echo(f"Token {name} for the role {role}. It is shown this once; keep it safe:", err=True)
    click.echo(made["token"])


@tokens.command("list")
@CONFIG
def list_(config: Path | None) -> None:
    """List the tokens; the tokens themselves are not kept.

    \b
    Example:
      contact-gateway tokens list
    """
    found = run_with(config, lambda client: client.get("/tokens"))
    click.echo(table(["NAME", "ROLE", "MADE"], [[t["name"], t["role"], t["made_at"]] for t in found]))


@tokens.command()
@click.argument("name")
@CONFIG
def remove(name: str, config: Path | None) -> None:
    """Remove the token NAME: it opens nothing any more.

    \b
    Example:
      contact-gateway tokens remove wallboard
    """
    run_with(config, lambda client: client.delete(f"/tokens/{name}"))
    click.echo(f"Removed {name}.")
