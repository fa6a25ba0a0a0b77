"""A site's own words of danger: added to those that every site has, and refused with a clear error when wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.load import ConfigurationError, load
from config.triage import english, lexicon, weights
from routing.triage import Triage


def site(folder: Path, text: str) -> Path:
    path = folder / "site.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_words_of_a_site_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_PHONE_SECRET", "s" * 40)
    settings = load(site(tmp_path, '[triage]\nshorthand = { wot = "what" }\nphrases = { weapon = ["bobbydazzler"] }\n'))
    triage = Triage(lexicon().with_more(settings.triage), english(), weights())
    told = "there is a bobbydazzler on the train"
    assert triage.judge(told).sounds_like_emergency
    assert not Triage(lexicon(), english(), weights()).judge(told).sounds_like_emergency


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ('phrases = { wepon = ["jemmy"] }', "there is no rule 'wepon'"),
        ('phrases = { weapon = ["KNIFE"] }', "'KNIFE' must be a word"),
        ('phrases = { weapon = ["<nobody> has a jemmy"] }', "names the list <nobody>"),
        ('phrases = { weapon = [".."] }', "a phrase must have a word"),
    ],
)
def test_a_mistake_is_said(tmp_path: Path, text: str, mistake: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(mistake)):
        load(site(tmp_path, f"[triage]\n{text}\n"))
