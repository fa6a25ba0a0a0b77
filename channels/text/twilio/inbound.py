"""Twilio's webhooks, checked and read: texts that arrive and reports on texts we sent.

Pure: no network, no clock. Nothing is read before the signature has proved where the form came from
(https://www.twilio.com/docs/usage/webhooks/webhooks-security). After that, only what makes a text useless
refuses it: an attachment that cannot be understood never costs the words it came with.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlparse

from multidict import MultiDict
from twilio.request_validator import RequestValidator, add_port, remove_port  # type: ignore[import-untyped]

from channels.base import NotGenuine
from channels.text.addresses import address, storable
from channels.text.answers import not_delivered
from channels.text.port import IncomingText, Malformed, MediaItem, StatusReport, TooMuch, Webhook
from channels.text.twilio.reasons import in_words
from config.text import Text

# Twilio's own limits are 1,600 characters for an SMS, 4,096 for other channels and 10 attachments; words are kept
# however many there are.
ADDRESS_LIMIT = 128
URL_LIMIT = 2_048
MEDIA_LIMIT = 10
# Far more than it has ever posted, and read in 10 ms.
FIELDS = 10_000

SIGNATURE = "X-Twilio-Signature"
SID = re.compile(r"[A-Za-z]{2}[0-9a-fA-F]{32}")
STATUS = re.compile(r"[a-z_]{1,32}")
ERROR_CODE = re.compile(r"[0-9]{1,6}")
MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,64}/[a-z0-9.+-]{1,128}")
WEB_ADDRESS = re.compile(r"https?://[^\s/]+/\S*")
SMALL_NUMBER = re.compile(r"[0-9]{1,3}")

NOT_SENT = frozenset({"failed", "undelivered", "canceled"})

Values = Mapping[str, frozenset[str]]


def form_of(webhook: Webhook) -> Mapping[str, str]:
    """The fields of the form, each as often as it stands there. Raises NotGenuine where it is not even said to be
    signed, TooMuch."""
    if not webhook.headers.get(SIGNATURE):
        raise NotGenuine(f"the {SIGNATURE} header is missing")
    try:
        body = webhook.body.decode(errors="replace")
        return MultiDict(parse_qsl(body, keep_blank_values=True, max_num_fields=FIELDS))
    except ValueError as error:
        raise TooMuch(f"the form has more than {FIELDS:,} fields, so its signature was not looked at") from error


def read_text(url: str, form: Mapping[str, str], signature: str, settings: Text) -> IncomingText:
    """The text in a webhook that the carrier posted to ``url`` (the public address, with path and query).

    What is wrong with a genuine text costs nobody their words: it is kept, and says what is wrong with it. Raises
    NotGenuine when the signature, the address or the account is not right, Malformed when the form is no text at all.
    """
    values, problems = _proven(url, form, signature, settings), list[str]()
    sender, can_reply = address(_kept(values, "From", problems))
    recipient, _ = address(_kept(values, "To", problems))
    media, announced = _media(values), _announced_media(values)
    body = storable("\n".join(sorted(values.get("Body", ()))))
    sid = _kept(values, "MessageSid", problems)
    if not SID.fullmatch(sid):
        if not (body.strip() or media or announced):
            raise Malformed("the form has neither an identifier of the carrier nor words nor attachments")
        problems.append("the field MessageSid is not an identifier of the carrier")
        sid = _named_by(values)
    return IncomingText(
        message_sid=sid,
        sender=sender,
        recipient=recipient,
        body=body,
        media=media,
        media_missing=max(0, announced - len(media)),
        can_reply=can_reply,
        problems="; ".join(problems),
    )


def listed_text(message: Any) -> IncomingText:
    """A text as the carrier's list of messages has it (of ``twilio.rest``), with the time at which it arrived there."""
    sender, can_reply = address(message.from_)
    recipient, _ = address(message.to)
    return IncomingText(
        message_sid=message.sid,
        sender=sender,
        recipient=recipient,
        body=storable(message.body or ""),
        media_missing=int(message.num_media or 0),
        can_reply=can_reply,
        sent_at=message.date_sent.timestamp(),
    )


def read_status(url: str, form: Mapping[str, str], signature: str, settings: Text) -> StatusReport:
    """The delivery report in a webhook that the carrier posted to ``url``. Raises like ``read_text``."""
    values = _proven(url, form, signature, settings)
    status = _required(values, "MessageStatus", 64).lower()
    if not STATUS.fullmatch(status):
        raise Malformed("the field MessageStatus is not a status")
    error_code = _optional(values, "ErrorCode")
    if error_code and not ERROR_CODE.fullmatch(error_code):
        raise Malformed("the field ErrorCode is not a number")
    error_code = "" if error_code == "0" else error_code
    return StatusReport(_sid(values, "MessageSid"), status, error_code, _why(status, error_code))


