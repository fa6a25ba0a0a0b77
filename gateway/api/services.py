"""What the HTTP side is given: everything it works with, built elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

from channels.voice.instructions import Instruction
from channels.voice.pool import PoolStats
from config.settings import Settings
from gateway.clock import Clock
from gateway.dispatcher import Dispatcher
from gateway.live import LiveHub
from gateway.outbox.letters import Letters
from gateway.statistics.statistics import Statistics
from gateway.store.store import Store
from gateway.telemetry import Telemetry

EXPLAINED_AT_ONCE = 2


class CallControl(Protocol):
    """What a desk can do to a call. Raises ChannelError when the call process cannot do it."""

    async def ask(self, reference: str, wish: Instruction, *, handler: str = "") -> None:
        """``handler`` must be on the call; '' asks as a supervisor."""

    def check(self, reference: str, wish: Instruction, *, handler: str = "") -> None:
        """Raises what ``ask`` would; nothing is done."""

    async def drain(self) -> None:
        """No new calls; those under way go on."""

    def refill(self) -> None:
        """New calls again, by fresh call processes."""

    @property
    def draining(self) -> bool: ...

    def stats(self) -> PoolStats: ...


class TextWebhooks(Protocol):
    """The carriers' webhooks; each proves itself, as its carrier does."""

    async def message(self, request: web.Request) -> web.Response: ...

    async def status(self, request: web.Request) -> web.Response: ...

    async def picture(self, request: web.Request) -> web.StreamResponse:
        """At a signed address, for the carrier that sends it on."""


@dataclass(frozen=True, slots=True)
class Services:
    """``health``: each part's name with what is wrong, '' when it is well; ``warnings``: with what is wrong and made
    up for meanwhile. ``new_id`` never repeats.

    ``calls`` and ``texts`` are None where the site does not have that channel. ``explaining``: places for questions to
    the journal, each of which takes seconds of the gateway's own time.
    """

    settings: Settings
    store: Store
    dispatcher: Dispatcher
    clock: Clock
    live: LiveHub
    telemetry: Telemetry
    letters: Letters
    statistics: Statistics
    calls: CallControl | None
    texts: TextWebhooks | None
    health: Callable[[], Mapping[str, str]]
    warnings: Callable[[], Mapping[str, str]]
    new_id: Callable[[], str]
    explaining: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(EXPLAINED_AT_ONCE))
