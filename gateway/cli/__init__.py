"""The command line: ``contact-gateway``."""

from __future__ import annotations

import asyncio
import sys
from importlib import import_module
from pathlib import Path

import click

from config.settings import Settings
from gateway.cli.common import CONFIG, Failure, Misconfigured, load_settings, without_database
from gateway.store.errors import NoDatabase

# The commands that stand in files of their own: each is loaded when it is used.
ELSEWHERE = {
    "begin": "begin",
    "drain": "drain",
    "duty": "shifts",
    "edge-files": "site",
    "explain": "explain",
    "forecast": "shifts",
    "handlers": "handlers",
    "journal": "journal",
    "prompts": "site",
    "shifts": "shifts",
    "simulate": "simulate",
    "statistics": "statistics",
    "status": "status",
    "tokens": "tokens",
}


class Commands(click.Group):
    """Those of this file and those of ``ELSEWHERE``."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted({*self.commands, *ELSEWHERE})

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in ELSEWHERE:
            return super().get_command(context, name)
        command: click.Command = getattr(import_module(f"gateway.cli.{ELSEWHERE[name]}"), name.replace("-", "_"))
        return command


class Lazy(click.Group):
    """The sandbox's commands, loaded only when they are used: a real site runs without them."""

    def list_commands(self, context: click.Context) -> list[str]:
        return self._real().list_commands(context)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        return self._real().get_command(context, name)

    def _real(self) -> click.Group:
        try:
            group: click.Group = import_module("gateway.sandbox.cli").sandbox
        except ImportError as error:
            install = "pip install 'contact-gateway[sandbox]'"
            raise Failure(f"The sandbox cannot be used here ({error}). Install it: {install}") from None
        return group


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="contact-gateway")
def main() -> None:
    """The front door of a police contact centre: calls, texts and emails.

    \b
    Examples:
      contact-gateway check --config gateway.toml
      contact-gateway serve --config gateway.toml
      contact-gateway status
    """


@main.command()
@CONFIG
def serve(config: Path | None) -> None:
    """Run the gateway until it is told to stop (SIGTERM or Ctrl-C).

    Calls that are under way go on without it. It begins no database: before its first start, use contact-gateway begin.

    \b
    Example:
      contact-gateway serve --config /etc/contact-gateway/gateway.toml
    """
    settings = load_settings(config)
    from gateway.app import serve as run
    from gateway.control import AlreadyRunning

    try:
        asyncio.run(run(settings))
    except NoDatabase as error:
        raise without_database(error) from None
    except (AlreadyRunning, OSError) as error:
        raise Failure(f"The gateway could not run: {error}.") from None
    except BaseExceptionGroup as group:
        if (unexpected := group.split((AlreadyRunning, OSError))[1]) is not None:
            raise unexpected from None
        raise Failure(f"The gateway could not go on: {_first(group)}.") from None


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


@main.command()
@click.option("--sign-in", is_flag=True, help="Also sign in to every mailbox, to read and to send.")
@CONFIG
def check(config: Path | None, sign_in: bool) -> None:
    """Check the configuration and say everything that is wrong with it.

    Exits with 2 when something is. It is also said which files the edge would look for in vain and, where there is a
    database, which queues no handler could serve.

    \b
    Examples:
      contact-gateway check --config /etc/contact-gateway/gateway.toml
      contact-gateway check --sign-in
    """
    settings = load_settings(config)
    if sign_in and settings.email.enabled:
        from gateway.emails.check import refusals

        if found := asyncio.run(refusals(settings.email.mailboxes)):
            raise Misconfigured("Not every mailbox can be used:" + "".join(f"\n  {why}" for why in found))
        click.echo("Every mailbox lets us in, to read and to send.")
    from channels.voice.edge_files import files_in_vain
    from gateway.handlers_check import look_at_handlers

    handlers = asyncio.run(look_at_handlers(settings))
    click.echo(_summary(settings, handlers.known))
    if warnings := [*files_in_vain(settings.edge), *handlers.warnings]:
        click.echo("Warnings:" + "".join(f"\n  {warning}." for warning in warnings))


def _summary(settings: Settings, handlers: str) -> str:
    numbers = len(settings.voice.numbers)
    channels = {
        f"calls ({numbers} numbers, {settings.voice.slots} at once)": settings.voice.enabled,
        f"texts ({_texts(settings)})": settings.text.enabled,
        f"emails ({', '.join(m.address for m in settings.email.mailboxes)})": settings.email.enabled,
    }
    lines = {
        "channels": ", ".join(name for name, enabled in channels.items() if enabled) or "none",
        "queues": ", ".join(q.id for q in settings.queues),
        "handlers": handlers,
        "grades": ", ".join(g.id for g in settings.grades),
        "centres": ", ".join(c.id for c in settings.centres),
        "control room": ", then ".join(t.name for t in settings.control_room.targets),
        "address": f"{settings.http.host}:{settings.http.port}, seen as {settings.http.public_url}",
        "data": str(settings.gateway.data_dir),
    }
    return "\n".join(["The configuration is sound.", *(f"  {name + ':':<14}{text}" for name, text in lines.items())])


def _texts(settings: Settings) -> str:
    carriers = dict.fromkeys(number.carrier for number in settings.text.numbers)
    return f"{len(settings.text.numbers)} numbers, by {' and '.join(carriers)}"


main.add_command(Lazy("sandbox", help="Run a whole site on this machine, to try things out."))

if __name__ == "__main__":
    sys.exit(main())
