"""Another sandbox, as a page that answers."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.sandbox.mail import SentMail
from gateway.sandbox.neighbour import Neighbour

MAIL = SentMail("", ("contact@north.invalid",), b"Subject: hello\r\n\r\nhello")


class Page:
    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.status = 201

    async def mailboxes(self, request: web.Request) -> web.Response:
        return web.json_response([{"address": "Contact@north.invalid", "folders": {}}])

    async def mails(self, request: web.Request) -> web.Response:
        self.taken.append(await request.json())
        return web.json_response({}, status=self.status)


@pytest.fixture
async def page() -> Page:
    return Page()


@pytest.fixture
async def url(page: Page) -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes([web.get("/world/mailboxes", page.mailboxes), web.post("/world/mails", page.mails)])
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("/")).rstrip("/")


async def test_mail_reaches_it_as_it_was_sent(page: Page, url: str) -> None:
    other = await Neighbour.at(url)
    assert other.addresses == {"contact@north.invalid"}

    await other.take(MAIL, "contact@north.invalid")

    raw = base64.b64encode(MAIL.raw).decode()
    assert page.taken == [{"raw": raw, "to": ["contact@north.invalid"], "sender": ""}]


async def test_one_that_does_not_take_it_is_told_as_a_broken_connection(page: Page, url: str) -> None:
    other, page.status = await Neighbour.at(url), 409
    with pytest.raises(OSError, match="does not take it"):
        await other.take(MAIL, "contact@north.invalid")
