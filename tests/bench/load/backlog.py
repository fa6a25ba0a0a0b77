"""What was recorded and is not yet made into the recording that is kept: how much, and how long until all is."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Self

from channels.voice.recordings import unfinished
from tests.bench.lib import Report
from tests.bench.load.site import Site

STANDSTILL_SECONDS = 60.0
TELL_EVERY = 500
LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Backlog:
    """``late``: recordings that were not made when the last call had ended; ``never``: not after a minute in which
    none was made either; ``seconds``: from then until the last one was made."""

    late: int
    never: int
    seconds: float

    @classmethod
    async def worked_off(cls, here: Site) -> Self:
        """Once all are made, or none is made any more."""
        began = moved_at = time.monotonic()
        late = left = _left(here)
        said = late
        while left and time.monotonic() - moved_at < STANDSTILL_SECONDS:
            await asyncio.sleep(LOOK_SECONDS)
            now = _left(here)
            if now < left:
                left, moved_at = now, time.monotonic()
            if said - left >= TELL_EVERY:
                said = left
                print(f"  {left} recordings are still to be made", flush=True)
        return cls(late, left, moved_at - began)

    def report(self, report: Report) -> None:
        report.value("recordings not yet made when the last call had ended", self.late, "recordings")
        report.value("recordings that were not made at all", self.never, "recordings", target=0)
        report.value("until the last one was made", self.seconds, "s")


def _left(here: Site) -> int:
    return len(unfinished(here.settings.voice.recordings_dir))
