"""Deletes recordings whose time is over: once a day, only of closed contacts, and never one that somebody holds.

Journalled first: a deletion that is on record and was cut short is done again at the next look.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import structlog

from gateway.clock import Clock
from gateway.dispatcher import Dispatcher
from gateway.store.records import Recording
from gateway.store.store import Store, StoreError
from routing.events import RecordingDeleted

log = structlog.get_logger()

DAY_SECONDS = 86_400.0
AGAIN_SECONDS = 600.0


class Retention:
    def __init__(self, recordings_dir: Path, store: Store, dispatcher: Dispatcher, clock: Clock) -> None:
        self._folder, self._store, self._dispatcher, self._clock = recordings_dir, store, dispatcher, clock

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.delete_past()
                pause = DAY_SECONDS
            except (StoreError, OSError) as error:
                log.error("recordings_not_deleted", why=str(error), next_try_seconds=AGAIN_SECONDS)
                pause = AGAIN_SECONDS
            await asyncio.sleep(pause)

    async def delete_past(self) -> None:
        """Everything that is due now. Raises StoreError, OSError."""
        for recording in await self._store.take_recordings_past(self._clock()):
            await self._delete(recording)

    async def _delete(self, recording: Recording) -> None:
        if Path(recording.path).parent != self._folder:
            log.error("recording_elsewhere", recording=recording.path, folder=str(self._folder))
            return
        await self._dispatcher.insist(RecordingDeleted(recording.reference, recording.path, recording.sha256))
        await asyncio.to_thread(Path(recording.path).unlink, missing_ok=True)
        await self._store.save(replace(recording, state="deleted"))
