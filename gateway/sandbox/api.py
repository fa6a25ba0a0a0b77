"""The world's own small HTTP API and its page: what the command line and the browser use to play the outside."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from channels.voice.prompts import PromptError
from config.words import in_words
from gateway.sandbox import mailboxes, views
from gateway.sandbox.bodies import (
    MEANT,
    AnswerBody,
    AskBody,
    CallBody,
    CarrierBody,
    DeskBody,
    DigitsBody,
    EmailBody,
    FollowUpBody,
    MailBody,
    MailboxesBody,
    MannerBody,
    NeighbourBody,
    PresenceBody,
    ReplyBody,
    ReportBody,
    TextBody,
)
from gateway.sandbox.child import GatewayError
from gateway.sandbox.client import ApiError
from gateway.sandbox.daemon import DaemonError
from gateway.sandbox.desk import ACTS, at_the_desk, reply, set_presence
from gateway.sandbox.follow_up import ask_for_follow_up
from gateway.sandbox.outside import NoSuchCall, Outside, Script
from gateway.sandbox.parts import KILLS, STARTS
from gateway.sandbox.person import BUSY, HANGS_UP, SILENT, Person
from gateway.sandbox.phone import PhoneError
from gateway.sandbox.phone_acts import PHONE_ACTS
from gateway.sandbox.ports import LOOPBACK
from gateway.sandbox.proxy import Proxy
from gateway.sandbox.world import World

PAGE = Path(__file__).parent / "page"
LOOK_SECONDS = 0.3
BAD = 300  # from this HTTP status on
MOST_BYTES = 50_000_000  # a mail of 30 MB in base64
MANNERS = {manner.name: manner for manner in (BUSY, SILENT, HANGS_UP)}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

B = TypeVar("B", bound=BaseModel)


class WorldServer:
    """Serves the page and the API at the world's page port; an async context manager."""

    def __init__(self, world: World) -> None:
        self.world, self.out = world, Outside(world)
        self._stack = AsyncExitStack()
        self._closing = asyncio.Event()

    async def __aenter__(self) -> Self:
        application = web.Application(middlewares=[self._guard], client_max_size=MOST_BYTES)
        application.add_routes([*self._routes(), *Proxy(self.world).routes()])
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        self._stack.push_async_callback(self.out.stop)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        self._stack.callback(self._closing.set)
        await web.TCPSite(runner, LOOPBACK, self.world.ports.page).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def _routes(self) -> list[web.RouteDef | web.StaticDef]:
        return [
            web.get("/", self._page),
            web.static("/page", PAGE),
            web.get("/world/outside", self._outside),
            web.get("/world/centre", self._centre),
            web.get("/world/live", self._live),
            web.post("/world/calls", self._call),
            web.get("/world/calls/{id}", self._story),
            web.post("/world/calls/{id}/digits", self._press),
            web.delete("/world/calls/{id}", self._hang_up),
            web.post("/world/texts", self._text),
            web.post("/world/emails", self._email),
            web.post("/world/mails", self._mail),
            web.post("/world/answers", self._answer),
            web.post("/world/reports", self._report),
            web.get("/world/mailboxes", self._mailboxes),
            web.put("/world/mailboxes", self._trouble_mailboxes),
            web.put("/world/carrier", self._carrier),
            web.put("/world/neighbour", self._neighbour),
            web.post("/world/follow-ups", self._follow_up),
            web.post("/world/replies", self._reply),
            web.post("/world/desk", self._desk),
            web.post("/world/ask", self._ask),
            web.put("/world/presence", self._presence),
            web.delete(f"/world/parts/{{part:{'|'.join(KILLS)}}}", self._kill),
            web.put(f"/world/parts/{{part:{'|'.join(STARTS)}}}", self._start),
            web.put("/world/phones/{name}", self._behave),
            web.post(f"/world/phones/{{name}}/{{act:{'|'.join(PHONE_ACTS)}}}", self._use),
        ]

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Only for this machine and this page: another site in the same browser must not use it."""
        host = request.headers.get("Host", "")
        origin = request.headers.get("Origin", f"http://{host}")
        if host.rpartition(":")[0] not in (LOOPBACK, "localhost") or origin != f"http://{host}":
            return web.json_response({"detail": "Only the sandbox's own page may ask."}, status=403)
        try:
            response = await handler(request)
        except (ValidationError, ApiError, NoSuchCall, PhoneError, PromptError, GatewayError, DaemonError) as error:
            response = web.json_response({"detail": _in_words(error)}, status=_status(error))
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    # --- the page and what it shows ------------------------------------------------------------------------

    async def _page(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(PAGE / "index.html")

    async def _outside(self, request: web.Request) -> web.Response:
        return web.json_response(await views.outside(self.out))

    async def _centre(self, request: web.Request) -> web.Response:
        return web.json_response(await views.centre(self.world, request.query.get("contact", "")))

    async def _live(self, request: web.Request) -> web.StreamResponse:
        """The public's side whenever it has changed, as server-sent events."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", **HEADERS})
        await response.prepare(request)
        with suppress(ConnectionError):  # the page was closed
            await self._tell_changes(response)
        return response

    async def _tell_changes(self, response: web.StreamResponse) -> None:
        before = ""
        while not self._closing.is_set():
            now = json.dumps(await views.outside(self.out))
            if now != before:
                await response.write(f"data: {now}\n\n".encode())
                before = now
            await asyncio.sleep(LOOK_SECONDS)

    # --- what the public does --------------------------------------------------------------------------------

    async def _call(self, request: web.Request) -> web.Response:
        body = await _read(request, CallBody)
        script = Script(body.says, body.digits, body.digits_after, body.seconds)
        call = await self.out.call(body.number, body.to, script, srtp=body.srtp)
        return web.json_response(await views.call_story(self.out, call), status=201)

    async def _story(self, request: web.Request) -> web.Response:
        return web.json_response(await views.call_story(self.out, self.out.find(request.match_info["id"])))

    async def _press(self, request: web.Request) -> web.Response:
        body = await _read(request, DigitsBody)
        await self.out.find(request.match_info["id"]).press(body.digits)
        return web.Response(status=204)

    async def _hang_up(self, request: web.Request) -> web.Response:
        await self.out.find(request.match_info["id"]).hang_up()
        return web.Response(status=204)

    async def _text(self, request: web.Request) -> web.Response:
        body = await _read(request, TextBody)
        if body.forged:
            status = await self.out.forged_text(body.sender, body.body, body.to)
            return web.json_response({"detail": f"The forged text was answered {status}."}, status=201)
        media = [(picture.content_type, picture.content) for picture in body.pictures]
        status, came = await self.out.text(body.sender, body.body, body.to, media=media, times=body.times)
        return _taken(status, "text", await self.out.became(provider_id=came) if status < BAD else "")

    async def _mail(self, request: web.Request) -> web.Response:
        body = await _read(request, MailBody)
        await self.out.mail(body.raw, body.to, body.sender)
        return web.json_response({"detail": "The mail is in our mailbox."}, status=201)

    async def _neighbour(self, request: web.Request) -> web.Response:
        body = await _read(request, NeighbourBody)
        return web.json_response({"detail": await self.out.neighbour(body.page)})

    async def _carrier(self, request: web.Request) -> web.Response:
        body = await _read(request, CarrierBody)
        return web.json_response({"detail": self.out.trouble_the_carrier(body.manner, body.code)})

    async def _email(self, request: web.Request) -> web.Response:
        body = await _read(request, EmailBody)
        sent = await self.out.email(body.sender, body.subject, body.body, body.answers, body.to)
        became = await self.out.became(header_id=sent)
        return web.json_response({"detail": f"The mail is in our mailbox. {became}".rstrip()}, status=201)

    async def _answer(self, request: web.Request) -> web.Response:
        body = await _read(request, AnswerBody)
        await self.out.answer(body.reference, body.body, body.sender, body.like)
        return web.json_response({"detail": "The answer is in our mailbox."}, status=201)

    async def _report(self, request: web.Request) -> web.Response:
        body = await _read(request, ReportBody)
        await self.out.report(body.reference, body.what)
        return web.json_response({"detail": "The report is in our mailbox."}, status=201)

    async def _mailboxes(self, request: web.Request) -> web.Response:
        return web.json_response(mailboxes.shown(self.world))

    async def _trouble_mailboxes(self, request: web.Request) -> web.Response:
        body = await _read(request, MailboxesBody)
        return web.json_response({"detail": await mailboxes.MANNERS[body.manner](self.world)})

    async def _follow_up(self, request: web.Request) -> web.Response:
        body = await _read(request, FollowUpBody)
        return web.json_response(await ask_for_follow_up(self.world, body.reference, body.purpose), status=201)

    async def _reply(self, request: web.Request) -> web.Response:
        body = await _read(request, ReplyBody)
        return web.json_response(await reply(self.world, body.reference, body.words, preview=body.preview))

    async def _ask(self, request: web.Request) -> web.Response:
        """Whatever the gateway's API can do, asked by one of the demo accounts."""
        body = await _read(request, AskBody)
        client = await self.world.api(body.name)
        return web.json_response(await client.request(body.method, body.path, body.body))

    async def _desk(self, request: web.Request) -> web.Response:
        body = await _read(request, DeskBody)
        if body.act not in ACTS:
            raise NoSuchCall(f"nobody can {body.act}; there are: {', '.join(ACTS)}")
        await at_the_desk(self.world, body.reference, body.act, body.target)
        return web.Response(status=204)

    async def _presence(self, request: web.Request) -> web.Response:
        body = await _read(request, PresenceBody)
        await set_presence(self.world, body.state, body.names)
        return web.Response(status=204)

    # --- what breaks, and what is mended ------------------------------------------------------------------------

    async def _kill(self, request: web.Request) -> web.Response:
        return web.json_response({"detail": await KILLS[request.match_info["part"]](self.world)})

    async def _start(self, request: web.Request) -> web.Response:
        return web.json_response({"detail": await STARTS[request.match_info["part"]](self.world)})

    # --- telephones ------------------------------------------------------------------------------------------

    async def _behave(self, request: web.Request) -> web.Response:
        """``control-room`` stands for both of its telephones."""
        body = await _read(request, MannerBody)
        for person in self._people(request):
            person.manner = MANNERS.get(body.manner, person.usual)
        return web.Response(status=204)

    async def _use(self, request: web.Request) -> web.Response:
        """Somebody does this at their telephone; ``?target=`` is whom they key."""
        act = PHONE_ACTS[request.match_info["act"]]
        for person in self._people(request):
            await act(self.world, person.phone, request.query.get("target", ""))
        return web.Response(status=204)

    def _people(self, request: web.Request) -> list[Person]:
        """Raises NoSuchCall."""
        name, people = request.match_info["name"], self.world.people.values()
        found = [p for p in people if p.phone.name == name]
        found = found or [p for p in people if p.phone.name.startswith(f"{name}-")]
        if not found:
            names = ", ".join(sorted(person.phone.name for person in people))
            raise NoSuchCall(f"there is no telephone {name}; there are: {names}")
        return found


async def _read(request: web.Request, model: type[B]) -> B:
    """Raises ValidationError. A browser sends JSON to another site only after asking, and we do not allow it."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType
    return model.model_validate_json(await request.read())


def _taken(status: int, what: str, became: str) -> web.Response:
    if 200 <= status < BAD:
        return web.json_response({"detail": f"The gateway has the {what}. {became}".rstrip()}, status=201)
    why = f"The gateway did not take the {what}: its webhook answered {status}."
    return web.json_response({"detail": why}, status=502)


def _status(error: Exception) -> int:
    return 404 if isinstance(error, NoSuchCall) else getattr(error, "status", 400)


def _in_words(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, e['loc'])) or 'body'}: {in_words(e, MEANT)}" for e in error.errors())
    return error.detail if isinstance(error, ApiError) else str(error)
