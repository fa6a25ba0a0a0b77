"""Reads any message, however broken: ``read`` never raises, and always gives something to show.

It is pure and takes time in proportion to the message (about a second for each 10 MB), so a large one belongs in
a thread.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from email.message import Message
from email.parser import BytesHeaderParser, BytesParser
from email.policy import Compat32

from channels.email import authentication, headers, html
from channels.email.automatic import (
    DeliveryReport,
    delivery_report,
    is_automatic,
    is_automatic_answer,
    read_receipt,
)
from channels.email.headers import Person
from channels.email.large import Diverted, Large
from channels.email.parts import TEXT_LIMIT, Attachment, Content, Reading
from channels.email.words import attempt, clean, decode

__all__ = ["Attachment", "DeliveryReport", "Mail", "read", "read_large"]

SUBJECT_LIMIT = 1_000
PROBLEMS_LIMIT = 20
# The parser compares every line with every open boundary; this many comparisons take about two seconds.
COMPARISONS_LIMIT = 30_000_000
DELIVERED = ("Delivered-To", "X-Original-To", "Envelope-To")
SENDERS = ("Sender", "Return-Path")
BLANK_LINE = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Mail:
    """A message as the gateway sees it; everything in it is clean of control characters.

    Identifiers are '<...>' or ''; domains are in lower case, local parts as written (compare without case);
    ``text`` is what the person wrote, plain; ``hidden`` is what the HTML hides from its reader; ``html`` is '' or
    harmless; ``date`` is UTC; ``problems`` says in words what was broken; ``sha256`` is that of the raw bytes, in hex.
    ``senders`` holds whom ``Sender`` and ``Return-Path`` name; ``delivered_to`` whom it was delivered to, as far as it
    says; ``authentication`` is such as 'spf=pass dkim=none'; ``automatic_answer``: a machine answers for its owner;
    ``receipt_for`` is the Message-ID of a mail of ours that was read; ``marked_spam``: a mail server on its way says
    X-Spam-Flag: YES.
    """

    message_id: str
    in_reply_to: str
    references: tuple[str, ...]
    from_address: str
    from_name: str
    to: tuple[str, ...]
    cc: tuple[str, ...]
    reply_to: str
    reply_to_name: str
    senders: tuple[str, ...]
    delivered_to: tuple[str, ...]
    subject: str
    date: datetime | None
    text: str
    hidden: str
    html: str
    attachments: tuple[Attachment, ...]
    automatic: bool
    automatic_answer: bool
    receipt_for: str
    authentication: str
    marked_spam: bool
    delivery_report: DeliveryReport | None
    problems: tuple[str, ...]
    sha256: str


class _Policy(Compat32):
    """The parser's most forgiving policy, with fields cut to a length that stays cheap to look into.

    The newer policies parse every structured field with a grammar that recurses, takes quadratic time and raises
    on hostile input.
    """

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[: headers.FIELD_LIMIT]


def read(raw: bytes, trusted: Collection[str] = ()) -> Mail:
    """Any bytes as a mail. Never raises. ``trusted``: the servers whose Authentication-Results count, in lower case."""
    return _read(raw, trusted, hashlib.sha256(raw).hexdigest(), {}, [])


def read_large(large: Large, trusted: Collection[str] = ()) -> Mail:
    """As ``read``, for a message that was taken apart."""
    problems = ["it is too large to be shown whole; open it in the mailbox"] if large.cut else []
    return _read(large.rest, trusted, large.sha256, large.diverted, problems)


def _read(
    raw: bytes, trusted: Collection[str], sha256: str, diverted: Mapping[bytes, Diverted], problems: list[str]
) -> Mail:
    message = _parsed(raw, problems)
    content = _content(message, raw, problems, diverted)
    people = {name: headers.people(message, name, problems) for name in ("From", "To", "Cc", "Reply-To", "Sender")}
    sender = next(iter(people["From"] or people["Sender"]), Person("", ""))
    answers = next(iter(people["Reply-To"]), Person("", ""))
    own = headers.identifiers(message, "Message-ID", problems)
    parents = headers.identifiers(message, "In-Reply-To", problems)
    if not sender.address:
        problems.append("there is no address to answer to")
    return Mail(
        message_id=next(iter(own), ""),
        in_reply_to=next(iter(parents), ""),
        references=headers.identifiers(message, "References", problems),
        from_address=sender.address,
        from_name=sender.name,
        to=tuple(person.address for person in people["To"]),
        cc=tuple(person.address for person in people["Cc"]),
        reply_to=answers.address,
        reply_to_name=answers.name,
        senders=tuple(p.address for name in SENDERS for p in headers.people(message, name, [])[:1]),
        delivered_to=tuple(p.address for name in DELIVERED for p in headers.people(message, name, [])),
        subject=headers.text(message, "Subject", SUBJECT_LIMIT, problems),
        date=headers.date(message, problems),
        text=content.text,
        hidden=content.hidden,
        html=content.html,
        attachments=content.attachments,
        automatic=attempt(
            lambda: is_automatic(message, sender.address), True, "its sender could not be judged", problems
        ),
        automatic_answer=attempt(
            lambda: is_automatic_answer(message),
            False,
            "whether a machine answers could not be judged",
            problems,
        ),
        receipt_for=attempt(lambda: read_receipt(message), "", "its receipt is broken", problems),
        authentication=attempt(
            lambda: authentication.results(message, trusted), "", "its authentication results are broken", problems
        ),
        marked_spam=any(value.strip().lower() == "yes" for value in headers.values(message, "X-Spam-Flag")),
        delivery_report=attempt(lambda: delivery_report(message), None, "its delivery report is broken", problems),
        problems=tuple(dict.fromkeys(problems))[:PROBLEMS_LIMIT],
        sha256=sha256,
    )


def _parsed(raw: bytes, problems: list[str]) -> Message:
    """The message's tree; only its headers when the tree would take too long or breaks the parser."""
    if raw.lower().count(b"boundary") * raw.count(b"\n") > COMPARISONS_LIMIT:
        problems.append("there are too many parts to take apart; the text below is raw")
        return _headers_only(raw, problems)
    words = "the parts could not be taken apart; the text below is raw"
    tree = attempt(lambda: BytesParser(policy=_Policy()).parsebytes(raw), None, words, problems)
    return tree or _headers_only(raw, problems)


