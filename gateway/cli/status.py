"""``contact-gateway status``: how things stand, on one screen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from gateway.cli.client import Client
from gateway.cli.common import CONFIG, run_with, table
from routing.words import duration

FAR_OVER = 2.0  # times a queue's target


@click.command()
@CONFIG
def status(config: Path | None) -> None:
    """Show queues, handlers, calls and what is wrong. Exits with 1 when something is.

    \b
    Example:
      contact-gateway status --config /etc/contact-gateway/gateway.toml
    """
    ready, queues, handlers = run_with(config, _ask)
    click.echo(summary(ready, queues["queues"]))
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


def summary(ready: Any, queues: Sequence[Any]) -> str:
    """First what needs somebody, then what is wrong."""
    wrong, warnings = ([f"  {part}: {why}" for part, why in ready[key].items()] for key in ("wrong", "warnings"))
    well = [] if _needs(queues) else ["Everything is well." if not warnings else "It works."]
    said = [*_needs(queues), *(["Not everything is well:", *wrong] if wrong else well)]
    return "\n".join([*said, *(["Warnings:", *warnings] if warnings else [])])


def _needs(queues: Sequence[Any]) -> list[str]:
    waiting = [queue for queue in queues if queue["emergencies"]]
    count, where = sum(queue["emergencies"] for queue in waiting), ", ".join(queue["id"] for queue in waiting)
    emergencies = "1 emergency waits" if count == 1 else f"{count} emergencies wait"
    late = [
        f"{queue['id']} ({duration(queue['longest_wait_seconds'])}; target {duration(queue['target_seconds'])})"
        for queue in queues
        if queue["waiting"]
        and not queue["unattended"]
        and queue["longest_wait_seconds"] > FAR_OVER * queue["target_seconds"]
    ]
    return [
        *([f"{emergencies} for a handler: {where}."] if count else []),
        *(queue["unattended"] for queue in queues if queue["unattended"]),
        *([f"Somebody has waited more than twice the target: {', '.join(late)}."] if late else []),
    ]


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
