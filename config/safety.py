"""What may still reach a person whom it is not safe to call or to write to."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field

from config.disguised import plain, readings
from config.section import Identifier, Section

# How safe it is to reach a person, the safest first.
Mark = Literal["normal", "unsafe", "never", "silent"]
MARKS: tuple[Mark, ...] = ("normal", "unsafe", "never", "silent")
# ``neutral``: a call without our number, words that do not tell who writes.
Verdict = Literal["free", "neutral", "refuse"]


class Reach(Section):
    """What a mark allows on each channel."""

    voice: Verdict
    text: Verdict
    email: Verdict


class Safety(Section):
    """``acknowledgement``: the template for a person who may be reached with neutral words only; '' sends none."""

    unsafe: Reach = Reach(voice="neutral", text="neutral", email="neutral")
    never: Reach = Reach(voice="refuse", text="neutral", email="neutral")
    silent: Reach = Reach(voice="refuse", text="refuse", email="refuse")
    cannot_speak: Mark = "never"
    unsafe_to_write: Mark = "silent"
    words_to_avoid: tuple[Annotated[str, Field(min_length=2)], ...] = ()
    acknowledgement: Identifier | Literal[""] = ""

    def reach(self, mark: Mark) -> Reach | None:
        """None: nothing is restricted."""
        return None if mark == "normal" else {"unsafe": self.unsafe, "never": self.never, "silent": self.silent}[mark]

    def telling(self, text: str) -> str:
        """The first of ``words_to_avoid`` that the text has, however it is disguised; '' when it is neutral."""
        looked_at = "\n".join(readings(text))
        return next((w for w in self.words_to_avoid if re.search(rf"\b{re.escape(plain(w))}", looked_at)), "")
