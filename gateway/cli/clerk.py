"""Administration while no gateway runs: the same API on the store, but nothing is decided or carried out.

What is written down here, the gateway finds at its next start; offers and calls are its business alone.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from config.settings import Settings
from gateway.api.application import build
from gateway.api.services import Services
from gateway.control import open_control
from gateway.deciding import Outcome, Refused
from gateway.discretion import Discretion
from gateway.dispatcher import Dispatcher, NotWritten
from gateway.live import LiveHub
from gateway.outbox.letters import Letters
from gateway.statistics.statistics import Statistics
from gateway.store.database import migrate, open_engine, require_database
from gateway.store.errors import NoDatabase
from gateway.store.journal import Head, reference_of, write_row
from gateway.store.records import Record
from gateway.store.store import Batch, Store, StoreError
from gateway.telemetry import Telemetry
from routing.apply import apply
from routing.coverage import without_handlers
from routing.events import Event, HandlerRemoved, HandlerSaved, Recorded, ShiftsImported
from routing.objections import objection
from routing.rules import Rules


class Clerk(Dispatcher):
    """Writes down what an administrator does, one thing at a time."""

    def __init__(self, store: Store, rules: Rules) -> None:
        super().__init__(store, rules, time.time, lambda *_: (), lambda _: None)
        self._turn = asyncio.Lock()

    async def open(self) -> None:
        """Raises StoreError: nobody waits here for a database to come up."""
        self.board = await self._store.board(self._rules, self._clock())
        self._head = await self._store.head()
        self.down = ""

    async def submit(self, event: Event, *records: Record) -> Outcome:
        if not isinstance(event, HandlerSaved | HandlerRemoved | ShiftsImported | Recorded):
            raise Refused("The gateway is not running: start it first.")
        async with self._turn:
            if refused := objection(event, self.board):
                raise Refused(refused)
            now, reference = self._clock(), reference_of(event)
            apply(event, self.board, now)
            row = write_row(self._head, event, now, "", reference)
            try:
                await self._store.commit(Batch([row], self.board.take_touched(), list(records)))
            except StoreError as error:
                raise NotWritten(str(error)) from error
            self._head = Head(row.seq, row.hash)
            return Outcome(reference)


@asynccontextmanager
async def open_office(settings: Settings, path: Path) -> AsyncIterator[None]:
    """The API at the socket ``path``, on the store alone. Raises NoDatabase, StoreError, OSError."""
    store = Store(open_engine(settings.store))
    try:
        try:
            await require_database(store.engine)
        except NoDatabase as none:
            none.args = (f"the gateway is not running, and {none}",)
            raise
        await migrate(store.engine)
        clerk = Clerk(store, Rules.of(settings))
        await clerk.open()
        statistics = Statistics(settings, store, time.time)
        services = _services(settings, store, clerk, statistics)
        runner = web.AppRunner(build(services), access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            await open_control(runner, path)
            yield
        finally:
            await runner.cleanup()
            await statistics.close()
    finally:
        await store.close()


def _services(settings: Settings, store: Store, clerk: Clerk, statistics: Statistics) -> Services:
    return Services(
        settings=settings,
        store=store,
        dispatcher=clerk,
        clock=time.time,
        live=LiveHub(Discretion.of(settings.voice)),
        telemetry=Telemetry(lambda: clerk.board, time.time, lambda: 0, lambda: 0),
        letters=Letters(settings),
        statistics=statistics,
        calls=None,
        texts=None,
        health=lambda: {"gateway": "is not running"},
        warnings=lambda: {"handlers": "; ".join(without_handlers(clerk.board))},
        new_id=lambda: secrets.token_hex(8),
    )
