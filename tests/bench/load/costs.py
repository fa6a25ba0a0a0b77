"""What CPU a call costs, and whom: the kernel's own count for each part of a site (proc(5))."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.bench.lib import Report
from tests.bench.load import proc
from tests.bench.load.site import Site

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Used:
    """A process's own time and that of its children which have ended, in seconds; page faults likewise."""

    own: float = 0.0
    children: float = 0.0
    faults: int = 0
    faults_of_children: int = 0

    @classmethod
    def by(cls, pid: int) -> Self:
        stat = Path(f"/proc/{pid}/stat").read_text()
        fields = stat[stat.rindex(")") + 2 :].split()
        minor, minor_of_children = int(fields[7]), int(fields[8])
        user, system, child_user, child_system = (int(field) / TICKS for field in fields[11:15])
        return cls(user + system, child_user + child_system, minor, minor_of_children)


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU seconds by part, and page faults of call processes, since each part began.

    ``calls``: of call processes that have ended, and of those that wait now.
    """

    parts: dict[str, float]
    faults: int

    @classmethod
    def take(cls, here: Site) -> Self:
        gateway = here.gateway.pid
        waiting = [occupant.pid for occupant in here.processes.call_processes().values()]
        alive = [used for pid in waiting if (used := _of(pid))]
        spawners = {proc.parent(pid) for pid in waiting[:1]}
        spawning = [used for pid in spawners if (used := _of(pid))]
        helpers = set(proc.children(gateway)) - spawners
        return cls(
            {
                "gateway": Used.by(gateway).own,
                "helpers of the gateway": _own(helpers),
                "forkserver": sum(used.own for used in spawning),
                "call process": sum(used.children for used in spawning) + sum(used.own for used in alive),
                "edge": _own(here.edge_pids),
                "load": time.process_time(),
            },
            sum(used.faults_of_children for used in spawning) + sum(used.faults for used in alive),
        )

    def since(self, before: Self) -> Self:
        parts = {part: seconds - before.parts[part] for part, seconds in self.parts.items()}
        return type(self)(parts, self.faults - before.faults)

    def report(self, report: Report, calls: int) -> None:
        for part, seconds in self.parts.items():
            report.value(f"CPU of a call: {part}", 1000 * seconds / calls, "ms")
        report.value("CPU of a call: all", 1000 * sum(self.parts.values()) / calls, "ms")
        report.value("page faults of a call process", self.faults / calls, "pages")


def _of(pid: int) -> Used | None:
    try:
        return Used.by(pid)
    except (FileNotFoundError, ProcessLookupError):
        return None


def _own(pids: Iterable[int]) -> float:
    return sum(used.own for pid in pids if (used := _of(pid)))
