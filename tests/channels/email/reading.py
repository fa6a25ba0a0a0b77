"""What the tests of the mailbox reader share: a mailbox on a real Dovecot, and a ledger in the place of the store."""

from __future__ import annotations

import asyncio
import imaplib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import SecretStr

from channels.email.imap import Patience
from channels.email.inbound import MailboxReader
from channels.email.oauth2 import Tokens
from channels.email.receiver import Cursor, FetchedMail, ToFile
from config.email import Email, ImapServer, Mailbox, SmtpServer
from gateway.sandbox.mail import Dovecot

ADDRESS = "enquiries@police.example"
PASSWORD = 'open "sesame" \\ 1'
TODAY = datetime.now(UTC).date()
QUICK = Patience(command=2.0, fetch=5.0, idle=60.0, first_retry=0.05, last_retry=0.2, told_after=1.0)


class Ledger:
    """Keeps in memory what was delivered, its cursor and fingerprint; ``failures`` make the next deliveries raise.

    ``together``: how many were given to each delivery. What has the subject ``refused`` cannot be stored. With
    ``folder`` what is stored is to be filed there. It is the reader's ``Receiver``.
    """

    def __init__(self) -> None:
        self.mails: list[FetchedMail] = []
        self.at: Cursor | None = None
        self.fingerprints: set[str] = set()
        self.folder = ""
        self.waiting: list[ToFile] = []
        self.alarms: list[tuple[str, str]] = []
        self.attempts = 0
        self.together: list[int] = []
        self.failures: list[Exception] = []
        self.refused = "nothing"
        self.meanwhile: Callable[[], Awaitable[None]] | None = None
        self._changed = asyncio.Condition()

    async def cursor(self) -> Cursor | None:
        return self.at

    async def keep(self, cursor: Cursor, fingerprints: Collection[str] = ()) -> None:
        async with self._changed:
            self.at = cursor
            self.fingerprints |= set(fingerprints)
            self._changed.notify_all()

    async def known(self, fingerprints: Collection[str]) -> Collection[str]:
        return self.fingerprints & set(fingerprints)

    async def to_file(self) -> list[ToFile]:
        return list(self.waiting)

    async def found_again(self, uid_validity: int, uids: Mapping[str, int]) -> None:
        self.waiting = [
            replace(mail, uid_validity=uid_validity, uid=uids.get(mail.fingerprint, mail.uid))
            if mail.fingerprint in uids
            else mail
            for mail in self.waiting
        ]

    async def filed(self, mails: Sequence[ToFile]) -> None:
        async with self._changed:
            self.waiting = [mail for mail in self.waiting if mail not in mails]
            self._changed.notify_all()

    async def alarm(self, cause: str, why: str) -> None:
        async with self._changed:
            self.alarms.append((cause, why))
            self._changed.notify_all()

    async def prepare(self, mails: Sequence[FetchedMail]) -> Sequence[FetchedMail]:
        return mails

    async def deliver(self, mails: Sequence[FetchedMail]) -> None:
        async with self._changed:
            self.attempts += 1
            self.together.append(len(mails))
            self._changed.notify_all()
            if self.failures:
                raise self.failures.pop(0)
            if self.refused in [subject_of(mail.raw) for mail in mails]:
                raise ValueError(self.refused)
            for mail in mails:
                self.mails.append(mail)
                self.at = mail.cursor
                self.fingerprints |= {mail.fingerprint} - {""}
                if self.folder:
                    at, name = mail.cursor, mail.fingerprint
                    self.waiting.append(ToFile(at.uid_validity, at.last_uid, self.folder, name))
            happening, self.meanwhile = self.meanwhile, None
            if happening:
                await happening()

    async def until(self, condition: Callable[[Ledger], bool], deadline: float = 10.0) -> None:
        async with asyncio.timeout(deadline), self._changed:
            await self._changed.wait_for(lambda: condition(self))

    def subjects(self) -> list[str]:
        return [subject_of(mail.raw) for mail in self.mails]


def subject_of(raw: bytes) -> str:
    lines = [line for line in raw.splitlines() if line.startswith(b"Subject: ")]
    return lines[0].removeprefix(b"Subject: ").decode() if lines else ""


def note(subject: str, body: str = "hello") -> bytes:
    return f"From: a@public.example\r\nTo: {ADDRESS}\r\nSubject: {subject}\r\n\r\n{body}\r\n".encode()


def letter(subject: str, message_id: str = "") -> bytes:
    return f"Message-ID: <{message_id or subject.replace(' ', '-')}@public.example>\r\n".encode() + note(subject)


async def with_other_uids(dovecot: Dovecot, ledger: Ledger) -> None:
    """Dovecot takes the time in seconds for a new UIDVALIDITY."""
    assert ledger.at is not None
    old = ledger.at.uid_validity
    await dovecot.stop()
    dovecot.forget_uids(ADDRESS)
    await until(lambda: time.time() >= old + 1)
    await dovecot.start()


def mailbox_on(server: Dovecot, security: str = "none", host: str = "") -> Mailbox:
    port = server.imaps_port if security == "tls" else server.imap_port
    imap = ImapServer.model_validate(
        {"host": host or server.host, "port": port, "security": security, "user": ADDRESS, "password": PASSWORD}
    )
    smtp = SmtpServer(host=server.host, port=25, security="none", password=SecretStr(""))
    return Mailbox(id="enquiries", address=ADDRESS, display_name="Police", queue="email", imap=imap, smtp=smtp)


@asynccontextmanager
async def following(
    mailbox: Mailbox,
    ledger: Ledger,
    limit: int = 1_000_000,
    poll_seconds: float = 20,
    today: Callable[[], date] = lambda: TODAY,
) -> AsyncIterator[MailboxReader]:
    email = Email(
        enabled=True,
        mailboxes=(mailbox,),
        reference_secret=SecretStr("references"),
        automatic_answers_a_day=1,
        flood_messages=20,
        flood_minutes=1,
        trusted_authentication=(),
        first_days=3,
        message_limit_bytes=limit,
        raw_dir=Path("unused"),
        poll_seconds=poll_seconds,
    )
    tokens = Tokens(mailbox.oauth2) if mailbox.oauth2 else None
    reader = MailboxReader(mailbox, email, ledger, random.Random(1), today, QUICK, tokens)
    running = asyncio.create_task(reader.run())
    try:
        yield reader
    finally:
        running.cancel()
        await asyncio.wait({running}, timeout=5)


async def until(condition: Callable[[], bool], deadline: float = 10.0) -> None:
    async with asyncio.timeout(deadline):
        while not condition():
            await asyncio.sleep(0.01)


async def healthy(reader: MailboxReader) -> None:
    await until(lambda: not reader.healthy())


async def in_trouble(reader: MailboxReader, words: str) -> None:
    await until(lambda: words in reader.healthy())


@contextmanager
def another_client(server: Dovecot) -> Iterator[imaplib.IMAP4]:
    client = imaplib.IMAP4(server.host, server.imap_port, timeout=10)
    client.login(ADDRESS, PASSWORD)
    client.select("INBOX")
    try:
        yield client
    finally:
        client.logout()


def mail_files(server: Dovecot) -> list[Path]:
    maildir = server.mail_dir(ADDRESS)
    return [path for folder in ("new", "cur") for path in (maildir / folder).iterdir()]
