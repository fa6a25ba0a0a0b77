"""The migrations lead from nothing to exactly the tables that the code uses, once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from config.settings import Store as StoreSettings
from gateway.store.database import MIGRATIONS, migrate, open_engine
from gateway.store.store import Store, StoreError
from gateway.store.tables import metadata


def differences(connection: Connection) -> list[Any]:
    options = {"compare_type": True, "compare_server_default": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


async def tables(engine: AsyncEngine) -> set[str]:
    async with engine.connect() as connection:
        return set(await connection.run_sync(lambda c: inspect(c).get_table_names()))


async def test_from_empty_to_exactly_what_the_code_uses(engine: AsyncEngine) -> None:
    await migrate(engine)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_a_column_that_no_migration_makes_would_be_noticed(engine: AsyncEngine) -> None:
    await migrate(engine)
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE calls DROP COLUMN at"))
        assert await connection.run_sync(differences) != []


async def test_migrating_again_changes_nothing(engine: AsyncEngine, store: Store) -> None:
    await store.ping()
    for _ in range(2):
        await migrate(engine)
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM alembic_version"))).scalar() == 1
        assert await connection.run_sync(differences) == []


async def test_two_gateways_that_start_at_once_migrate_once(url: str) -> None:
    engines = [open_engine(StoreSettings(url=url, pool_size=1)) for _ in range(2)]
    await asyncio.gather(*(migrate(engine) for engine in engines))
    assert metadata.tables.keys() < await tables(engines[0])
    for engine in engines:
        await engine.dispose()


async def test_a_migration_that_fails_half_way_leaves_nothing_behind(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE outbox (in_the_way INTEGER)"))
    with pytest.raises(StoreError, match="already exists"):
        await migrate(engine)
    assert await tables(engine) == {"outbox"}, "the tables before it were not kept"


def test_the_first_migration_is_written_out() -> None:
    first = (MIGRATIONS / "versions" / "0001_first_tables.py").read_text(encoding="utf-8")
    assert "gateway.store.tables" not in first, "a migration must not change when the tables do"
