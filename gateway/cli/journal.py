"""``contact-gateway journal``: the record of everything, read and proved."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from config.settings import Settings
from gateway.cli.common import CONFIG, REASON, Failure, load_settings, run_plainly, run_with
from gateway.store.database import open_engine, require_database
from gateway.store.journal import Row, Verdict, verify
from gateway.store.store import Store

EVERY = 500


@click.group()
def journal() -> None:
    """Read the story of a contact, and prove that the journal was not altered."""


@journal.command()
@click.argument("contact")
@REASON
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@CONFIG
def show(contact: str, reason: str, as_json: bool, config: Path | None) -> None:
    """Tell the story of CONTACT, in the site's time. That you read it, and why, is journalled.

    \b
    Examples:
      contact-gateway journal show K7M2-9QXR --reason "complaint 12/26"
      contact-gateway journal show K7M2-9QXR --reason "audit" --json
    """
    rows = run_with(config, lambda client: client.get(f"/contacts/{contact}/journal", reason=reason))
    zone = ZoneInfo(load_settings(config).statistics.time_zone)
    for row in rows:
        click.echo(json.dumps(row, ensure_ascii=False) if as_json else _line(row, zone))


def _line(row: Any, zone: ZoneInfo) -> str:
    at = datetime.fromisoformat(row["at"]).astimezone(zone)
    return f"{at:%d %b %Y %H:%M:%S}.{at.microsecond // 100_000} {at:%Z}  {row['actor']} {row['sentence']}"


@journal.command("verify")
@CONFIG
def verify_(config: Path | None) -> None:
    """Prove that no row of the journal was altered, removed or put in between.

    Exits with 1 and names the first row that is wrong. The gateway may go on running.

    \b
    Example:
      contact-gateway journal verify
    """
    settings = load_settings(config)
    verdict = run_plainly(lambda: _verdict(settings))
    if verdict.broken is not None:
        sound = f"The {verdict.rows} rows before it are sound."
        raise Failure(f"The journal is broken at row {verdict.broken}: {verdict.why}. {sound}")
    click.echo(f"The journal is sound: {verdict.rows} rows.")


async def _verdict(settings: Settings) -> Verdict:
    store = Store(open_engine(settings.store))
    try:
        await require_database(store.engine)
        head = await store.head()
        with click.progressbar(length=head.seq, label="Verifying", show_pos=True) as progress:
            return await verify(_watched(store, progress))
    finally:
        await store.close()


async def _watched(store: Store, progress: Any) -> AsyncIterator[Row]:
    async for row in store.journal():
        yield row
        if row.seq % EVERY == 0:
            progress.update(EVERY)
