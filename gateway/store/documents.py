"""Routing's values as JSON text and back. The text of one value is always the same, so it can be hashed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, get_args

import orjson
from pydantic import TypeAdapter

from routing import commands, events
from routing.model import Contact, FollowUp, Handler, Person

CONTACT: TypeAdapter[Contact] = TypeAdapter(Contact)
HANDLER: TypeAdapter[Handler] = TypeAdapter(Handler)
FOLLOW_UP: TypeAdapter[FollowUp] = TypeAdapter(FollowUp)
PERSON: TypeAdapter[Person] = TypeAdapter(Person)

KINDS: Mapping[str, type] = {kind.__name__: kind for kind in (*get_args(events.Event), *get_args(commands.Command))}


def dump(value: Any) -> str:
    """JSON without spaces: fields in the order of their class, sets as sorted lists."""
    try:
        return orjson.dumps(value, default=_sorted).decode()
    except orjson.JSONEncodeError:  # lone surrogates, which no JSON has
        return storable(_dumped(value))


def _sorted(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"a {type(value).__name__} is no part of a document")


def _dumped(value: Any) -> str:
    kind: Any = type(value)
    return json.dumps(_adapter(kind).dump_python(value), separators=(",", ":"), ensure_ascii=False, default=_sorted)


def storable(text: str) -> str:
    """What both databases take: no NUL, and no lone surrogates (bytes of a mail's header that are no text)."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\ufffd")


def load_change(kind: str, document: str) -> Any:
    """The event or command that a journal row records."""
    return _adapter(KINDS[kind]).validate_json(document)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
