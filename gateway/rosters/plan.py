"""What an import changes, before it does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.rosters.entries import left_of
from gateway.rosters.reading import Roster
from gateway.store.records import PlannedShift
from routing.model import Handler, Time
from routing.shifts import Shift

MEETS_NONE = "None of these absences meets a shift: they are taken out already, or the shifts must be imported first."


@dataclass(frozen=True, slots=True)
class Plan:
    """``centres``: whose shifts in the period are replaced, none by absences alone. ``left_without``: who had shifts in
    it and has none now."""

    begins: Time
    ends: Time
    centres: tuple[str, ...]
    people: tuple[str, ...]
    added: tuple[Shift, ...]
    removed: tuple[Shift, ...]
    unchanged: tuple[Shift, ...]
    left_without: tuple[str, ...]
    warnings: tuple[str, ...]


def plan(roster: Roster, centre: str, handlers: Mapping[str, Handler], present: Iterable[PlannedShift]) -> Plan:
    """``centre``: only this one's shifts are replaced, beside those of the people in the file; '': those of every
    centre that the file has people of. ``present``: the shifts there are now."""
    if roster.away:
        return _taken_away(roster, present)
    people = tuple(sorted(roster.people))
    centres = (centre,) if centre else tuple(sorted({handlers[name].centre for name in people}))
    theirs = {
        Shift(p.begins, p.ends, p.handler)
        for p in present
        if roster.begins <= p.begins < roster.ends and (p.centre in centres or p.handler in people)
    }
    return _changed(roster, centres, theirs, set(roster.shifts), roster.warnings)


def _taken_away(roster: Roster, present: Iterable[PlannedShift]) -> Plan:
    """Absences alone take from the shifts there are, and change nothing else."""
    theirs = {
        Shift(p.begins, p.ends, p.handler)
        for p in present
        if roster.begins <= p.begins < roster.ends and p.handler in roster.people
    }
    away = {name: [absence for absence in roster.away if absence.handler == name] for name in roster.people}
    wanted = {left for shift in theirs for left in left_of(shift, away[shift.handler])}
    return _changed(roster, (), theirs, wanted, roster.warnings if wanted != theirs else (*roster.warnings, MEETS_NONE))


def _changed(
    roster: Roster, centres: tuple[str, ...], theirs: set[Shift], wanted: set[Shift], warnings: tuple[str, ...]
) -> Plan:
    left = {shift.handler for shift in theirs} - {shift.handler for shift in wanted}
    return Plan(
        roster.begins,
        roster.ends,
        centres,
        tuple(sorted(roster.people)),
        tuple(sorted(wanted - theirs)),
        tuple(sorted(theirs - wanted)),
        tuple(sorted(theirs & wanted)),
        tuple(sorted(left)),
        warnings,
    )
