"""When contacts come in: at random, at a rate that changes with the hour, the weekday and bursts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from random import Random

from gateway.simulate.scenario import Demand, Scenario

STEP = 900.0  # clocks differ from UTC by quarters of an hour, so within a step the rate stays
Piece = tuple[float, float, float]  # since, until, so many times as many as usual


def arrivals(demand: Demand, scenario: Scenario, chance: Random) -> Iterator[float]:
    """The times of arrival, in order: a Poisson process whose rate is constant within each step."""
    begin, ends, zone = scenario.begins, scenario.ends, scenario.zone
    bursts = _bursts(demand, scenario)
    while begin < ends:
        end = min(begin + STEP, ends)
        usual = demand.rate_at(datetime.fromtimestamp(begin, zone))
        for since, until, times in _pieces(bursts, begin, end):
            rate = usual * times
            if rate <= 0:
                continue
            at = since + chance.expovariate(rate)
            while at < until:
                yield at
                at += chance.expovariate(rate)
        begin = end


def _bursts(demand: Demand, scenario: Scenario) -> list[Piece]:
    begun = ((scenario.at(burst.begins), burst) for burst in scenario.bursts if burst.demand == demand.id)
    return [(begins, begins + burst.minutes * 60, burst.times) for begins, burst in begun]


def _pieces(bursts: list[Piece], begin: float, end: float) -> Iterator[Piece]:
    """All from ``begin`` to ``end``, cut where a burst begins or ends."""
    cuts = sorted({begin, end, *(t for since, until, _ in bursts for t in (since, until) if begin < t < end)})
    for piece, following in pairwise(cuts):
        yield piece, following, max((times for b, until, times in bursts if b <= piece < until), default=1.0)
