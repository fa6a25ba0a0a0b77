"""A server as a child of ours, for the sandbox and the tests: started, waited for, stopped, killed."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

START_SECONDS = 10.0
STOP_SECONDS = 2.0
POLL_SECONDS = 0.02
TAIL_LINES = 12


class DaemonError(Exception):
    """The server is not installed, or did not start; the text says what to do, or holds its last output."""


class Daemon(ABC):
    """One server with its workers in a process group of its own, in ``run_dir``; its output lies there, too.

    An async context manager; it can be started again after ``stop`` or ``kill``.
    """

    program: ClassVar[str]
    package: ClassVar[str]  # Debian's

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir.absolute()
        self._process: asyncio.subprocess.Process | None = None

    @abstractmethod
    def _prepare(self) -> Sequence[str]:
        """Writes the files that it is started with; its arguments."""

    @abstractmethod
    async def _answers(self) -> bool:
        """Asked again and again after its start, until it does."""

    @property
    def pid(self) -> int | None:
        """Its main process; None when it does not run."""
        return self._process.pid if self._process else None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start and wait until it answers; DaemonError with its last output when it does not."""
        path = shutil.which(self.program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        if path is None:
            raise DaemonError(f"{self.program} is not installed; on Debian: apt install {self.package}")
        arguments = self._prepare()
        with self._log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                # setpriv: when we die without stopping it, it must not stay behind.
                *("setpriv", "--pdeathsig", "TERM", path, *arguments),
                cwd=self._run_dir,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            await self._until_it_answers(self._process)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop the whole group; main first, so that it can write what it keeps."""
        process, self._process = self._process, None
        if process is None:
            return
        _signal_group(process.pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            pass
        finally:
            _signal_group(process.pid, signal.SIGKILL)  # a worker can outlive its main process, holding ports
        await process.wait()

    async def kill(self) -> None:
        """Die as in a power cut: the whole group at once, nothing is written."""
        process, self._process = self._process, None
        if process is not None:
            _signal_group(process.pid, signal.SIGKILL)
            await process.wait()

    @property
    def _log(self) -> Path:
        return self._run_dir / f"{self.program}.log"

    async def _until_it_answers(self, process: asyncio.subprocess.Process) -> None:
        try:
            async with asyncio.timeout(START_SECONDS):
                while not await self._answers():
                    if process.returncode is not None:
                        raise DaemonError(f"{self.program} ended at once:\n{self._last_output()}")
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise DaemonError(f"{self.program} does not answer:\n{self._last_output()}") from None

    def _last_output(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join([line for line in lines if "INFO:" not in line][-TAIL_LINES:])


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return
