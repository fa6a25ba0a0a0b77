"""The addresses of pictures: signed, and over in time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from gateway.store.records import Message
from gateway.texts.pictures import Pictures, kept
from routing.board import Board
from routing.events import Recorded
from tests.support.writer import Writer, settings_for

NOW = 1_700_000_000.0
MAP = b"\x89PNG a map"


class Shown:
    """A gateway that shows its pictures, with a clock to move."""

    def __init__(self, directory: Path, writer: Writer) -> None:
        self.now, self.settings = NOW, settings_for(directory)
        self.pictures = Pictures(self.settings, writer.store, lambda: Board(writer.rules), lambda: self.now)

    async def get(self, url: str) -> tuple[int, bytes]:
        app = web.Application()
        app.router.add_get("/pictures/{id}/{expires:[0-9]{1,12}}/{signature:[0-9a-f]{64}}", self.pictures.show)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        path = url.removeprefix(self.settings.http.public_url)
        async with aiohttp.request("GET", f"http://127.0.0.1:{runner.addresses[0][1]}{path}") as answer:
            content = await answer.read()
        await runner.cleanup()
        return answer.status, content


@pytest.fixture
async def writer(tmp_path: Path) -> AsyncIterator[Writer]:
    settings = settings_for(tmp_path)
    async with Writer(settings.store.url, settings) as writer:
        message = Message("m1", "T1", "text", "out", "61016", "+447700900123", "Here", NOW, "handler:anna")
        files = kept(settings.text.media_dir, "m1", [("map.png", "image/png", MAP)])
        await writer.dispatcher.submit(Recorded("a reply", "handler:anna"), message, *files)
        yield writer


async def test_it_is_shown_until_its_time_is_over(tmp_path: Path, writer: Writer) -> None:
    shown = Shown(tmp_path, writer)
    message = await writer.store.message("m1")
    assert message
    (url,) = await shown.pictures.links(message)
    assert url.startswith(shown.settings.http.public_url)

    shown.now += shown.settings.text.picture_link_seconds
    assert await shown.get(url) == (200, MAP)
    shown.now += 1
    assert (await shown.get(url))[0] == 403


async def test_an_address_outlives_a_restart_and_its_key_is_nobody_elses(tmp_path: Path, writer: Writer) -> None:
    message = await writer.store.message("m1")
    assert message
    (url,) = await Shown(tmp_path, writer).pictures.links(message)
    assert (await Shown(tmp_path, writer).get(url))[0] == 200
    (key,) = tmp_path.glob("*.key")
    assert (key.stat().st_mode & 0o777, key.stat().st_size) == (0o600, 32)


async def test_what_is_not_signed_is_not_looked_for(tmp_path: Path, writer: Writer) -> None:
    assert (await Shown(tmp_path, writer).get(f"/pictures/m1-0/{int(NOW) + 60}/{'0' * 64}"))[0] == 403
