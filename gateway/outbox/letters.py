"""Writes what we send: acknowledgements and replies, as records for the message and the outbox.

An email's Message-ID is fixed here, once, so that a repeated sending is the same mail.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from channels.email.outbound import new_message_id, thread
from channels.email.signature import Signer, untagged
from config.email import Mailbox
from config.numbers import for_people
from config.settings import Settings
from config.templates import filled
from gateway.store.records import Message, OutboxItem, Record
from gateway.texts.carriers import way_out
from routing.commands import Acknowledge, AskWhere
from routing.model import Channel, Contact, Time

NONE: Mapping[str, str] = MappingProxyType({})


class Letters:
    def __init__(self, settings: Settings) -> None:
        self._queues = {queue.id: queue for queue in settings.queues}
        self._templates = {template.id: template for template in settings.templates}
        self._safety, self._text = settings.safety, settings.text
        self._signer = Signer(settings.email.reference_secret.get_secret_value())
        self._mailboxes = {mailbox.address: mailbox for mailbox in settings.email.mailboxes}

    def acknowledgement(
        self, command: Acknowledge | AskWhere, contact: Contact, now: Time, answers: Message | None
    ) -> tuple[Record, ...]:
        """What is sent without a handler to whoever wrote ``answers``: the template's words, or their queue's."""
        if command.template:
            body = self.written(command.template, contact)
        else:
            body = filled(self._queues[contact.queue].acknowledgement, self._known(contact))
        return self._outgoing(command.message, contact, body, "system", now, automatic=True, answers=answers)

    def reply(
        self, message_id: str, contact: Contact, body: str, by: str, now: Time, answers: Message | None
    ) -> tuple[Record, ...]:
        """A handler's reply; ``answers`` is the latest message of the person, for the threading of an email."""
        return self._outgoing(message_id, contact, body, by, now, automatic=False, answers=answers)

    def written(self, template: str, contact: Contact, values: Mapping[str, str] = NONE, language: str = "") -> str:
        """The template's words for this contact. Raises KeyError with the variable that has no value."""
        text = self._templates[template].text(language or contact.language)
        return filled(text, {**values, **self._known(contact)})

    def _known(self, contact: Contact) -> dict[str, str]:
        """What is filled in by itself (``config.templates.KNOWN``)."""
        return {
            "reference": contact.reference,
            "queue": self._queues[contact.queue].name,
            "name": contact.party.name,
            "our_address": for_people(contact.our_address),
        }

    def telling(self, text: str) -> str:
        """A word that says who writes, where that matters; '' for none."""
        return self._safety.telling(text)

    def mailbox(self, address: str) -> Mailbox | None:
        """Our mailbox with this address."""
        return self._mailboxes.get(address)

    def _outgoing(
        self,
        message_id: str,
        contact: Contact,
        body: str,
        by: str,
        now: Time,
        *,
        automatic: bool,
        answers: Message | None,
    ) -> tuple[Record, ...]:
        header_id, references = "", ""
        if contact.channel is Channel.EMAIL:
            domain = contact.our_address.rpartition("@")[2]
            # Whoever names it is let into the thread: it must not be guessed from a reference that was overheard.
            token = self._signer.signed(message_id, contact.party.address)
            header_id = new_message_id(contact.reference, token, domain)
            chain = answers.references.split() if answers else []
            parent = answers.header_id if answers else ""
            references = " ".join(thread(tuple(chain), parent))
        message = Message(
            id=message_id,
            reference=contact.reference,
            channel=contact.channel.value,
            direction="out",
            sender=contact.our_address,
            recipient=contact.party.address,
            body=body,
            at=now,
            by=by,
            subject=self._reply_subject(contact),
            automatic=automatic,
            status="waiting",
            header_id=header_id,
            references=references,
        )
        return message, OutboxItem(message_id, contact.reference, self._way_out(contact, answers), next_at=now)

    def _way_out(self, contact: Contact, answers: Message | None) -> str:
        """Which of the outbox's senders has it."""
        if contact.channel is not Channel.TEXT or not self._text.numbers:
            return contact.channel.value
        return way_out(self._text, contact.our_address, answers)

    def _reply_subject(self, contact: Contact) -> str:
        """With the reference signed for this person, who brings it back so that their answer finds its contact."""
        if contact.channel is not Channel.EMAIL:
            return ""
        subject = untagged(contact.subject) or "Your message"
        replied = subject if subject.lower().startswith("re:") else f"Re: {subject}"
        return f"{replied} [{self._signer.signed(contact.reference, contact.party.address)}]"
