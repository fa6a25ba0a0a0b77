"""The HTTP side on a real server on loopback, with a real store and dispatcher, and desks that use it."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp
from aiohttp import web
from argon2 import PasswordHasher

from channels.voice.instructions import Instruction
from channels.voice.pool import PoolStats
from config.load import load
from config.settings import Settings
from gateway.api.application import build
from gateway.api.services import Services
from gateway.auth import Auth
from gateway.control import control_path, open_control
from gateway.discretion import Discretion
from gateway.dispatcher import Committed, Dispatcher
from gateway.live import LiveHub
from gateway.outbox.letters import Letters
from gateway.statistics.statistics import Statistics
from gateway.store.database import migrate, open_engine
from gateway.store.journal import Row
from gateway.store.records import Account, Message
from gateway.store.store import Store
from gateway.telemetry import Telemetry
from routing.events import CallArrived, CallQueued, HandlerSaved, MessageArrived, OfferAccepted
from routing.model import Channel, Handler, Offer, Party
from routing.rules import Rules

PASSWORD = "correct horse battery"
PUBLIC_URL = "http://desk.test"
CALLER = "+441632960001"
HASHED = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)


class Calls:
    """The voice channel as the desk sees it: what it was asked to do."""

    def __init__(self) -> None:
        self.asked: list[tuple[Instruction, str, str]] = []
        self.objects: Exception | None = None
        self.refuses: Exception | None = None
        self.draining = False

    async def drain(self) -> None:
        self.draining = True

    def refill(self) -> None:
        self.draining = False

    def stats(self) -> PoolStats:
        return PoolStats(slots=6, idle=0, busy=2, starting=0, left_alone=0)

    def check(self, reference: str, wish: Instruction, *, handler: str = "") -> None:
        if self.objects:
            raise self.objects

    async def ask(self, reference: str, wish: Instruction, *, handler: str = "") -> None:
        """``refuses``: what was possible a moment ago is not any more."""
        if self.refuses:
            raise self.refuses
        self.asked.append((wish, reference, handler))


class Texts:
    """The text channel as the carrier sees it."""

    async def message(self, request: web.Request) -> web.Response:
        return web.Response(text=f"message {len(await request.post())}")

    async def status(self, request: web.Request) -> web.Response:
        return web.Response(status=204)

    async def picture(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text="a picture")


@dataclass
class Desk:
    """Somebody's browser: a cookie jar and the CSRF token."""

    session: aiohttp.ClientSession
    base: str
    csrf: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    async def send(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        """The status and the JSON (or text) of the answer."""
        headers = {"X-CSRF-Token": self.csrf} | self.headers | options.pop("headers", {})
        if body is not None:
            options["json"] = body
        async with self.session.request(method, self.base + path, headers=headers, **options) as answer:
            is_json = answer.content_type.endswith("json")
            return answer.status, await (answer.json(content_type=None) if is_json else answer.text())

    async def get(self, path: str, **options: Any) -> tuple[int, Any]:
        return await self.send("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        return await self.send("POST", path, body, **options)

    async def sign_in(self, name: str, password: str = PASSWORD) -> tuple[int, Any]:
        status, answer = await self.post("/session", {"name": name, "password": password})
        self.csrf = answer.get("csrf", "")
        return status, answer


class Site:
    """A gateway without channels: started and stopped like the real one."""

    def __init__(self, settings: Settings, calls: Calls | None, texts: Texts | None) -> None:
        self.settings, self.calls = settings, calls
        self.now: Callable[[], float] = time.time
        self.wrong: dict[str, str] = {}
        self.warnings: dict[str, str] = {}
        self.store = Store(open_engine(settings.store))
        letters = Letters(settings)
        self.dispatcher = Dispatcher(
            self.store, Rules.of(settings), self.clock, letters.acknowledgement, self._committed
        )
        self.live = LiveHub(Discretion.of(settings.voice), room=200)
        self.statistics = Statistics(settings, self.store, self.clock)
        today = lambda: self.statistics.today  # noqa: E731
        self.telemetry = Telemetry(lambda: self.dispatcher.board, self.clock, lambda: 0, lambda: 0, today)
        ids = itertools.count(1)
        self.services = Services(
            settings=settings,
            store=self.store,
            dispatcher=self.dispatcher,
            clock=self.clock,
            live=self.live,
            telemetry=self.telemetry,
            letters=letters,
            statistics=self.statistics,
            calls=calls,
            texts=texts,
            health=lambda: self.wrong,
            warnings=lambda: self.warnings,
            new_id=lambda: f"id-{next(ids)}",
        )
        self._stack = AsyncExitStack()
        self.url = ""

    def clock(self) -> float:
        return self.now()

    def _committed(self, committed: Committed) -> None:
        self.live.committed(committed)
        self.telemetry.committed(committed)

    async def __aenter__(self) -> Self:
        self.settings.gateway.data_dir.mkdir(exist_ok=True)
        await migrate(self.store.engine)
        await self.dispatcher.load()
        self._stack.push_async_callback(self.store.close)
        self._stack.push_async_callback(self.statistics.close)
        tasks = await self._stack.enter_async_context(asyncio.TaskGroup())
        self.loop = tasks.create_task(self.dispatcher.run())
        self._stack.callback(self.loop.cancel)
        stop_seconds = self.settings.gateway.shutdown_seconds
        runner = web.AppRunner(build(self.services), access_log=None, shutdown_timeout=stop_seconds)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await open_control(runner, control_path(self.settings.gateway.run_dir))
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[-1][1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    # --- given -----------------------------------------------------------------------------------------

    def desk(self) -> Desk:
        session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        self._stack.push_async_callback(session.close)
        return Desk(session, self.url + "/api/v1")

    async def person(self, name: str, role: Any = "handler", **fields: Any) -> None:
        """A handler with an account."""
        fields = {"centre": "fcc", "extension": "", "skills": frozenset()} | fields
        handler = Handler(id=name, name=name.title(), **fields)
        account = Account(name, role, HASHED)
        await self.dispatcher.submit(HandlerSaved(handler, "system"), account)

    async def signed_in(self, name: str, role: Any = "handler", *, available: bool = False, **fields: Any) -> Desk:
        await self.person(name, role, **fields)
        desk = self.desk()
        status, _ = await desk.sign_in(name)
        assert status == 201
        if available:
            assert (await desk.send("PUT", "/me/presence", {"state": "available"}))[0] == 200
        return desk

    async def program(self, name: str, role: Any) -> Desk:
        text, token = Auth(self.store, self.clock, 1).new_token(name, role)
        await self.store.save(token)
        desk = self.desk()
        desk.headers["Authorization"] = f"Bearer {text}"
        return desk

    async def text(self, reference: str, words: str = "hello", sender: str = CALLER, language: str = "") -> Message:
        """A text arrives."""
        message = Message(
            f"m-{reference}", reference, "text", "in", sender, "61016", words, self.clock(), "caller",
            provider_key=f"text:{reference}",
        )  # fmt: skip
        event = MessageArrived(
            *(reference, message.id, Channel.TEXT, "texts", Party(sender), "61016", f"text:{reference}"),
            language=language,
        )
        await self.dispatcher.submit(event, message)
        return message

    async def call(self, reference: str, caller: str = CALLER) -> None:
        """A call arrives and waits in the queue."""
        event = CallArrived(reference, f"sip-{reference}", "general", Party(caller), "101")
        await self.dispatcher.submit(event)
        await self.dispatcher.submit(CallQueued(reference))

    async def answer(self, reference: str) -> str:
        """The handler whose phone rings answers it."""
        offer = self.offer_of(reference)
        await self.dispatcher.submit(OfferAccepted(offer.id, reference, offer.handler))
        return offer.handler

    def offer_of(self, reference: str) -> Offer:
        (offer,) = self.dispatcher.board.contacts[reference].offers
        return offer

    # --- then ------------------------------------------------------------------------------------------

    async def rows(self, kind: str = "", reference: str = "") -> list[Row]:
        return [row async for row in self.store.journal(kind=kind, reference=reference)]


async def until(condition: Callable[[], Awaitable[Any]] | Callable[[], Any], seconds: float = 5.0) -> Any:
    """The condition's first true value. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            value = condition()
            value = await value if isinstance(value, Awaitable) else value
            if value:
                return value
            await asyncio.sleep(0.005)


def settings_in(folder: Path, overlay: Mapping[str, Any] | None = None) -> Settings:
    base: dict[str, Any] = {
        "gateway": {"data_dir": str(folder), "run_dir": "run"},
        "http": {"public_url": PUBLIC_URL, "secure_cookies": False},
        "voice": {"enabled": False},
    }
    return load(overlay=base | dict(overlay or {}))
