"""A gateway's email side on real mail servers: a Dovecot with its mailboxes and an SMTP server, a store, the outbox."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from channels.email.mime import read
from config.load import load
from config.settings import Settings
from config.triage import english, lexicon, weights
from gateway.dispatcher import Committed, Dispatcher
from gateway.emails.channel import EmailChannel
from gateway.outbox.letters import Letters
from gateway.outbox.outbox import Outbox
from gateway.references import new_id, new_reference
from gateway.sandbox.mail import Dovecot, SentMail, SmtpSink
from gateway.store.database import migrate, open_engine
from gateway.store.journal import Row
from gateway.store.records import Message
from gateway.store.store import Store
from routing.events import HandlerSaved, OfferAccepted, PresenceChanged, ReplyWritten, WrapUpCompleted
from routing.model import Contact, Handler, Presence, PresenceState
from routing.rules import Rules
from routing.triage import Triage

PASSWORD = "open sesame"
QUEUE = {
    "id": "emails",
    "name": "Emails",
    "target_seconds": 3600,
    "acknowledgement": "Thank you. Your reference is {reference}.",
}
DEADLINE = 15.0
JUDGE = Triage(lexicon(), english(), weights()).judge


class MailServers:
    """One Dovecot and one SMTP server, which passes mail for Dovecot's users on to it."""

    def __init__(self, directory: Path, *addresses: str) -> None:
        self._directory, self._addresses = directory, addresses
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self.dovecot = Dovecot(self._directory, dict.fromkeys(self._addresses, PASSWORD))
        await self._stack.enter_async_context(self.dovecot)
        self.smtp = await self._stack.enter_async_context(SmtpSink(dovecot=self.dovecot))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def settings(self, directory: Path, *addresses: str, filed: str = "", aside: str = "", **email: Any) -> Settings:
        """``filed``, ``aside``: the folders into which each mailbox files its mail."""
        folders = {"filed_folder": filed, "aside_folder": aside}
        mailboxes = [self.mailbox(number, address) | folders for number, address in enumerate(addresses)]
        return mail_settings(directory, mailboxes, **email)

    def mailbox(self, number: int, address: str) -> dict[str, Any]:
        imap = {"host": "127.0.0.1", "port": self.dovecot.imap_port, "security": "none", "user": address}
        smtp = {"host": "127.0.0.1", "port": self.smtp.port, "security": "none"}
        return {
            "id": f"box{number}",
            "address": address,
            "display_name": "Police",
            "queue": "emails",
            "imap": imap | {"password": PASSWORD},
            "smtp": smtp,
        }


def mail_settings(directory: Path, mailboxes: list[dict[str, Any]], **email: Any) -> Settings:
    return load(
        overlay={
            "gateway": {"data_dir": str(directory), "run_dir": "run"},
            "edge": {"phone_secret": "phones"},
            "voice": {"enabled": False, "default_queue": "emails", "numbers": []},
            "queues": [QUEUE],
            "follow_ups": {"queue": "emails"},
            "routing": {"automatic_answer_hours": 30},  # a test whose clock is a day ahead has mail of now answered
            "text": {"enabled": False},
            "email": {
                "enabled": True,
                "mailboxes": mailboxes,
                "reference_secret": "references",
                "poll_seconds": 5,
                "trusted_authentication": ["mx.police.example"],
                **email,
            },
        }
    )


