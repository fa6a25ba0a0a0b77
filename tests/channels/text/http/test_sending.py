"""Texts leave by a carrier that is only described, and its answers mean what the description says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from channels.base import NotLetIn, Refused, Throttled, Unreachable
from channels.text.http.carrier import HttpCarrier
from channels.text.port import MediaItem, OutgoingText
from gateway.sandbox.plain_carrier import PlainCarrier
from tests.channels.text.http.peers import CALLBACK, SECRET, carrier
from tests.channels.text.peers import PICTURE, server

TEXT = OutgoingText("61017", "+447700900123", 'Wo sind Sie? "Grüße" {body}', id="m1")
HEADER = {"header": {"name": "X-Key", "value": "open sesame"}, "hmac": None}
BASIC = {"basic": {"user": "us", "password": "open sesame"}, "hmac": None}


@pytest.fixture
async def plain() -> AsyncIterator[PlainCarrier]:
    async with PlainCarrier(secret=SECRET, webhook_url="http://127.0.0.1:9/texts") as peer:
        yield peer


@pytest.fixture
async def second(plain: PlainCarrier, tmp_path: Path) -> AsyncIterator[HttpCarrier]:
    it = carrier(tmp_path, plain.url)
    yield it
    await it.close()


async def test_a_text_reaches_the_recipient_word_for_word(plain: PlainCarrier, second: HttpCarrier) -> None:
    sent = await second.send(TEXT)

    (taken,) = plain.outbox
    assert sent.sid == f"second/out/{taken.sid}"
    assert (taken.sender, taken.recipient, taken.body) == ("61017", "+447700900123", TEXT.body)
    assert (taken.status_callback, taken.media_urls) == (CALLBACK, ())


async def test_a_picture_goes_as_the_list_of_its_addresses(plain: PlainCarrier, second: HttpCarrier) -> None:
    await second.send(OutgoingText("61017", "+447700900123", "Here", ("http://127.0.0.1:9/a",), "m2"))

    assert plain.outbox[0].media_urls == ("http://127.0.0.1:9/a",)


async def test_a_carrier_that_takes_no_pictures_refuses_before_anything_is_sent(tmp_path: Path) -> None:
    fields = {"to": "{recipient}", "text": "{body}", "reference": "{id}"}
    it = carrier(tmp_path, "http://127.0.0.1:9", send={"fields": fields})

    with pytest.raises(Refused, match="no attachments"):
        await it.send(OutgoingText("61017", "+447700900123", "Here", ("http://127.0.0.1:9/a",), "m2"))


async def test_a_text_whose_answer_was_lost_is_sent_again_and_arrives_once(
    plain: PlainCarrier, second: HttpCarrier
) -> None:
    plain.hang_next()
    began = datetime.now(UTC)
    with pytest.raises(Unreachable):
        await second.send(TEXT)

    assert await second.find_sent(TEXT, began) is None
    sent = await second.send(TEXT)

    assert [sent.sid] == [f"second/out/{message.sid}" for message in plain.outbox]


@pytest.mark.parametrize(("status", "code", "asked", "waits"), [(429, "", 7.0, 7.0), (503, "SLOW", None, 2.0)])
async def test_asked_to_slow_down_we_hear_for_how_long(
    plain: PlainCarrier, second: HttpCarrier, status: int, code: str, asked: float | None, waits: float
) -> None:
    plain.fail_next(status, code, retry_after=asked)

    with pytest.raises(Throttled) as raised:
        await second.send(TEXT)

    assert raised.value.retry_after == waits


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [(400, "E17", "phone is switched off"), (422, "E99", "with the code E99"), (404, "", "HTTP status 404")],
)
async def test_a_refusal_is_told_in_the_descriptions_words(
    plain: PlainCarrier, second: HttpCarrier, status: int, code: str, words: str
) -> None:
    plain.fail_next(status, code)

    with pytest.raises(Refused, match=words) as raised:
        await second.send(TEXT)

    assert raised.value.code == code


async def test_a_fault_of_the_carrier_can_be_tried_again(plain: PlainCarrier, second: HttpCarrier) -> None:
    plain.fail_next(502)

    with pytest.raises(Unreachable):
        await second.send(TEXT)


async def test_a_carrier_that_says_yes_to_everything_is_judged_by_its_code(tmp_path: Path) -> None:
    codes = iter(["0", "1", "9", "4"])

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"messages": [{"status": next(codes), "message-id": 77}]})

    async with server(answer) as peer:
        send = {"error": "messages.0.status", "sent_id": "messages.0.message-id", "accepted": ["0"]}
        meanings = {"throttle_codes": ["1"], "login_codes": ["4"]}
        it = carrier(tmp_path, peer.url, send=send | meanings, errors={"9": "no credit is left"})
        assert (await it.send(TEXT)).sid == "second/out/77"
        with pytest.raises(Throttled):
            await it.send(TEXT)
        with pytest.raises(Refused, match="no credit is left"):
            await it.send(TEXT)
        with pytest.raises(NotLetIn):
            await it.send(TEXT)
        await it.close()


async def test_a_form_is_sent_as_one_and_a_carrier_that_names_nothing_knows_our_id(tmp_path: Path) -> None:
    seen: dict[str, Any] = {}

    async def answer(request: web.Request) -> web.Response:
        seen.update(await request.post(), key=request.headers["Idempotency-Key"], type=request.content_type)
        return web.Response(text="OK")

    async with server(answer) as peer:
        fields = {"msisdn": "{recipient}", "msg": "{body}"}
        send = {"format": "form", "fields": fields, "headers": {"Idempotency-Key": "{id}"}, "sent_id": ""}
        it = carrier(tmp_path, peer.url, send=send)
        assert (await it.send(TEXT)).sid == "second/out/m1"
        await it.close()
    assert seen == {
        "msisdn": "447700900123",
        "msg": TEXT.body,
        "key": "m1",
        "type": "application/x-www-form-urlencoded",
    }


@pytest.mark.parametrize(
    ("auth", "name", "value"),
    [(HEADER, "X-Key", "open sesame"), (BASIC, "Authorization", "Basic dXM6b3BlbiBzZXNhbWU=")],
)
async def test_we_prove_ourselves_as_it_wants(tmp_path: Path, auth: dict[str, Any], name: str, value: str) -> None:
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers.get(name, ""))
        return web.json_response({})

    async with server(answer) as peer:
        it = carrier(tmp_path, peer.url, send={"auth": auth})
        await it.send(TEXT)
        await it.close()
    assert seen == [value]


async def test_a_signature_that_the_carrier_does_not_accept_is_ours_to_mend_and_costs_no_text(
    plain: PlainCarrier, tmp_path: Path
) -> None:
    auth = {"hmac": {"secret": "stale", "header": "X-Signature", "timestamp_header": "X-Timestamp"}}
    it = carrier(tmp_path, plain.url, send={"auth": auth})

    with pytest.raises(NotLetIn, match="E01"):
        await it.send(TEXT)

    await it.close()
    assert plain.outbox == []


async def test_our_credentials_are_not_carried_away_by_a_redirect(tmp_path: Path) -> None:
    async def lead_away(request: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect(f"{lure.url}/v1/messages")

    async def take(request: web.Request) -> web.Response:
        return web.json_response({})

    async with server(take) as lure, server(lead_away) as peer:
        it = carrier(tmp_path, peer.url, send={"auth": HEADER})
        with pytest.raises(Unreachable):
            await it.send(TEXT)
        await it.close()
    assert lure.credentials == []


class TestWhetherItIsThere:
    async def test_a_carrier_that_answers_is(self, second: HttpCarrier) -> None:
        await second.check()

    async def test_one_that_is_gone_is_not(self, plain: PlainCarrier, tmp_path: Path, unused_tcp_port: int) -> None:
        it = carrier(tmp_path, f"http://127.0.0.1:{unused_tcp_port}")
        with pytest.raises(Unreachable):
            await it.check()
        with pytest.raises(Unreachable):
            await it.send(TEXT)
        await it.close()

    async def test_one_that_hangs_is_given_up_in_time(self, tmp_path: Path) -> None:
        async def hang(request: web.Request) -> web.Response:
            await asyncio.Event().wait()
            raise AssertionError

        async with server(hang) as peer, asyncio.timeout(5):
            it = carrier(tmp_path, peer.url, deadline_seconds=0.1)
            with pytest.raises(Unreachable, match="in time"):
                await it.send(TEXT)
            await it.close()

    async def test_one_that_refuses_our_credentials_where_it_is_asked_is_told(self, tmp_path: Path) -> None:
        async def refuse(request: web.Request) -> web.Response:
            raise web.HTTPUnauthorized

        async with server(refuse) as peer:
            it = carrier(tmp_path, peer.url, check_url=f"{peer.url}/me")
            with pytest.raises(NotLetIn, match="credentials"):
                await it.check()
            await it.close()


async def test_a_picture_is_fetched_with_our_credentials_from_the_carrier_alone(tmp_path: Path) -> None:
    async def give(request: web.Request) -> web.Response:
        return web.Response(body=PICTURE, content_type="image/jpeg")

    async with server(give) as peer, server(give) as elsewhere:
        it = carrier(tmp_path, peer.url, send={"auth": BASIC})
        file = await it.fetch_media(MediaItem(f"{peer.url}/f", "image/jpeg"))
        await it.fetch_media(MediaItem(f"{elsewhere.url}/f", "image/jpeg"))
        await it.close()
    assert file.path.read_bytes() == PICTURE
    assert (peer.credentials, elsewhere.credentials) == (["Basic dXM6b3BlbiBzZXNhbWU="], [""])
