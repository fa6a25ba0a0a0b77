"""The two ways between a described carrier's fields and ours: templates filled in, and values found at their place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from channels.text.port import Malformed
from config.carriers import Format
from config.templates import filled

MOST_FIELDS = 1000
MEDIA = "{media}"


def fill(template: Any, values: Mapping[str, str], media: Sequence[str]) -> Any:
    """The template with its words filled in; what is {media} becomes the list of addresses."""
    match template:
        case str():
            return list(media) if template == MEDIA else filled(template, values)
        case dict():
            parts = {name: part for name, part in template.items() if media or part != MEDIA}
            return {name: fill(part, values, media) for name, part in parts.items()}
        case list() | tuple():
            return [fill(part, values, media) for part in template]
        case _:
            return template


def document(body: bytes, form: Format) -> Any:
    """What a body holds. Of a form: each field, as a list where it stands there more than once. Raises Malformed."""
    try:
        if form == "json":
            return json.loads(body)
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except (ValueError, RecursionError) as error:
        raise Malformed("the body cannot be read: it is no JSON" if form == "json" else "the form is broken") from error
    fields: dict[str, Any] = {}
    for name, value in pairs:
        fields[name] = value if name not in fields else [*_listed(fields[name]), value]
    return fields


def found(value: Any, place: str) -> list[str]:
    """The texts and numbers that stand at this place, none when there is nothing; '' is no place."""
    return [_plain(one) for one in at(value, place) if _plain(one)] if place else []


def at(value: Any, place: str) -> Iterator[Any]:
    """Whatever stands there. A name with dots in it is looked for as it is, too: forms have such."""
    if isinstance(value, dict) and place in value:
        yield from _listed(value[place])
        return
    name, _, rest = place.partition(".")
    for part in _parts(value, name):
        yield from at(part, rest) if rest else _listed(part)


def _parts(value: Any, name: str) -> list[Any]:
    match value:
        case dict() if name == "*":
            return list(value.values())
        case dict():
            return [value[name]] if name in value else []
        case list() if name == "*":
            return value
        case list() if name.isdecimal() and int(name) < len(value):
            return [value[int(name)]]
        case _:
            return []


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _plain(value: Any) -> str:
    """A text or a number as text; anything else is nothing that we look for."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value)
