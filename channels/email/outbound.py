"""Writes our mail so that threads hold together, and hands it to the mail server (RFC 5322, RFC 3834, RFC 5321)."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime

import aiosmtplib

from channels.base import ChannelError, Deferred, NotLetIn, Refused, Unreachable
from channels.email.oauth2 import Tokens, missing
from channels.email.parts import Attachment
from channels.email.words import clean, one_line
from config.email import SmtpServer

SEND_SECONDS = 120.0
COMMAND_SECONDS = 30.0
QUIT_SECONDS = 5.0
BODY_LIMIT = 1_000_000
SUBJECT_LIMIT = 500
NAME_LIMIT = 200
# The first names the thread, the newest ones its latest turn; what lies between can go (RFC 5322 sets no bound).
REFERENCES_LIMIT = 20
IDENTIFIER = re.compile(r"<[^<>\s]+>")
NOT_IN_IDENTIFIER = re.compile(r"[^A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+")
# The server wants other credentials or encryption from us; that is no verdict on the message.
OUR_LOGIN_CODES = {530, 534, 535, 538}
CLOSING = 421


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """One message of ours. Identifiers are '<...>'; ``in_reply_to`` and ``references`` are the parent's Message-ID
    and References, '' and () for a new thread; ``date`` knows its time zone; ``automatic`` when no person wrote it."""

    from_address: str
    from_name: str
    to: tuple[str, ...]
    subject: str
    body: str
    message_id: str
    in_reply_to: str
    references: tuple[str, ...]
    date: datetime
    automatic: bool
    attachments: tuple[Attachment, ...] = ()
    reply_to: str = ""


class _Identifiers(UnstructuredHeader, BaseHeader):
    """Message identifiers, one on a line. The standard folding would cut a long one up into encoded words."""

    max_count = 1

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: " + f"{policy.linesep} ".join(str(self).split()) + policy.linesep


def compose(mail: OutgoingMail) -> EmailMessage:
    """The message, ready to send. Raises Refused when an address cannot be written in a header."""
    message = EmailMessage(policy=SMTP.clone(header_factory=_registry()))
    message["From"] = _address(mail.from_address, mail.from_name)
    message["To"] = [_address(address) for address in mail.to]
    if mail.reply_to:
        message["Reply-To"] = _address(mail.reply_to, mail.from_name)
    message["Subject"] = one_line(mail.subject, SUBJECT_LIMIT)
    message["Date"] = format_datetime(mail.date)
    message["Message-ID"] = mail.message_id
    if mail.in_reply_to:
        message["In-Reply-To"] = mail.in_reply_to
    if chain := thread(mail.references, mail.in_reply_to):
        message["References"] = " ".join(chain)
    if mail.automatic:
        message["Auto-Submitted"] = "auto-replied"
        message["X-Auto-Response-Suppress"] = "All"
    message.set_content(clean(mail.body, BODY_LIMIT))
    for file in mail.attachments:
        kind, subtype = _attached_type(file)
        message.add_attachment(file.data, maintype=kind, subtype=subtype, filename=file.filename)
    return message


def thread(references: tuple[str, ...], parent: str) -> tuple[str, ...]:
    """The References of an answer: the parent's, then the parent itself (RFC 5322 section 3.6.4), at most 20."""
    chain = tuple(dict.fromkeys(i for i in (*references, parent) if IDENTIFIER.fullmatch(i) and i != parent))
    whole = (*chain, parent) if IDENTIFIER.fullmatch(parent) else chain
    return whole if len(whole) <= REFERENCES_LIMIT else (whole[0], *whole[1 - REFERENCES_LIMIT :])


def new_message_id(reference: str, token: str, domain: str) -> str:
    """'<reference.token@domain>', in characters that every mail system keeps."""
    left = ".".join(NOT_IN_IDENTIFIER.sub("-", part).strip(".") for part in (reference, token))
    return f"<{left}@{NOT_IN_IDENTIFIER.sub('-', domain).lower()}>"


async def send(message: EmailMessage, smtp: SmtpServer, tokens: Tokens | None = None) -> None:
    """Returns once the server has taken the message over.

    Raises Refused when the server refuses this message (5xx), with its code. Everything else can be tried again and
    raises Unreachable: no connection, no answer in time; Deferred where the server says "later" (4xx); and NotLetIn for
    a refused login, since that says nothing about the message. When the link breaks after the last byte the server may
    have taken it; the same Message-ID goes out again.
    """
    client = _client(smtp)
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await _connect(client, smtp, tokens)
            refused = await _hand_over(client, message)
        # It is theirs now: whatever happens to the farewell must not make us send it again.
        with suppress(aiosmtplib.SMTPException, OSError):
            await client.quit(timeout=QUIT_SECONDS)
    except TimeoutError as error:
        raise Unreachable("the mail server did not finish in time") from error
    finally:
        client.close()
    if refused:
        raise Refused(f"{len(refused)} of the recipients were refused; the others have it", code=_first_code(refused))


