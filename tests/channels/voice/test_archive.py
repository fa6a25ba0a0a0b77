"""What call processes recorded becomes one file of two channels, whatever happened to them or to the gateway."""

from __future__ import annotations

import asyncio
import hashlib
import os
from array import array
from pathlib import Path

import pytest
import soundfile

from channels.voice.archive import Archive, Format
from channels.voice.recordings import HEADER_BYTES, Raw, raw_of
from config.load import load
from config.voice import Voice
from routing.events import Event, RecordingMade
from tests.support.steps import eventually


class Gateway:
    """Writes down what is told, unless its database is down."""

    def __init__(self) -> None:
        self.told: list[Event] = []
        self.down = False

    async def report(self, event: Event) -> str:
        if self.down:
            raise RuntimeError("the database is down")
        self.told.append(event)
        return ""


def voice_in(folder: Path, kind: Format = "flac") -> Voice:
    voice = load(overlay={"voice": {"enabled": False, "recording_format": kind}}).voice
    return voice.model_copy(update={"recordings_dir": folder})


def recorded(folder: Path, caller: list[int], police: list[int], call: str = "1") -> Raw:
    """What a killed process leaves: headers without lengths."""
    raw = raw_of(folder, "AAAA-0001", call)
    raw.stem.parent.mkdir(exist_ok=True)
    for path, samples in ((raw.caller, caller), (raw.police, police)):
        path.write_bytes(bytes(HEADER_BYTES) + array("h", samples).tobytes())
    return raw


@pytest.mark.parametrize("kind", ["flac", "wav"])
async def test_the_caller_is_left_and_the_police_side_right_and_the_hash_is_the_files(
    tmp_path: Path, kind: Format
) -> None:
    gateway = Gateway()
    raw = recorded(tmp_path, [1, 2, 3] * 50_000, [-7, -8, -9] * 50_000)

    await Archive(voice_in(tmp_path, kind), gateway.report).finish_all()

    (made,) = gateway.told
    assert isinstance(made, RecordingMade)
    assert (made.reference, made.seconds) == ("AAAA-0001", 150_000 / 8000)
    assert made.path == str(tmp_path / f"AAAA-0001_1.{kind}")
    assert made.sha256 == hashlib.sha256(Path(made.path).read_bytes()).hexdigest()
    sound, rate = soundfile.read(made.path, dtype="int16")
    assert (rate, sound.shape) == (8000, (150_000, 2))
    assert (sound[:3].tolist(), sound[-1].tolist()) == ([[1, -7], [2, -8], [3, -9]], [3, -9])
    assert not raw.caller.exists() and not raw.police.exists()


async def test_a_side_that_ends_first_is_followed_by_silence(tmp_path: Path) -> None:
    gateway = Gateway()
    raw = recorded(tmp_path, [5] * 10, [6] * 4)
    with raw.caller.open("ab") as file:
        file.write(b"\x05")  # a process was killed in the middle of a sample

    await Archive(voice_in(tmp_path, "wav"), gateway.report).finish_all()

    sound, _ = soundfile.read(tmp_path / "AAAA-0001_1.wav", dtype="int16")
    assert sound[:, 0].tolist() == [5] * 11
    assert sound[:, 1].tolist() == [6] * 4 + [0] * 7


async def test_a_process_that_was_killed_at_once_leaves_nothing(tmp_path: Path) -> None:
    gateway = Gateway()
    raw = recorded(tmp_path, [], [])
    raw.caller.write_bytes(b"RI")

    archive = Archive(voice_in(tmp_path), gateway.report)
    await archive.finish_all()

    assert (gateway.told, archive.trouble, raw.caller.exists()) == ([], "", False)


async def test_what_is_still_being_recorded_is_left_alone(tmp_path: Path) -> None:
    gateway = Gateway()
    raw = recorded(tmp_path, [1], [2])
    archive = Archive(voice_in(tmp_path), gateway.report)
    lock = raw.lock()

    await archive.finish_all()
    assert (gateway.told, archive.trouble) == ([], "")

    os.close(lock)
    await archive.finish_all()
    assert len(gateway.told) == 1


