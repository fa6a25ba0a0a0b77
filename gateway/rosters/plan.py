"""What an import changes, before it does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.rosters.reading import Roster
from gateway.store.records import PlannedShift
from routing.model import Handler, Time
from routing.shifts import Shift


@dataclass(frozen=True, slots=True)
class Plan:
    """``centres``: whose shifts in the period are replaced. ``left_without``: who had shifts in it and has none now."""

    begins: Time
    ends: Time
    centres: tuple[str, ...]
    people: tuple[str, ...]
    added: tuple[Shift, ...]
    removed: tuple[Shift, ...]
    unchanged: tuple[Shift, ...]
    left_without: tuple[str, ...]


def plan(roster: Roster, centre: str, handlers: Mapping[str, Handler], present: Iterable[PlannedShift]) -> Plan:
    """``centre``: only this one's shifts are replaced, beside those of the people in the file; '': those of every
    centre that the file has people of. ``present``: the shifts there are now."""
    people = tuple(sorted(roster.people))
    centres = (centre,) if centre else tuple(sorted({handlers[name].centre for name in people}))
    theirs = {
        Shift(p.begins, p.ends, p.handler)
        for p in present
        if roster.begins <= p.begins < roster.ends and (p.centre in centres or p.handler in people)
    }
    wanted = set(roster.shifts)
    left = {shift.handler for shift in theirs} - {shift.handler for shift in wanted}
    return Plan(
        roster.begins,
        roster.ends,
        centres,
        people,
        tuple(sorted(wanted - theirs)),
        tuple(sorted(theirs - wanted)),
        tuple(sorted(theirs & wanted)),
        tuple(sorted(left)),
    )
