"""How the database is spoken to: work is a plain function of a connection, and runs beside the event loop.

With SQLite a whole transaction, or a whole query, is one hop to a thread: a hop costs more than most queries, and one
for each step of them (as aiosqlite has it) several times that. Short looks that wait for the same thread go over
together. PostgreSQL is spoken to by asyncpg on the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.ext.asyncio import AsyncEngine

T = TypeVar("T")
Work = Callable[[Connection], T]
Asked = tuple[Work[Any], asyncio.Future[Any]]

# Long reports must not hold up one another; threads are started when they are needed.
READERS = 8


class Access(Protocol):
    """Raises whatever the driver raises (``store.DATABASE_ERRORS``)."""

    async def read(self, work: Work[T]) -> T:
        """What ``work`` returns; any number at once."""

    async def look(self, work: Work[T]) -> T:
        """As ``read``, for a look that is short: it holds up others."""

    async def write(self, work: Work[T]) -> T:
        """``work`` in a transaction of its own, in the order of the calls; on disk when this returns."""

    async def close(self) -> None:
        """What has begun is ended first."""


class Threads:
    """One thread that writes, one for short looks, some for long ones."""

    def __init__(self, url: URL) -> None:
        self._written, self._read_from = _opened(url, 1), _opened(url, READERS + 1)
        self._writer = ThreadPoolExecutor(1, "store writer")
        self._looker = ThreadPoolExecutor(1, "store looks")
        self._readers = ThreadPoolExecutor(READERS, "store reader")
        self._asked: list[Asked] = []
        self._looking = False

    async def read(self, work: Work[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def look(self, work: Work[T]) -> T:
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._asked.append((work, answer))
        self._look_on()
        return await answer

    async def write(self, work: Work[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._write, work)

    async def close(self) -> None:
        for threads in (self._writer, self._looker, self._readers):
            await asyncio.to_thread(threads.shutdown)
        self._written.dispose()
        self._read_from.dispose()

    def _look_on(self) -> None:
        """Everything that is asked by now goes over together; what is asked meanwhile goes next."""
        if self._asked and not self._looking:
            asked, self._asked, self._looking = self._asked, [], True
            try:
                self._looker.submit(self._look_at, asked, asyncio.get_running_loop())
            except RuntimeError as error:  # it is closed
                self._looked(asked, [(None, error)] * len(asked))

    def _look_at(self, asked: list[Asked], loop: asyncio.AbstractEventLoop) -> None:
        try:
            with self._read_from.connect() as connection:
                seen = [_outcome(work, connection) for work, _ in asked]
        except Exception as error:  # noqa: BLE001 - the database cannot be opened: everybody is told
            seen = [(None, error)] * len(asked)
        loop.call_soon_threadsafe(self._looked, asked, seen)

    def _looked(self, asked: list[Asked], seen: list[tuple[Any, Exception | None]]) -> None:
        self._looking = False
        for (_, answer), (value, error) in zip(asked, seen, strict=True):
            if answer.done():  # whoever asked has gone
                continue
            if error is None:
                answer.set_result(value)
            else:
                answer.set_exception(error)
        self._look_on()

    def _read(self, work: Work[T]) -> T:
        with self._read_from.connect() as connection:
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

    async def look(self, work: Work[T]) -> T:
        return await self.read(work)

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


def _outcome(work: Work[Any], connection: Connection) -> tuple[Any, Exception | None]:
    try:
        return work(connection), None
    except Exception as error:  # noqa: BLE001 - it is told to who asked
        return None, error
