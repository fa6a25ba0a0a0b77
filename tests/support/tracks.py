"""What can be heard on each channel of a kept recording, quarter second by quarter second."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from pathlib import Path

import soundfile

from tests.channels.voice.raw_sip import goertzel

WINDOW = 2000  # samples: a quarter of a second
LOUD = 1000  # amplitude, of 32,767


@dataclass(frozen=True)
class Tracks:
    """16-bit samples at 8 kHz. ``left``: the caller; ``right``: the police side."""

    left: bytes
    right: bytes

    @classmethod
    def of(cls, path: Path) -> Tracks:
        with soundfile.SoundFile(path) as file:
            assert (file.channels, file.samplerate) == (2, 8000)
            both = array("h", bytes(file.buffer_read(dtype="int16")))
        return cls(both[0::2].tobytes(), both[1::2].tobytes())

    def heard(self, side: bytes, hertz: float) -> list[bool]:
        """In which quarters of a second this tone is."""
        ends = range(2 * WINDOW, len(side) + 1, 2 * WINDOW)
        return [goertzel(side[end - 2 * WINDOW : end], hertz) > LOUD for end in ends]

    def silences(self) -> list[int]:
        """The quarters of a second in which neither side has any sound at all."""
        quarters = range(0, min(len(self.left), len(self.right)) - 2 * WINDOW + 1, 2 * WINDOW)
        spans = [(q // (2 * WINDOW), slice(q, q + 2 * WINDOW)) for q in quarters]
        return [n for n, span in spans if not any(self.left[span]) and not any(self.right[span])]
