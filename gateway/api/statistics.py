"""Service levels: what was offered, answered and abandoned, how long people waited, how busy handlers were.

Every figure is defined in docs/statistics.md.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from gateway.api.models import time_of
from gateway.api.problems import BadRequest, FieldError, NotAllowed, Unavailable
from gateway.api.routes import In, Nothing, Request, Route, json_response
from gateway.statistics.figures import By, Figures
from gateway.statistics.intervals import Interval, Intervals, midnight
from gateway.statistics.statistics import NotReady, Question
from routing.model import Time

MOST_INTERVALS = 3_000
LONGEST_SECONDS = 3 * 366 * 86_400.0
WHEN = "a date (2026-11-01) or a date and time (2026-11-01T07:00), in the site's time zone unless it says its own"
Seconds = Annotated[float, Field(ge=0, le=86_400)]
ROWS = TypeAdapter(list[Figures])


class StatisticsQuery(In):
    """``from`` is counted, ``to`` is not: a day is from=2026-11-01&to=2026-11-02. Both are a date or a date and time,
    in the site's time zone unless they say their own.

    ``threshold``: who hangs up sooner (seconds) is not counted as abandoned; ``target``: seconds within which people
    should be answered. Each queue's own where they are not given.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    begins: Annotated[str, Field(alias="from", max_length=40)]
    ends: Annotated[str, Field(alias="to", max_length=40)]
    by: By = "queue"
    interval: Interval = "all"
    threshold: Seconds | None = None
    target: Seconds | None = None
    format: Literal["json", "csv"] = "json"


class StatisticsOut(BaseModel):
    by: str
    interval: str
    time_zone: str
    begins: datetime
    ends: datetime
    as_of: datetime
    rows: list[Figures]


async def read(request: Request[StatisticsQuery, Nothing]) -> web.Response:
    statistics = request.services.statistics
    question = _question(request, statistics.zone)
    try:
        rows = await statistics.report(question)
    except NotReady as error:
        raise Unavailable(str(error)) from None
    if request.query.format == "csv":
        nobody = statistics.count(question).nobody()
        return web.Response(text=csv_of(rows, nobody), content_type="text/csv", charset="utf-8")
    report = StatisticsOut(
        by=question.by,
        interval=question.interval,
        time_zone=str(statistics.zone),
        begins=datetime.fromtimestamp(question.begins, statistics.zone),
        ends=datetime.fromtimestamp(question.ends, statistics.zone),
        as_of=datetime.fromtimestamp(request.services.clock(), UTC),
        rows=rows,
    )
    return json_response(READ, report)


def _question(request: Request[StatisticsQuery, Nothing], zone: ZoneInfo) -> Question:
    """Raises BadRequest, NotAllowed."""
    query = request.query
    own = ""
    if not request.who.may("supervisor"):
        if query.by != "handler":
            raise NotAllowed("You may see your own figures, with by=handler; those of others are for supervisors.")
        own = request.handler
    begins, ends = _moment("from", query.begins, zone), _moment("to", query.ends, zone)
    if ends <= begins:
        raise _wrong("to", "must be later than 'from'; it is not counted itself")
    if ends - begins > LONGEST_SECONDS:
        raise _wrong("to", "must lie within three years of 'from'")
    if len(Intervals(begins, ends, query.interval, zone)) > MOST_INTERVALS:
        raise _wrong("interval", f"makes more than {MOST_INTERVALS:,} intervals; choose a longer one or less time")
    return Question(begins, ends, query.by, query.interval, query.threshold, query.target, own)


def _moment(field: str, text: str, zone: ZoneInfo) -> Time:
    """Raises BadRequest."""
    try:
        if len(text) <= len("2026-11-01"):
            return midnight(date.fromisoformat(text), zone)
        # In an address '+' is a space, and people forget to write %2B.
        at = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        return time_of(at, zone)
    except (ValueError, OverflowError):
        raise _wrong(field, f"must be {WHEN}") from None


def _wrong(field: str, why: str) -> BadRequest:
    return BadRequest("Some fields are not right.", [FieldError(field=field, why=why)])


def csv_of(rows: list[Figures], nobody: Figures) -> str:
    """One line for each row, headings first, also where there is no row; nothing where there is no figure."""
    headings, *lines = [dict(_flat(row)) for row in ROWS.dump_python([nobody, *rows], mode="json")]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(headings))
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _flat(row: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if name == "bands":
            for band in value:
                upper = "more" if band["to_seconds"] is None else f"{band['to_seconds']:g}"
                for what in ("answered", "abandoned"):
                    yield f"{what}_{band['from_seconds']:g}_to_{upper}_seconds", band[what]
        elif isinstance(value, dict):
            yield from ((f"{name}_{part}", figure) for part, figure in value.items())
        else:
            yield name, value


class ProgressOut(BaseModel):
    """Of so many ``rows`` in the journal so many are ``read``; the figures are up to date when all are."""

    read: int
    rows: int


async def progress(request: Request[Nothing, Nothing]) -> ProgressOut:
    read, rows = await request.services.statistics.progress()
    return ProgressOut(read=read, rows=rows)


async def rebuild(request: Request[Nothing, Nothing]) -> None:
    """They are forgotten when this answers, and then made anew; ``progress`` says how far that is."""
    await request.services.statistics.forget()


READ = Route("GET", "/api/v1/statistics", "Service levels", "handler", read, answer=StatisticsOut)
ROUTES = (
    READ,
    Route("POST", "/api/v1/statistics/rebuild", "Make the figures anew from the journal", "administrator", rebuild),
    Route("GET", "/api/v1/statistics/progress", "How far the figures are made", "supervisor", progress),
)