class MailSite:
    """The email side of one gateway, at work while it is entered."""

    def __init__(self, servers: MailServers, settings: Settings) -> None:
        self.servers, self.settings = servers, settings
        self.ahead_seconds = 0.0
        self.store = Store(open_engine(settings.store))
        self.letters = Letters(settings)

    async def __aenter__(self) -> Self:
        settings = self.settings
        settings.gateway.data_dir.mkdir(parents=True, exist_ok=True)
        await migrate(self.store.engine)
        self.dispatcher = Dispatcher(
            self.store, Rules.of(settings), self.clock, self.letters.acknowledgement, self._committed
        )
        await self.dispatcher.load()
        chance = random.Random(1)
        self.email = EmailChannel(
            settings, self.store, self.dispatcher, self.clock, new_reference, new_id, JUDGE, chance
        )
        senders = {"email": self.email}
        self.outbox = Outbox(settings.outbox, self.store, self.dispatcher, senders, self.clock, chance, lambda _: "")
        self._tasks = [asyncio.create_task(p.run()) for p in (self.dispatcher, self.outbox, self.email)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.store.close()

    def clock(self) -> float:
        return time.time() + self.ahead_seconds

    def _committed(self, committed: Committed) -> None:
        self.outbox.committed(committed)

    # --- what people do ----------------------------------------------------------------------------------

    async def comes(self, raw: bytes, to: str = "") -> Message:
        """The mail is delivered to our mailbox; returns how it was kept."""
        mailbox = to or self.settings.email.mailboxes[0].address
        before = {m.id for m in await self.inbound()}
        await self.servers.dovecot.deliver(raw, mailbox, envelope_sender(raw))
        async with asyncio.timeout(DEADLINE):
            while not (new := [m for m in await self.inbound() if m.id not in before]):
                await asyncio.sleep(0.02)
        return new[0]

    async def came(self, how_many: int) -> list[Message]:
        """Everything that came, when it is so many, as it came."""
        async with asyncio.timeout(DEADLINE):
            while len(found := await self.inbound()) < how_many:
                await asyncio.sleep(0.02)
        return sorted(found, key=lambda message: message.at)

    async def settled(self) -> None:
        """Everything delivered so far has been read: a last mail that comes behind it is."""
        for mailbox in self.settings.email.mailboxes:
            await self.comes(letter("last@elsewhere.example", "Last"), mailbox.address)

    async def inbound(self) -> list[Message]:
        rows = await self.store._all(Message)
        return [m for m in rows if m.direction == "in"]

    async def sent_to(self, address: str) -> SentMail:
        """The latest that went to this address."""
        await self.servers.smtp.wait_for(lambda mail: address in mail.recipients)
        return [mail for mail in self.servers.smtp.messages if address in mail.recipients][-1]

    async def contact(self, message: Message) -> Contact:
        found = await self.store.contact(message.reference)
        assert found is not None
        return found

    async def everything_closed(self) -> None:
        """A handler takes every contact and finishes it."""
        saved = HandlerSaved(Handler("anna", "Anna", "fcc", email_capacity=50), "program:test")
        await self.dispatcher.submit(saved)
        await self.dispatcher.submit(PresenceChanged("anna", Presence(PresenceState.AVAILABLE), "handler:anna"))
        open_contacts = self.dispatcher.board.contacts
        while open_contacts:
            await until(lambda: any(c.offers for c in open_contacts.values()))
            contact = next(c for c in open_contacts.values() if c.offers)
            await self.dispatcher.submit(OfferAccepted(contact.offers[0].id, contact.reference, "anna"))
            await self.dispatcher.submit(WrapUpCompleted(contact.reference, "anna", "resolved"))
        await self.dispatcher.submit(PresenceChanged("anna", Presence(PresenceState.OFFLINE), "handler:anna"))

    async def reply(self, message: Message, body: str) -> SentMail:
        """A handler answers; returns the mail as it left."""
        message_id = new_id()
        contact = await self.contact(message)
        records = self.letters.reply(message_id, contact, body, "handler:anna", self.clock(), message)
        await self.dispatcher.submit(ReplyWritten(message.reference, message_id, "handler:anna"), *records)
        return await self.servers.smtp.wait_for(lambda mail: body in mail.message.get_content())

    async def rows(self, kind: str) -> list[Row]:
        """What the journal has of this kind."""
        return [row async for row in self.store.journal(kind=kind)]


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await asyncio.sleep(0.01)


_numbers = itertools.count(1)


def letter(sender: str, subject: str, body: str = "Hello.", to: str = "desk@police.example", **headers: str) -> bytes:
    """A mail of somebody's; its Message-ID is new unless ``Message_ID`` says."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Message-ID"] = headers.pop("Message_ID", f"<{next(_numbers)}@mail.example>")
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(body)
    return message.as_bytes()


def envelope_sender(raw: bytes) -> str:
    """Who the mail came from on its way; reports come from nobody (RFC 5321 section 4.5.5)."""
    mail = read(raw)
    return "" if mail.delivery_report else mail.from_address
