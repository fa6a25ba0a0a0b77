"""Somebody who sits at a sandbox telephone, and what they do when it rings."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from dataclasses import dataclass

import structlog

from gateway.sandbox.phone import Phone, PhoneError, PhoneEvent

log = structlog.get_logger()


RING_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Manner:
    """``code`` is answered after ``seconds``; None lets it ring. ``name`` is what the command line calls it. ``stays``:
    so many seconds on the line, once they have answered."""

    name: str
    seconds: float | None
    code: int = 200
    stays: float = math.inf


BUSY = Manner("busy", 0.0, 486)
SILENT = Manner("silent", None)
HANGS_UP = Manner("hangs-up", 1.0, stays=1.0)


def answers(seconds: float) -> Manner:
    return Manner("normal", seconds)


class Person:
    """Runs from ``start()`` to ``stop()``; ``manner`` may be changed at any time and concerns the next ring.

    ``usual`` is the manner they began with.
    """

    def __init__(self, phone: Phone, usual: Manner) -> None:
        self.phone, self.usual, self.manner = phone, usual, usual
        self._sitting: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._sitting = asyncio.create_task(self._sit(), name=f"person at {self.phone.name}")

    async def stop(self) -> None:
        task, self._sitting = self._sitting, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _sit(self) -> None:
        since = 0.0
        try:
            while True:
                rang = await self.phone.wait_for_event("incoming", math.inf, since=since)
                since = math.nextafter(rang.at, math.inf)
                if not rang.facts["busy"]:
                    await self._react(rang)
        except PhoneError as error:
            log.error("telephone_ended", phone=self.phone.name, why=str(error))

    async def _react(self, rang: PhoneEvent) -> None:
        manner = self.manner
        if manner.seconds is None:
            return
        await asyncio.sleep(manner.seconds)
        if self._later_call(rang):
            return
        try:
            await self.phone.wait_for("ringing", RING_SECONDS)
            await self.phone.answer(manner.code)
            if manner.stays < math.inf:
                await self.phone.wait_for("talking", RING_SECONDS)
                await asyncio.sleep(manner.stays)
                await self.phone.hang_up()
        except TimeoutError:
            log.info("rings_no_more", phone=self.phone.name)
        except PhoneError as error:
            log.info("caller_gone_before_answer", phone=self.phone.name, why=str(error))

    def _later_call(self, rang: PhoneEvent) -> bool:
        return any(e.name == "incoming" and not e.facts["busy"] and e.at > rang.at for e in self.phone.log)
