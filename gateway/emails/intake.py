"""What an email means: it opens or joins a contact, or says what became of a message of ours, or is set aside.

Nothing is thrown away: what is set aside is kept, listed and can be taken, and what sounds like an emergency never is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from channels.email.automatic import DeliveryReport, Outcome
from channels.email.language import language_of
from channels.email.mime import Mail
from channels.email.quoting import own_words
from channels.email.reasons import in_words
from channels.email.receiver import FetchedMail
from channels.email.signature import Signer
from config.email import Mailbox
from config.settings import Settings
from gateway.clock import Clock
from gateway.dates import PERSON_AHEAD, PERSON_LATE, impossible, late
from gateway.emails.files import MailFiles
from gateway.emails.threads import Belonging, MailThreads, doubt_of, only_claimed
from gateway.outbox.naming import name_of
from gateway.store.looks import Looks
from gateway.store.records import Attachment, Message, MessageStatus, Record
from routing.events import DeliveryReported, Event, MessageArrived, Recorded
from routing.model import Channel, Party, Time
from routing.triage import Finding

DAY_SECONDS = 24 * 3600.0
DIAGNOSTIC_LIMIT = 200
OUTCOMES_TOLD = 5
HIDDEN = "[Words that this mail hides from its reader:]"
# RFC 3464: what a report's action makes of our message. 'relayed' and 'expanded' say nothing certain.
STATUSES = {"failed": "undelivered", "delayed": "delayed", "delivered": "delivered"}

Understood = tuple[Event, tuple[Record, ...]]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail with what stands for it in the store, and what triage says of it."""

    fetched: FetchedMail
    mail: Mail
    mailbox: Mailbox
    message: Message
    files: tuple[Attachment, ...]
    finding: Finding

    def beside(self, reference: str, status: str = "received", why: str = "") -> tuple[Record, ...]:
        """Kept with that contact ('' for with none), without being a message that anybody must answer."""
        problems = "; ".join(filter(None, (why, self.message.problems)))
        kept = replace(self.message, reference=reference, by="system", status=status, problems=problems)
        return kept, *self.files


