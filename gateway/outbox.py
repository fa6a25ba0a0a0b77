"""The outbox: what was decided to be sent is sent, once, or somebody is told that it was not.

A try is claimed on disk before it is made. A try that was never confirmed (we stopped, or the line broke)
is first looked up at the provider, and made again only if the provider does not have it.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol
from weakref import WeakValueDictionary

import structlog

from channels.base import ChannelError, NotLetIn, Refused, Throttled
from config.settings import Outbox as OutboxSettings
from gateway.dispatcher import Clock, Committed, Dispatcher
from gateway.store.records import Message, MessageStatus, OutboxItem
from gateway.store.store import Store, StoreError
from routing.events import MessageSent, SendingClaimed, SendingFailed
from routing.model import Time

log = structlog.get_logger()

STORE_PAUSE = 2.0


class Sender(Protocol):
    """A channel's way out."""

    async def send(self, message: Message) -> str:
        """Send and return the provider's id. Raises ChannelError."""

    async def find_sent(self, message: Message, since: Time) -> str | None:
        """The provider's id if an interrupted try did reach it, otherwise None. Raises ChannelError."""


class Outbox:
    def __init__(
        self,
        settings: OutboxSettings,
        store: Store,
        dispatcher: Dispatcher,
        senders: Mapping[str, Sender],
        clock: Clock,
        chance: random.Random,
        forbidden: Callable[[Message], str],
    ) -> None:
        """``forbidden``: why a message may not go out any more, '' when it may."""
        self._settings, self._store, self._dispatcher = settings, store, dispatcher
        self._senders, self._clock, self._chance = senders, clock, chance
        self._forbidden = forbidden
        self._due: list[tuple[Time, str]] = []
        self._waiting: dict[str, OutboxItem] = {}
        self._trying: dict[str, OutboxItem] = {}
        self._lines: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._rests: dict[str, Time] = {}
        self._changed = asyncio.Event()
        self._places: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(settings.concurrency))

    def committed(self, committed: Committed) -> None:
        """New items on disk are due from now on."""
        for record in committed.records:
            if isinstance(record, OutboxItem) and record.state == "waiting":
                self._put(record)

    async def run(self) -> None:
        """Send until cancelled; begins with what an earlier run left."""
        for item in await self._left_over():
            self._put(item)
        async with asyncio.TaskGroup() as sending:
            while True:
                item = await self._next()
                sending.create_task(self._in_turn(item), name=f"send {item.message}")

    @property
    def open(self) -> int:
        """How many messages are waiting to be sent."""
        return len(self._waiting) + len(self._trying)

    async def _left_over(self) -> list[OutboxItem]:
        while True:
            try:
                return await self._store.outbox_open()
            except StoreError as error:
                log.error("outbox_not_read", why=str(error), next_try_seconds=STORE_PAUSE)
                await asyncio.sleep(STORE_PAUSE)

    def _put(self, item: OutboxItem) -> None:
        """It is due at its time; what is being tried at this moment is not tried a second time beside it."""
        if item.message in self._trying:
            return
        self._waiting[item.message] = item
        heapq.heappush(self._due, (item.next_at, item.message))
        self._changed.set()

    async def _next(self) -> OutboxItem:
        while True:
            self._changed.clear()
            wait = self._due[0][0] - self._clock() if self._due else None
            if wait is not None and wait <= 0:
                due_at, message = heapq.heappop(self._due)
                item = self._waiting.get(message)
                if item is not None and item.next_at == due_at and not self._put_off(item):
                    self._trying[message] = self._waiting.pop(message)
                    return item
                continue
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _put_off(self, item: OutboxItem) -> bool:
        """A carrier that asked us to slow down is left alone by everything that goes there; the item is put off."""
        until = self._rests.get(item.channel, 0.0)
        if until <= self._clock():
            return False
        self._put(replace(item, next_at=until))
        return True

    async def _in_turn(self, item: OutboxItem) -> None:
        """Each way out has its own places: a carrier that hangs holds up no other. It may rest by the turn's coming."""
        async with self._places[item.channel]:
            if self._rests.get(item.channel, 0.0) > self._clock():
                self._put_off(self._trying.pop(item.message))
            else:
                await self._guarded(item)

    async def _guarded(self, item: OutboxItem) -> None:
        """One try; a fault of ours counts as a failed try, it never stops the outbox."""
        try:
            await self._try(item)
        except ChannelError as error:
            await self._failed(item.message, error, retry=error.retry)
        except Exception as error:
            log.exception("sending_broke", message=item.message)
            await self._failed(item.message, error, retry=True)

    async def _try(self, item: OutboxItem) -> None:
        message = await self._store.message(item.message)
        first_claim = item.claimed_at or self._clock()
        claimed = replace(item, state="claimed", attempts=item.attempts + 1, claimed_at=first_claim)
        await self._dispatcher.insist(SendingClaimed(item.reference, item.message, claimed.attempts), claimed)
        self._trying[item.message] = claimed
        if message is None:
            raise LookupError(f"no message {item.message}")
        sender = self._senders[item.channel]
        # One at a time to each person: two messages of the same words must not be taken for each other.
        async with self._line(message.recipient):
            found = await self._already_sent(sender, message, first_claim) if item.claimed_at else None
            await self._sent(claimed, found or await self._send(sender, message))

    async def _send(self, sender: Sender, message: Message) -> str:
        if why := self._forbidden(message):
            raise Refused(why)
        return await sender.send(message)

    def _line(self, recipient: str) -> asyncio.Lock:
        return self._lines.setdefault(recipient, asyncio.Lock())

    async def _already_sent(self, sender: Sender, message: Message, since: Time) -> str | None:
        """What the provider has of an earlier try; a twin of the same words that is confirmed is not it."""
        found = await sender.find_sent(message, since)
        twin = await self._store.message_by(provider_id=found) if found else None
        return None if twin and twin.id != message.id else found

    async def _sent(self, item: OutboxItem, provider_id: str) -> None:
        await self._dispatcher.insist(
            MessageSent(item.reference, item.message, provider_id),
            replace(item, state="sent"),
            MessageStatus(item.message, "sent", provider_id),
        )
        del self._trying[item.message]

    async def _failed(self, message: str, error: Exception, *, retry: bool) -> None:
        item = self._trying[message]
        # Who does not let us in says nothing of the message: it waits until that is mended, however long that takes.
        given_up = item.attempts >= self._settings.attempts and not isinstance(error, NotLetIn)
        final = not retry or given_up
        next_at = self._clock() + self._pause(item.attempts, error)
        failed = replace(item, state="failed" if final else "waiting", next_at=next_at)
        log.warning("sending_failed", contact=item.reference, attempt=item.attempts, final=final, why=str(error))
        status = MessageStatus(item.message, "failed" if final else "waiting", problems=str(error))
        event = SendingFailed(item.reference, item.message, str(error), final, 0.0 if final else next_at)
        await self._dispatcher.insist(event, failed, status)
        del self._trying[message]
        if isinstance(error, Throttled):
            self._rests[item.channel] = max(self._rests.get(item.channel, 0.0), self._clock() + error.retry_after)
        if not final:
            self._put(failed)

    def _pause(self, attempts: int, error: Exception) -> float:
        """Doubling from the first to the last, with half of it by chance; never sooner than the carrier asks."""
        doubled = self._settings.first_retry_seconds * 2.0 ** max(0, attempts - 1)
        longest = min(doubled, self._settings.last_retry_seconds)
        pause = longest * (0.5 + self._chance.random() / 2)
        return max(pause, error.retry_after) if isinstance(error, Throttled) else pause
