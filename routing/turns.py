"""Whose turn it is, by how the site chooses (``routing.choose_by``): who has the least is next."""

from __future__ import annotations

from collections.abc import Callable

from routing.model import Handler

# Before that much of a shift is over, the share of it in which somebody was busy says little.
FIRST_MINUTE = 60.0

TURNS: dict[str, Callable[[Handler], float]] = {
    "longest_idle": lambda handler: handler.idle_since,
    "round_robin": lambda handler: handler.offered_at,
    "least_occupied": lambda handler: (
        handler.busy_seconds / max(FIRST_MINUTE, handler.idle_since - handler.signed_in_at)
    ),
}
