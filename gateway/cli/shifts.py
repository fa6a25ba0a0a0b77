"""``contact-gateway shifts``, ``duty`` and ``forecast``: the roster, who is there, and how many are needed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from gateway.cli.common import CONFIG, load_settings, run_with, table

DAY = click.DateTime(["%Y-%m-%d"])
JSON = click.option("--json", "as_json", is_flag=True, help="Everything, as one JSON value.")
SHOWN = 30
WITH_YEAR = "%a %d %b %Y %H:%M"  # a mistyped year shows itself before it is imported


@click.group()
def shifts() -> None:
    """Import and list shifts."""


@shifts.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option("--from", "first", type=DAY, help="The first day of the period that is replaced.")
@click.option("--to", "last", type=DAY, help="Its last day.")
@click.option("--centre", default="", help="Replace the shifts of this centre only.")
@CONFIG
def import_(
    file: Path, dry_run: bool, first: datetime | None, last: datetime | None, centre: str, config: Path | None
) -> None:
    """Import shifts from FILE, CSV or iCalendar. All mistakes are shown at once, and then nothing is saved.

    The shifts there were in the period are replaced: from the first to the last day on which the file has a shift,
    of the centres whose people it names. To go back, import the file of before (shifts imports, shifts file).

    \b
    Examples:
      contact-gateway shifts import march.csv --dry-run
      contact-gateway shifts import crc.ics --centre crc --from 2026-03-01 --to 2026-03-31
    """
    query = {"file": file.name, "dry_run": str(dry_run).lower(), "centre": centre}
    query |= {name: day.date().isoformat() for name, day in (("first", first), ("last", last)) if day}
    content = file.read_bytes()
    done = run_with(config, lambda client: client.post_csv("/shifts/import", content, **query))
    click.echo(_imported(done, file.name, _local(config, WITH_YEAR)))


def _imported(done: Any, name: str, local: Callable[[str], str]) -> str:
    verb = "Imported" if done["roster"] else "Nothing was imported. It would be"
    counts = f"{done['added']} added, {done['removed']} removed, {done['unchanged']} unchanged"
    whose = ", ".join(done["centres"]) or "absences alone"
    period = f"from {local(done['begins'])} until {local(done['ends'])}, {whose}"
    lines = [f"{verb} {name}: {counts} ({period})."]
    lines += [f"Look again: {warning}" for warning in done["warnings"]]
    lines += [f"{p['handler']}: {p['added']} added, {p['removed']} removed" for p in done["people"] if _differs(p)]
    for change in done["changes"][:SHOWN]:
        sign = "+" if change["what"] == "added" else "-"
        lines.append(f"  {sign} {change['handler']}  {local(change['begins'])} to {local(change['ends'])}")
    if (more := done["added"] + done["removed"] - SHOWN) > 0:
        lines.append(f"  and {more} more")
    if done["left_without"]:
        lines.append(f"Without any shift in this time from now on: {', '.join(done['left_without'])}.")
    return "\n".join(lines)


def _differs(person: Any) -> bool:
    return bool(person["added"] or person["removed"])


@shifts.command()
@CONFIG
def imports(config: Path | None) -> None:
    """List the latest imports, the newest first.

    \b
    Example:
      contact-gateway shifts imports
    """
    local = _local(config, WITH_YEAR)
    found = run_with(config, lambda client: client.get("/shifts/imports"))
    headings = ["ID", "IMPORTED", "BY", "FILE", "FROM", "UNTIL", "CENTRES", "SHIFTS"]
    rows = [
        [r["id"], local(r["at"]), r["by"], r["file"], local(r["begins"]), local(r["ends"]),
         ";".join(r["centres"]) or "-", r["shifts"]]
        for r in found
    ]  # fmt: skip
    click.echo(table(headings, rows))


@shifts.command()
@click.argument("id")
@CONFIG
def file(id: str, config: Path | None) -> None:  # noqa: A002
    """Write the file of the import ID to standard output, as it came.

    \b
    Example:
      contact-gateway shifts file 5f0c > before.csv
      contact-gateway shifts import before.csv --dry-run
    """
    click.echo(run_with(config, lambda client: client.get_text(f"/shifts/imports/{id}/file")), nl=False)


@click.command()
@click.option("--hours", type=click.FloatRange(0, 48), default=8, show_default=True, help="How far ahead to look.")
@JSON
@CONFIG
def duty(hours: float, as_json: bool, config: Path | None) -> None:
    """Show who ought to be there now, who is, who is missing, and who comes next.

    \b
    Example:
      contact-gateway duty --hours 4
    """
    found, local = run_with(config, lambda client: client.get("/duty", hours=str(hours))), _local(config)
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    headings = ["", "ON SHIFT", "SIGNED IN", "MISSING", "WITHOUT SHIFT"]
    rows = [
        [c["id"], c["expected"], c["present"], c["missing"], c["without_shift"]]
        for c in [*found["centres"], *found["queues"]]
    ]
    click.echo(table(headings, rows))
    lists = {
        "Missing": found["missing"],
        "Not there yet": found["late"],
        "Signed in without a shift": found["without_shift"],
        "There": found["there"],
        f"Coming within {hours:g} hours": found["coming"],
    }
    for heading, people in lists.items():
        if people:
            rows = [[p["handler"], p["centre"], p["presence"], _until(p, local)] for p in people]
            click.echo(f"\n{heading}: {len(people)}\n" + table(["HANDLER", "CENTRE", "PRESENCE", "SHIFT"], rows))


def _until(person: Any, local: Callable[[str], str]) -> str:
    return f"{local(person['begins'])} to {local(person['ends'])}" if person["begins"] else "-"


@click.command()
@click.option("--week", type=DAY, help="The first of seven days; today where none is given.")
@JSON
@CONFIG
def forecast(week: datetime | None, as_json: bool, config: Path | None) -> None:
    """Show how many handlers the calls of a week need, half hour by half hour, beside how many are on the roster.

    Half hours in which nobody calls, or that need what the half hour before needed, are left out.

    \b
    Example:
      contact-gateway forecast --week 2026-03-30 --json
    """
    query = {"week": week.date().isoformat()} if week else {}
    found, local = run_with(config, lambda client: client.get("/forecast", **query)), _local(config)
    click.echo(json.dumps(found, indent=1) if as_json else _forecast_in_words(found, local))


def _forecast_in_words(found: Any, local: Callable[[str], str]) -> str:
    if found["why"]:
        return str(found["why"])
    return "\n\n".join([_assumptions(found), *_tables(found, local)])


def _assumptions(found: Any) -> str:
    lines = [
        f"From {found['first']}, seven days. Each half hour: the median of the same weekday and time, of the last "
        f"{found['history_weeks']} weeks without bank holidays ({min(found['ordinary_days'])} to "
        f"{max(found['ordinary_days'])} days). Answered in time: {found['answered_share']:.0%}. "
        f"Breaks: {found['breaks_share']:.0%} of a shift.",
        *(f"{_queue(a['queue'])}: {_assumed(a)}." for a in found["assumed"]),
    ]
    if found["holidays"]:
        lines.append(f"Bank holidays counted as ordinary days: {', '.join(found['holidays'])}.")
    return "\n".join(lines)


def _assumed(assumed: Any) -> str:
    patience = assumed["patience_seconds"]
    gives_up = "nobody gave up (Erlang C)" if patience is None else f"patience {patience:.0f} s (Erlang A)"
    return (
        f"{assumed['calls']} calls, {assumed['answered']} answered, {assumed['gave_up']} gave up; handling "
        f"{assumed['handling_seconds']:.0f} s, {gives_up}, answered within {assumed['target_seconds']:.0f} s"
    )


def _tables(found: Any, local: Callable[[str], str]) -> list[str]:
    tables = []
    for queue in [assumed["queue"] for assumed in found["assumed"]]:
        rows: list[list[Any]] = []
        for half_hour in (h for h in found["half_hours"] if h["queue"] == queue):
            figures = [half_hour["at_desks"], half_hour["on_shift"], half_hour["rostered"]]
            if not rows or rows[-1][2:5] != figures:
                short = half_hour["on_shift"] - half_hour["rostered"]
                rows.append([local(half_hour["at"]), f"{half_hour['calls']:g}", *figures, short if short > 0 else "-"])
        headings = ["FROM", "CALLS", "NEEDED", "WITH BREAKS", "ON ROSTER", "SHORT BY"]
        tables.append(f"{_queue(queue)}\n" + table(headings, rows))
    return tables


def _queue(queue: str) -> str:
    return queue or "All calls together"


def _local(config: Path | None, form: str = "%a %d %b %H:%M") -> Callable[[str], str]:
    """Shows a moment of the API as the roster's local time."""
    zone = ZoneInfo(load_settings(config).rosters.time_zone)
    return lambda moment: datetime.fromisoformat(moment).astimezone(zone).strftime(form)
