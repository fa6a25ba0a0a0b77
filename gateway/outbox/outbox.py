"""The outbox: what was decided to be sent is sent, once, or somebody is told that it was not.

A try is claimed on disk before it is made. A try that was never confirmed (we stopped, or the line broke)
is first looked up at the provider, and made again only if the provider does not have it.

What goes to one contact leaves in the order in which it was written, also after an outage, and also when the carrier
comes back in the middle of a row: a try that failed holds back what was written after it, unless it fails for itself.
What a failure means is one rule (``outbox_failures``); what is due, and in which order, is the queue
(``outbox_queue``); what waits for a way out that is not there is kept apart (``outages``).
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from weakref import WeakValueDictionary

import structlog

from channels.base import ChannelError, Refused, Throttled
from config.settings import Outbox as OutboxSettings
from gateway.clock import Clock
from gateway.dispatcher import Committed, Dispatcher, waited_out
from gateway.outbox.failures import NONE, Failures, known_before, meaning, pause
from gateway.outbox.naming import A_MESSAGE, name_of
from gateway.outbox.outages import Outages, Way
from gateway.outbox.queue import Queue
from gateway.store.documents import load_change
from gateway.store.looks import Looks
from gateway.store.records import Message, MessageStatus, OutboxItem
from gateway.store.store import Store
from routing.events import MessageSent, SendingClaimed, SendingFailed
from routing.model import Time

log = structlog.get_logger()


class Sender(Protocol):
    """A channel's way out."""

    async def send(self, message: Message) -> str:
        """Send and return the provider's id. Raises ChannelError."""

    async def find_sent(self, message: Message, since: Time) -> str | None:
        """The provider's id if an interrupted try did reach it, otherwise None. Raises ChannelError."""

    async def check(self, ours: str) -> None:
        """Raises ChannelError when nothing from this address of ours could be sent now."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try: the claimed item and its message, None when there is none. ``which``: its name, for the story."""

    item: OutboxItem
    message: Message | None = None
    which: str = A_MESSAGE

    @property
    def way(self) -> Way:
        return self.item.channel, self.message.sender if self.message else ""


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
        self._queue = Queue(self._is_emergency)
        self._outages = Outages(self._check, self._back, self._pause)
        self._failures: dict[str, Failures] = {}  # of each message that has failed, or was held back
        self._left: dict[Way, Time] = {}  # when something last did
        self._people: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._places: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(settings.concurrency))
        self._changed = asyncio.Event()

    def committed(self, committed: Committed) -> None:
        """New items on disk are due from now on."""
        for record in committed.records:
            if isinstance(record, OutboxItem) and record.state == "waiting":
                self._queue.put(record)
                self._changed.set()

    async def run(self) -> None:
        """Send until cancelled; begins with what an earlier run left."""
        self._queue.put_first(await waited_out(self._store.outbox_open))
        try:
            async with asyncio.TaskGroup() as sending:
                while True:
                    row = await self._next()
                    sending.create_task(self._turn(row), name=f"send to {row[0].reference}")
        finally:
            await self._outages.close()

    @property
    def open(self) -> int:
        """How many messages are waiting to be sent."""
        return len(self._queue)

    async def _next(self) -> list[OutboxItem]:
        """What waits for the contact for which something is due, in the order in which it was written."""
        while True:
            self._changed.clear()
            now = self._clock()
            if row := self._queue.take(now):
                return row
            due = self._queue.next_at()
            try:
                async with asyncio.timeout(None if due is None else due - now):
                    await self._changed.wait()
            except TimeoutError:
                continue

    # --- a turn ----------------------------------------------------------------------------------------------

    async def _turn(self, row: Sequence[OutboxItem]) -> None:
        """One after the other. Each way out has its own places: a carrier that hangs holds up no other."""
        to_go = deque(row)
        async with self._places[row[0].channel]:
            while to_go and await self._went(to_go.popleft()):
                pass
        await self._hold_back(to_go)
        self._queue.turn_over(row[0])
        self._changed.set()

    async def _went(self, item: OutboxItem) -> bool:
        """Whether what was written after it may go: it left, was given up, or fails for itself."""
        if item.message in self._outages or self._queue.rests(item, self._clock()):
            self._queue.put_back(item)  # before what was written meanwhile
            return False
        return await self._tried(item)

    async def _hold_back(self, items: Iterable[OutboxItem]) -> None:
        """Until what goes before them is tried again."""
        for item in items:
            first = self._queue.first(item)
            if first.message in self._outages:
                await self._tell(item, self._failures[first.message].waits)
            self._queue.put_back(replace(item, next_at=self._queue.first(item).next_at))

    async def _tell(self, item: OutboxItem, why: str) -> None:
        """That it waits as well, once."""
        failures = self._failures.get(item.message, NONE)
        if failures.waits:
            return
        self._failures[item.message] = replace(failures, waits=why)
        _, which = await waited_out(lambda: self._look_up(item))
        event = SendingFailed(item.reference, item.message, why, final=False, which=which)
        now = replace(item, next_at=min(item.next_at, self._clock()))
        await self._dispatcher.insist(event, now, MessageStatus(item.message, "waiting", problems=why))

    # --- a try -----------------------------------------------------------------------------------------------

    async def _tried(self, item: OutboxItem) -> bool:
        """A fault of ours counts as a failed try, it never stops the outbox."""
        now = self._clock()
        due = now if item.next_at == math.inf else item.next_at  # its way out came back during this turn
        tries = item.attempts + (due <= now)
        claimed = replace(item, state="claimed", attempts=tries, next_at=due, claimed_at=item.claimed_at or now)
        attempt = Attempt(claimed)
        try:
            attempt = Attempt(claimed, *await self._look_up(item))
            await self._try(attempt, interrupted=item.claimed_at is not None)
        except Exception as error:
            if not isinstance(error, ChannelError):
                log.exception("sending_broke", message=item.message)
            return await self._failed(attempt, error)
        return True

    async def _try(self, attempt: Attempt, *, interrupted: bool) -> None:
        item, message = attempt.item, attempt.message
        claimed = SendingClaimed(item.reference, item.message, item.attempts, attempt.which)
        await self._dispatcher.insist(claimed, item)
        if message is None:
            raise LookupError(f"no message {item.message}")
        sender = self._senders[item.channel]
        # One at a time to each person: two messages of the same words must not be taken for each other.
        async with self._people.setdefault(message.recipient, asyncio.Lock()):
            found = await self._already_sent(sender, message, item.claimed_at or 0.0) if interrupted else None
            await self._sent(attempt, found or await self._send(sender, message))

    async def _send(self, sender: Sender, message: Message) -> str:
        if why := self._forbidden(message):
            raise Refused(why)
        return await sender.send(message)

    async def _already_sent(self, sender: Sender, message: Message, since: Time) -> str | None:
        """What the provider has of an earlier try; a twin of the same words that is confirmed is not it."""
        found = await sender.find_sent(message, since)
        twin = await self._store.message_by(provider_id=found) if found else None
        return None if twin and twin.id != message.id else found

    async def _sent(self, attempt: Attempt, provider_id: str) -> None:
        item, way = attempt.item, attempt.way
        await self._dispatcher.insist(
            MessageSent(item.reference, item.message, provider_id, attempt.which),
            replace(item, state="sent"),
            MessageStatus(item.message, "sent", provider_id),
        )
        self._left[way] = self._clock()
        self._over(item)
        self._outages.left(way)

    async def _failed(self, attempt: Attempt, error: Exception) -> bool:
        """Whether what was written after it may go."""
        item, now = attempt.item, self._clock()
        before, left = await self._before(item), self._left.get(attempt.way, 0.0)
        failures, meant = meaning(before, error, left, now, self._settings)
        self._failures[item.message], final = failures, meant.then == "given_up"
        log.warning("sending_failed", contact=item.reference, attempt=item.attempts, final=final, why=str(error))
        if self._is_due(item):
            item = replace(item, next_at=now + max(meant.shortest, self._pause(item.attempts, meant.longest)))
        item = replace(item, state="failed" if final else "waiting")
        told_at = item.next_at if meant.then == "again" else 0.0
        event = SendingFailed(
            item.reference, item.message, meant.why, final, told_at, attempt.which, meant.late,
            failures.deferred_since if failures.deferred_since < math.inf else 0.0,
        )  # fmt: skip
        await self._dispatcher.insist(event, item, MessageStatus(item.message, item.state, problems=meant.why))
        if isinstance(error, Throttled):
            self._queue.rest(item.channel, self._clock() + error.retry_after)
        if final:
            self._over(item)
        elif meant.then == "waits":
            self._outages.wait(item.message, attempt.way)
            self._queue.put_back(replace(item, next_at=math.inf))
        else:
            self._queue.put_back(item)
        return meant.overtaken

    async def _look_up(self, item: OutboxItem) -> tuple[Message | None, str]:
        """The message, and its name. Raises StoreError."""

        def ask(looks: Looks) -> tuple[Message | None, str]:
            message = looks.message(item.message)
            return message, name_of(message, looks) if message else A_MESSAGE

        return await self._store.look(ask)

    async def _before(self, item: OutboxItem) -> Failures:
        """Of this run or, if it has had none yet, of an earlier one."""
        if item.message in self._failures or item.attempts <= 1:
            return self._failures.get(item.message, NONE)
        return await waited_out(lambda: self._journalled(item))

    async def _journalled(self, item: OutboxItem) -> Failures:
        """Raises StoreError."""
        rows = [row async for row in self._store.journal(reference=item.reference, kind=SendingFailed.__name__)]
        failed = [(row.at, load_change(row.kind, row.document)) for row in rows]
        return known_before((at, change) for at, change in failed if change.message == item.message)

    def _over(self, item: OutboxItem) -> None:
        self._queue.done(item)
        self._failures.pop(item.message, None)

    # --- the way out, and time -------------------------------------------------------------------------------

    async def _check(self, way: Way) -> None:
        channel, ours = way
        await self._senders[channel].check(ours)

    def _back(self, messages: Sequence[str]) -> None:
        """Their way out is there again."""
        self._queue.due_now(messages, self._clock())
        self._changed.set()

    def _is_emergency(self, reference: str) -> bool:
        contact = self._dispatcher.board.contacts.get(reference)
        return contact is not None and contact.emergency

    def _is_due(self, item: OutboxItem) -> bool:
        """One that only goes with another, before its own time, has a try more, and its time stays."""
        return item.next_at <= self._clock()

    def _pause(self, tries: int, longest: float | None = None) -> float:
        longest = self._settings.last_retry_seconds if longest is None else longest
        return pause(tries, self._settings.first_retry_seconds, longest, self._chance.random())
