"""Texts that came to the carrier while we could not take them: its webhook is posted once, so we ask what it has.

Asked at every start, back to ``text.fetch_missed_hours`` or to when this gateway first ran, and then again and again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import structlog

from channels.base import ChannelError
from channels.text.port import Carrier, IncomingText
from config.text import Text
from gateway.clock import Clock
from gateway.dispatcher import NotWritten
from gateway.store.store import Store, StoreError
from gateway.texts.carriers import KEY, Carriers
from routing.model import Time

log = structlog.get_logger()

PAUSE_SECONDS = 10.0
# A webhook may be on its way for so long (Twilio waits 15 s for our answer): it is left to bring its text itself.
UNDER_WAY_SECONDS = 20.0
# How far before the last look a text is looked for that the carrier lists late: a little each time, for at hundreds of
# texts a second the list is long; and far from time to time.
AGAIN_SECONDS = 60.0
FAR_SECONDS, FAR_EVERY_SECONDS = 600.0, 300.0


class MissedTexts:
    """``take``: what is to be done with each; raises NotWritten, StoreError. ``tell``: told of a carrier whose webhook
    did not bring one although we were there."""

    def __init__(
        self,
        settings: Text,
        store: Store,
        carriers: Carriers,
        clock: Clock,
        take: Callable[[IncomingText], Awaitable[None]],
        tell: Callable[[str], Awaitable[None]],
    ) -> None:
        self._hours, self._store, self._carriers = settings.fetch_missed_hours, store, carriers
        self._clock, self._take, self._tell, self._began = clock, take, tell, clock()
        self._asked: dict[str, Time] = {}
        self._asked_far: dict[str, Time] = {}

    async def run(self) -> None:
        """Ask each carrier until cancelled."""
        while self._hours:
            for carrier in self._carriers:
                try:
                    await self.look(carrier)
                except (ChannelError, StoreError) as error:
                    log.warning("missed_texts_not_known", carrier=carrier.id, why=str(error))
            await asyncio.sleep(PAUSE_SECONDS)

    async def look(self, carrier: Carrier) -> None:
        """Take what it has and we have not. Raises ChannelError, StoreError."""
        now = self._clock()
        far = now - self._asked_far.get(carrier.id, 0.0) >= FAR_EVERY_SECONDS
        since = await self._since(carrier, now, FAR_SECONDS if far else AGAIN_SECONDS)
        missed = list[IncomingText]()
        async for page in carrier.arrived_since(datetime.fromtimestamp(since, UTC)):
            missed += await self._unknown([text for text in page if not _under_way(text, now)])
        missed.sort(key=lambda text: text.sent_at or 0.0)
        if all([await self._took(carrier, text) for text in missed]):
            self._asked[carrier.id] = now
            if far:
                self._asked_far[carrier.id] = now

    async def _unknown(self, listed: Sequence[IncomingText]) -> list[IncomingText]:
        """Those that we have not. Raises StoreError."""
        keys = [f"{KEY}{text.message_sid}" for text in listed]
        known = await self._store.look(lambda looks: looks.known_keys(keys)) if keys else {}
        return [text for text, key in zip(listed, keys, strict=True) if key not in known]

    async def _took(self, carrier: Carrier, text: IncomingText) -> bool:
        """One that cannot be taken holds up no other, and is tried again."""
        try:
            await self._take(await carrier.with_media(text))
        except (ChannelError, NotWritten, StoreError) as error:
            log.warning("missed_text_not_taken", carrier=carrier.id, why=str(error))
            return False
        if text.sent_at is not None and text.sent_at > self._began:
            await self._tell(carrier.id)
        return True

    async def _since(self, carrier: Carrier, now: Time, again: Time) -> Time:
        """What came before this gateway first ran was another's to answer."""
        if carrier.id in self._asked:
            return self._asked[carrier.id] - again
        first = [row.at async for row in self._store.journal(limit=1)]
        return max(now - self._hours * 3600.0, *first) if first else now


def _under_way(text: IncomingText, now: Time) -> bool:
    """Of no time, or of one to come: its carrier's clock is wrong, or ours, and waiting would not make it right."""
    return text.sent_at is not None and abs(now - text.sent_at) <= UNDER_WAY_SECONDS
