"""Which mail was sent by a machine (RFC 3834), and what a delivery report says (RFC 3464)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from itertools import islice

from channels.email import headers
from channels.email.words import one_line

FIELD_LIMIT = 500
TEXT_LIMIT = 100_000
RECIPIENTS_LIMIT = 50
PARTS_LIMIT = 500
LIST_FIELDS = ("List-Id", "List-Unsubscribe", "List-Post", "X-Autoreply", "X-Autorespond")
BULK = {"bulk", "list", "junk", "auto_reply"}
MACHINES = {"mailer-daemon", "postmaster"}
ANSWERS = {"auto-replied", "auto-notified"}
MACHINE_TYPES = {"multipart/report", "message/delivery-status", "message/disposition-notification"}
WORST_FIRST = {"failed": 0, "delayed": 1, "delivered": 2}
ORIGINAL = re.compile(r"^Original-Message-ID:\s*(<[^<>\s]+>)", re.IGNORECASE | re.MULTILINE)
MENTIONED_LIMIT = 5
IDENTIFIER = re.compile(r"^Message-ID:\s*(<[^<>\s]+>)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """For one recipient. ``action`` is failed, delayed, delivered, relayed or expanded (RFC 3464); ``status`` is the
    enhanced code such as 5.1.1."""

    recipient: str
    action: str
    status: str
    diagnostic: str


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What became of a message of ours: the worst outcome first; several when a server has passed it on to several.

    ``original_message_id`` is '' when the report does not quote its headers; ``mentioned`` are the Message-IDs that it
    names elsewhere.
    """

    outcomes: tuple[Outcome, ...]
    original_message_id: str
    mentioned: tuple[str, ...] = ()


def is_automatic(message: Message, sender: str) -> bool:
    """Whether a machine sent it, so that no machine of ours may answer it."""
    return (
        is_automatic_answer(message)
        or _first_word(message, "Auto-Submitted") not in ("", "no")
        or headers.value(message, "Return-Path").strip() == "<>"
        or _first_word(message, "Precedence") in BULK
        or _first_word(message, "X-Auto-Response-Suppress") not in ("", "none")
        or any(headers.value(message, name) for name in LIST_FIELDS)
        or sender.partition("@")[0].lower() in MACHINES
        or _first_word(message, "From") in MACHINES
        or message.get_content_type() in MACHINE_TYPES
    )


def is_automatic_answer(message: Message) -> bool:
    """Whether a machine answers for its owner: out of office, a calendar's reply, a receipt.

    Mail through a list, or with headers that mail systems also set on people's own mail, is not taken for one.
    """
    return (
        _first_word(message, "Auto-Submitted") in ANSWERS
        or _first_word(message, "Precedence") == "auto_reply"
        or any(headers.value(message, name) for name in ("X-Autoreply", "X-Autorespond"))
        or message.get_content_type() == "multipart/report"
        or _is_calendar_answer(message)
    )


def _is_calendar_answer(message: Message) -> bool:
    """'Accepted: ...' (RFC 6047): a text/calendar part with METHOD:REPLY or COUNTER, however deep it lies."""
    parts = islice(message.walk(), PARTS_LIMIT)
    calendars = [part for part in parts if part.get_content_type() == "text/calendar"]
    return any(str(part.get_param("method", "")).lower() in ("reply", "counter") for part in calendars)


def read_receipt(message: Message) -> str:
    """The Message-ID of ours that was displayed or deleted (RFC 8098), '' when this is no receipt."""
    for part in _parts(message):
        if part.get_content_type() == "message/disposition-notification":
            fields = [part, *_parts(part)]
            written = part.get_payload(decode=True)
            text = written.decode("utf-8", "replace") if isinstance(written, bytes) else ""
            found = ORIGINAL.search(text)
            named = (i for field in fields for i in headers.identifiers(field, "Original-Message-ID", []))
            return found[1] if found else next(named, "")
    return ""


def delivery_report(message: Message) -> DeliveryReport | None:
    """The report in a multipart/report."""
    parts = _parts(message)
    status = next((part for part in parts if part.get_content_type() == "message/delivery-status"), None)
    if status is None:
        return None
    blocks = [block for block in _parts(status) if headers.value(block, "Final-Recipient")] or [status]
    outcomes = sorted(map(_outcome, blocks), key=lambda outcome: WORST_FIRST.get(outcome.action, len(WORST_FIRST)))
    return DeliveryReport(tuple(outcomes), _original(parts), tuple(_mentioned(parts, status)))


def _outcome(block: Message) -> Outcome:
    return Outcome(
        recipient=_typed(block, "Original-Recipient") or _typed(block, "Final-Recipient"),
        action=_first_word(block, "Action"),
        status=_first_word(block, "Status"),
        diagnostic=_typed(block, "Diagnostic-Code"),
    )


def _parts(message: Message) -> list[Message]:
    payload = message.get_payload()
    parts = payload if isinstance(payload, list) else []
    return [part for part in parts[:RECIPIENTS_LIMIT] if isinstance(part, Message)]


def _first_word(message: Message, name: str) -> str:
    """'Auto-Replied (vacation); owner=x' is 'auto-replied': comments and parameters fall away."""
    return re.split(r"[\s;(,]", headers.value(message, name).strip().lower(), maxsplit=1)[0]


def _typed(block: Message, name: str) -> str:
    """'rfc822; someone@example.org' is 'someone@example.org'."""
    kind, separator, rest = headers.value(block, name).partition(";")
    return one_line(rest if separator else kind, FIELD_LIMIT)


def _mentioned(parts: list[Message], status: Message) -> Iterator[str]:
    """In the report's fields, as Google's servers have it, and on a line of its text, as those do that copy the headers
    there."""
    for block in (status, *_parts(status)):
        for name in ("Original-Message-ID", "X-Original-Message-ID"):
            yield from headers.identifiers(block, name, [])[:MENTIONED_LIMIT]
    for part in parts:
        written = part.get_payload(decode=True) if part.get_content_type() == "text/plain" else None
        if isinstance(written, bytes):
            found = IDENTIFIER.findall(written[:TEXT_LIMIT].decode("utf-8", "replace"))
            yield from found[:MENTIONED_LIMIT]


def _original(parts: list[Message]) -> str:
    """The Message-ID of the message that the report quotes, whole or only its headers."""
    for part in parts:
        if part.get_content_type() == "message/rfc822":
            return next((found for inner in _parts(part) for found in headers.identifiers(inner, "Message-ID", [])), "")
        if part.get_content_type() == "text/rfc822-headers":
            quoted = part.get_payload(decode=True)
            found = IDENTIFIER.search(quoted.decode("utf-8", "replace")) if isinstance(quoted, bytes) else None
            return found[1] if found else ""
    return ""
