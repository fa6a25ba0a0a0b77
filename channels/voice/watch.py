"""Watching and signalling a process that is not our child, by its pidfd (pidfd_open(2))."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress


class ExitWatch:
    """Calls ``on_exit`` once, from the event loop, when the process has exited; raises ProcessLookupError."""

    def __init__(self, pid: int, on_exit: Callable[[], None]) -> None:
        self._on_exit = on_exit
        self._pidfd: int | None = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(self._pidfd, self._exited)

    @property
    def closed(self) -> bool:
        return self._pidfd is None

    def signal(self, number: signal.Signals) -> None:
        """Signals that process, never another one that may have got its number since."""
        if self._pidfd is None:
            return
        with suppress(ProcessLookupError):  # it has exited this moment
            signal.pidfd_send_signal(self._pidfd, number)

    def close(self) -> None:
        """Stops watching; the process lives on."""
        if self._pidfd is not None:
            asyncio.get_running_loop().remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None

    def _exited(self) -> None:
        self.close()
        self._on_exit()
