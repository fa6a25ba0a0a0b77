"""A real call process listens to the caller: silence, and messages they leave."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

from channels.voice.messages import Heard, Play, Recorded, RecordMessage, Silent, StopMessage, WatchSilence
from channels.voice.recordings import is_closed
from tests.channels.voice.calls import answered, next_of
from tests.channels.voice.conftest import Site
from tests.channels.voice.raw_sip import Phone, goertzel, until


@pytest.mark.parametrize("how", ["hushed", "muted"])
async def test_a_caller_who_says_nothing_is_told_once_and_again_when_they_are_heard(
    site: Site, phone: Phone, how: str
) -> None:
    call, caller = await answered(site, phone)
    await until(lambda: caller.rtp_target)
    setattr(caller, how, True)

    await call.do(WatchSilence(1.0))
    silent = await call.next(3)
    assert isinstance(silent, Silent) and silent.leg == "caller" and 1.0 <= silent.seconds < 1.6

    setattr(caller, how, False)
    assert await next_of(call, Heard) == Heard("caller")


async def test_a_caller_who_has_spoken_may_listen_as_long_as_they_like(site: Site, phone: Phone) -> None:
    call, caller = await answered(site, phone)
    await until(lambda: caller.rtp_target)

    await call.do(WatchSilence(1.0))
    with pytest.raises(TimeoutError):
        await call.next(1.3)


async def test_a_message_is_what_the_caller_alone_says_and_ends_when_they_fall_silent(
    site: Site, phone: Phone, directory: Path, music: Path
) -> None:
    call, caller = await answered(site, phone)
    await call.do(Play("music", (str(music),), loop=True))
    await until(lambda: caller.hears(1000))
    path = directory / "message.wav"

    await call.do(RecordMessage(str(path), silence_seconds=1.0, longest_seconds=30))
    await until(lambda: path.stat().st_size > 16_000)
    caller.hushed = True
    event = await next_of(call, Recorded)

    assert isinstance(event, Recorded) and event.path == str(path)
    assert 1.5 < event.seconds < 5
    with wave.open(str(path)) as file:
        sound = file.readframes(8000)
    assert goertzel(sound, 440) > 1500 and goertzel(sound, 1000) < 300


async def test_a_message_is_closed_by_its_longest_time_by_word_and_by_the_caller_hanging_up(
    site: Site, phone: Phone, directory: Path
) -> None:
    call, caller = await answered(site, phone)
    await until(lambda: caller.rtp_target)

    await call.do(RecordMessage(str(directory / "long.wav"), silence_seconds=5, longest_seconds=0.5))
    assert isinstance(await next_of(call, Recorded), Recorded)

    await call.do(RecordMessage(str(directory / "enough.wav"), silence_seconds=5, longest_seconds=30))
    await until(lambda: (directory / "enough.wav").stat().st_size > 4000)
    await call.do(StopMessage())
    assert isinstance(await next_of(call, Recorded), Recorded)

    await call.do(RecordMessage(str(directory / "gone.wav"), silence_seconds=5, longest_seconds=30))
    await until(lambda: (directory / "gone.wav").stat().st_size > 4000)
    caller.bye()
    assert isinstance(recorded := await next_of(call, Recorded), Recorded)
    assert recorded.path.endswith("gone.wav") and is_closed(Path(recorded.path))
