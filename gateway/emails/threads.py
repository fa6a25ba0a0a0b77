"""Whose conversation an email belongs to.

It joins one only when the same person answers what we wrote or what they wrote themself: by the Message-IDs in
In-Reply-To and References, or by a reference that we signed for them, in the subject or in the address written to. The
board says whether that conversation is still open, is opened again, or begins a linked contact, as it does for texts.
Anybody else who quotes one gets a contact of their own that is linked to it. Whoever begins something new is linked to
the latest contact that they have had.

A mail that only claims to be of this person (its DMARC check failed, or another has sent it and names them for the
answer) is taken for a stranger's: it joins what it began itself, or what mail of the same kind began.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from channels.email.mime import Mail
from channels.email.signature import Signer
from config.numbers import same_person
from gateway.store.looks import Looks
from routing.model import Contact

IDENTIFIERS_LOOKED_UP = 30
FORGED = "its sender may be forged (DMARC failed)"


@dataclass(frozen=True, slots=True)
class Belonging:
    """The conversation it joins, and the contact it is linked to if a new one is needed; ``known``: it refers to one,
    so it is not the first of a new matter."""

    thread: str
    linked_to: str = ""
    known: bool = False


@dataclass(frozen=True, slots=True)
class Quoted:
    """A contact that a mail refers to; ``proven``: with something that only those who had our mail can know."""

    contact: Contact
    proven: bool


class MailThreads:
    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def belonging(self, mail: Mail, sender: str, looks: Looks) -> Belonging:
        quoted = list(self._quoted(mail, sender, looks))
        theirs = [found.contact for found in quoted if _joins(found, mail, sender)]
        claims = f"; {why}" if (why := only_claimed(mail, sender)) else ""
        if theirs:
            # An open one of several first: a mail can refer to an earlier matter that is over.
            contact = next((c for c in theirs if c.closed_at is None), theirs[0])
            return Belonging(contact.thread, contact.reference, known=True)
        if quoted:
            # The next mail of this person about it comes to the same contact of theirs.
            reference = quoted[0].contact.reference
            return Belonging(f"email:{reference}:{sender.lower()}{claims}", reference, known=True)
        # Not by its Message-ID: a stranger could use another person's.
        (earlier,) = looks.latest_of(same_person(sender))
        return Belonging(f"email:{mail.sha256}{claims}", earlier)

    def answered(self, mail: Mail, sender: str, looks: Looks) -> Contact | None:
        """The contact of this person that the mail answers, open or closed."""
        found = self._quoted(mail, sender, looks)
        return next((f.contact for f in found if _joins(f, mail, sender)), None)

    def _quoted(self, mail: Mail, sender: str, looks: Looks) -> Iterator[Quoted]:
        """Each contact once, the surest first: what it answers, what it refers to, what its subject or address says."""
        found: dict[str, bool] = {}
        for reference, proven in [*_by_identifiers(mail, looks), *self._by_reference(mail, sender)]:
            found[reference] = found.get(reference, False) or proven
        for reference, proven in found.items():
            contact = looks.contact(reference)
            if contact is not None:
                yield Quoted(contact, proven)

    def _by_reference(self, mail: Mail, sender: str) -> list[tuple[str, bool]]:
        places = (mail.subject, *mail.delivered_to, *mail.to, *mail.cc)
        return [(quoted.reference, quoted.signed) for quoted in self._signer.quoted(places, sender)]


def _by_identifiers(mail: Mail, looks: Looks) -> list[tuple[str, bool]]:
    wanted = list(dict.fromkeys(i for i in (mail.in_reply_to, *reversed(mail.references)) if i))
    wanted = wanted[:IDENTIFIERS_LOOKED_UP]
    messages = looks.messages_called(wanted)
    # Anybody can use an identifier of ours for a mail of theirs: what we sent ourselves comes first.
    messages.sort(key=lambda m: (wanted.index(m.header_id), m.direction == "in"))
    return [(m.reference, True) for m in messages if m.reference]


def only_claimed(mail: Mail, sender: str) -> str:
    """Why a mail may not be of ``sender``, to whom its answer goes; '' when nothing says so."""
    if why := forged(mail.authentication):
        return why
    if mail.from_address.lower() == sender.lower():
        return ""
    return f"it was sent by {mail.from_address.lower()}, which is not where it wants its answer"


def forged(authentication: str) -> str:
    """That its sender may be, by the servers that we trust; '' when they do not say so."""
    return FORGED if "dmarc=fail" in authentication.split() else ""


def doubt_of(authentication: str) -> str:
    """The same, as a sentence."""
    why = forged(authentication)
    return f"{why[0].upper()}{why[1:]}." if why else ""


def _joins(found: Quoted, mail: Mail, sender: str) -> bool:
    """The thread's name says how the mail that began it came by its sender."""
    why = only_claimed(mail, sender)
    same = found.proven and _same_person(found.contact, sender)
    return same and (not why or found.contact.thread.endswith(f"; {why}"))


def _same_person(contact: Contact, sender: str) -> bool:
    return bool(sender) and contact.party.address.lower() == sender.lower()
