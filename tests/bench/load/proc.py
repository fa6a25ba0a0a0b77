"""What the kernel knows of processes and sockets (proc(5))."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def cpu_seconds(pid: int) -> float:
    """Time on a CPU of all its living threads: the scheduler's own count, in nanoseconds, not in ticks."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def pss_megabytes(pid: int) -> float:
    """Its share of memory: pages that n processes share count as 1/n each."""
    return _kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss:") / 1024


def rss_megabytes(pid: int) -> float:
    return _kilobytes(Path(f"/proc/{pid}/status"), "VmRSS:") / 1024


def open_files(pid: int) -> int:
    """Without those of the database: its pool opens connections as it needs them, up to ``store.pool_size``."""
    return sum(not _of_database(entry) for entry in Path(f"/proc/{pid}/fd").iterdir())


def _of_database(entry: Path) -> bool:
    try:
        return ".db" in str(entry.readlink())
    except FileNotFoundError:
        return False


def parent(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat[stat.rindex(")") + 2 :].split()[1])


def children(pid: int) -> list[int]:
    """Zombies too."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if parent(int(entry.name)) == pid:
                    found.append(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def dropped_datagrams(ports: Iterable[int]) -> int:
    """How many datagrams the kernel threw away because these UDP sockets' buffers were full.

    Loopback loses nothing else, so this is all that was lost on the way to these sockets.
    """
    wanted = set(ports)
    dropped = 0
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) in wanted:
            dropped += int(fields[-1])
    return dropped


def udp_ports(ports: Iterable[int]) -> int:
    """How many UDP sockets are bound to these ports."""
    wanted = set(ports)
    lines = Path("/proc/net/udp").read_text().splitlines()[1:]
    return sum(int(line.split()[1].rpartition(":")[2], 16) in wanted for line in lines)


def stolen_seconds() -> float:
    """CPU time that the host gave to others while this machine wanted it, all cores, since boot."""
    first = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return int(first[8]) / os.sysconf("SC_CLK_TCK")


def busy_seconds() -> float:
    """CPU time that this machine worked, all cores, since boot."""
    user, nice, system, _idle, _iowait, irq, softirq, *_ = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    )
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def _kilobytes(file: Path, field: str) -> int:
    return next(int(line.split()[1]) for line in file.read_text().splitlines() if line.startswith(field))
