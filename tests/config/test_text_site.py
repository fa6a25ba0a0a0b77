"""What would go wrong only when somebody needs an answer is told by ``contact-gateway check``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from config.load import ConfigurationError, load
from config.settings import Settings
from tests.support.mail_site import mail_settings

NUMBER = {"number": "61016", "queue": "texts"}
LONG = "where are you? " * 120


def site(numbers: tuple[dict[str, str], ...] = (NUMBER,), text: dict[str, Any] | None = None, **more: Any) -> Settings:
    account = {"enabled": True, "account_sid": "AC1", "auth_token": "hush", "numbers": list(numbers)}
    return load(overlay={"edge": {"phone_secret": "phones"}, "text": account | (text or {}), **more})


def mistakes(**what: Any) -> str:
    with pytest.raises(ConfigurationError) as raised:
        site(**what)
    return str(raised.value)


def queues(acknowledgement: str) -> list[dict[str, Any]]:
    named = [{"id": name, "name": name, "target_seconds": 60} for name in ("general", "texts", "emails")]
    return [queue | {"acknowledgement": acknowledgement} for queue in named]


def template(text: str) -> dict[str, Any]:
    return {"id": "heard", "name": "Heard", "neutral": True, "texts": {"en": text}}


def test_an_unknown_word_in_braces_would_be_sent_as_it_stands() -> None:
    assert "queues[texts].acknowledgement: {refrence} would be sent as it" in mistakes(queues=queues("Your {refrence}"))
    assert "queues[texts].acknowledgement: " in mistakes(queues=queues("Your {reference"))
    site(queues=queues("Your {reference}, in {queue}"))


def test_what_leaves_by_text_is_no_longer_than_a_text() -> None:
    written = {"templates": [template(LONG)], "acknowledgements": []}
    asks = mistakes(text={"ask_where": "heard"}, email={"ask_where": ""}, **written)
    assert "text.ask_where: 'heard' in en: has 1,800 characters, and no carrier takes a text of more than 1,600" in asks
    assert "safety.acknowledgement: 'heard' in en: has 1,800" in asks
    found = mistakes(queues=queues(LONG))
    assert "queues[texts].acknowledgement: has 1,800" in found
    assert "queues[emails]" not in found, "an email may be long"


def test_a_template_has_words() -> None:
    assert "en: has no words" in mistakes(templates=[template("  \n")])


def test_a_number_of_ours_stands_there_once_however_it_is_written() -> None:
    twice = ({"number": "07700900001", "queue": "texts"}, {"number": "+447700900001", "queue": "texts"})
    assert "text.numbers: '+447700900001' stands there twice" in mistakes(numbers=twice)
    assert site(twice[:1]).text.queue_of("+447700900001") == "texts"
    assert [number.number for number in site(twice[:1]).text.numbers] == ["+447700900001"]
    assert [number.number for number in site().text.numbers] == ["61016"]


def test_an_address_of_ours_has_one_mailbox(tmp_path: Path) -> None:
    server = {"host": "mail.example", "port": 993, "security": "tls", "user": "us", "password": "hush"}
    common = {"display_name": "Force", "queue": "emails", "imap": server, "smtp": server}
    two = [
        {"id": "one", "address": "us@force.example", **common},
        {"id": "two", "address": "Us@Force.example", **common},
    ]
    with pytest.raises(ConfigurationError, match=r"email.mailboxes.address: 'us@force.example' stands there twice"):
        mail_settings(tmp_path, two)


def test_the_scanner_is_there() -> None:
    assert "text.scanner.command: there is no program 'no-such-scanner'" in mistakes(
        text={"scanner": {"command": ["no-such-scanner", "-q"]}}
    )
    site(text={"scanner": {"command": [sys.executable]}})
