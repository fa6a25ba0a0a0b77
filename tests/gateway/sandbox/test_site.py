"""The sandbox's site file: what config/sandbox.toml says, with a place and secrets of its own."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from config.load import SANDBOX, load
from gateway.sandbox.cli.site import contact_line, handler_line
from gateway.sandbox.ports import Ports
from gateway.sandbox.site import secret, toml, write_site


def test_the_documented_settings_are_those_that_the_sandbox_runs_with(tmp_path: Path) -> None:
    written = load(write_site(tmp_path, tmp_path / "prompts", Ports(), 6, {}))
    documented = tomllib.loads(SANDBOX.read_text())

    assert written.http.port == documented["http"]["port"]
    assert written.edge.port == documented["edge"]["port"]
    assert [t.port for t in written.edge.trunks] == [t["port"] for t in documented["edge"]["trunks"]]
    assert written.edge.overflow_uri == documented["edge"]["overflow_uri"]
    assert written.text.api_url == documented["text"]["api_url"]
    assert written.voice.slots == documented["voice"]["slots"]
    assert [t.uri for t in written.control_room.targets] == [t["uri"] for t in documented["control_room"]["targets"]]
    shown = [(m["id"], m["imap"]["port"], m["smtp"]["port"]) for m in documented["email"]["mailboxes"]]
    assert [(m.id, m.imap.port, m.smtp.port) for m in written.email.mailboxes] == shown


def test_what_is_written_as_toml_is_read_as_the_same() -> None:
    values = {"a": {"b": 'quo"te \\ \n é 😀', "c": [1, 2.5, True, {"d e": ["x"]}], "f": {"g": []}}, "h": [{"i": 1}]}

    assert tomllib.loads(toml(values)) == values


def test_secrets_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    write_site(tmp_path, tmp_path / "prompts", Ports(), 6, {})
    first = secret(tmp_path, "accounts")
    write_site(tmp_path, tmp_path / "prompts", Ports(), 6, {})

    assert secret(tmp_path, "accounts") == first
    assert len(first) >= 12
    assert (tmp_path / "secrets" / "accounts").stat().st_mode & 0o077 == 0
    assert first not in (tmp_path / "sandbox.toml").read_text()


def test_an_overlay_is_laid_over_the_rest(tmp_path: Path) -> None:
    file = write_site(tmp_path, tmp_path / "prompts", Ports(), 6, {"routing": {"decline_pause_seconds": 2}})

    settings = load(file)

    assert settings.routing.decline_pause_seconds == 2
    assert settings.voice.numbers[0].number == "101"


def test_its_mailboxes_have_a_domain_of_their_own_and_the_first_can_sign_in_with_tokens(tmp_path: Path) -> None:
    application = {
        "tenant": "t.example",
        "client_id": "an-id",
        "client_secret": "s",
        "authority": "https://localhost:9",
    }
    more: dict[str, Any] = {"mail_domain": "north.invalid", "application": application}
    first, second = load(write_site(tmp_path, tmp_path / "prompts", Ports(), 6, {}, **more)).email.mailboxes

    assert (first.address, second.address) == ("contact@north.invalid", "lost@north.invalid")
    assert first.imap.user == first.smtp.user == first.address
    assert second.imap.user == second.address
    assert (first.imap.auth, first.smtp.auth, second.imap.auth) == ("oauth2", "oauth2", "password")


def test_its_status_speaks_as_that_of_the_gateway_does() -> None:
    handler = {"id": "anna", "presence": {"state": "available"}, "doing": "wrap_up"}
    contact = {"reference": "AAAA-0001", "channel": "voice", "stage": "wrap_up", "handler": "", "queue": "general"}

    assert handler_line(handler).split(maxsplit=3) == ["handler", "anna", "available", "wrap up"]
    assert contact_line(contact).split(maxsplit=3) == ["contact", "AAAA-0001", "voice", "wrap up    general"]