def _headers_only(raw: bytes, problems: list[str]) -> Message:
    words = "the headers could not be read"
    message = attempt(lambda: BytesHeaderParser(policy=_Policy()).parsebytes(raw), Message(), words, problems)
    # What follows is text now, whatever the header called it.
    del message["Content-Type"], message["Content-Transfer-Encoding"]
    return message


def _content(message: Message, raw: bytes, problems: list[str], diverted: Mapping[bytes, Diverted]) -> Content:
    reading = Reading(BytesParser(policy=_Policy()), problems, diverted)
    content = attempt(lambda: reading.content(message), Content(), "the parts could not be read", problems)
    content = _with_appointments(content)
    text = content.text.strip("\n")[:TEXT_LIMIT]
    if not text.strip():
        text = _last_resort(content, message, raw, problems)
    return replace(content, text=text)


def _with_appointments(content: Content) -> Content:
    """What a calendar says stands first: often nobody has written a word beside it."""
    said = "\n".join(content.appointments)
    if not said:
        return content
    rich = html.from_text(said) + content.html if content.html else ""
    return replace(content, text=f"{said}\n\n{content.text}", html=rich)


def _last_resort(content: Content, message: Message, raw: bytes, problems: list[str]) -> str:
    """When no part is text to read: a text file, or what stands outside the parts, or the raw body."""
    files = [file for file in content.attachments if file.content_type.startswith("text/") and file.size]
    if files:
        return clean(decode(files[0].data, "utf-8", problems), TEXT_LIMIT)
    if content.attachments:
        return ""
    body = BLANK_LINE.split(raw, maxsplit=1)[-1]
    return clean(decode(body, "utf-8", problems), TEXT_LIMIT).strip("\n")
