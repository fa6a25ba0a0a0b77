"""The loop: one writer takes what happened in order, decides, writes it down, and only then carries it out.

Several waiting events share one transaction, and when they do, those of the next moment wait for each other too: a
transaction costs far more than what it writes. When the database cannot write, nothing has happened: everybody in the
batch is told so, and the board is rebuilt from the tables before the next event is taken. An event that breaks
something is taken alone, so that the others of its batch do not suffer from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog

from gateway.clock import Clock
from gateway.deciding import Compose, Happened, Outcome, Transaction, known_before
from gateway.store.journal import Head, Row
from gateway.store.records import Record
from gateway.store.store import NotStorable, Store, StoreError
from gateway.together import apart
from routing.board import Board
from routing.commands import Command
from routing.events import Event, Recorded, TimePassed
from routing.model import Time
from routing.rules import Rules
from routing.waits import WINDOW_SECONDS

log = structlog.get_logger()

LARGEST_BATCH = 200
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0
REST_SECONDS = 1.0
CATCH_UP_SECONDS = 8.0

T = TypeVar("T")


class NotWritten(Exception):
    """The database could not say that it has written: trying again later can help, and does nothing twice."""


@dataclass(frozen=True, slots=True)
class Committed:
    """What one transaction has put on disk, for those who carry it out and those who watch."""

    rows: tuple[Row, ...]
    commands: tuple[Command, ...]
    records: tuple[Record, ...]


@dataclass(slots=True)
class Submitted:
    """What is written together or not at all."""

    happened: tuple[Happened, ...]
    done: asyncio.Future[tuple[Outcome, ...]]
    patient: bool = False


class Dispatcher:
    """``carry_out`` is called after each commit and must not block; ``compose`` writes an acknowledgement."""

    def __init__(
        self, store: Store, rules: Rules, clock: Clock, compose: Compose, carry_out: Callable[[Committed], None]
    ) -> None:
        self.board = Board(rules)
        self.down = "the board is not built yet"
        self._not_written = ""
        self._store, self._rules, self._clock = store, rules, clock
        self._compose, self._carry_out = compose, carry_out
        self._head: Head | Row = Head()
        self._rest_until: Time = 0.0
        self._time_passes = False
        self._there_since: Time = 0.0
        self._waiting: asyncio.Queue[Submitted] = asyncio.Queue()

    @property
    def trouble(self) -> str:
        """What is wrong, '' when nothing is: a commit that failed counts until one has succeeded."""
        return self.down or self._not_written

    async def submit(self, event: Event, *records: Record) -> Outcome:
        """Returns when the event and what follows from it are on disk.

        ``records`` are written in the same transaction; a message without a reference gets the contact's.
        Raises Refused, NotWritten, or whatever the event broke: then nothing of it has happened.
        """
        return (await self._submit((event, records), patient=False))[0]

    async def submit_together(self, *happened: Happened) -> tuple[Outcome, ...]:
        """As ``submit``, for several in their order: all of them are on disk, or nothing of them has happened."""
        return await self._submit(*happened, patient=False)

    async def insist(self, event: Event, *records: Record) -> Outcome:
        """As ``submit``, but for what must not be lost: waits out a database that is down."""
        return (await waited_out(lambda: self._submit((event, records), patient=True)))[0]

    async def _submit(self, *happened: Happened, patient: bool) -> tuple[Outcome, ...]:
        if self.down:
            raise NotWritten(self.down)
        done: asyncio.Future[tuple[Outcome, ...]] = asyncio.get_running_loop().create_future()
        await self._waiting.put(Submitted(happened, done, patient))
        return await done

    async def load(self) -> None:
        """Build the board from the tables, however long the database takes to come up."""
        pause = FIRST_PAUSE
        while True:
            try:
                self.board = await self._store.board(self._rules, self._clock())
                for at, queue in await self._store.answers(self._clock() - WINDOW_SECONDS):
                    self.board.answers.note(queue, at)
                self._head = await self._store.head()
                self._there_since = self._clock()
            except StoreError as error:
                self._turn_away(f"the database does not answer: {error}")
                log.error("store_down", why=str(error), next_try_seconds=pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                self.down = ""
                log.info("board_built", contacts=len(self.board.contacts), handlers=len(self.board.handlers))
                return

    async def run(self, catch_up: Callable[[], Awaitable[object]] | None = None) -> None:
        """Take events until cancelled.

        Nothing falls due before ``catch_up`` has ended, or ``CATCH_UP_SECONDS`` have passed: an offer whose time is
        over may have been answered while no gateway was there, and that handler must keep the caller.
        """
        loop = asyncio.get_running_loop()
        catching_up = asyncio.create_task(self._let_time_pass(catch_up), name="catching up")
        try:
            while True:
                batch, began = await self._next_batch(), loop.time()
                await self._guarded(batch)
                if len(batch) > 1:
                    await asyncio.sleep(began + apart(len(batch)) - loop.time())
        finally:
            catching_up.cancel()
            self._turn_away("the gateway is stopping")

    async def _let_time_pass(self, catch_up: Callable[[], Awaitable[object]] | None) -> None:
        if catch_up is not None:
            try:
                async with asyncio.timeout(CATCH_UP_SECONDS):
                    await catch_up()
            except TimeoutError:
                log.error("calls_not_caught_up", after_seconds=CATCH_UP_SECONDS)
        self._time_passes = True
        self._waiting.put_nowait(self._tick())

    # --- the batch -----------------------------------------------------------------------------------

    async def _next_batch(self) -> list[Submitted]:
        wake = self._next_wake()
        timeout = None if wake is None else max(0.0, wake - self._clock())
        try:
            async with asyncio.timeout(timeout):
                batch = [await self._waiting.get()]
        except TimeoutError:
            return [self._tick()]
        while len(batch) < LARGEST_BATCH and not self._waiting.empty():
            batch.append(self._waiting.get_nowait())
        if wake is not None and wake <= self._clock():
            batch.append(self._tick())
        return batch

    def _next_wake(self) -> Time | None:
        """While the last commit has failed it is tried again and again whether the next one does."""
        wake = self.board.next_wake if self._time_passes else None
        if self._not_written:
            return self._rest_until
        return None if wake is None else max(wake, self._rest_until)

    def _tick(self) -> Submitted:
        happened: list[Happened] = [(TimePassed(self._there_since), ())] if self._time_passes else []
        if self._not_written:
            happened.append((Recorded("the database writes again", "system", self._not_written), ()))
        return Submitted(tuple(happened), asyncio.get_running_loop().create_future())

    async def _guarded(self, batch: list[Submitted]) -> None:
        """One batch; whatever goes wrong, its submitters are told and the board is true again afterwards."""
        work = Transaction(self.board, self._head, self._clock, self._compose)
        try:
            await self._take(batch, work)
        except NotStorable as error:
            log.error("not_storable", why=str(error), events=_kinds(batch))
            await self._one_by_one(batch, error)
        except StoreError as error:
            log.error("commit_failed", why=str(error), events=len(batch))
            await self._commit_failed(batch, work, str(error))
        except asyncio.CancelledError:
            self._fail(batch, NotWritten("the gateway is stopping"))
            raise
        except Exception as error:
            log.exception("dispatch_failed", events=_kinds(batch))
            await self._one_by_one(batch, error)

    async def _one_by_one(self, batch: list[Submitted], error: Exception) -> None:
        """Only the event that breaks something is told of it; the others are taken as if it had not been there."""
        await self.load()
        if len(batch) == 1:
            self._fail(batch, error)
            if isinstance(batch[0].happened[0][0], TimePassed):
                self._rest_until = self._clock() + LONGEST_PAUSE
            return
        for submitted in batch:
            if not submitted.done.done():
                await self._guarded([submitted])

    async def _commit_failed(self, batch: list[Submitted], work: Transaction, why: str) -> None:
        """Nothing has happened, unless the database wrote and was gone before it could say so.

        What only falls due waits a little: a full disk would have it tried again, and the board built, without a rest.
        """
        self._fail([s for s in batch if not s.patient], NotWritten(why))
        self._not_written = why
        self._turn_away(why)
        await self.load()
        self._rest_until = self._clock() + REST_SECONDS
        if work.batch.rows and self._head.hash == work.head.hash:
            log.warning("commit_had_succeeded", events=len(batch))
            self._not_written = ""
            self._confirm(batch, work)
        self._fail(batch, NotWritten(why))

    def _turn_away(self, why: str) -> None:
        """Nothing can be written for now: who waits is told so, and so is who comes."""
        self.down = why
        while not self._waiting.empty():
            self._fail([self._waiting.get_nowait()], NotWritten(why))

    def _fail(self, batch: list[Submitted], error: Exception) -> None:
        for submitted in batch:
            _settle(submitted, error)

    async def _take(self, batch: list[Submitted], work: Transaction) -> None:
        known = await known_before(self._store, [one for submitted in batch for one in submitted.happened])
        for submitted in batch:
            work.take(submitted.happened, known)
        work.batch.touched = self.board.take_touched()
        if work.batch.rows or work.batch.records:
            await self._store.commit(work.batch)
            self._not_written = ""
        self._confirm(batch, work)

    def _confirm(self, batch: list[Submitted], work: Transaction) -> None:
        """It is on disk: everybody is told, and it is carried out."""
        self._head = work.head
        for submitted, outcome in zip(batch, work.outcomes, strict=True):
            _settle(submitted, outcome)
        self._carry_out(Committed(tuple(work.batch.rows), tuple(work.commands), tuple(work.batch.records)))


async def waited_out(attempt: Callable[[], Awaitable[T]]) -> T:
    """What ``attempt`` gives once the database is there; what the database would never take is raised."""
    pause = FIRST_PAUSE
    while True:
        try:
            return await attempt()
        except NotStorable:
            raise
        except (NotWritten, StoreError) as error:
            # asyncio.wait_for of Python 3.11, which libraries use, may swallow a cancellation: do not wait on for ever.
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise asyncio.CancelledError from error
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)


def _settle(submitted: Submitted, outcome: tuple[Outcome, ...] | Exception) -> None:
    """Tell the submitter, unless they have gone or were told already."""
    if submitted.done.done():
        return
    if isinstance(outcome, tuple):
        submitted.done.set_result(outcome)
        return
    submitted.done.set_exception(outcome)
    submitted.done.exception()  # a submitter who has gone is no error


def _kinds(batch: list[Submitted]) -> list[str]:
    return [type(event).__name__ for submitted in batch for event, _ in submitted.happened]


Submit = Callable[..., Awaitable[Outcome]]
