"""What waits for a way out that is not there: no message is tried at it until it says that it is back."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence

import structlog

from channels.base import ChannelError, NotLetIn, Unreachable

log = structlog.get_logger()

# The outbox's sender, and the address of ours from which it goes.
Way = tuple[str, str]


class Outages:
    """``check`` raises what would keep a message from leaving by a way; ``back`` is called with the messages that
    waited for it; ``pause`` gives the seconds after so many times that a way which said it was there took nothing."""

    def __init__(
        self,
        check: Callable[[Way], Awaitable[None]],
        back: Callable[[Sequence[str]], None],
        pause: Callable[[int], float],
    ) -> None:
        self._check, self._back, self._pause = check, back, pause
        self._waiting: dict[str, Way] = {}
        self._in_vain: defaultdict[Way, int] = defaultdict(int)
        self._watched: dict[Way, asyncio.Task[None]] = {}

    def __contains__(self, message: str) -> bool:
        return message in self._waiting

    def wait(self, message: str, way: Way) -> None:
        """Until the way is there again."""
        self._waiting[message] = way
        if way not in self._watched:
            self._in_vain[way] += 1
            self._watched[way] = asyncio.create_task(self._watch(way), name=f"wait for {way[0]}")

    def left(self, way: Way) -> None:
        """Something has: whatever waited for this way goes too."""
        self._in_vain.pop(way, None)
        if watching := self._watched.pop(way, None):
            watching.cancel()
            self._release(way)

    async def close(self) -> None:
        watching = list(self._watched.values())
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)

    async def _watch(self, way: Way) -> None:
        pause = self._pause(self._in_vain[way])
        while True:
            await asyncio.sleep(pause)
            if await self._is_there(way):
                break
            pause = self._pause(1)
        del self._watched[way]
        self._release(way)

    async def _is_there(self, way: Way) -> bool:
        """As far as asking tells. One that refuses us is there: what it says of a message, the next try tells."""
        try:
            await self._check(way)
        except ChannelError as error:
            return isinstance(error, NotLetIn) or not isinstance(error, Unreachable)
        except Exception:
            log.exception("way_not_checked", way=way[0])
        return True

    def _release(self, way: Way) -> None:
        messages = [message for message, waits_for in self._waiting.items() if waits_for == way]
        for message in messages:
            del self._waiting[message]
        self._back(messages)