class MailIntake:
    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        new_reference: Callable[[], str],
        new_id: Callable[[], str],
        judge: Callable[[str], Finding],
        files: MailFiles,
    ) -> None:
        self._email, self._clock = settings.email, clock
        self._new_reference, self._new_id, self._judge, self._files = new_reference, new_id, judge, files
        self._ours = {mailbox.address.lower() for mailbox in settings.email.mailboxes}
        self._our_domains = {address.rpartition("@")[2] for address in self._ours}
        self._signer = Signer(settings.email.reference_secret.get_secret_value())
        self._threads = MailThreads(self._signer)

    def understood(self, arrival: Arrival, looks: Looks) -> Understood:
        """What happened, and what is to be written with it. It waits for the database: for a thread."""
        mail = arrival.mail
        ours = looks.sent_by_us(mail.message_id)
        if ours is not None and self._came_back(mail, ours):
            return Recorded("saw our own mail come back to us", "system", reference=ours.reference), ()
        reported = self._delivery(arrival, looks) or self._receipt(arrival, looks)
        if reported is not None:
            return reported
        if not self._must_be_seen(arrival):
            beside = self._answer_to_closed(arrival, looks) or self._set_aside(arrival, looks)
            if beside is not None:
                return beside
        return self._taken(arrival, looks)

    def _came_back(self, mail: Mail, ours: Message) -> bool:
        """Anybody can use our name and our Message-ID: it is ours only when it says what we wrote, and nothing else."""
        named = any(is_one_of(address, self._ours) for address in (mail.from_address, *mail.senders))
        more = mail.html or mail.hidden or mail.attachments
        return named and not more and mail.text.split() == ours.body.split()

    def _sent_from_ours(self, mail: Mail) -> str:
        """A form on our website, or a forger, may send from our address what somebody else has written."""
        if is_one_of(mail.from_address, self._ours):
            return ""
        ours = next((address for address in mail.senders if is_one_of(address, self._ours)), "")
        return f"it was sent from our own address {ours}, and is none that we wrote" if ours else ""

    def _must_be_seen(self, arrival: Arrival) -> bool:
        """An emergency is never set aside. In our own name only danger that a rule names counts as one: our notes are
        short, and short mails are often like other emergency messages; a forger is still unable to hide danger."""
        if is_one_of(arrival.message.sender, self._ours):
            return arrival.finding.names_danger
        return arrival.finding.sounds_like_emergency

    def arrival(self, fetched: FetchedMail, mail: Mail, mailbox: Mailbox, raw_path: str) -> Arrival:
        """What can be said of it by itself, whatever else has come. It takes its time: for a thread."""
        message_id, said, sender = self._new_id(), self._said(mail), sender_of(mail, self._ours)
        claimed = only_claimed(mail, sender)
        too_large = "too large: only its start was read" if fetched.too_large else ""
        came = self._clock()
        old = _old(fetched, mail, came)
        problems = list(filter(None, (*mail.problems, too_large, claimed, self._sent_from_ours(mail), *old)))
        finding = self._judge(f"{mail.subject}\n{said}")
        if mail.hidden and not finding.sounds_like_emergency and (why := self._judge(mail.hidden).in_words):
            problems.append(f"what it hides from its reader {why}")
        message = Message(
            id=message_id,
            reference="",
            channel="email",
            direction="in",
            sender=sender,
            recipient=mailbox.address,
            subject=mail.subject,
            body=mail.text + (f"\n\n{HIDDEN}\n{mail.hidden}" if mail.hidden else ""),
            html=mail.html,
            at=came,
            by="caller",
            automatic=mail.automatic,
            provider_key=_key(mail),
            header_id=mail.message_id,
            references=" ".join(mail.references),
            raw_path=raw_path,
            sha256=mail.sha256,
            problems="; ".join(problems),
            authentication=mail.authentication,
            language=language_of(said),
        )
        files = tuple(self._files.keep_attachments(message_id, mail))
        return Arrival(fetched, mail, mailbox, message, files, finding)

    def _said(self, mail: Mail) -> str:
        """What is to be judged. What an answer to us quotes has been, but a carrier who answers a passenger and lets us
        read along quotes what we have never seen."""
        named = (i.rstrip(">").rpartition("@")[2].lower() for i in (mail.in_reply_to, *mail.references))
        answers_us = any(domain in self._our_domains for domain in named)
        if answers_us or any(self._signer.quoted((mail.subject,), mail.from_address)):
            return own_words(mail.text, mail.subject)
        return mail.text

    # --- what became of a message of ours ----------------------------------------------------------------

    def _delivery(self, arrival: Arrival, looks: Looks) -> Understood | None:
        """A delivery report on a message of ours stands beside it; its failure is told to the handler."""
        report = arrival.mail.delivery_report
        sent = _reported_on(arrival.mail, report, looks) if report else None
        status = STATUSES.get(report.outcomes[0].action) if report and report.outcomes else None
        if report is None or status is None or sent is None:
            return None
        told = (_told(outcome, sent.recipient) for outcome in report.outcomes[:OUTCOMES_TOLD])
        code = "; ".join(filter(None, told))
        why = in_words(report.outcomes[0].status) if status == "undelivered" else ""
        event = DeliveryReported(sent.reference, sent.id, status, code, why, name_of(sent, looks))
        problems = (why or code or "their mail server gave no reason") if status == "undelivered" else ""
        return event, (MessageStatus(sent.id, status, problems=problems), *arrival.beside(sent.reference))

    def _receipt(self, arrival: Arrival, looks: Looks) -> Understood | None:
        read = looks.sent_by_us(arrival.mail.receipt_for)
        if read is None:
            return None
        event = Recorded("was told that a mail of ours was read", "system", reference=read.reference)
        return event, (MessageStatus(read.id, "read"), *arrival.beside(read.reference))

    def _answer_to_closed(self, arrival: Arrival, looks: Looks) -> Understood | None:
        """An absence note in answer to our last words opens nothing anew."""
        if not arrival.mail.automatic_answer:
            return None
        contact = self._threads.answered(arrival.mail, arrival.message.sender, looks)
        if contact is None or contact.closed_at is None:
            return None
        event = Recorded("kept an automatic answer that came after closing", "system", reference=contact.reference)
        return event, arrival.beside(contact.reference)

    # --- set aside ---------------------------------------------------------------------------------------

    def _set_aside(self, arrival: Arrival, looks: Looks) -> Understood | None:
        why = self._why_aside(arrival, looks)
        if not why:
            return None
        event = Recorded("set a mail aside", "system", f"message {arrival.message.id}: {why}")
        return event, arrival.beside("", "set_aside", why)

    def _why_aside(self, arrival: Arrival, looks: Looks) -> str:
        sender = arrival.message.sender
        if is_one_of(sender, self._ours):
            why = "it comes from our own address, and it is none that we sent"
            return "; ".join(filter(None, (why, arrival.finding.in_words and f"it {arrival.finding.in_words}")))
        (block,) = looks.blocks_of(sender, now=self._clock()) if sender else (None,)
        if block is None or self._in_open_contact(arrival, looks):
            return ""
        return f"{block.address} is blocked: {block.reason}"

    def _in_open_contact(self, arrival: Arrival, looks: Looks) -> bool:
        """Somebody is dealing with it already; after an emergency the next mail may be only a place."""
        contact = self._threads.answered(arrival.mail, arrival.message.sender, looks)
        return contact is not None and contact.closed_at is None

    # --- taken -------------------------------------------------------------------------------------------

    def _taken(self, arrival: Arrival, looks: Looks) -> Understood:
        """It opens a contact or joins one."""
        mail, message, finding = arrival.mail, arrival.message, arrival.finding
        belonging = self._belonging(mail, message.sender, finding, looks)
        event = MessageArrived(
            reference=self._new_reference(),
            message=message.id,
            channel=Channel.EMAIL,
            queue=arrival.mailbox.queue,
            party=Party(message.sender, _name_of(message.sender, mail)),
            our_address=arrival.mailbox.address,
            thread=belonging.thread,
            subject=mail.subject,
            linked_to=belonging.linked_to,
            automatic=mail.automatic or not message.sender or is_one_of(message.sender, self._ours),
            language=message.language,
            answered_enough=self._answered_enough(message.sender, looks),
            doubtful=_doubtful(mail),
            finding=finding,
            waited=message.at - _reached_us(arrival.fetched, message.at),
        )
        return event, (message, *arrival.files)

    def _belonging(self, mail: Mail, sender: str, finding: Finding, looks: Looks) -> Belonging:
        """A flood of new matters from one address is one contact, but never an emergency's."""
        belonging = self._threads.belonging(mail, sender, looks)
        if belonging.known or not sender or finding.sounds_like_emergency:
            return belonging
        lately = looks.emails_from(sender, self._clock() - 60 * self._email.flood_minutes)
        if lately < self._email.flood_messages:
            return belonging
        claims = only_claimed(mail, sender)
        return replace(belonging, thread=f"email-flood:{sender.lower()}{f'; {claims}' if claims else ''}")

    def _answered_enough(self, sender: str, looks: Looks) -> bool:
        today = looks.automatic_answers(sender, self._clock() - DAY_SECONDS)
        return today >= self._email.automatic_answers_a_day


