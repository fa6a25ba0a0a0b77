"""Demo handlers who work by themselves: they take texts and emails, answer them, end calls and write contacts up."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import aiohttp
import structlog

from gateway.sandbox import demo
from gateway.sandbox.client import ApiError, Client
from gateway.sandbox.world import World

log = structlog.get_logger()

LOOK_SECONDS = 2.0
REPLY = "Thank you for getting in touch. Your reference is {reference}. An officer will read what you wrote today."
NOTES = "Written up by the sandbox."
TALK_SECONDS = 20.0


class Automatic:
    """An async context manager; one task for each handler."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        for account in demo.HANDLERS:
            self._tasks.append(asyncio.create_task(self._work(account.id), name=f"automatic {account.id}"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _work(self, handler: str) -> None:
        """A gateway that is away for a while is waited for."""
        while True:
            try:
                client = await self._world.api(handler)
                await self._look(client, await client.get("me"))
            except (ApiError, aiohttp.ClientError, TimeoutError) as error:
                log.info("automatic_handler_waits", handler=handler, why=str(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, client: Client, me: Any) -> None:
        """One thing for each contact, so that one can watch."""
        for offer in me["offers"]:
            if not offer["by_phone"]:
                await client.post(f"offers/{offer['id']}/accept")
        for contact in me["contacts"]:
            await self._move_on(client, contact)

    async def _move_on(self, client: Client, contact: Any) -> None:
        path, mine = f"contacts/{contact['reference']}", contact["handler"] == client.name
        if mine and contact["live"] and not contact["emergency"] and self._has_talked(client.name):
            await client.post(f"{path}/end")
        wrote = mine and not contact["live"] and contact["work"] == "message"
        if wrote:
            await client.post(f"{path}/replies", {"body": REPLY.format(reference=contact["reference"])})
        if wrote or client.name in contact["wrap_ups"]:
            await client.post(f"{path}/wrap-up", {"disposition": "resolved", "notes": NOTES})

    def _has_talked(self, handler: str) -> bool:
        phone = self._world.phones[handler]
        since = max((event.at for event in phone.log if event.facts.get("state") == "talking"), default=time.time())
        return phone.state == "talking" and time.time() - since > TALK_SECONDS
