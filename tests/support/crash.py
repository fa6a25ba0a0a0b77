"""Processes that are killed in the middle of their work: a writer of texts, and an outbox that sends them.

``Nursery`` is the test's side. It starts this file as a program that has everything imported and forks a victim
for each job, which takes milliseconds. Victims write what they were told to the program's standard output, a number
a line: the texts that ``submit`` said are written, the rows that say that a message was sent.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import structlog

from gateway.dispatcher import Committed
from gateway.outbox.outbox import Outbox
from gateway.store.records import Message
from routing.model import Time
from tests.support.writer import Writer, settings_for

SUBMITTERS = 8
DEADLINE = 60.0
ROOT = Path(__file__).parents[2]


class Nursery:
    """``killed`` starts a victim, lets it work for a while, and kills it with SIGKILL."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.support.crash"]
        self._program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
        self._unread = b""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._program.stdin and self._program.stdout
        self._program.stdin.close()
        self._program.wait(DEADLINE)
        self._program.stdout.close()

    def killed(self, job: str, *arguments: str | int, after: int, moment: float) -> list[int]:
        """Kill ``job`` ``moment`` seconds after it has told ``after`` numbers; all the numbers that it told."""
        assert self._program.stdin
        self._program.stdin.write(json.dumps([job, *arguments]).encode() + b"\n")
        self._program.stdin.flush()
        lines: list[str] = []
        while len(lines) < after + 1:
            lines.append(self._line())
            assert lines[-1] != "gone", "the victim died by itself"
        (pid,) = [int(line.removeprefix("pid ")) for line in lines if line.startswith("pid ")]
        time.sleep(moment)
        os.kill(pid, signal.SIGKILL)
        while lines[-1] != "gone":
            lines.append(self._line())
        return [int(line) for line in lines if line.isdigit()]

    def _line(self) -> str:
        assert self._program.stdout
        while b"\n" not in self._unread:
            ready, _, _ = select.select([self._program.stdout], [], [], DEADLINE)
            assert ready, "the victim does not get on"
            self._unread += os.read(self._program.stdout.fileno(), 65_536)
        line, self._unread = self._unread.split(b"\n", 1)
        return line.decode()


def main() -> None:
    """Fork a victim for each line of standard input, one at a time; end, with the victim, when it closes."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    jobs: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {"submit": submit_for_ever, "send": send_for_ever}
    for line in iter(lambda: os.read(0, 65_536), b""):
        job, *arguments = json.loads(line)
        victim = os.fork()
        if victim == 0:
            asyncio.run(jobs[job](*arguments))
            os._exit(0)
        _tell(f"pid {victim}")
        while os.waitpid(victim, os.WNOHANG) == (0, 0):
            if select.select([0], [], [], 0.01)[0]:
                os.kill(victim, signal.SIGKILL)
        _tell("gone")


def _tell(what: str | int) -> None:
    os.write(1, f"{what}\n".encode())


# --- the writer ----------------------------------------------------------------------------------------


async def submit_for_ever(url: str, directory: str, first: int) -> None:
    """Texts ``first``, ``first + 1``, ... by several submitters at once."""
    async with Writer(url, settings_for(Path(directory))) as writer, asyncio.TaskGroup() as tasks:
        for offset in range(SUBMITTERS):
            tasks.create_task(_submit(writer, first + offset))


async def _submit(writer: Writer, n: int) -> None:
    while True:
        await writer.text(n, insist=True)
        _tell(n)
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

    async def check(self, ours: str) -> None:
        """It is always there."""

    async def find_sent(self, message: Message, since: Time) -> str | None:
        return f"provider:{message.id}" if message.id in self.taken() else None

    def taken(self) -> list[str]:
        return self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []


async def send_for_ever(url: str, directory: str) -> None:
    """Send what is in the outbox; tells each time that one is confirmed."""
    settings = settings_for(Path(directory))
    async with Writer(url, settings) as writer:
        provider = Provider(Path(directory) / "provider")
        chance = random.Random(1)
        outbox = Outbox(
            settings.outbox, writer.store, writer.dispatcher, {"text": provider}, time.time, chance, lambda m: ""
        )
        writer.watchers.append(outbox.committed)

        def confirmed(committed: Committed) -> None:
            for row in committed.rows:
                if row.kind == "MessageSent":
                    _tell(row.seq)

        writer.watchers.append(confirmed)
        await outbox.run()


if __name__ == "__main__":
    main()
