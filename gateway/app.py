"""Everything is built here, started in order, and stopped in the opposite order."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

import structlog
from aiohttp import web

from channels.base import Channel
from channels.voice.channel import VoiceChannel
from config.settings import Settings
from gateway.api.application import build
from gateway.api.services import Services
from gateway.auditor import Auditor
from gateway.calls import CallDesk
from gateway.clock import Clock, Steady
from gateway.control import control_path, open_control
from gateway.discretion import Discretion
from gateway.dispatcher import Committed, Dispatcher
from gateway.emails.channel import EmailChannel
from gateway.explain import started_with
from gateway.interpreter import settle
from gateway.judging import Judge, LaterTriage
from gateway.lag import watch_lag
from gateway.live import LiveHub
from gateway.outbox.letters import Letters
from gateway.outbox.outbox import Outbox, Sender
from gateway.outbox.permission import Permission
from gateway.queue_watch import QueueWatch
from gateway.recovery import Reconciler
from gateway.references import new_id, new_reference
from gateway.retention import Retention
from gateway.rosters.watch import RosterWatch
from gateway.statistics.statistics import Statistics
from gateway.store.database import migrate, open_engine, require_database
from gateway.store.errors import NoDatabase
from gateway.store.store import Store, StoreError
from gateway.telemetry import Telemetry, configure_logs
from gateway.texts.channel import TextChannel
from gateway.watchdog import report_alive
from routing.coverage import without_handlers
from routing.rules import Rules

log = structlog.get_logger()


class Gateway:
    """The parts of a gateway, built but not yet running."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None, chance: random.Random | None = None) -> None:
        chance = chance or random.Random()
        self.settings = settings
        self._steady = Steady()
        # What others send us, and when, is judged by the machine's own clock.
        machine, clock = clock or time.time, clock or self._steady
        self._clock = clock
        self.store = Store(open_engine(settings.store))
        self.letters = Letters(settings)
        self.live = LiveHub(Discretion.of(settings.voice))
        self.rules = Rules.of(settings)
        self.dispatcher = Dispatcher(self.store, self.rules, clock, self.letters.acknowledgement, self._committed)
        self.voice = self._voice(clock) if settings.voice.enabled else None
        self.auditor = Auditor(self.dispatcher, clock, chance, settings.routing.audit_seconds)
        parts = (settings, self.store, self.dispatcher, machine, new_reference, new_id)
        self._triage = triage = LaterTriage(settings.triage)
        self.judge = Judge(settings.triage, triage.judge)
        self.text = TextChannel(*parts, self.judge.judge_all) if settings.text.enabled else None
        self.email = EmailChannel(*parts, triage.judge, chance) if settings.email.enabled else None
        senders: dict[str, Sender] = {**(self.text.senders if self.text else {})}
        if self.email:
            senders[self.email.name] = self.email
        permission = Permission(settings.safety, lambda: self.dispatcher.board)
        self.outbox = Outbox(settings.outbox, self.store, self.dispatcher, senders, clock, chance, permission.forbidden)
        self.statistics = Statistics(settings, self.store, clock)
        self.telemetry = Telemetry(
            lambda: self.dispatcher.board,
            clock,
            lambda: self.outbox.open,
            self._calls_now,
            lambda: self.statistics.today,
        )
        self.http = build(
            Services(
                settings=settings,
                store=self.store,
                dispatcher=self.dispatcher,
                clock=clock,
                live=self.live,
                telemetry=self.telemetry,
                letters=self.letters,
                statistics=self.statistics,
                calls=self.voice,
                texts=self.text,
                health=self.health,
                warnings=self.warnings,
                new_id=new_id,
            )
        )

    def health(self) -> Mapping[str, str]:
        """What is wrong in each part now, '' where nothing is."""
        return {"store": self.dispatcher.trouble} | {channel.name: channel.healthy() for channel in self._channels()}

    def warnings(self) -> Mapping[str, str]:
        """What is wrong in each part and costs nothing yet, '' where nothing is."""
        voice = {"voice": self.voice.warning()} if self.voice else {}
        unserved = "; ".join(without_handlers(self.dispatcher.board))
        return voice | {
            "clock": self._steady.wrong(),
            "statistics": self.statistics.wrong,
            "queues": self._lost_queues(),
            "handlers": unserved,
        }

    def _lost_queues(self) -> str:
        waiting = {contact.queue for contact in self.dispatcher.board.contacts.values()} - self.rules.queues.keys()
        lost = (
            f"the configuration has lost {', '.join(sorted(waiting))}, and contacts are in it: any handler serves them"
        )
        return lost if waiting else ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start in order: store, board, outbox, HTTP, channels. Stop in the opposite order; calls go on.

        Raises NoDatabase.
        """
        settings = self.settings
        await self._open_store()
        settings.gateway.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        runner = web.AppRunner(self.http, access_log=None, shutdown_timeout=settings.gateway.shutdown_seconds)
        await runner.setup()
        control = await open_control(runner, control_path(settings.gateway.run_dir))
        try:
            async with asyncio.TaskGroup() as tasks:
                background = [tasks.create_task(work, name=name) for name, work in self._work().items()]
                await web.TCPSite(runner, settings.http.host, settings.http.port).start()
                log.info("gateway_started", url=f"http://{settings.http.host}:{settings.http.port}")
                try:
                    yield
                finally:
                    log.info("gateway_stopping")
                    self.live.close()
                    for task in background:
                        task.cancel()
        finally:
            await control.stop()
            await runner.cleanup()
            await self.statistics.close()
            await self.store.close()
            log.info("gateway_stopped")

    async def _open_store(self) -> None:
        """However long the database takes to come up: callers go to the overflow target meanwhile."""
        while True:
            try:
                await require_database(self.store.engine)
                await migrate(self.store.engine)
                break
            except NoDatabase:
                raise
            except StoreError as error:
                log.error("store_down", why=str(error), next_try_seconds=2)
                await asyncio.sleep(2)
        await self.dispatcher.load()

    def _work(self) -> dict[str, Coroutine[Any, Any, None]]:
        """What runs beside the HTTP side, by name."""
        work: dict[str, Coroutine[Any, Any, None]] = {
            "dispatcher": self.dispatcher.run(self.voice.adopted if self.voice else None),
            "rules": self._note_rules(),
            "outbox": self.outbox.run(),
            "auditor": self.auditor.run(),
            "roster watch": RosterWatch(self.settings, self.store, self.dispatcher, self._clock).run(),
            "queue watch": QueueWatch(self.settings.queue_alarms, self.store, self.dispatcher, self._clock).run(),
            "statistics": self.statistics.run(),
            "triage": self._triage.get_ready(),
            "judging": self.judge.run(),
            "watchdog": report_alive(),
            "loop lag": watch_lag(self.telemetry.loop_was_late),
        }
        for channel in self._channels():
            work[channel.name] = channel.run()
        if self.voice:
            work["reconciler"] = Reconciler(self.dispatcher, self.voice).run()
        work["retention"] = self._retention().run()
        return work

    async def _note_rules(self) -> None:
        """So that it can be told later whether what was decided was decided by the rules of then."""
        await self.dispatcher.insist(started_with(self.rules))

    def _voice(self, clock: Clock) -> VoiceChannel:
        desk = CallDesk(self.dispatcher, self.store, clock, self.settings)
        return VoiceChannel(
            self.settings, self.settings.gateway.run_dir, desk, desk.announce, desk.report, new_reference
        )

    def _retention(self) -> Retention:
        return Retention(self.settings.voice.recordings_dir, self.store, self.dispatcher, self._clock)

    def _channels(self) -> list[Channel]:
        return [channel for channel in (self.voice, self.text, self.email) if channel]

    def _calls_now(self) -> int:
        return self.voice.stats().busy if self.voice else 0

    def _committed(self, committed: Committed) -> None:
        """After each commit: phones ring, messages leave, desks and figures are brought up to date."""
        if self.voice:
            for command in committed.commands:
                self.voice.perform(command)
        self.outbox.committed(committed)
        self.live.committed(committed)
        self.telemetry.committed(committed)


async def serve(settings: Settings) -> None:
    """Run the gateway until SIGTERM or SIGINT, at whatever point of its start it is."""
    configure_logs(settings.gateway.log_level)
    running = asyncio.create_task(_run(Gateway(settings)), name="gateway")
    stopping = asyncio.Event()

    def stop() -> None:
        if not stopping.is_set():
            stopping.set()
            running.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        await running
    except asyncio.CancelledError:
        if not stopping.is_set():
            raise


async def _run(gateway: Gateway) -> None:
    async with gateway.running():
        settle()
        await asyncio.Event().wait()
