"""The sandbox's gateway: a process of its own, as on a real site, with its call processes."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import aiohttp

from channels.voice.slot import Occupant, occupied_slots, read_occupant
from config.settings import Settings
from gateway.sandbox.ports import LOOPBACK

STUCK_SECONDS = 40.0  # without any progress; a busy machine makes a start slow, not stuck
PROGRESS_CPU_SECONDS = 1.0
START_MOST_SECONDS = 300.0
STOP_SPARE_SECONDS = 5.0
CALLS_SECONDS = 5.0
POLL_SECONDS = 0.1
WITHOUT_WHICH_NOTHING = {"", "store"}  # parts, as /readyz names them
TAIL_LINES = 15


class GatewayError(Exception):
    """The gateway did not start or did not stop; the text holds the end of its log."""

    status: ClassVar[int] = 502


class GatewayProcess:
    """``contact-gateway serve`` with one site file. Its output is appended to ``log``. ``trusts``: certificates that it
    believes, instead of the machine's."""

    def __init__(self, site: Path, settings: Settings, log: Path, trusts: Path | None = None) -> None:
        self._site, self._settings, self._log = site, settings, log
        self._environment = _trusting(trusts) if trusts else dict(os.environ)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self.running and self._process else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self, outside_seconds: float = math.inf) -> str:
        """Returns '' when it says that it is ready, however long that takes while it gets on; or, when it has served
        for ``outside_seconds``, what is wrong around it: it takes calls also while a carrier is away.

        Raises GatewayError.
        """
        if self.running:
            raise GatewayError("the gateway is running already")
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                # setpriv: when we die without stopping it, it must not stay behind.
                *("setpriv", "--pdeathsig", "TERM"),
                *(sys.executable, "-m", "gateway.cli", "serve", "--config", str(self._site)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,  # a Ctrl-C in our terminal is for us: we stop it in our order
            )
        try:
            async with asyncio.timeout(START_MOST_SECONDS) as deadline:
                return await self._until_ready(self._process, deadline, outside_seconds)
        except TimeoutError:
            why = await self.readiness()
            await self.kill()
            raise GatewayError(f"the gateway does not get ready: {why}\n{self.log_tail()}") from None

    async def stop(self) -> None:
        """SIGTERM, as an orderly stop; calls go on without it."""
        await self._end(signal.SIGTERM, self._settings.gateway.shutdown_seconds + STOP_SPARE_SECONDS)

    async def kill(self) -> None:
        """SIGKILL, as a power cut of this process alone."""
        await self._end(signal.SIGKILL, STOP_SPARE_SECONDS)

    async def readiness(self) -> str:
        """'' when it is ready, otherwise what is wrong."""
        return _in_words(await self._wrong())

    async def _wrong(self) -> Mapping[str, str]:
        """In each of its parts; '' is the part that stands for all of it."""
        url = f"http://{LOOPBACK}:{self._settings.http.port}/readyz"
        timeout = aiohttp.ClientTimeout(total=2)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
                return {} if answer.status == 200 else dict((await answer.json())["wrong"])
        except (aiohttp.ClientError, TimeoutError) as error:
            return {"": f"it does not answer at {url} ({type(error).__name__})"}

    def log_tail(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-TAIL_LINES:])

    async def _until_ready(
        self, process: asyncio.subprocess.Process, deadline: asyncio.Timeout, outside_seconds: float
    ) -> str:
        """The deadline moves on with each progress, but not beyond where it stood."""
        now = asyncio.get_running_loop().time
        latest, served_since, before = now() + START_MOST_SECONDS, math.inf, ("", -1.0)
        while wrong := await self._wrong():
            why = _in_words(wrong)
            if process.returncode is not None:
                raise GatewayError(f"the gateway ended at once, with {process.returncode}:\n{self.log_tail()}")
            served_since = math.inf if wrong.keys() & WITHOUT_WHICH_NOTHING else min(served_since, now())
            if now() - served_since > outside_seconds:
                return why
            progress = why, _cpu_seconds(process.pid) // PROGRESS_CPU_SECONDS
            if progress != before:
                before = progress
                deadline.reschedule(min(latest, now() + STUCK_SECONDS))
            await asyncio.sleep(POLL_SECONDS)
        return ""

    async def _end(self, number: signal.Signals, deadline: float) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.send_signal(number)
        try:
            async with asyncio.timeout(deadline):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise GatewayError(f"the gateway did not stop within {deadline:.0f} s:\n{self.log_tail()}") from None

    # --- its call processes, which outlive it -----------------------------------------------------------

    def call_processes(self) -> dict[int, Occupant]:
        """Those that live, by slot; one that has a caller has ``legs``."""
        run_dir = self._settings.gateway.run_dir
        files = {slot: run_dir / "slots" / f"{slot}.pid" for slot in occupied_slots(run_dir)}
        found = {slot: read_occupant(file) for slot, file in files.items()}
        return {slot: occupant for slot, occupant in found.items() if occupant and occupant.lives()}

    async def end_calls(self) -> None:
        """Ends every call process that is left. The gateway must not run, or it would start new ones."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            for occupant in self.call_processes().values():
                os.kill(occupant.pid, number)
            if await self._calls_gone():
                return

    async def _calls_gone(self) -> bool:
        try:
            async with asyncio.timeout(CALLS_SECONDS):
                while self.call_processes():  # noqa: ASYNC110 -- they are nobody's children: only asking tells
                    await asyncio.sleep(POLL_SECONDS / 2)
        except TimeoutError:
            return False
        return True


def _trusting(certificates: Path) -> dict[str, str]:
    """Our environment, in which only these count."""
    elsewhere = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    kept = {name: value for name, value in os.environ.items() if name not in elsewhere}
    return kept | {"SSL_CERT_FILE": str(certificates)}


def _in_words(wrong: Mapping[str, str]) -> str:
    return "; ".join(f"{part}: {why}" if part else why for part, why in wrong.items())


def _cpu_seconds(pid: int) -> float:
    """What the process has used so far, its own time and the kernel's for it; see proc(5)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
