"""The public calls: an ordinary call, and an emergency."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from gateway.sandbox import demo
from gateway.sandbox.cli.options import DIRECTORY
from gateway.sandbox.remote import Remote
from gateway.sandbox.world import CALLER, LINE

LOOK_SECONDS = 0.25
GREETING_SECONDS = 4.0

NUMBER = click.option("--number", default=CALLER, show_default=True, help="Who calls; anonymous withholds it.")
TO = click.option("--to", default=LINE, show_default=True, help="Which of our numbers is called.")
SECONDS = click.option("--seconds", type=float, help="Hang up after so long; otherwise stay until it is over.")


@click.command()
@NUMBER
@TO
@click.option("--say", default=demo.CALLER_SAYS, help="What the caller says, again and again; '' is silence.")
@click.option("--digits", default="", help="Keys pressed after two seconds, for example 55.")
@SECONDS
@click.option("--srtp", is_flag=True, help="By the trunk that encrypts its sound.")
@DIRECTORY
def call(number: str, to: str, say: str, digits: str, seconds: float | None, srtp: bool, directory: Path) -> None:
    """Call the centre, and print what happens until the call is over.

    \b
    Examples:
      contact-gateway sandbox call
      contact-gateway sandbox call --to +441632960102 --say "My bicycle was stolen" --seconds 30
      contact-gateway sandbox call --srtp
    """
    remote = Remote(directory)
    body = {"number": number, "to": to, "says": say, "digits": digits, "seconds": seconds, "srtp": srtp}
    _follow(remote, remote.post("calls", body))


@click.command()
@NUMBER
@SECONDS
@DIRECTORY
def emergency(number: str, seconds: float | None, directory: Path) -> None:
    """Call, press 55 during the greeting, and measure how long the control room takes to answer.

    \b
    Example:
      contact-gateway sandbox emergency
    """
    remote = Remote(directory)
    body = {
        "number": number,
        "says": demo.EMERGENCY_SAYS,
        "digits": "55",
        "digits_after": GREETING_SECONDS,
        "seconds": seconds,
    }
    _follow(remote, remote.post("calls", body))


def _follow(remote: Remote, story: Any) -> None:
    """Print each line once, as it comes; Ctrl-C hangs up."""
    printed: set[tuple[float, str]] = set()
    told = False
    try:
        while True:
            _print_new(story, printed)
            if story["contact"] and not told:
                told = True
                click.echo(f"The contact's reference is {story['contact']}")
            if story["over"]:
                break
            time.sleep(LOOK_SECONDS)
            story = remote.get(f"calls/{story['id']}")
    except KeyboardInterrupt:
        remote.delete(f"calls/{story['id']}")
        click.echo("You have hung up.")
    _print_emergency(story)


def _print_new(story: Any, printed: set[tuple[float, str]]) -> None:
    for line in story["lines"]:
        key = line["at"], line["what"]
        if key not in printed:
            printed.add(key)
            at = datetime.fromtimestamp(line["at"]).astimezone()
            click.echo(f"{at:%H:%M:%S}.{at.microsecond // 100_000}  {line['who']:<14} {line['what']}")


def _print_emergency(story: Any) -> None:
    if story["pressed_at"] is None:
        return
    if story["control_room_at"] is None:
        click.echo("Nobody in the control room has answered.")
        return
    seconds = story["control_room_at"] - story["pressed_at"]
    click.echo(f"The control room answered {seconds:.1f} s after the keys were pressed.")
