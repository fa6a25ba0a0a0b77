"""What a route is. One table of them registers the handlers, checks who may, validates what comes in, and is
the source of the OpenAPI document: the types stand in each handler's signature and nowhere else.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar, get_args, get_type_hints

from aiohttp import web
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from structlog.contextvars import bound_contextvars

from gateway.api.problems import BadRequest, NotAllowed, NotJson, NotSignedIn, TooLarge, invalid
from gateway.api.services import Services
from gateway.api.spreadsheets import spreadsheet_text
from gateway.auth import Auth, Principal, Role
from gateway.references import as_written

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
BODY_BYTES = 64 * 1024
BODY_SECONDS = 15.0


class In(BaseModel):
    """What comes in: an unknown field is a mistake, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Nothing(In):
    """No query, or no body."""


class CsvText(BaseModel):
    """A body of ``text/csv``. ``media``: what may be sent. ``guesses``: whether what is neither UTF-8 nor UTF-16 is
    taken for Windows-1252, as only those may whom a letter read wrongly leads to nobody; ``guessed``: it was."""

    media: ClassVar[tuple[str, ...]] = ("text/csv",)
    guesses: ClassVar[bool] = False
    text: str
    guessed: bool = False


class RosterText(CsvText):
    """A body of ``text/csv`` or ``text/calendar``; which it is, is seen in the file itself."""

    media = ("text/csv", "text/calendar")
    guesses = True


Q = TypeVar("Q", bound=BaseModel)
B = TypeVar("B", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Request(Generic[Q, B]):
    """A request that has passed the door: who asks, for what, with what. ``raw`` is aiohttp's."""

    services: Services
    auth: Auth
    who: Principal
    path: Mapping[str, str]
    query: Q
    body: B
    raw: web.Request

    @property
    def handler(self) -> str:
        """The asking handler's id. Raises NotAllowed for programs and other non-handlers."""
        if self.who.handler not in self.services.dispatcher.board.handlers:
            raise NotAllowed("Only a handler can do this; you are not one.")
        return self.who.handler


Answer = BaseModel | Sequence[BaseModel] | web.StreamResponse | None
Handle = Callable[[Request[Any, Any]], Awaitable[Answer]]
ANONYMOUS = Principal("", "handler", "unknown")


@dataclass(frozen=True)
class Route:
    """``role``: the least that may use it, None for anyone. ``answer`` only where ``handle`` answers with a
    response of its own. ``status``: of a success; no answer is 204.
    """

    method: str
    path: str
    summary: str
    role: Role | None
    handle: Handle
    status: int = 200
    answer: Any = None
    limit: int = BODY_BYTES

    @cached_property
    def types(self) -> tuple[type[BaseModel], type[BaseModel], Any]:
        """The query, the body and the answer."""
        hints = get_type_hints(self.handle)
        query, body = get_args(hints["request"])
        return query, body, self.answer or hints["return"]

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.types[2])


def register(application: web.Application, routes: Sequence[Route], services: Services, auth: Auth) -> None:
    """Put every route behind its door."""
    for route in routes:
        application.router.add_route(route.method, route.path, _door(route, services, auth))


def _door(route: Route, services: Services, auth: Auth) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def serve(raw: web.Request) -> web.StreamResponse:
        who = await _admit(route, auth, raw)
        query, body, _ = route.types
        path = dict(raw.match_info)
        if "reference" in path:
            path["reference"] = as_written(path["reference"])
        _refuse_nul(*path.values(), *raw.query.values())
        request = Request(
            services, auth, who, path, _validated(query, dict(raw.query)), await _read(route, body, raw), raw
        )
        with bound_contextvars(**({"contact": path["reference"]} if "reference" in path else {})):
            return _respond(route, await route.handle(request))

    return serve


async def _admit(route: Route, auth: Auth, raw: web.Request) -> Principal:
    """Raises NotSignedIn, NotAllowed, StoreError."""
    if route.role is None:
        return ANONYMOUS
    who = await auth.identify(raw)
    if who is None:
        raise NotSignedIn
    if who.csrf and raw.method not in SAFE:
        # Compared as bytes: a header may hold what str comparison refuses.
        given = raw.headers.get("X-CSRF-Token", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, who.csrf.encode()):
            raise NotAllowed("The header X-CSRF-Token is missing or wrong; GET /api/v1/session tells it.")
    if not who.may(route.role):
        raise NotAllowed(f"This needs the role {route.role}; you are {who.role}.")
    return who


async def _read(route: Route, body: type[BaseModel], raw: web.Request) -> BaseModel:
    """Raises TooLarge, NotJson, BadRequest."""
    if body is Nothing:
        return Nothing()
    wanted = body.media if issubclass(body, CsvText) else ("application/json",)
    if raw.content_type not in wanted:
        raise NotJson(f"Send the body as {' or '.join(wanted)}.")
    content = await read_bytes(raw, route.limit)
    try:
        if issubclass(body, CsvText):
            text, guessed = spreadsheet_text(content, guess=body.guesses)
            validated: BaseModel = body(text=text, guessed=guessed)
        else:
            validated = body.model_validate_json(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise BadRequest("The body is not UTF-8.") from None
    except ValidationError as error:
        raise invalid(error) from None
    _refuse_nul(*_texts(validated.model_dump()))
    return validated


async def read_bytes(raw: web.Request, limit: int) -> bytes:
    """Raises TooLarge; BadRequest when the body does not come to its end in time."""
    if raw.content.is_eof():  # all of it has come already, as that of most requests has
        content = bytearray(raw.content.read_nowait())
        if len(content) > limit:
            raise _larger_than(limit)
        return bytes(content)
    content = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in raw.content.iter_any():
                content += chunk
                if len(content) > limit:
                    raise _larger_than(limit)
    except TimeoutError:
        raise BadRequest("The body did not come to its end in time.") from None
    return bytes(content)


def _larger_than(limit: int) -> TooLarge:
    return TooLarge(f"This is too large: with all that is in it, it can have {limit // 1000:,} kB.")


def _validated(query: type[BaseModel], values: Mapping[str, str]) -> BaseModel:
    try:
        return query.model_validate(values)
    except ValidationError as error:
        raise invalid(error) from None


def _refuse_nul(*texts: str) -> None:
    """PostgreSQL has no NUL in texts, and one refused row would refuse the whole batch."""
    if any("\x00" in text for text in texts):
        raise BadRequest("Texts must not contain NUL characters.")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from (text for part in value.values() for text in _texts(part))
    elif isinstance(value, list | tuple):
        yield from (text for part in value for text in _texts(part))


def _respond(route: Route, answer: Answer) -> web.StreamResponse:
    if isinstance(answer, web.StreamResponse):
        return answer
    if answer is None:
        return web.Response(status=204)
    return json_response(route, answer)


def json_response(route: Route, answer: Any) -> web.Response:
    content = route.adapter.dump_json(answer)
    return web.Response(status=route.status, body=content, content_type="application/json", charset="utf-8")
