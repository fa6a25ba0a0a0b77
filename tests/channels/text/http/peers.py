"""A described carrier for the tests: the sandbox's own, and what it is told to be."""

from __future__ import annotations

import tomllib
from copy import deepcopy
from pathlib import Path
from typing import Any

from channels.text.http.carrier import HttpCarrier
from config.carriers import HttpCarrier as Described
from config.load import SANDBOX
from config.text import Text
from tests.channels.text.peers import settings_for

SECRET = "the second token"
CALLBACK = "http://127.0.0.1:9/webhooks/second/status"


def described(url: str = "http://127.0.0.1:9", **changes: Any) -> Described:
    """The sandbox's second carrier at ``url``; ``changes`` are laid over its sections."""
    values = deepcopy(tomllib.loads(SANDBOX.read_text())["text"]["carriers"][0])
    for proof in (values["send"]["auth"], values["webhooks"]):
        proof["hmac"]["secret"] = SECRET
    values["send"]["url"] = f"{url}/v1/messages"
    for section, change in changes.items():
        values[section] = values[section] | change if isinstance(change, dict) else change
    return Described.model_validate(values)


def text_settings(directory: Path) -> Text:
    return settings_for("http://127.0.0.1:9", directory)


def carrier(directory: Path, url: str, *, deadline_seconds: float = 10.0, **changes: Any) -> HttpCarrier:
    return HttpCarrier(described(url, **changes), text_settings(directory), CALLBACK, deadline_seconds=deadline_seconds)
