"""Texts that came while nobody could take the webhook are listed by the carrier, with what came with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from channels.text.port import IncomingText
from channels.text.twilio import carrier
from channels.text.twilio.carrier import Twilio
from config.text import TextNumber
from gateway.sandbox.carrier import LocalCarrier
from tests.channels.text.peers import settings_for

OURS = TextNumber(number="61016", queue="texts")


async def all_since(carrier: Twilio, since: datetime) -> list[IncomingText]:
    """Oldest first."""
    texts = [text async for page in carrier.arrived_since(since) for text in page]
    return sorted(texts, key=lambda text: text.sent_at or 0.0)


async def test_all_of_them_are_listed_however_many(
    local: LocalCarrier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page at a time; here a page has ten."""
    monkeypatch.setattr(carrier, "PAGE_MESSAGES", 10)
    now = datetime.now(UTC)
    settings = settings_for(local.url, tmp_path).model_copy(update={"numbers": (OURS,)})
    for n in range(35):
        await local.text_in("+447700900123", "61016", f"text {n}", sent=now - timedelta(seconds=100 - n))

    async with Twilio(settings, "") as twilio:
        pages = [len(page) async for page in twilio.arrived_since(now - timedelta(hours=1))]
        assert [text.body for text in await all_since(twilio, now - timedelta(hours=1))] == [
            f"text {n}" for n in range(35)
        ]
    assert [n for n in pages if n] == [10, 10, 10, 5]


async def test_the_texts_since_then_are_listed_in_their_order_and_ours_are_not_among_them(
    local: LocalCarrier, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    settings = settings_for(local.url, tmp_path).model_copy(update={"numbers": (OURS,)})
    async with Twilio(settings, "") as twilio:
        # given texts and a picture that no webhook could bring, one of them from long ago, one not to us
        await local.text_in("+447700900123", "61016", "two", sent=now - timedelta(seconds=20))
        await local.text_in("whatsapp:+447700900124", "whatsapp:61016", "one", sent=now - timedelta(seconds=40))
        picture = [("image/png", b"a picture")]
        await local.text_in("+447700900125", "61016", "three", media=picture, sent=now - timedelta(seconds=10))
        await local.text_in("+447700900123", "61016", "long ago", sent=now - timedelta(days=2))
        await local.text_in("+447700900123", "61999", "to somebody else", sent=now)

        # then those since an hour ago are listed
        listed = await all_since(twilio, now - timedelta(hours=1))
        assert [text.body for text in listed] == ["one", "two", "three"]
        assert [text.sender for text in listed] == ["whatsapp:+447700900124", "+447700900123", "+447700900125"]
        assert all(text.can_reply and text.sent_at for text in listed)

        # and a picture can be had
        whole = await twilio.with_media(listed[2])
        assert whole.media_missing == 0
        fetched = await twilio.fetch_media(whole.media[0])
        assert fetched.path.read_bytes() == b"a picture"
