"""Prompts are made by the real espeak-ng and sox, once, and a site's own recordings are preferred."""

from __future__ import annotations

import wave
from array import array
from pathlib import Path

import pytest

from channels.voice.prompts import PromptError, prepare_music, prepare_prompts, synthesise
from config.prompts import Prompts, Spoken
from gateway.sandbox.tones import measure_tones, write_tone


def prompts(voice: str = "en-gb", **texts: str) -> Prompts:
    """Without the check that every prompt of the story is there: a few are enough here."""
    words = texts or {"greeting": "Hello."}
    return Prompts.model_construct(voice=voice, words_per_minute=150, language="en", texts=words, languages={})


def samples(path: Path) -> array[int]:
    with wave.open(str(path)) as source:
        assert (source.getframerate(), source.getnchannels(), source.getsampwidth()) == (8000, 1, 2)
        return array("h", source.readframes(source.getnframes()))


def peak(path: Path) -> float:
    return max(map(abs, samples(path))) / 32767


def test_each_text_becomes_a_telephone_wav_at_the_same_level(tmp_path: Path) -> None:
    made = synthesise(prompts(greeting="Police. You are in a queue.", goodbye="Goodbye."), tmp_path / "new")

    assert [path.name for path in made] == ["greeting.wav", "goodbye.wav"]
    for path in made:
        assert peak(path) == pytest.approx(0.708, abs=0.02)  # -3 dB
    assert len(samples(made[0])) > len(samples(made[1])) > 2000
    assert not list((tmp_path / "new").glob(".*"))


def test_an_unchanged_text_is_not_made_again_and_a_changed_one_is(tmp_path: Path) -> None:
    [path] = synthesise(prompts(greeting="Hello."), tmp_path)
    before = path.stat().st_ino, path.read_bytes()

    synthesise(prompts(greeting="Hello."), tmp_path)
    assert (path.stat().st_ino, path.read_bytes()) == before

    synthesise(prompts(greeting="Good morning."), tmp_path)
    assert path.read_bytes() != before[1]


def test_a_recording_of_the_site_is_used_instead_of_the_voice(tmp_path: Path) -> None:
    [path] = synthesise(prompts(), tmp_path)
    write_tone(tmp_path / "greeting.recorded.wav", 500, amplitude=0.1)

    synthesise(prompts(), tmp_path)

    assert measure_tones(path, (500,))[500] == pytest.approx(0.708, abs=0.03)


@pytest.mark.parametrize(("texts", "voice"), [({"greeting": ""}, "en-gb"), ({"greeting": "Hi"}, "qqq")])
def test_no_sound_is_an_error_that_names_the_prompt(tmp_path: Path, texts: dict[str, str], voice: str) -> None:
    with pytest.raises(PromptError, match="greeting: espeak-ng"):
        synthesise(prompts(voice, **texts), tmp_path)
    assert not list(tmp_path.glob("*.wav"))


def test_a_text_cannot_be_taken_for_an_option(tmp_path: Path) -> None:
    assert synthesise(prompts(greeting="-w is not an option. Hello."), tmp_path)[0].exists()


def test_a_missing_tool_is_named_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PromptError, match="apt install espeak-ng"):
        synthesise(prompts(), tmp_path)


def test_other_languages_lie_in_their_own_folder_and_tones_beside_the_first(tmp_path: Path) -> None:
    welsh = Spoken(voice="cy", texts={"greeting": "Helo."})
    both = prompts(greeting="Hello.").model_copy(update={"languages": {"cy": welsh}})

    made = prepare_prompts(both, tmp_path)

    assert [str(path.relative_to(tmp_path)) for path in made] == [
        *("greeting.wav", "cy/greeting.wav", "beep.wav", "answer_tone.wav", "hold_tone.wav")
    ]
    assert samples(made[0]) != samples(made[1])
    assert measure_tones(tmp_path / "beep.wav", (1000,))[1000] == pytest.approx(0.355, abs=0.03)  # -9 dB


def test_hold_music_is_all_pieces_at_one_moderate_level(tmp_path: Path) -> None:
    folder = tmp_path / "moh"
    folder.mkdir()
    write_tone(folder / "a.wav", 500, amplitude=0.9)
    write_tone(folder / "b.wav", 900, amplitude=0.05)

    prepare_music(folder, tmp_path / "out" / "music.wav")

    music = samples(tmp_path / "out" / "music.wav")
    assert len(music) == 16000
    for half in (music[:8000], music[8000:]):
        assert max(map(abs, half)) / 32767 == pytest.approx(0.355, abs=0.02)  # -9 dB
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["music.sha256", "music.wav"]


def test_missing_music_says_which_package_to_install(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="apt install asterisk-moh-opsound-wav"):
        prepare_music(tmp_path / "nothing", tmp_path / "music.wav")
