"""A whole site on loopback for one measurement: the edge, the gateway in its own process, and its handlers.

Everything is real but the people: Kamailio with production's limits, SQLite with every commit synced, call processes.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
import wave
from array import array
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import pi, sin
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from channels.voice.edge import EdgeControl, phone_password
from channels.voice.edge_files import Limits
from config.load import load
from config.settings import Settings
from gateway.control import control_path
from gateway.dispatcher import Dispatcher
from gateway.sandbox.child import GatewayProcess
from gateway.sandbox.client import Client
from gateway.sandbox.kamailio import Kamailio
from gateway.sandbox.ports import LOOPBACK, RTP_PORTS_OF_A_SLOT, Ports
from gateway.sandbox.site import toml
from gateway.store.database import migrate, open_engine
from gateway.store.records import Account, Record
from gateway.store.store import Store
from routing.events import HandlerSaved, PresenceChanged
from routing.model import Handler, Presence, PresenceState
from routing.rules import Rules
from tests.bench.load import proc
from tests.channels.voice.edge_peers import DOMAIN, SECRET, Peer

MEMORY = "/dev/shm"  # as /run is, where a service keeps its sockets and slot files
READY_SECONDS = 60.0
SLOT_SECONDS = 0.3  # a process starts in 0.02 s, on a machine that has nothing else to do
ANSWER_SECONDS = 10.0
PROMPTS = ("recording_notice", "greeting", "control_room", "calling", "emergency_reminder", "position_far")
GREETING_HERTZ, PROMPT_SECONDS = 400, 0.1


class GatewayOver(Exception):
    """The gateway's process ended or does not answer; the text holds the end of its log."""


