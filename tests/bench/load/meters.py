"""Two looks at the machine's counters, and what happened between them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from tests.bench.load import proc


@dataclass(frozen=True, slots=True)
class Reading:
    """The counters at one moment; times in seconds, ``cpu`` by process number, ``dropped`` in datagrams."""

    at: float
    cpu: dict[int, float]
    machine: float
    stolen: float
    dropped: int

    @classmethod
    def take(cls, pids: Iterable[int], ports: Iterable[int]) -> Self:
        """``ports``: the UDP ports whose full buffers are counted."""
        return cls(
            time.monotonic(),
            {pid: proc.cpu_seconds(pid) for pid in pids},
            proc.busy_seconds(),
            proc.stolen_seconds(),
            proc.dropped_datagrams(ports),
        )


@dataclass(frozen=True, slots=True)
class Span:
    """Everything in per cent of one core, but ``dropped``."""

    before: Reading
    after: Reading

    @property
    def seconds(self) -> float:
        return self.after.at - self.before.at

    def cpu(self, *pids: int) -> float:
        """Of these processes together."""
        return sum(self._percent(self.after.cpu[pid] - self.before.cpu[pid]) for pid in pids)

    @property
    def machine(self) -> float:
        return self._percent(self.after.machine - self.before.machine)

    @property
    def stolen(self) -> float:
        return self._percent(self.after.stolen - self.before.stolen)

    @property
    def dropped(self) -> int:
        return self.after.dropped - self.before.dropped

    def _percent(self, seconds: float) -> float:
        return 100 * seconds / self.seconds
