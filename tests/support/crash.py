"""Processes that are killed in the middle of their work: a writer of texts, and an outbox that sends them.

Each tells its parent what it was told: the numbers of the texts that ``submit`` said are written, of the messages
that were sent.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import structlog

from gateway.dispatcher import Committed
from gateway.outbox import Outbox
from gateway.store.records import Message
from routing.model import Time
from tests.support.writer import Writer, settings_for

SUBMITTERS = 8
DEADLINE = 60.0

# A process of our own that has everything imported already starts each victim in a few milliseconds.
CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.support.crash"])


def killed(target: Callable[..., None], *arguments: Any, after: int, moment: float) -> list[int]:
    """Run ``target`` and kill -9 it ``moment`` seconds after it has told ``after`` numbers; all that it told."""
    ours, theirs = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=target, args=(theirs, *arguments))
    process.start()
    theirs.close()
    told = [_next(ours) for _ in range(after)]
    time.sleep(moment)
    process.kill()
    process.join(DEADLINE)
    told += _rest(ours)
    process.close()
    return told


def _next(connection: Connection) -> int:
    assert connection.poll(DEADLINE), "the process does not get on"
    return int.from_bytes(connection.recv_bytes(), "big")


def _rest(connection: Connection) -> list[int]:
    told = []
    try:
        while True:
            told.append(int.from_bytes(connection.recv_bytes(), "big"))
    except (EOFError, OSError):
        connection.close()
    return told


def _tell(connection: Connection, n: int) -> None:
    connection.send_bytes(n.to_bytes(4, "big"))


# --- the writer ----------------------------------------------------------------------------------------


def submit_for_ever(connection: Connection, url: str, directory: str, first: int) -> None:
    """Texts ``first``, ``first + 1``, ... by several submitters at once."""
    _quiet()
    asyncio.run(_submit_for_ever(connection, url, Path(directory), first))


async def _submit_for_ever(connection: Connection, url: str, directory: Path, first: int) -> None:
    async with Writer(url, settings_for(directory)) as writer, asyncio.TaskGroup() as tasks:
        for offset in range(SUBMITTERS):
            tasks.create_task(_submit(connection, writer, first + offset))


async def _submit(connection: Connection, writer: Writer, n: int) -> None:
    while True:
        await writer.text(n, insist=True)
        _tell(connection, n)
        n += SUBMITTERS


# --- the outbox ----------------------------------------------------------------------------------------


class Provider:
    """What stays of a provider when we die: a file of the messages it took, in their order."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def send(self, message: Message) -> str:
        with self.path.open("ab", buffering=0) as log:
            log.write(f"{message.id}\n".encode())
        await asyncio.sleep(0.003)  # the answer's way back: here it may be lost
        return f"provider:{message.id}"

    async def find_sent(self, message: Message, since: Time) -> str | None:
        return f"provider:{message.id}" if message.id in self.taken() else None

    def taken(self) -> list[str]:
        return self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []


def send_for_ever(connection: Connection, url: str, directory: str) -> None:
    """Send what is in the outbox; tells how many were confirmed."""
    _quiet()
    asyncio.run(_send_for_ever(connection, url, Path(directory)))


async def _send_for_ever(connection: Connection, url: str, directory: Path) -> None:
    settings = settings_for(directory)
    async with Writer(url, settings) as writer:
        provider = Provider(directory / "provider")
        chance = random.Random(1)
        outbox = Outbox(settings.outbox, writer.store, writer.dispatcher, {"text": provider}, time.time, chance)
        writer.watchers.append(outbox.committed)

        def confirmed(committed: Committed) -> None:
            for row in committed.rows:
                if row.kind == "MessageSent":
                    _tell(connection, row.seq)

        writer.watchers.append(confirmed)
        await outbox.run()


def _quiet() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    os.nice(5)
