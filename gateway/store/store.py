"""The store: one writer, many readers. What it has said is written, is on disk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from math import floor
from typing import Any, TypeVar

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy import Table, delete, func, or_, select, update
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.store import tables
from gateway.store.access import Work, access
from gateway.store.documents import CONTACT, FOLLOW_UP, HANDLER, PERSON
from gateway.store.errors import NotStorable as NotStorable
from gateway.store.errors import StoreError as StoreError
from gateway.store.history import calls_by_half_hour
from gateway.store.journal import Head, Row
from gateway.store.looks import Looks
from gateway.store.records import (
    Account,
    Attachment,
    ImportedRoster,
    MailCursor,
    MailToFile,
    Message,
    OutboxItem,
    PlannedShift,
    Record,
    Recording,
    Session,
    Token,
)
from gateway.store.writing import TABLE_OF, write_all
from routing.board import Board, Touched
from routing.forecast import Past
from routing.model import Contact, FollowUp, Handler, Stage, Time
from routing.recent import ACKNOWLEDGED_SECONDS
from routing.rules import Rules

LONGEST_LOOK_BACK_SECONDS = 7200.0

# PostgreSQL's SQLSTATE classes: data exception, integrity violation, limit exceeded.
REFUSED_STATES = ("22", "23", "54")
DATABASE_ERRORS = (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)

R = TypeVar("R", bound=Record)
T = TypeVar("T")


@dataclass(slots=True)
class Batch:
    """Everything that one transaction writes."""

    rows: list[Row] = field(default_factory=list)
    touched: Touched = field(default_factory=Touched)
    records: list[Record] = field(default_factory=list)


class Store:
    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._access = access(engine)

    async def close(self) -> None:
        await self._access.close()
        await self.engine.dispose()

    # --- writing -------------------------------------------------------------------------------------

    async def commit(self, batch: Batch) -> None:
        """Write the whole batch or nothing. Raises StoreError."""
        await self.write(lambda connection: write_all(connection, batch.rows, batch.touched, batch.records))

    async def write(self, work: Work[T]) -> T:
        """All or nothing, for what is no part of a batch; ``work`` runs in a thread. Raises StoreError."""
        try:
            return await self._access.write(work)
        except DATABASE_ERRORS as error:
            raise failure(error) from None

    async def save(self, *records: Record) -> None:
        """Write records that are no part of a contact's life (sign-ins, tokens)."""
        await self.commit(Batch(records=list(records)))

    async def forget_session(self, digest: str) -> None:
        await self._delete(tables.sessions, tables.sessions.c.digest == digest)

    async def forget_old_sessions(self, now: Time) -> None:
        await self._delete(tables.sessions, tables.sessions.c.expires_at < now)

    async def forget_account(self, name: str) -> None:
        await self._delete(tables.sessions, tables.sessions.c.account == name)
        await self._delete(tables.accounts, tables.accounts.c.name == name)

    async def forget_token(self, name: str) -> None:
        await self._delete(tables.tokens, tables.tokens.c.name == name)

    async def lift_block(self, address: str) -> None:
        await self._delete(tables.blocks, tables.blocks.c.address == address)

    async def mail_filed(self, mailbox: str, uid_validity: int, uids: Collection[int]) -> None:
        columns = tables.mail_to_file.c
        theirs = (columns.mailbox == mailbox) & (columns.uid_validity == uid_validity) & columns.uid.in_(list(uids))
        await self._delete(tables.mail_to_file, theirs)

    # --- recordings --------------------------------------------------------------------------------------

    async def hold_recording(self, path: str, why: str) -> bool:
        """Keep it beyond its time for as long as there is a reason; False when it is being deleted already."""
        columns = tables.recordings.c
        kept = update(tables.recordings).where(columns.path == path, columns.state == "kept")
        return await self._changed(kept.values(held=why)) == 1

    async def take_recordings_past(self, now: Time) -> list[Recording]:
        """What is to be deleted: past its time, its contact closed, and held by nobody; from now on nobody can."""
        columns = tables.recordings.c
        closed = select(tables.contacts.c.reference).where(tables.contacts.c.stage == Stage.CLOSED)
        past = update(tables.recordings).where(
            columns.state == "kept", columns.held == "", columns.keep_until < now, columns.reference.in_(closed)
        )
        await self._changed(past.values(state="deleting"))
        return await self._all(Recording, columns.state == "deleting")

    async def _changed(self, statement: Any) -> int:
        """How many rows it changed."""
        return await self.write(lambda connection: int(connection.execute(statement).rowcount))

    async def _delete(self, table: Table, condition: Any) -> None:
        await self._changed(delete(table).where(condition))

    # --- reading -------------------------------------------------------------------------------------

    async def board(self, rules: Rules, now: Time) -> Board:
        """The board as the tables have it."""
        columns = tables.contacts.c
        open_contacts = select(columns.document).where(columns.stage != Stage.CLOSED)
        lately = or_(
            columns.received_at >= now - rules.remembered_seconds, columns.closed_at > now - rules.reopen_seconds
        )
        closed = select(columns.document).where(columns.stage == Stage.CLOSED, lately)
        pending = select(tables.follow_ups.c.document).where(tables.follow_ups.c.state.in_(("scheduled", "due")))
        return Board.rebuilt(
            rules,
            [CONTACT.validate_json(d) for d in await self._column(open_contacts)],
            [HANDLER.validate_json(d) for d in await self._column(select(tables.handlers.c.document))],
            [FOLLOW_UP.validate_json(d) for d in await self._column(pending)],
            [CONTACT.validate_json(d) for d in await self._column(closed)],
            [PERSON.validate_json(d) for d in await self._column(select(tables.people.c.document))],
            await self._acknowledged(now - ACKNOWLEDGED_SECONDS),
        )

    async def _acknowledged(self, since: Time) -> list[tuple[Time, str]]:
        """Who was acknowledged by text since then, oldest first."""
        columns = tables.messages.c
        query = select(columns.at, columns.recipient).where(
            columns.at >= since, columns.direction == "out", columns.channel == "text", columns.automatic
        )
        return [(row.at, row.recipient) for row in await self.rows(query.order_by(columns.at))]

    async def answers(self, since: Time) -> list[tuple[Time, str]]:
        """When callers were answered since then, and in which queue, oldest first.

        Nobody is looked for who had called more than two hours before: one such wait more or less tells nothing.
        """
        columns = tables.contacts.c
        recent = columns.received_at >= since - LONGEST_LOOK_BACK_SECONDS
        query = select(columns.document).where(columns.channel == "voice", recent)
        contacts = [CONTACT.validate_json(d) for d in await self._column(query)]
        return sorted((c.answered_at, c.queue) for c in contacts if c.answered_at and _was_waiting(c, since))

    async def head(self) -> Head:
        last = select(tables.journal.c.seq, tables.journal.c.hash).order_by(tables.journal.c.seq.desc()).limit(1)
        rows = await self.rows(last)
        return Head(rows[0].seq, rows[0].hash) if rows else Head()

    async def contact(self, reference: str) -> Contact | None:
        return await self.look(lambda looks: looks.contact(reference))

    async def contacts(
        self,
        *,
        party: str = "",
        stage: str = "",
        owner: str = "",
        limit: int = 50,
        before: Time | None = None,
        persons: Collection[str] = (),
    ) -> list[Contact]:
        """The newest contacts first; ``before`` pages backwards by ``received_at``. ``persons``: any of these
        addresses."""
        columns = tables.contacts.c
        query = select(columns.document).order_by(columns.received_at.desc()).limit(limit)
        for column, value in ((columns.party, party), (columns.stage, stage), (columns.owner, owner)):
            if value:
                query = query.where(column == value)
        if persons:
            query = query.where(columns.party.in_(list(persons)))
        if before is not None:
            query = query.where(columns.received_at < before)
        return [CONTACT.validate_json(d) for d in await self._column(query)]

    async def handlers(self) -> list[Handler]:
        return [HANDLER.validate_json(d) for d in await self._column(select(tables.handlers.c.document))]

    async def follow_ups(self, reference: str) -> list[FollowUp]:
        query = select(tables.follow_ups.c.document).where(tables.follow_ups.c.reference == reference)
        return [FOLLOW_UP.validate_json(d) for d in await self._column(query)]

    async def messages(self, reference: str) -> list[Message]:
        """The conversation, oldest first, in the order in which people wrote, as far as the carrier knows it."""
        query = select(tables.messages).where(tables.messages.c.reference == reference)
        return sorted((Message(**row._mapping) for row in await self.rows(query)), key=_written)

    async def message(self, message: str) -> Message | None:
        return await self.look(lambda looks: looks.message(message))

    async def message_by(self, **columns: str) -> Message | None:
        """The message with this ``provider_key``, ``provider_id`` or ``header_id``."""
        conditions = [tables.messages.c[name] == value for name, value in columns.items()]
        return await self._one(Message, *conditions)

    async def set_aside(self, limit: int) -> list[Message]:
        """Mail that was kept and given to nobody, the newest first."""
        columns = tables.messages.c
        query = select(tables.messages).where(columns.reference == "", columns.status == "set_aside")
        rows = await self.rows(query.order_by(columns.at.desc()).limit(limit))
        return [Message(**row._mapping) for row in rows]

    async def attachments(self, *messages: str) -> list[Attachment]:
        return await self._all(Attachment, tables.attachments.c.message.in_(messages))

    async def pending_attachments(self, prefix: str) -> list[Attachment]:
        """Attachments that are still to be fetched: their path begins with ``prefix``."""
        return await self._all(Attachment, tables.attachments.c.path.startswith(prefix, autoescape=True))

    async def sent_to(self, recipient: str) -> set[str]:
        """The provider's ids of everything that is confirmed sent to this address."""
        columns = tables.messages.c
        query = select(columns.provider_id).where(columns.recipient == recipient, columns.provider_id != "")
        return set(await self._column(query))

    async def recordings(self, reference: str) -> list[Recording]:
        return await self._all(Recording, tables.recordings.c.reference == reference)

    async def outbox_open(self) -> list[OutboxItem]:
        """What is decided to be sent and not yet confirmed sent or given up, in the order in which it was written."""
        rows = select(tables.outbox).join(tables.messages).where(tables.outbox.c.state.in_(("waiting", "claimed")))
        return [
            OutboxItem(**row._mapping)
            for row in await self.rows(rows.order_by(tables.messages.c.at, tables.messages.c.id))
        ]

    async def shifts(self, begins: Time, ends: Time) -> list[PlannedShift]:
        """Those that have begun or will begin before ``ends``, and are not over at ``begins``."""
        columns = tables.shifts.c
        return await self._all(PlannedShift, columns.begins < ends, columns.ends > begins)

    async def has_shifts(self) -> bool:
        return bool(await self.rows(select(tables.shifts.c.handler).limit(1)))

    async def rosters(self) -> list[ImportedRoster]:
        """The imports whose files are kept, the latest first."""
        return sorted(await self._all(ImportedRoster), key=lambda roster: -roster.at)

    async def roster(self, roster: str) -> ImportedRoster | None:
        return await self._one(ImportedRoster, tables.rosters.c.id == roster)

    async def calls_by_half_hour(self, since: Time, until: Time, longest_wrap_up: float) -> list[Past]:
        """The calls that came into each queue. A wrap-up counts until its handler completed it, or for so long."""
        return [Past(*row) for row in await self.rows(calls_by_half_hour(self.engine, since, until, longest_wrap_up))]

    async def first_call(self) -> Time | None:
        columns = tables.contacts.c
        query = select(func.min(columns.received_at)).where(columns.channel == "voice")
        first: Time | None = (await self._column(query))[0]
        return first

    async def cursor(self, mailbox: str) -> MailCursor | None:
        return await self._one(MailCursor, tables.cursors.c.mailbox == mailbox)

    async def known_mail(self, mailbox: str, fingerprints: Iterable[str]) -> set[str]:
        """Which of these were kept for this mailbox."""
        columns = tables.known_mail.c
        query = select(columns.fingerprint).where(
            columns.mailbox == mailbox, columns.fingerprint.in_(list(fingerprints))
        )
        return set(await self._column(query))

    async def mail_to_file(self, mailbox: str) -> list[MailToFile]:
        return await self._all(MailToFile, tables.mail_to_file.c.mailbox == mailbox)

    async def account(self, name: str) -> Account | None:
        return await self.look(lambda looks: looks.account(name))

    async def accounts(self) -> list[Account]:
        return await self._all(Account)

    async def session(self, digest: str) -> Session | None:
        return await self.look(lambda looks: looks.session(digest))

    async def token(self, digest: str) -> Token | None:
        return await self._one(Token, tables.tokens.c.digest == digest)

    async def tokens(self) -> list[Token]:
        return await self._all(Token)

    async def journal(
        self, *, reference: str = "", handler: str = "", kind: str = "", after: int = 0, limit: int | None = None
    ) -> AsyncIterator[Row]:
        """The rows behind ``after``, oldest first, read in pages so that a long journal costs little memory."""
        columns, page = tables.journal.c, 1000
        while limit is None or limit > 0:
            size = page if limit is None else min(page, limit)
            query = select(tables.journal).where(columns.seq > after).order_by(columns.seq).limit(size)
            if reference:
                query = query.where(columns.reference == reference)
            if handler:
                query = query.where(columns.handler == handler)
            if kind:
                query = query.where(columns.kind == kind)
            rows = [Row(*row) for row in await self.rows(query)]
            for row in rows:
                yield row
            if len(rows) < size:
                return
            after = rows[-1].seq
            limit = None if limit is None else limit - len(rows)

    async def journal_of(self, references: Collection[str], kinds: Collection[str], after: int) -> list[Row]:
        """These kinds of rows of these contacts behind ``after``, oldest first."""
        columns = tables.journal.c
        theirs = columns.reference.in_(list(references)) & columns.kind.in_(list(kinds)) & (columns.seq > after)
        return [Row(*row) for row in await self.rows(select(tables.journal).where(theirs).order_by(columns.seq))]

    async def ping(self) -> None:
        """Raises StoreError when the database does not answer."""
        await self.rows(select(func.count()).select_from(tables.accounts))

    async def _one(self, kind: type[R], *conditions: Any) -> R | None:
        rows = await self.rows(select(TABLE_OF[kind]).where(*conditions).limit(1))
        return kind(**rows[0]._mapping) if rows else None

    async def _all(self, kind: type[R], *conditions: Any) -> list[R]:
        return [kind(**row._mapping) for row in await self.rows(select(TABLE_OF[kind]).where(*conditions))]

    async def _column(self, query: Any) -> list[Any]:
        return [row[0] for row in await self.rows(query)]

    async def look(self, ask: Callable[[Looks], T]) -> T:
        """What ``ask`` makes of some short looks, in one hop. It runs in a thread. Raises StoreError."""
        try:
            return await self._access.look(lambda connection: ask(Looks(connection)))
        except DATABASE_ERRORS as error:
            raise failure(error) from None

    async def rows(self, query: Any) -> Sequence[Any]:
        """Raises StoreError."""
        try:
            return await self._access.read(lambda connection: connection.execute(query).all())
        except DATABASE_ERRORS as error:
            raise failure(error) from None


def _written(message: Message) -> tuple[int, Time, str]:
    """By the second in which the carrier had it, never later than we did (its clock may be ahead of ours), and within
    that as it came: carriers tell no more than the second, and we write in it too."""
    carrier_had = message.at if message.sent_at is None else message.sent_at
    return floor(min(message.at, carrier_had)), message.at, message.id


def _was_waiting(contact: Contact, since: Time) -> bool:
    """Answered since then out of a queue, and not called back."""
    answered = contact.answered_at is not None and contact.answered_at >= since
    return answered and contact.answered_at == contact.wait_over_at


def failure(error: Exception) -> StoreError:
    """In the database's own words, without the statement and its values: those may hold what people wrote."""
    original = getattr(error, "orig", None)
    words = str(original or type(error).__name__).partition("DETAIL:")[0].strip()
    state = getattr(original, "sqlstate", None) or ""
    refused = state[:2] in REFUSED_STATES if state else isinstance(error, IntegrityError | DataError)
    return NotStorable(words) if refused else StoreError(words)
