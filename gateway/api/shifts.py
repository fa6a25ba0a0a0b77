"""The roster: shifts out of the HR system's files, imported whole or not at all."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from aiohttp import web
from pydantic import BaseModel, Field, StringConstraints

from gateway.api.models import Day, OptionalLine, moment, time_of
from gateway.api.problems import BadRequest, FieldError, NotFound
from gateway.api.routes import In, Nothing, Request, RosterText, Route
from gateway.api.services import Services
from gateway.rosters.entries import MOST_BYTES
from gateway.rosters.plan import Plan, plan
from gateway.rosters.reading import kind_of, read_roster_file
from gateway.store.records import ImportedRoster, PlannedShift, ShiftsCleared
from routing.events import ShiftsImported
from routing.shifts import Shift

SHOWN = 500  # changes in an answer; the figures count all
KEPT = 20  # files of earlier imports
GUESSED = "The file is not UTF-8 and was read as Windows-1252, Excel's ordinary CSV: look at names with accents."
WEEK_SECONDS = 7 * 86_400.0
FileName = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^/\x00-\x1f]{0,200}$")]


class ImportQuery(In):
    """``dry_run``: only say what would change. ``first``, ``last``: the days of the period that is replaced, when it
    is not that of the file's shifts. ``centre``: replace this centre's shifts alone."""

    dry_run: bool = False
    first: Day | None = None
    last: Day | None = None
    centre: OptionalLine = ""
    file: FileName = ""


class PersonChange(BaseModel):
    handler: str
    added: int
    removed: int
    unchanged: int


class Change(BaseModel):
    """``what``: added or removed."""

    what: str
    handler: str
    begins: datetime
    ends: datetime


class ImportOut(BaseModel):
    """``roster``: its id, '' when nothing was imported. The shifts of ``centres`` that begin from ``begins`` until
    before ``ends`` are replaced; where a file has absences alone, ``centres`` is empty, and only shifts of its people
    are changed. ``left_without``: who had shifts in it and has none any more. ``changes``: the first 500.
    ``warnings``: what may be a mistake, in sentences."""

    roster: str
    begins: datetime
    ends: datetime
    centres: list[str]
    added: int
    removed: int
    unchanged: int
    left_without: list[str]
    people: list[PersonChange]
    changes: list[Change]
    warnings: list[str]


class RosterOut(BaseModel):
    id: str
    at: datetime
    by: str
    file: str
    sha256: str
    begins: datetime
    ends: datetime
    centres: list[str]
    shifts: int


class ShiftsQuery(In):
    """Of the next seven days, unless said otherwise; times without a zone are the roster's local times."""

    begins: datetime | None = None
    ends: datetime | None = None
    handler: OptionalLine = ""
    limit: Annotated[int, Field(ge=1, le=5000)] = 1000


class ShiftOut(BaseModel):
    handler: str
    begins: datetime
    ends: datetime
    centre: str


async def import_shifts(request: Request[ImportQuery, RosterText]) -> ImportOut:
    services, query, text = request.services, request.query, request.body.text
    planned = await _plan(services, query, request.body)
    if query.dry_run:
        return _import_out(planned, "")
    now, roster = services.clock(), services.new_id()
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    shifts = [*planned.added, *planned.unchanged]
    centre_of = {name: handler.centre for name, handler in services.dispatcher.board.handlers.items()}
    event = ShiftsImported(
        roster, query.file, sha256, planned.begins, planned.ends, planned.centres, len(planned.added),
        len(planned.removed), request.who.by,
    )  # fmt: skip
    await services.dispatcher.submit(
        event,
        ShiftsCleared(planned.begins, planned.ends, planned.centres, planned.people, KEPT),
        ImportedRoster(
            roster, now, request.who.by, query.file, sha256, planned.begins, planned.ends, ";".join(planned.centres),
            len(shifts), text,
        ),
        *(PlannedShift(s.handler, s.begins, s.ends, centre_of.get(s.handler, ""), roster) for s in shifts),
    )  # fmt: skip
    return _import_out(planned, roster)


