"""Erlang's formulas against published values and what must hold between them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.erlang import FOREVER, Demand, expected, handlers_needed, has_to_wait, turned_away

loads, crowds = st.floats(0.1, 300), st.integers(1, 400)


@pytest.mark.parametrize(("load", "handlers", "share"), [(1, 2, 0.2), (10, 10, 0.2146), (10, 18, 0.0071)])
def test_erlang_b_is_as_in_the_traffic_tables(load: float, handlers: int, share: float) -> None:
    assert turned_away(load, handlers) == pytest.approx(share, abs=5e-5)


def test_erlang_c_is_as_in_the_textbook_example() -> None:
    """100 calls of three minutes in half an hour, 14 handlers: 17.4 % wait, 88.8 % are answered in 20 s."""
    service = expected(Demand(per_hour=200, handling_seconds=180), handlers=14, within=20)

    assert service.waiting == pytest.approx(0.1741, abs=5e-5)
    assert service.answered_within == pytest.approx(0.888, abs=5e-4)
    assert service.mean_wait == pytest.approx(7.84, abs=5e-3)
    assert service.occupancy == pytest.approx(10 / 14)


def test_erlang_a_is_as_garnett_mandelbaum_and_reiman_have_it() -> None:
    """48 calls a minute of a minute each, 50 handlers, patience of two minutes: 3.1 % give up."""
    patient = expected(Demand(48 * 60, 60), 50, within=12.5)
    impatient = expected(Demand(48 * 60, 60, patience_seconds=120), 50, within=12.5)

    assert patient.mean_wait == pytest.approx(20.8, abs=0.05)
    assert impatient.mean_wait == pytest.approx(3.7, abs=0.05)
    assert impatient.abandoned == pytest.approx(0.031, abs=5e-4)
    assert impatient.occupancy == pytest.approx(0.93, abs=5e-3)


@pytest.mark.parametrize(
    ("per_hour", "handling", "handlers"),
    [(51, 360, 9), (51, 480, 11), (51, 900, 19), (103, 360, 15), (103, 900, 33), (154, 360, 21), (154, 900, 47)],
)
def test_the_handlers_that_answer_nine_in_ten_within_half_a_minute(
    per_hour: float, handling: float, handlers: int
) -> None:
    assert handlers_needed(Demand(per_hour, handling), within=30, share=0.9) == handlers


@given(loads, crowds)
def test_who_may_wait_finds_everybody_busy_more_often_than_who_is_turned_away(load: float, handlers: int) -> None:
    assert 0 <= turned_away(load, handlers) <= has_to_wait(load, handlers) <= 1


@settings(deadline=None)  # the largest crowds take 140 ms alone, and more beside other tests
@given(st.floats(1, 2000), st.floats(10, 900), st.floats(5, 3600), crowds, st.floats(0, 120))
def test_what_comes_in_is_answered_or_gives_up(
    per_hour: float, handling: float, patience: float, handlers: int, within: float
) -> None:
    demand = Demand(per_hour, handling, patience)

    service = expected(demand, handlers, within)

    assert service.abandoned == pytest.approx(service.mean_wait / patience)  # each second of waiting, so many give up
    assert service.occupancy * handlers == pytest.approx(demand.load * (1 - service.abandoned))
    assert -1e-6 <= service.answered_within <= 1 - service.abandoned + 1e-6
    assert expected(demand, handlers, 100_000).answered_within == pytest.approx(1 - service.abandoned, abs=1e-6)


def test_with_endless_patience_a_becomes_c() -> None:
    almost, endless = (expected(Demand(200, 180, patience), 14, 20) for patience in (1e9, FOREVER))

    assert almost.mean_wait == pytest.approx(endless.mean_wait, rel=1e-5)
    assert almost.answered_within == pytest.approx(endless.answered_within, rel=1e-5)


def test_hundreds_of_handlers_and_a_hopeless_overload_are_no_trouble() -> None:
    assert has_to_wait(950, 1000) == pytest.approx(0.068, abs=0.004)  # Halfin and Whitt's limit: 0.065 to 0.071
    assert expected(Demand(360_000, 60, 100), 3000, 20).abandoned == pytest.approx(0.5)
    assert math.isinf(expected(Demand(360_000, 60), 3000, 20).mean_wait)


@pytest.mark.parametrize("wrong", [(0, 60, 60), (10, 0, 60), (10, 60, 0), (math.inf, 60, 60)])
def test_a_demand_without_sense_is_refused(wrong: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        Demand(*wrong)


def test_no_handlers_and_an_impossible_share_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one handler"):
        expected(Demand(10, 60), 0, 20)
    with pytest.raises(ValueError, match="between 0 and 1"):
        handlers_needed(Demand(10, 60), 20, 1.0)
