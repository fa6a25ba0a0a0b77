"""What a setting must be, in plain words, where pydantic speaks of patterns and tuples."""

from __future__ import annotations

from typing import Any

from config.calendars import RANGE
from config.ordering import SKILL
from config.section import IDENTIFIER, LANGUAGE, NUMBER, SIP_URI

PATTERNS = {
    SKILL: "must be a skill such as french, or french:2 with a level from 1 to 9: small letters, digits, - and _",
    IDENTIFIER: "must be a short name: small letters, digits, - and _, beginning with a letter",
    LANGUAGE: "must be a language's ISO code, such as cy for Welsh",
    NUMBER: "must be a telephone number: 3 to 15 digits, with or without + before them",
    SIP_URI: "must be a SIP address, such as sip:control-room@10.0.0.5",
    RANGE: "must be hours such as 07:00-15:00",
}


def in_words(error: Any) -> str:
    """Of one of pydantic's errors; '' where its own words will do."""
    match error["type"]:
        case "missing":
            return "is missing"
        case "string_pattern_mismatch":
            return PATTERNS.get(error["ctx"]["pattern"], "")
        case "tuple_type" | "list_type":
            return "must be a list, in square brackets"
        case "dict_type" | "model_type" | "model_attributes_type":
            return "must be a table, such as { name = value }"
        case "too_short":
            return f"must have at least {error['ctx']['min_length']}"
        case _:
            return ""
