"""What a text carrier is to us: what it is asked, what it brings, and in which words it says what went wrong.

Twilio (``channels.text.twilio``) is one; any carrier with an HTTP interface that configuration can describe
(``channels.text.http``) is another. Whatever is particular to a carrier stays behind this.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from channels.base import ChannelError, NotGenuine


class Malformed(ChannelError):
    """The carrier has proved itself but what it posted cannot be used; the words say which field and why."""


class TooMuch(Malformed):
    """It is so large that nobody can say whose it is: a carrier's, perhaps."""


class OutOfTime(NotGenuine):
    """Rightly signed, but for another time: somebody repeats what they have overheard, or a clock is wrong."""


@dataclass(frozen=True, slots=True)
class OutgoingText:
    """A text to send: from one of our numbers, to an E.164 number, with attachments at addresses that the carrier
    can fetch. ``id`` is ours and stays the same however often the text is tried."""

    sender: str
    recipient: str
    body: str
    media_urls: tuple[str, ...] = ()
    id: str = ""


@dataclass(frozen=True, slots=True)
class SentText:
    """What the carrier took on: its identifier of the message, and the message's status at that moment."""

    sid: str
    status: str


@dataclass(frozen=True, slots=True)
class Webhook:
    """What was posted to us. ``url``: the public address with path and query; ``headers`` know no upper or lower
    case."""

    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class MediaItem:
    """An attachment that lies at the carrier; ``content_type`` is what the webhook claims, in lower case."""

    url: str
    content_type: str


@dataclass(frozen=True, slots=True)
class FetchedMedia:
    """An attachment on our disk: its type as the server said, its file (named after its hash), its bytes."""

    content_type: str
    path: Path
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class IncomingText:
    """One text from a person.

    ``message_sid`` is unique among all carriers. ``sender`` and ``recipient`` are E.164 where they are telephone
    numbers; short codes and names ('Amazon') stay as they came. ``can_reply`` is false when no answer can reach the
    sender. ``media_missing`` counts the attachments that were announced but not delivered. ``sent_at``: when the
    carrier had it (seconds since 1970), None where the webhook does not say. ``problems``: what is wrong with it, for
    a handler. ``sender`` is '' where the carrier does not say.
    """

    message_sid: str
    sender: str
    recipient: str
    body: str
    media: tuple[MediaItem, ...] = ()
    media_missing: int = 0
    can_reply: bool = True
    sent_at: float | None = None
    problems: str = ""


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What became of a text we sent. Reports may come out of order and more than once.

    ``status``: sent, delivered, undelivered, failed, or another word of the carrier's that is not final; '' is one
    that we do not understand. ``why``: of a failure, for a handler.
    """

    message_sid: str
    status: str
    error_code: str = ""
    why: str = ""


class Carrier(Protocol):
    """One account at a carrier; ``id`` is its name in the configuration and in its webhooks' addresses.

    Errors of what is asked: Throttled, NotLetIn, Unreachable (a text may have been sent all the same, so ask
    ``find_sent`` before sending again), Refused.
    """

    id: str

    async def send(self, text: OutgoingText) -> SentText:
        """Hand the text over, once: nothing here tries again."""

    async def find_sent(self, text: OutgoingText, since: datetime, *, besides: Collection[str] = ()) -> SentText | None:
        """The text, if the carrier took it on after ``since``; None where it did not, or where sending it again does
        no harm. ``besides`` names messages known to be others."""

    def arrived_since(self, since: datetime) -> AsyncIterator[Sequence[IncomingText]]:
        """The texts that people sent us since then (aware), a page at a time, in no order, without their attachments:
        for those that no webhook has brought. Nothing where the carrier cannot list them."""

    async def with_media(self, text: IncomingText) -> IncomingText:
        """One of these with its attachments."""

    async def arrived_at(self, sid: str) -> datetime | None:
        """When the carrier had a text that came to us, None if it does not say."""

    async def fetch_media(self, item: MediaItem) -> FetchedMedia:
        """Store an attachment on our disk. Raises OSError too."""

    async def check(self) -> None:
        """Raises what would keep a text from being sent now."""

    async def close(self) -> None: ...

    def read_texts(self, webhook: Webhook, now: float) -> Sequence[IncomingText | Malformed]:
        """What people wrote. Raises NotGenuine when the webhook does not prove where it comes from, Malformed when
        nothing in it can be read; one text that cannot be read costs none that came with it."""

    def read_reports(self, webhook: Webhook, now: float) -> Sequence[StatusReport | Malformed]:
        """What became of our texts. Raises like ``read_texts``."""

    def thanks(self) -> tuple[str, str]:
        """What a carrier is answered whose webhook was taken: the text and its content type."""
