"""What a real call process records, and what is kept of it."""

from __future__ import annotations

import signal
import time
import wave
from array import array
from pathlib import Path

import pytest

from channels.voice.archive import finish
from channels.voice.call import CommandRefused
from channels.voice.messages import (
    Answer,
    Bridge,
    Dial,
    Digit,
    End,
    Pair,
    PauseRecording,
    Play,
    Played,
    Record,
    RecordingWentOn,
    Rename,
    ResumeRecording,
    StopRecording,
    mesh,
)
from channels.voice.recordings import HEADER_BYTES, Raw
from tests.channels.voice.calls import answered, next_leg, next_of, recorded_for, with_handler
from tests.channels.voice.conftest import Site, wav
from tests.channels.voice.raw_sip import HOST, Phone, goertzel, until

FRAME_BYTES = 320  # 20 ms


@pytest.fixture
def raw(directory: Path) -> Raw:
    return Raw(directory / "C1_1")


async def kept(raw: Raw) -> tuple[bytes, bytes]:
    """Ends with the recording: the samples of the left channel (the caller) and the right one (the police side)."""
    await until(lambda: finish(raw, raw.stem.parent, "wav"))
    with wave.open(str(raw.stem.with_suffix(".wav"))) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 8000)
        both = array("h", file.readframes(file.getnframes()))
    return both[0::2].tobytes(), both[1::2].tobytes()


def second(side: bytes, number: float) -> bytes:
    """Half a second of sound, from the middle of that second of the recording; -1 is the last one."""
    whole = len(side) // 16_000
    begin = int(((number % whole) + 0.25) * 16_000)
    return side[begin : begin + 8000]


async def test_the_caller_is_recorded_left_and_the_police_side_right(site: Site, phone: Phone, raw: Raw) -> None:
    call, *_ = await with_handler(site, phone)
    await call.do(Bridge(mesh("caller", "handler")))

    await call.do(Record(str(raw.stem)))
    await recorded_for(raw, 2)
    await call.do(StopRecording())
    left, right = await kept(raw)

    assert goertzel(second(left, 1), 440) > 1500 and goertzel(second(left, 1), 700) < 100
    assert goertzel(second(right, 1), 700) > 1500 and goertzel(second(right, 1), 440) < 100
    assert len(left) == len(right)
    assert abs(raw_length(raw.caller) - raw_length(raw.police)) <= FRAME_BYTES


async def test_what_the_caller_is_told_is_on_the_right_and_music_on_neither_side(
    site: Site, phone: Phone, raw: Raw, music: Path, directory: Path
) -> None:
    call, _ = await answered(site, phone)
    await call.do(Record(str(raw.stem)))
    await call.do(Play("music", (str(music),), loop=True))
    await recorded_for(raw, 1)
    await call.do(Play("notice", (str(wav(directory / "notice.wav", 700, 5.0)),)))
    await recorded_for(raw, 1.5)
    await call.do(StopRecording())
    left, right = await kept(raw)

    assert goertzel(second(right, -1), 700) > 1500 and goertzel(second(left, -1), 700) < 100
    assert max(goertzel(second(side, 0), 1000) for side in (left, right)) < 100


async def test_a_supervisor_is_recorded_only_while_the_caller_hears_them(site: Site, phone: Phone, raw: Raw) -> None:
    call, *_ = await with_handler(site, phone)
    phone.hertz = 1500
    await call.do(Dial("supervisor", f"sip:sam@{HOST}", 10))
    await next_leg(call, "supervisor", "answered")
    listening: tuple[Pair, ...] = (("caller", "supervisor"), ("handler", "supervisor"))
    await call.do(Record(str(raw.stem)))

    await call.do(Bridge((*mesh("caller", "handler"), *listening, ("supervisor", "handler"))))
    await recorded_for(raw, 1.5)
    await call.do(Bridge(mesh("caller", "handler", "supervisor")))
    await recorded_for(raw, 1.5)
    await call.do(StopRecording())
    left, right = await kept(raw)

    assert goertzel(second(right, 0), 1500) < 100 and goertzel(second(right, 0), 700) > 1500
    assert goertzel(second(right, -1), 1500) > 1500 and goertzel(second(left, -1), 1500) < 100


