"""A running pool of call processes on free ports, with the board and the stories under the test's control."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import struct
import tempfile
import wave
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from channels.voice.call import Call
from channels.voice.pool import CallPool
from channels.voice.slot import read_occupant, slots_dir
from config.voice import Voice
from tests.channels.voice.raw_sip import HOST, Phone, free_port_range, tone, until


class Board:
    """The edge's slots, in memory."""

    def __init__(self) -> None:
        self.open: set[int] = set()
        self.released: list[tuple[str, str, str]] = []

    async def set_slot(self, port: int, *, open: bool) -> None:  # noqa: A002
        (self.open.add if open else self.open.discard)(port)

    async def release(self, call_id: str, local_tag: str, remote_tag: str) -> None:
        self.released.append((call_id, local_tag, remote_tag))


class Site:
    """One gateway's worth of call processes; ``start`` and ``stop`` may be repeated like restarts."""

    def __init__(self, directory: Path, proxy_port: int, slots: int = 2, **settings: object) -> None:
        base = free_port_range(slots)
        rtp = free_port_range(slots, 16)
        self.voice = Voice.model_validate(
            {
                "enabled": True,
                "slots": slots,
                "address": HOST,
                "sip_port_base": base,
                "rtp_port_base": rtp,
                "numbers": [],
                "default_queue": "main",
                "prompts_dir": directory,
                "music": directory / "music.wav",
                "recordings_dir": directory,
                "start_deadline_seconds": 1.0,
                "command_deadline_seconds": 2.0,
                "position_every_seconds": 60,
                "emergency_digits": "9",
                "media_lost_seconds": 2,
                "fallback_seconds": 1,
                **settings,
            }
        )
        self.directory = directory
        self.run_dir = directory / "run"
        self.proxy = f"sip:{HOST}:{proxy_port};lr"
        self.board = Board()
        self.calls: asyncio.Queue[Call] = asyncio.Queue()
        self.resumed: asyncio.Queue[Call] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def on_call(self, call: Call) -> None:
        self.calls.put_nowait(call)
        await call.finished()

    async def on_resumed(self, call: Call) -> None:
        self.resumed.put_nowait(call)
        await call.finished()

    async def start(self) -> None:
        self.run_dir.mkdir(exist_ok=True)
        self.pool = CallPool(
            self.voice, self.board, self.run_dir, self.on_call, self.on_resumed, outbound_proxy=self.proxy
        )
        self._task = asyncio.create_task(self.pool.run())

    async def ready(self) -> None:
        await until(lambda: len(self.board.open) == self.voice.slots, 60, "all slots are open")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    def port(self, slot: int = 0) -> int:
        return self.voice.sip_port_base + slot

    def pids(self) -> set[int]:
        occupants = (read_occupant(file) for file in slots_dir(self.run_dir).glob("*.pid"))
        return {o.pid for o in occupants if o is not None and o.lives()}

    async def __aenter__(self) -> Site:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.clear()

    async def clear(self) -> None:
        """Also of a process that was just being started, and shows itself a moment later."""
        await self.stop()
        await until(lambda: not self._killed(), 30, "all call processes are gone")

    def _killed(self) -> set[int]:
        pids = self.pids()
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return pids


@pytest.fixture
async def directory() -> AsyncIterator[Path]:
    """A short path: a Unix socket's must fit into 107 bytes."""
    name = Path(tempfile.mkdtemp(prefix="voice"))
    yield name
    await until(lambda: _removed(name), 5, f"{name} is empty")


def _removed(directory: Path) -> bool:
    """A process that was forked when its pool had stopped may still write its slot file meanwhile."""
    shutil.rmtree(directory, ignore_errors=True)
    return not directory.exists()


@pytest.fixture
async def phone() -> AsyncIterator[Phone]:
    async with Phone() as phone:
        yield phone


@pytest.fixture
async def site(directory: Path, phone: Phone) -> AsyncIterator[Site]:
    """A running site of two slots whose outbound proxy is the phone."""
    async with Site(directory, phone.port) as site:
        await site.start()
        await site.ready()
        yield site


@pytest.fixture
def music(directory: Path) -> Path:
    """Two seconds of 1000 Hz."""
    return wav(directory / "music.wav", 1000, 2.0)


def wav(path: Path, hertz: float, seconds: float) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(tone(hertz, seconds) or struct.pack("<h", 0))
    return path
