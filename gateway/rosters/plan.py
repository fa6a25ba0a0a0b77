"""What an import changes, before it does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.rosters.entries import left_of
from gateway.rosters.reading import MOST_NAMED, Roster
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


def plan(
    roster: Roster, centre: str, handlers: Mapping[str, Handler], present: Sequence[PlannedShift], zone: ZoneInfo
) -> Plan:
    """``centre``: only this one's shifts are replaced, beside those of the people in the file; '': those of every
    centre that the file has people of. ``present``: the shifts there are now, as far as those of the file reach.
    ``zone``: of the times in warnings."""
    if roster.away:
        return _taken_away(roster, present)
    people = tuple(sorted(roster.people))
    centres = (centre,) if centre else tuple(sorted({handlers[name].centre for name in people}))
    theirs = {
        Shift(p.begins, p.ends, p.handler)
        for p in present
        if roster.begins <= p.begins < roster.ends and (p.centre in centres or p.handler in people)
    }
    stays = {Shift(p.begins, p.ends, p.handler) for p in present} - theirs
    warnings = (*roster.warnings, *_twice(roster.shifts, stays, zone))
    return _changed(roster, centres, theirs, set(roster.shifts), warnings)


def _twice(new: Iterable[Shift], stays: Iterable[Shift], zone: ZoneInfo) -> Iterator[str]:
    """Within one file it is a mistake; at the edges of two imports only a person can say which of them is."""
    by_handler: dict[str, list[Shift]] = {}
    for shift in stays:
        by_handler.setdefault(shift.handler, []).append(shift)
    met = [
        (shift, other)
        for shift in new
        for other in sorted(by_handler.get(shift.handler, ()))
        if shift.begins < other.ends and other.begins < shift.ends
    ]
    for shift, other in met[:MOST_NAMED]:
        yield (
            f"{shift.handler} is on shift twice at the same time: {_hours(shift, zone)} of this file, and "
            f"{_hours(other, zone)}, which is on the roster already and stays. "
            "Mend one of them and import its file again."
        )
    if met[MOST_NAMED:]:
        yield f"{len(met) - MOST_NAMED} more shifts meet in the same way one that stays on the roster."


def _hours(shift: Shift, zone: ZoneInfo) -> str:
    begins, ends = (datetime.fromtimestamp(at, zone) for at in (shift.begins, shift.ends))
    day = "" if begins.date() == ends.date() else f"{ends:%a %d %b} "
    return f"{begins:%a %d %b %Y %H:%M} to {day}{ends:%H:%M}"


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