def _old(fetched: FetchedMail, mail: Mail, came: Time) -> Iterator[str]:
    """What is wrong with its times: somebody who reads it would think that it was written just now."""
    waited = late("our mail server has had it since", _reached_us(fetched, came), came)
    if waited:
        yield waited
    if mail.date:
        written = mail.date.timestamp()
        odd = impossible("its Date says", written, came, PERSON_AHEAD)
        yield odd or ("" if waited else late("its Date says", written, came, PERSON_LATE))


def _reached_us(fetched: FetchedMail, came: Time) -> Time:
    """When our mail server had it, which has lain there since; now, where it does not say."""
    return min(came, fetched.internal_date.timestamp()) if fetched.internal_date else came


def _reported_on(mail: Mail, report: DeliveryReport, looks: Looks) -> Message | None:
    """The message of ours whose headers it quotes; else one that it mentions or answers, if that went to somebody of
    whom it speaks. Each is named by its Message-ID, which nobody can guess."""
    quoted = looks.sent_by_us(report.original_message_id)
    if quoted is not None:
        return quoted
    recipients = {outcome.recipient.lower() for outcome in report.outcomes}
    named = map(looks.sent_by_us, (*report.mentioned, mail.in_reply_to, *mail.references[-1:]))
    return next((sent for sent in named if sent is not None and sent.recipient.lower() in recipients), None)


