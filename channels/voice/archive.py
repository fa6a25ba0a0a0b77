"""Makes what call processes have recorded into the recordings that are kept: one file of two channels, and its hash.

It looks only at the files, so it finishes alike what has just ended, what a killed process left, and what an
earlier gateway did not come to. The two files are removed when the recording is written down, not before.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from array import array
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import soundfile
import structlog

from channels.voice.recordings import HEADER_BYTES, RATE, SAMPLE_BYTES, Raw, unfinished
from channels.voice.reporting import Report
from config.voice import Voice
from routing.events import RecordingMade

log = structlog.get_logger()

Format = Literal["flac", "wav"]
# Nobody tells of a process that was killed while no gateway was there.
LOOK_SECONDS = 30.0
# What could not be finished is tried again sooner: it is told as trouble until then, long after a full disk has room.
AGAIN_SECONDS = 3.0
PAUSE_SECONDS = 1.0
AT_ONCE = 20
BLOCK_BYTES = 128 * 1024
# FLAC's level 0 of 8: half the work of its default (5), for files that are 5 % larger.
EFFORT = {"flac": 0.0, "wav": None}


class NotFinished(Exception):
    """The recording could not be made; its two files are as they were."""


@dataclass(frozen=True, slots=True)
class Made:
    """``path``: left channel the caller, right channel the police side. ``sha256``: of the file, in hex."""

    path: Path
    sha256: str
    seconds: float


class Archive:
    """``report`` writes a finished recording down, and waits out a database that is down."""

    def __init__(self, voice: Voice, report: Report) -> None:
        self.trouble = ""
        self._voice, self._report = voice, report
        self._wanted = asyncio.Event()

    def look(self) -> None:
        """A call has ended."""
        self._wanted.set()

    async def run(self) -> None:
        """Until cancelled; calls come first. A look goes through all that is under way, so there is no second one at
        once: in a busy minute several recordings are then finished, and written down, together."""
        while True:
            self._wanted.clear()
            await self.finish_all()
            await asyncio.sleep(PAUSE_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_SECONDS if self.trouble else LOOK_SECONDS):
                    await self._wanted.wait()

    async def finish_all(self) -> None:
        """Everything that is not being recorded any more."""
        ended = await asyncio.to_thread(_ended, self._voice.recordings_dir)
        troubles: list[str] = []
        for first in range(0, len(ended), AT_ONCE):
            troubles += await self._finish(ended[first : first + AT_ONCE])
        self.trouble = f"{len(troubles)} recordings could not be finished: {troubles[-1]}" if troubles else ""

    async def _finish(self, several: list[Raw]) -> list[str]:
        """What went wrong. One broken recording does not hold up the others; it is tried again at the next look."""
        made = await asyncio.to_thread(self._make, several)
        written = await asyncio.gather(*map(self._write_down, several, made), return_exceptions=True)
        await asyncio.to_thread(_remove, [raw for raw, done in zip(several, written, strict=True) if done is True])
        return [
            _trouble(raw, error)
            for raw, error in zip(several, written, strict=True)
            if isinstance(error, BaseException)
        ]

    def _make(self, several: list[Raw]) -> list[Made | Exception | None]:
        folder = self._voice.recordings_dir
        made = [_outcome(raw, folder, self._voice.recording_format) for raw in several]
        try:
            _sync_folder(folder)
        except OSError as error:
            return [error if isinstance(one, Made) else one for one in made]
        return made

    async def _write_down(self, raw: Raw, made: Made | Exception | None) -> bool:
        """Whether there was something to be written down."""
        if isinstance(made, Exception):
            raise made
        if made is not None:
            await self._report(RecordingMade(raw.reference, str(made.path), made.sha256, made.seconds))
        return made is not None


def _trouble(raw: Raw, error: BaseException) -> str:
    if not isinstance(error, Exception):
        raise error
    log.error("recording_not_finished", recording=raw.stem.name, exc_info=error)
    return str(error)


def _outcome(raw: Raw, recordings_dir: Path, kind: Format) -> Made | Exception | None:
    try:
        return finish(raw, recordings_dir, kind)
    except Exception as error:  # noqa: BLE001 -- it is told by whoever asked for several
        return error


def _remove(written: list[Raw]) -> None:
    for raw in written:
        raw.remove()


def _ended(recordings_dir: Path) -> list[Raw]:
    """All are looked at in one go: while many calls are under way most of them are still being recorded."""
    return [raw for raw in unfinished(recordings_dir) if _has_ended(raw)]


def _has_ended(raw: Raw) -> bool:
    try:
        return raw.ended()
    except OSError:
        return True  # finishing it says what is wrong with it, and the others are looked at


def final(raw: Raw, recordings_dir: Path, kind: Format) -> Path:
    return recordings_dir / f"{raw.stem.name}.{kind}"


def finish(raw: Raw, recordings_dir: Path, kind: Format) -> Made | None:
    """None when it is still being recorded, or nothing was. Doing it again makes the same file.

    Its name is on disk once the folder is synced, which is left to whoever makes several. Raises NotFinished,
    OSError."""
    with raw.locked() as free:
        if not free or not raw.caller.exists():
            return None
        if not raw.has_sound:
            log.warning("recording_empty", recording=raw.stem.name)
            raw.remove()
            return None
        part = raw.stem.with_name(f"{raw.stem.name}.part")
        frames = _write(raw, part, kind)
        digest = _synced_digest(part)
        path = final(raw, recordings_dir, kind)
        part.replace(path)
    return Made(path, digest, frames / RATE)


def _write(raw: Raw, part: Path, kind: Format) -> int:
    """The number of frames, once it is certain that all are in the file: a full disk is not always told."""
    frames = 0
    how: dict[str, Any] = {"subtype": "PCM_16", "format": kind.upper(), "compression_level": EFFORT[kind]}
    with soundfile.SoundFile(part, "w", RATE, 2, **how) as out:
        for block in _interleaved(raw):
            out.buffer_write(block, dtype="int16")
            frames += len(block) // (2 * SAMPLE_BYTES)
    written = soundfile.info(part).frames
    if written != frames:
        raise NotFinished(f"{written} of {frames} frames were written")
    return frames


def _interleaved(raw: Raw) -> Iterator[bytes]:
    """Left, right, left, right; where one side ends first (a full disk, a killed process), silence follows."""
    with raw.caller.open("rb") as caller, raw.police.open("rb") as police:
        for side in (caller, police):
            side.seek(HEADER_BYTES)
        while blocks := _next_blocks(caller, police):
            both = array("h", bytes(2 * len(blocks[0])))
            both[0::2], both[1::2] = (array("h", block) for block in blocks)
            yield both.tobytes()


def _next_blocks(*sides: BinaryIO) -> list[bytes]:
    """As long as each other; [] at the end of both."""
    blocks = [side.read(BLOCK_BYTES) for side in sides]
    length = max(len(block) for block in blocks)
    return [block.ljust(length + length % SAMPLE_BYTES, b"\0") for block in blocks] if length else []


def _synced_digest(path: Path) -> str:
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
