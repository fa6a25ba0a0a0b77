"""Who holds a port of this machine, as the kernel says it in /proc."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
TABLES = ("tcp", "tcp6", "udp", "udp6")
LISTENING, BOUND = "0A", "07"  # the states of a TCP socket that listens, and of a UDP socket that nobody is tied to
MOST_WORDS = 100
UNKNOWN = "held by somebody else's process; as root, 'ss -lntup' shows it"


def holder(port: int) -> str:
    """The process by its command line and number; what to do when the system does not let us see it."""
    sockets = {f"socket:[{inode}]" for inode in _inodes(port)}
    held = [process for process in sorted(_processes()) if _holds(process, sockets)]
    return ", ".join(f"held by '{_command(process)}' (process {process.name})" for process in held[:1]) or UNKNOWN


def _inodes(port: int) -> Iterator[str]:
    """Of the sockets at this port. See proc(5): the local address is second, the state fourth, the inode tenth."""
    for table in TABLES:
        for line in (PROC / "net" / table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] in (LISTENING, BOUND) and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def _processes() -> Iterator[Path]:
    return (process for process in PROC.iterdir() if process.name.isdigit())


def _holds(process: Path, sockets: set[str]) -> bool:
    try:
        return any(str(file.readlink()) in sockets for file in (process / "fd").iterdir())
    except OSError:  # it has ended, or belongs to another user
        return False


def _command(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()[:MOST_WORDS]
    except OSError:
        return "a process that has just ended"
