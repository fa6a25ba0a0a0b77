"""The local carrier behaves as Twilio's published description and its webhook pages say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from gateway.sandbox.carrier import LocalCarrier
from gateway.sandbox.twilio_messages import Message

ACCOUNT = "AC" + "0a" * 16
TOKEN = "the token"
API = f"/2010-04-01/Accounts/{ACCOUNT}"
PERSON, OURS = "+447700900123", "+447700900999"
TEXT = {"To": PERSON, "From": OURS, "Body": "Police. Where are you?"}


@dataclass
class Gateway:
    """Stands where the gateway will: notes the webhooks it gets and answers them with ``status``."""

    url: str = ""
    status: int = 200
    forms: list[dict[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def webhook(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        signature = request.headers["X-Twilio-Signature"]
        assert RequestValidator(TOKEN).validate(f"{self.url}{request.path_qs}", form, signature)
        self.forms.append(form)
        self.headers.append(dict(request.headers))
        async with self.arrived:
            self.arrived.notify_all()
        return web.Response(status=self.status)

    async def wait_for(self, count: int) -> list[dict[str, str]]:
        async with asyncio.timeout(5), self.arrived:
            await self.arrived.wait_for(lambda: len(self.forms) >= count)
        return self.forms


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    gateway = Gateway()
    app = web.Application()
    app.router.add_post("/{any:.*}", gateway.webhook)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    gateway.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield gateway
    await runner.cleanup()


@pytest.fixture
async def carrier(gateway: Gateway) -> AsyncIterator[LocalCarrier]:
    webhook_url = f"{gateway.url}/texts?centre=fcc"
    async with LocalCarrier(account_sid=ACCOUNT, auth_token=TOKEN, webhook_url=webhook_url) as carrier:
        yield carrier


@dataclass
class Client:
    """Speaks plain HTTP to the local carrier."""

    session: aiohttp.ClientSession

    async def call(self, verb: str, path: str, **options: Any) -> tuple[int, Any]:
        async with self.session.request(verb, path, **options) as answer:
            return answer.status, await answer.json()

    async def send(self, **changes: str) -> tuple[int, Any]:
        return await self.call("POST", f"{API}/Messages.json", data={**TEXT, **changes})


def authorization(user: str = ACCOUNT, password: str = TOKEN) -> dict[str, str]:
    return {"Authorization": aiohttp.encode_basic_auth(user, password)}


@pytest.fixture
async def client(carrier: LocalCarrier) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession(carrier.url, headers=authorization()) as session:
        yield Client(session)


class TestSending:
    async def test_a_message_is_queued_sent_and_delivered_and_each_step_is_reported(
        self, carrier: LocalCarrier, client: Client, gateway: Gateway
    ) -> None:
        status, message = await client.send(StatusCallback=f"{gateway.url}/status?outbox=7")

        assert (status, message["status"], message["date_sent"]) == (201, "queued", None)
        reports = await gateway.wait_for(2)
        assert [report["MessageStatus"] for report in reports] == ["sent", "delivered"]
        assert {report["MessageSid"] for report in reports} == {message["sid"]}
        _, now = await client.call("GET", f"{API}/Messages/{message['sid']}.json")
        assert (now["status"], now["body"]) == ("delivered", TEXT["Body"])
        assert carrier.violations == []

    async def test_an_undeliverable_message_says_why(
        self, carrier: LocalCarrier, client: Client, gateway: Gateway
    ) -> None:
        carrier.fail_delivery_next(30003)

        await client.send(StatusCallback=f"{gateway.url}/status")

        _, failed = await gateway.wait_for(2)
        assert (failed["MessageStatus"], failed["ErrorCode"]) == ("undelivered", "30003")

    async def test_what_was_sent_can_be_waited_for(self, carrier: LocalCarrier, client: Client) -> None:
        waiting = asyncio.create_task(carrier.wait_for_sent(lambda message: "Where" in message.body))
        await client.send(Body="Hello")
        await client.send()

        assert (await waiting).body == TEXT["Body"]
        assert [message.body for message in carrier.outbox] == ["Hello", TEXT["Body"]]
        with pytest.raises(TimeoutError):
            await carrier.wait_for_sent(lambda message: message.body == "never", deadline=0.05)

    async def test_a_gateway_that_is_down_does_not_stop_deliveries(
        self, carrier: LocalCarrier, client: Client, unused_tcp_port: int
    ) -> None:
        await client.send(StatusCallback=f"http://127.0.0.1:{unused_tcp_port}/status")
        await client.send(Body="second")

        def all_delivered(_: Message) -> bool:
            return [message.status for message in carrier.outbox] == ["delivered", "delivered"]

        await carrier.wait_for_sent(all_delivered)


class TestJudging:
    @pytest.mark.parametrize(
        ("changes", "violation"),
        [
            ({"Colour": "blue"}, "form: Colour is not a parameter"),
            ({"Attempt": "first"}, "form: Attempt is not of type integer"),
            ({"SmartEncoded": "yes"}, "form: SmartEncoded is not of type boolean"),
            ({"ContentRetention": "maybe"}, "form: ContentRetention breaks the rule 'enum"),
            ({"MessagingServiceSid": "MG1"}, "form: MessagingServiceSid breaks the rule 'minLength"),
            ({"StatusCallback": "/status"}, "form: StatusCallback breaks the rule 'format: uri"),
            ({"SendAt": "soon"}, "form: SendAt breaks the rule 'format: date-time"),
        ],
    )
    async def test_a_message_that_breaks_the_description_is_refused_and_remembered(
        self, carrier: LocalCarrier, client: Client, changes: dict[str, str], violation: str
    ) -> None:
        status, error = await client.send(**changes)

        assert status == 400
        assert error.keys() == {"code", "message", "more_info", "status"}
        assert any(found.startswith(violation) for found in carrier.violations)
        assert carrier.outbox == []

    @pytest.mark.parametrize(
        "query", [{"PageSize": "1001"}, {"Page": "-1"}, {"DateSent>": "yesterday"}, {"Status": "sent"}]
    )
    async def test_a_query_that_breaks_the_description_is_refused(
        self, carrier: LocalCarrier, client: Client, query: dict[str, str]
    ) -> None:
        status, _ = await client.call("GET", f"{API}/Messages.json", params=query)

        assert (status, len(carrier.violations)) == (400, 1)

    async def test_json_is_not_what_the_carrier_takes(self, carrier: LocalCarrier, client: Client) -> None:
        status, _ = await client.call("POST", f"{API}/Messages.json", json=TEXT)

        assert status == 400
        assert "form: the content type is wrong" in carrier.violations

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"To": "12345"}, 21211),
            ({"Body": ""}, 21602),
            ({"Body": "x" * 1601}, 21617),
        ],
    )
    async def test_a_message_that_cannot_be_sent_is_refused_with_twilios_code(
        self, client: Client, changes: dict[str, str], code: int
    ) -> None:
        status, error = await client.send(**changes)

        assert (status, error["code"], error["status"]) == (400, code, 400)

    @pytest.mark.parametrize(
        ("verb", "path", "headers", "status", "code"),
        [
            ("GET", f"{API}/Messages.json", authorization(password="wrong"), 401, 20003),
            ("GET", f"{API}/Messages/SM{'0' * 32}.json", authorization(), 404, 20404),
            ("GET", f"{API.replace('0a', '0b')}/Messages.json", authorization(), 404, 20404),
            ("GET", f"{API}/Nothing.json", authorization(), 404, 20404),
            ("DELETE", f"{API}/Messages.json", authorization(), 405, 20004),
        ],
    )
    async def test_strangers_and_wrong_addresses_get_twilios_errors(
        self, client: Client, verb: str, path: str, headers: dict[str, str], status: int, code: int
    ) -> None:
        found, error = await client.call(verb, path, headers=headers)

        assert (found, error["code"], error["status"]) == (status, code, status)


class TestListing:
    async def test_pages_lead_from_the_newest_to_the_oldest(self, carrier: LocalCarrier, client: Client) -> None:
        for number in range(5):
            await client.send(Body=f"text {number}")

        bodies, path = [], f"{API}/Messages.json?To=%2B447700900123&PageSize=2"
        while path:
            _, page = await client.call("GET", path)
            bodies.append([message["body"] for message in page["messages"]])
            path = page["next_page_uri"]

        assert bodies == [["text 4", "text 3"], ["text 2", "text 1"], ["text 0"]]
        assert carrier.violations == []

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"To": PERSON}, 1),
            ({"To": OURS}, 1),
            ({"From": "+447700900666"}, 0),
            ({"DateSent>": "2024-05-01T11:59:59Z"}, 2),
            ({"DateSent>": "2024-05-02"}, 0),
            ({"DateSent<": "2024-05-01"}, 0),
            ({"DateSent": "2024-05-01"}, 2),
        ],
    )
    async def test_messages_are_found_by_address_and_date(
        self, gateway: Gateway, query: dict[str, str], found: int
    ) -> None:
        noon = datetime(2024, 5, 1, 12, tzinfo=UTC)
        async with (
            LocalCarrier(account_sid=ACCOUNT, auth_token=TOKEN, webhook_url=gateway.url, clock=lambda: noon) as carrier,
            aiohttp.ClientSession(carrier.url, headers=authorization()) as session,
        ):
            client = Client(session)
            await client.send()
            await carrier.text_in(PERSON, OURS, "help")
            await carrier.wait_for_sent(lambda message: message.status == "delivered")

            _, page = await client.call("GET", f"{API}/Messages.json", params=query)

        assert len(page["messages"]) == found


class TestTextsIn:
    async def test_a_text_arrives_as_twilio_would_post_it(self, carrier: LocalCarrier, gateway: Gateway) -> None:
        status = await carrier.text_in(PERSON, OURS, "cant talk hes next to me é🆘")

        (form,) = gateway.forms
        assert status == 200
        assert (form["From"], form["To"], form["Body"]) == (PERSON, OURS, "cant talk hes next to me é🆘")
        assert form["MessageSid"] == form["SmsSid"] == form["SmsMessageSid"]
        assert (form["AccountSid"], form["ApiVersion"]) == (ACCOUNT, "2010-04-01")
        assert (form["NumMedia"], form["NumSegments"], form["SmsStatus"]) == ("0", "1", "received")
        assert gateway.headers[0]["I-Twilio-Idempotency-Token"]

    async def test_the_same_text_again_is_recognisable(self, carrier: LocalCarrier, gateway: Gateway) -> None:
        sid = "SM" + "1b" * 16

        await carrier.text_in(PERSON, OURS, "help", message_sid=sid)
        await carrier.text_in(PERSON, OURS, "once more", message_sid=sid)

        first, second = gateway.forms
        assert first == second
        assert len({headers["I-Twilio-Idempotency-Token"] for headers in gateway.headers}) == 1
        assert len(carrier.messages) == 1

    async def test_the_webhooks_answer_is_handed_back(
        self, carrier: LocalCarrier, gateway: Gateway, unused_tcp_port: int
    ) -> None:
        gateway.status = 503
        assert await carrier.text_in(PERSON, OURS, "help") == 503

        carrier.webhook_url = f"http://127.0.0.1:{unused_tcp_port}/"
        assert await carrier.text_in(PERSON, OURS, "help") == 502

    async def test_attachments_are_fetched_with_credentials_then_from_the_store_without(
        self, carrier: LocalCarrier, client: Client, gateway: Gateway
    ) -> None:
        await carrier.text_in(PERSON, OURS, "look", media=[("image/png", b"one"), ("video/mp4", b"two")])

        (form,) = gateway.forms
        assert (form["NumMedia"], form["MediaContentType1"]) == ("2", "video/mp4")
        async with client.session.get(form["MediaUrl1"], allow_redirects=False) as hop:
            assert hop.status == 307
            store = carrier.url + hop.headers["Location"]
        async with aiohttp.request("GET", store) as answer:
            assert (answer.content_type, await answer.read()) == ("video/mp4", b"two")
        assert carrier.violations == []

        async with client.session.get(form["MediaUrl1"]):
            assert carrier.violations == ["media: our credentials were sent on to the media store"]
        async with aiohttp.request("GET", form["MediaUrl1"]) as answer:
            assert answer.status == 401


class TestFaults:
    async def test_a_fault_is_given_as_often_as_asked_and_only_to_its_operation(
        self, carrier: LocalCarrier, client: Client
    ) -> None:
        carrier.fail_next(429, 20429, times=2, retry_after=3)

        assert (await client.call("GET", f"{API}/Messages.json"))[0] == 200
        async with client.session.post(f"{API}/Messages.json", data=TEXT) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (429, "3")
        assert (await client.send())[0] == 429
        assert (await client.send())[0] == 201
        assert len(carrier.outbox) == 1

    async def test_a_hang_takes_the_message_on_and_drops_the_connection_once(
        self, carrier: LocalCarrier, client: Client
    ) -> None:
        carrier.hang_next()

        with pytest.raises(aiohttp.ClientError):
            await client.send()

        assert len(carrier.outbox) == 1
        assert (await client.send(Body="next"))[0] == 201


class TestSandboxPage:
    async def test_the_page_shows_both_directions_newest_last(
        self, carrier: LocalCarrier, client: Client, gateway: Gateway
    ) -> None:
        wanted = {"from": PERSON, "to": OURS, "body": "help"}
        assert await client.call("POST", "/sandbox/text", json=wanted) == (200, {"status": 200})
        await client.send()

        _, rows = await client.call("GET", "/sandbox/messages")

        assert [(row["direction"], row["body"]) for row in rows] == [("in", "help"), ("out", TEXT["Body"])]
        assert gateway.forms[0]["Body"] == "help"

    @pytest.mark.parametrize("nonsense", ["", "[]", '{"from": "x"}', "7"])
    async def test_nonsense_from_the_page_is_refused(self, client: Client, nonsense: str) -> None:
        assert (await client.call("POST", "/sandbox/text", data=nonsense))[0] == 400
