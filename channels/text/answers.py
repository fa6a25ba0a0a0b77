"""What a carrier's HTTP answers mean, whoever the carrier is."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp

from channels.base import ChannelError, NotLetIn, Refused, Throttled, Unreachable

# Carriers seldom say how long to wait when they ask us to slow down.
RETRY_AFTER_SECONDS = 2.0
LONGEST_RETRY_AFTER_SECONDS = 300.0
# Credentials that are not accepted, an account that is not paid for or locked, a proxy that wants a login: these speak
# of us, whatever was sent.
OF_OUR_ACCOUNT = frozenset({401, 402, 403, 407})


def basic(user: str, password: str) -> dict[str, str]:
    """The header of HTTP Basic authentication (RFC 7617)."""
    return {"Authorization": aiohttp.encode_basic_auth(user, password)}


def unreachable(error: Exception) -> Unreachable:
    """The broken connection in words; the error's own words may hold an address with a number in it."""
    if isinstance(error, TimeoutError):
        return Unreachable("the carrier did not answer in time")
    if isinstance(error, aiohttp.ClientConnectorError):
        return Unreachable("the carrier cannot be reached")
    return Unreachable(f"the connection to the carrier failed ({type(error).__name__})")


def not_delivered(code: str) -> str:
    """What is said of a failure whose code nobody has put into words."""
    told = f"code {code}, which we do not know" if code else "no reason"
    return f"the text was not delivered and the carrier gave {told}"


def failure(
    status: int,
    headers: Mapping[str, str],
    words: str = "",
    *,
    code: str = "",
    throttled: bool = False,
    not_let_in: bool = False,
) -> ChannelError:
    """The error that an answer without success stands for. ``throttled``, ``not_let_in``: its code says that we are to
    slow down, or that our credentials are not accepted."""
    words = words or f"the carrier answered with HTTP status {status}"
    if status == 429 or throttled:
        return Throttled(words, code=code, retry_after=_retry_after(headers))
    if status in OF_OUR_ACCOUNT or not_let_in:
        return NotLetIn(words, code=code)
    if status >= 500 or status == 408:
        return Unreachable(words, code=code)
    return Refused(words, code=code)


def _retry_after(headers: Mapping[str, str]) -> float:
    asked = headers.get("Retry-After", "").strip()
    if not asked.isdecimal():
        return RETRY_AFTER_SECONDS
    return min(float(asked), LONGEST_RETRY_AFTER_SECONDS)
