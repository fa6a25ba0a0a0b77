"""The control socket: the API for this machine's administrators."""

from __future__ import annotations

import getpass
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from gateway.control import AlreadyRunning, control_path, open_control
from tests.gateway.api.site import Site, settings_in


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with Site(settings_in(tmp_path), None, None) as running:
        yield running


async def test_who_comes_through_it_is_an_administrator_by_the_kernels_word(site: Site) -> None:
    path = control_path(site.settings.gateway.run_dir)
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
        session.get("http://gateway/api/v1/session") as answer,
    ):
        who = await answer.json()

    assert (who["name"], who["role"], who["handler"], who["csrf"]) == (getpass.getuser(), "administrator", "", "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_second_gateway_on_the_same_data_is_refused(site: Site) -> None:
    runner = web.AppRunner(web.Application())
    await runner.setup()

    with pytest.raises(AlreadyRunning, match="another gateway is running"):
        await open_control(runner, control_path(site.settings.gateway.run_dir))

    await runner.cleanup()


async def test_what_a_crash_left_behind_is_cleared_away(tmp_path: Path) -> None:
    path = control_path(tmp_path)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    runner = web.AppRunner(web.Application())
    await runner.setup()

    await open_control(runner, path)

    await runner.cleanup()


async def test_a_path_that_is_too_long_is_named(tmp_path: Path) -> None:
    runner = web.AppRunner(web.Application())
    await runner.setup()

    with pytest.raises(OSError, match=r"set gateway\.run_dir to a shorter path"):
        await open_control(runner, control_path(tmp_path / ("x" * 100)))

    await runner.cleanup()
