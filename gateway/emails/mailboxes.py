"""What is kept of each mailbox: how far it is read, what is known there, what is to be filed, and what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from channels.email.oauth2 import Tokens
from channels.email.receiver import Cursor, FetchedMail, ToFile
from config.email import ImapServer, Mailbox, SmtpServer
from gateway.alarms import Alarms
from gateway.clock import Clock
from gateway.emails.intake import Arrival
from gateway.store.records import KnownMail, MailCursor, Message, Record
from gateway.store.records import MailToFile as Filing
from gateway.store.store import Store


class Kept:
    """One mailbox, as its reader wants it kept (``channels.email.receiver.Receiver``)."""

    def __init__(
        self,
        mailbox: Mailbox,
        store: Store,
        alarms: Alarms,
        read: Callable[[Sequence[FetchedMail]], Coroutine[Any, Any, list[Arrival]]],
        take: Callable[[list[Arrival]], Coroutine[Any, Any, None]],
    ) -> None:
        self._id, self._store, self._alarms = mailbox.id, store, alarms
        self._read, self._take = read, take

    async def prepare(self, mails: Sequence[FetchedMail]) -> list[Arrival]:
        return await self._read(mails)

    async def deliver(self, prepared: list[Arrival]) -> None:
        await self._take(prepared)

    async def cursor(self) -> Cursor | None:
        kept = await self._store.cursor(self._id)
        return Cursor(kept.uid_validity, kept.last_uid, kept.reread_to, kept.listed_to) if kept else None

    async def keep(self, cursor: Cursor, fingerprints: Collection[str] = ()) -> None:
        known = [KnownMail(self._id, fingerprint) for fingerprint in set(fingerprints)]
        await self._store.save(record_of(self._id, cursor), *known)

    async def known(self, fingerprints: Collection[str]) -> Collection[str]:
        return await self._store.known_mail(self._id, fingerprints)

    async def to_file(self) -> Sequence[ToFile]:
        waiting = await self._store.mail_to_file(self._id)
        return [ToFile(mail.uid_validity, mail.uid, mail.folder, mail.fingerprint) for mail in waiting]

    async def found_again(self, uid_validity: int, uids: Mapping[str, int]) -> None:
        waiting = [mail for mail in await self.to_file() if mail.fingerprint in uids]
        for mail in waiting:
            if mail.uid_validity != uid_validity:
                name = mail.fingerprint
                await self._store.save(Filing(self._id, uid_validity, uids[name], mail.folder, name))
                await self.filed([mail])

    async def filed(self, mails: Sequence[ToFile]) -> None:
        for validity in {mail.uid_validity for mail in mails}:
            uids = [mail.uid for mail in mails if mail.uid_validity == validity]
            await self._store.mail_filed(self._id, validity, uids)

    async def alarm(self, cause: str, why: str) -> None:
        await self._alarms.raise_one(cause, self._id, why)


def record_of(mailbox: str, cursor: Cursor) -> MailCursor:
    return MailCursor(mailbox, cursor.uid_validity, cursor.last_uid, cursor.reread_to, cursor.listed_to)


def written_with(arrival: Arrival, taken: Sequence[Record]) -> list[Record]:
    """What becomes true in the moment in which the mail is stored: how far we are, and where it belongs now."""
    fetched, mailbox, cursor = arrival.fetched, arrival.mailbox, arrival.fetched.cursor
    records: list[Record] = [record_of(mailbox.id, cursor)]
    if fetched.fingerprint:
        records.append(KnownMail(mailbox.id, fetched.fingerprint))
    aside = any(isinstance(record, Message) and record.status == "set_aside" for record in taken)
    folder = mailbox.aside_folder if aside else mailbox.filed_folder
    if folder and not fetched.stays:
        records.append(Filing(mailbox.id, cursor.uid_validity, cursor.last_uid, folder, fetched.fingerprint))
    return records


def tokens_of(mailboxes: Sequence[Mailbox]) -> dict[str, Tokens]:
    """By mailbox; those of one application share its tokens."""
    tokens = {mailbox.oauth2: Tokens(mailbox.oauth2) for mailbox in mailboxes if mailbox.oauth2}
    return {mailbox.id: tokens[mailbox.oauth2] for mailbox in mailboxes if mailbox.oauth2}


def tokens_for(server: ImapServer | SmtpServer, tokens: Tokens | None) -> Tokens | None:
    """None for one that takes a password."""
    return tokens if server.auth == "oauth2" else None


def today(clock: Clock) -> date:
    return datetime.fromtimestamp(clock(), UTC).date()
