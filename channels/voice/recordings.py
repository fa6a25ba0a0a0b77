"""What a call process records into, until ``archive`` has made the kept recording of it.

Two files of the same length, one for each side: NAME.caller.wav and NAME.police.wav, 16 bit mono at 8 kHz, where NAME
is the contact's reference, an underscore and the call. The recorder writes a header's lengths only when it
closes the file, so they are not relied on; samples reach the disk every quarter of a second.

Whoever records holds a lock, which ends with the process however it dies.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

RATE = 8000
SAMPLE_BYTES = 2
HEADER_BYTES = 44
UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True)
class Raw:
    """One recording that is under way, or was not finished. ``stem``: the path up to NAME."""

    stem: Path

    @property
    def caller(self) -> Path:
        return self.stem.with_name(f"{self.stem.name}.caller.wav")

    @property
    def police(self) -> Path:
        return self.stem.with_name(f"{self.stem.name}.police.wav")

    @property
    def reference(self) -> str:
        return self.stem.name.partition("_")[0]

    def lock(self) -> int:
        """Taken before the caller's file is made, which is the one that ``unfinished`` looks for.

        The descriptor; closing it ends the lock. Raises BlockingIOError while another holds it, and OSError.
        """
        descriptor = os.open(self.police, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    @contextmanager
    def locked(self) -> Iterator[bool]:
        """False when it is still being recorded."""
        try:
            descriptor = self.lock()
        except BlockingIOError:
            yield False
            return
        try:
            yield True
        finally:
            os.close(descriptor)

    def ended(self) -> bool:
        """Whether nobody records it any more."""
        with self.locked() as free:
            return free

    @property
    def has_sound(self) -> bool:
        """A process that was killed in its first quarter of a second leaves none."""
        return max(path.stat().st_size for path in (self.caller, self.police)) >= HEADER_BYTES + SAMPLE_BYTES

    def closed(self) -> bool:
        """Whether the recorder has written both headers: the last thing it does."""
        return is_closed(self.caller) and is_closed(self.police)

    def remove(self) -> None:
        """The caller's last: while it is there, the recording counts as unfinished."""
        self.police.unlink(missing_ok=True)
        self.caller.unlink(missing_ok=True)


def raw_of(recordings_dir: Path, reference: str, call: str) -> Raw:
    return Raw(recordings_dir / UNFINISHED / f"{reference}_{call}")


def unfinished(recordings_dir: Path) -> list[Raw]:
    """Everything that is being recorded or was left by a process, oldest name first."""
    found = sorted((recordings_dir / UNFINISHED).glob("*.caller.wav"))
    return [Raw(path.with_name(path.name.removesuffix(".caller.wav"))) for path in found]


def is_closed(path: Path) -> bool:
    """Whether the recorder has written the lengths into the header."""
    size = path.stat().st_size
    with path.open("rb") as file:
        header = file.read(HEADER_BYTES)
    return len(header) == HEADER_BYTES and struct.unpack("<I", header[40:])[0] == size - HEADER_BYTES > 0
