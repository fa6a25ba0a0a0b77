"""Whether anything is heard of the caller: looked at a few times a second, and only while somebody wants to know."""

from __future__ import annotations

import time
from collections.abc import Callable

from channels.voice.engine import Engine
from channels.voice.legs import Leg
from channels.voice.messages import Event, Heard, LegName, Silent
from channels.voice.mixer import Mixer
from channels.voice.timers import Timers

LOOK_SECONDS = 0.25
# The stack's level of a 20 ms frame: full speech 18 to 28, a whisper 10, the noise of a quiet room 1 to 4 (-50 dB).
LOUD = 8
# A single frame may be a click.
LOUD_LOOKS = 2

CALLER: LegName = "caller"
EAR = "(ear)"


class Ear:
    """``legs`` is the call's own table."""

    def __init__(self, engine: Engine, mixer: Mixer, legs: dict[LegName, Leg]) -> None:
        self._engine, self._mixer, self._legs = engine, mixer, legs
        self._open = False

    @property
    def there(self) -> bool:
        return CALLER in self._legs and self._legs[CALLER].alive

    def hears(self) -> bool:
        """Whether the caller's line is loud now. Comfort noise, missing packets and a held line are silence."""
        if not self._open:
            self._open = True  # the stack measures only what somebody listens to
            self._mixer.tap(CALLER, EAR, self._engine.sink())
        return self.there and self._legs[CALLER].level() >= LOUD


class SilenceWatch:
    """Tells once that nothing was heard of the caller for the whole time, and once that they are heard after that.
    Whoever is heard before is not watched any longer."""

    def __init__(self, ear: Ear, timers: Timers, tell: Callable[[Event], None]) -> None:
        self._ear, self._timers, self._tell = ear, timers, tell
        self._watching = self._told = False
        self._seconds = self._began = 0.0
        self._loud = 0

    def begin(self, seconds: float) -> None:
        if not self._watching:
            self._watching, self._told, self._loud = True, False, 0
            self._seconds, self._began = seconds, time.monotonic()
            self._look()

    def _look(self) -> None:
        self._loud += self._ear.hears()
        silent_for = time.monotonic() - self._began
        if self._loud >= LOUD_LOOKS or not self._ear.there:
            self._end()
            return
        if silent_for >= self._seconds and not self._told:
            self._told = True
            self._tell(Silent(CALLER, silent_for))
        self._timers.after(LOOK_SECONDS, self._look)

    def _end(self) -> None:
        self._watching = False
        if self._told and self._ear.there:
            self._tell(Heard(CALLER))
