"""How long things take, by chance: handling, patience, picking up the phone. Seconds."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Annotated, Literal

from pydantic import Field, model_validator

from config.section import Section

Draw = Callable[[], float]
LONGEST = 366 * 86_400
WIDEST = 1000  # times the mean; what is wider has no figures that a computer could hold


class Spread(Section):
    """``fixed``: always the mean. ``exponential``. ``lognormal``: with a long tail; needs ``deviation``,
    the standard deviation. Both are a year at most."""

    kind: Literal["fixed", "exponential", "lognormal"] = "exponential"
    mean: Annotated[float, Field(ge=0, le=LONGEST)]
    deviation: Annotated[float, Field(gt=0, le=LONGEST)] | None = None

    @model_validator(mode="after")
    def _deviation_where_it_counts(self) -> Spread:
        if (self.kind == "lognormal") != (self.deviation is not None):
            raise ValueError("deviation is given for lognormal, and only there")
        if self.kind != "fixed" and self.mean == 0:
            raise ValueError("a mean of 0 must be fixed")
        if self.deviation is not None and self.deviation > WIDEST * self.mean:
            raise ValueError(f"deviation must be at most {WIDEST:,} times the mean")
        return self

    def draws(self, chance: Random) -> Draw:
        """A function that gives the next value each time."""
        if self.kind == "fixed":
            return lambda: self.mean
        if self.deviation is None:
            rate = 1 / self.mean
            return lambda: chance.expovariate(rate)
        variance = math.log(1 + (self.deviation / self.mean) ** 2)
        middle, width = math.log(self.mean) - variance / 2, math.sqrt(variance)
        return lambda: chance.lognormvariate(middle, width)
