"""Opens the database and brings its tables up to date."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, inspect
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from config.settings import Settings
from config.settings import Store as StoreSettings
from gateway.store.access import durable
from gateway.store.errors import NoDatabase, NotMade
from gateway.store.store import DATABASE_ERRORS, failure
from gateway.store.tables import metadata

# A database that does not answer within these counts as down (PostgreSQL; SQLite has its busy_timeout).
CONNECT_SECONDS = 5.0
COMMAND_SECONDS = 30.0
# Two gateways that start at once must not both migrate; both locks end with the transaction.
LOCKS = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "SELECT pg_advisory_xact_lock(734001)"}
MIGRATIONS = Path(__file__).parent / "migrations"
NO_SUCH_DATABASE = "3D000"  # PostgreSQL's SQLSTATE


def open_engine(settings: StoreSettings) -> AsyncEngine:
    """SQLite (of its connections only migrations and the reading of the whole past are made here), or PostgreSQL with
    a pool."""
    if settings.url.startswith("sqlite"):
        engine = create_async_engine(settings.url, hide_parameters=True)
        event.listen(engine.sync_engine, "connect", durable)
        return engine
    deadlines = {"timeout": CONNECT_SECONDS, "command_timeout": COMMAND_SECONDS}
    return create_async_engine(
        settings.url,
        pool_size=settings.pool_size,
        pool_pre_ping=True,
        connect_args=deadlines,
        hide_parameters=True,
    )


async def begin_database(settings: Settings) -> tuple[bool, str]:
    """The only way in which one is begun: whether it was, and where. One that is there already stays as it is.

    Raises NotMade, StoreError, OSError.
    """
    await asyncio.to_thread(settings.gateway.data_dir.mkdir, mode=0o700, parents=True, exist_ok=True)
    engine = open_engine(settings.store)
    try:
        await require_database(engine)
        return False, _address_of(engine)
    except NotMade:
        raise
    except NoDatabase:
        await migrate(engine)
        return True, _address_of(engine)
    finally:
        await engine.dispose()


async def require_database(engine: AsyncEngine) -> None:
    """Nobody begins one by the way: at a mistyped address it would hold no contact, and look sound.

    Raises NoDatabase, StoreError.
    """
    missing = _is_file(engine) and not await asyncio.to_thread(Path(_address_of(engine)).is_file)
    if missing or not await _has_tables(engine):
        raise NoDatabase(f"there is no database at {_address_of(engine)}")


def _address_of(engine: AsyncEngine) -> str:
    """A path, or a URL without its password."""
    return str(engine.url.database) if _is_file(engine) else engine.url.render_as_string(hide_password=True)


def _is_file(engine: AsyncEngine) -> bool:
    return engine.dialect.name == "sqlite"


async def _has_tables(engine: AsyncEngine) -> bool:
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(lambda here: inspect(here).has_table("journal"))
    except DATABASE_ERRORS as error:
        if getattr(getattr(error, "orig", error), "sqlstate", "") == NO_SUCH_DATABASE:
            where, name = _address_of(engine), str(engine.url.database)
            raise NotMade(f"there is no database at {where}: the server has no database of that name", name) from None
        raise failure(error) from None


async def migrate(engine: AsyncEngine) -> None:
    """Bring the tables to the newest version, all or nothing. Raises StoreError."""
    try:
        async with engine.begin() as connection:
            await connection.exec_driver_sql(LOCKS[engine.dialect.name])
            await connection.run_sync(_upgrade)
    except DATABASE_ERRORS as error:
        raise failure(error) from None


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    script = ScriptDirectory.from_config(config)

    def to_head(revision: Any, _context: Any) -> Any:
        return script._upgrade_revs("head", revision)

    with EnvironmentContext(config, script, fn=to_head, destination_rev="head") as context:
        context.configure(connection=connection, target_metadata=metadata)
        with context.begin_transaction():
            context.run_migrations()
