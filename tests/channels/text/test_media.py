"""Attachments are fetched without trusting them, and without giving our credentials away."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from pathlib import Path

import pytest
from aiohttp import web

from channels.base import ChannelError, Refused, Throttled, Unreachable
from channels.text.port import MediaItem
from channels.text.twilio.carrier import Twilio
from config.text import Scanner
from gateway.sandbox.carrier import LocalCarrier
from tests.channels.text.peers import PICTURE, server, settings_for


class TestMedia:
    async def picture(self, local: LocalCarrier, data: bytes = PICTURE) -> MediaItem:
        await local.text_in("+447700900123", "61016", "look", media=[("image/jpeg", data)])
        message = local.messages[-1]
        return MediaItem(f"{local.url}{message.uri}/Media/{message.media[0].sid}", "image/png")

    async def test_an_attachment_is_stored_with_its_hash_and_the_servers_type(
        self, local: LocalCarrier, carrier: Twilio, tmp_path: Path
    ) -> None:
        fetched = await carrier.fetch_media(await self.picture(local))

        assert fetched.path.parent == tmp_path / "media"
        assert fetched.path.read_bytes() == PICTURE
        assert fetched.sha256 == hashlib.sha256(PICTURE).hexdigest()
        assert (fetched.content_type, fetched.size) == ("image/jpeg", len(PICTURE))

    async def test_the_same_attachment_twice_is_one_file(
        self, local: LocalCarrier, carrier: Twilio, tmp_path: Path
    ) -> None:
        item = await self.picture(local)

        assert await carrier.fetch_media(item) == await carrier.fetch_media(item)
        assert len(list((tmp_path / "media").iterdir())) == 1

    async def test_what_the_virus_scanner_finds_is_not_kept(self, local: LocalCarrier, tmp_path: Path) -> None:
        found = Scanner(command=(sys.executable, "-c", "print('x: Test.Thing FOUND'); raise SystemExit(1)"))
        settings = settings_for(local.url, tmp_path).model_copy(update={"scanner": found})
        async with Twilio(settings, "") as carrier:
            with pytest.raises(Refused, match=r"found Test\.Thing"):
                await carrier.fetch_media(await self.picture(local))
        assert list((tmp_path / "media").iterdir()) == []

    async def test_an_svg_is_no_picture_since_it_can_carry_a_program(
        self, local: LocalCarrier, carrier: Twilio, tmp_path: Path
    ) -> None:
        await local.text_in("+447700900123", "61016", "look", media=[("image/svg+xml", b"<svg/>")])
        message = local.messages[-1]
        item = MediaItem(f"{local.url}{message.uri}/Media/{message.media[0].sid}", "image/svg+xml")
        with pytest.raises(Refused, match="SVG"):
            await carrier.fetch_media(item)

        assert self.left(tmp_path) == []

    async def test_an_attachment_one_byte_too_large_leaves_nothing_behind(
        self, local: LocalCarrier, carrier: Twilio, tmp_path: Path
    ) -> None:
        with pytest.raises(Refused, match="larger than"):
            await carrier.fetch_media(await self.picture(local, PICTURE + b"!"))

        assert self.left(tmp_path) == []

    async def test_a_stream_without_end_is_cut_off_at_the_limit(self, tmp_path: Path) -> None:
        async def endless(request: web.Request) -> web.StreamResponse:
            answer = web.StreamResponse()
            await answer.prepare(request)
            while True:
                await answer.write(b"x" * 10_000)

        async with (
            server(endless) as flood,
            Twilio(settings_for(flood.url, tmp_path), "") as carrier,
            asyncio.timeout(10),
        ):
            with pytest.raises(Refused, match="larger than"):
                await carrier.fetch_media(MediaItem(flood.url + "/a", "image/jpeg"))

        assert self.left(tmp_path) == []

    async def test_an_answer_that_breaks_off_leaves_nothing_behind(self, tmp_path: Path) -> None:
        async def breaks_off(request: web.Request) -> web.StreamResponse:
            answer = web.StreamResponse(headers={"Content-Length": "1000"})
            await answer.prepare(request)
            await answer.write(b"only this")
            assert request.transport
            request.transport.close()
            return answer

        async with server(breaks_off) as flaky, Twilio(settings_for(flaky.url, tmp_path), "") as carrier:
            with pytest.raises(Unreachable):
                await carrier.fetch_media(MediaItem(flaky.url + "/a", "image/jpeg"))

        assert self.left(tmp_path) == []

    @pytest.mark.parametrize(
        ("status", "error"), [(404, Refused), (429, Throttled), (500, Unreachable), (304, Refused)]
    )
    async def test_what_is_not_there_now_is_told_apart_from_what_is_gone(
        self, tmp_path: Path, status: int, error: type[ChannelError]
    ) -> None:
        async def answer(request: web.Request) -> web.Response:
            return web.Response(status=status)

        async with server(answer) as store, Twilio(settings_for(store.url, tmp_path), "") as carrier:
            with pytest.raises(ChannelError) as found:
                await carrier.fetch_media(MediaItem(store.url + "/a", "image/jpeg"))

        assert type(found.value) is error

    async def test_credentials_go_to_the_carrier_and_nowhere_else(self, local: LocalCarrier, carrier: Twilio) -> None:
        async def give(request: web.Request) -> web.Response:
            return web.Response(body=b"picture", content_type="image/png")

        async with server(give) as elsewhere:
            fetched = await carrier.fetch_media(MediaItem(elsewhere.url + "/a", "image/jpeg"))
            with_name = elsewhere.url.replace("//", "//someone:secret@")
            await carrier.fetch_media(MediaItem(with_name + "/a", "image/jpeg"))

        assert fetched.size == len(b"picture")
        assert elsewhere.credentials == ["", ""]

    async def test_a_redirect_from_the_carrier_is_followed_without_credentials(self, tmp_path: Path) -> None:
        async def give(request: web.Request) -> web.Response:
            return web.Response(body=b"picture")

        async with server(give) as store:

            async def redirect(request: web.Request) -> web.Response:
                raise web.HTTPTemporaryRedirect(store.url + "/signed?key=1")

            async with server(redirect) as api, Twilio(settings_for(api.url, tmp_path), "") as carrier:
                await carrier.fetch_media(MediaItem(api.url + "/a", "image/jpeg"))

        assert [bool(shown) for shown in api.credentials] == [True]
        assert store.credentials == [""]

    @pytest.mark.parametrize("target", ["/again", "", "file:///etc/passwd", "http://[::1", "ftp://127.0.0.1/a"])
    async def test_a_redirect_that_leads_nowhere_is_given_up(self, tmp_path: Path, target: str) -> None:
        async def redirect(request: web.Request) -> web.Response:
            return web.Response(status=302, headers={"Location": target})

        async with server(redirect) as api, Twilio(settings_for(api.url, tmp_path), "") as carrier:
            with pytest.raises(Refused, match=r"address leads|address is not valid"):
                await carrier.fetch_media(MediaItem(api.url + "/a", "image/jpeg"))

    @staticmethod
    def left(tmp_path: Path) -> list[Path]:
        return list((tmp_path / "media").glob("*"))