def _told(outcome: Outcome, recipient: str) -> str:
    """What became of it, for whom: of our one recipient, or of those to whom their server passed it on."""
    why = " ".join(filter(None, (outcome.status, outcome.diagnostic)))[:DIAGNOSTIC_LIMIT]
    if outcome.recipient.lower() in ("", recipient.lower()):
        return why
    return f"{outcome.recipient}: {' '.join(filter(None, (outcome.action, why)))}"


def _doubtful(mail: Mail) -> str:
    """Why its sender may be forged: an automatic answer would then reach somebody who never wrote; '' when nothing
    says so."""
    spam = "A mail server marked it as spam." if mail.marked_spam else ""
    return doubt_of(mail.authentication) or spam


def apart(arrivals: Iterable[Arrival]) -> Iterator[list[Arrival]]:
    """In their order, in as few lots as can be understood together: none in a lot is of a person who has another in it,
    or answers another in it. Those can be understood only when that one is stored."""
    lot: list[Arrival] = []
    for arrival in arrivals:
        if any(_depends(arrival, before) for before in lot):
            yield lot
            lot = []
        lot.append(arrival)
    if lot:
        yield lot


def _depends(arrival: Arrival, before: Arrival) -> bool:
    answered = (arrival.mail.in_reply_to, *arrival.mail.references)
    return arrival.message.sender.lower() == before.message.sender.lower() or before.mail.message_id in answered


def sender_of(mail: Mail, ours: Collection[str]) -> str:
    """Where an answer goes (RFC 5322, 3.6.2); never back to one of ``ours``, whatever Reply-To says."""
    return mail.from_address if is_one_of(mail.reply_to, ours) else mail.reply_to or mail.from_address


def _name_of(sender: str, mail: Mail) -> str:
    """Of whom the answer reaches: not the form's, nor the colleague's, through whom they wrote."""
    return mail.from_name if sender == mail.from_address else mail.reply_to_name


def is_one_of(address: str, ours: Collection[str]) -> bool:
    """Also with what we, or others, have put behind a plus."""
    local, _, domain = address.lower().rpartition("@")
    return address.lower() in ours or f"{local.partition('+')[0]}@{domain}" in ours


def _key(mail: Mail) -> str:
    """What makes a mail the same mail, in whichever of our mailboxes: its Message-ID with what it says, since some
    senders repeat their ids; without one, its bytes."""
    if not mail.message_id:
        return f"email:{mail.sha256}"
    said = "\n".join((mail.from_address, mail.subject, mail.text, *(file.sha256 for file in mail.attachments)))
    return f"email:{mail.message_id[:200]}:{hashlib.sha256(said.encode(errors='replace')).hexdigest()[:32]}"