def _why(status: str, error_code: str) -> str:
    if status not in NOT_SENT:
        return ""
    return in_words(error_code) or not_delivered(error_code)


def _proven(url: str, form: Mapping[str, str], signature: str, settings: Text) -> Values:
    """The form's values by name, once the signature and the account have been found right."""
    token = settings.auth_token.get_secret_value()
    if not token or not settings.account_sid:
        raise NotGenuine("no account SID and auth token are configured, so no webhook can be proved genuine")
    if not signature:
        raise NotGenuine(f"the {SIGNATURE} header is missing")
    try:
        signer, given = RequestValidator(token), signature.encode(errors="replace")
        genuine = any(
            hmac.compare_digest(signer.compute_signature(one, form).encode(), given) for one in _as_signed(url)
        )
    except (TypeError, ValueError) as error:
        # Addresses with an impossible port, uploads among the fields, text that is no Unicode.
        raise NotGenuine("the address or the form cannot be what the carrier signed") from error
    if not genuine:
        raise NotGenuine(f"the {SIGNATURE} header does not match this address and form")
    values = _values(form)
    if values.get("AccountSid", frozenset()) != frozenset({settings.account_sid}):
        raise NotGenuine("the webhook belongs to another account")
    return values


@lru_cache(16)  # there are few addresses
def _as_signed(url: str) -> tuple[str, ...]:
    """As it stands, without and with its port: the carrier signs any."""
    parsed = urlparse(url)
    return tuple(dict.fromkeys((url, remove_port(parsed), add_port(parsed))))


def _values(form: Mapping[str, str]) -> Values:
    """Every distinct value of every field: aiohttp's forms may hold a field more than once."""
    every = getattr(form, "getall", lambda name: [form[name]])
    return {name: frozenset(every(name)) for name in form}


def _optional(values: Values, name: str) -> str:
    found = values.get(name, frozenset({""}))
    if len(found) > 1:
        raise Malformed(f"the field {name} stands there more than once, with different values")
    return next(iter(found))


def _required(values: Values, name: str, limit: int) -> str:
    value = _optional(values, name).strip()
    if not value:
        raise Malformed(f"the field {name} is missing")
    if len(value) > limit:
        raise Malformed(f"the field {name} is longer than {limit} characters")
    return value


def _sid(values: Values, name: str) -> str:
    sid = _required(values, name, 64)
    if not SID.fullmatch(sid):
        raise Malformed(f"the field {name} is not an identifier of the carrier")
    return sid


def _kept(values: Values, name: str, problems: list[str]) -> str:
    """What stands there, whatever is wrong with it."""
    found = sorted(filter(None, map(str.strip, values.get(name, ()))))
    whole = "; ".join(found)
    if not found:
        problems.append(f"the field {name} is missing")
    if len(found) > 1:
        problems.append(f"the field {name} stands there more than once, with different values")
    if len(whole) > ADDRESS_LIMIT:
        problems.append(f"the field {name} is longer than {ADDRESS_LIMIT} characters")
    return whole[:ADDRESS_LIMIT]


def _named_by(values: Values) -> str:
    """A name for a text that has none: the same form brought again has the same."""
    whole = repr(sorted((name, sorted(several)) for name, several in values.items()))
    return f"unnamed-{hashlib.sha256(whole.encode(errors='replace')).hexdigest()[:32]}"


def _announced_media(values: Values) -> int:
    announced = values.get("NumMedia", frozenset())
    return max((int(n) for n in announced if SMALL_NUMBER.fullmatch(n)), default=0)


def _media(values: Values) -> tuple[MediaItem, ...]:
    """The attachments that are there, whatever NumMedia says."""
    items = (_media_item(values, index) for index in range(MEDIA_LIMIT) if f"MediaUrl{index}" in values)
    return tuple(item for item in items if item is not None)


def _media_item(values: Values, index: int) -> MediaItem | None:
    urls = values.get(f"MediaUrl{index}", frozenset())
    url = next(iter(urls)) if len(urls) == 1 else ""
    if len(url) > URL_LIMIT or not WEB_ADDRESS.fullmatch(url):
        return None
    claimed = min(values.get(f"MediaContentType{index}", frozenset({""}))).strip().lower()
    return MediaItem(url, claimed if MEDIA_TYPE.fullmatch(claimed) else "application/octet-stream")
