"""Where facts lie: the tables that the ledger fills and that reports are counted from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Delete, Table, delete, insert, or_, select, update

from gateway.statistics.facts import Colleague, Fact, Handling, Matter, Spell, Wait
from gateway.statistics.ledger import Changes, Ledger
from gateway.store import tables
from gateway.store.store import Store, StoreError
from gateway.store.writing import upsert
from routing.model import Time

MATTER: TypeAdapter[Matter] = TypeAdapter(Matter)
COLLEAGUE: TypeAdapter[Colleague] = TypeAdapter(Colleague)
TABLES: dict[type[Fact], Table] = {Wait: tables.waits, Handling: tables.handlings, Spell: tables.spells}
JOURNAL = "journal"
# Read in slices of time, so that no other work waits for a long report. What comes is made of the rows only where it is
# taken: in a thread.
SLICE_SECONDS = 14_400.0
CLEARED_AT_ONCE = 5000


class Overtaken(StoreError):
    """Another process has drawn these facts meanwhile: read the ledger again."""


class Shelf:
    def __init__(self, store: Store) -> None:
        self._store = store

    # --- the ledger ----------------------------------------------------------------------------------

    async def ledger(self) -> tuple[Ledger, int]:
        """As it was left, and the last row of the journal that is in it. Raises StoreError."""
        matters, colleagues, seq = [], [], 0
        for key, document in await self._store.rows(select(tables.ledger)):
            kind = key.partition(":")[0]
            if kind == JOURNAL:
                seq = int(document)
            elif kind == "contact":
                matters.append(MATTER.validate_json(document))
            else:
                colleagues.append(COLLEAGUE.validate_json(document))
        return Ledger(matters, colleagues), seq

    async def put(self, changes: Changes, before: int, seq: int) -> None:
        """What the rows behind ``before`` up to ``seq`` have changed: all of it or nothing.

        Raises Overtaken, StoreError.
        """
        kept, gone = _documents(changes)
        facts = {kind: [_row(fact) for fact in changes.facts.values() if type(fact) is kind] for kind in TABLES}

        def written(connection: Connection) -> None:
            _move_on(connection, before, seq)
            for kind, rows in facts.items():
                upsert(connection, TABLES[kind], rows)
            upsert(connection, tables.ledger, kept)
            if gone:
                connection.execute(delete(tables.ledger).where(tables.ledger.c.key.in_(gone)))

        await self._store.write(written)

    async def clear(self) -> None:
        """Nothing is left: everything is drawn from the journal's first row again. Raises StoreError.

        In small steps, between which calls and messages are written down.
        """
        await self._removed(delete(tables.ledger))
        for table in TABLES.values():
            some = delete(table).where(table.c.id.in_(select(table.c.id).limit(CLEARED_AT_ONCE)))
            while await self._removed(some):
                pass

    async def _removed(self, statement: Delete) -> int:
        return await self._store.write(lambda connection: int(connection.execute(statement).rowcount))

    # --- reading -------------------------------------------------------------------------------------

    async def waits(self, begins: Time, ends: Time, handler: str = "") -> AsyncIterator[Iterator[Wait]]:
        """Those that began then, some at a time; ``handler``: of those whom they answered."""
        columns = tables.waits.c
        query = select(tables.waits)
        query = query.where(columns.handler == handler) if handler else query
        for since, until in _slices(begins, ends):
            yield map(_wait, await self._store.rows(query.where(columns.at >= since, columns.at < until)))

    async def handlings(self, begins: Time, ends: Time, handler: str = "") -> AsyncIterator[Iterator[Handling]]:
        """Those that overlap the time, some at a time."""
        async for rows in self._overlapping(tables.handlings, begins, ends, handler):
            yield (Handling(**row._mapping) for row in rows)

    async def spells(self, begins: Time, ends: Time, handler: str = "") -> AsyncIterator[Iterator[Spell]]:
        """Those that overlap the time, some at a time."""
        async for rows in self._overlapping(tables.spells, begins, ends, handler):
            yield (Spell(**row._mapping) for row in rows)

    async def _overlapping(self, table: Table, begins: Time, ends: Time, handler: str) -> AsyncIterator[Sequence[Any]]:
        columns = table.c
        query = select(table)
        query = query.where(columns.handler == handler) if handler else query
        not_over = or_(columns.ended_at.is_(None), columns.ended_at > begins)
        yield await self._store.rows(query.where(columns.began_at < begins, not_over))
        for since, until in _slices(begins, ends):
            yield await self._store.rows(query.where(columns.began_at >= since, columns.began_at < until))


def _wait(row: Any) -> Wait:
    values = dict(row._mapping)
    del values["at"]
    return Wait(**values | {"through": tuple(values["through"].split())})


def _move_on(connection: Connection, before: int, seq: int) -> None:
    """Raises Overtaken."""
    mark = tables.ledger.c
    if before == 0:
        connection.execute(insert(tables.ledger).values(key=JOURNAL, document=str(seq)))
        return
    moved = update(tables.ledger).where(mark.key == JOURNAL, mark.document == str(before))
    if connection.execute(moved.values(document=str(seq))).rowcount != 1:
        raise Overtaken("another process draws the statistics as well")


def _row(fact: Fact) -> dict[str, Any]:
    values = dict(vars(fact))
    if isinstance(fact, Wait):
        at = fact.arrived_at if fact.began_at is None else fact.began_at
        return values | {"through": " ".join(fact.through), "at": at}
    return values


def _documents(changes: Changes) -> tuple[list[dict[str, str]], list[str]]:
    """The ledger's own rows: those to be kept, and the keys of those that are over."""
    kept = [
        {"key": f"contact:{reference}", "document": MATTER.dump_json(matter).decode()}
        for reference, matter in changes.matters.items()
        if matter is not None
    ] + [
        {"key": f"handler:{handler}", "document": COLLEAGUE.dump_json(colleague).decode()}
        for handler, colleague in changes.colleagues.items()
        if colleague is not None
    ]
    gone = [f"contact:{reference}" for reference, matter in changes.matters.items() if matter is None]
    gone += [f"handler:{handler}" for handler, colleague in changes.colleagues.items() if colleague is None]
    return kept, gone


def _slices(begins: Time, ends: Time) -> list[tuple[Time, Time]]:
    slices = []
    while begins < ends:
        slices.append((begins, min(begins + SLICE_SECONDS, ends)))
        begins += SLICE_SECONDS
    return slices
