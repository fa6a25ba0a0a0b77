"""What people attach to texts: noted with the text, in its transaction, and fetched from its carrier afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import structlog

from channels.base import ChannelError
from channels.text.port import Carrier, MediaItem
from gateway.dispatcher import Dispatcher, NotWritten
from gateway.store.records import Attachment
from gateway.store.store import Store, StoreError
from gateway.texts.carriers import Carriers, came_by
from routing.events import Recorded

log = structlog.get_logger()

PENDING = "pending:"
RETRY_SECONDS = 2.0
FETCH_TRIES = 5


def pending(message: str, number: int, item: MediaItem) -> Attachment:
    """Where it will lie is not known yet; a restart fetches what is still pending."""
    return Attachment(
        f"{message}-{number}", message, f"picture {number + 1}", item.content_type, 0, "", PENDING + item.url
    )


class TextFiles:
    def __init__(self, carriers: Carriers, store: Store, dispatcher: Dispatcher) -> None:
        self._carriers, self._store, self._dispatcher = carriers, store, dispatcher
        self._to_fetch: asyncio.Queue[Attachment] = asyncio.Queue()

    def fetch(self, attachments: Iterable[Attachment]) -> None:
        for attachment in attachments:
            self._to_fetch.put_nowait(attachment)

    async def run(self) -> None:
        """Fetch until cancelled; begins with what an earlier run left."""
        self.fetch(await self._store.pending_attachments(PENDING))
        while True:
            attachment = await self._to_fetch.get()
            try:
                await self._fetch(attachment)
            except (NotWritten, StoreError) as error:
                log.warning("attachment_not_written", attachment=attachment.id, why=str(error))
                self._to_fetch.put_nowait(attachment)
                await asyncio.sleep(RETRY_SECONDS)

    async def _fetch(self, attachment: Attachment) -> None:
        message = await self._store.message(attachment.message)
        carrier = self._carriers.get(came_by(message)) if message else None
        item = MediaItem(attachment.path.removeprefix(PENDING), attachment.content_type)
        kept = replace(attachment, **await _fetched(carrier, item))
        what = f"attachment {kept.id}: {'stored' if kept.path else kept.filename}"
        await self._dispatcher.submit(Recorded(what, "system", reference=message.reference if message else ""), kept)


async def _fetched(carrier: Carrier | None, item: MediaItem) -> dict[str, Any]:
    """What changes in the attachment: where it lies, or why it could not be had."""
    error: Exception = LookupError("its carrier is not configured any more")
    for attempt in range(FETCH_TRIES if carrier else 0):
        try:
            file = await carrier.fetch_media(item) if carrier else None
        except (ChannelError, OSError) as failed:
            error = failed
            if not getattr(failed, "retry", True):
                break
            await asyncio.sleep(RETRY_SECONDS * 2**attempt)
        else:
            assert file
            kept = {"path": str(file.path), "size": file.size, "sha256": file.sha256}
            return {**kept, "content_type": file.content_type}
    return {"path": "", "filename": f"not fetched: {error}"}
