"""Follows one mailbox over IMAP and hands on every message, once, in order.

What has been handed on is remembered as a cursor (UIDVALIDITY, last UID; RFC 3501 section 2.3.1.1) that moves in
the same transaction that stores the message. Flags are neither read nor changed: mail that somebody has already
opened elsewhere is still mail to us.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import structlog

from channels.base import ChannelError
from channels.email.imap import PIECE_BYTES, Imap, Patience, Snapshot, connected
from config.settings import Email, Mailbox

log = structlog.get_logger()

START_BYTES = 64 * 1024
TRIES_WHOLE = 3
TRIES_START = 5


@dataclass(frozen=True, slots=True)
class Cursor:
    """Everything up to and including ``last_uid`` has been stored."""

    uid_validity: int
    last_uid: int


@dataclass(frozen=True, slots=True)
class FetchedMail:
    """One message as the server gave it; ``cursor`` becomes true when it is stored.

    ``too_large``: ``raw`` holds only the headers and the start of the message. A message of more than a megabyte lies
    in ``file`` instead, which the receiver removes when it is stored.
    """

    mailbox_id: str
    cursor: Cursor
    raw: bytes
    too_large: bool
    internal_date: datetime | None
    file: Path | None = None


LoadCursor = Callable[[], Awaitable[Cursor | None]]
KeepCursor = Callable[[Cursor], Awaitable[None]]
Deliver = Callable[[FetchedMail], Awaitable[None]]


class MailboxReader:
    """Reads one mailbox until cancelled; reconnects by itself.

    ``deliver`` returns once the message and its cursor are committed; while it raises, the same message is given
    to it again and again, never skipped. With another UIDVALIDITY the mailbox is read from its start: nothing is
    lost, and the receiver knows by Message-ID what it already has. With no cursor it is read from ``first_days`` ago.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        email: Email,
        load_cursor: LoadCursor,
        keep_cursor: KeepCursor,
        deliver: Deliver,
        jitter: random.Random,
        today: Callable[[], date],
        patience: Patience = Patience(),  # noqa: B008 - frozen
    ) -> None:
        self._mailbox = mailbox
        self._email = email
        self._load_cursor, self._keep_cursor = load_cursor, keep_cursor
        self._today = today
        self._deliver = deliver
        self._jitter = jitter
        self._patience = patience
        self._trouble = "not connected yet"
        self._pauses = self._new_pauses()
        self._attempted: Cursor | None = None
        self._attempts = 0

    def healthy(self) -> str:
        """What is wrong now, in words; '' when the mailbox is being followed."""
        return self._trouble and f"mailbox {self._mailbox.id}: {self._trouble}"

    async def run(self) -> None:
        while True:
            try:
                async with connected(self._mailbox.imap, self._patience) as imap:
                    log.info("mailbox_connected", mailbox=self._mailbox.id)
                    await self._follow(imap)
            except ChannelError as error:
                self._in_trouble(str(error))
            except Exception as error:
                # A fault of ours must not end the only task that reads this mailbox.
                log.exception("mailbox_reader_failed", mailbox=self._mailbox.id)
                self._in_trouble(f"internal error ({type(error).__name__})")
            await self._pause()

    async def _follow(self, imap: Imap) -> None:
        kept = await self._load_cursor()
        looked_below = 0
        snapshot = await imap.examine(self._mailbox.folder)
        position = kept or await self._first_position(imap, snapshot)
        while True:
            if snapshot.uid_validity != position.uid_validity:
                log.info("mailbox_read_from_start", mailbox=self._mailbox.id, validity=snapshot.uid_validity)
                position, looked_below = Cursor(snapshot.uid_validity, 0), 0
            if snapshot.uid_next > max(position.last_uid + 1, looked_below):
                position = await self._catch_up(imap, position)
                looked_below = snapshot.uid_next
            else:
                self._well()
                await imap.idle(min(self._email.poll_seconds, self._patience.idle))
                looked_below = 0
            snapshot = await imap.examine(self._mailbox.folder)

    async def _first_position(self, imap: Imap, snapshot: Snapshot) -> Cursor:
        """Where to begin in a mailbox that we never read: years of old mail are not new contacts.

        It is kept at once, so that however long we are away now, what comes meanwhile is ours.
        """
        since = self._today() - timedelta(days=self._email.first_days)
        recent = await imap.uids_since(since)
        first = Cursor(snapshot.uid_validity, min(recent, default=snapshot.uid_next) - 1)
        log.info("mailbox_first_opened", mailbox=self._mailbox.id, since=since.isoformat(), messages=len(recent))
        await self._keep_cursor(first)
        return first

    async def _catch_up(self, imap: Imap, position: Cursor) -> Cursor:
        for uid in await imap.uids_from(position.last_uid + 1):
            cursor = Cursor(position.uid_validity, uid)
            mail = await self._fetch(imap, cursor)
            if mail is not None:
                await self._hand_on(mail)
                position = cursor
        return position

    async def _fetch(self, imap: Imap, cursor: Cursor) -> FetchedMail | None:
        """The message at the cursor; None when somebody removed it meanwhile.

        One message that cannot be fetched, time after time, must not hold up the rest: then less of it is asked
        for, and in the end a note about it is handed on in its place.
        """
        self._attempts = self._attempts + 1 if cursor == self._attempted else 1
        self._attempted = cursor
        if self._attempts > TRIES_START:
            log.error("mail_given_up", mailbox=self._mailbox.id, uid=cursor.last_uid)
            return FetchedMail(self._mailbox.id, cursor, self._note(cursor), too_large=True, internal_date=None)
        headline = await imap.headline(cursor.last_uid)
        if headline is None:
            log.info("mail_gone", mailbox=self._mailbox.id, uid=cursor.last_uid)
            return None
        in_part = headline.size > self._email.message_limit_bytes or self._attempts > TRIES_WHOLE
        if headline.size > PIECE_BYTES and not in_part:
            file = await self._into_file(imap, cursor)
            return FetchedMail(self._mailbox.id, cursor, b"", False, headline.internal_date, file)
        raw = await imap.content(cursor.last_uid, START_BYTES if in_part else None)
        return FetchedMail(self._mailbox.id, cursor, raw, in_part, headline.internal_date)

    async def _into_file(self, imap: Imap, cursor: Cursor) -> Path:
        folder = self._email.raw_dir / "incoming"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self._mailbox.id}-{cursor.uid_validity}-{cursor.last_uid}.part"
        with path.open("wb") as file:
            await imap.content_into(cursor.last_uid, file)
            file.flush()
            await asyncio.to_thread(os.fsync, file.fileno())
        return path

    def _note(self, cursor: Cursor) -> bytes:
        return (
            f"Subject: A message in {self._mailbox.address} could not be fetched\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n\r\n"
            f"A message has arrived in {self._mailbox.address}, but the mail server does not give its content.\r\n"
            f"Please open that mailbox and read it there: folder {self._mailbox.folder}, UID {cursor.last_uid}.\r\n"
        ).encode()

    async def _hand_on(self, mail: FetchedMail) -> None:
        while True:
            try:
                await self._deliver(mail)
            except Exception as error:  # noqa: BLE001 - whatever it is, the mail stays ours until it is stored
                # Only the kind of error: its text may quote the mail.
                self._in_trouble(f"mail cannot be stored ({type(error).__name__})")
                await self._pause()
            else:
                self._well()
                return

    def _well(self) -> None:
        self._trouble = ""
        self._pauses = self._new_pauses()

    def _in_trouble(self, why: str) -> None:
        self._trouble = why
        log.warning("mailbox_in_trouble", mailbox=self._mailbox.id, why=why)

    async def _pause(self) -> None:
        await asyncio.sleep(next(self._pauses))

    def _new_pauses(self) -> Iterator[float]:
        """Seconds to wait, doubling; jittered so that many mailboxes do not return all at once."""
        pause = self._patience.first_retry
        while True:
            yield self._jitter.uniform(pause / 2, pause)
            pause = min(2 * pause, self._patience.last_retry)
