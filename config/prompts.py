"""The words callers hear, in each language."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field, field_validator

from config.section import Identifier, Language, Section

# What a call's story says; config.prompts.texts must have the words for each.
SPOKEN = (
    *("recording_notice", "greeting", "emergency_reminder", "control_room", "calling", "position_many"),
    *("keep_place_offer", "keep_place_number", "keep_place_done", "key_number", "closed", "goodbye", "invalid_choice"),
    *("voicemail_greeting", "voicemail_review", "voicemail_saved", "transfer_failed", "supervisor_joined", "wait_many"),
    *("overflow_stay", "overflow_callback"),
    *(f"digit_{digit}" for digit in range(10)),
)


class Spoken(Section):
    """The prompts in one more language; what it has no words for is said in the first language."""

    voice: str
    texts: dict[Identifier, Annotated[str, Field(min_length=1)]]


class Prompts(Section):
    """The words callers hear; each becomes ``<name>.wav``, synthesised at set-up or recorded by you."""

    voice: str
    words_per_minute: Annotated[int, Field(ge=80, le=300)]
    language: Language
    texts: dict[Identifier, str]
    languages: dict[Language, Spoken]

    @field_validator("texts")
    @classmethod
    def _all_there(cls, texts: dict[str, str]) -> dict[str, str]:
        if missing := [name for name in SPOKEN if not texts.get(name)]:
            raise ValueError(f"has no words for {', '.join(missing)}")
        return texts

    @property
    def spoken(self) -> tuple[str, ...]:
        """Every language that a caller can choose, the first one first."""
        return (self.language, *self.languages)

    @property
    def names(self) -> frozenset[str]:
        """Every prompt that there are words for."""
        return frozenset(name for name, words in self.texts.items() if words)

    def without_words(self, comfort: Iterable[str]) -> list[str]:
        """What is wrong with ``voice.comfort`` and with the other languages; each line begins with its key."""
        return [
            *(
                f"voice.comfort: no words for '{name}'; add them to prompts.texts"
                for name in comfort
                if name not in self.names
            ),
            *(
                f"prompts.languages.{language}.texts: '{name}' has no words in prompts.texts, so nothing ever says it"
                for language, spoken in self.languages.items()
                for name in spoken.texts
                if name not in self.names
            ),
        ]
