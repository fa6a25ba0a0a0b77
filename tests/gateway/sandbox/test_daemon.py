"""A server that does not start says why, and leaves nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.sandbox.daemon import Daemon, DaemonError


class Shell(Daemon):
    """Runs a line of the shell; answers when there is a file ``up``."""

    program, package = "sh", "dash"

    def __init__(self, run_dir: Path, line: str) -> None:
        super().__init__(run_dir)
        self._line = line

    def _prepare(self) -> Sequence[str]:
        return ["-c", self._line]

    async def _answers(self) -> bool:
        return (self._run_dir / "up").exists()


class Missing(Shell):
    program, package = "no-such-server", "the-package"


async def test_one_that_ends_at_once_is_explained_by_its_last_words(tmp_path: Path) -> None:
    daemon = Shell(tmp_path, "echo the port is taken; exit 1")
    with pytest.raises(DaemonError, match=r"(?s)sh ended at once.*the port is taken"):
        await daemon.start()
    assert daemon.pid is None


async def test_one_that_is_not_installed_names_its_package(tmp_path: Path) -> None:
    with pytest.raises(DaemonError, match="no-such-server is not installed; on Debian: apt install the-package"):
        await Missing(tmp_path, "").start()


async def test_its_workers_go_with_it_and_it_can_be_started_again(tmp_path: Path) -> None:
    daemon = Shell(tmp_path, "sleep 60 & echo $! > worker; touch up; wait")
    for end in (daemon.stop, daemon.kill):
        (tmp_path / "up").unlink(missing_ok=True)
        await daemon.start()
        worker = Path("/proc") / (tmp_path / "worker").read_text().strip()
        assert worker.exists()

        await end()

        assert daemon.pid is None
        async with asyncio.timeout(3):
            while worker.exists() and " Z " not in (worker / "stat").read_text():
                await asyncio.sleep(0.02)
