"""Twilio's own HTTP client, made fit for a contact centre.

The library's asynchronous client has no deadline, logs addresses with phone numbers in them, and hides the
answer's headers from its exceptions. This one sends to the configured address, gives up in time and logs nothing;
what went wrong it says in the errors of ``channels.base``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import aiohttp
from twilio.http.async_http_client import AsyncTwilioHttpClient  # type: ignore[import-untyped]
from twilio.http.response import Response  # type: ignore[import-untyped]

from channels.base import ChannelError, Unreachable
from channels.text.answers import OF_OUR_ACCOUNT, basic, failure, unreachable
from channels.text.twilio.reasons import in_words

TWILIO = "https://api.twilio.com"
# Too many requests; too many texts waiting to be sent from one number.
THROTTLES = frozenset({"20429", "21611", "63018"})


class Api(AsyncTwilioHttpClient):  # type: ignore[misc]
    """Sends the library's requests to ``api_url``; each takes at most ``deadline_seconds``.

    Raises Throttled, Unreachable and Refused instead of returning an answer that is not a success.
    """

    session: aiohttp.ClientSession | None

    def __init__(self, api_url: str, deadline_seconds: float) -> None:
        super().__init__(pool_connections=False, timeout=deadline_seconds)
        self._api_url = api_url

    def connections(self) -> aiohttp.ClientSession:
        """The shared pool, opened at first use because it needs the running loop."""
        if self.session is None:
            self.session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self.session

    async def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 (the library's signature)
        allow_redirects: bool = False,
    ) -> Response:
        """One request; a redirect counts as a refusal, since it would carry our credentials away."""
        try:
            async with self.connections().request(
                method,
                self._api_url + url.removeprefix(TWILIO),
                params=list(_pairs(params)) if params else None,
                data=list(_pairs(data)) if data else None,
                headers={**(headers or {}), **(basic(*auth) if auth else {})},
                timeout=aiohttp.ClientTimeout(total=timeout or self.timeout),
                allow_redirects=False,
            ) as answer:
                text = await answer.text(errors="replace")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise unreachable(error) from error
        refusal = refused(answer.status, answer.headers, text)
        if refusal:
            raise refusal
        _check_json(text)
        return Response(answer.status, text, answer.headers)


def refused(status: int, headers: Mapping[str, str], text: str) -> ChannelError | None:
    """The error that an answer stands for, or None when it is a success.

    ``text`` is Twilio's error JSON (https://www.twilio.com/docs/usage/twilios-response#response-formats-exceptions)
    or whatever stands between us and Twilio says.
    """
    if 200 <= status < 300:
        return None
    code = _error_code(text)
    if not code and status not in (429, *OF_OUR_ACCOUNT):
        return Unreachable(f"the answer is not the carrier's: HTTP status {status} without a code of its own")
    return failure(status, headers, in_words(code), code=code, throttled=code in THROTTLES)


def _error_code(text: str) -> str:
    try:
        payload = json.loads(text)
    except ValueError:
        return ""
    code = payload.get("code") if isinstance(payload, dict) else None
    return str(code) if isinstance(code, int) else ""


def _check_json(text: str) -> None:
    try:
        payload = json.loads(text)
    except ValueError as error:
        raise Unreachable("the answer is not the carrier's: it is no JSON") from error
    if not isinstance(payload, dict):
        raise Unreachable("the answer is not the carrier's: it is no JSON object")


def _pairs(fields: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """A list among the values stands for its field many times over."""
    for name, value in fields.items():
        for one in value if isinstance(value, (list, tuple)) else [value]:
            yield name, str(one)
