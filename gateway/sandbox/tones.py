"""Tones: written to be said by a phone, measured in what another one heard. 8 kHz, 16 bit, mono."""

from __future__ import annotations

import math
import wave
from array import array
from pathlib import Path

RATE = 8000
FULL_SCALE = 32767


def write_tone(path: Path, frequency: int, *, amplitude: float = 0.25) -> Path:
    """One second of a sine; whole periods, so that it can be played again and again without a click."""
    step = 2 * math.pi * frequency / RATE
    samples = array("h", (int(FULL_SCALE * amplitude * math.sin(step * n)) for n in range(RATE)))
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.tobytes())
    return path


def measure_tones(path: Path, frequencies: tuple[int, ...]) -> dict[int, float]:
    """Each frequency's amplitude in a WAV file, 1.0 being full scale; 0 when there is no sound."""
    with wave.open(str(path), "rb") as source:
        samples = array("h", source.readframes(source.getnframes()))
    return {frequency: _goertzel(samples, frequency) for frequency in frequencies}


def _goertzel(samples: array[int], frequency: int) -> float:
    """The amplitude of one frequency (Goertzel's algorithm)."""
    if not samples:
        return 0.0
    step = 2 * math.pi * frequency / RATE
    coefficient = 2 * math.cos(step)
    before, last = 0.0, 0.0
    for sample in samples:
        before, last = last, sample + coefficient * last - before
    power = before**2 + last**2 - coefficient * before * last
    return 2 * math.sqrt(max(power, 0.0)) / len(samples) / FULL_SCALE
