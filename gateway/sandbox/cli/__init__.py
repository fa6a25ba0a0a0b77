"""``contact-gateway sandbox``: a whole site on this machine, and the public that gets in touch with it."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.sandbox.cli.callers import call, emergency
from gateway.sandbox.cli.handlers import api, desk, follow_up, phone, presence, reply
from gateway.sandbox.cli.history import history
from gateway.sandbox.cli.options import DIRECTORY
from gateway.sandbox.cli.site import carrier, control_room, kill, neighbour, show_mailboxes, start, status
from gateway.sandbox.cli.writers import answer, email, mail, report, text
from gateway.sandbox.demo import MAIL_DOMAIN
from gateway.sandbox.up import run_sandbox


@click.group()
def sandbox() -> None:
    """Run a whole site on this machine, and be its public.

    \b
    Examples:
      contact-gateway sandbox up
      contact-gateway sandbox call
      contact-gateway sandbox text +447700900123 "There is a man with a knife"
    """


@sandbox.command()
@DIRECTORY
@click.option(
    "--ports-from",
    type=int,
    envvar="SANDBOX_PORTS_FROM",
    show_envvar=True,
    help="Not the usual ports but a block that begins here (18000, 18200, ...), to run beside something else.",
)
@click.option("--fresh", is_flag=True, help="Begin with an empty database, new passwords and no recordings.")
@click.option("--automatic", is_flag=True, help="Handlers also take and answer texts and emails by themselves.")
@click.option("--answer-after", default=3.0, show_default=True, help="Seconds until a handler picks up the phone.")
@click.option("--by-hand", is_flag=True, help="Handlers' phones ring until you answer them with a telephone of yours.")
@click.option("--oauth2", is_flag=True, help="The first mailbox signs in with tokens, as at Microsoft 365.")
@click.option(
    "--mail-domain",
    default=MAIL_DOMAIN,
    show_default=True,
    help="Our mailboxes'; see: sandbox neighbour.",
)
def up(
    directory: Path,
    ports_from: int | None,
    fresh: bool,
    automatic: bool,
    answer_after: float,
    by_hand: bool,
    oauth2: bool,
    mail_domain: str,
) -> None:
    """Start everything and keep it running until Ctrl-C.

    \b
    Examples:
      contact-gateway sandbox up
      contact-gateway sandbox up --fresh --automatic
      contact-gateway sandbox up --ports-from 18000 --directory var/sandbox-2
    """
    auto_answer = None if by_hand else answer_after
    run_sandbox(
        directory,
        ports_from=ports_from,
        fresh=fresh,
        automatic=automatic,
        auto_answer=auto_answer,
        oauth2=oauth2,
        mail_domain=mail_domain,
    )


CALLERS, WRITERS = (call, emergency), (text, email, mail, answer, report)
HANDLERS, SITE = (
    (desk, phone, presence, reply, follow_up, api),
    (status, history, kill, start, carrier, show_mailboxes, control_room, neighbour),
)
for command in (*CALLERS, *WRITERS, *HANDLERS, *SITE):
    sandbox.add_command(command)
