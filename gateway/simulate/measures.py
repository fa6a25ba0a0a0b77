"""What a simulation is asked for, gathered while it runs: waits, who gave up, who was busy."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist, fmean, stdev

from gateway.statistics.facts import Outcome
from gateway.statistics.level import kept
from routing.model import Channel

Key = tuple[str, Channel]
BATCHES = 40


def seconds() -> array[float]:
    return array("d")


@dataclass(slots=True)
class Waits:
    """Of one queue and channel, with all who were led on to it; ``led_on`` from it, and so of another, are so many.
    ``answered``, ``control_room``, ``abandoned``, ``waiting``: how long each waited from the beginning until a handler,
    the control room, the hang-up or the end. ``began``, ``left``: when the answered and the abandoned began.
    """

    target: float
    ignore: float
    offered: int = 0
    led_on: int = 0
    answered: array[float] = field(default_factory=seconds)
    control_room: array[float] = field(default_factory=seconds)
    abandoned: array[float] = field(default_factory=seconds)
    waiting: array[float] = field(default_factory=seconds)
    began: array[float] = field(default_factory=seconds)
    left: array[float] = field(default_factory=seconds)

    @property
    def service_level(self) -> float | None:
        """As the statistics define it."""
        ends: dict[Outcome, array[float]] = {
            "answered": self.answered,
            "control_room": self.control_room,
            "abandoned": self.abandoned,
            "waiting": self.waiting,
        }
        found = [kept(how, wait, self.target, self.ignore) for how, waits in ends.items() for wait in waits]
        return share(found.count(True), found.count(True) + found.count(False))

    @property
    def abandoned_early(self) -> int:
        """Those who hung up sooner than what the queue counts."""
        return sum(wait < self.ignore for wait in self.abandoned)


@dataclass(slots=True)
class Emergencies:
    """Of one channel. ``answered``: by a handler first, ``control_room``: by it first. ``waits``: of everybody until a
    handler, also where the control room was sooner."""

    offered: int = 0
    answered: int = 0
    control_room: int = 0
    abandoned: int = 0
    waits: array[float] = field(default_factory=seconds)


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


@dataclass(frozen=True, slots=True)
class LeftOpen:
    """Who was not done with at the end. ``arriving``: not in a queue yet. ``in_hand``: with a handler, in wrap-up, or
    with the control room. ``later``: to be called back, or to be looked at once more."""

    arriving: int = 0
    waiting: int = 0
    in_hand: int = 0
    later: int = 0


@dataclass(slots=True)
class Measures:
    waits: dict[Key, Waits] = field(default_factory=dict)
    emergencies: dict[Channel, Emergencies] = field(default_factory=dict)
    centres: dict[str, CentreWork] = field(default_factory=dict)
    moments: list[Moment] = field(default_factory=list)
    left_open: LeftOpen = LeftOpen()
    contacts: int = 0
    decisions: int = 0


def share(part: float, whole: float) -> float | None:
    """None of nothing."""
    return part / whole if whole else None


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
