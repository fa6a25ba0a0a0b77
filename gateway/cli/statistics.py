"""``contact-gateway statistics``: service levels, on the screen or as a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from gateway.cli.client import Client
from gateway.cli.common import CONFIG, run_with, table
from routing.words import duration

BY = click.Choice(["queue", "channel", "centre", "handler"])
INTERVAL = click.Choice(["15min", "30min", "60min", "day", "week", "all"])
HEADINGS = [
    *("FROM", "GROUP", "OFFERED", "ANSWERED", "CONTROL ROOM", "ABANDONED", "EARLY", "OTHER", "WAITING", "LEVEL"),
    *("MEAN WAIT", "MEDIAN", "P90", "LONGEST", "HANDLED", "HANDLING", "OCCUPANCY"),
]
OTHER = ("callback", "voicemail", "passed", "cut_off", "ended")
LEGEND = """
Offered is the sum of the next six. EARLY: hung up sooner than the threshold. OTHER: asked to be called back, left a
voicemail, went to an outside number, were cut off, or we ended the call (each by itself: --csv). LEVEL: heard by a
handler or the control room within the target, out of all but those who hung up early, or still wait, within it."""


@click.group()
def statistics() -> None:
    """Service levels: offered, answered, abandoned, waits, handling times and occupancy.

    What each figure means: docs/statistics.md.
    """


@statistics.command()
@click.option("--from", "begins", required=True, help="A date, or a date and time, in the site's time zone.")
@click.option("--to", "ends", required=True, help="Not counted itself: the day after the last one.")
@click.option("--by", type=BY, default="queue", show_default=True)
@click.option("--interval", type=INTERVAL, default="all", show_default=True)
@click.option("--threshold", type=float, help="Who hangs up sooner (seconds) is not counted as abandoned.")
@click.option("--target", type=float, help="Seconds to the answer, for the service level.")
@click.option("--csv", "as_csv", is_flag=True, help="Every figure, as CSV.")
@click.option("--json", "as_json", is_flag=True, help="Every figure, as JSON.")
@CONFIG
def report(
    begins: str,
    ends: str,
    by: str,
    interval: str,
    threshold: float | None,
    target: float | None,
    as_csv: bool,
    as_json: bool,
    config: Path | None,
) -> None:
    """Count what happened from one time up to another. Without given seconds, each queue's own are used.

    \b
    Examples:
      contact-gateway statistics report --from 2026-11-01 --to 2026-12-01
      contact-gateway statistics report --from 2026-11-02 --to 2026-11-03 --by handler
      contact-gateway statistics report --from 2026-11-01 --to 2026-12-01 --interval day --threshold 60 --csv > nov.csv
    """
    if as_csv and as_json:
        raise click.UsageError("--csv and --json exclude each other.")
    query = {"from": begins, "to": ends, "by": by, "interval": interval}
    query |= {k: str(v) for k, v in (("threshold", threshold), ("target", target)) if v is not None}
    if as_csv:
        click.echo(run_with(config, lambda client: client.get_text("/statistics", format="csv", **query)), nl=False)
        return
    found = run_with(config, lambda client: client.get("/statistics", **query))
    if as_json:
        click.echo(json.dumps(found, indent=1))
    elif found["rows"]:
        click.echo(table(HEADINGS, [_line(row) for row in found["rows"]]))
        click.echo(LEGEND)
    else:
        click.echo("Nothing was offered or handled in that time.")


def _line(row: Any) -> list[str]:
    wait = row["wait"]
    return [
        row["begins"][:16].replace("T", " "),
        row["group"] or "(none)",
        *(str(row[name]) for name in ("offered", "answered", "control_room", "abandoned", "abandoned_early")),
        str(sum(row[name] for name in OTHER)),
        _waiting(row),
        _percent(row["service_level"]),
        *(_seconds(wait[name]) for name in ("mean", "median", "p90", "longest")),
        str(row["handled"]),
        _seconds(row["handling_seconds"]),
        _percent(row["occupancy"]),
    ]


def _waiting(row: Any) -> str:
    late = row["waiting_past_target"]
    return f"{row['waiting']} ({late} late)" if late else str(row["waiting"])


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else duration(round(seconds))


@statistics.command()
@CONFIG
def rebuild(config: Path | None) -> None:
    """Make the figures anew from the journal. It changes nothing else, and calls go on meanwhile.

    \b
    Example:
      contact-gateway statistics rebuild
    """
    rows = run_with(config, _rebuild)
    click.echo(f"The figures are made anew: {rows:,} rows of the journal are read.")


async def _rebuild(client: Client) -> int:
    await client.post("/statistics/rebuild", None)
    how_far = await client.get("/statistics/progress")
    aim = how_far["rows"]
    with click.progressbar(length=aim, label="Reading the journal", file=sys.stderr) as bar:
        while how_far["read"] < aim:
            bar.update(how_far["read"] - bar.pos)
            how_far = await client.get("/statistics/progress")
        bar.update(aim - bar.pos)
    return int(aim)
