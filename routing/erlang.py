"""How many handlers a load needs, by theory: the Erlang B, C and A formulas.

Contacts arrive at random (Poisson), are handled for an exponential time and are served in order. B: who finds
everybody busy is turned away. C: who waits, waits however long it takes. A: who waits, gives up after an
exponential patience (M/M/n+M, Palm's model).

Times are seconds, a load is in erlangs (arrivals times handling time), shares are between 0 and 1.

Sources: A. K. Erlang, "Solution of some problems in the theory of probabilities of significance in automatic
telephone exchanges", 1917 (B, C); C. Palm, "Research on telephone traffic carried by full availability groups",
1957, and O. Garnett, A. Mandelbaum, M. Reiman, "Designing a call center with impatient customers",
Manufacturing & Service Operations Management 4(3), 2002 (A); S. Zeltyn, A. Mandelbaum, "Call centers with impatient
customers: many-server asymptotics of the M/M/n+G queue", Queueing Systems 51, 2005 (the density of the wait).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

FOREVER = math.inf
NEGLIGIBLE = 1e-17
STEPS = 4000


@dataclass(frozen=True, slots=True)
class Demand:
    """What comes in. ``patience_seconds``: the mean time after which who waits gives up."""

    per_hour: float
    handling_seconds: float
    patience_seconds: float = FOREVER

    def __post_init__(self) -> None:
        if not (0 < self.per_hour < math.inf and 0 < self.handling_seconds < math.inf and self.patience_seconds > 0):
            raise ValueError(f"arrivals, handling time and patience must be above 0: {self}")

    @property
    def load(self) -> float:
        """In erlangs: how many handlers it would keep busy without a pause."""
        return self.per_hour * self.handling_seconds / 3600


@dataclass(frozen=True, slots=True)
class Service:
    """What those who come in find.

    ``waiting``: the share that finds everybody busy. ``mean_wait``: of everybody, those who give up too; infinite where
    the queue grows without end. ``answered_within``: the share that is answered in the time asked about.
    """

    waiting: float
    mean_wait: float
    answered_within: float
    abandoned: float
    occupancy: float


def turned_away(load: float, handlers: int) -> float:
    """Erlang B: the share that finds everybody busy, where nobody waits."""
    inverse = 1.0
    for n in range(1, handlers + 1):
        inverse = 1.0 + inverse * n / load  # of the inverse, which only grows: stable for any number of handlers
        if math.isinf(inverse):
            return 0.0
    return 1.0 / inverse


def has_to_wait(load: float, handlers: int) -> float:
    """Erlang C: the share that finds everybody busy and waits; 1 where the handlers cannot carry the load."""
    if load >= handlers:
        return 1.0
    blocked = turned_away(load, handlers)
    return blocked / (1.0 - load / handlers * (1.0 - blocked))


def expected(demand: Demand, handlers: int, within: float) -> Service:
    """What ``handlers`` give this demand: Erlang A, or C where nobody gives up. ``within``: seconds."""
    if handlers < 1:
        raise ValueError(f"at least one handler is needed, not {handlers}")
    formula = _patient if math.isinf(demand.patience_seconds) else _impatient
    return formula(demand, handlers, within)


def handlers_needed(demand: Demand, within: float, share: float, abandoned: float = 1.0) -> int:
    """The fewest that answer this share within so many seconds and lose no more than ``abandoned``."""
    if not 0 < share < 1:
        raise ValueError(f"the share to be answered in time must lie between 0 and 1, not {share}")

    def enough(handlers: int) -> bool:
        service = expected(demand, handlers, within)
        return service.answered_within >= share and service.abandoned <= abandoned

    return _first(enough)


def _first(enough: Callable[[int], bool]) -> int:
    """The first number that is enough: more handlers never serve worse."""
    high = next(1 << power for power in count() if enough(1 << power))
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _patient(demand: Demand, handlers: int, within: float) -> Service:
    load = demand.load
    if load >= handlers:
        return Service(1.0, FOREVER, 0.0, 0.0, 1.0)
    waiting = has_to_wait(load, handlers)
    spare = (handlers - load) / demand.handling_seconds
    return Service(waiting, waiting / spare, 1.0 - waiting * math.exp(-spare * within), 0.0, load / handlers)


def _impatient(demand: Demand, handlers: int, within: float) -> Service:
    arrivals, leaving = demand.per_hour / 3600, 1 / demand.patience_seconds
    serving = handlers / demand.handling_seconds
    scale, waiting, queue = _states(arrivals, serving, leaving, turned_away(demand.load, handlers))
    # The density of the wait of one who would stay (Zeltyn and Mandelbaum, 2005), times the chance to stay that long.

    def exponent(seconds: float) -> float:
        gone = -math.expm1(-leaving * seconds) / leaving
        return arrivals * gone - (serving + leaving) * seconds - scale

    def over(seconds: float) -> bool:
        falling = arrivals * math.exp(-leaving * seconds) < serving + leaving
        return falling and exponent(seconds) < math.log(NEGLIGIBLE)

    last = next(seconds for n in count() if over(seconds := 2.0**n / serving))
    answered = 1.0 - waiting + _integral(lambda seconds: serving * math.exp(exponent(seconds)), min(within, last))
    lost = leaving * queue / arrivals
    return Service(waiting, queue / arrivals, answered, lost, demand.load * (1.0 - lost) / handlers)


def _states(arrivals: float, serving: float, leaving: float, blocked: float) -> tuple[float, float, float]:
    """Minus the logarithm of the chance that all are busy and nobody waits, the chance that all are busy, and
    how many wait in the mean. Weights are kept as logarithms, so that no overload overflows."""
    below = -math.inf if blocked == 1.0 else math.log(1.0 / blocked - 1.0) if blocked else math.inf
    if math.isinf(below):
        return math.inf, 0.0, 0.0
    logs = [0.0]
    while True:
        step = math.log(arrivals / (serving + len(logs) * leaving))
        logs.append(logs[-1] + step)
        if step < 0 and logs[-1] < max(logs[0], below) + math.log(NEGLIGIBLE):
            break
    highest = max(below, *logs)
    weights = [math.exp(weight - highest) for weight in logs]
    busy = math.fsum(weights)
    total = math.exp(below - highest) + busy
    queue = math.fsum(n * weight for n, weight in enumerate(weights)) / total
    return highest + math.log(total), busy / total, queue


def _integral(function: Callable[[float], float], until: float) -> float:
    """From 0, by Simpson's rule."""
    width = until / STEPS
    inner = math.fsum((4 if n % 2 else 2) * function(n * width) for n in range(1, STEPS))
    return (function(0.0) + inner + function(until)) * width / 3
