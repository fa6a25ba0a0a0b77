"""Tells the supervisors of a queue that is not served: once, again while it lasts, and when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace

import structlog

from config.alarms import QueueAlarms
from gateway.clock import Clock
from gateway.dispatcher import Dispatcher, NotWritten
from gateway.store.documents import load_change
from gateway.store.store import Store, StoreError
from routing.attention import Trouble, over_said, said, troubles
from routing.events import QueueNotServed, QueueServedAgain
from routing.model import Time

log = structlog.get_logger()

LOOK_SECONDS = 3.0
KNOWN_ROWS = 200_000  # of the journal: what was told before these is told anew if it lasts


@dataclass(frozen=True, slots=True)
class Told:
    """What supervisors were told of a queue, when last, and until when it was seen to be true."""

    trouble: Trouble
    told_at: Time
    true_at: Time


class QueueWatch:
    def __init__(self, limits: QueueAlarms, store: Store, dispatcher: Dispatcher, clock: Clock) -> None:
        self._limits, self._store, self._dispatcher, self._clock = limits, store, dispatcher, clock
        self._told: dict[str, Told] = {}
        self._since: dict[tuple[str, str], Time] = {}

    async def run(self) -> None:
        """Until cancelled."""
        remembered = False
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                if not remembered:
                    await self.remember()
                    remembered = True
                await self.look()
            except (StoreError, NotWritten) as error:
                log.warning("queues_not_watched", why=str(error), next_try_seconds=LOOK_SECONDS)

    async def remember(self) -> None:
        """What a gateway before this one has told, so that it is neither told twice nor stays for ever. Raises
        StoreError."""
        after, now = max(0, (await self._store.head()).seq - KNOWN_ROWS), self._clock()
        rows = [row async for row in self._store.journal(kind="QueueNotServed", after=after)]
        rows += [row async for row in self._store.journal(kind="QueueServedAgain", after=after)]
        for row in sorted(rows, key=lambda row: row.seq):
            match load_change(row.kind, row.document):
                case QueueNotServed(cause=cause, queue=queue, channel=channel):
                    self._told[queue] = Told(Trouble(queue, cause, channel), row.at, now)
                case QueueServedAgain(queue=queue):
                    self._told.pop(queue, None)

    async def look(self) -> list[QueueNotServed | QueueServedAgain]:
        """What was told. Raises NotWritten."""
        board, now = self._dispatcher.board, self._clock()
        known = {queue: told.trouble for queue, told in self._told.items()}
        found = {trouble.queue: trouble for trouble in troubles(board, now, self._limits, known)}
        self._since = {key: self._since.get(key, now) for key in ((t.queue, t.cause) for t in found.values())}
        self._told |= {
            queue: replace(told, true_at=now)
            for queue, told in self._told.items()
            if queue in found and found[queue].cause == told.trouble.cause
        }
        events: list[QueueNotServed | QueueServedAgain] = [*self._over(found, now), *self._news(found, now)]
        for event in events:
            await self._dispatcher.submit(event)
            if isinstance(event, QueueServedAgain):
                del self._told[event.queue]
            else:
                self._told[event.queue] = Told(found[event.queue], now, now)
        return events

    def _over(self, found: dict[str, Trouble], now: Time) -> Iterator[QueueServedAgain]:
        """Also what is told as something worse or milder from now on."""
        for queue, told in self._told.items():
            trouble = found.get(queue)
            replaced = trouble is not None and trouble.cause != told.trouble.cause and self._holds(trouble, now)
            if replaced or (trouble is None and now - told.true_at >= self._limits.settled_seconds):
                why = over_said(self._dispatcher.board, told.trouble, now)
                yield QueueServedAgain(told.trouble.cause, queue, why)

    def _news(self, found: dict[str, Trouble], now: Time) -> Iterator[QueueNotServed]:
        """What was told of calls, or while nobody waited, is told anew when others wait in vain."""
        again = self._limits.again_minutes * 60
        for queue, trouble in found.items():
            told = self._told.get(queue)
            if told is None or told.trouble.cause != trouble.cause:
                due = self._holds(trouble, now)
            else:
                others = trouble.of_nobody and trouble.channel != told.trouble.channel
                due = trouble.line is not None and (others or 0 < again <= now - told.told_at)
            if due:
                why = said(self._dispatcher.board, trouble)
                yield QueueNotServed(trouble.cause, queue, why, trouble.channel)

    def _holds(self, trouble: Trouble, now: Time) -> bool:
        """It has been true for long enough to be told; what is milder than what is told already waits until that is
        really over."""
        told = self._told.get(trouble.queue)
        milder = told is not None and told.trouble.of_nobody and not trouble.of_nobody
        wait = self._limits.settled_seconds if milder else trouble.after
        return now - self._since[trouble.queue, trouble.cause] >= wait
