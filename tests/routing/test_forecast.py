"""A forecast beside what is counted by hand."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from routing.erlang import Demand, expected
from routing.forecast import ALL, Method, Past, forecast

LONDON = ZoneInfo("Europe/London")
METHOD = Method(
    zone=LONDON,
    targets={"general": 30.0, "crime": 60.0},
    weeks=8,
    least_weeks=4,
    answered_share=0.9,
    breaks_share=0.2,
    bank_holidays="england-and-wales",
)
TODAY = date(2026, 11, 25)  # a Wednesday, with no bank holiday in the eight weeks before


def at(day: date, clock: str) -> float:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=LONDON).timestamp()


NOW = at(TODAY, "12:00")


def mondays(calls: Iterable[int], queue: str = "general") -> list[Past]:
    """So many calls at nine o'clock on the Mondays before, the latest last: each answered after 10 s, in 480 s."""
    counted = list(calls)
    days = [date(2026, 11, 23) - timedelta(weeks=len(counted) - 1 - n) for n in range(len(counted))]
    return [Past(queue, at(d, "09:00"), n, n, 480.0 * n, 0, 10.0 * n) for d, n in zip(days, counted, strict=True)]


def test_the_calls_are_the_median_of_the_same_weekday_and_time() -> None:
    """Sorted: 20, 24, 25, 25, 26, 26, 27, 250: the burst moves nothing. 51 calls an hour of 8 min, 90% within 30 s,
    need 11 handlers by Erlang C."""
    past = mondays([20, 24, 250, 25, 26, 27, 25, 26])

    found = forecast(past, at(date(2026, 9, 1), "09:00"), date(2026, 11, 30), NOW, METHOD)

    (nine,) = [h for h in found.half_hours if h.queue == "general" and h.calls]
    assert (nine.at, nine.calls, nine.at_desks) == (at(date(2026, 11, 30), "09:00"), 25.5, 11)
    assert nine.on_shift == 14  # 11 / 0.8 is 13.75
    assert len(found.half_hours) == 2 * 7 * 48
    assert (found.days, found.why, found.ordinary_days) == (56, "", (8,) * 7)


def test_patience_is_all_waiting_over_all_who_gave_up_and_makes_it_erlang_a() -> None:
    """8 Mondays of 25 calls that waited 10 s each, of whom 10 in all gave up: 2,000 s / 10 = 200 s."""
    past = [replace(p, answered=p.answered - (n < 5) * 2, gave_up=(n < 5) * 2) for n, p in enumerate(mondays([25] * 8))]

    found = forecast(past, at(date(2026, 9, 1), "09:00"), date(2026, 11, 30), NOW, METHOD)

    assumed = next(a for a in found.assumed if a.queue == "general")
    assert (assumed.calls, assumed.answered, assumed.gave_up, assumed.patience_seconds) == (200, 190, 10, 200.0)
    assert math.isclose(assumed.handling_seconds, 480 * 200 / 190)
    (nine,) = [h for h in found.half_hours if h.queue == "general" and h.calls]
    demand = Demand(50, round(assumed.handling_seconds), 200)
    assert expected(demand, nine.at_desks, 30).answered_within >= 0.9
    assert expected(demand, nine.at_desks - 1, 30).answered_within < 0.9


def test_all_calls_together_need_fewer_than_each_queue_by_itself() -> None:
    past = mondays([25] * 8) + mondays([25] * 8, "crime")

    found = forecast(past, at(date(2026, 9, 1), "09:00"), date(2026, 11, 30), NOW, METHOD)

    needed = {h.queue: h.at_desks for h in found.half_hours if h.calls}
    assert needed[ALL] < needed["general"] + needed["crime"]
    assert {a.queue: a.target_seconds for a in found.assumed} == {ALL: 30.0, "general": 30.0, "crime": 60.0}


def test_bank_holidays_are_left_out_of_the_history_and_named_in_the_week() -> None:
    """Of the Mondays before 15 September 2026 one, 31 August, is a bank holiday; 28 December is one as well."""
    now = at(date(2026, 9, 15), "12:00")
    days = [date(2026, 9, 14) - timedelta(weeks=n) for n in range(8)]
    past = [Past("general", at(d, "09:00"), 2 if d == date(2026, 8, 31) else 30, 30, 300.0, 0, 1.0) for d in days]

    found = forecast(past, at(date(2026, 7, 1), "09:00"), date(2026, 12, 28), now, METHOD)

    assert found.ordinary_days == (7, 8, 8, 8, 8, 8, 8)
    assert found.holidays == (date(2026, 12, 28), date(2027, 1, 1))
    assert {h.calls for h in found.half_hours} == {0.0, 30.0}


def test_too_little_history_says_how_much_there_is() -> None:
    first = at(date(2026, 11, 4), "15:00")

    found = forecast(mondays([5, 5, 5]), first, date(2026, 11, 30), NOW, METHOD)

    assert (found.half_hours, found.days) == ((), 20)
    assert found.why == (
        "There is too little history: 20 whole days of calls, in which the rarest weekday comes 2 times without bank "
        "holidays; each must come 4 times."
    )
    assert forecast([], None, date(2026, 11, 30), NOW, METHOD).days == 0


def test_calls_that_nobody_ever_answered_tell_nothing() -> None:
    past = [replace(p, answered=0, gave_up=p.calls, handling_seconds=0.0) for p in mondays([25] * 8)]

    found = forecast(past, at(date(2026, 9, 1), "09:00"), date(2026, 11, 30), NOW, METHOD)

    assert (found.assumed, found.half_hours, found.days) == ((), (), 56)


def test_the_weeks_of_the_clock_changes_have_the_half_hours_that_really_pass() -> None:
    """The hour that the clock jumps over is no quiet hour of the weeks after; the one that comes twice counts once."""
    sunday = date(2026, 10, 25)
    twice = [datetime(2026, 10, 25, 1, 0, tzinfo=LONDON, fold=fold).timestamp() for fold in (0, 1)]
    past = [Past("general", moment, 8, 8, 2400.0, 0, 8.0) for moment in twice]
    past += [Past("general", at(sunday + timedelta(weeks=n), "01:00"), 8, 8, 2400.0, 0, 8.0) for n in (1, 2, 3, 4)]
    method = replace(METHOD, weeks=5)

    autumn = forecast(past, at(date(2026, 9, 1), "09:00"), date(2027, 3, 22), at(date(2026, 11, 25), "12:00"), method)

    assert len([h for h in autumn.half_hours if h.queue == "general"]) == 7 * 48 - 2
    spring_past = [Past("general", at(date(2026, 3, 29) + timedelta(weeks=n), "01:00"), calls, 8, 2400.0, 0, 8.0)
                   for n, calls in ((-1, 8), (1, 4))]  # fmt: skip
    spring = forecast(
        spring_past, at(date(2026, 1, 1), "09:00"), date(2026, 4, 12), at(date(2026, 4, 12), "00:00"),
        replace(METHOD, weeks=3, least_weeks=3, bank_holidays="none"),
    )  # fmt: skip
    assert max(h.calls for h in spring.half_hours) == 6.0, "between 4 and 8: of two Sundays, not of three"
