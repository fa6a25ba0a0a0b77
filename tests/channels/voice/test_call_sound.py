"""What the caller of a real call process hears, and the keys they press."""

from __future__ import annotations

import time
import wave
from dataclasses import replace
from pathlib import Path

from channels.voice.messages import Digit, Play, Played, StopPlaying
from tests.channels.voice.calls import answered, next_of
from tests.channels.voice.conftest import Site, wav
from tests.channels.voice.raw_sip import Phone, goertzel, until


async def test_the_caller_hears_what_is_played_until_it_stops(site: Site, phone: Phone, music: Path) -> None:
    call, caller = await answered(site, phone)

    await call.do(Play("music", (str(music),), loop=True))
    await until(lambda: caller.hears(1000))

    await call.do(StopPlaying("music"))
    await until(lambda: goertzel(b"".join(caller.heard), 1000) < 50)


async def test_files_are_played_in_order_and_the_end_is_told_once(site: Site, phone: Phone, directory: Path) -> None:
    call, caller = await answered(site, phone)
    first, second = wav(directory / "a.wav", 600, 0.6), wav(directory / "b.wav", 1500, 0.6)

    began = time.monotonic()
    await call.do(Play("greeting", (str(first), str(second))))
    await until(lambda: caller.hears(600))
    await until(lambda: caller.hears(1500))

    assert await next_of(call, Played) == Played("greeting")
    assert time.monotonic() - began >= 1.1


async def test_several_files_are_played_round_and_round(site: Site, phone: Phone, directory: Path) -> None:
    call, caller = await answered(site, phone)
    files = tuple(str(wav(directory / f"{hertz}.wav", hertz, 0.7)) for hertz in (600, 1500))

    await call.do(Play("music", files, loop=True))

    for hertz in (600, 1500, 600, 1500):
        await until(lambda hertz=hertz: caller.hears(hertz))  # type: ignore[misc]


async def test_a_player_of_the_same_name_is_replaced(site: Site, phone: Phone, directory: Path) -> None:
    call, caller = await answered(site, phone)
    await call.do(Play("music", (str(wav(directory / "a.wav", 600, 1)),), loop=True))
    await until(lambda: caller.hears(600))

    await call.do(Play("music", (str(wav(directory / "b.wav", 1500, 1)),), loop=True))

    await until(lambda: caller.hears(1500) and not caller.hears(600))


async def test_music_pauses_for_an_announcement_and_goes_on_where_it_was(
    site: Site, phone: Phone, directory: Path
) -> None:
    call, caller = await answered(site, phone)
    music = directory / "music.wav"
    _joined(music, wav(directory / "a.wav", 600, 1.5), wav(directory / "b.wav", 1000, 20))
    announcement = wav(directory / "announcement.wav", 1900, 1.5)
    await call.do(Play("music", (str(music),), loop=True))
    await until(lambda: caller.hears(1000))

    await call.do(Play("announcement", (str(announcement),)))
    await until(lambda: caller.hears(1900) and not caller.hears(1000))
    await next_of(call, Played)
    caller.heard.clear()

    await until(lambda: caller.hears(1000) or caller.hears(600))
    assert caller.hears(1000), "the music began again"


async def test_a_loop_that_is_played_to_nobody_keeps_its_place(site: Site, phone: Phone, directory: Path) -> None:
    call, caller = await answered(site, phone)
    music = directory / "music.wav"
    _joined(music, wav(directory / "a.wav", 600, 1.5), wav(directory / "b.wav", 1000, 20))
    play = Play("music", (str(music),), loop=True)
    await call.do(play)
    await until(lambda: caller.hears(1000))

    await call.do(replace(play, to=()))
    await until(lambda: goertzel(b"".join(caller.heard), 1000) < 50)
    caller.heard.clear()
    await call.do(play)

    await until(lambda: caller.hears(1000) or caller.hears(600))
    assert caller.hears(1000), "the music began again"


def _joined(out: Path, *parts: Path) -> None:
    with wave.open(str(out), "wb") as joined:
        for part in parts:
            with wave.open(str(part)) as source:
                if joined.tell() == 0:
                    joined.setparams(source.getparams())
                joined.writeframes(source.readframes(source.getnframes()))


async def test_digits_are_reported_one_by_one(site: Site, phone: Phone) -> None:
    call, caller = await answered(site, phone)
    await until(lambda: caller.rtp_target)

    caller.press("19#")

    assert [await next_of(call, Digit) for _ in range(3)] == [Digit("caller", d) for d in "19#"]
