"""How a batch is written: each table's rows at once, in one transaction that the caller has begun."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import cache
from operator import attrgetter, itemgetter
from typing import Any

from sqlalchemy import Connection, Float, Table, Text, bindparam, case, delete, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store import tables
from gateway.store.documents import dump, storable
from gateway.store.journal import Row
from gateway.store.records import (
    FINAL_STATUSES,
    Account,
    Attachment,
    Block,
    CallRecord,
    ImportedRoster,
    KnownMail,
    MailCursor,
    MailToFile,
    Message,
    MessageStatus,
    OutboxItem,
    PlannedShift,
    Record,
    Recording,
    SentAt,
    Session,
    ShiftsCleared,
    Token,
)
from routing.board import Touched
from routing.model import Contact, FollowUp

TABLE_OF: dict[type, Table] = {
    Message: tables.messages,
    Attachment: tables.attachments,
    OutboxItem: tables.outbox,
    Block: tables.blocks,
    CallRecord: tables.calls,
    Recording: tables.recordings,
    MailCursor: tables.cursors,
    KnownMail: tables.known_mail,
    MailToFile: tables.mail_to_file,
    ImportedRoster: tables.rosters,
    PlannedShift: tables.shifts,
    Account: tables.accounts,
    Session: tables.sessions,
    Token: tables.tokens,
}


def write_all(connection: Connection, rows: Sequence[Row], touched: Touched, records: Sequence[Record]) -> None:
    """Everything of a batch; what is referred to before what refers to it."""
    upsert(connection, tables.contacts, [_contact_row(c) for c in touched.contacts.values()])
    upsert(connection, tables.follow_ups, [_follow_up_row(f) for f in touched.follow_ups.values()])
    handlers = [{"id": h.id, "document": dump(h)} for h in touched.handlers.values() if h]
    upsert(connection, tables.handlers, handlers)
    for gone in [name for name, handler in touched.handlers.items() if handler is None]:
        connection.execute(delete(tables.handlers).where(tables.handlers.c.id == gone))
    for cleared in [r for r in records if isinstance(r, ShiftsCleared)]:
        _clear_shifts(connection, cleared)
    people = [{"address": storable(p.address), "document": dump(p)} for p in touched.people.values()]
    upsert(connection, tables.people, people)
    for kind, table in TABLE_OF.items():
        upsert(connection, table, [_plain(r) for r in records if type(r) is kind])
    statuses = [r for r in records if isinstance(r, MessageStatus)]
    if statuses:
        connection.execute(MESSAGE_STATUS, [_named("new_", status) for status in statuses])
    sent = [r for r in records if isinstance(r, SentAt)]
    if sent:
        connection.execute(MESSAGE_SENT_AT, [_named("new_", one) for one in sent])
    if rows:
        _put(connection, JOURNAL_ROW, [_plain(row) for row in rows])


def _clear_shifts(connection: Connection, cleared: ShiftsCleared) -> None:
    columns = tables.shifts.c
    theirs = columns.centre.in_(cleared.centres) | columns.handler.in_(cleared.handlers)
    period = (columns.begins >= cleared.begins) & (columns.begins < cleared.ends)
    connection.execute(delete(tables.shifts).where(period & theirs))
    latest = select(tables.rosters.c.id).order_by(tables.rosters.c.at.desc()).limit(cleared.kept - 1)
    connection.execute(delete(tables.rosters).where(tables.rosters.c.id.not_in(latest)))


def upsert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Put in, or put in the place of what has the same key."""
    if rows:
        _put(connection, _upserting(table, connection.dialect.name), rows)


def _put(connection: Connection, statement: Any, rows: Sequence[dict[str, Any]]) -> None:
    """``rows`` have the same keys. SQLite takes our values as they are, without a look at the type of each."""
    if connection.dialect.name == "sqlite":
        statement_text, names = _compiled(statement, tuple(rows[0]))
        connection.exec_driver_sql(statement_text, list(map(itemgetter(*names), rows)))
    else:
        connection.execute(statement, rows)


@cache
def _compiled(statement: Any, keys: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """SQLite's text of it, and whose value stands at each question mark."""
    compiled = statement.compile(dialect=sqlite.dialect(), column_keys=keys)
    return str(compiled), tuple(compiled.positiontup)


@cache
def _upserting(table: Table, dialect: str) -> Any:
    """To build a statement costs far more than to execute it."""
    keys = [column.name for column in table.primary_key]
    statement: Any = (sqlite.insert if dialect == "sqlite" else postgresql.insert)(table)
    excluded = statement.excluded
    changed = {c.name: excluded[c.name] for c in table.columns if c.name not in keys}
    if changed:
        return statement.on_conflict_do_update(index_elements=keys, set_=changed)
    return statement.on_conflict_do_nothing()


def _status_statement() -> Any:
    """What is not said ('') stays, but for the trouble of earlier tries with a message that waited and has gone out.

    Reports overtake each other: "sent" may come after "delivered".
    """
    columns = tables.messages.c
    said = {name: bindparam(f"new_{name}", type_=Text()) for name in ("provider_id", "problems", "status")}
    final = or_(*(columns.status == final for final in FINAL_STATUSES))  # many at once: no IN can be filled in
    provider_id = case((said["provider_id"] == "", columns.provider_id), else_=said["provider_id"])
    over = (columns.status == "waiting") & or_(*(said["status"] == went for went in ("sent", "delivered")))
    problems = case((over, said["problems"]), (said["problems"] == "", columns.problems), else_=said["problems"])
    status = case((final, columns.status), else_=said["status"])
    changed = {"provider_id": provider_id, "problems": problems, "status": status}
    return update(tables.messages).where(columns.id == bindparam("new_message")).values(**changed)


MESSAGE_STATUS = _status_statement()
MESSAGE_SENT_AT = (
    update(tables.messages)
    .where(tables.messages.c.id == bindparam("new_message"))
    .values(sent_at=bindparam("new_at", type_=Float()))
)
JOURNAL_ROW = insert(tables.journal)


def _contact_row(contact: Contact) -> dict[str, Any]:
    return {
        "reference": contact.reference,
        "stage": contact.stage,
        "channel": contact.channel,
        "queue": contact.queue,
        "party": storable(contact.party.address),
        "thread": storable(contact.thread),
        "owner": contact.owner,
        "received_at": contact.received_at,
        "closed_at": contact.closed_at,
        "document": dump(contact),
    }


def _follow_up_row(follow_up: FollowUp) -> dict[str, Any]:
    return {
        "id": follow_up.id,
        "reference": follow_up.reference,
        "state": follow_up.state,
        "document": dump(follow_up),
    }


def _plain(record: Any) -> dict[str, Any]:
    kind: Any = type(record)
    names, values_of = _read(kind)
    values = [storable(value) if isinstance(value, str) else value for value in values_of(record)]
    return dict(zip(names, values, strict=True))


def _named(prefix: str, record: Any) -> dict[str, Any]:
    return {f"{prefix}{name}": value for name, value in _plain(record).items()}


@cache
def _read(kind: Any) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    """The names of its fields, and what reads all of them at once; every kind has several."""
    names = tuple(field.name for field in fields(kind))
    return names, attrgetter(*names)
