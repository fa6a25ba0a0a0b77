"""What can be said of a mailbox, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config.email import Mailbox
from config.load import ConfigurationError
from tests.support.mail_site import mail_settings

PASSWORD = {"password": "open sesame"}
OAUTH2 = {"tenant": "force.example", "client_id": "1234-5678", "client_secret": "hush"}


def mailbox(imap: dict[str, Any], smtp: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    server = {"host": "mail.example", "port": 993, "security": "tls"}
    return {
        "id": "box",
        "address": "contact@force.example",
        "display_name": "Force",
        "queue": "emails",
        "imap": server | {"user": "contact@force.example"} | imap,
        "smtp": server | (smtp or {}),
        **more,
    }


def loaded(directory: Path, box: dict[str, Any]) -> Mailbox:
    return mail_settings(directory, [box]).email.mailboxes[0]


def test_microsoft_365_is_named_once_for_reading_and_sending(tmp_path: Path) -> None:
    both = {"auth": "oauth2"}
    box = loaded(tmp_path, mailbox(both, both | {"user": "contact@force.example"}, oauth2=OAUTH2))
    assert box.oauth2 is not None
    assert box.oauth2.authority == "https://login.microsoftonline.com"
    assert "hush" not in repr(box)


@pytest.mark.parametrize(
    ("box", "why"),
    [
        (mailbox({}), "imap.password: is missing"),
        (mailbox({"auth": "oauth2"}), "oauth2: is missing"),
        (mailbox(PASSWORD, oauth2=OAUTH2), "oauth2: is used by nothing"),
        (mailbox(PASSWORD, {"auth": "oauth2"}, oauth2=OAUTH2), "smtp.user: is missing"),
        (mailbox(PASSWORD | {"auth": "magic"}), "imap.auth"),
        (mailbox({"auth": "oauth2"}, oauth2=OAUTH2 | {"authority": "http://x"}), "oauth2.authority"),
        (mailbox(PASSWORD, filed_folder="INBOX"), "filed_folder: is the folder that is read"),
        (mailbox(PASSWORD, aside_folder="INBOX"), "aside_folder: is the folder that is read"),
    ],
)
def test_a_mistake_is_named_with_what_to_do(tmp_path: Path, box: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        loaded(tmp_path, box)
    assert any(why in mistake for mistake in raised.value.mistakes), raised.value.mistakes
    assert "hush" not in str(raised.value)
