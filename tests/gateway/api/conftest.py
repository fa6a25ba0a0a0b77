"""A running HTTP side for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.api.site import Calls, Site, Texts, settings_in


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with Site(settings_in(tmp_path), Calls(), Texts()) as running:
        yield running


@pytest.fixture
async def site_without_channels(tmp_path: Path) -> AsyncIterator[Site]:
    async with Site(settings_in(tmp_path), None, None) as running:
        yield running
