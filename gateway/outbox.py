"""The outbox: what was decided to be sent is sent, once, or somebody is told that it was not.

A try is claimed on disk before it is made. A try that was never confirmed (we stopped, or the line broke)
is first looked up at the provider, and made again only if the provider does not have it.

What goes to one contact leaves in the order in which it was written, also after an outage, and also when the carrier
comes back in the middle of a row: a try that failed holds back what was written after it. Only what fails for itself
is overtaken: what failed again although something else has left by the same way since it failed first, or has failed
more often than a message has tries, although the way out says that it is there.

A carrier or mail server that is not there uses up no tries: what goes by it waits until it is back, for as long as that
takes, and then leaves at once, emergencies first. Only tries while others leave by the same way count.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol
from weakref import WeakValueDictionary

import structlog

from channels.base import ChannelError, NotLetIn, Refused, Throttled, Unreachable
from config.settings import Outbox as OutboxSettings
from gateway.alarms import Alarms
from gateway.clock import Clock
from gateway.dispatcher import Committed, Dispatcher
from gateway.outages import Outages, Way
from gateway.store.records import Message, MessageStatus, OutboxItem
from gateway.store.store import Store, StoreError
from routing.events import MessageSent, SendingClaimed, SendingFailed
from routing.model import Time

log = structlog.get_logger()

STORE_PAUSE = 2.0

# A contact's reference and a way out.
Line = tuple[str, str]


class Sender(Protocol):
    """A channel's way out."""

    async def send(self, message: Message) -> str:
        """Send and return the provider's id. Raises ChannelError."""

    async def find_sent(self, message: Message, since: Time) -> str | None:
        """The provider's id if an interrupted try did reach it, otherwise None. Raises ChannelError."""

    async def check(self, ours: str) -> None:
        """Raises ChannelError when nothing from this address of ours could be sent now."""


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
        self._alarms = Alarms(dispatcher, clock)
        self._outages = Outages(self._check, self._back, self._doubled)
        self._due: list[tuple[Time, bool, str]] = []
        self._waiting: dict[str, OutboxItem] = {}
        self._trying: dict[str, OutboxItem] = {}
        self._written: defaultdict[Line, dict[str, None]] = defaultdict(dict)
        self._busy: set[Line] = set()
        self._people: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._rests: dict[str, Time] = {}
        self._ways: dict[str, Way] = {}  # of what was tried
        self._left: dict[Way, Time] = {}  # when something last did
        self._failed_first: dict[str, Time] = {}
        self._failed_last: dict[str, Time] = {}
        self._failures: Counter[str] = Counter()
        self._counted: Counter[str] = Counter()
        self._reasons: dict[str, str] = {}  # why they wait for it
        self._told: set[str] = set()  # of these it is said that they wait for their way out
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
        try:
            async with asyncio.TaskGroup() as sending:
                while True:
                    items = await self._next()
                    sending.create_task(self._in_turn(items), name=f"send to {items[0].reference}")
        finally:
            await self._outages.close()

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
        self._written[_line(item)][item.message] = None
        self._push(item)
        self._changed.set()

    def _push(self, item: OutboxItem) -> None:
        """Of what is due at one moment, emergencies come first; what waits for its way out is not due at all."""
        if item.next_at < math.inf:
            contact = self._dispatcher.board.contacts.get(item.reference)
            heapq.heappush(self._due, (item.next_at, not (contact and contact.emergency), item.message))

    async def _next(self) -> list[OutboxItem]:
        """What waits for the contact for which something is due, in the order in which it was written."""
        while True:
            self._changed.clear()
            wait = self._due[0][0] - self._clock() if self._due else None
            if wait is not None and wait <= 0:
                due_at, _, message = heapq.heappop(self._due)
                item = self._waiting.get(message)
                if item is not None and item.next_at == due_at and self._is_free(item) and not self._put_off(item):
                    return self._take(_line(item))
                continue
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _is_free(self, item: OutboxItem) -> bool:
        """Whether nothing is on its way to that contact; otherwise it is looked at again when that is over."""
        return _line(item) not in self._busy

    def _take(self, line: Line) -> list[OutboxItem]:
        items = [self._waiting.pop(message) for message in self._written[line] if message in self._waiting]
        self._trying.update((item.message, item) for item in items)
        self._busy.add(line)
        return items

    def _put_off(self, item: OutboxItem) -> bool:
        """A carrier that asked us to slow down is left alone by everything that goes there; the item is put off."""
        until = self._rests.get(item.channel, 0.0)
        if until <= self._clock():
            return False
        self._put(replace(item, next_at=until))
        return True

    async def _in_turn(self, items: list[OutboxItem]) -> None:
        """One after the other. Each way out has its own places: a carrier that hangs holds up no other."""
        line, row = _line(items[0]), deque(items)
        async with self._places[items[0].channel]:
            while row and await self._went(row.popleft()):
                pass
        await self._hold_back(row)
        self._busy.remove(line)
        self._look_again(line)

    async def _went(self, item: OutboxItem) -> bool:
        """Whether what was written after it may go: it left, was given up, or fails for itself."""
        del self._trying[item.message]
        if item.message in self._outages:  # it goes before what was written meanwhile
            self._put(item)
            return False
        if self._put_off(item):  # it may rest by the turn's coming
            return False
        self._trying[item.message] = item
        return await self._guarded(item)

    async def _hold_back(self, items: Iterable[OutboxItem]) -> None:
        """Until what goes before them is tried again."""
        for item in items:
            first = self._first(item)
            if first.message in self._outages:
                await self._tell(item, first)
            del self._trying[item.message]
            self._put(replace(item, next_at=self._first(item).next_at))

    def _first(self, item: OutboxItem) -> OutboxItem:
        return next(self._waiting[message] for message in self._written[_line(item)] if message in self._waiting)

    async def _tell(self, item: OutboxItem, first: OutboxItem) -> None:
        """That it waits as well, once."""
        if item.message in self._told:
            return
        self._told.add(item.message)
        why = self._reasons[first.message]
        event = SendingFailed(item.reference, item.message, why, final=False)
        now = replace(item, next_at=min(item.next_at, self._clock()))
        await self._dispatcher.insist(event, now, MessageStatus(item.message, "waiting", problems=why))

    async def _check(self, way: Way) -> None:
        channel, ours = way
        await self._senders[channel].check(ours)

    def _back(self, messages: Sequence[str]) -> None:
        """Their way out is there again: they are due, and whatever is held back behind them."""
        now = self._clock()
        lines = {_line(self._waiting[message]): None for message in messages if message in self._waiting}
        for item in [self._waiting[m] for line in lines for m in self._written[line] if m in self._waiting]:
            self._put(replace(item, next_at=min(item.next_at, now)))

    def _look_again(self, line: Line) -> None:
        """At what was written, or fell due, while the line was busy."""
        for message in self._written[line]:
            self._push(self._waiting[message])
        if not self._written[line]:
            del self._written[line]
        self._changed.set()

    async def _guarded(self, item: OutboxItem) -> bool:
        """One try; a fault of ours counts as a failed try, it never stops the outbox. True unless it failed because of
        the way out, as far as can be known."""
        try:
            await self._try(item)
        except ChannelError as error:
            alone = self._fails_for_itself(self._trying[item.message])
            await self._failed(item.message, error, alone)
            return alone or item.message not in self._waiting
        except Exception as error:
            log.exception("sending_broke", message=item.message)
            await self._failed(item.message, error, alone=True)
        return True

    def _fails_for_itself(self, item: OutboxItem) -> bool:
        """Since it failed first, something else went the same way; or it was tried so often that it must be so."""
        first = self._failed_first.setdefault(item.message, self._clock())
        self._failures[item.message] += 1
        return self._last_left(item) > first or self._failures[item.message] > self._settings.attempts

    def _last_left(self, item: OutboxItem) -> Time:
        return self._left.get(self._ways.get(item.message, (item.channel, "")), 0.0)

    async def _try(self, item: OutboxItem) -> None:
        message = await self._store.message(item.message)
        first_claim = item.claimed_at or self._clock()
        counted = item.attempts + self._is_due(item)
        claimed = replace(item, state="claimed", attempts=counted, claimed_at=first_claim)
        await self._dispatcher.insist(SendingClaimed(item.reference, item.message, claimed.attempts), claimed)
        self._trying[item.message] = claimed
        if message is None:
            raise LookupError(f"no message {item.message}")
        self._ways[item.message] = (item.channel, message.sender)
        sender = self._senders[item.channel]
        # One at a time to each person: two messages of the same words must not be taken for each other.
        async with self._person(message.recipient):
            found = await self._already_sent(sender, message, first_claim) if item.claimed_at else None
            await self._sent(claimed, found or await self._send(sender, message))

    async def _send(self, sender: Sender, message: Message) -> str:
        if why := self._forbidden(message):
            raise Refused(why)
        return await sender.send(message)

    def _person(self, recipient: str) -> asyncio.Lock:
        return self._people.setdefault(recipient, asyncio.Lock())

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
        way = self._ways[item.message]
        self._left[way] = self._clock()
        self._over(item)
        self._outages.left(way)

    def _over(self, item: OutboxItem) -> None:
        del self._trying[item.message]
        del self._written[_line(item)][item.message]
        self._told.discard(item.message)
        for kept in (self._failed_first, self._failed_last, self._ways, self._reasons, self._failures, self._counted):
            kept.pop(item.message, None)

    async def _failed(self, message: str, error: Exception, alone: bool) -> None:
        """``alone``: it fails for itself, as far as can be known, and not with all that goes the same way."""
        item = self._trying[message]
        final = not getattr(error, "retry", True) or self._count(item, error) >= self._settings.attempts
        waits = not final and not alone and _is_away(error)
        why = f"{error}; this message waits until it is back" if waits else str(error)
        next_at = self._clock() + self._pause(item.attempts, error) if self._is_due(item) else item.next_at
        failed = replace(item, state="failed" if final else "waiting", next_at=next_at)
        log.warning("sending_failed", contact=item.reference, attempt=item.attempts, final=final, why=str(error))
        status = MessageStatus(item.message, "failed" if final else "waiting", problems=why)
        event = SendingFailed(item.reference, item.message, why, final, 0.0 if final or waits else next_at)
        await self._dispatcher.insist(event, failed, status)
        if isinstance(error, Throttled):
            self._rests[item.channel] = max(self._rests.get(item.channel, 0.0), self._clock() + error.retry_after)
        if final:
            self._over(item)
            return
        del self._trying[message]
        if waits:
            self._reasons[message] = why
            self._told.add(message)
            self._outages.wait(message, self._ways[message])
        self._put(replace(failed, next_at=math.inf) if waits else failed)
        if _is_away(error) and self._failures[message] > self._settings.attempts:
            why = f"A message of {item.reference} was tried {item.attempts} times, and waits: {error}."
            await self._alarms.raise_one("message_waits", message, why)

    def _count(self, item: OutboxItem, error: Exception) -> int:
        """The tries that were used up: a way out that took nothing else either says nothing of the message."""
        last, self._failed_last[item.message] = self._failed_last.get(item.message, math.inf), self._clock()
        if not isinstance(error, Unreachable) or (_is_away(error) and self._last_left(item) > last):
            self._counted[item.message] += 1
        return self._counted[item.message]

    def _is_due(self, item: OutboxItem) -> bool:
        """One that only goes with another, before its own time, has a try more, and its time stays. What waited for
        its way out has no time of its own."""
        return item.next_at <= self._clock() or item.next_at == math.inf

    def _pause(self, attempts: int, error: Exception) -> float:
        """Never sooner than the carrier asks."""
        pause = self._doubled(attempts)
        return max(pause, error.retry_after) if isinstance(error, Throttled) else pause

    def _doubled(self, times: int) -> float:
        """Doubling from the first to the last, with half of it by chance."""
        doubled = self._settings.first_retry_seconds * 2.0 ** max(0, times - 1)
        return min(doubled, self._settings.last_retry_seconds) * (0.5 + self._chance.random() / 2)


def _line(item: OutboxItem) -> Line:
    return item.reference, item.channel


def _is_away(error: Exception) -> bool:
    """Whether it is worth asking again and again: not one that wants a pause, or does not take our sign-in."""
    return isinstance(error, Unreachable) and not isinstance(error, (Throttled, NotLetIn))
