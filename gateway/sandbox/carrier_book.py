"""What a carrier of the sandbox has carried: texts both ways, kept in order, delivered, told and waited for."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress

import aiohttp
import structlog
from yarl import URL

from gateway.sandbox.ports import LOOPBACK
from gateway.sandbox.twilio_messages import Message

log = structlog.get_logger()

# Twilio gives a webhook 15 s, then counts it as failed (error 11200).
WEBHOOK_SECONDS = 15.0


class CarrierBook(ABC):
    """Deliveries run between ``_begin_delivering`` and ``_end_delivering``."""

    def __init__(self) -> None:
        self._messages: dict[str, Message] = {}
        self.fetched: dict[str, bytes] = {}
        self._failed_deliveries: list[int] = []
        self._late_deliveries: list[float] = []
        self._changed = asyncio.Condition()
        self._to_deliver: asyncio.Queue[tuple[str, int | None, float]] = asyncio.Queue()

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

    def delay_delivery_next(self, seconds: float) -> None:
        """Let the next message lie at the carrier for so long, and what became of it be told as late."""
        self._late_deliveries.append(seconds)

    @abstractmethod
    async def _deliver(self, sid: str, error: int | None) -> None:
        """Carry the text to the person, or fail with ``error``, and tell the sender."""

    async def _begin_delivering(self) -> None:
        self._web = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WEBHOOK_SECONDS))
        self._delivering = asyncio.create_task(self._deliver_all(), name=f"{type(self).__name__} deliveries")

    async def _end_delivering(self) -> None:
        self._delivering.cancel()
        with suppress(asyncio.CancelledError):
            await self._delivering
        await self._web.close()

    async def _deliver_all(self) -> None:
        async with asyncio.TaskGroup() as deliveries:
            while True:
                deliveries.create_task(self._deliver_in_time(*await self._to_deliver.get()))

    async def _deliver_in_time(self, sid: str, error: int | None, pause: float) -> None:
        await asyncio.sleep(pause)
        await self._deliver(sid, error)

    async def _take_on(self, message: Message) -> None:
        """Kept; it will be delivered, or fail if that was asked for."""
        await self._keep(message)
        error = self._failed_deliveries.pop(0) if self._failed_deliveries else None
        pause = self._late_deliveries.pop(0) if self._late_deliveries else 0.0
        self._to_deliver.put_nowait((message.sid, error, pause))

    async def _webhook(self, url: str, data: bytes | Mapping[str, str], headers: Mapping[str, str]) -> int:
        """The HTTP status; 504 when no answer came in time, 502 when there was none at all."""
        try:
            async with self._web.post(url, data=data, headers=headers, allow_redirects=False) as answer:
                status = answer.status
        except TimeoutError:
            status = 504
        except aiohttp.ClientError:
            status = 502
        if not 200 <= status < 300:
            log.warning("webhook_failed", url=url, status=status)
        return status

    async def _keep(self, message: Message) -> None:
        self._messages[message.sid] = message
        async with self._changed:
            self._changed.notify_all()

    async def _has_pictures(self, message: Message) -> bool:
        """Whether its pictures can be fetched by who carries it on; what is not on this machine counts as had."""
        urls = [url for url in message.media_urls if URL(url).host == LOOPBACK]
        return all([await self._fetch(url) for url in urls])

    async def _fetch(self, url: str) -> bool:
        try:
            async with self._web.get(url) as answer:
                self.fetched[url] = await answer.read()
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False