async def test_a_third_party_who_becomes_the_handler_stays_on_the_right(site: Site, phone: Phone, raw: Raw) -> None:
    call, _, first = await with_handler(site, phone)
    phone.hertz = 1500
    await call.do(Dial("third", f"sip:ben@{HOST}", 10))
    await next_leg(call, "third", "answered")
    await call.do(Record(str(raw.stem)))
    await call.do(Bridge(mesh("caller", "handler", "third")))
    first.bye()
    await next_leg(call, "handler", "ended")

    await call.do(Rename("third", "handler"))
    await recorded_for(raw, 1.5)
    await call.do(StopRecording())
    left, right = await kept(raw)

    assert goertzel(second(right, -1), 1500) > 1500 and goertzel(second(right, -1), 700) < 100
    assert goertzel(second(left, -1), 440) > 1500 and goertzel(second(left, -1), 1500) < 100


async def test_a_pause_is_recorded_as_silence_and_ends_by_itself(site: Site, phone: Phone, raw: Raw) -> None:
    call, *_ = await with_handler(site, phone)
    await call.do(Bridge(mesh("caller", "handler")))
    with pytest.raises(CommandRefused, match="nothing is being recorded"):
        await call.do(PauseRecording(1))
    await call.do(Record(str(raw.stem)))
    await recorded_for(raw, 1)

    began = time.monotonic()
    await call.do(PauseRecording(1.5))
    await next_of(call, RecordingWentOn)
    assert 1.4 < time.monotonic() - began < 2.0
    await recorded_for(raw, 1)
    await call.do(PauseRecording(60))
    await call.do(ResumeRecording())
    await call.do(StopRecording())
    sides = await kept(raw)

    for side, hertz in zip(sides, (440, 700), strict=True):
        sound = [goertzel(side[at : at + 1600], hertz) > 500 for at in range(0, len(side) - 1600, 1600)]
        silent = [n for n, heard in enumerate(sound) if not heard and n > 2]
        assert 12 <= len(silent) <= 18  # tenths of a second; the recording is as long as the talk
        assert silent == list(range(silent[0], silent[0] + len(silent)))


async def test_the_end_of_the_call_ends_its_recording(site: Site, phone: Phone, raw: Raw) -> None:
    call, _ = await answered(site, phone)
    await call.do(Record(str(raw.stem)))
    await recorded_for(raw, 0.5)
    assert finish(raw, raw.stem.parent, "wav") is None  # it is still being recorded

    await call.do(End())
    left, _ = await kept(raw)

    assert len(left) > 8000 and raw.closed()


async def test_a_recording_whose_process_was_killed_has_both_sides(site: Site, phone: Phone, raw: Raw) -> None:
    call, *_ = await with_handler(site, phone)
    await call.do(Record(str(raw.stem)))
    await recorded_for(raw, 1.5)

    call.signal(signal.SIGKILL)
    await call.finished()
    assert not raw.closed()
    left, right = await kept(raw)

    assert len(left) >= 24_000
    assert goertzel(second(left, -1), 440) > 1500 and goertzel(second(right, -1), 700) > 1500


async def test_a_full_disk_does_not_end_the_call(site: Site, phone: Phone, raw: Raw, directory: Path) -> None:
    call, caller, handler = await with_handler(site, phone)
    await call.do(Bridge(mesh("caller", "handler")))
    for path in (raw.caller, raw.police):
        path.symlink_to("/dev/full")

    await call.do(Record(str(raw.stem)))
    await call.do(Play("notice", (str(wav(directory / "notice.wav", 300, 1.0)),), ("caller",)))
    await next_of(call, Played)  # a second: long enough for several failed writes
    await until(lambda: caller.hears(700) and handler.hears(440))
    await call.do(StopRecording())

    await until(lambda: caller.hears(700))


def raw_length(path: Path) -> int:
    return path.stat().st_size - HEADER_BYTES


async def test_who_presses_keys_in_haste_is_heard_at_once_and_in_one_piece(site: Site, phone: Phone, raw: Raw) -> None:
    """One packet of sound between two keys: less than the jitter buffer waits for before it plays."""
    caller = await phone.call(site.port())
    caller.muted = True
    call = await site.calls.get()
    await call.do(Answer())
    await call.do(Record(str(raw.stem)))
    await until(lambda: caller.rtp_target)

    caller.press("5" * 6, pause=1)
    caller.muted = False
    await recorded_for(raw, 4)
    await call.do(StopRecording())
    left, _ = await kept(raw)

    assert [await next_of(call, Digit) for _ in range(6)] == [Digit("caller", "5")] * 6
    assert goertzel(second(left, 2), 440) > 7500, "a tone of 8000 that starts anew now and then comes out smaller"
