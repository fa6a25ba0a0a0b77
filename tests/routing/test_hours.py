"""When a line is open, by the wall clock of its place: nights, clock changes, bank holidays, days of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from config.calendars import Calendar
from config.menus import Destination, Hours, VoiceNumber
from routing.hours import destination, is_open, next_change, opens_at

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LONDON = ZoneInfo("Europe/London")


def at(text: str) -> float:
    """Epoch seconds of a wall clock in London."""
    return datetime.fromisoformat(text).replace(tzinfo=LONDON).timestamp()


def clock(moment: float | None) -> str:
    assert moment is not None
    return datetime.fromtimestamp(moment, LONDON).strftime("%Y-%m-%d %H:%M")


def calendar(hours: str = "", **more: Any) -> Calendar:
    """The same hours on every day."""
    week = {day: tuple(hours.split()) for day in DAYS}
    return Calendar(**{"id": "c", **week, **more})


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-25 08:59:59", False),
        ("2026-11-25 09:00", True),
        ("2026-11-25 12:30", False),
        ("2026-11-25 17:00", False),
    ],
)
def test_a_range_begins_with_its_first_moment_and_ends_before_its_last(now: str, expected: bool) -> None:
    assert is_open(calendar("09:00-12:00 13:00-17:00"), at(now)) is expected


def test_a_weekday_that_is_not_named_is_closed_and_the_next_one_is_found() -> None:
    mondays = Calendar(id="c", monday=("09:00-17:00",))
    assert not is_open(mondays, at("2026-11-24 10:00"))
    assert clock(opens_at(mondays, at("2026-11-24 10:00"))) == "2026-11-30 09:00"


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    friday = Calendar(id="c", friday=("20:00-06:00",))
    assert is_open(friday, at("2026-11-28 05:59"))  # a Saturday
    assert not is_open(friday, at("2026-11-27 05:59"))
    assert clock(next_change(friday, at("2026-11-27 21:00"))) == "2026-11-28 06:00"


def test_hours_that_touch_at_midnight_do_not_change_there() -> None:
    everyday = calendar("00:00-24:00", sunday=())
    assert is_open(everyday, at("2026-11-25 23:59:59")) and is_open(everyday, at("2026-11-26 00:00"))
    assert clock(next_change(everyday, at("2026-11-25 12:00"))) == "2026-11-29 00:00"


def test_always_and_never_do_not_change() -> None:
    noon = at("2026-12-25 12:00")
    always = Calendar(id="c", always=True)
    assert is_open(always, noon) and next_change(always, noon) is None and opens_at(always, noon) == noon
    assert opens_at(calendar(), noon) is None and next_change(calendar("00:00-24:00"), noon) is None


@pytest.mark.parametrize(
    ("evening", "morning", "hours"),
    [
        ("2026-03-28 22:00", "2026-03-29 06:00", 7),  # clocks go forward: a short night
        ("2026-10-24 22:00", "2026-10-25 06:00", 9),  # clocks go back: a long one
        ("2026-10-23 22:00", "2026-10-24 06:00", 8),
    ],
)
def test_a_night_shift_ends_by_the_clock_on_the_wall(evening: str, morning: str, hours: int) -> None:
    nights = calendar("22:00-06:00")
    closes = next_change(nights, at(evening))
    assert clock(closes) == morning and closes == at(evening) + hours * 3600
    assert is_open(nights, at(morning) - 1) and not is_open(nights, at(morning))


def test_both_passes_of_the_repeated_hour_are_the_same_hour() -> None:
    early = calendar("01:00-02:00")
    first = at("2026-10-25 01:30")
    assert is_open(early, first) and is_open(early, first + 3600) and not is_open(early, first + 2 * 3600)


@pytest.mark.parametrize(
    ("day", "closed_in"),
    [
        ("2026-12-25", {"england-and-wales", "scotland"}),
        ("2026-04-06", {"england-and-wales"}),  # Easter Monday
        ("2026-01-02", {"scotland"}),
        ("2026-11-30", {"scotland"}),  # St Andrew's Day
        ("2026-12-28", {"england-and-wales", "scotland"}),  # for Boxing Day, a Saturday
        ("2026-11-25", set()),
    ],
)
def test_a_bank_holiday_is_closed_where_it_is_one(day: str, closed_in: set[str]) -> None:
    for region in ("england-and-wales", "scotland", "none"):
        line = calendar("09:00-17:00", bank_holidays=region)
        assert is_open(line, at(f"{day} 12:00")) is (region not in closed_in)


def test_a_bank_holiday_may_have_hours_and_a_day_of_ones_own_goes_before_it() -> None:
    line = calendar(
        "09:00-17:00",
        bank_holidays="england-and-wales",
        bank_holiday_hours=("10:00-12:00",),
        own_days=({"date": "2026-12-25", "hours": ("14:00-15:00",)}, {"date": "2026-12-24", "hours": ()}),
    )
    assert clock(opens_at(line, at("2026-12-24 10:00"))) == "2026-12-25 14:00"
    assert not is_open(line, at("2026-12-25 11:00"))
    assert is_open(line, at("2026-12-28 11:00")) and not is_open(line, at("2026-12-28 13:00"))


# --- where a number leads ----------------------------------------------------------------------------

CALENDARS = {
    "day": calendar("09:00-17:00"),
    "fair": Calendar(id="fair", own_days=({"date": "2026-11-25", "hours": ["00:00-24:00"]},)),
}
FAIR, MENU, SHUT, TO = (
    Destination(message="fair"),
    Destination(menu="main"),
    Destination(message="closed"),
    Destination(extension="2001"),
)


@pytest.mark.parametrize(
    ("now", "expected"),
    [("2026-11-25 12:00", FAIR), ("2026-11-26 12:00", MENU), ("2026-11-26 18:00", SHUT)],
)
def test_the_first_rule_that_decides_leads(now: str, expected: Destination) -> None:
    rules = (Hours(calendar="fair", open=FAIR), Hours(calendar="day", open=MENU, closed=SHUT))
    assert destination(VoiceNumber(number="101", queue="general", hours=rules), CALENDARS, at(now)) == expected


def test_where_no_rule_decides_the_number_leads_to_its_own_place_or_its_queue() -> None:
    rules = (Hours(calendar="day", open=MENU),)
    number = VoiceNumber(number="101", queue="general", hours=rules)
    evening = at("2026-11-26 18:00")
    assert destination(number, CALENDARS, evening) == Destination(queue="general")
    assert destination(number.model_copy(update={"to": TO}), CALENDARS, evening) == TO
