"""A store with its dispatcher at work, as the gateway has them, and the checks that hold after whatever happened."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from config.load import load
from config.settings import Settings
from config.settings import Store as StoreSettings
from gateway.deciding import Outcome
from gateway.dispatcher import Committed, Dispatcher
from gateway.outbox.letters import Letters
from gateway.store.database import migrate, open_engine
from gateway.store.documents import load_change
from gateway.store.journal import verify
from gateway.store.records import Message
from gateway.store.store import Store
from routing.board import Board
from routing.engine import decide
from routing.events import MessageArrived
from routing.model import Channel, Party
from routing.rules import Rules

DEADLINE = 20.0


def settings_for(directory: Path, **routing: Any) -> Settings:
    """The defaults in this directory; ``routing`` overrides."""
    overlay: dict[str, Any] = {
        "gateway": {"data_dir": str(directory), "run_dir": "run"},
        "edge": {"phone_secret": "phones"},
    }
    return load(overlay=overlay | {"text": {"auth_token": "texts"}, "routing": routing})


class Writer:
    """``async with Writer(url, settings) as writer: await writer.dispatcher.submit(...)``."""

    def __init__(
        self,
        url: str,
        settings: Settings,
        clock: Callable[[], float] = time.time,
        *,
        pool_size: int = 2,
        store: type[Store] = Store,
        catch_up: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self.rules = Rules.of(settings)
        self.engine = open_engine(StoreSettings(url=url, pool_size=pool_size))
        self.store = store(self.engine)
        self.committed: list[Committed] = []
        self.watchers: list[Callable[[Committed], None]] = [self.committed.append]
        self.dispatcher = Dispatcher(self.store, self.rules, clock, Letters(settings).acknowledgement, self._carry_out)
        self._catch_up = catch_up
        self._run: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await migrate(self.engine)
        await self.dispatcher.load()
        self._run = asyncio.create_task(self.dispatcher.run(self._catch_up))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        await self.store.close()

    async def stop(self) -> None:
        if self._run is not None:
            self._run.cancel()
            await asyncio.gather(self._run, return_exceptions=True)

    def _carry_out(self, committed: Committed) -> None:
        for watcher in self.watchers:
            watcher(committed)

    async def text(self, n: int, sender: str = "", *, insist: bool = False) -> Outcome:
        """The n-th text arrives, each from a person of its own unless ``sender`` says."""
        take = self.dispatcher.insist if insist else self.dispatcher.submit
        return await take(*arrival(n, sender))

    async def commands(self, kind: type, deadline: float = DEADLINE) -> list[Any]:
        """The commands of this kind that were carried out, as soon as there is one."""
        found: list[Any] = []

        def there() -> bool:
            found[:] = [c for done in self.committed for c in done.commands if isinstance(c, kind)]
            return bool(found)

        await until(there, deadline)
        return found


def arrival(n: int, sender: str = "") -> tuple[MessageArrived, Message]:
    address = sender or f"+4477{n:08}"
    event = MessageArrived(f"T{n}", f"m{n}", Channel.TEXT, "texts", Party(address), "61016", thread=f"text:{address}")
    message = Message(
        id=f"m{n}",
        reference="",
        channel="text",
        direction="in",
        sender=address,
        recipient="61016",
        body=f"text {n}",
        at=float(n),
        by="caller",
        provider_key=f"text:{n}",
    )
    return event, message


async def until(condition: Callable[[], bool], deadline: float = DEADLINE) -> None:
    """Wait for what other tasks bring about."""
    async with asyncio.timeout(deadline):
        while not condition():
            await asyncio.sleep(0.005)


async def assert_sound(store: Store, rules: Rules, board: Board | None = None) -> Board:
    """The journal's chain holds, replaying its events gives what the tables hold, and ``board`` agrees with them."""
    verdict = await verify(store.journal())
    assert verdict.broken is None, verdict
    replayed, expected = Board(rules), list[Any]()
    async for row in store.journal():
        change = load_change(row.kind, row.document)
        if row.entry == "command":
            assert change == expected.pop(0), f"row {row.seq} is what its event decides"
            continue
        assert not expected, f"row {row.seq}: commands before it are missing"
        expected = list(decide(replayed, change, row.at).commands)
    assert not expected
    written = await store.board(rules, now=0.0)
    _same(replayed, written)
    if board is not None:
        _same(board, written)
    return written


def _same(one: Board, other: Board) -> None:
    for name in ("contacts", "handlers", "follow_ups"):
        assert _keyed(getattr(one, name).values()) == _keyed(getattr(other, name).values()), name


def _keyed(values: Iterable[Any]) -> dict[str, Any]:
    return {getattr(v, "reference", "") + getattr(v, "id", ""): v for v in values}
