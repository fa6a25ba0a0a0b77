"""The sandbox's site file: ``config/sandbox.toml`` with this sandbox's directory, ports and secrets."""

from __future__ import annotations

import json
import re
import secrets
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.load import SANDBOX
from gateway.sandbox import speech
from gateway.sandbox.demo import MAIL_DOMAIN
from gateway.sandbox.ports import LOOPBACK, Ports

SITE_FILE = "sandbox.toml"
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
SECRETS = ("phones", "texts", "second_carrier", "mailbox", "references", "accounts")

Values = Mapping[str, Any]


def write_site(
    directory: Path,
    prompts: Path,
    ports: Ports,
    slots: int,
    overlay: Values,
    *,
    mail_domain: str = MAIL_DOMAIN,
    application: Values | None = None,
) -> Path:
    """Write the complete site file into ``directory``, and secrets where there are none yet.

    ``mail_domain``: our mailboxes'. ``application``: the first of them signs in by OAuth2, as this one.
    ``overlay`` is laid over the rest, so a trial or a test can change anything.
    """
    keep = directory / "secrets"
    keep.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in SECRETS:
        _make_secret(keep / name)
    base = tomllib.loads(SANDBOX.read_text(encoding="utf-8"))
    ours = _ours(directory, prompts, ports, slots, base)
    first, *others = [_in_domain(mailbox, mail_domain) for mailbox in ours["email"]["mailboxes"]]
    ours["email"]["mailboxes"] = [_with_tokens(first, application) if application else first, *others]
    file = directory / SITE_FILE
    file.write_text(toml(_laid_over(_laid_over(base, ours), overlay)), encoding="utf-8")
    return file


def secret(directory: Path, name: str) -> str:
    """One of ``SECRETS``; ``accounts`` is the password of all demo accounts."""
    return (directory / "secrets" / name).read_text(encoding="utf-8").strip()


def _make_secret(file: Path) -> None:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(f"{secrets.token_hex(10)}\n", encoding="utf-8")


def _ours(directory: Path, prompts: Path, ports: Ports, slots: int, base: Values) -> dict[str, Any]:
    url = f"http://{LOOPBACK}:{ports.gateway}"
    keep = directory / "secrets"
    rooms = zip(base["control_room"]["targets"], ports.control_rooms, strict=True)
    return {
        "gateway": {"data_dir": str(directory)},
        "http": {"port": ports.gateway, "public_url": url},
        "control_room": {"targets": [room | {"uri": _moved(room["uri"], port)} for room, port in rooms]},
        "edge": {
            "port": ports.sip,
            "trunks": [trunk | {"port": ports.trunk} for trunk in base["edge"]["trunks"]],
            "relay_control_port": ports.relay_control,
            "relay_port_base": ports.relay_rtp,
            "overflow_uri": _moved(base["edge"]["overflow_uri"], ports.overflow),
            "phone_secret": {"file": str(keep / "phones")},
        },
        "voice": {
            "slots": slots,
            "sip_port_base": ports.calls,
            "rtp_port_base": ports.rtp,
            "prompts_dir": str(prompts),
            "music": str(speech.MUSIC),
        },
        "text": {
            "api_url": f"http://{LOOPBACK}:{ports.carrier}",
            "auth_token": {"file": str(keep / "texts")},
            "carriers": [_carrier(carrier, ports, keep) for carrier in base["text"]["carriers"]],
        },
        "email": {
            "mailboxes": [_mailbox(mailbox, ports, keep) for mailbox in base["email"]["mailboxes"]],
            "reference_secret": {"file": str(keep / "references")},
        },
    }


def _moved(uri: str, port: int) -> str:
    return f"{uri.rpartition(':')[0]}:{port}"


def _mailbox(mailbox: Values, ports: Ports, keep: Path) -> Values:
    imap = {"port": ports.imap, "password": {"file": str(keep / "mailbox")}}
    return dict(mailbox) | {"imap": mailbox["imap"] | imap, "smtp": mailbox["smtp"] | {"port": ports.smtp}}


def _in_domain(mailbox: Values, domain: str) -> Values:
    address = f"{mailbox['address'].partition('@')[0]}@{domain}"
    return dict(mailbox) | {"address": address, "imap": mailbox["imap"] | {"user": address}}


def _with_tokens(mailbox: Values, application: Values) -> Values:
    imap = {name: value for name, value in mailbox["imap"].items() if name != "password"}
    by_token = {"auth": "oauth2", "user": mailbox["address"]}
    return dict(mailbox) | {"oauth2": application, "imap": imap | by_token, "smtp": mailbox["smtp"] | by_token}


def _carrier(carrier: Values, ports: Ports, keep: Path) -> Values:
    """Ours has one secret for both ways."""
    proof = {"hmac": carrier["webhooks"]["hmac"] | {"secret": {"file": str(keep / "second_carrier")}}}
    send = carrier["send"] | {"url": f"http://{LOOPBACK}:{ports.second_carrier}/v1/messages", "auth": proof}
    return dict(carrier) | {"send": send, "webhooks": proof}


def _laid_over(base: Values, over: Values) -> dict[str, Any]:
    """Tables key by key; a list or a value replaces the one below."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            value = _laid_over(below, value)
        merged[key] = value
    return merged


def toml(values: Values) -> str:
    """One table for each section; what lies deeper stands in line (TOML 1.0)."""
    sections = [
        "\n".join([f"[{name}]", *(f"{_key(key)} = {_inline(value)}" for key, value in section.items())])
        for name, section in values.items()
        if isinstance(section, Mapping)
    ]
    lists = [f"{_key(name)} = {_inline(value)}" for name, value in values.items() if not isinstance(value, Mapping)]
    return "\n\n".join([*lists, *sections]) + "\n"


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_inline(part)}" for key, part in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_inline(part) for part in value) + "]"
    # JSON's strings, numbers and booleans are TOML's too, as long as no character is split into a pair.
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return name if BARE_KEY.fullmatch(name) else json.dumps(name, ensure_ascii=False)
