"""The public writes: texts, emails, and what machines send."""

from __future__ import annotations

import base64
from pathlib import Path

import click

from gateway.sandbox.cli.options import DIRECTORY
from gateway.sandbox.cli.pictures import pictures
from gateway.sandbox.remote import Remote

OUR_MAILBOX = click.option(
    "--to", multiple=True, help="Which of our mailboxes, also several; the first if it is left out."
)


@click.command()
@click.argument("sender", metavar="FROM")
@click.argument("body")
@click.option("--to", default="", help="Which of our numbers; 61017 is at another carrier. The first without it.")
@click.option("--picture", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Comes with it, as MMS.")
@click.option("--again", is_flag=True, help="The carrier brings the same text twice.")
@click.option("--forged", is_flag=True, help="Somebody else than the carrier posts it: with a wrong signature.")
@DIRECTORY
def text(sender: str, body: str, to: str, picture: Path | None, again: bool, forged: bool, directory: Path) -> None:
    """Send a text to the centre; from whatsapp:NUMBER it is one on WhatsApp.

    \b
    Examples:
      contact-gateway sandbox text +447700900123 "Someone is smoking in coach 3"
      contact-gateway sandbox text +447700900123 "Someone is smoking in coach 3" --to 61017
      contact-gateway sandbox text whatsapp:+447700900123 "hello"
      contact-gateway sandbox text +447700900123 "this man" --picture man.jpg
    """
    how = {"pictures": pictures(picture), "times": 2 if again else 1, "forged": forged}
    click.echo(Remote(directory).post("texts", {"sender": sender, "body": body, "to": to, **how})["detail"])


@click.command()
@click.argument("sender", metavar="FROM")
@click.argument("subject")
@click.argument("body")
@OUR_MAILBOX
@DIRECTORY
def email(sender: str, subject: str, body: str, to: tuple[str, ...], directory: Path) -> None:
    """Send an email to the centre.

    \b
    Examples:
      contact-gateway sandbox email jo@sender.invalid "Lost bag" "I left a red bag on the 18:02 to Leeds."
      contact-gateway sandbox email jo@sender.invalid Hi Hello --to contact@gateway.invalid --to lost@gateway.invalid
    """
    sent = {"sender": sender, "subject": subject, "body": body, "to": to}
    click.echo(Remote(directory).post("emails", sent)["detail"])


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@OUR_MAILBOX
@DIRECTORY
def mail(file: Path, to: tuple[str, ...], directory: Path) -> None:
    """Put the message in FILE into our mailbox as it is, however broken it may be.

    \b
    Example:
      contact-gateway sandbox mail tests/data/mail/weird-boundary.msg
    """
    body = {"raw": base64.b64encode(file.read_bytes()).decode(), "to": to}
    click.echo(Remote(directory).post("mails", body)["detail"])


@click.command()
@click.argument("reference")
@click.argument("body")
@click.option("--sender", default="", help="Who answers; the person to whom we wrote, if it is left out.")
@click.option("--like", type=click.Choice(["gmail", "outlook"]), default="gmail", show_default=True)
@DIRECTORY
def answer(reference: str, body: str, sender: str, like: str, directory: Path) -> None:
    """Answer our last email in the contact REFERENCE, as this mail program does it.

    \b
    Examples:
      contact-gateway sandbox answer K7M2-9QXR "It is red." --like outlook
      contact-gateway sandbox answer K7M2-9QXR "Tell me more." --sender stranger@sender.invalid
    """
    sent = {"reference": reference, "body": body, "sender": sender, "like": like}
    click.echo(Remote(directory).post("answers", sent)["detail"])


@click.command()
@click.argument("reference")
@click.argument("what", type=click.Choice(["failed", "delayed", "delivered", "read", "absent"]))
@DIRECTORY
def report(reference: str, what: str, directory: Path) -> None:
    """Have a machine report on our last email in the contact REFERENCE.

    A mail server says that it failed, is delayed or was delivered; a mail program, that it was read, or that its owner
    is absent.

    \b
    Example:
      contact-gateway sandbox report K7M2-9QXR failed
    """
    click.echo(Remote(directory).post("reports", {"reference": reference, "what": what})["detail"])
