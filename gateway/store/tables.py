"""The tables. What routing knows of a contact, handler or follow-up is one JSON document; the columns beside it
are what we search by. The same tables on SQLite and PostgreSQL.

What comes from outside has no agreed length, so text is never limited here, and where it is searched by, its
index is a hash on PostgreSQL: a B-tree there refuses keys of more than 2,704 bytes. An IMAP UID and its
validity are unsigned 32-bit numbers: PostgreSQL's INTEGER is too small for them.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, MetaData, Table, Text, text

metadata = MetaData()

contacts = Table(
    "contacts",
    metadata,
    Column("reference", Text, primary_key=True),
    Column("stage", Text, nullable=False, index=True),
    Column("channel", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("party", Text, nullable=False),
    Column("thread", Text, nullable=False),
    Column("owner", Text, nullable=False, index=True),
    Column("received_at", Float, nullable=False, index=True),
    Column("closed_at", Float),
    Column("document", Text, nullable=False),
    Index("ix_contacts_party", "party", postgresql_using="hash"),
)

handlers = Table(
    "handlers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("document", Text, nullable=False),
)

follow_ups = Table(
    "follow_ups",
    metadata,
    Column("id", Text, primary_key=True),
    Column("reference", Text, nullable=False, index=True),
    Column("state", Text, nullable=False, index=True),
    Column("document", Text, nullable=False),
)

people = Table(
    "people",
    metadata,
    Column("address", Text, primary_key=True),
    Column("document", Text, nullable=False),
)

messages = Table(
    "messages",
    metadata,
    Column("id", Text, primary_key=True),
    Column("reference", Text, nullable=False, index=True),
    Column("channel", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("by", Text, nullable=False),
    Column("automatic", Boolean, nullable=False),
    Column("status", Text, nullable=False),
    Column("provider_key", Text, unique=True),
    Column("provider_id", Text, nullable=False),
    Column("header_id", Text, nullable=False),
    Column("references", Text, nullable=False),
    Column("raw_path", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("problems", Text, nullable=False),
    Column("sent_at", Float),
    Column("authentication", Text, nullable=False, server_default=text("''")),
    Column("language", Text, nullable=False, server_default=text("''")),
    Index("ix_messages_sender", text("lower(sender)"), "at"),
    Index("ix_messages_recipient", text("lower(recipient)"), "at"),
    Index("ix_messages_provider_id", "provider_id", postgresql_using="hash"),
    Index("ix_messages_header_id", "header_id", postgresql_using="hash"),
)

attachments = Table(
    "attachments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("message", Text, ForeignKey("messages.id"), nullable=False, index=True),
    Column("filename", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("path", Text, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("message", Text, ForeignKey("messages.id"), primary_key=True),
    Column("reference", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Float, nullable=False),
    Column("claimed_at", Float),
    Index("outbox_due", "state", "next_at"),
)

blocks = Table(
    "blocks",
    metadata,
    Column("address", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("expires_at", Float),
)

calls = Table(
    "calls",
    metadata,
    Column("call_id", Text, primary_key=True),
    Column("reference", Text, nullable=False, index=True),
    Column("at", Float, nullable=False),
)

recordings = Table(
    "recordings",
    metadata,
    Column("path", Text, primary_key=True),
    Column("reference", Text, nullable=False, index=True),
    Column("at", Float, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("keep_until", Float),
    Column("held", Text, nullable=False, server_default=text("''")),
    Column("state", Text, nullable=False, server_default="kept"),
    Index("ix_recordings_due", "state", "keep_until"),
)

cursors = Table(
    "cursors",
    metadata,
    Column("mailbox", Text, primary_key=True),
    Column("uid_validity", BigInteger, nullable=False),
    Column("last_uid", BigInteger, nullable=False),
    Column("reread_to", BigInteger, nullable=False, server_default=text("0")),
    Column("listed_to", BigInteger, nullable=False, server_default=text("0")),
)

known_mail = Table(
    "known_mail",
    metadata,
    Column("mailbox", Text, primary_key=True),
    Column("fingerprint", Text, primary_key=True),
)

mail_to_file = Table(
    "mail_to_file",
    metadata,
    Column("mailbox", Text, primary_key=True),
    Column("uid_validity", BigInteger, primary_key=True, autoincrement=False),
    Column("uid", BigInteger, primary_key=True, autoincrement=False),
    Column("folder", Text, nullable=False),
    Column("fingerprint", Text, nullable=False, server_default=text("''")),
)

rosters = Table(
    "rosters",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", Float, nullable=False),
    Column("by", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("begins", Float, nullable=False),
    Column("ends", Float, nullable=False),
    Column("centres", Text, nullable=False),
    Column("shifts", Integer, nullable=False),
    Column("content", Text, nullable=False),
)

shifts = Table(
    "shifts",
    metadata,
    Column("handler", Text, primary_key=True),
    Column("begins", Float, primary_key=True, index=True),
    Column("ends", Float, nullable=False),
    Column("centre", Text, nullable=False),
    Column("roster", Text, nullable=False),
)

accounts = Table(
    "accounts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("password", Text, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("account", Text, nullable=False, index=True),
    Column("csrf", Text, nullable=False),
    Column("expires_at", Float, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("made_at", Float, nullable=False),
)

journal = Table(
    "journal",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("entry", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("reference", Text, nullable=False, index=True),
    Column("handler", Text, nullable=False, index=True),
    Column("actor", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

# What is counted, drawn from the journal and made anew from it at any time (docs/statistics.md).

waits = Table(
    "waits",
    metadata,
    Column("id", Text, primary_key=True),
    Column("reference", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("again", Boolean, nullable=False),
    Column("arrived_at", Float, nullable=False),
    Column("began_at", Float),
    Column("ended_at", Float),
    Column("outcome", Text, nullable=False),
    Column("emergency", Boolean, nullable=False),
    Column("handler", Text, nullable=False),
    Column("centre", Text, nullable=False),
    Column("through", Text, nullable=False),
    Column("at", Float, nullable=False, index=True),
)

handlings = Table(
    "handlings",
    metadata,
    Column("id", Text, primary_key=True),
    Column("reference", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("activity", Text, nullable=False),
    Column("handler", Text, nullable=False),
    Column("centre", Text, nullable=False),
    Column("began_at", Float, nullable=False, index=True),
    Column("talked_until", Float),
    Column("ended_at", Float),
    Column("hold_seconds", Float, nullable=False),
    Column("reached", Boolean, nullable=False),
    Index("ix_handlings_over", "ended_at", "began_at"),
)

spells = Table(
    "spells",
    metadata,
    Column("id", Text, primary_key=True),
    Column("handler", Text, nullable=False),
    Column("centre", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("began_at", Float, nullable=False, index=True),
    Column("ended_at", Float),
    Index("ix_spells_over", "ended_at", "began_at"),
)

# What the next facts follow from: ``journal`` (the last row read), ``contact:REFERENCE``, ``handler:ID``.
ledger = Table(
    "ledger",
    metadata,
    Column("key", Text, primary_key=True),
    Column("document", Text, nullable=False),
)
