"""What callers hear, by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from channels.voice.prompts import TONES
from config.prompts import SPOKEN
from config.voice import Voice

# Waits are said in whole minutes, rounded up, so that nobody is promised less than what is expected.
_BANDS_MINUTES = (*range(1, 11), 15, 20, 30)


@dataclass(frozen=True, slots=True)
class Sounds:
    """``language``: what is said in; what is not there in it is said in the first language ('' is that one)."""

    voice: Voice
    language: str = ""

    def prompt(self, name: str) -> str:
        """The path of a prompt's WAV file."""
        own = self.voice.prompts_dir / self.language / f"{name}.wav"
        return str(own if self.language and own.exists() else self.voice.prompts_dir / f"{name}.wav")

    def welcome(self) -> tuple[str, ...]:
        return self.prompt("recording_notice"), self.prompt("greeting")

    def music(self) -> tuple[str, ...]:
        return (str(self.voice.music),)

    def calling(self) -> tuple[str, ...]:
        """What the handler hears while the person is being called."""
        return (self.prompt("calling"),)

    def waiting(self, place: int, expected_seconds: float | None, turn: int = 0) -> tuple[str, ...]:
        """One announcement to a waiting caller: place, expected wait if there is one, comfort, emergency.

        ``turn`` counts the announcements this caller has heard, so that the comfort messages take turns.
        """
        names = [] if expected_seconds is None else [_wait_name(expected_seconds)]
        if comfort := self.voice.comfort:
            names.append(comfort[turn % len(comfort)])
        said = [file for file in map(self.prompt, names) if Path(file).exists()]
        return (*self._place(place), *said, self.prompt("emergency_reminder"))

    def digits(self, number: str) -> tuple[str, ...]:
        """A number read back, digit by digit; a '+' and spaces are not said."""
        return tuple(self.prompt(f"digit_{digit}") for digit in number if digit in "0123456789")

    def missing(self) -> list[str]:
        """The files that callers should hear and that are not there."""
        files = [self.voice.music, *(self.voice.prompts_dir / f"{name}.wav" for name in (*SPOKEN, *TONES))]
        return [str(file) for file in files if not file.exists()]

    def _place(self, place: int) -> tuple[str, ...]:
        # 'More than ten' in the caller's language must not be preferred to the right number in the first one.
        names = (f"position_{place}", "position_many")
        found = (file for name in names if Path(file := self.prompt(name)).exists())
        return next(((file,) for file in found), ())


def _wait_name(seconds: float) -> str:
    band = next((minutes for minutes in _BANDS_MINUTES if seconds <= minutes * 60), "many")
    return f"wait_{band}"
