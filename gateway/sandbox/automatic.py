"""Demo handlers who do their work by themselves: take texts and emails, answer them, and write up every contact."""

from __future__ import annotations

import asyncio
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
            writing_up = client.name in contact["wrap_ups"]
            has_message = contact["handler"] == client.name and not contact["live"] and contact["work"] == "message"
            if has_message:
                body = REPLY.format(reference=contact["reference"])
                await client.post(f"contacts/{contact['reference']}/replies", {"body": body})
            if has_message or writing_up:
                wrap_up = {"disposition": "resolved", "notes": NOTES}
                await client.post(f"contacts/{contact['reference']}/wrap-up", wrap_up)