async def sign_in(smtp: SmtpServer, tokens: Tokens | None = None) -> None:
    """Only to see whether we are let in. Raises NotLetIn, Unreachable."""
    client = _client(smtp)
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await _connect(client, smtp, tokens)
    except TimeoutError as error:
        raise Unreachable("the mail server did not finish in time") from error
    finally:
        client.close()


def _client(smtp: SmtpServer) -> aiosmtplib.SMTP:
    with_password = smtp.auth == "password"
    return aiosmtplib.SMTP(
        hostname=smtp.host,
        port=smtp.port,
        username=(with_password and smtp.user) or None,
        password=smtp.password.get_secret_value() or None,
        use_tls=smtp.security == "tls",
        start_tls=smtp.security == "starttls",
        timeout=COMMAND_SECONDS,
    )


async def _connect(client: aiosmtplib.SMTP, smtp: SmtpServer, tokens: Tokens | None) -> None:
    token = await tokens.token() if tokens else ""
    try:
        await client.connect()
        if tokens:
            await client.auth_xoauth2(smtp.user, token)
    except aiosmtplib.SMTPAuthenticationError as error:
        if tokens:
            tokens.forget()
        advice = f": {missing(token, 'SMTP.SendAsApp')}" if tokens else ""
        why = f"the mail server does not let us in: {error.code} {error.message}{advice}"
        raise _later(error.code, why) or NotLetIn(why, code=str(error.code)) from error
    except aiosmtplib.SMTPResponseException as error:
        why = f"the mail server does not take us: {error.message}"
        raise _later(error.code, why) or Unreachable(why, code=str(error.code)) from error
    except (aiosmtplib.SMTPException, OSError) as error:
        raise Unreachable(f"the mail server cannot be reached: {error}") from error


async def _hand_over(client: aiosmtplib.SMTP, message: EmailMessage) -> dict[str, aiosmtplib.SMTPResponse]:
    """The recipients that were refused while others were accepted."""
    try:
        return (await client.send_message(message))[0]
    except aiosmtplib.SMTPRecipientsRefused as error:
        # One that can be tried again decides.
        first = min(error.recipients, key=lambda refusal: refusal.code)
        raise _verdict(first.code, first.message, alone=True) from error
    except aiosmtplib.SMTPDataError as error:
        raise _verdict(error.code, error.message, alone=True) from error
    except aiosmtplib.SMTPResponseException as error:
        raise _verdict(error.code, error.message, alone=False) from error
    except aiosmtplib.SMTPNotSupported as error:
        raise Refused(f"the mail server cannot take this message: {error.message}") from error
    except (aiosmtplib.SMTPException, OSError) as error:
        raise Unreachable(f"the mail server broke off: {type(error).__name__}") from error
    except ValueError as error:
        raise Refused("an address in this message cannot be used") from error


def _verdict(code: int, said: str, *, alone: bool) -> ChannelError:
    """``alone``: it was said when the server knew whom the message is for, or what is in it."""
    why = f"the mail server said: {code} {said}"
    kind = NotLetIn if code in OUR_LOGIN_CODES else Refused if 500 <= code < 600 else Unreachable
    return _later(code, why, alone=alone) or kind(why, code=str(code))


def _later(code: int, why: str, *, alone: bool = False) -> Deferred | None:
    """A server that closes for now (421) speaks of everything."""
    return Deferred(why, code=str(code), alone=alone and code != CLOSING) if 400 <= code < 500 else None


def _first_code(refused: dict[str, aiosmtplib.SMTPResponse]) -> str:
    return str(next(iter(refused.values())).code)


def _attached_type(file: Attachment) -> tuple[str, str]:
    """A file goes out byte for byte, which the types that mail systems may rewrite do not promise."""
    kind, _, subtype = file.content_type.partition("/")
    return ("application", "octet-stream") if kind in ("text", "message", "multipart") else (kind, subtype)


def _address(address: str, name: str = "") -> Address:
    local, _, domain = address.rpartition("@")
    try:
        host = domain.encode("idna").decode()
        return Address(one_line(name, NAME_LIMIT), local, host) if local and host else _unusable()
    except (ValueError, IndexError) as error:
        raise Refused("an address in this message cannot be used") from error


def _unusable() -> Address:
    raise ValueError("an address needs a local part and a domain")


def _registry() -> HeaderRegistry:
    registry = HeaderRegistry()
    for name in ("message-id", "in-reply-to", "references"):
        registry.map_to_type(name, _Identifiers)
    return registry
