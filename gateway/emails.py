"""Emails and the board: each mail becomes an event, decided messages leave by SMTP.

The mailbox's cursor moves in the transaction that stores the mail: never before, never without it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from channels.email import mime, outbound
from channels.email.inbound import Cursor, FetchedMail, MailboxReader
from channels.email.mime import Mail
from channels.email.quoting import own_words
from config.settings import Mailbox, Settings
from gateway.dispatcher import Clock, Dispatcher
from gateway.store.records import Attachment, MailCursor, Message, MessageStatus, Record
from gateway.store.store import Store
from routing.events import DeliveryReported, Event, MessageArrived, Recorded
from routing.model import Channel, Party, Time
from routing.triage import Finding

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Belonging:
    """Where a mail belongs: the conversation it joins, or the contact it is linked to."""

    thread: str
    linked_to: str = ""


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
        self._new_reference, self._new_id, self._judge = new_reference, new_id, judge
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

        return MailboxReader(mailbox, self._settings.email, load_cursor, self._take, chance)

    # --- in ------------------------------------------------------------------------------------------

    async def _take(self, fetched: FetchedMail) -> None:
        """Returns when the mail and the cursor are on disk."""
        mail = await asyncio.to_thread(mime.read, fetched.raw)
        raw_path = await asyncio.to_thread(self._keep, self._settings.email.raw_dir, mail.sha256, ".eml", fetched.raw)
        cursor = MailCursor(fetched.mailbox_id, fetched.cursor.uid_validity, fetched.cursor.last_uid)
        mailbox = self._mailboxes[fetched.mailbox_id]
        event, records = await self._understood(mail, mailbox, raw_path, too_large=fetched.too_large)
        outcome = await self._dispatcher.submit(event, *records, cursor)
        log.info("email_taken", contact=outcome.reference, mailbox=mailbox.id, duplicate=outcome.duplicate)

    async def _understood(
        self, mail: Mail, mailbox: Mailbox, raw_path: str, *, too_large: bool
    ) -> tuple[Event, tuple[Record, ...]]:
        ours = await self._store.message_by(header_id=mail.message_id) if mail.message_id else None
        if ours is not None and ours.direction == "out":
            return Recorded("our own mail came back to us", "system", reference=ours.reference), ()
        report = mail.delivery_report if mail.delivery_report and mail.delivery_report.action == "failed" else None
        failed = await self._store.message_by(header_id=report.original_message_id) if report else None
        if report is not None and failed is not None and failed.direction == "out":
            event = DeliveryReported(failed.reference, failed.id, "undelivered", report.status)
            return event, (MessageStatus(failed.id, "undelivered"),)
        return await self._arrived(mail, mailbox, raw_path, too_large=too_large)

    async def _arrived(
        self, mail: Mail, mailbox: Mailbox, raw_path: str, *, too_large: bool
    ) -> tuple[Event, tuple[Record, ...]]:
        message_id = self._new_id()
        sender = _sender(mail)
        belonging = await self._belonging(mail)
        event = MessageArrived(
            reference=self._new_reference(),
            message=message_id,
            channel=Channel.EMAIL,
            queue=mailbox.queue,
            party=Party(sender, mail.from_name),
            our_address=mailbox.address,
            thread=belonging.thread,
            subject=mail.subject,
            linked_to=belonging.linked_to,
            automatic=mail.automatic or not sender,
            finding=await asyncio.to_thread(self._judge, f"{mail.subject}\n{own_words(mail.text)}"),
        )
        problems = [*mail.problems, *(["too large: only its start was read"] if too_large else [])]
        message = Message(
            id=message_id,
            reference="",
            channel="email",
            direction="in",
            sender=sender,
            recipient=mailbox.address,
            subject=mail.subject,
            body=mail.text,
            html=mail.html,
            at=self._clock(),
            by="caller",
            automatic=mail.automatic,
            provider_key=_key(mail),
            header_id=mail.message_id,
            references=" ".join(mail.references),
            raw_path=raw_path,
            sha256=mail.sha256,
            problems="; ".join(problems),
        )
        files = await asyncio.to_thread(self._keep_attachments, message_id, mail)
        return event, (message, *files)

    async def _belonging(self, mail: Mail) -> Belonging:
        """The conversation of the mail that this one answers, if it comes from the same person.

        A stranger who quotes it gets a linked contact of their own, never somebody else's conversation.
        """
        new = f"email:{mail.message_id or mail.sha256}"
        for quoted in (mail.in_reply_to, *reversed(mail.references)):
            answered = await self._store.message_by(header_id=quoted) if quoted else None
            contact = await self._store.contact(answered.reference) if answered else None
            if contact is None:
                continue
            same_person = _sender(mail).lower() == contact.party.address.lower()
            is_open = contact.closed_at is None
            return Belonging(contact.thread if same_person and is_open else new, contact.reference)
        return Belonging(new)

    def _keep_attachments(self, message_id: str, mail: Mail) -> list[Attachment]:
        return [
            Attachment(
                id=f"{message_id}-{number}",
                message=message_id,
                filename=part.filename,
                content_type=part.content_type,
                size=part.size,
                sha256=part.sha256,
                path=self._keep(self._settings.text.media_dir, part.sha256, "", part.data),
            )
            for number, part in enumerate(mail.attachments)
        ]

    @staticmethod
    def _keep(folder: Path, sha256: str, suffix: str, data: bytes) -> str:
        """Write a file under its hash, synced to disk before anybody is told that we have it."""
        path = folder / sha256[:2] / f"{sha256}{suffix}"
        if path.exists():
            return str(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
        return str(path)

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
        )
        await outbound.send(outbound.compose(mail), mailbox.smtp)
        return message.header_id

    async def find_sent(self, message: Message, since: Time) -> str | None:
        """SMTP cannot be asked; a second copy carries the same Message-ID, and mail programs show one."""
        return None


def _sender(mail: Mail) -> str:
    """Where an answer goes (RFC 5322, 3.6.2)."""
    return mail.reply_to or mail.from_address


def _key(mail: Mail) -> str:
    """What makes a mail the same mail: its Message-ID with what it says, since some senders repeat their ids."""
    if not mail.message_id:
        return f"email:{mail.sha256}"
    said = "\n".join((mail.from_address, mail.subject, mail.text))
    return f"email:{mail.message_id[:200]}:{hashlib.sha256(said.encode(errors='replace')).hexdigest()[:32]}"
