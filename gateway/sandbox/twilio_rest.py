"""The REST side of the local carrier: Twilio's messaging API over HTTP, with the faults that tests ask for."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from aiohttp import encode_basic_auth, hdrs, web
from aiohttp.typedefs import Handler

from gateway.sandbox.twilio_description import FORM, Description
from gateway.sandbox.twilio_messages import ACCOUNTS, Attachment, Message, media_page, page, resource

MESSAGES = ACCOUNTS + "/{AccountSid}/Messages.json"
MESSAGE = ACCOUNTS + "/{AccountSid}/Messages/{Sid}.json"
MEDIA_LIST = ACCOUNTS + "/{AccountSid}/Messages/{MessageSid}/Media.json"
MEDIA = ACCOUNTS + "/{AccountSid}/Messages/{MessageSid}/Media/{Sid}"
MEDIA_STORE = "/media-store/"
LONGEST_BODY = 1600
TELEPHONE_NUMBER = re.compile(r"(whatsapp:)?\+[1-9][0-9]{6,14}")


class Fault(Exception):
    """An answer in Twilio's error JSON (https://www.twilio.com/docs/usage/twilios-response)."""

    def __init__(self, status: int, code: int, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.retry_after = status, code, message, retry_after

    def answer(self) -> web.Response:
        more_info = f"https://www.twilio.com/docs/errors/{self.code}"
        payload = {"code": self.code, "message": self.message, "more_info": more_info, "status": self.status}
        headers = {} if self.retry_after is None else {"Retry-After": f"{self.retry_after:g}"}
        return web.json_response(payload, status=self.status, headers=headers)


@dataclass(slots=True)
class PlannedFault:
    operation: str
    times: int
    fault: Fault


def new_sid(prefix: str) -> str:
    return prefix + secrets.token_hex(16)


class RestApi:
    """One account's messages over HTTP. ``accept`` takes on a message that was just created."""

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        *,
        messages: Mapping[str, Message],
        accept: Callable[[Message], Awaitable[None]],
        clock: Callable[[], datetime],
    ) -> None:
        self.violations: list[str] = []
        self._account_sid = account_sid
        self._authorization = encode_basic_auth(account_sid, auth_token)
        self._messages, self._accept, self._clock = messages, accept, clock
        self._description = Description.published()
        self._planned: list[PlannedFault] = []
        self._hangs = 0

    def fail_next(self, operation: str, times: int, fault: Fault) -> None:
        self._planned.append(PlannedFault(operation, times, fault))

    def hang_next(self) -> None:
        self._hangs += 1

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(MESSAGES, self._create),
            web.get(MESSAGES, self._list, allow_head=False),
            web.get(MESSAGE, self._fetch, allow_head=False),
            web.get(MEDIA_LIST, self._media_of, allow_head=False),
            web.get(MEDIA, self._redirect_to_media, allow_head=False),
            web.get(MEDIA_STORE + "{Sid}", self._stored_media, allow_head=False),
        ]

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Everything below the API's path is authenticated, judged, and answered as Twilio would."""
        if not request.path.startswith(ACCOUNTS):
            return await handler(request)
        try:
            self._authenticate(request)
            if request.match_info.http_exception is None:
                await self._judge(request)
            return await handler(request)
        except Fault as fault:
            return fault.answer()
        except web.HTTPMethodNotAllowed:
            return Fault(405, 20004, "Method not allowed").answer()
        except web.HTTPNotFound:
            return Fault(404, 20404, "The requested resource was not found").answer()

    def _authenticate(self, request: web.Request) -> None:
        if request.headers.get(hdrs.AUTHORIZATION) != self._authorization:
            raise Fault(401, 20003, "Authenticate")

    async def _judge(self, request: web.Request) -> None:
        template = _template(request)
        form = [(name, str(value)) for name, value in (await request.post()).items()]
        faults = self._description.request_faults(
            request.method,
            template,
            path_values=request.match_info,
            query=list(request.query.items()),
            form=form,
        )
        if request.method == hdrs.METH_POST and request.content_type != FORM:
            faults.append("form: the content type is wrong")
        if faults:
            self.violations += faults
            raise Fault(400, 20001, "; ".join(faults))
        if request.match_info["AccountSid"] != self._account_sid:
            raise Fault(404, 20404, "The requested resource was not found")
        self._fail_as_planned(self._description.operation_id(request.method, template))

    def _fail_as_planned(self, operation: str) -> None:
        planned = next((p for p in self._planned if p.operation == operation), None)
        if planned is None:
            return
        planned.times -= 1
        if planned.times <= 0:
            self._planned.remove(planned)
        raise planned.fault

    def _answer(self, request: web.Request, status: int, payload: object) -> web.Response:
        self.violations += self._description.answer_faults(request.method, _template(request), status, payload)
        return web.json_response(payload, status=status)

    async def _create(self, request: web.Request) -> web.Response:
        form = await request.post()
        message = Message(
            sid=new_sid("MM" if "MediaUrl" in form else "SM"),
            account_sid=self._account_sid,
            direction="outbound-api",
            sender=str(form.get("From", "")),
            service=str(form.get("MessagingServiceSid", "")),
            recipient=str(form["To"]),
            body=str(form.get("Body", "")),
            status="queued",
            created=self._clock(),
            media_urls=tuple(str(url) for url in form.getall("MediaUrl", [])),
            status_callback=str(form.get("StatusCallback", "")),
        )
        _check_sendable(message)
        await self._accept(message)
        if self._hangs:
            self._hangs -= 1
            if request.transport:
                request.transport.abort()
        return self._answer(request, 201, resource(message))

    async def _list(self, request: web.Request) -> web.Response:
        return self._answer(request, 200, page(list(self._messages.values()), request.path, request.query))

    async def _fetch(self, request: web.Request) -> web.Response:
        message = self._messages.get(request.match_info["Sid"])
        if message is None:
            raise web.HTTPNotFound
        return self._answer(request, 200, resource(message))

    async def _media_of(self, request: web.Request) -> web.Response:
        message = self._messages.get(request.match_info["MessageSid"])
        if message is None:
            raise web.HTTPNotFound
        return self._answer(request, 200, media_page(message, request.path))

    async def _redirect_to_media(self, request: web.Request) -> web.Response:
        """Twilio sends whoever may see an attachment on to its media store."""
        attachment = self._attachment(request.match_info["Sid"])
        raise web.HTTPTemporaryRedirect(MEDIA_STORE + attachment.sid)

    async def _stored_media(self, request: web.Request) -> web.Response:
        if hdrs.AUTHORIZATION in request.headers:
            self.violations.append("media: our credentials were sent on to the media store")
        attachment = self._attachment(request.match_info["Sid"])
        return web.Response(body=attachment.data, content_type=attachment.content_type)

    def _attachment(self, sid: str) -> Attachment:
        attachments = (item for message in self._messages.values() for item in message.media)
        found = next((item for item in attachments if item.sid == sid), None)
        if found is None:
            raise web.HTTPNotFound
        return found


def _template(request: web.Request) -> str:
    """The route as the description writes it; an attachment itself lies beside its own description."""
    found = request.match_info.route.resource
    canonical = found.canonical if found else ""
    return canonical if canonical.endswith(".json") else f"{canonical}.json"


def _check_sendable(message: Message) -> None:
    if not TELEPHONE_NUMBER.fullmatch(message.recipient):
        raise Fault(400, 21211, "The 'To' number is not a valid phone number")
    if not message.sender:
        raise Fault(400, 21603, "A 'From' phone number is required")
    if not message.body and not message.media_urls:
        raise Fault(400, 21602, "Message body is required")
    if len(message.body) > LONGEST_BODY:
        raise Fault(400, 21617, "The concatenated message body exceeds the 1600 character limit")
