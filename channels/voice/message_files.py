"""The WAV file of a message that a caller left: the header of a file whose process was killed, its length and hash.

The recorder writes the header's lengths only when it closes the file; until then they are zero. Samples reach the
disk every quarter of a second, so a crash costs that much and a header.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path

from channels.voice.recordings import HEADER_BYTES, RATE, SAMPLE_BYTES

BYTES_PER_SECOND = RATE * SAMPLE_BYTES
HASH_CHUNK = 1024 * 1024

HashSteps = Iterator[str]
_MARK = "-message-"


def message_path(recordings_dir: Path, reference: str, call: str, take: int) -> Path:
    """Where the ``take``-th try at a message is recorded."""
    return recordings_dir / f"{reference}-{call}{_MARK}{take}.wav"


def is_message(recording: Path) -> bool:
    """Whether it is a message, and not the recording of a call."""
    return _MARK in recording.name


class NotARecording(Exception):
    """The file is not one that our recorder wrote."""


def repair(path: Path) -> bool:
    """Writes the true lengths into the header of a recording; whether it was wrong.

    Raises NotARecording, and FileNotFoundError.
    """
    size = path.stat().st_size
    with path.open("r+b") as file:
        header = file.read(HEADER_BYTES)
        if len(header) < HEADER_BYTES or header[:4] != b"RIFF" or header[8:16] != b"WAVEfmt ":
            raise NotARecording(str(path))
        riff, samples = size - 8, size - HEADER_BYTES
        right = header[:4] + struct.pack("<I", riff) + header[8:40] + struct.pack("<I", samples)
        if right == header:
            return False
        file.seek(0)
        file.write(right)
    return True


def seconds(path: Path) -> float:
    return (path.stat().st_size - HEADER_BYTES) / BYTES_PER_SECOND


def sha256_steps(path: Path) -> HashSteps:
    """Hashes a file piece by piece: '' after each megabyte, the hex digest as the last."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(HASH_CHUNK):
            digest.update(chunk)
            yield ""
    yield digest.hexdigest()


def rescued(path: Path) -> tuple[str, float]:
    """Mends a recording whose process died; its SHA-256 in hex and its length in seconds.

    Raises NotARecording, and OSError.
    """
    repair(path)
    *_, digest = sha256_steps(path)
    return digest, seconds(path)
