"""Time is cut by the site's wall clock, and no second is lost or counted twice in the nights of a clock change."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.statistics.intervals import Interval, Intervals

LONDON = ZoneInfo("Europe/London")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=LONDON).timestamp()


def lengths(intervals: Intervals) -> list[float]:
    return [until - since for since, until in zip(intervals.edges, intervals.edges[1:], strict=False)]


def test_days_run_from_midnight_to_midnight_also_when_the_clocks_change() -> None:
    autumn = Intervals(at("2026-10-24"), at("2026-10-27"), "day", LONDON)
    spring = Intervals(at("2026-03-28"), at("2026-03-31"), "day", LONDON)
    assert [s / 3600 for s in lengths(autumn)] == [24, 25, 24]
    assert [s / 3600 for s in lengths(spring)] == [24, 23, 24]


@pytest.mark.parametrize(("interval", "hours"), [("60min", 1.0), ("30min", 0.5), ("15min", 0.25)])
def test_a_day_of_a_clock_change_has_25_or_23_hours(interval: Interval, hours: float) -> None:
    autumn = Intervals(at("2026-10-25"), at("2026-10-26"), interval, LONDON)
    spring = Intervals(at("2026-03-29"), at("2026-03-30"), interval, LONDON)
    assert (len(autumn), len(spring)) == (25 / hours, 23 / hours)
    assert {s / 3600 for s in lengths(autumn)} == {hours}


def test_the_hour_that_comes_twice_is_two_intervals() -> None:
    hours = Intervals(at("2026-10-25"), at("2026-10-26"), "60min", LONDON)
    shown = [datetime.fromtimestamp(edge, LONDON).isoformat() for edge in hours.edges[1:3]]
    assert shown == ["2026-10-25T01:00:00+01:00", "2026-10-25T01:00:00+00:00"]


def test_weeks_begin_on_monday_and_the_first_and_last_may_be_parts() -> None:
    weeks = Intervals(at("2026-11-04"), at("2026-11-18"), "week", LONDON)  # Wednesday to Wednesday
    assert [s / 86_400 for s in lengths(weeks)] == [5, 7, 2]


def test_a_stretch_is_cut_at_the_edges_and_nothing_of_it_is_lost() -> None:
    hours = Intervals(at("2026-11-04T10:00"), at("2026-11-04T13:00"), "60min", LONDON)
    pieces = list(hours.pieces(at("2026-11-04T09:30"), at("2026-11-04T11:15")))
    assert [(n, until - since) for n, since, until in pieces] == [(0, 3600), (1, 900)]
    assert hours.number_of(at("2026-11-04T12:00")) == 2
