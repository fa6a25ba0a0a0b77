"""Every few seconds some contacts and handlers are drawn and checked; what is wrong is repaired, and alarms."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import TypeVar

import structlog

from gateway.clock import Clock
from gateway.dispatcher import Dispatcher, NotWritten
from routing.audit import audit
from routing.events import BoardRepaired

log = structlog.get_logger()

DRAWN = 50
T = TypeVar("T")


class Auditor:
    """``chance`` draws; ``seconds`` lie between two checks."""

    def __init__(self, dispatcher: Dispatcher, clock: Clock, chance: random.Random, seconds: float) -> None:
        self._dispatcher, self._clock, self._chance, self._seconds = dispatcher, clock, chance, seconds

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(self._seconds)
            await self.check()

    async def check(self) -> tuple[str, ...]:
        """What was wrong with those who were drawn; it is repaired when this returns."""
        board = self._dispatcher.board
        found = audit(board, self._draw(board.contacts), self._draw(board.handlers), self._clock())
        if found:
            log.error("board_wrong", found=found)
            try:
                await self._dispatcher.submit(BoardRepaired(found))
            except NotWritten as error:
                log.warning("board_not_repaired", why=str(error))  # the next check finds it again
        return found

    def _draw(self, all_of_them: Mapping[str, T]) -> list[T]:
        names = self._chance.sample(list(all_of_them), min(DRAWN, len(all_of_them)))
        return [all_of_them[name] for name in names]
