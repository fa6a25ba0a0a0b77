"""When contacts come in: at random, at a rate that changes with the hour, the weekday and bursts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from random import Random

from gateway.simulate.scenario import HOURS, WEEKDAYS, Demand, Scenario

STEP = 900.0  # clocks differ from UTC by quarters of an hour, so within a step the rate stays


def arrivals(demand: Demand, scenario: Scenario, chance: Random) -> Iterator[float]:
    """The times of arrival, in order: a Poisson process whose rate is constant within each step."""
    begin = scenario.begins
    while begin < scenario.ends:
        end = min(begin + STEP, scenario.ends)
        for since, until, rate in _pieces(demand, scenario, begin, end):
            if rate <= 0:
                continue
            at = since + chance.expovariate(rate)
            while at < until:
                yield at
                at += chance.expovariate(rate)
        begin = end


def _pieces(demand: Demand, scenario: Scenario, begin: float, end: float) -> Iterator[tuple[float, float, float]]:
    """(since, until, arrivals a second), cut where a burst begins or ends."""
    rate = rate_at(demand, datetime.fromtimestamp(begin, scenario.zone))
    bursts = [(scenario.at(b.begins), b.minutes * 60, b.times) for b in scenario.bursts if b.demand == demand.id]
    cuts = sorted({begin, end, *(t for b, long, _ in bursts for t in (b, b + long) if begin < t < end)})
    for since, until in pairwise(cuts):
        times = [times for b, long, times in bursts if b <= since < b + long]
        yield since, until, rate * max(times, default=1.0)


def rate_at(demand: Demand, local: datetime) -> float:
    """Arrivals a second at this local time, bursts aside."""
    hour = demand.by_hour[local.hour] * HOURS / sum(demand.by_hour)
    day = demand.by_weekday[local.weekday()] * WEEKDAYS / sum(demand.by_weekday)
    return demand.hourly * hour * day / 3600
