"""Messages as Twilio keeps, lists and reports them: the shapes of its JSON and of its webhooks' forms.

https://www.twilio.com/docs/messaging/api/message-resource
https://www.twilio.com/docs/messaging/guides/webhook-request
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Literal
from urllib.parse import urlencode

API_VERSION = "2010-04-01"
ACCOUNTS = f"/{API_VERSION}/Accounts"
PAGE_SIZE = 50
SEGMENT_LENGTH = 153


@dataclass(frozen=True, slots=True)
class Attachment:
    sid: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """One text in either direction; ``sent`` is None while it is queued."""

    sid: str
    account_sid: str
    direction: Literal["inbound", "outbound-api"]
    sender: str
    recipient: str
    body: str
    status: str
    created: datetime
    sent: datetime | None = None
    media: tuple[Attachment, ...] = ()
    media_urls: tuple[str, ...] = ()
    status_callback: str = ""
    error_code: int | None = None
    service: str = ""

    @property
    def uri(self) -> str:
        return f"{ACCOUNTS}/{self.account_sid}/Messages/{self.sid}"

    @property
    def segments(self) -> int:
        return max(1, -(-len(self.body) // SEGMENT_LENGTH))


def resource(message: Message) -> dict[str, Any]:
    """The message as the REST API shows it."""
    return {
        "account_sid": message.account_sid,
        "api_version": API_VERSION,
        "body": message.body,
        "date_created": _date(message.created),
        "date_sent": _date(message.sent),
        "date_updated": _date(message.sent or message.created),
        "direction": message.direction,
        "error_code": message.error_code,
        "error_message": None,
        "from": message.sender,
        "messaging_service_sid": message.service or None,
        "num_media": str(len(message.media) + len(message.media_urls)),
        "num_segments": str(message.segments),
        "price": None,
        "price_unit": "GBP",
        "sid": message.sid,
        "status": message.status,
        "subresource_uris": {"media": f"{message.uri}/Media.json"},
        "to": message.recipient,
        "uri": f"{message.uri}.json",
    }


def page(messages: Sequence[Message], path: str, query: Mapping[str, str]) -> dict[str, Any]:
    """One page of the messages that fit the query, newest first (``messages`` come oldest first)."""
    found = [message for message in reversed(messages) if _fits(message, query)]
    number, size = int(query.get("Page", 0)), int(query.get("PageSize", PAGE_SIZE))
    shown = found[number * size : (number + 1) * size]
    filters = {name: value for name, value in query.items() if name not in ("Page", "PageSize", "PageToken")}

    def uri(index: int, **more: str) -> str:
        return f"{path}?{urlencode({**filters, 'PageSize': size, 'Page': index, **more})}"

    more = len(found) > (number + 1) * size
    return {
        "messages": [resource(message) for message in shown],
        "page": number,
        "page_size": size,
        "start": number * size,
        "end": number * size + max(0, len(shown) - 1),
        "uri": uri(number),
        "first_page_uri": uri(0),
        "previous_page_uri": uri(number - 1, PageToken=f"PB{shown[0].sid}") if number and shown else None,
        "next_page_uri": uri(number + 1, PageToken=f"PA{shown[-1].sid}") if more else None,
    }


def media_page(message: Message, path: str) -> dict[str, Any]:
    """The attachments of a message, which always fit one page."""
    listed = [
        {
            "account_sid": message.account_sid,
            "content_type": item.content_type,
            "date_created": _date(message.created),
            "date_updated": _date(message.created),
            "parent_sid": message.sid,
            "sid": item.sid,
            "uri": f"{message.uri}/Media/{item.sid}.json",
        }
        for item in message.media
    ]
    return {
        "media_list": listed,
        "page": 0,
        "page_size": PAGE_SIZE,
        "start": 0,
        "end": max(0, len(listed) - 1),
        "uri": path,
        "first_page_uri": path,
        "previous_page_uri": None,
        "next_page_uri": None,
    }


def arrival_form(message: Message, media_base: str) -> dict[str, str]:
    """The webhook's form for a text that arrived; attachments lie below ``media_base``."""
    form = {
        "ToCountry": "GB",
        "ToState": "",
        "SmsMessageSid": message.sid,
        "NumMedia": str(len(message.media)),
        "ToCity": "",
        "FromZip": "",
        "SmsSid": message.sid,
        "FromState": "",
        "SmsStatus": "received",
        "FromCity": "",
        "Body": message.body,
        "FromCountry": "GB",
        "To": message.recipient,
        "ToZip": "",
        "NumSegments": str(message.segments),
        "MessageSid": message.sid,
        "AccountSid": message.account_sid,
        "From": message.sender,
        "ApiVersion": API_VERSION,
    }
    for index, item in enumerate(message.media):
        form[f"MediaUrl{index}"] = f"{media_base}{message.uri}/Media/{item.sid}"
        form[f"MediaContentType{index}"] = item.content_type
    return form


def status_form(message: Message) -> dict[str, str]:
    """The status callback's form; ErrorCode is there only when the message failed."""
    form = {
        "SmsSid": message.sid,
        "SmsStatus": message.status,
        "MessageStatus": message.status,
        "To": message.recipient,
        "MessageSid": message.sid,
        "AccountSid": message.account_sid,
        "From": message.sender,
        "ApiVersion": API_VERSION,
    }
    return form | ({"ErrorCode": str(message.error_code)} if message.error_code else {})


def _date(moment: datetime | None) -> str | None:
    return format_datetime(moment.astimezone(UTC)) if moment else None


def _fits(message: Message, query: Mapping[str, str]) -> bool:
    tests: dict[str, Callable[[str], bool]] = {
        "To": lambda value: message.recipient == value,
        "From": lambda value: message.sender == value,
        "DateSent": lambda value: message.sent is not None and message.sent.date() == _moment(value).date(),
        "DateSent<": lambda value: message.sent is not None and message.sent <= _moment(value),
        "DateSent>": lambda value: message.sent is not None and message.sent >= _moment(value),
    }
    return all(test(query[name]) for name, test in tests.items() if name in query)


def _moment(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
