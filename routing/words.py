"""Times, needs and names as people say them."""

from __future__ import annotations

from collections.abc import Sequence


def duration(seconds: float) -> str:
    """For example ``45 s``, ``3 min 20 s``, ``2 h 5 min``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def in_words(what: str) -> str:
    """A need, as ``routing.abilities`` writes it."""
    if what.startswith("@"):
        return f"a handler of centre {what[1:]}"
    skill, _, level = what.partition(":")
    return f"{skill} at level {level} or above" if level else skill


def listed(names: Sequence[str], last: str) -> str:
    """``a``, ``a and b``, ``a, b and c`` for ``last`` "and"."""
    *before, end = names
    return f"{', '.join(before)} {last} {end}" if before else end
