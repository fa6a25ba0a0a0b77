"""``contact-gateway drain``: no new calls on this machine, before a deployment."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from gateway.cli.client import Client
from gateway.cli.common import CONFIG, run_with

EVERY_SECONDS = 1.0


@click.command()
@click.option("--wait", is_flag=True, help="Return when the last call has ended.")
@click.option("--undo", is_flag=True, help="Take new calls again, with fresh call processes.")
@CONFIG
def drain(wait: bool, undo: bool, config: Path | None) -> None:
    """Take no new calls: the edge sends them to the overflow target. Calls under way go on.

    Texts and emails are not concerned. A restart of the gateway ends it, too.

    \b
    Examples:
      contact-gateway drain --wait && systemctl restart contact-gateway
      contact-gateway drain --undo
    """
    if wait and undo:
        raise click.UsageError("--wait and --undo exclude each other.")
    state = run_with(config, lambda client: _drained(client, wait) if not undo else _change(client, draining=False))
    click.echo(_in_words(state))


async def _drained(client: Client, wait: bool) -> Any:
    state = await _change(client, draining=True)
    told = None
    while wait and state["draining"] and state["calls"]:
        if state["calls"] != told:
            click.echo(_in_words(state))
        told = state["calls"]
        await asyncio.sleep(EVERY_SECONDS)
        state = await client.get("/drain")
    return state


async def _change(client: Client, *, draining: bool) -> Any:
    return await client.post("/drain", {"draining": draining})


def _in_words(state: Any) -> str:
    if not state["draining"]:
        return "New calls are taken."
    return f"No new calls are taken. Calls under way: {state['calls']}."
