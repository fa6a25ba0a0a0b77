"""Every setting stands, with a comment, in one of the two files that people read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from config.load import DEFAULT, SANDBOX, ConfigurationError, load
from config.section import Section
from config.settings import Settings

# What says itself: beside an id that is explained.
SELF_EXPLAINING = {"id", "name", "uri", "host", "port", "user", "number", "queue", "enabled", "skills", "folder"}


def sections(kind: Any, around: tuple[Any, ...] = ()) -> Iterator[type[Section]]:
    """Every section in this type, itself included; one that stands within itself is looked at once."""
    if kind in around:
        return
    if isinstance(kind, type) and issubclass(kind, Section):
        yield kind
        for setting in kind.model_fields.values():
            yield from sections(setting.annotation, (*around, kind))
    for part in get_args(kind):
        yield from sections(part, around)


KEYS = sorted({(section.__name__, key) for section in sections(Settings) for key in section.model_fields})


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return [line for path in (DEFAULT, SANDBOX) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(("section", "key"), KEYS, ids=[f"{s}.{k}" for s, k in KEYS])
def test_a_setting_is_documented(section: str, key: str, lines: list[str]) -> None:
    named = re.compile(rf"(^|[\[{{,.\s]){key}(\s*=|\]|\.)")
    standing = [line for line in lines if named.search(line)]
    assert standing, f"{section}.{key} stands neither in {DEFAULT.name} nor in {SANDBOX.name}"
    if key not in SELF_EXPLAINING and section != "Settings":
        assert any("#" in line for line in standing), f"{section}.{key} has no comment"


def test_the_sandbox_lacks_nothing_but_its_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError) as raised:
        load(SANDBOX)
    assert all("secret's file var/sandbox/secrets/" in mistake for mistake in raised.value.mistakes)
