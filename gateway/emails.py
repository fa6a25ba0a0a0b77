"""Emails and the board: each mail becomes an event, decided messages leave by SMTP.

The mailbox's cursor moves in the transaction that stores the mail: never before, never without it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, date, datetime

import structlog

from channels.email import outbound
from channels.email.inbound import Cursor, FetchedMail, MailboxReader
from channels.email.signature import Signer
from config.settings import Mailbox, Settings
from gateway.dispatcher import Clock, Dispatcher
from gateway.mail_files import MailFiles
from gateway.mail_intake import MailIntake
from gateway.store.records import MailCursor, Message
from gateway.store.store import Store
from routing.model import Time
from routing.triage import Finding

log = structlog.get_logger()


class EmailChannel:
    name = "email"

    def __init__(
        self,
        settings: Settings,
        store: Store,
        dispatcher: Dispatcher,
        clock: Clock,
        new_reference: Callable[[], str],
        new_id: Callable[[], str],
        judge: Callable[[str], Finding],
        chance: random.Random,
    ) -> None:
        self._settings, self._store, self._dispatcher, self._clock = settings, store, dispatcher, clock
        self._files = MailFiles(settings.email.raw_dir, settings.text.media_dir)
        self._intake = MailIntake(settings, store, clock, new_reference, new_id, judge, self._files)
        self._signer = Signer(settings.email.reference_secret.get_secret_value())
        self._trusted = frozenset(name.lower() for name in settings.email.trusted_authentication)
        self._mailboxes = {mailbox.id: mailbox for mailbox in settings.email.mailboxes}
        self._readers = [self._reader(mailbox, chance) for mailbox in settings.email.mailboxes]

    async def run(self) -> None:
        """Follow every mailbox until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for mailbox, reader in zip(self._mailboxes, self._readers, strict=True):
                tasks.create_task(reader.run(), name=f"mailbox {mailbox}")

    def healthy(self) -> str:
        return "; ".join(filter(None, (reader.healthy() for reader in self._readers)))

    def _reader(self, mailbox: Mailbox, chance: random.Random) -> MailboxReader:
        async def load_cursor() -> Cursor | None:
            kept = await self._store.cursor(mailbox.id)
            return Cursor(kept.uid_validity, kept.last_uid) if kept else None

        async def keep_cursor(cursor: Cursor) -> None:
            await self._store.save(MailCursor(mailbox.id, cursor.uid_validity, cursor.last_uid))

        def today() -> date:
            return datetime.fromtimestamp(self._clock(), UTC).date()

        return MailboxReader(mailbox, self._settings.email, load_cursor, keep_cursor, self._take, chance, today)

    # --- in ------------------------------------------------------------------------------------------

    async def _take(self, fetched: FetchedMail) -> None:
        """Returns when the mail and the cursor are on disk."""
        mail, raw_path = await asyncio.to_thread(self._files.read, fetched, self._trusted)
        cursor = MailCursor(fetched.mailbox_id, fetched.cursor.uid_validity, fetched.cursor.last_uid)
        mailbox = self._mailboxes[fetched.mailbox_id]
        event, records = await self._intake.understood(mail, mailbox, raw_path, too_large=fetched.too_large)
        outcome = await self._dispatcher.submit(event, *records, cursor)
        if fetched.file is not None:
            fetched.file.unlink(missing_ok=True)
        log.info("email_taken", contact=outcome.reference, mailbox=mailbox.id, duplicate=outcome.duplicate)

    # --- out: what the outbox asks -------------------------------------------------------------------

    async def send(self, message: Message) -> str:
        mailbox = next(m for m in self._mailboxes.values() if m.address == message.sender)
        *references, parent = message.references.split() or [""]
        mail = outbound.OutgoingMail(
            from_address=mailbox.address,
            from_name=mailbox.display_name,
            to=(message.recipient,),
            subject=message.subject,
            body=message.body,
            message_id=message.header_id,
            in_reply_to=parent,
            references=tuple(references),
            date=datetime.fromtimestamp(message.at, UTC),
            automatic=message.automatic,
            reply_to=self._reply_to(mailbox, message) if mailbox.plus_addressing else "",
        )
        await outbound.send(outbound.compose(mail), mailbox.smtp)
        return message.header_id

    def _reply_to(self, mailbox: Mailbox, message: Message) -> str:
        """Our address with the signed reference, for mail programs that lose everything else."""
        local, _, domain = mailbox.address.rpartition("@")
        return f"{local}+{self._signer.signed(message.reference, message.recipient).lower()}@{domain}"

    async def find_sent(self, message: Message, since: Time) -> str | None:
        """SMTP cannot be asked; a second copy carries the same Message-ID, and mail programs show one."""
        return None
