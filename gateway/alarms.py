"""Alarms about the parts around the board: mailboxes, carriers and the servers that take our mail."""

from __future__ import annotations

import structlog

from gateway.clock import Clock
from gateway.dispatcher import Dispatcher, NotWritten
from routing.events import PartFailing
from routing.model import Time

log = structlog.get_logger()

SILENT_SECONDS = 1800.0


class Alarms:
    """What a person must mend is said at once, and again after ``silent_seconds`` while it lasts."""

    def __init__(self, dispatcher: Dispatcher, clock: Clock, silent_seconds: float = SILENT_SECONDS) -> None:
        self._dispatcher, self._clock, self._silent = dispatcher, clock, silent_seconds
        self._raised: dict[tuple[str, str], Time] = {}

    async def raise_one(self, cause: str, of: str, why: str) -> None:
        """``of``: whose alarm it is, a mailbox or a carrier; each has its own."""
        now = self._clock()
        if now - self._raised.get((cause, of), now - self._silent) < self._silent:
            return
        try:
            await self._dispatcher.submit(PartFailing(cause, why))
        except NotWritten as error:
            log.warning("alarm_not_raised", cause=cause, why=str(error))
        else:
            self._raised[cause, of] = now
