"""What is made of what a text says before it is routed."""

from __future__ import annotations

import pytest

from config.triage import english, lexicon, weights
from gateway.texts.intake import heard
from routing.triage import Triage


@pytest.fixture(scope="module")
def triage() -> Triage:
    return Triage(lexicon(), english(), weights())


@pytest.mark.parametrize(
    ("body", "emergency"), [("END", False), ("unstop.", False), ("HELP", True), ("end he has a knife", True)]
)
def test_a_carriers_command_is_no_plea_and_help_is_one(body: str, emergency: bool, triage: Triage) -> None:
    assert heard(body, triage.judge(body)).sounds_like_emergency == emergency
