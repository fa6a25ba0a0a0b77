"""Texts go out over real HTTP to the local carrier, and every way it can fail has a name."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from channels.base import NotLetIn, Refused, Throttled, Unreachable
from channels.text.port import OutgoingText
from channels.text.twilio.carrier import Twilio
from config.text import TextNumber
from gateway.sandbox.carrier import LocalCarrier
from gateway.sandbox.twilio_messages import Message, page
from tests.channels.text.peers import ACCOUNT, server, settings_for

WHERE = OutgoingText(sender="61016", recipient="+447700900123", body="Police. Where are you? 🚆 Reply with +/& signs")
CALLBACK = "http://127.0.0.1:9/texts/status"


class TestSending:
    async def test_a_text_reaches_the_recipient_word_for_word(self, local: LocalCarrier, carrier: Twilio) -> None:
        sent = await carrier.send(WHERE)

        (message,) = local.outbox
        assert (message.sender, message.recipient, message.body) == (
            WHERE.sender,
            WHERE.recipient,
            WHERE.body,
        )
        assert (sent.sid, sent.status) == (message.sid, "queued")

    async def test_attachments_and_the_status_callback_are_named(self, local: LocalCarrier, tmp_path: Path) -> None:
        urls = ("https://contact.police.example/map.png?x=1&y=2", "https://contact.police.example/b.png")
        async with Twilio(settings_for(local.url, tmp_path), CALLBACK) as carrier:
            await carrier.send(OutgoingText("+447700900999", "+447700900123", "", urls))

        (message,) = local.outbox
        assert message.media_urls == urls
        assert message.status_callback == CALLBACK

    async def test_a_number_sends_through_its_messaging_service_and_stays_the_sender(
        self, local: LocalCarrier, tmp_path: Path
    ) -> None:
        service = "MG" + "1" * 32
        number = TextNumber(number="+447700900999", queue="texts", messaging_service=service)
        settings = settings_for(local.url, tmp_path).model_copy(update={"numbers": (number,)})
        async with Twilio(settings, "") as carrier:
            await carrier.send(OutgoingText("+447700900999", "+447700900123", "by service"))
            await carrier.send(OutgoingText("whatsapp:+447700900999", "whatsapp:+447700900123", "on WhatsApp"))
            await carrier.send(WHERE)
        assert [(m.sender, m.service) for m in local.outbox] == [
            ("+447700900999", service),
            ("whatsapp:+447700900999", service),
            ("61016", ""),
        ]

    async def test_neither_numbers_nor_words_are_logged(
        self, carrier: Twilio, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            await carrier.send(WHERE)
            await carrier.find_sent(WHERE, datetime.now(UTC))

        assert "7700900123" not in caplog.text
        assert "Where are you" not in caplog.text

    async def test_many_texts_at_once_share_the_connections(self, local: LocalCarrier, carrier: Twilio) -> None:
        texts = [replace(WHERE, body=f"text {number}") for number in range(50)]

        sent = await asyncio.gather(*(carrier.send(text) for text in texts))

        assert {one.sid for one in sent} == {message.sid for message in local.outbox}
        assert {message.body for message in local.outbox} == {text.body for text in texts}


class TestFailing:
    async def test_asked_to_slow_down_we_hear_for_how_long(self, local: LocalCarrier, carrier: Twilio) -> None:
        local.fail_next(429, 20429, retry_after=7)

        with pytest.raises(Throttled) as error:
            await carrier.send(WHERE)

        assert (error.value.retry, error.value.retry_after, error.value.code) == (True, 7.0, "20429")
        assert local.outbox == []

    @pytest.mark.parametrize(("status", "code"), [(429, 20429), (400, 21611)])
    async def test_without_a_time_to_wait_we_choose_one(
        self, local: LocalCarrier, carrier: Twilio, status: int, code: int
    ) -> None:
        local.fail_next(status, code)

        with pytest.raises(Throttled) as error:
            await carrier.send(WHERE)

        assert 0 < error.value.retry_after <= 10

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    async def test_a_failing_carrier_can_be_tried_again(
        self, local: LocalCarrier, carrier: Twilio, status: int
    ) -> None:
        local.fail_next(status, 20500, times=2)

        for _ in range(2):
            with pytest.raises(Unreachable) as error:
                await carrier.send(WHERE)
            assert error.value.retry

        assert await carrier.send(WHERE)

    @pytest.mark.parametrize(
        ("code", "words"),
        [
            (21211, "not a valid phone number"),
            (21610, "opted out"),
            (21614, "not a mobile number"),
            (30003, "switched off"),
            (99999, "HTTP status 400"),
        ],
    )
    async def test_a_refusal_says_why_in_words_and_is_final(
        self, local: LocalCarrier, carrier: Twilio, code: int, words: str
    ) -> None:
        local.fail_next(400, code)

        with pytest.raises(Refused, match=words) as error:
            await carrier.send(WHERE)

        assert (error.value.retry, error.value.code) == (False, str(code))

    async def test_a_number_that_is_none_is_refused_by_the_carrier_itself(self, carrier: Twilio) -> None:
        with pytest.raises(Refused, match="not a valid phone number") as error:
            await carrier.send(replace(WHERE, recipient="Amazon"))

        assert error.value.code == "21211"

    async def test_an_overlong_text_is_refused(self, carrier: Twilio) -> None:
        with pytest.raises(Refused, match="longer than 1,600"):
            await carrier.send(replace(WHERE, body="x" * 1601))

    async def test_wrong_credentials_are_ours_to_mend_and_cost_no_text(
        self, local: LocalCarrier, tmp_path: Path
    ) -> None:
        async with Twilio(settings_for(local.url, tmp_path, token="stale"), "") as carrier:
            with pytest.raises(NotLetIn, match="account SID and auth token") as error:
                await carrier.send(WHERE)
            assert error.value.retry

    @pytest.mark.parametrize(("status", "code"), [(401, 20003), (403, 20003), (403, 20005), (402, 99999), (407, 99999)])
    async def test_so_are_an_account_that_is_locked_and_a_proxy_that_wants_a_login(
        self, local: LocalCarrier, carrier: Twilio, status: int, code: int
    ) -> None:
        local.fail_next(status, code)
        with pytest.raises(NotLetIn):
            await carrier.send(WHERE)

    async def test_nobody_listening_is_unreachable(self, unused_tcp_port: int, tmp_path: Path) -> None:
        async with Twilio(settings_for(f"http://127.0.0.1:{unused_tcp_port}", tmp_path), "") as carrier:
            with pytest.raises(Unreachable, match="the carrier cannot be reached"):
                await carrier.send(WHERE)

    async def test_a_carrier_that_never_answers_is_given_up(self, tmp_path: Path) -> None:
        async def never(request: web.Request) -> web.Response:
            await asyncio.Event().wait()
            raise AssertionError

        async with server(never) as silent:
            settings = settings_for(silent.url, tmp_path)
            async with Twilio(settings, "", deadline_seconds=0.1) as carrier, asyncio.timeout(5):
                with pytest.raises(Unreachable, match="did not answer in time"):
                    await carrier.send(WHERE)

    @pytest.mark.parametrize(
        ("status", "body"),
        [(200, "<html>sign in to the wi-fi</html>"), (200, "[]"), (200, "{}"), (404, "no such page")],
    )
    async def test_an_answer_that_is_not_the_carriers_counts_as_none(
        self, tmp_path: Path, status: int, body: str
    ) -> None:
        """It says nothing of this text, which would otherwise be given up at its first try."""

        async def stranger(request: web.Request) -> web.Response:
            return web.Response(text=body, status=status)

        async with (
            server(stranger) as hotel,
            Twilio(settings_for(hotel.url, tmp_path), "") as carrier,
        ):
            with pytest.raises(Unreachable):
                await carrier.send(WHERE)

    async def test_a_redirect_does_not_carry_text_and_credentials_away(self, tmp_path: Path) -> None:
        async def take(request: web.Request) -> web.Response:
            return web.json_response({"sid": "SM1"}, status=201)

        async with server(take) as thief:

            async def lead_there(request: web.Request) -> web.Response:
                raise web.HTTPTemporaryRedirect(thief.url)

            async with server(lead_there) as lure, Twilio(settings_for(lure.url, tmp_path), "") as carrier:
                with pytest.raises(Unreachable):
                    await carrier.send(WHERE)

        assert thief.credentials == []


class TestInterruptedSending:
    async def test_a_text_that_was_taken_on_is_found_before_it_is_sent_twice(
        self, local: LocalCarrier, carrier: Twilio
    ) -> None:
        began = datetime.now(UTC)
        local.hang_next()

        with pytest.raises(Unreachable):
            await carrier.send(WHERE)
        found = await carrier.find_sent(WHERE, began)

        (message,) = local.outbox
        assert found is not None
        assert found.sid == message.sid

    async def test_a_text_that_is_still_queued_and_has_no_date_of_sending_is_found(self, tmp_path: Path) -> None:
        now = datetime.now(UTC)
        queued = Message(
            sid="SM" + "1b" * 16,
            account_sid=ACCOUNT,
            direction="outbound-api",
            sender=WHERE.sender,
            recipient=WHERE.recipient,
            body=WHERE.body + "\r\n",
            status="queued",
            created=now,
        )

        async def list_messages(request: web.Request) -> web.Response:
            return web.json_response(page([queued], request.path, request.query))

        async with (
            server(list_messages) as slow,
            Twilio(settings_for(slow.url, tmp_path), "") as carrier,
        ):
            found = await carrier.find_sent(WHERE, now)

        assert found is not None
        assert (found.sid, found.status) == (queued.sid, "queued")

    async def test_a_text_that_was_not_taken_on_is_not_found(self, local: LocalCarrier, carrier: Twilio) -> None:
        began = datetime.now(UTC)
        local.fail_next(503, 20503)

        with pytest.raises(Unreachable):
            await carrier.send(WHERE)

        assert await carrier.find_sent(WHERE, began) is None

    @pytest.mark.parametrize(
        "other",
        [
            replace(WHERE, body="Police. Are you safe?"),
            replace(WHERE, recipient="+447700900124"),
            replace(WHERE, sender="+447700900999"),
        ],
    )
    async def test_another_text_is_not_mistaken_for_it(self, carrier: Twilio, other: OutgoingText) -> None:
        began = datetime.now(UTC)
        await carrier.send(other)

        assert await carrier.find_sent(WHERE, began) is None

    async def test_the_same_words_of_an_earlier_day_are_another_text(self, carrier: Twilio) -> None:
        await carrier.send(WHERE)

        assert await carrier.find_sent(WHERE, datetime.now(UTC) + timedelta(hours=1)) is None

    async def test_clocks_that_disagree_a_little_do_not_hide_it(self, carrier: Twilio) -> None:
        sent = await carrier.send(WHERE)

        found = await carrier.find_sent(WHERE, datetime.now(UTC) + timedelta(seconds=10))

        assert found is not None
        assert found.sid == sent.sid

    async def test_the_same_words_sent_before_and_confirmed_are_another_text(self, carrier: Twilio) -> None:
        began = datetime.now(UTC)
        confirmed = await carrier.send(WHERE)

        assert await carrier.find_sent(WHERE, began, besides={confirmed.sid}) is None


class TestCheck:
    async def test_a_carrier_that_takes_our_credentials_is_ready(self, carrier: Twilio) -> None:
        await carrier.check()

    async def test_refused_credentials_are_told(self, local: LocalCarrier, tmp_path: Path) -> None:
        async with Twilio(settings_for(local.url, tmp_path, token="stale"), "") as carrier:
            with pytest.raises(NotLetIn, match="account SID and auth token"):
                await carrier.check()

    async def test_a_carrier_that_is_down_is_told(self, local: LocalCarrier, carrier: Twilio) -> None:
        local.fail_next(503, 20503, operation="ListMessage")

        with pytest.raises(Unreachable):
            await carrier.check()

    async def test_the_environment_changes_nothing(
        self, local: LocalCarrier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("TWILIO_EDGE", "TWILIO_REGION", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"):
            monkeypatch.setenv(name, "sydney")

        async with Twilio(settings_for(local.url, tmp_path), "") as carrier:
            await carrier.check()
