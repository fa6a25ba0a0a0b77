"""A scenario's file: what is wrong with it is said, all at once and in words."""

from __future__ import annotations

from pathlib import Path
from random import Random
from statistics import fmean, stdev
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.simulate.arrivals import arrivals
from gateway.simulate.chance import Spread
from gateway.simulate.roster import duties
from gateway.simulate.scenario import Scenario, ScenarioError, load_scenario, scenario_of

SCENARIOS = Path(__file__).parents[3] / "config" / "scenarios"
SOUND = """
name = "small"
start = 2026-03-28
days = 2
[[centres]]
id = "fcc"
name = "FCC"
[[queues]]
id = "general"
name = "General"
target_seconds = 30
[[demand]]
id = "calls"
queue = "general"
channel = "voice"
per_hour = 60
handling = { mean = 60 }
[[shifts]]
id = "night"
begins = 22:00:00
ends = 06:00:00
[[teams]]
id = "fcc"
centre = "fcc"
posts = 3
rota = ["night", "off", "off"]
"""
TARGET = "target_seconds = 30"
LONGEST = "longest_wait_seconds = 60\noverflow = { longest_wait = "


def read(tmp_path: Path, text: str) -> Scenario:
    path = tmp_path / "scenario.toml"
    path.write_text(text, encoding="utf-8")
    return load_scenario(path)


@pytest.mark.parametrize("name", ["btp", "county", "burst", "centre-down"])
def test_the_scenarios_that_come_with_the_gateway_are_sound(name: str) -> None:
    assert load_scenario(SCENARIOS / f"{name}.toml").days > 0


@pytest.mark.parametrize(
    ("instead", "of", "said"),
    [
        ("queue = 'crime'", 'queue = "general"', "demand calls: there is no crime among the queues (general)"),
        ("centre = 'crc'", 'centre = "fcc"', "team fcc: there is no crc among the centres (fcc)"),
        ('rota = ["day"]', 'rota = ["night", "off", "off"]', "team fcc: there is no day among the shifts (night)"),
        ("per_day = 5\nper_hour = 60", "per_hour = 60", "give one of per_year, per_day and per_hour"),
        ("handling = { mean = 60, deviation = 9 }", "handling = { mean = 60 }", "deviation is given for lognormal"),
        (
            "handling = { kind = 'lognormal', mean = 60, deviation = 1e200 }",
            "handling = { mean = 60 }",
            "demand.0.handling.deviation: must be at most 31622400",
        ),
        (
            "handling = { kind = 'lognormal', mean = 1e-9, deviation = 60 }",
            "handling = { mean = 60 }",
            "demand.0.handling: deviation must be at most 1,000 times the mean",
        ),
        ("handling = { mean = 1e300 }", "handling = { mean = 60 }", "demand.0.handling.mean: must be at most 31622400"),
        ("by_hour = [1, 2]\nper_hour = 60", "per_hour = 60", "demand.0.by_hour: must have at least 24"),
        ("posts = 0", "posts = 3", "teams.0.posts: must be at least 1"),
        ("sede = 1\ndays = 2", "days = 2", "sede: there is no such setting"),
        ("time_zone = 'Mars'\ndays = 2", "days = 2", "time_zone: there is no time zone Mars"),
        ("", "days = 2", "days: is missing"),
        ("", "handling = { mean = 60 }", "demand.0.handling: is missing"),
        ("handling = 60", "handling = { mean = 60 }", "demand.0.handling: must be a table"),
        ("days = ", "days = 2", "is not valid TOML"),
        ("start = 0001-01-01", "start = 2026-03-28", "start: must be at least 1980-01-01"),
        ("start = 9999-12-31", "start = 2026-03-28", "start: must be at most 2200-01-01"),
        (
            "per_day = 1e9",
            "per_hour = 60",
            "demand: makes about 2,000,000,000 contacts, 167 hours of work; the most is",
        ),
        ("per_day = 1e300", "per_hour = 60", "contacts, years of work; the most is 50,000,000"),
        ("routing = 3\ndays = 2", "days = 2", "routing: must be a table"),
        ("follow_ups = []\ndays = 2", "days = 2", "follow_ups: must be a table"),
        (f'{TARGET}\ncentre = "nw"', TARGET, "queue general: there is no nw among the centres (fcc)"),
        (f'{TARGET}\ncalendar = "office"', TARGET, "queues[general].calendar: no calendar 'office'; there are: none"),
        (f"{TARGET}\n{LONGEST}[{{ queue = 'nw' }}] }}", TARGET, "longest_wait[0].queue: no queue 'nw'"),
        (f"{TARGET}\n{LONGEST}[{{ voicemail = 'general' }}] }}", TARGET, "longest_wait[0].voicemail: is not played"),
        (f"{TARGET}\n{LONGEST}[{{ number = '+441632960999' }}] }}", TARGET, "longest_wait[0].number: is not played"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, instead: str, of: str, said: str) -> None:
    assert of in SOUND

    with pytest.raises(ScenarioError) as refused:
        read(tmp_path, SOUND.replace(of, instead, 1))

    assert said in str(refused.value)
    assert "scenario.toml" in str(refused.value)


def test_a_list_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError) as refused:
        read(tmp_path, "queues = 3")
    assert "queues: must be a list" in str(refused.value)


def test_a_queue_may_lead_on_to_another_and_have_who_stays_wait_on(tmp_path: Path) -> None:
    other = '[[queues]]\nid = "other"\nname = "Other"\ntarget_seconds = 60\n'
    led = f"{TARGET}\n{LONGEST}[{{ queue = 'other' }}, {{ callback = true }}, {{ stay = 'hold' }}] }}\n{other}"
    assert read(tmp_path, SOUND.replace(TARGET, led, 1))


BURST = '\n[[bursts]]\ndemand = "calls"\nbegins = {}\nminutes = 30\ntimes = 10\n'
OUTAGE = '\n[[outages]]\ncentre = "fcc"\nbegins = {}\nminutes = 30\n'
TIME = "is not in the scenario, which is from 2026-03-28 00:00 to 2026-03-30 01:00"  # the clocks go forward meanwhile


@pytest.mark.parametrize(("table", "key"), [(BURST, "bursts.0.begins"), (OUTAGE, "outages.0.begins")])
@pytest.mark.parametrize(
    ("begins", "said"),
    [
        ("2026-03-27T23:59:00", f": 2026-03-27 23:59:00 {TIME}"),
        ("2026-03-30T01:00:00", f": 2026-03-30 01:00:00 {TIME}"),
        ("0001-01-01T00:00:00", f": 0001-01-01 00:00:00 {TIME}"),
        ("2026-03-28T09:00:00Z", ": must be a time without a time zone, such as 2026-11-30T07:00:00"),
        ("2026-03-28T00:00:00", ""),
        ("2026-03-30T00:59:00", ""),
    ],
)
def test_a_burst_or_an_outage_outside_the_scenario_is_named(
    tmp_path: Path, table: str, key: str, begins: str, said: str
) -> None:
    if not said:
        assert read(tmp_path, SOUND + table.format(begins))
        return
    with pytest.raises(ScenarioError) as refused:
        read(tmp_path, SOUND + table.format(begins))
    assert f"{key}{said}" in str(refused.value)


def test_how_many_come_in_is_known_before_with_the_bursts(tmp_path: Path) -> None:
    scenario = read(tmp_path, SOUND + BURST.format("2026-03-28T09:10:00"))

    come = sum(1 for _ in arrivals(scenario.demand[0], scenario, Random(3)))

    assert scenario.contacts == 60 * 48 + 9 * 30
    assert come == pytest.approx(scenario.contacts, rel=0.05)


def test_a_list_whose_only_entry_is_wrong_is_not_said_to_be_empty_too(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError) as refused:
        read(tmp_path, SOUND.replace("posts = 3", "posts = 0"))

    assert len(str(refused.value).splitlines()) == 1


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"none\.toml: cannot be read"):
        load_scenario(tmp_path / "none.toml")


