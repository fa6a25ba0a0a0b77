"""How the database is spoken to: work is a plain function of a connection, and runs beside the event loop.

With SQLite a whole transaction, or a whole query, is one hop to a thread: a hop costs more than most queries, and one
for each step of them (as aiosqlite has it) several times that. PostgreSQL is spoken to by asyncpg on the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.ext.asyncio import AsyncEngine

T = TypeVar("T")
Work = Callable[[Connection], T]

# Long reports must not hold up short looks; threads are started when they are needed.
READERS = 8


class Access(Protocol):
    """Raises whatever the driver raises (``store.DATABASE_ERRORS``)."""

    async def read(self, work: Work[T]) -> T:
        """What ``work`` returns; any number at once."""

    async def write(self, work: Work[T]) -> T:
        """``work`` in a transaction of its own, in the order of the calls; on disk when this returns."""

    async def close(self) -> None:
        """What has begun is ended first."""


class Threads:
    """One thread that writes, some that read."""

    def __init__(self, url: URL) -> None:
        self._written, self._looked_at = _opened(url, 1), _opened(url, READERS)
        self._writer = ThreadPoolExecutor(1, "store writer")
        self._readers = ThreadPoolExecutor(READERS, "store reader")

    async def read(self, work: Work[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def write(self, work: Work[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._write, work)

    async def close(self) -> None:
        for threads in (self._writer, self._readers):
            await asyncio.to_thread(threads.shutdown)
        self._written.dispose()
        self._looked_at.dispose()

    def _read(self, work: Work[T]) -> T:
        with self._looked_at.connect() as connection:
            return work(connection)

    def _write(self, work: Work[T]) -> T:
        with self._written.begin() as connection:
            return work(connection)


class OnTheLoop:
    """Through an asynchronous driver."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._writing = asyncio.Lock()

    async def read(self, work: Work[T]) -> T:
        async with self._engine.connect() as connection:
            return await connection.run_sync(work)

    async def write(self, work: Work[T]) -> T:
        async with self._writing, self._engine.begin() as connection:
            return await connection.run_sync(work)

    async def close(self) -> None:
        """Its connections are the engine's."""


def access(engine: AsyncEngine) -> Access:
    if engine.dialect.name != "sqlite":
        return OnTheLoop(engine)
    return Threads(engine.url.set(drivername="sqlite"))


def _opened(url: URL, connections: int) -> Engine:
    engine = create_engine(url, pool_size=connections, pool_use_lifo=True, hide_parameters=True)
    event.listen(engine, "connect", durable)
    return engine


def durable(connection: object, _record: object) -> None:
    """SQLite in WAL mode, with every commit synced to disk."""
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
