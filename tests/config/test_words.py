"""No word of pydantic's reaches a person who configures, imports or asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic_core.core_schema import ErrorType

from config.settings import Settings
from config.words import PATTERNS, in_words
from gateway.api.application import ROUTES
from gateway.api.openapi import document
from gateway.api.problems import API_PATTERNS
from gateway.api.roster import _Row

GIVEN = {
    "pattern": r"^x$", "expected": "'a' or 'b'", "expected_tags": "'a', 'b'", "ge": 1.0, "gt": 0, "le": 5, "lt": 0.5,
    "min_length": 1, "max_length": 4, "error": "ours",
}  # fmt: skip
THEIRS = ("Input", "input", "String", "valid", "pattern", "schema", "Field", "instance", "Value error")


def patterns_in(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        for inner in schema.values():
            yield from patterns_in(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from patterns_in(inner)


@pytest.mark.parametrize("kind", sorted(get_args(ErrorType)))
def test_every_kind_of_error_has_words_of_ours(kind: str) -> None:
    words = in_words({"type": kind, "msg": "Value error, this is ours", "ctx": GIVEN})

    assert words
    assert not [theirs for theirs in THEIRS if theirs in words], words


def test_numbers_and_lengths_are_named() -> None:
    said = {kind: in_words({"type": kind, "ctx": GIVEN}) for kind in ("greater_than_equal", "less_than", "too_long")}

    assert said == {
        "greater_than_equal": "must be at least 1",
        "less_than": "must be less than 0.5",
        "too_long": "must have at most 4",
    }
    assert in_words({"type": "string_too_short", "ctx": {"min_length": 12}}) == "must have at least 12 characters"


def test_every_pattern_of_the_settings_has_words() -> None:
    assert set(patterns_in(Settings.model_json_schema())) - PATTERNS.keys() == set()


def test_every_pattern_of_the_api_has_words() -> None:
    used = {*patterns_in(document(ROUTES, "0")), *patterns_in(_Row.model_json_schema())}

    assert used - API_PATTERNS.keys() == set()
