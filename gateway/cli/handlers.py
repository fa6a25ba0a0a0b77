"""``contact-gateway handlers``: who takes contacts, and who may sign in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from gateway.cli.common import CONFIG, Failure, run_with, table

ROLES = click.Choice(["handler", "supervisor", "administrator"])


@click.group()
def handlers() -> None:
    """Add, list, remove and import handlers.

    Goes through the running gateway; when none runs, straight to its database.
    """


@handlers.command()
@click.argument("id")
@click.option("--name", required=True, help="As colleagues know them.")
@click.option("--centre", required=True, help="One of the configuration's centres.")
@click.option("--skill", "skills", multiple=True, help="May be given several times.")
@click.option("--extension", default="", help="Their phone; without one they are offered no calls.")
@click.option("--auto-answer", is_flag=True, help="Their phone answers calls from the queue by itself, after a tone.")
@click.option("--reserved", is_flag=True, help="Kept for emergencies: they get nothing else.")
@click.option("--texts", default=3, show_default=True, help="How many texts at once.")
@click.option("--emails", default=3, show_default=True, help="How many emails at once.")
@click.option("--role", type=ROLES, default="handler", show_default=True)
@click.option(
    "--password-file", type=click.File(), help="Read the password from its first line; '-' for standard input."
)
@click.option("--no-password", is_flag=True, help="They cannot sign in yet.")
@CONFIG
def add(
    id: str,  # noqa: A002
    name: str,
    centre: str,
    skills: tuple[str, ...],
    extension: str,
    auto_answer: bool,
    reserved: bool,
    texts: int,
    emails: int,
    role: str,
    password_file: Any,
    no_password: bool,
    config: Path | None,
) -> None:
    """Add the handler ID. The password is asked for, and never given on the command line.

    \b
    Examples:
      contact-gateway handlers add amy --name "Amy Ash" --centre fcc --extension 2001
      contact-gateway handlers add chief --name "The chief" --centre fcc --role administrator
      contact-gateway handlers add ben --name "Ben" --centre crc --password-file ben.txt
    """
    password = None if no_password else _password(id, password_file)
    body = {
        "id": id,
        "name": name,
        "centre": centre,
        "skills": skills,
        "extension": extension,
        "auto_answer": auto_answer,
        "reserved": reserved,
        "text_capacity": texts,
        "email_capacity": emails,
        "role": role,
        "password": password,
    }
    run_with(config, lambda client: client.post("/handlers", body))
    click.echo(f"Added {role} {id}.")


def _password(handler: str, file: Any) -> str:
    if file is not None:
        return str(file.readline()).rstrip("\r\n")
    if not sys.stdin.isatty():
        raise Failure("There is no terminal to ask for the password: use --password-file, or --no-password.")
    prompt = f"Password for {handler} (at least 12 characters)"
    return str(click.prompt(prompt, hide_input=True, confirmation_prompt=True))


@handlers.command("list")
@CONFIG
def list_(config: Path | None) -> None:
    """List the handlers.

    \b
    Example:
      contact-gateway handlers list
    """
    accounts = run_with(config, lambda client: client.get("/accounts"))
    rows = [_row(account) for account in accounts]
    click.echo(table(["ID", "NAME", "CENTRE", "EXTENSION", "ROLE", "SIGN-IN", "PRESENCE", "TAKES", "SKILLS"], rows))


def _row(account: Any) -> list[str]:
    handler = account["handler"]
    return [
        handler["id"],
        handler["name"],
        handler["centre"],
        handler["extension"] or "-",
        account["role"],
        "yes" if account["can_sign_in"] else "no",
        handler["presence"]["state"],
        _takes(handler),
        ";".join(handler["skills"]) or "-",
    ]


def _takes(handler: Any) -> str:
    """How many at once; calls come one at a time, and need an extension."""
    takes = f"{handler['text_capacity']} texts, {handler['email_capacity']} emails"
    return f"emergencies only: {takes}" if handler["reserved"] else takes


@handlers.command()
@click.argument("id")
@CONFIG
def remove(id: str, config: Path | None) -> None:  # noqa: A002
    """Remove the handler ID and end their sessions. Refused while they still have contacts.

    \b
    Example:
      contact-gateway handlers remove amy
    """
    run_with(config, lambda client: client.delete(f"/handlers/{id}"))
    click.echo(f"Removed {id}.")


@handlers.command("import")
@click.argument("csv", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@CONFIG
def import_(csv: Path, config: Path | None) -> None:
    """Import a roster from the file CSV. All mistakes are shown at once, and then nothing is saved.

    The first line names the columns: id,name,centre,skills,extension,role. Skills are separated by ';'. These may
    follow: password, text_capacity and email_capacity (how many at once), auto_answer (their phone answers by
    itself) and reserved (for emergencies only), both true or false. What is missing or empty stays as it is.

    \b
    Example:
      contact-gateway handlers import roster.csv
    """
    content = csv.read_bytes()
    done = run_with(config, lambda client: client.post_csv("/handlers/import", content))
    click.echo(f"Imported {csv.name}: {done['added']} added, {done['changed']} changed.")
