"""``contact-gateway sandbox``: a whole site on this machine, and the public that gets in touch with it."""

from __future__ import annotations

import base64
import json
import mimetypes
import time
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from gateway.sandbox import demo, place
from gateway.sandbox.desk import ACTS
from gateway.sandbox.outside import SWITCHED_OFF
from gateway.sandbox.parts import KILLS, STARTS
from gateway.sandbox.phone_acts import PHONE_ACTS
from gateway.sandbox.remote import Remote
from gateway.sandbox.up import run_sandbox
from gateway.sandbox.world import CALLER, LINE

LOOK_SECONDS = 0.25
GREETING_SECONDS = 4.0
SAY_SECONDS = 3.0
START_MOST_SECONDS = 330.0  # the sandbox gives up before that, and says why

DIRECTORY = click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=place.DIRECTORY,
    show_default=True,
    envvar="SANDBOX_DIRECTORY",
    show_envvar=True,
    help="Which sandbox: where everything that it makes lies.",
)
NUMBER = click.option("--number", default=CALLER, show_default=True, help="Who calls; anonymous withholds it.")
TO = click.option("--to", default=LINE, show_default=True, help="Which of our numbers is called.")
OUR_MAILBOX = click.option(
    "--to", multiple=True, help="Which of our mailboxes, also several; the first if it is left out."
)
SECONDS = click.option("--seconds", type=float, help="Hang up after so long; otherwise stay until it is over.")


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
def up(
    directory: Path, ports_from: int | None, fresh: bool, automatic: bool, answer_after: float, by_hand: bool
) -> None:
    """Start everything and keep it running until Ctrl-C.

    \b
    Examples:
      contact-gateway sandbox up
      contact-gateway sandbox up --fresh --automatic
      contact-gateway sandbox up --ports-from 18000 --directory var/sandbox-2
    """
    auto_answer = None if by_hand else answer_after
    run_sandbox(directory, ports_from=ports_from, fresh=fresh, automatic=automatic, auto_answer=auto_answer)


@sandbox.command()
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


@sandbox.command()
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


@sandbox.command()
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
    how = {"pictures": _pictures(picture), "times": 2 if again else 1, "forged": forged}
    click.echo(Remote(directory).post("texts", {"sender": sender, "body": body, "to": to, **how})["detail"])


@sandbox.command()
@click.argument("manner", type=click.Choice(["busy", "fails", "late"]))
@click.option("--code", default=SWITCHED_OFF, show_default=True, help="Twilio's code for what it cannot deliver.")
@DIRECTORY
def carrier(manner: str, code: int, directory: Path) -> None:
    """Have the first text carrier be busy, fail or be late with the next text that we send.

    "busy" asks us to wait (429 with code 20429, for five seconds); "fails" takes the text and cannot deliver it; "late"
    keeps it for twenty seconds, and tells us only then. To have it gone altogether: sandbox kill carrier.

    \b
    Examples:
      contact-gateway sandbox carrier busy
      contact-gateway sandbox carrier fails --code 30005
    """
    click.echo(Remote(directory).put("carrier", {"manner": manner, "code": code})["detail"])


@sandbox.command()
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


@sandbox.command()
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
    words = {"body": body, "template": template, "language": language, "pictures": _pictures(picture)}
    given = dict(value.partition("=")[::2] for value in values)
    asked = {"reference": reference, **words, "values": given, "preview": preview}
    answer = Remote(directory).post("replies", asked)
    click.echo(_shown(answer) if preview else "The reply is on its way.")


@sandbox.command()
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


def _pictures(file: Path | None) -> list[dict[str, str]]:
    if file is None:
        return []
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return [{"filename": file.name, "content_type": kind, "content": base64.b64encode(file.read_bytes()).decode()}]


@sandbox.command()
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


@sandbox.command()
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


@sandbox.command()
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


@sandbox.command("mailboxes")
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


@sandbox.command("follow-up")
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


@sandbox.command()
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


@sandbox.command()
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


@sandbox.command()
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


@sandbox.command("control-room")
@click.argument("manner", type=click.Choice(["busy", "silent", "normal"]))
@DIRECTORY
def control_room(manner: str, directory: Path) -> None:
    """Make the control room's telephones busy, silent (they ring for ever) or normal again.

    \b
    Example:
      contact-gateway sandbox control-room busy
    """
    Remote(directory).put("phones/control-room", {"manner": manner})
    click.echo(f"The control room's telephones: {manner}, from the next call on.")


@sandbox.command()
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


@sandbox.command()
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


@sandbox.command()
@DIRECTORY
def status(directory: Path) -> None:
    """What runs, who is there, and what is open."""
    remote = Remote(directory)
    outside, centre = remote.get("outside"), remote.get("centre")
    gateway = outside["gateway"]
    click.echo(f"gateway   {gateway['url']}  {'ready' if gateway['ready'] else gateway['why']}")
    for handler in centre["handlers"]:
        presence = handler["presence"]
        click.echo(f"handler   {handler['id']:<8}{presence['state']:<11}{handler['doing']}")
    for phone in outside["phones"]:
        click.echo(f"telephone {phone['name']:<17}{phone['state']:<9}{phone['manner']}")
    for contact in centre["contacts"]:
        who = contact["handler"] or contact["queue"]
        click.echo(f"contact   {contact['reference']}  {contact['channel']:<6}{contact['stage']:<11}{who}")


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
