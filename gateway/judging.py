"""Judging texts in a process of its own. It is pure, it takes the event loop a fifth of all that a text needs there,
and there is more than one core.

Whatever becomes of that process, each text is judged: by the same rules here, when it cannot be there.
"""

from __future__ import annotations

import asyncio
import pickle
import struct
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any

import structlog

from config.triage import Triage as More
from config.triage import english, lexicon, weights
from routing.triage import Finding, Triage

log = structlog.get_logger()

LENGTH = struct.Struct("!I")
# One alone is judged here at once: to bring it over costs nearly as much.
ENOUGH = 2
START_SECONDS = 60.0
PATIENCE_SECONDS = 1.0
AGAIN_SECONDS = 10.0


def triage_of(more: More) -> Triage:
    """With a site's own words. Building it takes a moment."""
    return Triage(lexicon().with_more(more), english(), weights())


class LaterTriage:
    """Built when it is first asked, or before that by ``get_ready``: at a start calls need not wait for it."""

    def __init__(self, more: More) -> None:
        self._more = more

    @cached_property
    def _triage(self) -> Triage:
        return triage_of(self._more)

    def judge(self, text: str) -> Finding:
        return self._triage.judge(text)

    async def get_ready(self) -> None:
        await asyncio.to_thread(lambda: self._triage)


class Judge:
    """``here`` judges in this process. The other one is started by the first texts that come together; it ends with
    this one, by itself."""

    def __init__(self, more: More, here: Callable[[str], Finding], *, again_seconds: float = AGAIN_SECONDS) -> None:
        self._more, self._here, self._again_seconds = more, here, again_seconds
        self._wanted = asyncio.Event()
        self._there: asyncio.subprocess.Process | None = None
        self._one_at_a_time = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The other process, while it can judge."""
        return self._there.pid if self._there else None

    async def judge_all(self, texts: Sequence[str]) -> list[Finding]:
        """In their order."""
        if len(texts) >= ENOUGH:
            async with self._one_at_a_time:
                if self._there is not None:
                    return await self._judge_there(self._there, texts)
            self._wanted.set()
        return [self._here(text) for text in texts]

    async def run(self) -> None:
        """Start the other process whenever it is wanted, until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self._follow()
            except (OSError, EOFError) as error:
                log.warning("judging_not_started", why=repr(error))
            await asyncio.sleep(self._again_seconds)

    async def _follow(self) -> None:
        """From its start to its end. Raises OSError, EOFError when it does not start."""
        command, pipe = (sys.executable, "-m", "gateway.judging_process"), asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, start_new_session=True)
        try:
            async with asyncio.timeout(START_SECONDS):
                await _answer(process, self._more)
            self._there = process
            log.info("judging_started", pid=process.pid)
            await process.wait()
            log.warning("judging_ended", status=process.returncode)
        finally:
            self._there = None
            await _end(process)

    async def _judge_there(self, process: asyncio.subprocess.Process, texts: Sequence[str]) -> list[Finding]:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                findings: list[Finding] = await _answer(process, texts)
                return findings
        except (OSError, EOFError) as error:
            log.warning("judged_here", texts=len(texts), why=repr(error))
            self._there = None  # what it may still say answers no later question
            await _end(process)
        return [self._here(text) for text in texts]


async def _answer(process: asyncio.subprocess.Process, question: object) -> Any:
    """Raises OSError (TimeoutError is one), EOFError."""
    assert process.stdin and process.stdout
    process.stdin.write(pickle.dumps(question, pickle.HIGHEST_PROTOCOL))
    await process.stdin.drain()
    (length,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
    return pickle.loads(await process.stdout.readexactly(length))  # our own child wrote it


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
