"""What an email means: it opens or joins a contact, or says what became of a message of ours, or is set aside.

Nothing is thrown away: what is set aside is kept, listed and can be taken, and what sounds like an emergency never is.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from channels.email.language import language_of
from channels.email.mime import Mail
from channels.email.quoting import own_words
from channels.email.signature import Signer
from config.settings import Mailbox, Settings
from gateway.dispatcher import Clock
from gateway.mail_files import MailFiles
from gateway.mail_threads import Belonging, MailThreads
from gateway.store.records import Attachment, Message, MessageStatus, Record
from gateway.store.store import Store
from routing.events import DeliveryReported, Event, MessageArrived, Recorded
from routing.model import Channel, Party
from routing.triage import Finding

DAY_SECONDS = 24 * 3600.0
DIAGNOSTIC_LIMIT = 200
# RFC 3464: what a report's action makes of our message. 'relayed' and 'expanded' say nothing certain.
STATUSES = {"failed": "undelivered", "delayed": "delayed", "delivered": "delivered"}

Understood = tuple[Event, tuple[Record, ...]]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail with what stands for it in the store."""

    mail: Mail
    mailbox: Mailbox
    message: Message
    files: tuple[Attachment, ...]

    def beside(self, reference: str, status: str = "received", why: str = "") -> tuple[Record, ...]:
        """Kept with that contact ('' for with none), without being a message that anybody must answer."""
        problems = "; ".join(filter(None, (why, self.message.problems)))
        kept = replace(self.message, reference=reference, by="system", status=status, problems=problems)
        return kept, *self.files


