"""``contact-gateway status``: how things stand, on one screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gateway.cli.client import Client
from gateway.cli.common import CONFIG, run_with, table
from routing.explain.explain import duration


@click.command()
@CONFIG
def status(config: Path | None) -> None:
    """Show queues, handlers, calls and what is wrong. Exits with 1 when something is.

    \b
    Example:
      contact-gateway status --config /etc/contact-gateway/site.toml
    """
    ready, queues, handlers = run_with(config, _ask)
    click.echo(_health(ready))
    click.echo(f"\nCallers on the line: {queues['calls']}\n")
    headings = ["QUEUE", "WAITING", "EMERGENCIES", "LONGEST WAIT", "TARGET", "TODAY", "IN TARGET"]
    click.echo(table(headings, [_queue(q) for q in queues["queues"]]))
    present = [h for h in handlers if h["presence"]["state"] != "offline"]
    click.echo(f"\nHandlers signed in: {len(present)} of {len(handlers)}")
    if present:
        click.echo(table(["HANDLER", "CENTRE", "PRESENCE", "DOING"], [_handler(h) for h in present]))
    if not ready["ready"]:
        raise SystemExit(1)


async def _ask(client: Client) -> tuple[Any, Any, Any]:
    return await client.ready(), await client.get("/queues"), await client.get("/handlers")


def _health(ready: Any) -> str:
    wrong, warnings = ([f"  {part}: {why}" for part, why in ready[key].items()] for key in ("wrong", "warnings"))
    said = ["Not everything is well:", *wrong] if wrong else ["Everything is well." if not warnings else "It works."]
    return "\n".join([*said, *(["Warnings:", *warnings] if warnings else [])])


def _queue(queue: Any) -> list[str]:
    waiting = queue["waiting"]
    longest = duration(queue["longest_wait_seconds"]) if waiting else "-"
    today = queue["today"]
    level = None if today is None else today["service_level"]
    offered, in_target = (0 if today is None else today["offered"]), ("-" if level is None else f"{level:.0%}")
    return [queue["id"], waiting, queue["emergencies"], longest, duration(queue["target_seconds"]), offered, in_target]


def _handler(handler: Any) -> list[str]:
    presence = handler["presence"]
    reason = f" ({presence['reason']})" if presence["reason"] else ""
    return [handler["id"], handler["centre"], presence["state"] + reason, handler["doing"].replace("_", " ")]