async def test_nothing_is_removed_before_it_is_written_down(tmp_path: Path) -> None:
    gateway = Gateway()
    raw = recorded(tmp_path, [1], [2])
    archive = Archive(voice_in(tmp_path), gateway.report)

    gateway.down = True
    await archive.finish_all()
    assert raw.caller.exists() and raw.police.exists()
    assert archive.trouble == "1 recordings could not be finished: the database is down"

    gateway.down = False
    await archive.finish_all()
    assert (len(gateway.told), archive.trouble, raw.caller.exists()) == (1, "", False)


async def test_it_is_tried_again_within_seconds_with_nobody_asking(tmp_path: Path) -> None:
    gateway = Gateway()
    recorded(tmp_path, [1], [2])
    archive = Archive(voice_in(tmp_path), gateway.report)
    gateway.down = True
    running = asyncio.create_task(archive.run())

    async def is_trouble() -> bool:
        return bool(archive.trouble)

    async def is_over() -> bool:
        return not archive.trouble and len(gateway.told) == 1

    await eventually(is_trouble)
    gateway.down = False
    await eventually(is_over)
    running.cancel()


@pytest.mark.parametrize("kind", ["flac", "wav"])
async def test_a_full_disk_loses_nothing_and_holds_up_nobody_else(tmp_path: Path, kind: Format) -> None:
    gateway = Gateway()
    full, other = recorded(tmp_path, [1] * 200_000, [2] * 200_000), recorded(tmp_path, [3], [4], call="2")
    full.stem.with_name("AAAA-0001_1.part").symlink_to("/dev/full")

    archive = Archive(voice_in(tmp_path, kind), gateway.report)
    await archive.finish_all()

    assert archive.trouble.startswith("1 recordings could not be finished")
    assert full.caller.exists() and full.police.exists() and not other.caller.exists()
    assert [e.path for e in gateway.told if isinstance(e, RecordingMade)] == [str(tmp_path / f"AAAA-0001_2.{kind}")]


async def test_what_is_not_certain_to_be_on_disk_is_not_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(folder: Path) -> None:
        raise OSError(f"{folder} is not written")

    gateway, raw = Gateway(), recorded(tmp_path, [1], [2])
    monkeypatch.setattr("channels.voice.archive._sync_folder", broken)
    archive = Archive(voice_in(tmp_path), gateway.report)
    await archive.finish_all()

    assert gateway.told == [] and raw.caller.exists() and raw.police.exists()
    assert archive.trouble == f"1 recordings could not be finished: {tmp_path} is not written"


async def test_one_that_cannot_be_made_does_not_hold_up_the_others(tmp_path: Path) -> None:
    gateway = Gateway()
    broken, whole = recorded(tmp_path, [1], [2], "1"), recorded(tmp_path, [3], [4], "2")
    broken.police.unlink()
    broken.police.mkdir()
    archive = Archive(voice_in(tmp_path), gateway.report)

    await archive.finish_all()

    assert [Path(made.path).name for made in gateway.told if isinstance(made, RecordingMade)] == ["AAAA-0001_2.flac"]
    assert archive.trouble.startswith("1 recordings could not be finished: ")
    assert broken.caller.exists() and not whole.caller.exists()


async def test_what_has_ended_together_is_written_down_together(tmp_path: Path) -> None:
    waiting = asyncio.Barrier(3)

    async def report(event: Event) -> str:
        await waiting.wait()  # goes on only when all three are told
        return ""

    for call in "123":
        recorded(tmp_path, [1], [2], call)

    async with asyncio.timeout(10):
        await Archive(voice_in(tmp_path), report).finish_all()

    assert not list((tmp_path / "unfinished").iterdir())