class MailIntake:
    def __init__(
        self,
        settings: Settings,
        store: Store,
        clock: Clock,
        new_reference: Callable[[], str],
        new_id: Callable[[], str],
        judge: Callable[[str], Finding],
        files: MailFiles,
    ) -> None:
        self._email, self._store, self._clock = settings.email, store, clock
        self._new_reference, self._new_id, self._judge, self._files = new_reference, new_id, judge, files
        self._ours = {mailbox.address.lower() for mailbox in settings.email.mailboxes}
        self._threads = MailThreads(store, Signer(settings.email.reference_secret.get_secret_value()))

    async def understood(self, mail: Mail, mailbox: Mailbox, raw_path: str, *, too_large: bool) -> Understood:
        """What happened, and what is to be written with it."""
        ours = await self._our_message(mail.message_id)
        if ours is not None and mail.from_address.lower() in self._ours:
            return Recorded("our own mail came back to us", "system", reference=ours.reference), ()
        arrival = await self._arrival(mail, mailbox, raw_path, too_large=too_large)
        reported = await self._delivery(arrival) or await self._receipt(arrival)
        if reported is not None:
            return reported
        words = f"{mail.subject}\n{own_words(mail.text)}"
        finding = await asyncio.to_thread(self._judge, words)
        if not finding.sounds_like_emergency:
            beside = await self._answer_to_closed(arrival) or await self._set_aside(arrival)
            if beside is not None:
                return beside
        return await self.taken(arrival, finding)

    async def _our_message(self, header_id: str) -> Message | None:
        called = await self._store.messages_called([header_id]) if header_id else []
        return next((message for message in called if message.direction == "out"), None)

    async def _arrival(self, mail: Mail, mailbox: Mailbox, raw_path: str, *, too_large: bool) -> Arrival:
        message_id = self._new_id()
        problems = [*mail.problems, *(["too large: only its start was read"] if too_large else [])]
        message = Message(
            id=message_id,
            reference="",
            channel="email",
            direction="in",
            sender=sender_of(mail),
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
            authentication=mail.authentication,
            language=language_of(own_words(mail.text)),
        )
        files = await asyncio.to_thread(self._files.keep_attachments, message_id, mail)
        return Arrival(mail, mailbox, message, tuple(files))

    # --- what became of a message of ours ----------------------------------------------------------------

    async def _delivery(self, arrival: Arrival) -> Understood | None:
        """A delivery report on a message of ours stands beside it; its failure is told to the handler."""
        report = arrival.mail.delivery_report
        status = STATUSES.get(report.action) if report else None
        sent = await self._our_message(report.original_message_id) if report else None
        if report is None or status is None or sent is None:
            return None
        why = " ".join(filter(None, (report.status, report.diagnostic)))[:DIAGNOSTIC_LIMIT]
        event = DeliveryReported(sent.reference, sent.id, status, why)
        return event, (MessageStatus(sent.id, status), *arrival.beside(sent.reference))

    async def _receipt(self, arrival: Arrival) -> Understood | None:
        read = await self._our_message(arrival.mail.receipt_for)
        if read is None:
            return None
        event = Recorded("a read receipt came", "system", reference=read.reference)
        return event, (MessageStatus(read.id, "read"), *arrival.beside(read.reference))

    async def _answer_to_closed(self, arrival: Arrival) -> Understood | None:
        """An absence note in answer to our last words opens nothing anew."""
        if not arrival.mail.automatic_answer:
            return None
        contact = await self._threads.answered(arrival.mail, arrival.message.sender)
        if contact is None or contact.closed_at is None:
            return None
        event = Recorded("an automatic answer came after closing", "system", reference=contact.reference)
        return event, arrival.beside(contact.reference)

    # --- set aside ---------------------------------------------------------------------------------------

    async def _set_aside(self, arrival: Arrival) -> Understood | None:
        why = await self._why_aside(arrival.message.sender)
        if not why:
            return None
        event = Recorded("mail set aside", "system", f"message {arrival.message.id}: {why}")
        return event, arrival.beside("", "set_aside", why)

    async def _why_aside(self, sender: str) -> str:
        if sender.lower() in self._ours:
            return "it comes from our own address, and it is none that we sent"
        block = await self._store.block_of(sender, self._clock()) if sender else None
        return f"{block.address} is blocked: {block.reason}" if block else ""

    # --- taken -------------------------------------------------------------------------------------------

    async def taken(self, arrival: Arrival, finding: Finding) -> Understood:
        """It opens a contact or joins one."""
        mail, message = arrival.mail, arrival.message
        belonging = await self._belonging(mail, message.sender, finding)
        event = MessageArrived(
            reference=self._new_reference(),
            message=message.id,
            channel=Channel.EMAIL,
            queue=arrival.mailbox.queue,
            party=Party(message.sender, mail.from_name),
            our_address=arrival.mailbox.address,
            thread=belonging.thread,
            subject=mail.subject,
            linked_to=belonging.linked_to,
            automatic=mail.automatic or not message.sender or message.sender.lower() in self._ours,
            language=message.language,
            answered_enough=await self._answered_enough(message.sender),
            finding=finding,
        )
        return event, (message, *arrival.files)

    async def _belonging(self, mail: Mail, sender: str, finding: Finding) -> Belonging:
        """A flood of new matters from one address is one contact, but never an emergency's."""
        belonging = await self._threads.belonging(mail, sender)
        if belonging.known or not sender or finding.sounds_like_emergency:
            return belonging
        lately = await self._store.emails_from(sender, self._clock() - 60 * self._email.flood_minutes)
        return Belonging(f"email-flood:{sender.lower()}") if lately >= self._email.flood_messages else belonging

    async def _answered_enough(self, sender: str) -> bool:
        today = await self._store.automatic_answers(sender, self._clock() - DAY_SECONDS)
        return today >= self._email.automatic_answers_a_day


def sender_of(mail: Mail) -> str:
    """Where an answer goes (RFC 5322, 3.6.2)."""
    return mail.reply_to or mail.from_address


def _key(mail: Mail) -> str:
    """What makes a mail the same mail, in whichever of our mailboxes: its Message-ID with what it says, since some
    senders repeat their ids; without one, its bytes."""
    if not mail.message_id:
        return f"email:{mail.sha256}"
    said = "\n".join((mail.from_address, mail.subject, mail.text, *(file.sha256 for file in mail.attachments)))
    return f"email:{mail.message_id[:200]}:{hashlib.sha256(said.encode(errors='replace')).hexdigest()[:32]}"
