"""Keeps the facts up to date with the journal, and counts reports from them.

It reads what was committed and is no part of the commit: whatever goes wrong here can cost no call and no message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

import structlog

from config.settings import Settings
from gateway.clock import Clock
from gateway.statistics.entries import enter
from gateway.statistics.figures import UNKNOWN_TARGET, UNKNOWN_THRESHOLD, By, Count, Figures, Targets
from gateway.statistics.intervals import Interval, Intervals, midnight
from gateway.statistics.ledger import Ledger
from gateway.statistics.shelf import Shelf
from gateway.store.journal import Row
from gateway.store.store import Store, StoreError
from routing.model import Time

log = structlog.get_logger()

T = TypeVar("T")

# Entered without a pause, while all else waits.
PAGE = 200
# What nobody waits for is drawn as it comes, and leaves the time to calls and messages: after each page it rests so
# many times as long as the page took.
DRAW_SECONDS, RESTS = 1.0, 4
EVERY_SECONDS = 15.0
AFTER_A_FAULT_SECONDS = 60.0
# A report waits so long for the facts to be up to date.
PATIENCE_SECONDS = 20.0
MOMENT_SECONDS = 0.5


class NotReady(Exception):
    """The facts are still being drawn from the journal: trying again later helps."""


@dataclass(frozen=True, slots=True)
class Question:
    """``threshold`` and ``target`` in seconds, None: each queue's own. ``handler``: of this handler alone."""

    begins: Time
    ends: Time
    by: By = "queue"
    interval: Interval = "all"
    threshold: float | None = None
    target: float | None = None
    handler: str = ""


class Statistics:
    def __init__(self, settings: Settings, store: Store, clock: Clock) -> None:
        self.zone = ZoneInfo(settings.statistics.time_zone)
        self.bands = settings.statistics.bands
        self.wrong = ""
        self.today: Mapping[str, Figures] = {}
        self._queues = settings.queues
        self._store, self._shelf, self._clock = store, Shelf(store), clock
        self._ledger: tuple[Ledger, int] | None = None
        self._read = 0
        self._one_at_a_time = asyncio.Lock()
        self._drawing: asyncio.Task[None] | None = None

    # --- drawing -------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled."""
        passed, looked = asyncio.get_running_loop().time, -EVERY_SECONDS
        while True:
            pause = DRAW_SECONDS
            try:
                await self.catch_up(rests=RESTS)
                if passed() - looked >= EVERY_SECONDS:
                    await self.look_at_today()
                    looked = passed()
                self.wrong = ""
            except (NotReady, StoreError) as error:
                log.warning("statistics_behind", why=str(error))
            except Exception:
                # A fault of ours, shown as a warning: figures must never stop calls.
                log.exception("statistics_stopped")
                self.wrong = "the figures are not up to date; the reason is in the log"
                pause = AFTER_A_FAULT_SECONDS
            await asyncio.sleep(pause)

    async def look_at_today(self) -> None:
        """Each queue's figures since the site's midnight, kept in ``today``. Raises NotReady, StoreError."""
        now = self._clock()
        begins = midnight(datetime.fromtimestamp(now, self.zone).date(), self.zone)
        self.today = {row.group: row for row in await self.report(Question(begins, now + 1))}

    async def catch_up(self, rests: float = 0) -> None:
        """Everything that is in the journal now is in the facts. Raises StoreError.

        After each page it ``rests`` so many times as long as that took.
        """
        passed, head = asyncio.get_running_loop().time, (await self._store.head()).seq
        more = True
        while more:
            began = passed()
            async with self._one_at_a_time:
                more = await self._draw_page(head)
            await asyncio.sleep(rests * (passed() - began) if more else 0)

    async def _draw_page(self, head: int) -> bool:
        """Whether there may be more. What went wrong half way is forgotten: the ledger is then read from disk again."""
        ledger, before = self._ledger or await self._shelf.ledger()
        if before >= head:
            self._ledger, self._read = (ledger, before), before
            return False
        self._ledger = None
        rows: list[Row] = [row async for row in self._store.journal(after=before, limit=PAGE)]
        for row in rows:
            enter(ledger, row)
        await self._shelf.put(ledger.take_changes(), before, rows[-1].seq)
        self._ledger, self._read = (ledger, rows[-1].seq), rows[-1].seq
        return True

    async def forget(self) -> None:
        """All facts; they are then drawn from the journal again. Raises StoreError."""
        async with self._one_at_a_time:
            self._ledger, self._read = None, 0
            await self._shelf.clear()

    async def progress(self) -> tuple[int, int]:
        """Rows read, and rows in the journal, after a moment's more reading. Raises StoreError."""
        task = self._draw()
        await asyncio.wait({task}, timeout=MOMENT_SECONDS)
        if task.done():
            await task
        return self._read, (await self._store.head()).seq

    def _draw(self) -> asyncio.Task[None]:
        if self._drawing is None or self._drawing.done():
            self._drawing = asyncio.create_task(self.catch_up(), name="statistics on demand")
        return self._drawing

    # --- counting ------------------------------------------------------------------------------------

    async def report(self, question: Question) -> list[Figures]:
        """Up to date with the journal. Raises NotReady, StoreError."""
        await self._up_to_date()
        count = self.count(question)
        asked = (question.begins, question.ends, question.handler)
        async for waits in self._shelf.waits(*asked):
            await asyncio.to_thread(_each, count.wait, waits)
        async for handlings in self._shelf.handlings(*asked):
            await asyncio.to_thread(_each, count.handling, handlings)
        async for spells in self._shelf.spells(*asked):
            await asyncio.to_thread(_each, count.spell, spells)
        return await asyncio.to_thread(count.figures)

    def count(self, question: Question) -> Count:
        """Into which the facts are then taken."""
        intervals = Intervals(question.begins, question.ends, question.interval, self.zone)
        return Count(question.by, intervals, self._targets(question), self.bands, self._clock())

    async def _up_to_date(self) -> None:
        """A report that gives up does not stop the drawing."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.shield(self._draw())
        except TimeoutError:
            seq, head = await self.progress()
            raise NotReady(f"The figures are being made: {seq:,} of {head:,} rows of the journal are read.") from None

    async def close(self) -> None:
        if self._drawing is not None:
            self._drawing.cancel()
            await asyncio.gather(self._drawing, return_exceptions=True)

    def _targets(self, question: Question) -> Targets:
        asked_target, asked_threshold = question.target, question.threshold
        targets = {q.id: q.target_seconds if asked_target is None else asked_target for q in self._queues}
        thresholds = {
            q.id: q.abandoned_ignore_seconds if asked_threshold is None else asked_threshold for q in self._queues
        }
        return Targets(
            targets,
            thresholds,
            UNKNOWN_TARGET if asked_target is None else asked_target,
            UNKNOWN_THRESHOLD if asked_threshold is None else asked_threshold,
        )


def _each(take: Callable[[T], None], facts: Iterable[T]) -> None:
    for fact in facts:
        take(fact)
