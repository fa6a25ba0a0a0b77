"""Twilio: texts sent through its REST API, looked up there, their attachments fetched, its webhooks read.

https://www.twilio.com/docs/messaging/api/message-resource
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from twilio.base import values  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from channels.base import Unreachable
from channels.text.answers import basic
from channels.text.media import MediaFetcher
from channels.text.port import FetchedMedia, IncomingText, MediaItem, OutgoingText, SentText, StatusReport, Webhook
from channels.text.twilio.api import Api
from channels.text.twilio.inbound import MEDIA_LIMIT, SIGNATURE, form_of, listed_text, read_status, read_text
from config.numbers import WHATSAPP, person_of
from config.text import TWILIO, Text

DEADLINE_SECONDS = 10.0
MEDIA_DEADLINE_SECONDS = 60.0
# How far our clock and the carrier's may be apart when an interrupted text is looked up.
CLOCK_SKEW = timedelta(seconds=30)
LOOK_BACK_MESSAGES = PAGE_MESSAGES = 1000
# Without this the library would also read TWILIO_* from the environment: settings come from one place.
ONLY_THE_SETTINGS = {"TWILIO_EDGE": "", "TWILIO_REGION": ""}
NOTHING_TO_DO = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


class Twilio:
    """Twilio, or whatever speaks its API at ``settings.api_url``: a ``channels.text.port.Carrier``."""

    id = TWILIO

    def __init__(self, settings: Text, status_callback_url: str, *, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._settings = settings
        token = settings.auth_token.get_secret_value()
        self._services = {number.number: number.messaging_service for number in settings.numbers}
        self._status_callback_url = status_callback_url
        self._api = Api(settings.api_url, deadline_seconds)
        self._client = Client(settings.account_sid, token, http_client=self._api, environment=ONLY_THE_SETTINGS)
        self._media = MediaFetcher(
            api_url=settings.api_url,
            credentials=basic(settings.account_sid, token),
            directory=settings.media_dir,
            limit_bytes=settings.media_limit_bytes,
            types=settings.media_types,
            scanner=settings.scanner,
            deadline_seconds=MEDIA_DEADLINE_SECONDS,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._api.close()

    async def send(self, text: OutgoingText) -> SentText:
        """Hand the text to the carrier, once: nothing here tries again."""
        message = await self._client.messages.create_async(
            to=text.recipient,
            from_=text.sender,
            messaging_service_sid=self._services.get(person_of(text.sender)) or values.unset,
            body=text.body or values.unset,
            media_url=list(text.media_urls) or values.unset,
            status_callback=self._status_callback_url or values.unset,
        )
        return _sent(message)

    async def find_sent(self, text: OutgoingText, since: datetime, *, besides: Collection[str] = ()) -> SentText | None:
        """The text, if the carrier took it on after ``since`` (aware: when the first attempt began).

        ``besides`` names messages known to be other texts, so that the same words sent twice stay two texts.
        Dates are compared here: a text that is still queued has no DateSent that a filter could match.
        """
        earliest = since.astimezone(UTC) - CLOCK_SKEW
        messages = await self._client.messages.list_async(
            to=text.recipient, from_=text.sender, limit=LOOK_BACK_MESSAGES, page_size=LOOK_BACK_MESSAGES
        )
        matching = [
            message
            for message in messages
            if message.sid not in besides
            and _same_words(message.body, text.body)
            and (message.date_created or message.date_sent or earliest) >= earliest
        ]
        return _sent(matching[-1]) if matching else None

    async def arrived_since(self, since: datetime) -> AsyncIterator[Sequence[IncomingText]]:
        """It posts each text only once: who was not there then must ask."""
        numbers = [number.number for number in self._settings.numbers if number.carrier == self.id]
        for ours in (*numbers, *(f"{WHATSAPP}{number}" for number in numbers)):
            page = await self._client.messages.page_async(
                to=ours, date_sent_after=since.astimezone(UTC), page_size=PAGE_MESSAGES
            )
            while page is not None:
                yield [listed_text(message) for message in page if _came(message)]
                page = await page.next_page_async()

    async def with_media(self, text: IncomingText) -> IncomingText:
        if not text.media_missing:
            return text
        listed = await self._client.messages(text.message_sid).media.list_async(limit=MEDIA_LIMIT)
        # An attachment lies where its description does, without the .json.
        media = [MediaItem(f"{self._settings.api_url}{m.uri.removesuffix('.json')}", m.content_type) for m in listed]
        return replace(text, media=tuple(media), media_missing=max(0, text.media_missing - len(media)))

    async def arrived_at(self, sid: str) -> datetime | None:
        """When the carrier had a text that came to us (aware, to the second), None if it does not say."""
        message = await self._client.messages(sid).fetch_async()
        at: datetime | None = message.date_sent or message.date_created
        return at

    async def fetch_media(self, item: MediaItem) -> FetchedMedia:
        """Store an attachment in ``settings.media_dir``. Raises OSError too, when our own disk fails."""
        return await self._media.fetch(self._api.connections(), item)

    async def check(self) -> None:
        """Raises what would keep a text from being sent now: no connection, or credentials refused."""
        await self._client.messages.page_async(page_size=1)

    def read_texts(self, webhook: Webhook, now: float) -> Sequence[IncomingText]:
        return [read_text(webhook.url, form_of(webhook), _signature(webhook), self._settings)]

    def read_reports(self, webhook: Webhook, now: float) -> Sequence[StatusReport]:
        return [read_status(webhook.url, form_of(webhook), _signature(webhook), self._settings)]

    def thanks(self) -> tuple[str, str]:
        return NOTHING_TO_DO, "text/xml"


def _signature(webhook: Webhook) -> str:
    return webhook.headers.get(SIGNATURE, "")


def _came(message: Any) -> bool:
    return message.direction == "inbound" and bool(message.from_ and message.date_sent)


def _sent(message: Any) -> SentText:
    if not message.sid:
        raise Unreachable("the carrier answered without naming the message")
    return SentText(message.sid, message.status or "")


def _same_words(theirs: str | None, ours: str) -> bool:
    """The carrier may fold line ends and trailing blanks."""
    return (theirs or "").split() == ours.split()
