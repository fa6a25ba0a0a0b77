"""What a waiting caller is told: their place, a wait that is not too short, and always the way to the control room."""

from __future__ import annotations

from pathlib import Path

import pytest

from channels.voice.sounds import Sounds
from config.load import load
from config.voice import Voice

NAMES = (
    *("position_1", "position_2", "position_many", "emergency_reminder", "comfort_a", "comfort_b", "wait_many"),
    *(f"wait_{minutes}" for minutes in (*range(1, 11), 15, 20, 30)),
)


def voice(prompts_dir: Path, comfort: tuple[str, ...]) -> Voice:
    settings = load(overlay={"edge": {"phone_secret": "x"}})
    return settings.voice.model_copy(update={"prompts_dir": prompts_dir, "comfort": comfort})


@pytest.fixture
def sounds(tmp_path: Path) -> Sounds:
    for name in (*NAMES, "cy/position_many", "cy/emergency_reminder", "cy/wait_2"):
        (tmp_path / f"{name}.wav").parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.wav").touch()
    return Sounds(voice(tmp_path, ("comfort_a", "comfort_b")))


def names(sounds: Sounds, files: tuple[str, ...]) -> list[str]:
    return [str(Path(file).relative_to(sounds.voice.prompts_dir).with_suffix("")) for file in files]


def test_a_waiting_caller_hears_place_wait_comfort_and_the_reminder(sounds: Sounds) -> None:
    assert names(sounds, sounds.waiting(2, 170)) == ["position_2", "wait_3", "comfort_a", "emergency_reminder"]


def test_nothing_is_said_of_a_wait_that_is_not_known(sounds: Sounds) -> None:
    assert names(sounds, sounds.waiting(1, None)) == ["position_1", "comfort_a", "emergency_reminder"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "1"),
        (60, "1"),
        (61, "2"),
        (600, "10"),
        (601, "15"),
        (1201, "30"),
        (1800, "30"),
        (1801, "many"),
        (9e9, "many"),
    ],
)
def test_the_wait_is_never_said_to_be_shorter_than_expected(sounds: Sounds, seconds: float, said: str) -> None:
    assert names(sounds, sounds.waiting(1, seconds))[1] == f"wait_{said}"


def test_comfort_messages_take_turns_and_may_be_none(sounds: Sounds) -> None:
    heard = [names(sounds, sounds.waiting(1, None, turn))[1] for turn in range(3)]
    assert heard == ["comfort_a", "comfort_b", "comfort_a"]
    none = Sounds(sounds.voice.model_copy(update={"comfort": ()}))
    assert names(none, none.waiting(1, None)) == ["position_1", "emergency_reminder"]


def test_each_file_is_in_the_callers_language_if_it_is_there(sounds: Sounds) -> None:
    welsh = Sounds(sounds.voice, "cy")
    assert names(welsh, welsh.waiting(2, 90)) == ["position_2", "cy/wait_2", "comfort_a", "cy/emergency_reminder"]
    assert names(welsh, welsh.waiting(40, None))[0] == "cy/position_many"


def test_a_place_is_said_by_its_number_or_as_many(sounds: Sounds) -> None:
    assert names(sounds, sounds.waiting(2, None))[0] == "position_2"
    assert names(sounds, sounds.waiting(40, None))[0] == "position_many"


def test_what_is_not_made_yet_is_left_out_but_never_the_reminder(tmp_path: Path) -> None:
    bare = Sounds(voice(tmp_path, ("comfort_a",)))
    assert names(bare, bare.waiting(1, 60)) == ["emergency_reminder"]


def test_a_number_is_read_back_digit_by_digit(sounds: Sounds) -> None:
    assert names(sounds, sounds.digits("+44 16")) == ["digit_4", "digit_4", "digit_1", "digit_6"]
