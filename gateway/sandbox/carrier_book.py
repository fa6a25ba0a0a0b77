"""What a carrier of the sandbox has carried: texts both ways, kept in order, and waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiohttp
from yarl import URL

from gateway.sandbox.ports import LOOPBACK
from gateway.sandbox.twilio_messages import Message


class CarrierBook:
    def __init__(self) -> None:
        self._messages: dict[str, Message] = {}
        self.fetched: dict[str, bytes] = {}
        self._failed_deliveries: list[int] = []
        self._changed = asyncio.Condition()

    @property
    def messages(self) -> list[Message]:
        """Both directions, oldest first."""
        return list(self._messages.values())

    @property
    def outbox(self) -> list[Message]:
        """What was sent to people, oldest first."""
        return [message for message in self.messages if message.direction == "outbound-api"]

    async def wait_for_sent(
        self, predicate: Callable[[Message], bool] = lambda message: True, deadline: float = 5.0
    ) -> Message:
        """The first message in the outbox that fits, now or within ``deadline`` seconds; else TimeoutError."""
        async with asyncio.timeout(deadline), self._changed:
            while not (found := next(filter(predicate, self.outbox), None)):
                await self._changed.wait()
            return found

    def fail_delivery_next(self, error_code: int) -> None:
        """Let the next message end as undelivered."""
        self._failed_deliveries.append(error_code)

    async def _keep(self, message: Message) -> None:
        self._messages[message.sid] = message
        async with self._changed:
            self._changed.notify_all()

    async def _has_pictures(self, web: aiohttp.ClientSession, message: Message) -> bool:
        """Whether its pictures can be fetched by who carries it on; what is not on this machine counts as had."""
        urls = [url for url in message.media_urls if URL(url).host == LOOPBACK]
        return all([await self._fetch(web, url) for url in urls])

    async def _fetch(self, web: aiohttp.ClientSession, url: str) -> bool:
        try:
            async with web.get(url) as answer:
                self.fetched[url] = await answer.read()
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False
