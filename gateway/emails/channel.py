"""Emails and the board: each mail becomes an event, decided messages leave by SMTP.

The mailbox's cursor moves in the transaction that stores the mail: never before, never without it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.message import EmailMessage

import structlog

from channels.base import NotLetIn, Unreachable
from channels.email import outbound
from channels.email.inbound import MailboxReader
from channels.email.receiver import FetchedMail
from channels.email.signature import Signer
from config.email import Mailbox
from config.settings import Settings
from gateway.alarms import Alarms
from gateway.clock import Clock
from gateway.dispatcher import Dispatcher
from gateway.emails.files import MailFiles
from gateway.emails.intake import Arrival, MailIntake, apart
from gateway.emails.mailboxes import Kept, today, tokens_for, tokens_of, written_with
from gateway.store.records import Message
from gateway.store.store import Store
from routing.model import Time
from routing.triage import Finding

log = structlog.get_logger()

# Threads that read mails take turns at the interpreter with the event loop, which then comes late to each next step of
# storing the one before.
READ_AT_ONCE = 2
AWAY_SECONDS = 60.0


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
        self._intake = MailIntake(settings, clock, new_reference, new_id, judge, self._files)
        self._signer = Signer(settings.email.reference_secret.get_secret_value())
        self._trusted = frozenset(name.lower() for name in settings.email.trusted_authentication)
        self._mailboxes = {mailbox.id: mailbox for mailbox in settings.email.mailboxes}
        self._alarms = Alarms(dispatcher, clock)
        self._tokens = tokens_of(settings.email.mailboxes)
        self._reading = asyncio.Semaphore(READ_AT_ONCE)
        self._not_sending: dict[str, str] = {}
        self._not_sending_since: dict[str, Time] = {}
        self._readers = [self._reader(mailbox, chance) for mailbox in settings.email.mailboxes]

    async def run(self) -> None:
        """Follow every mailbox until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for mailbox, reader in zip(self._mailboxes, self._readers, strict=True):
                tasks.create_task(reader.run(), name=f"mailbox {mailbox}")

    def healthy(self) -> str:
        reading = (reader.healthy() for reader in self._readers)
        return "; ".join(filter(None, (*reading, *self._not_sending.values())))

    def _reader(self, mailbox: Mailbox, chance: random.Random) -> MailboxReader:
        kept = Kept(mailbox, self._store, self._alarms, self._read, self._take)
        tokens = tokens_for(mailbox.imap, self._tokens.get(mailbox.id))
        email = self._settings.email
        return MailboxReader(mailbox, email, kept, chance, lambda: today(self._clock), tokens=tokens)

    # --- in ------------------------------------------------------------------------------------------

    async def _read(self, fetched: Sequence[FetchedMail]) -> list[Arrival]:
        async with self._reading:
            return await asyncio.to_thread(lambda: [self._arrival(mail) for mail in fetched])

    def _arrival(self, fetched: FetchedMail) -> Arrival:
        mail, raw_path = self._files.read(fetched, self._trusted)
        return self._intake.arrival(fetched, mail, self._mailboxes[fetched.mailbox_id], raw_path)

    async def _take(self, arrivals: Sequence[Arrival]) -> None:
        """Returns when the mails and their cursors are on disk; each cursor together with its mail, or after it."""
        for together in apart(arrivals):
            await self._take_together(together)
            for arrival in together:
                if arrival.fetched.file is not None:
                    arrival.fetched.file.unlink(missing_ok=True)

    async def _take_together(self, arrivals: Sequence[Arrival]) -> None:
        understood = await self._store.look(lambda looks: [self._intake.understood(a, looks) for a in arrivals])
        happened = [
            (event, (*records, *written_with(arrival, records)))
            for arrival, (event, records) in zip(arrivals, understood, strict=True)
        ]
        for outcome in await self._dispatcher.submit_together(*happened):
            log.debug("email_taken", contact=outcome.reference, duplicate=outcome.duplicate)

    # --- out: what the outbox asks -------------------------------------------------------------------

    async def send(self, message: Message) -> str:
        mailbox = self._mailbox_of(message.sender)
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
        await self._hand_over(outbound.compose(mail), mailbox)
        return message.header_id

    async def check(self, ours: str) -> None:
        mailbox = self._mailbox_of(ours)
        async with self._minded(mailbox):
            await outbound.sign_in(mailbox.smtp, tokens_for(mailbox.smtp, self._tokens.get(mailbox.id)))

    def _mailbox_of(self, address: str) -> Mailbox:
        return next(m for m in self._mailboxes.values() if m.address == address)

    async def _hand_over(self, mail: EmailMessage, mailbox: Mailbox) -> None:
        async with self._minded(mailbox):
            await outbound.send(mail, mailbox.smtp, tokens_for(mailbox.smtp, self._tokens.get(mailbox.id)))

    @asynccontextmanager
    async def _minded(self, mailbox: Mailbox) -> AsyncIterator[None]:
        """A server that does not let us in, or stays away, is told to a person; the mail waits in the outbox."""
        try:
            yield
        except NotLetIn as error:
            await self._cannot_send(mailbox, "mail_not_let_out", error, after_seconds=0)
            raise
        except Unreachable as error:
            if not error.code:  # with one, the server is there, and speaks of this mail
                await self._cannot_send(mailbox, "mail_not_sent", error, after_seconds=AWAY_SECONDS)
            raise
        self._not_sending.pop(mailbox.id, None)
        self._not_sending_since.pop(mailbox.id, None)

    async def _cannot_send(self, mailbox: Mailbox, cause: str, error: Unreachable, *, after_seconds: float) -> None:
        self._not_sending[mailbox.id] = f"mailbox {mailbox.id} cannot send: {error}"
        if self._clock() - self._not_sending_since.setdefault(mailbox.id, self._clock()) >= after_seconds:
            why = f"Mail from {mailbox.address} cannot be sent and waits: {str(error).rstrip('.')}."
            await self._alarms.raise_one(cause, mailbox.id, why)

    def _reply_to(self, mailbox: Mailbox, message: Message) -> str:
        """Our address with the signed reference, for mail programs that lose everything else."""
        local, _, domain = mailbox.address.rpartition("@")
        return f"{local}+{self._signer.signed(message.reference, message.recipient).lower()}@{domain}"

    async def find_sent(self, message: Message, since: Time) -> str | None:
        """SMTP cannot be asked; a second copy carries the same Message-ID, and mail programs show one."""
        return None
