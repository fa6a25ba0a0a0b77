"""The parts of signing in that no request shows: the throttle's memory, the idle limit, who comes from where."""

from __future__ import annotations

from gateway.auth import Principal, digest
from gateway.throttle import Throttle


def test_the_first_failures_cost_nothing_and_then_each_costs_twice_as_much_up_to_a_minute() -> None:
    throttle = Throttle()
    waits = []
    for _ in range(13):
        throttle.failed("amy@here", 0.0, free=5)
        waits.append(throttle.wait("amy@here", 0.0))

    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_success_and_time_forgive() -> None:
    throttle = Throttle()
    for _ in range(6):
        throttle.failed("amy@here", 0.0, free=5)
    throttle.failed("amy@here", 1000.0, free=5)
    assert throttle.wait("amy@here", 1000.0) == 0

    for _ in range(6):
        throttle.failed("ben@here", 0.0, free=5)
    throttle.succeeded("ben@here")
    assert throttle.wait("ben@here", 0.0) == 0


def test_a_flood_of_names_costs_no_more_memory_than_allowed() -> None:
    throttle = Throttle(most_keys=100)

    for number in range(1000):
        throttle.failed(f"name-{number}", 0.0, free=5)

    assert len(throttle) == 100


def test_each_role_may_what_those_below_may() -> None:
    supervisor = Principal("sue", "supervisor", "handler:sue")

    assert [supervisor.may(role) for role in ("handler", "supervisor", "administrator")] == [True, True, False]


def test_only_a_hash_of_a_secret_is_kept() -> None:
    assert digest("secret") != "secret"
    assert len(digest("secret")) == 64
