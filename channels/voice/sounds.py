"""What callers hear, by name."""

from __future__ import annotations

from dataclasses import dataclass

from channels.voice.prompts import number_files
from config.settings import SPOKEN, Voice


@dataclass(frozen=True, slots=True)
class Sounds:
    voice: Voice

    def prompt(self, name: str) -> str:
        """The path of a prompt's WAV file."""
        return str(self.voice.prompts_dir / f"{name}.wav")

    def welcome(self) -> tuple[str, ...]:
        return self.prompt("recording_notice"), self.prompt("greeting")

    def music(self) -> tuple[str, ...]:
        return (str(self.voice.music),)

    def calling(self) -> tuple[str, ...]:
        """What the handler hears while the person is being called."""
        return (self.prompt("calling"),)

    def position(self, place: int) -> tuple[str, ...]:
        """'You are number N in the queue', and how to say that it is an emergency."""
        return (*number_files(place, self.voice.prompts_dir), self.prompt("emergency_reminder"))

    def missing(self) -> list[str]:
        """The files that callers should hear and that are not there."""
        files = [self.voice.music, *(self.voice.prompts_dir / f"{name}.wav" for name in SPOKEN)]
        return [str(file) for file in files if not file.exists()]
