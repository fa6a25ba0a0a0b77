"""What a value must be, in plain words, where pydantic speaks of patterns and tuples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.calendars import RANGE
from config.ordering import SKILL
from config.section import IDENTIFIER, LANGUAGE, NUMBER, SIP_URI

SHORT_NAME = "must be a short name: small letters, digits, - and _, beginning with a letter"
WEB = "must be an address such as https://gateway.example"
HOST = "must be letters, digits, dots and hyphens only"
PATTERNS = {
    SKILL: "must be a skill such as french, or french:2 with a level from 1 to 9: small letters, digits, - and _",
    IDENTIFIER: SHORT_NAME,
    LANGUAGE: "must be a language's ISO code, such as cy for Welsh",
    NUMBER: "must be a telephone number: 3 to 15 digits, with or without + before them",
    SIP_URI: "must be a SIP address, such as sip:control-room@10.0.0.5",
    RANGE: "must be hours such as 07:00-15:00",
    r"^[^:]+$": "must be a name without colons",
    r"^[0-9]{2,6}$": "must be an extension: 2 to 6 digits",
    r"^([a-z][a-z0-9_-]{0,40}|[0-9]{1,10})$": "must be a queue's or a mailbox's name, or up to 10 digits",
    r"^[A-Za-z0-9-]{1,60}$": "must be a header's name: letters, digits and hyphens, 60 at most",
    r"^https?://[^\s/]+$": WEB + ", without a path",
    r"^https?://[^\s/]+(/\S*)?$": WEB,
    r"^https://[^\s/]+$": WEB + ", without a path",
    r"^https?://\S+[^/]$": WEB + ", without a / at its end",
    r"^[A-Za-z0-9+._-]+$": "must be letters, digits and + . _ - only",
    r"^[^@\s]+@[^@\s]+$": "must be an email address",
    r"^[A-Za-z0-9.-]+$": HOST,
    r"^[A-Za-z0-9.-]*$": HOST,
    r"^\S+$": "must have no spaces",
    r"^[0-9*#]{1,4}$": "must be 1 to 4 keys of a telephone: digits, * and #",
    r"^[^.\s]+(\.[^.\s]+)*$": "must be names with dots between them, such as message.id",
    r"^[0-9]{1,4}$": "must be 1 to 4 digits",
    r"^[0-9]{2,8}$": "must be 2 to 8 digits",
    r"^[0-9]{3,6}$": "must be 3 to 6 digits",
    r"^[a-z0-9.+-]+/[a-z0-9.+-]*$": "must be a kind of file such as image/jpeg, or image/ for all of them",
    r"^(MG[0-9a-fA-F]{32})?$": "must be a messaging service's id: MG and 32 letters and digits",
}
A_DATE = "must be a date such as 2026-11-30"
A_TIME = "must be a time such as 2026-11-30T07:00:00Z"
# By the beginning of the error's type; the first that fits.
KINDS = {
    "missing": "is missing",
    "extra_forbidden": "there is no such field",
    "list_type": "must be a list, in square brackets",
    "tuple_type": "must be a list, in square brackets",
    "set_type": "must be a list, in square brackets",
    "frozen_set_type": "must be a list, in square brackets",
    "dict_type": "must be a table, such as { name = value }",
    "model_type": "must be a table, such as { name = value }",
    "model_attributes_type": "must be a table, such as { name = value }",
    "json_": "is not JSON",
    "finite_number": "must be a finite number",
    "int_": "must be a whole number",
    "float_": "must be a number",
    "decimal_": "must be a number",
    "bool_": "must be true or false",
    "string_type": "must be text",
    "none_required": "must be left out",
    "date_": A_DATE,
    "datetime_": A_TIME,
    "timezone_naive": "must be a time without a time zone, such as 2026-11-30T07:00:00",
    "timezone_": A_TIME + ", with a time zone (Z, or such as +01:00)",
    "time_delta_": "must be a number of seconds",
    "time_": "must be a time of day such as 07:00",
    "url_": WEB,
    "path_": "must be the path of a file or a directory",
}
ANY_OTHER = "cannot be understood here"


def in_words(error: Any, patterns: Mapping[str, str] = PATTERNS) -> str:
    """Of one of pydantic's errors; ``patterns``: what each pattern wants. Our own errors are words already."""
    given = {name: _shown(value) for name, value in error.get("ctx", {}).items()}
    match error["type"]:
        case "value_error" | "assertion_error":
            return str(error["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
        case "string_pattern_mismatch":
            return patterns.get(given["pattern"], "has characters that cannot stand here")
        case "literal_error" | "enum":
            return f"must be {given['expected']}"
        case "union_tag_invalid":
            return f"must be one of {given['expected_tags']}"
        case "greater_than_equal":
            return f"must be at least {given['ge']}"
        case "greater_than":
            return f"must be more than {given['gt']}"
        case "less_than_equal":
            return f"must be at most {given['le']}"
        case "less_than":
            return f"must be less than {given['lt']}"
        case "too_short":
            return f"must have at least {given['min_length']}"
        case "too_long":
            return f"must have at most {given['max_length']}"
        case "string_too_short":
            least = given["min_length"]
            return "must not be empty" if least == "1" else f"must have at least {least} characters"
        case "string_too_long":
            return f"must have at most {given['max_length']} characters"
        case kind:
            return next((words for begins, words in KINDS.items() if kind.startswith(begins)), ANY_OTHER)


def _shown(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
