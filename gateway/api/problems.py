"""Everything that goes wrong is answered as RFC 9457 says: ``application/problem+json``, in words for a person.

Problem
├── BadRequest         400  with the fields that are wrong
├── NotSignedIn        401
├── NotAllowed         403
├── NotFound           404
├── Conflict           409  it cannot be done (any more)
├── TooLarge           413
├── NotJson            415
├── TooManyRequests    429
└── Unavailable        503  it can be done in a moment
"""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import web
from pydantic import BaseModel, ValidationError

from channels.base import ChannelError
from config.words import PATTERNS, in_words
from gateway.deciding import Refused
from gateway.dispatcher import NotWritten
from gateway.store.store import StoreError

log = structlog.get_logger()

RETRY_SECONDS = 2
PHONE_KEYS = "must be keys of a telephone: digits, *, # and A to D, 32 at most"
API_PATTERNS = PATTERNS | {
    r"\S": "must not be empty",
    r"^[a-z][a-z0-9._-]{0,59}$": "must be small letters, digits, dots, - and _, beginning with a letter",
    r"^([0-9]{2,6})?$": "must be 2 to 6 digits, as the telephone is dialled",
    r"^[^/\x00-\x1f]{0,200}$": "must be a file's name without its directory, of at most 200 characters",
    r"^[0-9*#A-D]{1,32}$": PHONE_KEYS,
    r"^\+?[0-9][0-9 ()./-]{2,24}$": "must be a telephone number",
    r"^[a-z0-9.+-]{1,64}/[a-z0-9.+-]{1,128}$": "must be a kind of file such as image/jpeg",
}


class FieldError(BaseModel):
    """``field`` is its path in the body or query; in an import it is ``line 7: extension``."""

    field: str
    why: str


class ProblemOut(BaseModel):
    """RFC 9457."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    errors: list[FieldError] = []


class Problem(Exception):
    status = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(
        self, detail: str, errors: Sequence[FieldError] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.errors, self.headers = list(errors), dict(headers or {})


class BadRequest(Problem):
    status = HTTPStatus.BAD_REQUEST


class NotSignedIn(Problem):
    status = HTTPStatus.UNAUTHORIZED

    def __init__(self, detail: str = "Sign in first.") -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class NotAllowed(Problem):
    status = HTTPStatus.FORBIDDEN


class NotFound(Problem):
    status = HTTPStatus.NOT_FOUND


class Conflict(Problem):
    status = HTTPStatus.CONFLICT


class TooLarge(Problem):
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class NotJson(Problem):
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class TooManyRequests(Problem):
    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, detail: str, seconds: float) -> None:
        super().__init__(detail, headers={"Retry-After": str(math.ceil(seconds))})


class Unavailable(Problem):
    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"Retry-After": str(RETRY_SECONDS)})


def invalid(error: ValidationError) -> BadRequest:
    """Which fields are wrong and why; never the values, which may be passwords or what people wrote."""
    errors = [
        FieldError(field=".".join(map(str, e["loc"])) or "body", why=in_words(e, API_PATTERNS))
        for e in error.errors(include_input=False, include_url=False)
    ]
    return BadRequest("Some fields are not right.", errors)


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns every failure into its answer."""
    try:
        return await handler(request)
    except Problem as problem:
        return answer(problem.status, str(problem), problem.errors, problem.headers)
    except Refused as refused:
        return answer(HTTPStatus.CONFLICT, str(refused))
    except ChannelError as error:
        status = HTTPStatus.SERVICE_UNAVAILABLE if error.retry else HTTPStatus.CONFLICT
        return answer(status, str(error), headers=_retry(status))
    except (NotWritten, StoreError) as error:
        log.warning("not_written", path=request.path, why=str(error))
        detail = "Nothing was changed: the database cannot be used at the moment. Try again."
        status = HTTPStatus.SERVICE_UNAVAILABLE
        return answer(status, detail, headers=_retry(status))
    except web.HTTPException as error:
        return _from_aiohttp(error)
    except Exception:
        log.exception("request_failed", method=request.method, path=request.path)
        return answer(HTTPStatus.INTERNAL_SERVER_ERROR, "A fault of ours; it is in the log.")


def answer(
    status: HTTPStatus, detail: str, errors: Sequence[FieldError] = (), headers: Mapping[str, str] | None = None
) -> web.Response:
    problem = ProblemOut(title=status.phrase, status=status, detail=detail, errors=list(errors))
    content: dict[str, Any] = problem.model_dump(exclude=set() if errors else {"errors"})
    text = json.dumps(content, ensure_ascii=False)
    return web.Response(status=status, text=text, content_type="application/problem+json", headers=headers)


def _from_aiohttp(error: web.HTTPException) -> web.StreamResponse:
    """The framework's own: no such path, wrong method, too large. A redirection is no problem."""
    if error.status < 400:
        raise error
    status = HTTPStatus(error.status)
    kept = {name: error.headers[name] for name in ("Allow", "Retry-After") if name in error.headers}
    if isinstance(error, web.HTTPMethodNotAllowed):
        return answer(status, f"Only {', '.join(sorted(error.allowed_methods))} can be used here.", headers=kept)
    text = "There is nothing at this address." if status is HTTPStatus.NOT_FOUND else (error.text or "")
    return answer(status, text, headers=kept | _retry(status))


def _retry(status: HTTPStatus) -> dict[str, str]:
    return {"Retry-After": str(RETRY_SECONDS)} if status is HTTPStatus.SERVICE_UNAVAILABLE else {}
