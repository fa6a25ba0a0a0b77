"""The way out: texts sent through Twilio's REST API, looked up there, and their attachments fetched.

https://www.twilio.com/docs/messaging/api/message-resource
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from twilio.base import values  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from channels.base import Unreachable
from channels.text.api import Api, basic
from channels.text.inbound import MediaItem
from channels.text.media import FetchedMedia, MediaFetcher
from config.numbers import person_of
from config.settings import Text

DEADLINE_SECONDS = 10.0
MEDIA_DEADLINE_SECONDS = 60.0
# How far our clock and the carrier's may be apart when an interrupted text is looked up.
CLOCK_SKEW = timedelta(seconds=30)
LOOK_BACK_MESSAGES = 1000
# Without this the library would also read TWILIO_* from the environment: settings come from one place.
ONLY_THE_SETTINGS = {"TWILIO_EDGE": "", "TWILIO_REGION": ""}


@dataclass(frozen=True, slots=True)
class OutgoingText:
    """A text to send: from one of our numbers, to an E.164 number, with attachments at public addresses."""

    sender: str
    recipient: str
    body: str
    media_urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SentText:
    """What the carrier took on: its identifier of the message, and the message's status at that moment."""

    sid: str
    status: str


class Carrier:
    """Twilio, or whatever speaks its API at ``settings.api_url``.

    Errors: Throttled (429), Unreachable (5xx, timeouts, broken connections: the text may have been sent all
    the same, so ask ``find_sent`` before sending again), Refused (4xx, with Twilio's code in words).
    """

    def __init__(self, settings: Text, status_callback_url: str, *, deadline_seconds: float = DEADLINE_SECONDS) -> None:
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


def _sent(message: Any) -> SentText:
    if not message.sid:
        raise Unreachable("the carrier answered without naming the message")
    return SentText(message.sid, message.status or "")


def _same_words(theirs: str | None, ours: str) -> bool:
    """The carrier may fold line ends and trailing blanks."""
    return (theirs or "").split() == ours.split()