def test_what_is_not_said_of_routing_is_as_by_default(tmp_path: Path) -> None:
    scenario = read(tmp_path, SOUND + "\n[routing]\nvoice_offer_seconds = 7\n")

    assert (scenario.routing.voice_offer_seconds, scenario.routing.text_offer_seconds) == (7, 60)


def test_a_night_over_the_change_of_clocks_is_an_hour_shorter(tmp_path: Path) -> None:
    """In 2026 the clocks go forward in the night to 29 March."""
    scenario = read(tmp_path, SOUND)

    hours = [(duty.ends - duty.begins) / 3600 for duty in duties(scenario, Random(1))]

    assert hours == [6.0, 7.0, 8.0]  # the first had begun before the scenario


def test_one_post_of_a_three_day_rota_is_there_each_night(tmp_path: Path) -> None:
    scenario = read(tmp_path, SOUND.replace("days = 2", "days = 9"))

    names = [duty.handler for duty in duties(scenario, Random(1))]

    assert len(names) == 10
    assert all(len(set(names[n : n + 3])) == 3 for n in range(8))


def test_arrivals_follow_the_hour_and_a_burst(tmp_path: Path) -> None:
    weights = [0.0] * 8 + [1.0] * 8 + [0.0] * 8
    burst = '\n[[bursts]]\ndemand = "calls"\nbegins = 2026-03-28T09:10:00\nminutes = 30\ntimes = 10\n'
    text = SOUND.replace("per_hour = 60", f"per_hour = 60\nby_hour = {weights}") + burst
    scenario = read(tmp_path, text)

    times = list(arrivals(scenario.demand[0], scenario, Random(3)))

    first_day = [(at - scenario.begins) / 3600 for at in times if at < scenario.begins + 86_400]
    assert times == sorted(times)
    assert all(8 <= hour < 16 for hour in first_day)
    assert len(first_day) == pytest.approx(60 * 24 + 9 * 90, rel=0.1)
    assert sum(9 + 1 / 6 <= hour < 9 + 2 / 3 for hour in first_day) == pytest.approx(900, rel=0.15)


@pytest.mark.parametrize(("kind", "deviation"), [("fixed", 0), ("exponential", 200), ("lognormal", 120)])
def test_a_spread_has_the_mean_and_deviation_that_it_says(kind: Any, deviation: float) -> None:
    spread = Spread(kind=kind, mean=200, deviation=120 if kind == "lognormal" else None)
    draw = spread.draws(Random(5))

    values = [draw() for _ in range(20_000)]

    assert fmean(values) == pytest.approx(200, rel=0.03)
    assert stdev(values) == pytest.approx(deviation, rel=0.06, abs=1e-6)


def test_a_scenario_in_which_nothing_is_right_names_everything() -> None:
    with pytest.raises(ValidationError) as refused:
        scenario_of({"name": "nothing"})

    wrong = {error["loc"][0] for error in refused.value.errors()}
    assert wrong == {"start", "days", "centres", "queues", "demand", "teams"}
