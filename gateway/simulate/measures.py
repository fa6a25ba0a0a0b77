"""What a simulation is asked for, gathered while it runs: waits, who gave up, who was busy."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist, fmean, stdev

from routing.model import Channel

Key = tuple[str, Channel]
BATCHES = 40


def seconds() -> array[float]:
    return array("d")


@dataclass(slots=True)
class Waits:
    """Of one queue and channel. ``answered``, ``abandoned``: how long each waited; ``began``, ``left``: since when."""

    target: float
    ignore: float
    offered: int = 0
    answered: array[float] = field(default_factory=seconds)
    abandoned: array[float] = field(default_factory=seconds)
    began: array[float] = field(default_factory=seconds)
    left: array[float] = field(default_factory=seconds)

    @property
    def within_target(self) -> float:
        """Of all that came in."""
        return share(sum(wait <= self.target for wait in self.answered), self.offered)

    @property
    def abandoned_late(self) -> int:
        """Those who had waited longer than what the queue ignores."""
        return sum(wait > self.ignore for wait in self.abandoned)


@dataclass(slots=True)
class CentreWork:
    posts: int = 0
    handled: int = 0
    signed_in: float = 0.0
    busy: float = 0.0


@dataclass(frozen=True, slots=True)
class Moment:
    """How things stood at one moment."""

    at: float
    signed_in: int
    busy: int
    waiting: int


@dataclass(slots=True)
class Measures:
    waits: dict[Key, Waits] = field(default_factory=dict)
    emergencies: dict[Channel, array[float]] = field(default_factory=dict)
    centres: dict[str, CentreWork] = field(default_factory=dict)
    moments: list[Moment] = field(default_factory=list)
    left_open: int = 0
    contacts: int = 0
    decisions: int = 0


def share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def mean(values: Sequence[float]) -> float:
    return fmean(values) if values else 0.0


def percentile(values: Iterable[float], percent: float) -> float:
    """By nearest rank; 0 of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)] if ordered else 0.0


def interval(values: Sequence[float], confidence: float = 0.95) -> float:
    """Half the width of the mean's confidence interval, by batch means: waits near each other are alike."""
    size = len(values) // BATCHES
    if size == 0:
        return math.inf
    means = [fmean(values[n * size : (n + 1) * size]) for n in range(BATCHES)]
    return NormalDist().inv_cdf(0.5 + confidence / 2) * stdev(means) / math.sqrt(BATCHES)
