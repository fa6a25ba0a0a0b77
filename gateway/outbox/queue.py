"""What is to be sent: what is due next, and in which order it leaves. Keeps no clock: the time is given.

Messages that go to one contact by one way are a line. They are taken out together, in the order in which they were
written, whenever one of them is due; until their turn is over the line is busy, and nothing else is taken out of it.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from gateway.store.records import OutboxItem
from routing.model import Time

# A contact's reference and the outbox's sender.
Line = tuple[str, str]


class Queue:
    """Each message waits, or is out for a try. ``urgent``: whether a contact goes before others that are due too."""

    def __init__(self, urgent: Callable[[str], bool]) -> None:
        self._urgent = urgent
        self._waiting: dict[str, OutboxItem] = {}
        self._out: set[str] = set()
        self._lines: defaultdict[Line, dict[str, None]] = defaultdict(dict)  # in the order in which they were written
        self._busy: set[Line] = set()
        self._rests: dict[str, Time] = {}
        self._due: list[tuple[Time, bool, str]] = []  # a heap; what does not hold any more is passed over

    def __len__(self) -> int:
        return len(self._waiting) + len(self._out)

    # --- what is to be sent ----------------------------------------------------------------------------------

    def put(self, item: OutboxItem) -> None:
        """It is due at its time; what is out at this moment is not put a second time beside it."""
        if item.message in self._out:
            return
        self._waiting[item.message] = item
        self._lines[_line(item)][item.message] = None
        self._push(item)

    def put_first(self, items: Iterable[OutboxItem]) -> None:
        """Before what is there already: they were written earlier. Nothing may be out."""
        later = list(self._waiting.values())
        self._lines.clear()
        for item in [*items, *later]:
            self.put(item)

    def done(self, item: OutboxItem) -> None:
        """It is out, and is sent or given up."""
        self._out.remove(item.message)
        del self._lines[_line(item)][item.message]

    def put_back(self, item: OutboxItem) -> None:
        """It was out, and waits again."""
        self._out.remove(item.message)
        self.put(item)

    def due_now(self, messages: Iterable[str], now: Time) -> None:
        """These are, with whatever is held back behind them."""
        lines = {_line(self._waiting[message]): None for message in messages if message in self._waiting}
        for item in [item for line in lines for item in self._waiting_in(line)]:
            self.put(replace(item, next_at=min(item.next_at, now)))

    # --- what is due -----------------------------------------------------------------------------------------

    def take(self, now: Time) -> list[OutboxItem]:
        """The next line for which something is due, [] when nothing is."""
        while self._due and self._due[0][0] <= now:
            due_at, _, message = heapq.heappop(self._due)
            item = self._waiting.get(message)
            if item is None or item.next_at != due_at or _line(item) in self._busy:
                continue
            if self.rests(item, now):
                self.put(replace(item, next_at=self._rests[item.channel]))
                continue
            return self._take_line(_line(item))
        return []

    def next_at(self) -> Time | None:
        """When there may be something to take, None when nothing waits for a time."""
        return self._due[0][0] if self._due else None

    def first(self, item: OutboxItem) -> OutboxItem:
        """Of those that wait in its line."""
        return next(self._waiting_in(_line(item)))

    def turn_over(self, item: OutboxItem) -> None:
        """Its line is free again; what was written or fell due meanwhile is looked at again."""
        line = _line(item)
        self._busy.remove(line)
        for waiting in self._waiting_in(line):
            self._push(waiting)
        if not self._lines[line]:
            del self._lines[line]

    # --- carriers that asked us to slow down -----------------------------------------------------------------

    def rest(self, channel: str, until: Time) -> None:
        """Nothing is sent there until then."""
        self._rests[channel] = max(self._rests.get(channel, 0.0), until)

    def rests(self, item: OutboxItem, now: Time) -> bool:
        return self._rests.get(item.channel, 0.0) > now

    # ---------------------------------------------------------------------------------------------------------

    def _push(self, item: OutboxItem) -> None:
        """Of what is due at one moment, emergencies come first; what waits for its way out is not due at all."""
        if item.next_at < math.inf:
            heapq.heappush(self._due, (item.next_at, not self._urgent(item.reference), item.message))

    def _take_line(self, line: Line) -> list[OutboxItem]:
        row = list(self._waiting_in(line))
        for item in row:
            del self._waiting[item.message]
        self._out.update(item.message for item in row)
        self._busy.add(line)
        return row

    def _waiting_in(self, line: Line) -> Iterator[OutboxItem]:
        return (self._waiting[message] for message in self._lines[line] if message in self._waiting)


def _line(item: OutboxItem) -> Line:
    return item.reference, item.channel
