"""What every test may use: settings with an overlay, a clock that is moved by hand, a PostgreSQL server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from config.load import load
from config.settings import Settings
from gateway.sandbox import ports
from tests.support.clock import FakeClock
from tests.support.ports import WORLDS, share_of
from tests.support.postgres import Postgres
from tests.support.shared_world import shared_world, world

__all__ = ["clock", "postgres", "settings", "shared_world", "world"]

ports.LOWEST, ports.HIGHEST = share_of(WORLDS)
MakeSettings = Callable[..., Settings]


@pytest.fixture
def settings(tmp_path: Path) -> MakeSettings:
    """``settings(voice={"slots": 2})``: the defaults in a temporary directory, with this laid over them."""

    def make(**overlay: Any) -> Settings:
        base: dict[str, Any] = {
            "gateway": {"data_dir": str(tmp_path), "run_dir": "run"},
            "edge": {"phone_secret": "phones"},
        }
        base["text"] = {"auth_token": "texts"}
        base["email"] = {"reference_secret": "references"}
        for section, values in overlay.items():
            both_tables = isinstance(values, dict) and isinstance(base.get(section), dict)
            base[section] = base[section] | values if both_tables else values
        return load(overlay=base)

    return make


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for the whole run; each test makes a database of its own with ``await postgres.create()``."""
    with Postgres() as server:
        yield server
