"""What the calls of the past weeks took, counted by the database: a forecast needs no more than the sums."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Float, Integer, Select, case, cast, func, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.store import tables
from routing.forecast import HALF_HOUR
from routing.model import Time

TIMES = ("entered_queue_at", "answered_at", "wait_over_at", "ended_at")


def calls_by_half_hour(engine: AsyncEngine, since: Time, until: Time, longest_wrap_up: float) -> Select[Any]:
    """The columns of ``routing.forecast.Past`` in their order. Calls that never reached a queue are left out."""
    columns, rows = tables.contacts.c, tables.journal.c
    # SQLite reads JSON out of plain text; PostgreSQL wants it as JSON.
    sqlite = engine.dialect.name == "sqlite"
    document: Any = type_coerce(columns.document, JSON) if sqlite else cast(columns.document, JSON)
    calls = (
        select(
            columns.reference,
            columns.queue,
            *(document[name].as_float().label(name) for name in TIMES),
            document["ended_in"].as_string().label("ended_in"),
        )
        .where(columns.channel == "voice", columns.received_at >= since, columns.received_at < until)
        # Each document is read once, and not for every figure that is drawn from it.
        .cte("calls")
        .prefix_with("MATERIALIZED")
    )
    entered, answered, over, ended = (calls.c[name] for name in TIMES)
    completed = (
        select(rows.reference, func.min(rows.at).label("at"))
        .where(rows.kind == "WrapUpCompleted", rows.at >= since)
        .group_by(rows.reference)
        .subquery()
    )
    wrote_up: Any = func.coalesce(completed.c.at - ended, 0.0)
    wrap_up = case((wrote_up < 0, 0.0), (wrote_up > longest_wrap_up, longest_wrap_up), else_=wrote_up)
    handled = case((answered.is_not(None) & ended.is_not(None), 1), else_=0)
    # No place among the answered, yet it waited in a queue to its end: the caller gave up.
    gave_up = calls.c.ended_in.in_(("queued", "offered")) & answered.is_(None)
    half_hour: Any = cast(entered / HALF_HOUR, Integer) if sqlite else func.floor(entered / HALF_HOUR)
    number = half_hour * HALF_HOUR
    return (
        select(
            calls.c.queue,
            cast(number, Float),
            func.count(),
            func.sum(handled),
            func.sum(case((handled == 1, ended - answered + wrap_up), else_=0.0)),
            func.sum(case((gave_up, 1), else_=0)),
            func.sum(case((over.is_not(None), over - entered), else_=0.0)),
        )
        .select_from(calls.outerjoin(completed, completed.c.reference == calls.c.reference))
        .where(entered.is_not(None))
        .group_by(calls.c.queue, number)
    )
