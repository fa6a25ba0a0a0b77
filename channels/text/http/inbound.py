"""The webhooks of a described carrier, read once they have proved where they come from.

Pure: no network, no clock. An attachment that cannot be understood never costs the words it came with, and a text
that cannot be read never costs those that came with it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any, TypeVar

from channels.text.addresses import address, storable
from channels.text.answers import not_delivered
from channels.text.http.fields import at, document, found
from channels.text.port import IncomingText, Malformed, MediaItem, StatusReport, Webhook
from config.carriers import HttpCarrier, ReportsIn, TextsIn

ADDRESS_LIMIT, URL_LIMIT, ID_LIMIT, MEDIA_LIMIT = 128, 2_048, 200, 20
WEB_ADDRESS = re.compile(r"https?://[^\s/]+/\S*")
MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,64}/[a-z0-9.+-]{1,128}")
INTERNATIONAL = re.compile(r"[1-9][0-9]{8,14}")

T = TypeVar("T")


def read_texts(carrier: HttpCarrier, webhook: Webhook) -> list[IncomingText | Malformed]:
    """Raises Malformed when the body cannot be read, or holds no text at all."""
    return _each(carrier.texts, webhook, lambda value: _text(carrier, carrier.texts, value))


def read_reports(carrier: HttpCarrier, places: ReportsIn, webhook: Webhook) -> list[StatusReport | Malformed]:
    return _each(places, webhook, lambda value: _report(carrier, places, value))


def known_as(carrier: str, way: str, sid: str) -> str:
    """An identifier that no other carrier has, nor a text the other way."""
    return f"{carrier}/{way}/{sid}"


def _each(places: TextsIn | ReportsIn, webhook: Webhook, read: Callable[[Any], T]) -> list[T | Malformed]:
    body = document(webhook.body, places.format)
    values = list(at(body, places.each)) if places.each else [body]
    if not values:
        raise Malformed(f"there is nothing at {places.each}")
    return [_read(read, value) for value in values]


def _read(read: Callable[[Any], T], value: Any) -> T | Malformed:
    try:
        return read(value)
    except Malformed as error:
        return error
    except RecursionError:
        return Malformed("it is nested too deeply")


def _text(carrier: HttpCarrier, places: TextsIn, value: Any) -> IncomingText:
    """What is missing costs nobody their words: they are kept, and it is said what is missing."""
    problems = list[str]()
    body, urls = storable("".join(found(value, places.text)[:1])), found(value, places.media)
    media = _media(urls, found(value, places.media_type))
    sid = _kept(value, places.id, ID_LIMIT, "an identifier", problems)
    sender, can_reply = _address(carrier, _kept(value, places.sender, ADDRESS_LIMIT, "who wrote it", problems))
    recipient, _ = _address(carrier, _kept(value, places.recipient, ADDRESS_LIMIT, "to which number", problems))
    if not (body.strip() or urls or (sid and sender)):
        raise Malformed("there are no words, no attachments, and not both an identifier and a sender")
    return IncomingText(
        message_sid=known_as(carrier.id, "in", sid or _name_of(value)),
        sender=sender,
        recipient=recipient,
        body=body,
        media=media,
        media_missing=len(urls) - len(media),
        can_reply=can_reply,
        sent_at=_moment("".join(found(value, places.sent_at)[:1])),
        problems="; ".join(problems),
    )


def _report(carrier: HttpCarrier, places: ReportsIn, value: Any) -> StatusReport:
    sid = known_as(carrier.id, "out", _required(value, places.id, ID_LIMIT))
    status = places.statuses.get(_required(value, places.status, ID_LIMIT), "")
    code = storable("".join(found(value, places.error)[:1]))[:ID_LIMIT]
    if status not in ("undelivered", "failed"):
        return StatusReport(sid, status)
    return StatusReport(sid, status, code, why(carrier, code))


def why(carrier: HttpCarrier, code: str) -> str:
    """What a failure's code means, for a handler."""
    return carrier.errors.get(code) or not_delivered(code)


def _required(value: Any, place: str, limit: int) -> str:
    there = "".join(found(value, place)[:1]).strip()
    if not there:
        raise Malformed(f"there is nothing at {place}")
    if len(there) > limit:
        raise Malformed(f"what stands at {place} is longer than {limit} characters")
    return storable(there)


def _kept(value: Any, place: str, limit: int, what: str, problems: list[str]) -> str:
    """What stands there, as far as it can be kept."""
    there = "".join(found(value, place)[:1]).strip()
    if not there:
        problems.append(f"the carrier does not say {what} (there is nothing at {place})")
    if len(there) > limit:
        problems.append(f"what stands at {place} is longer than {limit} characters")
    return storable(there[:limit])


def _name_of(value: Any) -> str:
    """For a text that has none: the same text brought again has the same."""
    return f"unnamed-{hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]}"


def _address(carrier: HttpCarrier, raw: str) -> tuple[str, bool]:
    bare = carrier.numbers_as == "digits" and INTERNATIONAL.fullmatch(raw)
    return address(f"+{raw}" if bare else raw)


def _media(urls: list[str], types: list[str]) -> tuple[MediaItem, ...]:
    good = [
        MediaItem(url, kind.lower() if MEDIA_TYPE.fullmatch(kind.lower()) else "application/octet-stream")
        for url, kind in zip_longest(urls, types[: len(urls)], fillvalue="")
        if len(url) <= URL_LIMIT and WEB_ADDRESS.fullmatch(url)
    ]
    return tuple(good[:MEDIA_LIMIT])


def _moment(text: str) -> float | None:
    """Seconds since 1970, or ISO 8601 with its zone; None for anything else."""
    try:
        moment = float(text) if text[:1].isdecimal() and "-" not in text else datetime.fromisoformat(text)
    except ValueError:
        return None
    if isinstance(moment, datetime):
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return moment if 0 < moment < 1e11 else None
