"""A slot: the place of one call process, with its fixed ports, and the file that the process keeps in it.

The slot file says who lives there and which parties would be left in silence if the process died. It is
written by the process and removed when it exits in good order, so a file without its process means a crash.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import structlog
from pydantic import TypeAdapter, ValidationError

from channels.voice.messages import Leg

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Slot:
    """``address``: IPv4, for SIP and RTP. ``outbound_proxy``: a SIP URI with ``;lr``. Times in seconds."""

    number: int
    address: str
    sip_port: int
    rtp_port: int
    outbound_proxy: str
    run_dir: Path
    start_deadline: float
    media_lost: float

    @property
    def edge(self) -> str:
        """Who alone may call here: the edge's ``address:port``."""
        return self.outbound_proxy.removeprefix("sip:").partition(";")[0]

    @property
    def file(self) -> Path:
        return slots_dir(self.run_dir) / f"{self.number}.pid"

    @property
    def log_file(self) -> Path:
        return slots_dir(self.run_dir) / f"{self.number}.log"


@dataclass(frozen=True, slots=True)
class Occupant:
    """What a slot file says. ``started``: the process's start, in clock ticks since boot."""

    pid: int
    started: int
    legs: tuple[Leg, ...] = ()

    def lives(self) -> bool:
        """Whether that very process still runs: a recycled process number does not count."""
        return start_of(self.pid) == self.started


SLOT: TypeAdapter[Slot] = TypeAdapter(Slot)
_OCCUPANT: TypeAdapter[Occupant] = TypeAdapter(Occupant)


def slots_dir(run_dir: Path) -> Path:
    return run_dir / "slots"


def socket_path(run_dir: Path) -> Path:
    return run_dir / "calls.sock"


def start_of(pid: int) -> int | None:
    """When the process started (proc(5), field 22 of stat); None for none, or one that has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat[stat.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else int(fields[19])


def write_occupant(file: Path, occupant: Occupant) -> None:
    """Replaces the slot file in one step, so that a reader never sees half of it."""
    fresh = file.with_suffix(".new")
    fresh.write_bytes(_OCCUPANT.dump_json(occupant))
    fresh.rename(file)


def read_occupant(file: Path) -> Occupant | None:
    """The slot's occupant, living or dead; None when there is no readable slot file."""
    try:
        return _OCCUPANT.validate_json(file.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def occupied_slots(run_dir: Path) -> list[int]:
    """The numbers of all slots that have a slot file."""
    return sorted(int(file.stem) for file in slots_dir(run_dir).glob("*.pid") if file.stem.isdigit())


class OwnSlotFile:
    """The running process's own slot file. A disk that is full costs the release after a crash, not the call."""

    def __init__(self, file: Path) -> None:
        started = start_of(os.getpid())
        assert started is not None
        self._file = file
        self._started = started

    def write(self, legs: Iterable[Leg]) -> None:
        try:
            write_occupant(self._file, Occupant(os.getpid(), self._started, tuple(legs)))
        except OSError as error:
            log.error("slot_file_not_written", error=str(error))
