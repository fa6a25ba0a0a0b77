"""Every test of the store runs on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from config.settings import Store as StoreSettings
from gateway.store.database import migrate, open_engine
from gateway.store.store import Store
from tests.support.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh, empty database."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/gateway.db"
    server: Postgres = request.getfixturevalue("postgres")
    return await server.create()


@pytest.fixture
async def engine(url: str) -> AsyncIterator[AsyncEngine]:
    engine = open_engine(StoreSettings(url=url, pool_size=3))
    yield engine
    await engine.dispose()


@pytest.fixture
async def store(engine: AsyncEngine) -> Store:
    await migrate(engine)
    return Store(engine)
