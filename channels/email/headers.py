"""Header fields of a message (RFC 5322, RFC 2047), read with patience."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from itertools import islice

from channels.email.words import attempt, decode, one_line

FIELD_LIMIT = 8_000
FIELDS_LIMIT = 50
ADDRESS_LIMIT = 320
ADDRESSES_LIMIT = 200
REFERENCES_LIMIT = 100
IDENTIFIER_LIMIT = 998
NAME_LIMIT = 200

IDENTIFIER = re.compile(r"<([^<>]+)>")
ADDRESS = re.compile(r"[^\s<>()@,;:\"\\\[\]]+@[^\s<>()@,;:\"\\]+")
IN_BRACKETS = re.compile(r"<([^<>\s]+)>")


@dataclass(frozen=True, slots=True)
class Person:
    """One entry of an address field; the domain is in lower case, the local part as it was written."""

    address: str
    name: str


def values(message: Message, name: str) -> list[str]:
    """The fields of that name as they were sent, unfolded; 8-bit bytes are read as UTF-8 or Windows-1252."""
    wanted = name.lower()
    found = (raw for key, raw in message.raw_items() if key.lower() == wanted)
    return [_unfolded(raw) for raw in islice(found, FIELDS_LIMIT)]


def value(message: Message, name: str) -> str:
    """The first field of that name, or ''."""
    return next(iter(values(message, name)), "")


def text(message: Message, name: str, limit: int, problems: list[str]) -> str:
    """The first field of that name with its encoded words decoded, on one line."""
    return one_line(decoded(value(message, name), name, problems), limit)


def decoded(raw: str, name: str, problems: list[str]) -> str:
    """Encoded words (RFC 2047) in a value, decoded."""
    if "=?" not in raw:
        return raw
    return attempt(lambda: _encoded_words(raw), raw, f"the {name} header could not be decoded", problems)


def people(message: Message, name: str, problems: list[str]) -> tuple[Person, ...]:
    """Everybody in the address fields of that name, at most 200."""
    found = [person for raw in values(message, name) for person in _people(raw, name, problems)]
    if len(found) > ADDRESSES_LIMIT:
        problems.append(f"the {name} header names {len(found)} addresses; only {ADDRESSES_LIMIT} are kept")
    return tuple(found[:ADDRESSES_LIMIT])


def identifiers(message: Message, name: str, problems: list[str]) -> tuple[str, ...]:
    """The message identifiers in a field, each '<...@...>' without spaces; the newest 100 of a longer list.

    Some servers fold an identifier in its middle or send it as encoded words, so both are undone first.
    """
    raw = decoded(" ".join(values(message, name)), name, problems)
    found = [f"<{one_line(inner, FIELD_LIMIT).replace(' ', '')}>" for inner in IDENTIFIER.findall(raw)]
    kept = [identifier for identifier in found if 2 < len(identifier) <= IDENTIFIER_LIMIT]
    if len(kept) < len(found):
        problems.append(f"the {name} header holds an identifier that is empty or too long")
    return tuple(kept[-REFERENCES_LIMIT:])


def date(message: Message, problems: list[str]) -> datetime | None:
    """The Date field in UTC; None when there is none that can be read."""
    raw = value(message, "Date").strip()
    if not raw:
        return None
    return attempt(lambda: _utc(parsedate_to_datetime(raw)), None, "the Date header could not be read", problems)


def _utc(moment: datetime) -> datetime:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC)


def _unfolded(raw: object) -> str:
    """A field's value on one line; a broken header may hold any bytes."""
    short = str(raw)[:FIELD_LIMIT].replace("\r", "").replace("\n", "")
    return decode(short.encode("utf-8", "surrogateescape"), "utf-8", [])


def _encoded_words(raw: str) -> str:
    return "".join(
        part if isinstance(part, str) else decode(part, charset or "utf-8", []) for part, charset in decode_header(raw)
    )


def _people(raw: str, name: str, problems: list[str]) -> list[Person]:
    pairs: list[tuple[str, str]] = attempt(
        lambda: getaddresses([raw]), [], f"the {name} header could not be read", problems
    )
    found = list(_usable(pairs, name))
    if found or not raw.strip():
        return found
    # Better a guess at whom to answer than nobody.
    problems.append(f"the {name} header holds no proper address")
    guesses = [guess for guess in IN_BRACKETS.findall(raw) if ADDRESS.fullmatch(guess)] or ADDRESS.findall(raw)
    return [Person(_address(guess), "") for guess in guesses]


def _usable(pairs: Iterable[tuple[str, str]], name: str) -> Iterable[Person]:
    for display, address in pairs:
        if ADDRESS.fullmatch(address) and len(address) <= ADDRESS_LIMIT:
            yield Person(_address(address), one_line(decoded(display, name, []), NAME_LIMIT))


def _address(raw: str) -> str:
    local, _, domain = one_line(raw, ADDRESS_LIMIT).rpartition("@")
    return f"{local}@{domain.lower()}"
