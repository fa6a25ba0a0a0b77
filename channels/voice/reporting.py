"""How a call's story tells the gateway what happened: in order, and never holding the call up.

The gateway may be slow for a moment, or its database down: the caller's sound, and the way to the control room,
must not wait for that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from routing.events import Event

log = structlog.get_logger()

Report = Callable[[Event], Awaitable[str]]


class Over(Exception):
    """The gateway refused an event: what it speaks of is over. The words are for a person."""


class Reporter:
    """Reports events one after the other; ``refused`` hears of each that came too late."""

    def __init__(self, report: Report, refused: Callable[[Event], None]) -> None:
        self._report, self._refused = report, refused
        self._events: asyncio.Queue[Event | Callable[[], None] | None] = asyncio.Queue()

    def tell(self, event: Event) -> None:
        self._events.put_nowait(event)

    def then(self, act: Callable[[], None]) -> None:
        """``act`` is called when everything told so far is reported."""
        self._events.put_nowait(act)

    def finish(self) -> None:
        """Nothing more will be told."""
        self._events.put_nowait(None)

    async def run(self) -> None:
        """Until ``finish`` and everything before it is reported."""
        while (event := await self._events.get()) is not None:
            if callable(event):
                event()
                continue
            try:
                await self._report(event)
            except Over as over:
                log.info("event_too_late", kind=type(event).__name__, why=str(over))
                self._refused(event)
            except Exception:
                log.exception("event_not_reported", kind=type(event).__name__)
