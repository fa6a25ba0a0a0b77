"""What triage says of a message. It can only raise: there is no result that lowers, closes or refuses."""

from __future__ import annotations

from dataclasses import dataclass


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
    def in_words(self) -> str:
        """For a handler, for example: sounds like an emergency: "he has a knife" (weapon, now). '' when it does not."""
        if not self.sounds_like_emergency:
            return ""
        said = (f'"{r.words}" ({r.rule}{", now" if r.now else ""})' for r in self.why)
        return f"sounds like an emergency: {'; '.join(said)}"


NOTHING = Finding(False)
