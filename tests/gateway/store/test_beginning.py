"""A gateway finds its database or does not start: only ``contact-gateway begin`` begins one."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.settings import Settings
from gateway.app import Gateway
from gateway.store.database import begin_database, open_engine
from gateway.store.errors import NoDatabase
from routing.events import HandlerSaved
from routing.model import Handler
from tests.gateway.api.site import settings_in
from tests.support.ports import SINGLE, any_of


@pytest.fixture
def site(url: str, tmp_path: Path) -> Settings:
    """Without channels; its database is empty."""
    off = {channel: {"enabled": False} for channel in ("voice", "text", "email")}
    return settings_in(tmp_path / "data", off | {"http": {"port": any_of(SINGLE, 1)}, "store": {"url": url}})


async def test_a_gateway_without_a_database_does_not_start_and_makes_nothing(site: Settings) -> None:
    with pytest.raises(NoDatabase, match="there is no database at"):
        async with Gateway(site).running():
            pass
    assert not site.gateway.data_dir.exists()


async def test_what_was_begun_is_found_by_each_start_and_never_begun_again(site: Settings) -> None:
    first = await begin_database(site)
    async with Gateway(site).running():
        pass
    gateway = Gateway(site)
    async with gateway.running():
        await gateway.dispatcher.submit(HandlerSaved(Handler("anna", "Anna", "fcc"), "program:test"))
    again = await begin_database(site)

    assert [first[0], again[0]] == [True, False]
    assert first[1] == again[1]
    last = Gateway(site)
    async with last.running():
        assert set(last.dispatcher.board.handlers) == {"anna"}


async def test_where_it_is_is_said_without_its_password(tmp_path: Path) -> None:
    url = "postgresql+asyncpg://gateway:secret@127.0.0.1:9/none"
    assert "secret" not in open_engine(settings_in(tmp_path, {"store": {"url": url}}).store).url.render_as_string()
