"""A carrier that is described wrongly is refused before a text could be lost by it."""

from __future__ import annotations

import tomllib
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from config.load import SANDBOX, ConfigurationError, load
from gateway.cli import main

WITH_PHONES = '[edge]\nphone_secret = "phones"\n'


def text_section(**changes: Any) -> dict[str, Any]:
    """The sandbox's, with ``changes`` to its carrier by dotted key; None removes."""
    text = deepcopy(tomllib.loads(SANDBOX.read_text())["text"])
    carrier = text["carriers"][0]
    text["auth_token"] = carrier["send"]["auth"]["hmac"]["secret"] = carrier["webhooks"]["hmac"]["secret"] = "secret"
    for key, value in changes.items():
        *path, last = key.split("__")
        section = carrier
        for name in path:
            section = section[name]
        if value is None:
            del section[last]
        else:
            section[last] = value
    return dict(text)


def mistakes(**text: Any) -> str:
    with pytest.raises(ConfigurationError) as raised:
        load(overlay={"edge": {"phone_secret": "phones"}, "text": text})
    return str(raised.value)


def test_the_sandboxs_own_is_sound() -> None:
    settings = load(overlay={"edge": {"phone_secret": "phones"}, "text": text_section()})
    assert settings.text.carriers[0].takes_media
    assert [settings.text.carrier_of(n) for n in ("61016", "whatsapp:61017", "61018")] == ["twilio", "second", ""]


@pytest.mark.parametrize(
    ("changes", "key", "says"),
    [
        ({"send__url": "carrier.example"}, "text.carriers[second].send.url", "must be an address such as https://"),
        ({"send__fields": {"to": "{recipient}"}}, "text.carriers[second].send", "fields must have {body}"),
        ({"send__fields": {"text": "{body}"}}, "text.carriers[second].send", "fields must have {recipient}"),
        (
            {"send__fields": {"to": "{recipient}", "text": "{words}"}},
            "text.carriers[second].send.fields",
            "there is no {words}; there are: {sender}, {recipient}, {body}, {id}, {media}, {status_url}",
        ),
        ({"send__fields": {"a": "{body"}}, "text.carriers[second].send.fields", "expected '}'"),
        ({"send__fields": {"a": "see {media}"}}, "text.carriers[second].send.fields", "stands alone"),
        ({"send__accepted": ["0"], "send__error": ""}, "text.carriers[second].send", "accepted needs error"),
        (
            {"send__login_codes": ["0"], "send__throttle_codes": [], "send__error": ""},
            "text.carriers[second].send",
            "login_codes needs error",
        ),
        (
            {"send__format": "form", "send__fields": {"a": {"b": "{recipient}{body}"}}},
            "text.carriers[second].send",
            "a form",
        ),
        ({"send__auth": {}}, "text.carriers[second].send.auth", "exactly one of"),
        ({"webhooks__basic": {"user": "u", "password": "p"}}, "text.carriers[second].webhooks", "exactly one of"),
        ({"webhooks__hmac__signed": "{timestamp}"}, "text.carriers[second].webhooks.hmac", "signed must have {body}"),
        ({"webhooks__hmac__signed": "{body}"}, "text.carriers[second].webhooks.hmac", "belong together"),
        (
            {"texts__sender": "results..from"},
            "text.carriers[second].texts.sender",
            "must be names with dots between them",
        ),
        ({"texts__id": None}, "text.carriers[second].texts.id", "is missing"),
        ({"reports__statuses": {"DLV": "arrived"}}, "text.carriers[second].reports.statuses.DLV", "'delivered'"),
        (
            {"send__sent_id": "", "send__headers": {}, "send__fields": {"a": "{recipient}{body}"}},
            "text.carriers[second]",
            "reports need send.sent_id",
        ),
        ({"id": "twilio"}, "text.carriers", "'twilio' stands there twice"),
        ({"retries": 3}, "text.carriers[second].retries", "there is no such setting"),
    ],
)
def test_what_is_wrong_with_a_description_is_said(changes: dict[str, Any], key: str, says: str) -> None:
    found = mistakes(**text_section(**changes))
    assert f"{key}: " in found
    assert says in found


def test_a_number_belongs_to_a_carrier_that_there_is() -> None:
    text = text_section()
    found = mistakes(**text | {"account_sid": "", "numbers": [*text["numbers"], {"number": "61", "queue": "texts"}]})
    assert "text.numbers[61016].carrier: is twilio, and text.account_sid is empty" in found
    text["numbers"] = [{"number": "61017", "queue": "texts", "carrier": "third", "messaging_service": "MG" + "0" * 32}]
    found = mistakes(**text)
    assert "text.numbers[61017].carrier: no carrier 'third'; there are: twilio, second" in found
    assert "text.numbers[61017].messaging_service: is twilio's" in found
    assert "text.numbers: is empty" in mistakes(**text | {"numbers": []})


def test_texts_by_twilio_need_its_token_without_which_none_could_be_proved_genuine() -> None:
    text = text_section()
    found = mistakes(**text | {"auth_token": ""})
    assert "text.numbers[61016].carrier: is twilio, and text.auth_token is empty" in found


def test_the_check_of_the_command_line_says_it(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    broken = '[[text.carriers]]\nid = "third"\n[text.carriers.send]\nurl = "https://c.example/x"\n'
    site.write_text(WITH_PHONES + broken, encoding="utf-8")

    result = CliRunner().invoke(main, ["check", "--config", str(site)])

    assert result.exit_code == 2
    for missing in ("send.fields", "send.auth", "webhooks", "texts"):
        assert f"text.carriers[third].{missing}: is missing" in result.output
