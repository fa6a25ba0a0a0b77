"""``sandbox up``: one world for a person, from the first line on the terminal to an empty process table."""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import click
import structlog

from channels.log_lines import LogLines
from channels.voice.prompts import PromptError
from config.load import ConfigurationError
from gateway.sandbox import demo
from gateway.sandbox.api import WorldServer
from gateway.sandbox.automatic import Automatic
from gateway.sandbox.child import GatewayError
from gateway.sandbox.daemon import DaemonError
from gateway.sandbox.mail import MailServerError
from gateway.sandbox.phone import PhoneError
from gateway.sandbox.place import DIRECTORY, PlaceError, beside, chosen_ports, empty, note_page, program, taken
from gateway.sandbox.ports import NoFreePorts
from gateway.sandbox.world import World

FAILURES = (PromptError, ConfigurationError, GatewayError, DaemonError, MailServerError, PhoneError, PlaceError)

WHAT_NOW = """
The sandbox runs. Ctrl-C stops all of it.

  Both sides on one page:   {page}
  The gateway itself:       {gateway}
  Accounts:                 {accounts}
  Their password:           {password}

In another terminal, be the public{where}:

  {program} sandbox call
  {program} sandbox emergency
  {program} sandbox text +447700900123 "There is a man with a knife on the 18:02 to Leeds"
  {program} sandbox text +447700900123 "Is this the lost property office?" --to 61017
  {program} sandbox email jo@sender.invalid "Lost bag" "I left a red bag on the train."
  {program} sandbox control-room busy
  {program} sandbox status
"""


def run_sandbox(
    directory: Path,
    *,
    ports_from: int | None,
    fresh: bool,
    automatic: bool,
    auto_answer: float | None,
    oauth2: bool = False,
    mail_domain: str = demo.MAIL_DOMAIN,
) -> None:
    """Blocks until Ctrl-C or SIGTERM. Raises ClickException when something cannot be started."""
    try:
        ports = chosen_ports(ports_from)
        with taken(directory):
            ports.check()
            if fresh:
                empty(directory)
            _log_to(directory / "world.log")
            mail: dict[str, Any] = {"oauth2": oauth2, "mail_domain": mail_domain}
            world = World(directory, ports=ports, auto_answer=auto_answer, speech=True, say=_say, **mail)
            asyncio.run(_run(world, automatic=automatic))
    except NoFreePorts as error:
        raise click.ClickException(f"{error}\nEnd what holds them, or take others: {beside()}") from None
    except FAILURES as error:
        raise click.ClickException(str(error)) from None


async def _run(world: World, *, automatic: bool) -> None:
    """A second Ctrl-C while all is being stopped is too much: the first does it."""
    stop = asyncio.Event()
    main = asyncio.create_task(_live(world, stop, automatic=automatic), name="sandbox")
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if not stop.is_set():
            stop.set()
            click.echo("\nStopping ...")
            if not world.ready:
                main.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, on_signal)
    await asyncio.wait([main])
    if not main.cancelled():
        main.result()
    click.echo("Everything is stopped.")


async def _live(world: World, stop: asyncio.Event, *, automatic: bool) -> None:
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(world)
        await stack.enter_async_context(WorldServer(world))
        if automatic:
            await stack.enter_async_context(Automatic(world))
        note_page(world.directory, world.ports)
        click.echo(_what_now(world))
        await stop.wait()


def _what_now(world: World) -> str:
    accounts = ", ".join(f"{a.id} ({a.role}{', ' + a.centre if a.takes_contacts else ''})" for a in demo.ACCOUNTS)
    usual = world.directory == DIRECTORY.absolute()
    where = "" if usual else f" (first: export SANDBOX_DIRECTORY={world.directory})"
    links = {"page": world.page_url, "gateway": world.gateway_url}
    return WHAT_NOW.format(program=program(), where=where, accounts=accounts, password=world.password, **links)


def _log_to(file: Path) -> None:
    """The terminal is for what a person wants to read."""
    logging.basicConfig(filename=file, level=logging.WARNING, force=True)
    structlog.configure(logger_factory=LogLines(file.open("a", encoding="utf-8")))


def _say(line: str) -> None:
    click.echo(f"sandbox: {line}")
