"""Follows one mailbox over IMAP and hands on every message, once, in order.

What has been handed on is remembered as a cursor (UIDVALIDITY, last UID; RFC 3501 section 2.3.1.1) that moves in
the same transaction that stores the message. Flags are neither read nor changed: mail that somebody has already
opened elsewhere is still mail to us. Mail is moved only where the mailbox says so, and only once it is stored.

When UIDVALIDITY changes every UID is a new one. So that years of mail need not be read again, each message that was in
the mailbox is known by a fingerprint (Message-ID, size, date of arrival); what has none, or another, is read in full.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import structlog

from channels.base import ChannelError, NotLetIn, Refused
from channels.email.headlines import PAGE, Headline
from channels.email.imap import PIECE_BYTES, Imap, Patience, Snapshot, connected
from channels.email.line import Line, Storing
from channels.email.oauth2 import Tokens
from channels.email.receiver import Cursor, FetchedMail, Receiver, ToFile
from config.email import Email, Mailbox

log = structlog.get_logger()

START_BYTES = 64 * 1024
TRIES_WHOLE = 3
TRIES_START = 5
TRIES_PAGE = 2
LISTED_AT_ONCE = 10 * PAGE
# While mail comes the server is asked for more: some tell of it late in IDLE (Dovecot twice a second).
ASK_AGAIN_SECONDS, ASKED_IN_VAIN = 0.05, 20


class MailboxReader:
    """Reads one mailbox until cancelled; reconnects by itself. With no cursor it is read from ``first_days`` ago."""

    def __init__(
        self,
        mailbox: Mailbox,
        email: Email,
        receiver: Receiver[Any],
        jitter: random.Random,
        today: Callable[[], date],
        patience: Patience = Patience(),  # noqa: B008 - frozen
        tokens: Tokens | None = None,
    ) -> None:
        self._mailbox = mailbox
        self._email = email
        self._receiver = receiver
        self._today = today
        self._jitter = jitter
        self._patience = patience
        self._tokens = tokens
        self._trouble = "not connected yet"
        self._not_filed = ""
        self._troubled_since: float | None = None
        self._pauses = self._new_pauses()
        self._attempted = (0, 0)
        self._attempts = 0
        self._broken_pages: Counter[int] = Counter()
        self._unlisted: list[int] = []

    def healthy(self) -> str:
        """What is wrong now, in words; '' when the mailbox is being followed."""
        wrong = self._trouble or self._not_filed
        return wrong and f"mailbox {self._mailbox.id}: {wrong}"

    async def run(self) -> None:
        while True:
            try:
                async with connected(self._mailbox.imap, self._patience, self._tokens) as imap:
                    log.info("mailbox_connected", mailbox=self._mailbox.id)
                    await self._follow(imap)
            except NotLetIn as error:
                self._in_trouble(str(error))
                await self._alarm("mailbox_refused", str(error))
            except ChannelError as error:
                await self._in_trouble_that_may_last(str(error))
            except Exception as error:
                # A fault of ours must not end the only task that reads this mailbox.
                log.exception("mailbox_reader_failed", mailbox=self._mailbox.id)
                await self._in_trouble_that_may_last(f"internal error ({type(error).__name__})")
            await self._pause()

    async def _follow(self, imap: Imap) -> None:
        """Nothing is asked between the look that finds nothing new and IDLE: an announcement would be dropped there."""
        position = await self._where_we_are(imap)
        looked_below = 0
        while True:
            await self._file(imap)
            snapshot = await self._look(imap)
            if snapshot.uid_validity != position.uid_validity:
                log.info("mailbox_read_from_start", mailbox=self._mailbox.id, validity=snapshot.uid_validity)
                position = Cursor(snapshot.uid_validity, 0, reread_to=snapshot.uid_next - 1)
                self._unlisted, looked_below = [], 0
            if snapshot.uid_next > max(position.last_uid + 1, looked_below):
                position = await self._while_it_comes(imap, position)
                looked_below = snapshot.uid_next
            elif self._unlisted:
                position = await self._list_some(imap, position)
            else:
                self._well()
                await self._forget_gone(imap)
                await imap.idle(min(self._email.poll_seconds, self._patience.idle))
                looked_below = 0

    async def _where_we_are(self, imap: Imap) -> Cursor:
        snapshot = await self._look(imap)
        position = await self._receiver.cursor() or await self._first_position(imap, snapshot)
        self._unlisted = await self._still_unlisted(imap, position, snapshot)
        return position

    async def _look(self, imap: Imap) -> Snapshot:
        return await imap.open_folder(self._mailbox.folder, to_change=self._mailbox.files)

    async def _first_position(self, imap: Imap, snapshot: Snapshot) -> Cursor:
        """Where to begin in a mailbox that we never read: years of old mail are not new contacts.

        It is kept at once, so that however long we are away now, what comes meanwhile is ours.
        """
        since = self._today() - timedelta(days=self._email.first_days)
        recent = await imap.uids_since(since)
        log.info("mailbox_first_opened", mailbox=self._mailbox.id, since=since.isoformat(), messages=len(recent))
        first = Cursor(snapshot.uid_validity, min(recent, default=snapshot.uid_next) - 1)
        # Mail that was moved here can be old and yet have a high UID: it is known from the start.
        older = sorted(set(await imap.uids(first.last_uid + 1)) - set(recent)) if recent else []
        known = [h.fingerprint for page in _pages(older) for h in await self._headlines(imap, page)]
        first = replace(first, reread_to=max(older, default=0))
        await self._receiver.keep(first, [fingerprint for fingerprint in known if fingerprint])
        return first

    # --- what is there -----------------------------------------------------------------------------------

    async def _still_unlisted(self, imap: Imap, position: Cursor, snapshot: Snapshot) -> list[int]:
        """Whose fingerprints are still to be kept, descending."""
        if position.uid_validity != snapshot.uid_validity or position.listed_to >= position.last_uid:
            return []
        return (await imap.uids(position.listed_to + 1, position.last_uid))[::-1]

    async def _list_some(self, imap: Imap, position: Cursor) -> Cursor:
        """Keep the fingerprints of old mail until all are kept or new mail is there: that does not wait long. To look
        at a large folder by opening it again would take a server as long as to list a thousand of its messages."""
        new: list[int] = []
        while self._unlisted and not new:
            some = self._unlisted[: -LISTED_AT_ONCE - 1 : -1]
            found = [h.fingerprint for page in _pages(some) for h in await self._headlines(imap, page)]
            del self._unlisted[-len(some) :]
            position = replace(position, listed_to=some[-1] if self._unlisted else position.last_uid)
            await self._receiver.keep(position, [fingerprint for fingerprint in found if fingerprint])
            new = await imap.uids(position.last_uid + 1) if self._unlisted else []
        return position

    async def _headlines(self, imap: Imap, page: Sequence[int]) -> list[Headline]:
        """A message that the server cannot open must not hold up its page: then they are looked at from outside."""
        if self._broken_pages[page[0]] >= TRIES_PAGE:
            return [h for uid in page for h in await imap.headlines([uid], brief=True)]
        try:
            return await imap.headlines(page)
        except ChannelError:
            self._broken_pages[page[0]] += 1
            raise

    async def _known(self, found: Sequence[Headline], position: Cursor) -> Collection[str]:
        uids = {h.fingerprint: h.uid for h in found if h.fingerprint and h.uid <= position.reread_to}
        known = await self._receiver.known(uids) if uids else ()
        if known:
            await self._receiver.found_again(position.uid_validity, {name: uids[name] for name in known})
        return known

    def _moved(self, position: Cursor, uid: int) -> Cursor:
        return replace(position, last_uid=uid, listed_to=position.listed_to if self._unlisted else uid)

    # --- new mail ----------------------------------------------------------------------------------------

    async def _while_it_comes(self, imap: Imap, position: Cursor) -> Cursor:
        """What is there, and what comes until for a while nothing has."""
        in_vain = 0
        while in_vain < (1 if self._unlisted else ASKED_IN_VAIN):
            before, position = position, await self._catch_up(imap, position)
            in_vain = in_vain + 1 if position == before else 0
            await self._file(imap)
            await asyncio.sleep(ASK_AGAIN_SECONDS)
            await imap.refresh()
        return position

    async def _catch_up(self, imap: Imap, position: Cursor) -> Cursor:
        """The next messages are fetched, and looked at, while those before them are being stored, each in its turn."""
        line, passed = Line(self._hand_on), 0
        new = await imap.uids(position.last_uid + 1)
        try:
            for page in _pages(new):
                found = await self._headlines(imap, page)
                known = await self._known(found, position)
                for headline in found:
                    position = self._moved(position, headline.uid)
                    if headline.fingerprint not in known:
                        await line.add(await self._fetch(imap, headline, position))
                passed += len(known)
                if passed >= LISTED_AT_ONCE:
                    await self._passed(line, position)
                    passed = 0
            if new:
                await self._passed(line, position)
        except ChannelError:
            await line.stored()  # what was fetched before the link broke is ours
            raise
        finally:
            line.stop()
        return position

    async def _passed(self, line: Line, position: Cursor) -> None:
        """Known messages move the cursor too, once those before them are stored."""
        await line.stored()
        if position.last_uid <= position.reread_to:
            await self._receiver.keep(position)

    async def _fetch(self, imap: Imap, headline: Headline, cursor: Cursor) -> FetchedMail:
        """One message that cannot be fetched, time after time, must not hold up the rest: then less of it is asked
        for, and in the end a note about it is handed on in its place.
        """
        place = (cursor.uid_validity, cursor.last_uid)
        self._attempts = self._attempts + 1 if place == self._attempted else 1
        self._attempted = place
        mail = FetchedMail(
            self._mailbox.id, cursor, b"", False, headline.internal_date, fingerprint=headline.fingerprint
        )
        if self._attempts > TRIES_START:
            log.error("mail_given_up", mailbox=self._mailbox.id, uid=cursor.last_uid)
            return replace(mail, raw=self._note(cursor), too_large=True, internal_date=None, stays=True)
        in_part = headline.size > self._email.message_limit_bytes or self._attempts > TRIES_WHOLE
        if headline.size > PIECE_BYTES and not in_part:
            return replace(mail, file=await self._into_file(imap, cursor))
        raw = await imap.content(cursor.last_uid, START_BYTES if in_part else None)
        return replace(mail, raw=raw, too_large=in_part)

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

    async def _hand_on(self, mails: Sequence[FetchedMail], before: Storing | None) -> None:
        while True:
            try:
                prepared = await self._receiver.prepare(mails)
                if before is not None:
                    await before
                await self._receiver.deliver(prepared)
            except Exception as error:  # noqa: BLE001 - whatever it is, the mail stays ours until it is stored
                # Only the kind of error: its text may quote the mail.
                await self._in_trouble_that_may_last(f"mail cannot be stored ({_kind(error)})")
                await self._pause()
            else:
                self._well()
                return
            if len(mails) > 1:  # one that cannot be stored must not hold up those before it
                for mail in mails:
                    await self._hand_on([mail], before)
                return

    # --- filing ------------------------------------------------------------------------------------------

    async def _file(self, imap: Imap) -> None:
        """What is stored goes where the mailbox says, also what an earlier run could not move any more. A server that
        refuses costs no mail: it stays where it is, and is tried again at the next look."""
        if not self._mailbox.files:
            return
        still = [mail for mail in await self._receiver.to_file() if mail.uid_validity == imap.uid_validity]
        waiting = sorted(still, key=lambda mail: (mail.folder, mail.uid))
        try:
            for folder, mails in groupby(waiting, key=lambda mail: mail.folder):
                await self._move(imap, folder, list(mails))
            self._not_filed = ""
        except Refused as error:
            self._not_filed = f"mail cannot be filed: {error}"
            log.warning("mail_not_filed", mailbox=self._mailbox.id, why=str(error))
            await self._alarm("mail_not_filed", self._not_filed)

    async def _move(self, imap: Imap, folder: str, mails: list[ToFile]) -> None:
        for page in (mails[n : n + PAGE] for n in range(0, len(mails), PAGE)):
            await imap.move([mail.uid for mail in page], folder)
            await self._receiver.filed(page)

    async def _forget_gone(self, imap: Imap) -> None:
        """All UIDs have changed, everything was looked through, and these were not found again."""
        if not self._mailbox.files:
            return
        if gone := [mail for mail in await self._receiver.to_file() if mail.uid_validity != imap.uid_validity]:
            log.info("mail_to_file_is_gone", mailbox=self._mailbox.id, messages=len(gone))
            await self._receiver.filed(gone)

    # --- how it goes -------------------------------------------------------------------------------------

    async def _alarm(self, cause: str, why: str) -> None:
        await self._receiver.alarm(cause, f"Mailbox {self._mailbox.address}: {why.rstrip('.')}.")

    def _well(self) -> None:
        self._trouble, self._troubled_since = "", None
        self._broken_pages.clear()
        self._pauses = self._new_pauses()

    def _in_trouble(self, why: str) -> None:
        self._trouble = why
        log.warning("mailbox_in_trouble", mailbox=self._mailbox.id, why=why)

    async def _in_trouble_that_may_last(self, why: str) -> None:
        """A mail server that is away for a moment is nothing to wake anybody for."""
        self._in_trouble(why)
        now = asyncio.get_running_loop().time()
        self._troubled_since = now if self._troubled_since is None else self._troubled_since
        if now - self._troubled_since >= self._patience.told_after:
            await self._alarm("mailbox_in_trouble", why)

    async def _pause(self) -> None:
        await asyncio.sleep(next(self._pauses))

    def _new_pauses(self) -> Iterator[float]:
        """Seconds to wait, doubling; jittered so that many mailboxes do not return all at once."""
        pause = self._patience.first_retry
        while True:
            yield self._jitter.uniform(pause / 2, pause)
            pause = min(2 * pause, self._patience.last_retry)


def _kind(error: Exception) -> str:
    """Only the kind of error, and what a system says of its disk: any other text may quote the mail."""
    said = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else ""
    return ": ".join(filter(None, (type(error).__name__, said)))


def _pages(uids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (uids[n : n + PAGE] for n in range(0, len(uids), PAGE))
