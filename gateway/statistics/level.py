"""The service level: whether one wait kept the target. The definition in plain words: docs/statistics.md.

It is the usual one of contact centres: answered within the target, out of offered without short hang-ups; whoever has
waited past the target counts as missed from that moment, whatever becomes of them.
"""

from __future__ import annotations

from gateway.statistics.facts import Outcome

HEARD: tuple[Outcome, ...] = ("answered", "control_room")  # by a person of ours, or by the control room


def kept(outcome: Outcome, seconds: float, target: float, threshold: float) -> bool | None:
    """``seconds``: the wait, or so far. None: it counts neither for nor against, as it may still be answered in time or
    was given up before ``threshold`` and before ``target``."""
    if seconds > target:
        return False
    if outcome == "waiting" or (outcome == "abandoned" and seconds < threshold):
        return None
    return outcome in HEARD
