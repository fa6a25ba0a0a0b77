"""Twilio's published OpenAPI description, as a judge of requests and answers.

The document and its licence lie beside this file, in ``data/``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft4Validator, FormatChecker
from jsonschema.exceptions import ValidationError

PUBLISHED = Path(__file__).with_name("data") / "twilio_api_v2010_messages_calls.json"
FORM = "application/x-www-form-urlencoded"

# A number in E.164, a short code, an alphanumeric sender or a channel's address (whatsapp:+44...).
PHONE_NUMBER = re.compile(r"\+[1-9][0-9]{1,14}|[0-9]{3,8}|[A-Za-z0-9 &+._-]{1,11}|[a-z]+:\S+")

Parameters = Sequence[tuple[str, str]]


class Description:
    """What the API says it takes and gives. Every fault is a sentence; an empty list means none was found."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._schemas = _as_json_schema(document["components"]["schemas"])
        self._operations = {
            (verb.upper(), path): operation
            for path, verbs in document["paths"].items()
            for verb, operation in verbs.items()
            if verb in ("get", "post", "delete")
        }

    @classmethod
    def published(cls) -> Description:
        return cls(json.loads(PUBLISHED.read_text()))

    def operation_id(self, verb: str, path: str) -> str:
        """The operation's name; ``path`` is a template such as ``/2010-04-01/Accounts/{AccountSid}/Messages.json``."""
        return str(self._operations[verb, path]["operationId"])

    def request_faults(
        self, verb: str, path: str, *, path_values: Mapping[str, str], query: Parameters, form: Parameters
    ) -> list[str]:
        operation = self._operations[verb, path]
        in_path = self._declared(operation, "path")
        in_query = self._declared(operation, "query")
        body = operation.get("requestBody", {}).get("content", {}).get(FORM, {}).get("schema", {})
        return [
            *self._faults("path", in_path, list(path_values.items()), required=in_path),
            *self._faults("query", in_query, query),
            *self._faults("form", body.get("properties", {}), form, required=body.get("required", ())),
        ]

    def answer_faults(self, verb: str, path: str, status: int, answer: object) -> list[str]:
        answers = self._operations[verb, path]["responses"]
        if str(status) not in answers:
            return [f"answer: the status {status} is not described"]
        schema = answers[str(status)]["content"]["application/json"]["schema"]
        return [f"answer: {fault}" for fault in self._mismatches(schema, answer, ANSWER_FORMATS)]

    @staticmethod
    def _declared(operation: Mapping[str, Any], place: str) -> dict[str, Any]:
        return {p["name"]: p["schema"] for p in operation.get("parameters", ()) if p["in"] == place}

    def _faults(
        self, place: str, declared: Mapping[str, Any], given: Parameters, required: Iterable[str] = ()
    ) -> list[str]:
        values: dict[str, list[str]] = {}
        for name, value in given:
            values.setdefault(name, []).append(value)
        faults = [f"{place}: {name} is missing" for name in required if name not in values]
        for name, found in values.items():
            if name not in declared:
                faults.append(f"{place}: {name} is not a parameter")
                continue
            faults += [f"{place}: {name} {fault}" for fault in self._value_faults(declared[name], found)]
        return faults

    def _value_faults(self, schema: Mapping[str, Any], found: list[str]) -> list[str]:
        kind = self._resolved(schema)["type"]
        if kind == "array":
            return self._mismatches(schema, found, REQUEST_FORMATS)
        if len(found) > 1:
            return ["is given more than once"]
        try:
            value = READERS[kind](found[0])
        except ValueError:
            return [f"is not of type {kind}"]
        return self._mismatches(schema, value, REQUEST_FORMATS)

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" not in schema:
            return schema
        found: Mapping[str, Any] = self._schemas[schema["$ref"].rpartition("/")[2]]
        return found

    def _mismatches(self, schema: Mapping[str, Any], value: object, formats: FormatChecker) -> list[str]:
        root = {**_as_json_schema(schema), "components": {"schemas": self._schemas}}
        errors = Draft4Validator(root, format_checker=formats).iter_errors(value)
        return [_words(error) for error in errors]


def _words(error: ValidationError) -> str:
    """Which rule was broken, and where; the value stays out, for it may be a phone number."""
    where = ".".join(str(step) for step in error.path)
    return f"{where} breaks the rule '{error.validator}: {error.validator_value}'".strip()


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


READERS: Mapping[str, Callable[[str], object]] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": _boolean,
}


def _as_json_schema(schema: Any) -> Any:
    """OpenAPI 3.0 says ``nullable`` where JSON Schema names a second type."""
    if isinstance(schema, list):
        return [_as_json_schema(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {name: _as_json_schema(part) for name, part in schema.items() if name != "nullable"}
    if schema.get("nullable") is True and isinstance(parts.get("type"), str):
        parts["type"] = [parts["type"], "null"]
    return parts


def _is_phone_number(value: object) -> bool:
    return value is None or bool(PHONE_NUMBER.fullmatch(str(value)))


def _is_date_time(value: object) -> bool:
    return bool(datetime.fromisoformat(str(value)))


def _is_web_address(value: object) -> bool:
    address = urlsplit(str(value))
    return address.scheme in ("http", "https") and bool(address.netloc)


def _is_address_within(value: object) -> bool:
    """Twilio's answers name its own resources by path alone."""
    return value is None or str(value).startswith("/") or _is_web_address(value)


def _formats(is_uri: Callable[[object], bool]) -> FormatChecker:
    checker = FormatChecker(formats=())
    checker.checks("phone-number")(_is_phone_number)
    checker.checks("date-time", raises=ValueError)(_is_date_time)
    checker.checks("uri", raises=ValueError)(is_uri)
    return checker


REQUEST_FORMATS = _formats(_is_web_address)
ANSWER_FORMATS = _formats(_is_address_within)
