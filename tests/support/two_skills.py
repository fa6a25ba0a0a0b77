"""Two queues with a skill each, and handlers with one of them or both: the engine's order against fixed priorities.

A fixed priority is the engine's own order with a head start that no wait makes up for, so that all policies are played
by the same engine to the same callers. Each may choose the handler by turn, or who can do nothing else first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from gateway.simulate.measures import BATCHES, interval
from gateway.simulate.scenario import Scenario, scenario_of
from gateway.simulate.simulation import Simulation
from routing.model import Channel

ALWAYS = 10_000_000.0  # seconds: a head start that lasts
WARM_UP_HOURS = 20
TARGETS = {"short": 20.0, "long": 120.0}
PER_HOUR = {"short": 135.0, "long": 72.0}
HANDLING = {"short": 180.0, "long": 300.0}


@dataclass(frozen=True, slots=True)
class Policy:
    """``later``: by how many seconds each queue's contacts are due later than its target says."""

    name: str
    later: tuple[tuple[str, float], ...] = ()
    specialists_first: bool = False


CHOICES = (("by turn", False), ("specialists", True))
OURS = tuple(Policy(f"most overdue first, {how}", (), prefer) for how, prefer in CHOICES)
FIXED = tuple(
    Policy(f"{first} always first, {how}", ((second, ALWAYS),), prefer)
    for first, second in (("short", "long"), ("long", "short"))
    for how, prefer in CHOICES
)


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds by which a contact is answered too late against the queue's real target; the mean of all, and of the
    contacts of each fortieth of the time, so that policies can be compared part by part."""

    policy: Policy
    contacts: int
    mean: float
    parts: Sequence[float]

    @property
    def half(self) -> float:
        return interval(self.parts)


def cost_of(policy: Policy, contacts: int, seed: int = 1) -> Cost:
    hours = contacts / sum(PER_HOUR.values())
    scenario = _scenario(policy, WARM_UP_HOURS + hours).model_copy(update={"seed": seed})
    measures = Simulation(scenario).run()
    begins, long = scenario.begins + WARM_UP_HOURS * 3600, hours * 3600 / BATCHES
    late, count = [0.0] * BATCHES, [0] * BATCHES
    for queue, target in TARGETS.items():
        waits = measures.waits[queue, Channel.VOICE]
        for began, wait in zip(waits.began, waits.answered, strict=True):
            part = min(BATCHES - 1, int((began - begins) / long))
            late[part] += max(0.0, wait - target)
            count[part] += 1
    return Cost(policy, sum(count), sum(late) / sum(count), [s / n for s, n in zip(late, count, strict=True)])


def dearer_by(one: Cost, other: Cost) -> tuple[float, float]:
    """By how much the first costs more than the other, and half the interval of that: the same callers in both."""
    return one.mean - other.mean, interval([a - b for a, b in zip(one.parts, other.parts, strict=True)])


def _scenario(policy: Policy, hours: float) -> Scenario:
    later = dict(policy.later)
    queues: list[dict[str, Any]] = [
        {
            "id": queue,
            "name": queue,
            "target_seconds": target + later.get(queue, 0.0),
            "skills": [queue],
            "prefers": [f"only-{queue}"] if policy.specialists_first else [],
        }
        for queue, target in TARGETS.items()
    ]
    demand = [
        {"id": q, "queue": q, "channel": "voice", "per_hour": PER_HOUR[q], "handling": {"mean": HANDLING[q]}}
        for q in TARGETS
    ]
    teams = [("short", 5, ["short", "only-short"]), ("long", 4, ["long", "only-long"]), ("both", 7, ["short", "long"])]
    return scenario_of(
        {
            "name": "two skills",
            "start": date(2026, 1, 5),
            "days": hours / 24,
            "warm_up_hours": WARM_UP_HOURS,
            "centres": [{"id": "fcc", "name": "Force Contact Centre"}],
            "queues": queues,
            "demand": demand,
            "teams": [{"id": name, "centre": "fcc", "posts": n, "skills": skills} for name, n, skills in teams],
            "behaviour": {"answer": {"kind": "fixed", "mean": 0}},
        }
    )