class MeteredGateway:
    """Our end of ``gateway_process``."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process, self._log = process, log
        self.pid = process.pid

    @classmethod
    async def start(cls, site: Path, log: Path) -> MeteredGateway:
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *("nice", "-n", "-5"),  # as its service does; it goes on without where that is not allowed
                *("setpriv", "--pdeathsig", "TERM"),
                *(sys.executable, "-m", "tests.bench.load.gateway_process", str(site)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=output,
                cwd=Path(__file__).parents[3],
                start_new_session=True,
            )
        gateway = cls(process, log)
        await gateway._answer(READY_SECONDS)
        return gateway

    async def status(self, order: str = "status") -> dict[str, Any]:
        """``lag`` in ms (p50, p95, p99, max), ``wrong``, ``idle`` and ``busy`` slots, open ``contacts``, ``tasks``.

        The order ``reset`` begins a new measurement of the lag.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(order.encode() + b"\n")
        return await self._answer(ANSWER_SECONDS)

    async def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _answer(self, deadline: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        async with asyncio.timeout(deadline):
            line = await self._process.stdout.readline()
        if not line:
            raise GatewayOver("\n".join(self._log.read_text(errors="replace").splitlines()[-20:]))
        said: dict[str, Any] = json.loads(line)
        return said


@dataclass(frozen=True, slots=True)
class Site:
    """``sink`` is a port that swallows RTP which nobody listens to; ``processes`` finds call processes."""

    settings: Settings
    directory: Path
    gateway: MeteredGateway
    processes: GatewayProcess
    sink: int
    edge: Kamailio | None

    @property
    def edge_pids(self) -> list[int]:
        """Kamailio's workers and their main process."""
        main = self.edge.pid if self.edge else None
        return [main, *proc.children(main)] if main else []

    @property
    def sip_ports(self) -> range:
        first = self.settings.voice.sip_port_base
        return range(first, first + self.settings.voice.slots)

    @property
    def rtp_ports(self) -> range:
        first = self.settings.voice.rtp_port_base
        return range(first, first + RTP_PORTS_OF_A_SLOT * self.settings.voice.slots)

    def complaints(self) -> Counter[str]:
        """The errors in the gateway's log, by their names."""
        lines = (self.directory / "gateway.log").read_text(errors="replace").splitlines()
        said = [json.loads(line) for line in lines if line.startswith("{")]
        return Counter(line["event"] for line in said if line["level"] in ("error", "critical"))

    async def peer(self, port: int = 0) -> Peer:
        return await Peer.open(self.settings.edge.port, port)

    async def register(self, phone: Peer, extension: str) -> None:
        status = await phone.register(extension, phone_password(SECRET, extension))
        if status != "200":
            raise RuntimeError(f"the edge answered {status} to the phone {extension}")

    def client(self) -> Client:
        """At the gateway's API, as this machine's administrator."""
        return Client.local(control_path(self.settings.gateway.run_dir))

    def store(self) -> Store:
        """The gateway's database, for looking only."""
        return Store(open_engine(self.settings.store))

    async def until_idle(self, deadline: float = 30.0) -> None:
        """Every slot has a fresh process that waits for a call, and the edge knows it."""
        edge = EdgeControl(self.settings.edge, self.settings.voice.address)
        async with asyncio.timeout(deadline):
            while len(await edge.slots_open()) < self.settings.voice.slots:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def site(
    *, slots: int = 0, handlers: Sequence[tuple[Handler, Account | None]] = (), overlay: dict[str, Any] | None = None
) -> AsyncIterator[Site]:
    """A running site; with 0 slots it takes no calls and has no edge. Nothing of it is left behind."""
    with (
        TemporaryDirectory(prefix="bench") as folder,
        TemporaryDirectory(prefix="bench", dir=MEMORY) as run_dir,
        _sink() as sink,
    ):
        directory = Path(folder)
        ports = Ports.free(slots=max(1, slots), phones=1)
        file = _write_site(directory, run_dir, ports, slots, overlay or {})
        settings = load(file)
        await _seed(settings, handlers)
        edge = Kamailio(settings, settings.gateway.run_dir, Limits()) if slots else None
        if edge:
            await edge.start()
        processes = GatewayProcess(file, settings, directory / "gateway.log")
        try:
            gateway = await MeteredGateway.start(file, directory / "gateway.log")
            try:
                yield await _ready(Site(settings, directory, gateway, processes, sink.getsockname()[1], edge))
            finally:
                await gateway.stop()
        finally:
            await processes.end_calls()
            if edge:
                await edge.stop()


def bridged_calls(here: Site) -> list[int]:
    """The call processes with a caller and a handler who has answered."""
    occupants = here.processes.call_processes().values()
    return [o.pid for o in occupants if {leg.name for leg in o.legs} >= {"caller", "handler"}]


async def _ready(running: Site) -> Site:
    if running.settings.voice.enabled:
        await running.until_idle(READY_SECONDS + SLOT_SECONDS * running.settings.voice.slots)
    return running


def _sink() -> socket.socket:
    sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sink.bind((LOOPBACK, 0))
    return sink


def _write_site(directory: Path, run_dir: str, ports: Ports, slots: int, overlay: dict[str, Any]) -> Path:
    prompts = directory / "prompts"
    prompts.mkdir()
    for name in (*PROMPTS, *(f"position_{place}" for place in range(1, 11))):
        write_tone(prompts / f"{name}.wav", GREETING_HERTZ, PROMPT_SECONDS)
    write_tone(prompts / "music.wav", 0, 1.0)
    (directory / "phones").write_text(SECRET)
    values = {
        "gateway": {"data_dir": str(directory), "run_dir": run_dir},
        "http": {
            "port": ports.gateway,
            "public_url": f"http://{LOOPBACK}:{ports.gateway}",
            "secure_cookies": False,
        },
        "control_room": {
            "targets": [
                {"name": "Control room", "uri": f"sip:control-room@{LOOPBACK}:{ports.control_rooms[0]}"},
            ]
        },
        "edge": {
            "port": ports.sip,
            "domain": DOMAIN,
            "trunks": [{"name": "carrier", "host": LOOPBACK, "port": ports.trunk, "sources": [LOOPBACK]}],
            "rpc_socket": f"{run_dir}/rpc.sock",
            "overflow_uri": f"sip:overflow@{LOOPBACK}:{ports.overflow}",
            "phone_secret": {"file": str(directory / "phones")},
        },
        "voice": {
            "enabled": slots > 0,
            "slots": max(1, slots),
            "numbers": [{"number": "101", "queue": "general"}],
            "sip_port_base": ports.calls,
            "rtp_port_base": ports.rtp,
        },
    }
    file = directory / "site.toml"
    file.write_text(toml(values | {name: _over(values.get(name), part) for name, part in overlay.items()}))
    return file


def _over(below: Any, part: Any) -> Any:
    return below | part if isinstance(below, dict) and isinstance(part, dict) else part


def write_tone(path: Path, hertz: int, seconds: float) -> None:
    """A sine; 0 Hz is silence."""
    count = int(8000 * seconds)
    samples = array("h", (int(8000 * sin(2 * pi * hertz * n / 8000)) for n in range(count)))
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(samples.tobytes())


async def _seed(settings: Settings, handlers: Sequence[tuple[Handler, Account | None]]) -> None:
    """The handlers, available, are in the tables before the gateway starts."""
    store = Store(open_engine(settings.store))
    try:
        await migrate(store.engine)
        dispatcher = Dispatcher(store, Rules.of(settings), time.time, lambda *_: (), lambda _: None)
        await dispatcher.load()
        running = asyncio.create_task(dispatcher.run())
        for handler, account in handlers:
            records: tuple[Record, ...] = (account,) if account else ()
            await dispatcher.submit(HandlerSaved(handler, "system"), *records)
            await dispatcher.submit(PresenceChanged(handler.id, Presence(PresenceState.AVAILABLE), "system"))
        running.cancel()
    finally:
        await store.close()
