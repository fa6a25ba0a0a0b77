"""The SIP edge as a child of ours, for the sandbox and the tests."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from pathlib import Path
from types import TracebackType
from typing import Self

from channels.voice.edge import EdgeControl
from channels.voice.edge_files import CONFIG_FILE, Limits, write_edge_files
from config.settings import Settings

_START_SECONDS = 10.0
_STOP_SECONDS = 2.0


class KamailioError(Exception):
    """Kamailio is not installed, or did not start; the text says what to do."""


class Kamailio:
    """One Kamailio with its workers in a process group of its own.

    Its files and its output (``kamailio.log``) lie in ``run_dir``. Started again on the same ``run_dir`` it
    still knows where the phones are.
    """

    def __init__(self, settings: Settings, run_dir: Path, limits: Limits | None = None) -> None:
        self._settings = settings
        self._run_dir = run_dir.absolute()
        self._limits = limits or Limits(workers=2)
        self._process: asyncio.subprocess.Process | None = None

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
        """Start and wait until it answers; KamailioError with its last output when it does not."""
        write_edge_files(self._settings, self._run_dir, self._limits)
        self._settings.edge.rpc_socket.parent.mkdir(parents=True, exist_ok=True)
        self._settings.edge.rpc_socket.unlink(missing_ok=True)
        with (self._run_dir / "kamailio.log").open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *_command(self._run_dir),
                cwd=self._run_dir,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            await self._until_it_answers()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop the whole group; main first, so that it can write the registrations."""
        process, self._process = self._process, None
        if process is None:
            return
        _signal_group(process.pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP_SECONDS):
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

    async def _until_it_answers(self) -> None:
        control = EdgeControl(self._settings.edge, self._settings.voice.address, deadline=0.5)
        try:
            async with asyncio.timeout(_START_SECONDS):
                while not await control.ping():
                    if self._process is None or self._process.returncode is not None:
                        raise KamailioError(f"Kamailio ended at once:\n{self._last_output()}")
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise KamailioError(f"Kamailio does not answer:\n{self._last_output()}") from None

    def _last_output(self) -> str:
        lines = (self._run_dir / "kamailio.log").read_text(errors="replace").splitlines()
        return "\n".join([line for line in lines if "INFO:" not in line][-12:])


def _command(run_dir: Path) -> list[str]:
    kamailio = shutil.which("kamailio", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if kamailio is None:
        raise KamailioError("Kamailio is not installed; on Debian: apt install kamailio")
    # setpriv: when we die without stopping it, it must not stay behind.
    return [
        *("setpriv", "--pdeathsig", "TERM", kamailio),
        *("-DD", "-E", "-f", str(run_dir / CONFIG_FILE), "-w", str(run_dir), "-Y", str(run_dir)),
    ]


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return
