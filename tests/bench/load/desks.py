"""Handlers at their desks, who do everything at once: they write up each call and look at what is left over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from typing import Any

from argon2 import PasswordHasher

from gateway.sandbox.client import ApiError, Client
from gateway.store.records import Account
from routing.model import Handler
from tests.bench.load.crowd import people
from tests.bench.load.site import Site

PASSWORD = "correct horse battery"
QUIET_SECONDS = 600.0
CALL_OVER = ("CallerLeft", "CallEnded", "HandlerLeft", "HandlerLost")


def staff(count: int) -> list[tuple[Handler, Account | None]]:
    """Handlers with a phone and a sign-in."""
    hashed = PasswordHasher().hash(PASSWORD)
    return [(handler, Account(handler.id, "handler", hashed)) for handler, _ in people(count)]


class Desks:
    """``refused``: what the gateway would not take, because the contact had gone on meanwhile; by HTTP status."""

    def __init__(self, administrator: Client, handlers: dict[str, Client]) -> None:
        self._administrator, self._handlers = administrator, handlers
        self.reviews = self.refused = 0

    async def work(self) -> None:
        """Until cancelled. The rows are read while the last ones are still being dealt with."""
        async with self._administrator.live() as live, asyncio.TaskGroup() as doing:
            while True:
                row = await live.next(QUIET_SECONDS)
                live.rows.clear()  # a day's rows are not kept
                if row["kind"] in CALL_OVER and row["handler"]:
                    doing.create_task(self._write_up(row["contact"], row["handler"]))
                elif row["kind"] == "MakeOffer" and not row["data"]["offer"]["by_phone"]:
                    doing.create_task(self._look_at(row["contact"], row["data"]["offer"]))

    async def _write_up(self, contact: str, handler: str) -> None:
        await self._post(self._handlers[handler], f"contacts/{contact}/wrap-up", {"disposition": "resolved"})

    async def _look_at(self, contact: str, offer: dict[str, Any]) -> None:
        self.reviews += 1
        await self._post(self._handlers[offer["handler"]], f"offers/{offer['id']}/accept", None)
        await self._write_up(contact, offer["handler"])

    async def _post(self, client: Client, path: str, body: Any) -> None:
        try:
            await client.post(path, body)
        except ApiError as error:
            if error.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
                raise
            self.refused += 1


@asynccontextmanager
async def desks(here: Site, count: int) -> AsyncIterator[Desks]:
    async with AsyncExitStack() as stack:
        administrator = await stack.enter_async_context(here.client())
        handlers = {}
        for handler, _ in people(count):
            client = await Client.signed_in(here.settings.http.public_url, handler.id, PASSWORD)
            handlers[handler.id] = await stack.enter_async_context(client)
        yield Desks(administrator, handlers)
