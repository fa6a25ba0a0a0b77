"""A carrier with an HTTP interface that configuration describes: a ``channels.text.port.Carrier``."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from channels.base import ChannelError, NotLetIn, Refused, Unreachable
from channels.text.answers import OF_OUR_ACCOUNT, failure, unreachable
from channels.text.http import proof
from channels.text.http.fields import document, fill, found
from channels.text.http.inbound import known_as, read_reports, read_texts
from channels.text.media import MediaFetcher
from channels.text.port import (
    FetchedMedia,
    IncomingText,
    Malformed,
    MediaItem,
    OutgoingText,
    SentText,
    StatusReport,
    Webhook,
)
from config.carriers import HttpCarrier as Described
from config.text import Text

DEADLINE_SECONDS = 10.0
MEDIA_DEADLINE_SECONDS = 60.0
CONTENT_TYPES = {"json": "application/json", "form": "application/x-www-form-urlencoded"}


class HttpCarrier:
    def __init__(
        self,
        described: Described,
        settings: Text,
        status_callback_url: str,
        *,
        clock: Callable[[], float] = time.time,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self.id = described.id
        self._carrier, self._settings, self._clock = described, settings, clock
        self._status_callback_url = status_callback_url
        self._deadline = aiohttp.ClientTimeout(total=deadline_seconds)
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    # --- out -------------------------------------------------------------------------------------------------

    async def send(self, text: OutgoingText) -> SentText:
        sending = self._carrier.send
        values = {
            "sender": self._as_carrier_writes(text.sender),
            "recipient": self._as_carrier_writes(text.recipient),
            "body": text.body,
            "id": text.id,
            "status_url": self._status_callback_url,
        }
        if text.media_urls and not self._carrier.takes_media:
            raise Refused("this carrier takes no attachments from us")
        content = fill(sending.fields, values, text.media_urls)
        body = (json.dumps(content) if sending.format == "json" else urlencode(content, doseq=True)).encode()
        headers = {
            "Content-Type": CONTENT_TYPES[sending.format],
            **{name: str(fill(part, values, ())) for name, part in sending.headers.items()},
            **proof.headers(sending.auth, sending.url, body, self._clock()),
        }
        return self._taken(text, *await self._ask(sending.method, sending.url, headers, body))

    async def find_sent(self, text: OutgoingText, since: datetime, *, besides: Collection[str] = ()) -> SentText | None:
        """Such a carrier cannot be asked. One that knows our id again takes the next try for the same text; with any
        other, a text that comes twice is better than one that never comes."""
        return None

    def _as_carrier_writes(self, number: str) -> str:
        return number.removeprefix("+") if self._carrier.numbers_as == "digits" else number

    async def _ask(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None = None
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        """A redirect is an answer without success, since it would carry our credentials away."""
        try:
            async with self._connections().request(
                method, url, data=body, headers=headers, timeout=self._deadline, allow_redirects=False
            ) as answer:
                return answer, await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise unreachable(error) from error

    def _taken(self, text: OutgoingText, answer: aiohttp.ClientResponse, body: bytes) -> SentText:
        """Raises what an answer stands for that is no success, by its status or by the code in it."""
        sending = self._carrier.send
        said = _readable(body)
        code = "".join(found(said, sending.error)[:1])
        throttled = answer.status in sending.throttle_statuses or code in sending.throttle_codes
        well = 200 <= answer.status < 300 and (not sending.accepted or code in sending.accepted)
        if throttled or not well:
            raise self._failure(answer, code, throttled=throttled, not_let_in=code in sending.login_codes)
        named = "".join(found(said, sending.sent_id)[:1])
        return SentText(known_as(self.id, "out", named or text.id), "sent")

    def _failure(self, answer: aiohttp.ClientResponse, code: str, *, throttled: bool, not_let_in: bool) -> ChannelError:
        """A refusal in an answer that HTTP calls a success is a refusal all the same."""
        words = self._carrier.errors.get(code, f"the carrier refused it with the code {code}" if code else "")
        if 300 <= answer.status < 400:
            return Unreachable(f"it leads elsewhere (HTTP status {answer.status}), and we do not follow with our login")
        status = 400 if answer.status < 300 else answer.status
        return failure(status, answer.headers, words, code=code, throttled=throttled, not_let_in=not_let_in)

    async def check(self) -> None:
        url = self._carrier.check_url
        headers = proof.headers(self._carrier.send.auth, url, b"", self._clock()) if url else {}
        answer, _ = await self._ask("GET", url or str(URL(self._carrier.send.url).origin()), headers)
        if url and answer.status in OF_OUR_ACCOUNT:
            raise NotLetIn("the carrier does not accept our credentials")
        if answer.status >= 500:
            raise failure(answer.status, answer.headers)

    # --- in --------------------------------------------------------------------------------------------------

    def read_texts(self, webhook: Webhook, now: float) -> Sequence[IncomingText | Malformed]:
        self._prove(webhook, now)
        return read_texts(self._carrier, webhook)

    def read_reports(self, webhook: Webhook, now: float) -> Sequence[StatusReport | Malformed]:
        self._prove(webhook, now)
        if self._carrier.reports is None:
            raise Malformed("this carrier is described as one that does not report what became of a text")
        return read_reports(self._carrier, self._carrier.reports, webhook)

    def _prove(self, webhook: Webhook, now: float) -> None:
        proof.prove(self._carrier.webhooks, webhook, now, self._settings.replay_window_seconds)

    def thanks(self) -> tuple[str, str]:
        return "taken", "text/plain"

    async def arrived_since(self, since: datetime) -> AsyncIterator[Sequence[IncomingText]]:
        """No description says how to list them: such a carrier repeats the webhooks that we did not take."""
        yield ()

    async def with_media(self, text: IncomingText) -> IncomingText:
        return text

    async def arrived_at(self, sid: str) -> datetime | None:
        """It says so in the webhook, or not at all."""
        return None

    async def fetch_media(self, item: MediaItem) -> FetchedMedia:
        """Our credentials go only to the carrier's own address; a signature is not made for a fetch."""
        auth = self._carrier.send.auth
        fetcher = MediaFetcher(
            api_url=self._carrier.send.url,
            credentials={} if auth.hmac else proof.headers(auth, item.url, b"", self._clock()),
            directory=self._settings.media_dir,
            limit_bytes=self._settings.media_limit_bytes,
            types=self._settings.media_types,
            scanner=self._settings.scanner,
            deadline_seconds=MEDIA_DEADLINE_SECONDS,
        )
        return await fetcher.fetch(self._connections(), item)

    def _connections(self) -> aiohttp.ClientSession:
        """The shared pool, opened at first use because it needs the running loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self._session


def _readable(body: bytes) -> Any:
    """An answer that is no JSON says nothing at any place."""
    try:
        return document(body, "json")
    except Malformed:
        return None
