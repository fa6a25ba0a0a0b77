"""The sandbox's second carrier: an HTTP interface of its own that only configuration describes to the gateway.

It signs what it posts and believes only what is signed, takes a reference once, tells in batches, and refuses as
carriers do.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import structlog
from aiohttp import web

from gateway.sandbox.carrier_book import CarrierBook
from gateway.sandbox.twilio_messages import Attachment, Message

log = structlog.get_logger()

SKEW_SECONDS = 300.0
TELLS, TELL_AGAIN_SECONDS = 120, 0.5
NOT_FETCHED = 30


class PlainCarrier(CarrierBook):
    """``webhook_url`` is where texts for us are posted; port 0 takes any free port."""

    def __init__(
        self,
        *,
        secret: str,
        webhook_url: str,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__()
        self.webhook_url, self.url = webhook_url, ""
        self._secret, self._host, self._port, self._clock = secret, host, port, clock
        self._by_reference: dict[str, str] = {}
        self._answers: list[tuple[int, str, float | None]] = []
        self._hangs = 0
        self._late: asyncio.Event | None = None

    async def __aenter__(self) -> Self:
        await self.come_back()
        await self._begin_delivering()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.go_away()
        await self._end_delivering()

    async def come_back(self) -> None:
        """It listens, again at the same address."""
        app = web.Application()
        app.router.add_get("/", self._here)
        app.router.add_post("/v1/messages", self._take)
        app.router.add_get("/v1/files/{id}", self._file)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://{self._host}:{self._port}"

    async def go_away(self) -> None:
        """Nobody listens any more."""
        await self._runner.cleanup()

    def fail_next(self, status: int, code: str = "", times: int = 1, retry_after: float | None = None) -> None:
        """Answer the next texts with this status and code."""
        self._answers += [(status, code, retry_after)] * times

    def hang_next(self) -> None:
        """Take the next text on, then drop the connection without an answer."""
        self._hangs += 1

    def answer_late(self) -> asyncio.Event:
        """Take texts on, and answer when the event is set."""
        self._late = asyncio.Event()
        return self._late

    # --- texts to us ---------------------------------------------------------------------------------------

    async def text_in(
        self,
        sender: str,
        recipient: str,
        body: str,
        media: Iterable[tuple[str, bytes]] = (),
        sid: str | None = None,
        sent: datetime | None = None,
    ) -> int:
        """A person texts us; returns the webhook's HTTP status, or 502 or 504 when nobody answered. A ``sid`` that came
        before is the same text again."""
        name = sid or secrets.token_hex(8)
        if name not in self._messages:
            files = tuple(Attachment(secrets.token_hex(8), kind, data) for kind, data in media)
            now = sent or self._clock()
            message = Message(name, "", "inbound", sender, recipient, body, "received", now, now, files)
            await self._keep(message)
        return await self.post(self.webhook_url, {"messages": [self._as_told(self._messages[name])]})

    def _as_told(self, message: Message) -> dict[str, Any]:
        return {
            "id": message.sid,
            "from": message.sender.removeprefix("+"),
            "to": message.recipient.removeprefix("+"),
            "text": message.body,
            "sent": message.created.timestamp(),
            "files": [{"href": f"{self.url}/v1/files/{f.sid}", "type": f.content_type} for f in message.media],
        }

    async def post(self, url: str, content: Any, *, at: float | None = None, signature: str = "") -> int:
        """A webhook, signed as of now, or as a test wants it."""
        body, now = json.dumps(content).encode(), str(int(at or self._clock().timestamp()))
        headers = {"X-Timestamp": now, "X-Signature": signature or self._signature(now, body)}
        return await self._webhook(url, body, headers | {"Content-Type": "application/json"})

    def _signature(self, timestamp: str, body: bytes) -> str:
        return hmac.new(self._secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()

    # --- texts from us -------------------------------------------------------------------------------------

    async def _here(self, request: web.Request) -> web.Response:
        return web.Response(text="a carrier")

    async def _take(self, request: web.Request) -> web.Response:
        body, timestamp = await request.read(), request.headers.get("X-Timestamp", "")
        genuine = request.headers.get("X-Signature", "") == self._signature(timestamp, body)
        if not genuine or abs(self._clock().timestamp() - float(timestamp)) > SKEW_SECONDS:
            return _refused(401, "E01")
        if self._answers:
            return _refused(*self._answers.pop(0))
        wanted = json.loads(body)
        known = self._by_reference.get(wanted["reference"])
        if known is None:
            known = await self._accept(wanted)
        if self._hangs:
            self._hangs -= 1
            if request.transport:
                request.transport.abort()
        if self._late:
            await self._late.wait()
        return web.json_response({"message": {"id": known, "state": "accepted"}}, status=202)

    async def _accept(self, wanted: dict[str, Any]) -> str:
        name = secrets.token_hex(8)
        self._by_reference[wanted["reference"]] = name
        await self._take_on(
            Message(
                sid=name,
                account_sid="",
                direction="outbound-api",
                sender=wanted["from"],
                recipient=f"+{wanted['to']}",
                body=wanted["text"],
                status="accepted",
                created=self._clock(),
                media_urls=tuple(wanted.get("media", ())),
                status_callback=wanted["report_to"],
            )
        )
        return name

    async def _deliver(self, sid: str, error: int | None) -> None:
        message = self._messages[sid]
        if not await self._has_pictures(message):
            error = NOT_FETCHED
        state = "lost" if error else "delivered"
        await self._keep(replace(message, status=state, sent=self._clock(), error_code=error))
        report = {"id": sid, "state": state} | ({"code": f"E{error}"} if error else {})
        await self._tell(message.status_callback, {"reports": [report]})

    async def _tell(self, url: str, content: Any) -> None:
        """Again and again, for a while, until it is taken."""
        for _ in range(TELLS):
            if await self.post(url, content) < 300:
                return
            await asyncio.sleep(TELL_AGAIN_SECONDS)

    async def _file(self, request: web.Request) -> web.Response:
        files = (file for message in self.messages for file in message.media)
        found = next((file for file in files if file.sid == request.match_info["id"]), None)
        if found is None:
            raise web.HTTPNotFound
        return web.Response(body=found.data, content_type=found.content_type)


def _refused(status: int, code: str, retry_after: float | None = None) -> web.Response:
    headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
    return web.json_response({"error": {"code": code}}, status=status, headers=headers)
