"""What is kept beside the board: messages and their files, what is to be sent, recordings, accounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from routing.model import Time


@dataclass(frozen=True)
class Message:
    """One text or email, in or out. ``provider_key`` makes an inbound one unique; None for outbound.

    ``provider_id`` is the carrier's id (MessageSid); ``header_id`` and ``references`` are an email's Message-ID
    and References; ``authentication`` its SPF, DKIM and DMARC results. ``reference`` may be '' for an inbound message:
    routing says which contact takes it. With ``status`` "set_aside" none does: it is kept, listed, and can be taken.
    ``at`` is when we had it; ``sent_at`` when the carrier did, None where that is not known.
    """

    id: str
    reference: str
    channel: str
    direction: Literal["in", "out"]
    sender: str
    recipient: str
    body: str
    at: Time
    by: str
    subject: str = ""
    html: str = ""
    automatic: bool = False
    status: str = "received"
    provider_key: str | None = None
    provider_id: str = ""
    header_id: str = ""
    references: str = ""
    raw_path: str = ""
    sha256: str = ""
    problems: str = ""
    sent_at: Time | None = None
    authentication: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a message. ``path`` is where it lies, '' when it was refused (``filename`` says why)."""

    id: str
    message: str
    filename: str
    content_type: str
    size: int
    sha256: str
    path: str


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """A message on its way out: ``waiting``, ``claimed`` (a try is under way), ``sent`` or ``failed``. ``channel``: the
    outbox's sender that has it; texts have one for each carrier."""

    message: str
    reference: str
    channel: str
    state: Literal["waiting", "claimed", "sent", "failed"] = "waiting"
    attempts: int = 0
    next_at: Time = 0.0
    claimed_at: Time | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """Mail from this address, or texts from this number, are set aside until then; None: until somebody lifts it.
    ``address`` is in lower case and may be a whole domain, '@example.org'; a number is in E.164."""

    address: str
    reason: str
    by: str
    at: Time
    expires_at: Time | None = None


@dataclass(frozen=True)
class CallRecord:
    call_id: str
    reference: str
    at: Time


@dataclass(frozen=True, slots=True)
class Recording:
    """``keep_until``: deleted after that, once its contact is closed; None: kept for ever. ``held``: why it is kept
    beyond that, '' when nobody wants it."""

    path: str
    reference: str
    at: Time
    seconds: float
    sha256: str
    keep_until: Time | None = None
    held: str = ""
    state: Literal["kept", "deleting", "deleted"] = "kept"


@dataclass(frozen=True, slots=True)
class MailCursor:
    """Where the reading of a mailbox is; ``channels.email.receiver.Cursor`` explains the numbers."""

    mailbox: str
    uid_validity: int
    last_uid: int
    reread_to: int = 0
    listed_to: int = 0


@dataclass(frozen=True, slots=True)
class KnownMail:
    """A message that is or was in a mailbox, so that it is known again when all its UIDs change."""

    mailbox: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class MailToFile:
    """A stored message that is to be moved into ``folder``; gone from here once it is there. ``fingerprint``: as of
    ``KnownMail``, '' for none."""

    mailbox: str
    uid_validity: int
    uid: int
    folder: str
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class ImportedRoster:
    """A roster's file as it came, so that it can be imported again. ``centres``: their ids, with ';' between them.

    ``begins`` until before ``ends``: the period whose shifts it replaced."""

    id: str
    at: Time
    by: str
    file: str
    sha256: str
    begins: Time
    ends: Time
    centres: str
    shifts: int
    content: str


@dataclass(frozen=True, slots=True)
class PlannedShift:
    """One handler's shift; ``centre`` was theirs when the roster ``roster`` was imported."""

    handler: str
    begins: Time
    ends: Time
    centre: str
    roster: str


@dataclass(frozen=True, slots=True)
class ShiftsCleared:
    """The shifts of these centres, and of these handlers, that begin in the period are gone before others are
    written; and so are the files of imports beyond the latest ``kept``."""

    begins: Time
    ends: Time
    centres: tuple[str, ...]
    handlers: tuple[str, ...]
    kept: int


@dataclass(frozen=True, slots=True)
class Account:
    """Who may sign in. ``name`` is also the handler's id; ``password`` an argon2 hash, '' for no sign-in."""

    name: str
    role: Literal["handler", "supervisor", "administrator"]
    password: str


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in. Only the SHA-256 of the cookie is kept."""

    digest: str
    account: str
    csrf: str
    expires_at: Time


@dataclass(frozen=True, slots=True)
class Token:
    """A program's bearer token. Only its SHA-256 is kept."""

    digest: str
    name: str
    role: Literal["handler", "supervisor", "administrator"]
    made_at: Time


FINAL_STATUSES = ("delivered", "undelivered", "failed")


@dataclass(frozen=True, slots=True)
class MessageStatus:
    """What became of a message: changes its ``provider_id`` and ``problems``, if given, and its ``status``, unless that
    is final. The problems of a message that went out in the end are over."""

    message: str
    status: str
    provider_id: str = ""
    problems: str = ""


@dataclass(frozen=True, slots=True)
class SentAt:
    """When the carrier had a message that came to us: the order in which the person wrote."""

    message: str
    at: Time


Record = (
    Message
    | MessageStatus
    | SentAt
    | Attachment
    | OutboxItem
    | Block
    | CallRecord
    | Recording
    | MailCursor
    | KnownMail
    | MailToFile
    | ImportedRoster
    | PlannedShift
    | ShiftsCleared
    | Account
    | Session
    | Token
)
