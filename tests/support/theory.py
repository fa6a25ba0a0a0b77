"""A scenario for which theory knows the answer: one queue, equal handlers, exponential times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from gateway.simulate.measures import mean
from gateway.simulate.scenario import Scenario, scenario_of
from gateway.simulate.simulation import Simulation
from routing.erlang import FOREVER, Demand, Service, expected
from routing.model import Channel

TARGET = 20.0


@dataclass(frozen=True, slots=True)
class Found:
    """``waits``: of those who were answered and of those who gave up. ``gave_up``: 1 or 0 for each, in order."""

    contacts: int
    theory: Service
    waits: Sequence[float]
    gave_up: Sequence[float]
    answered_within: float

    @property
    def mean_wait(self) -> float:
        return mean(self.waits)

    @property
    def abandoned(self) -> float:
        return mean(self.gave_up)


def plain(handlers: int, per_hour: float, handling: float, patience: float | None, hours: float) -> Scenario:
    demand: dict[str, Any] = {
        "id": "calls",
        "queue": "general",
        "channel": "voice",
        "per_hour": per_hour,
        "handling": {"mean": handling},
    }
    return scenario_of(
        {
            "name": "theory",
            "start": date(2026, 1, 5),
            "days": hours / 24,
            "warm_up_hours": 20,
            "centres": [{"id": "fcc", "name": "Force Contact Centre"}],
            "queues": [{"id": "general", "name": "General", "target_seconds": TARGET}],
            "demand": [demand | ({"patience": {"mean": patience}} if patience else {})],
            "teams": [{"id": "fcc", "centre": "fcc", "posts": handlers}],
            "behaviour": {"answer": {"kind": "fixed", "mean": 0}},
        }
    )


def against_theory(
    *, handlers: int, per_hour: float, handling: float, contacts: int, patience: float | None = None, seed: int = 1
) -> Found:
    """``handling`` and ``patience`` in seconds; phones are answered at once, as theory has it."""
    scenario = plain(handlers, per_hour, handling, patience, 20 + contacts / per_hour)
    waits = Simulation(scenario.model_copy(update={"seed": seed})).run().waits["general", Channel.VOICE]
    ends = sorted(
        [(began, wait, 0.0) for began, wait in zip(waits.began, waits.answered, strict=True)]
        + [(began, wait, 1.0) for began, wait in zip(waits.left, waits.abandoned, strict=True)]
    )
    return Found(
        contacts=len(ends),
        theory=expected(Demand(per_hour, handling, patience or FOREVER), handlers, TARGET),
        waits=[wait for _, wait, _ in ends],
        gave_up=[gone for _, _, gone in ends],
        answered_within=sum(wait <= TARGET for wait in waits.answered) / waits.offered,
    )
