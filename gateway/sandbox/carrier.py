"""The local carrier: Twilio's messaging API and webhooks on this machine, for the sandbox and the tests.

It judges every request by Twilio's published description and remembers what broke it in ``violations``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from uuid import NAMESPACE_OID, uuid5

import structlog
from aiohttp import web
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from gateway.sandbox.carrier_book import CarrierBook
from gateway.sandbox.twilio_messages import Attachment, Message, arrival_form, status_form
from gateway.sandbox.twilio_rest import Fault, RestApi, new_sid

log = structlog.get_logger()

NOT_FETCHED = 11200


class LocalCarrier(CarrierBook):
    """One account at a carrier that runs here.

    ``webhook_url`` is where texts for us are posted, and the address they are signed for. Port 0 takes any free
    port; ``url`` is what to configure as ``text.api_url``.
    """

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str,
        webhook_url: str,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__()
        self.account_sid, self.webhook_url, self.url = account_sid, webhook_url, ""
        self.answers = False
        self._signer = RequestValidator(auth_token)
        self._host, self._port, self._clock = host, port, clock
        self._rest = RestApi(account_sid, auth_token, messages=self._messages, accept=self._take_on, clock=clock)

    async def __aenter__(self) -> Self:
        await self.open()
        await self._begin_delivering()
        return self

    async def open(self) -> None:
        """Its API answers; what it has carried before is still there."""
        app = web.Application(middlewares=[self._rest.middleware])
        app.add_routes(self._rest.routes())
        app.router.add_get("/sandbox/messages", self._show_messages)
        app.router.add_post("/sandbox/text", self._text_from_page)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://{self._host}:{self._port}"
        self.answers = True

    async def close(self) -> None:
        """Nothing listens there any more."""
        self.answers = False
        await self._runner.cleanup()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
        await self._end_delivering()

    @property
    def violations(self) -> list[str]:
        """How requests to us, or our own answers, broke the published description."""
        return self._rest.violations

    async def text_in(
        self,
        sender: str,
        recipient: str,
        body: str,
        media: Iterable[tuple[str, bytes]] = (),
        message_sid: str | None = None,
        sent: datetime | None = None,
    ) -> int:
        """A person texts us; returns the webhook's HTTP status, or 502 or 504 when nobody answered.

        ``media`` holds (content type, bytes) pairs. A ``message_sid`` that came before is the same text again,
        as Twilio repeats it. ``sent``: when the carrier had it, for texts that overtake each other.
        """
        attachments = tuple(Attachment(new_sid("ME"), kind, data) for kind, data in media)
        sid = message_sid or new_sid("MM" if attachments else "SM")
        if sid not in self._messages:
            now = sent or self._clock()
            await self._keep(
                Message(
                    sid=sid,
                    account_sid=self.account_sid,
                    direction="inbound",
                    sender=sender,
                    recipient=recipient,
                    body=body,
                    status="received",
                    created=now,
                    sent=now,
                    media=attachments,
                )
            )
        return await self._post(self.webhook_url, arrival_form(self._messages[sid], self.url), sid)

    def fail_next(
        self,
        status: int,
        code: int,
        times: int = 1,
        retry_after: float | None = None,
        operation: str = "CreateMessage",
    ) -> None:
        """Answer the next requests for ``operation`` (its name in the description) with this error."""
        self._rest.fail_next(operation, times, Fault(status, code, "A fault that was asked for", retry_after))

    def hang_next(self) -> None:
        """Take the next message on, then drop the connection without an answer."""
        self._rest.hang_next()

    async def _deliver(self, sid: str, error: int | None) -> None:
        """Queued is told in the answer; every later status is told to the callback."""
        if not await self._has_pictures(self._messages[sid]):
            error = NOT_FETCHED
        await self._progress(sid, status="sent", sent=self._clock())
        await self._progress(sid, status="undelivered" if error else "delivered", error_code=error)

    async def _progress(self, sid: str, **changes: Any) -> None:
        message = replace(self._messages[sid], **changes)
        await self._keep(message)
        if message.status_callback:
            await self._post(message.status_callback, status_form(message), f"{sid} {message.status}")

    async def _post(self, url: str, form: Mapping[str, str], occasion: str) -> int:
        headers = {
            "User-Agent": "TwilioProxy/1.1",
            "X-Twilio-Signature": self._signer.compute_signature(url, form),
            "I-Twilio-Idempotency-Token": str(uuid5(NAMESPACE_OID, occasion)),
        }
        return await self._webhook(url, form, headers)

    async def post_signed(self, url: str, form: Mapping[str, str]) -> int:
        """Post us whatever form, rightly signed; returns the HTTP status."""
        return await self._post(url, form, new_sid("IK"))

    async def _show_messages(self, request: web.Request) -> web.Response:
        return web.json_response([_row(message) for message in self.messages])

    async def _text_from_page(self, request: web.Request) -> web.Response:
        """Takes ``{from, to, body}``; answers ``{status}``, the webhook's HTTP status."""
        try:
            wanted = await request.json()
            sender, recipient, body = (str(wanted[name]) for name in ("from", "to", "body"))
        except (ValueError, KeyError, TypeError):
            return web.json_response({"error": "send {from, to, body}"}, status=400)
        return web.json_response({"status": await self.text_in(sender, recipient, body)})


def _row(message: Message) -> dict[str, Any]:
    return {
        "sid": message.sid,
        "direction": "in" if message.direction == "inbound" else "out",
        "from": message.sender,
        "to": message.recipient,
        "body": message.body,
        "status": message.status,
        "at": message.created.isoformat(),
        "media": [item.content_type for item in message.media] + list(message.media_urls),
    }
