"""The line of mails that are fetched and not yet stored: they are handed on in their order, some at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from channels.email.receiver import FetchedMail

# Handed on together, and stored together. What is large is read slowly, and goes alone.
TOGETHER, TOGETHER_BYTES = 10, 256 * 1024
AHEAD = 2  # such lots that wait while one is being stored

Storing = asyncio.Task[None]
HandOn = Callable[[Sequence[FetchedMail], Storing | None], Coroutine[Any, Any, None]]


class Line:
    """``hand_on`` stores some mails once the task is done that stores those before them."""

    def __init__(self, hand_on: HandOn) -> None:
        self._hand_on = hand_on
        self._storing: deque[Storing] = deque()
        self._mails: list[FetchedMail] = []

    async def add(self, mail: FetchedMail) -> None:
        """Returns when there is room for the next one."""
        if mail.file is not None:
            self._go()
        self._mails.append(mail)
        if mail.file is not None or len(self._mails) >= TOGETHER or self._bytes() >= TOGETHER_BYTES:
            self._go()
        while len(self._storing) > AHEAD:
            await self._storing.popleft()

    async def stored(self) -> None:
        """Returns when all are."""
        self._go()
        await asyncio.gather(*self._storing)

    def stop(self) -> None:
        """Nothing more is stored of what is not stored yet."""
        for task in self._storing:
            task.cancel()

    def _go(self) -> None:
        if self._mails:
            before = self._storing[-1] if self._storing else None
            self._storing.append(asyncio.create_task(self._hand_on(self._mails, before)))
            self._mails = []

    def _bytes(self) -> int:
        return sum(len(mail.raw) for mail in self._mails)
