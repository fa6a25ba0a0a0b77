"""What triage says of a message. It can only raise: there is no result that lowers, closes or refuses."""

from __future__ import annotations

from dataclasses import dataclass

BY_WEIGHT = "like other emergency messages"  # instead of a rule: the words alone, by their weight
QUOTED_WORDS = 4
QUOTED_CHARACTERS = 24  # of each word


@dataclass(frozen=True, slots=True)
class Reason:
    """A sign of danger: the rule, and the words as written, ``text[start:end]``. ``now``: it is said to go on now."""

    rule: str
    words: str
    start: int
    end: int
    now: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """Something a handler will ask for, as written.

    ``kind``: place, service, direction, carriage, time, weapon, injury, self_harm, cannot_speak or unsafe_to_write
    (also of what sounds like no emergency).
    """

    kind: str
    words: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Finding:
    """``why`` is empty unless it sounds like an emergency."""

    sounds_like_emergency: bool
    why: tuple[Reason, ...] = ()
    found: tuple[Found, ...] = ()

    @property
    def names_danger(self) -> bool:
        """Whether a rule raised it, and not only the likeness to other messages."""
        return any(reason.rule != BY_WEIGHT for reason in self.why)

    @property
    def in_words(self) -> str:
        """For a handler, for example: sounds like an emergency: "he has a knife" (weapon, now). '' when it does not."""
        if not self.sounds_like_emergency:
            return ""
        said = (f'"{_quoted(r)}" ({r.rule}{", now" if r.now else ""})' for r in self.why)
        return f"sounds like an emergency: {'; '.join(said)}"


def _quoted(reason: Reason) -> str:
    """Short enough for an alarm. What a rule found is a few words; of what only weighs the first ones are enough."""
    words = reason.words.split()
    shown = words[:QUOTED_WORDS] if reason.rule == BY_WEIGHT else words
    return " ".join(word if len(word) <= QUOTED_CHARACTERS else f"{word[:QUOTED_CHARACTERS]}…" for word in shown)


NOTHING = Finding(False)
