"""What belongs to the site: its parts die and start, its carriers and servers misbehave."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import click

from gateway.sandbox.cli.options import DIRECTORY
from gateway.sandbox.outside import SWITCHED_OFF
from gateway.sandbox.parts import KILLS, STARTS
from gateway.sandbox.remote import Remote

SAY_SECONDS = 3.0
START_MOST_SECONDS = 330.0  # the sandbox gives up before that, and says why


@click.command()
@DIRECTORY
def status(directory: Path) -> None:
    """What runs, who is there, and what is open."""
    remote = Remote(directory)
    outside, centre = remote.get("outside"), remote.get("centre")
    gateway = outside["gateway"]
    click.echo(f"gateway   {gateway['url']}  {'ready' if gateway['ready'] else gateway['why']}")
    for handler in centre["handlers"]:
        click.echo(handler_line(handler))
    for phone in outside["phones"]:
        click.echo(f"telephone {phone['name']:<17}{phone['state']:<9}{phone['manner']}")
    for contact in centre["contacts"]:
        click.echo(contact_line(contact))


def handler_line(handler: Any) -> str:
    """In the words of ``contact-gateway status``, as contacts are."""
    return f"handler   {handler['id']:<8}{handler['presence']['state']:<11}{handler['doing'].replace('_', ' ')}"


def contact_line(contact: Any) -> str:
    who, stage = contact["handler"] or contact["queue"], contact["stage"].replace("_", " ")
    return f"contact   {contact['reference']}  {contact['channel']:<6}{stage:<11}{who}"


@click.command()
@click.argument("part", type=click.Choice(list(KILLS)))
@DIRECTORY
def kill(part: str, directory: Path) -> None:
    """Kill PART, as a power cut would, and see what becomes of the callers.

    The gateway, one call's own process, the SIP edge, the first trunk to the public, the first text carrier, the server
    with our mailboxes, or the one that takes our mail. All but a call come back by "sandbox start".

    \b
    Examples:
      contact-gateway sandbox kill gateway
      contact-gateway sandbox kill call
    """
    click.echo(Remote(directory).delete(f"parts/{part}")["detail"])


@click.command()
@click.argument("part", type=click.Choice(list(STARTS)))
@DIRECTORY
def start(part: str, directory: Path) -> None:
    """Start PART again after it was killed.

    \b
    Example:
      contact-gateway sandbox start gateway
    """
    remote = Remote(directory)
    with ThreadPoolExecutor(max_workers=1) as pool:
        started = pool.submit(remote.put, f"parts/{part}", {}, START_MOST_SECONDS)
        said = ""
        while not wait([started], timeout=SAY_SECONDS).done:
            why = remote.get("outside")["gateway"]["why"]
            if why != said:
                click.echo(f"Waiting: {why}")
                said = why
    click.echo(started.result()["detail"])


@click.command()
@click.argument("manner", type=click.Choice(["busy", "fails", "late", "refuses"]))
@click.option("--code", default=SWITCHED_OFF, show_default=True, help="Twilio's code for what it cannot deliver.")
@DIRECTORY
def carrier(manner: str, code: int, directory: Path) -> None:
    """Have the first text carrier be busy, fail or be late with the next text that we send, or refuse us.

    "busy" asks us to wait (429 with code 20429, for five seconds); "fails" takes the text and cannot deliver it; "late"
    keeps it for twenty seconds, and tells us only then; "refuses" does not accept our credentials three times (401 with
    code 20003). To have it gone altogether: sandbox kill carrier.

    \b
    Examples:
      contact-gateway sandbox carrier busy
      contact-gateway sandbox carrier fails --code 30005
    """
    click.echo(Remote(directory).put("carrier", {"manner": manner, "code": code})["detail"])


@click.command("mailboxes")
@click.argument("manner", required=False, type=click.Choice(["renumber", "refuse", "let-in"]))
@DIRECTORY
def show_mailboxes(manner: str | None, directory: Path) -> None:
    """What lies in our mailboxes; with an argument, something happens to them first.

    "renumber" gives every message another UID; "refuse" lets our passwords expire, and "let-in" ends that.

    \b
    Examples:
      contact-gateway sandbox mailboxes
      contact-gateway sandbox mailboxes refuse
    """
    remote = Remote(directory)
    if manner:
        click.echo(remote.put("mailboxes", {"manner": manner})["detail"])
    for mailbox in remote.get("mailboxes"):
        folders = ", ".join(f"{name} {count}" for name, count in mailbox["folders"].items())
        click.echo(f"{mailbox['address']:<26}{folders}")


@click.command("control-room")
@click.argument("manner", type=click.Choice(["busy", "silent", "hangs-up", "normal"]))
@DIRECTORY
def control_room(manner: str, directory: Path) -> None:
    """Make the control room's telephones busy, silent (they ring for ever), hang up as soon as they have answered, or
    normal again.

    \b
    Example:
      contact-gateway sandbox control-room busy
    """
    Remote(directory).put("phones/control-room", {"manner": manner})
    click.echo(f"The control room's telephones: {manner}, from the next call on.")


@click.command()
@click.argument("other", type=click.Path(file_okay=False, path_type=Path))
@DIRECTORY
def neighbour(other: Path, directory: Path) -> None:
    """Let the mail of this sandbox and of the one in OTHER reach each other's mailboxes.

    They need mail domains of their own: sandbox up --mail-domain.

    \b
    Example:
      contact-gateway sandbox neighbour var/sandbox-2
    """
    ours, theirs = Remote(directory), Remote(other)
    for one, another in ((ours, theirs), (theirs, ours)):
        click.echo(one.put("neighbour", {"page": another.page_url})["detail"])