async def _plan(services: Services, query: ImportQuery, text: RosterText) -> Plan:
    """Raises BadRequest with every mistake of every line."""
    handlers, rosters = dict(services.dispatcher.board.handlers), services.settings.rosters
    wrong = _query_mistakes(services, query)
    if wrong:
        raise BadRequest("Some fields are not right.", wrong)
    # A large file takes seconds, and callers must not wait for it.
    read = await asyncio.to_thread(
        read_roster_file, text.text, rosters, handlers, services.clock(), query.first, query.last
    )
    if isinstance(read, list):
        raise BadRequest("Nothing was imported: some lines are not right.", read)
    reaches = max([read.ends, *(shift.ends for shift in read.shifts)])
    present = await services.store.shifts(read.begins, reaches)
    planned = plan(read, query.centre, handlers, present, ZoneInfo(rosters.time_zone))
    return replace(planned, warnings=(GUESSED, *planned.warnings)) if text.guessed else planned


def _query_mistakes(services: Services, query: ImportQuery) -> list[FieldError]:
    centres = [centre.id for centre in services.settings.centres]
    mistakes = []
    if query.centre and query.centre not in centres:
        mistakes.append(FieldError(field="centre", why=f"there is no such centre; there are: {', '.join(centres)}"))
    if query.first and query.last and not 0 <= (query.last - query.first).days <= 366:
        mistakes.append(FieldError(field="last", why="must be from the first day to a year after it"))
    return mistakes


def _import_out(planned: Plan, roster: str) -> ImportOut:
    counts = [Counter(s.handler for s in shifts) for shifts in (planned.added, planned.removed, planned.unchanged)]
    changes = [("added", s) for s in planned.added] + [("removed", s) for s in planned.removed]
    return ImportOut(
        roster=roster,
        begins=moment(planned.begins),
        ends=moment(planned.ends),
        centres=list(planned.centres),
        added=len(planned.added),
        removed=len(planned.removed),
        unchanged=len(planned.unchanged),
        left_without=list(planned.left_without),
        people=[
            PersonChange(handler=h, added=counts[0][h], removed=counts[1][h], unchanged=counts[2][h])
            for h in sorted(set().union(*counts))
        ],
        changes=[_change(what, s) for what, s in sorted(changes, key=lambda c: (c[1], c[0]))[:SHOWN]],
        warnings=list(planned.warnings),
    )


def _change(what: str, shift: Shift) -> Change:
    return Change(what=what, handler=shift.handler, begins=moment(shift.begins), ends=moment(shift.ends))


async def listing(request: Request[ShiftsQuery, Nothing]) -> list[ShiftOut]:
    query, zone = request.query, ZoneInfo(request.services.settings.rosters.time_zone)
    begins = time_of(query.begins, zone) if query.begins else request.services.clock()
    ends = time_of(query.ends, zone) if query.ends else begins + WEEK_SECONDS
    shifts = [s for s in await request.services.store.shifts(begins, ends) if query.handler in ("", s.handler)]
    return [
        ShiftOut(handler=s.handler, begins=moment(s.begins), ends=moment(s.ends), centre=s.centre)
        for s in sorted(shifts, key=lambda s: (s.begins, s.handler))[: query.limit]
    ]


async def imports(request: Request[Nothing, Nothing]) -> list[RosterOut]:
    return [_roster_out(roster) for roster in await request.services.store.rosters()]


async def file(request: Request[Nothing, Nothing]) -> web.StreamResponse:
    """As it came: to go back to an earlier roster, import its file again."""
    roster = await request.services.store.roster(request.path["id"])
    if roster is None:
        raise NotFound(f"There is no import {request.path['id']}, or its file is not kept any more.")
    kind = "text/calendar" if kind_of(roster.content) == "calendar" else "text/csv"
    return web.Response(text=roster.content, content_type=kind, charset="utf-8")


def _roster_out(roster: ImportedRoster) -> RosterOut:
    return RosterOut(
        id=roster.id,
        at=moment(roster.at),
        by=roster.by,
        file=roster.file,
        sha256=roster.sha256,
        begins=moment(roster.begins),
        ends=moment(roster.ends),
        centres=[centre for centre in roster.centres.split(";") if centre],
        shifts=roster.shifts,
    )


BASE = "/api/v1/shifts"
ROUTES = (
    Route("GET", BASE, "The shifts of a period", "supervisor", listing),
    Route("POST", f"{BASE}/import", "Import shifts", "administrator", import_shifts, limit=MOST_BYTES),
    Route("GET", f"{BASE}/imports", "The latest imports", "administrator", imports),
    Route("GET", f"{BASE}/imports/{{id}}/file", "An imported file as it came", "administrator", file),
)
