"""What the commands share: the configuration, plain failures, plain tables."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from config.load import ConfigurationError, load
from config.settings import Settings
from gateway.cli.client import Client, connected
from gateway.store.errors import NoDatabase, NotMade, StoreError

T = TypeVar("T")

CONFIG = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="CONTACT_GATEWAY_CONFIG",
    show_envvar=True,
    help="The site's configuration file.",
)


def _reason(_context: click.Context, _parameter: click.Parameter, given: str | None) -> str:
    """Asked for at a terminal; elsewhere nobody could answer."""
    if given is None and not sys.stdin.isatty():
        raise click.UsageError('Say why you read this contact: --reason "complaint 12/26". It is kept in the journal.')
    return given or str(click.prompt("Why do you read this contact? (kept in the journal)"))


REASON = click.option(
    "--reason", callback=_reason, help="Why you read it; kept in the journal, and asked for if left out."
)


class Failure(click.ClickException):
    """One sentence that says what is wrong and what to do."""


class Misconfigured(Failure):
    exit_code = 2


def load_settings(config: Path | None) -> Settings:
    """Raises Misconfigured with every mistake."""
    try:
        return load(config)
    except ConfigurationError as error:
        mistakes = "".join(f"\n  {mistake}" for mistake in error.mistakes)
        number = len(error.mistakes)
        if config is None:
            mistakes += "\nNo configuration file was named: use --config FILE or set CONTACT_GATEWAY_CONFIG."
        count = "1 mistake" if number == 1 else f"{number} mistakes"
        raise Misconfigured(f"The configuration has {count}:{mistakes}") from None


def run_with(config: Path | None, work: Callable[[Client], Coroutine[Any, Any, T]]) -> T:
    """Do ``work`` through the running gateway, or on its store when none runs. Raises Failure."""
    settings = load_settings(config)

    async def run() -> T:
        async with connected(settings) as client:
            return await work(client)

    return run_plainly(run)


def run_plainly(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Raises Failure for whatever an operator can mend; no traceback."""
    try:
        return asyncio.run(work())
    except NoDatabase as error:
        raise without_database(error) from None
    except StoreError as error:
        raise Failure(f"The database cannot be used: {error}. Check store.url in the configuration.") from None
    except PermissionError as error:
        path = error.filename or "the control socket"
        raise Failure(f"You may not open {path}: run this as the gateway's user or as root.") from None
    except OSError as error:
        raise Failure(f"It could not be done: {error}.") from None


def without_database(error: NoDatabase) -> Failure:
    """Whoever has had one must not begin another."""
    said = str(error)
    first = (
        f"let the administrator of PostgreSQL make it (createdb {error.name}), then\n"
        if isinstance(error, NotMade)
        else ""
    )
    return Failure(
        f"{said[0].upper()}{said[1:]}.\n"
        "If the gateway has run before, its contacts are elsewhere, and none is to be begun: check --config,\n"
        "gateway.data_dir and store.url, and whether the disk is mounted.\n"
        f"Only before the very first start: {first}contact-gateway begin"
    )


def table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Columns as wide as they need to be."""
    lines = [list(map(str, row)) for row in [headings, *rows]]
    widths = [max(len(line[n]) for line in lines) for n in range(len(headings))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)
