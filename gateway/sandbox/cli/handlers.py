"""At the desks and the telephones: what handlers and supervisors do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from gateway.sandbox.cli.options import DIRECTORY
from gateway.sandbox.cli.pictures import pictures
from gateway.sandbox.desk import ACTS
from gateway.sandbox.phone_acts import PHONE_ACTS
from gateway.sandbox.remote import Remote


@click.command()
@click.argument("reference")
@click.argument("act", type=click.Choice(list(ACTS)))
@click.argument("target", default="")
@DIRECTORY
def desk(reference: str, act: str, target: str, directory: Path) -> None:
    """Do what the handler who has the call, or the supervisor, can do with it.

    TARGET is a handler (ben), an extension (202), a telephone number, a queue, an interpreter's language, keys,
    the reason for a pause of the recording, the words of a note, how safe it is to reach the person (unsafe, never,
    silent, normal), or the disposition of a wrap-up.

    \b
    Examples:
      contact-gateway sandbox desk K7M2-9QXR hold
      contact-gateway sandbox desk K7M2-9QXR consult ben
      contact-gateway sandbox desk K7M2-9QXR complete
      contact-gateway sandbox desk K7M2-9QXR transfer +441632960555
      contact-gateway sandbox desk K7M2-9QXR interpreter polish
      contact-gateway sandbox desk K7M2-9QXR whisper
      contact-gateway sandbox desk K7M2-9QXR pause-recording "card number"
      contact-gateway sandbox desk K7M2-9QXR safety unsafe
      contact-gateway sandbox desk K7M2-9QXR wrap-up
    """
    Remote(directory).post("desk", {"reference": reference, "act": act, "target": target})
    click.echo(f"Done: {act} {target}".rstrip())


@click.command()
@click.argument("name")
@click.argument("act", type=click.Choice(list(PHONE_ACTS)))
@click.argument("target", default="")
@DIRECTORY
def phone(name: str, act: str, target: str, directory: Path) -> None:
    """Do something at the telephone NAME (ben, public, control-room) itself.

    TARGET is whom it keys: a handler, an extension or a number. "transfer" without one passes the caller into the
    call that "ask" has begun. "auto-answer" has calls to this handler answered by the phone; "by-hand" ends that.
    "dies" is a line that breaks without a word.

    \b
    Examples:
      contact-gateway sandbox phone anna hold
      contact-gateway sandbox phone anna transfer ben
      contact-gateway sandbox phone anna ask ben
      contact-gateway sandbox phone anna auto-answer
    """
    Remote(directory).post(f"phones/{quote(name)}/{act}?target={quote(target)}", {})
    click.echo(f"Done: {name} {act} {target}".rstrip())


@click.command()
@click.argument("state", type=click.Choice(["available", "away", "offline"]))
@click.argument("names", nargs=-1)
@DIRECTORY
def presence(state: str, names: tuple[str, ...], directory: Path) -> None:
    """Have the handlers NAMES, or all of them, be available, away or offline.

    \b
    Examples:
      contact-gateway sandbox presence away
      contact-gateway sandbox presence offline chloe
    """
    Remote(directory).put("presence", {"state": state, "names": names})
    click.echo(f"{', '.join(names) or 'All handlers'}: {state}")


@click.command()
@click.argument("reference")
@click.argument("body", default="")
@click.option("--picture", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Sent with a text.")
@click.option("--template", default="", help="A template's words instead of BODY.")
@click.option("--value", "values", multiple=True, metavar="NAME=WORDS", help="What stands for a template's variable.")
@click.option("--language", default="", help="In which of the template's languages.")
@click.option("--preview", is_flag=True, help="Send nothing: say what it would be, what it takes, and why it may not.")
@DIRECTORY
def reply(
    reference: str,
    body: str,
    picture: Path | None,
    template: str,
    values: tuple[str, ...],
    language: str,
    preview: bool,
    directory: Path,
) -> None:
    """Reply to the text or email REFERENCE, as the handler who has it.

    \b
    Examples:
      contact-gateway sandbox reply K7M2-9QXR "An officer will meet the train."
      contact-gateway sandbox reply K7M2-9QXR "Is this your bag?" --picture bag.jpg
      contact-gateway sandbox reply K7M2-9QXR --template officer_coming --value place=York --preview
    """
    words = {"body": body, "template": template, "language": language, "pictures": pictures(picture)}
    given = dict(value.partition("=")[::2] for value in values)
    asked = {"reference": reference, **words, "values": given, "preview": preview}
    answer = Remote(directory).post("replies", asked)
    click.echo(_shown(answer) if preview else "The reply is on its way.")


@click.command("follow-up")
@click.argument("reference")
@click.option("--purpose", default="tell them how it went on", show_default=True, help="Why the person is contacted.")
@DIRECTORY
def follow_up(reference: str, purpose: str, directory: Path) -> None:
    """Have somebody called back now: their open contact's REFERENCE, for example K7M2-9QXR.

    \b
    Example:
      contact-gateway sandbox follow-up K7M2-9QXR
    """
    asked = Remote(directory).post("follow-ups", {"reference": reference, "purpose": purpose})
    click.echo(f"A follow-up by {asked['channel']} is due now: its owner, or a free handler, is asked first.")


@click.command()
@click.argument("name")
@click.argument("method", type=click.Choice(["GET", "POST", "PUT", "DELETE"]))
@click.argument("path")
@click.argument("body", default="")
@DIRECTORY
def api(name: str, method: str, path: str, body: str, directory: Path) -> None:
    """Ask the gateway's API as NAME (anna, sam): PATH is below /api/v1/, BODY is JSON.

    \b
    Examples:
      contact-gateway sandbox api sam GET set-aside
      contact-gateway sandbox api sam POST blocks '{"address": "07700 900123", "reason": "a nuisance"}'
    """
    try:
        parsed = json.loads(body) if body else None
    except ValueError as error:
        raise click.BadParameter(f"it is not JSON: {error}", param_hint="BODY") from None
    asked = {"name": name, "method": method, "path": path, "body": parsed}
    click.echo(_shown(Remote(directory).post("ask", asked)))


def _shown(answer: Any) -> str:
    return "Done." if answer is None else json.dumps(answer, indent=2, ensure_ascii=False)
