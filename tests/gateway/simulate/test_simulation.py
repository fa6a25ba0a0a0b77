"""The simulator plays scenarios on the real engine: it agrees with theory, with itself, and with the journal."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.simulate.plots import line_chart
from gateway.simulate.report import figures, left_open
from gateway.simulate.scenario import Scenario, load_scenario
from gateway.simulate.simulation import Simulation
from gateway.store.documents import load_change
from gateway.store.journal import Head, Row, reference_of, write_row
from routing import events as ev
from routing.board import Board
from routing.engine import Decision, decide
from tests.support.theory import against_theory

SCENARIOS = Path(__file__).parents[3] / "config" / "scenarios"


def hours_of(name: str, hours: float) -> Scenario:
    return load_scenario(SCENARIOS / f"{name}.toml").model_copy(update={"days": hours / 24})


def test_a_scenario_in_which_no_handler_ever_has_what_a_queue_needs_is_warned_of(tmp_path: Path) -> None:
    """Levels count, and a team that never comes is nobody."""
    scenario = tmp_path / "scenario.toml"
    text = (SCENARIOS / "county.toml").read_text().replace("days = ", "days = 0.02 #", 1)
    queue = '[[queues]]\nid = "witness"\nname = "Witness line"\ntarget_seconds = 30\nskills = ["french:2"]\n'
    calls = (
        '[[demand]]\nid = "calls-there"\nqueue = "witness"\nchannel = "voice"\nper_hour = 1\nhandling = { mean = 9 }\n'
    )
    team = '[[teams]]\nid = "{0}"\ncentre = "hq"\nposts = 1\nskills = ["{1}"]\nrota = [{2}]\n'
    lacking = team.format("some", "french:1", "") + team.format("never", "french:3", '"off"')

    scenario.write_text(text + queue + calls + lacking)
    warned = CliRunner().invoke(main, ["simulate", str(scenario), "--json"])
    scenario.write_text(text + queue + calls + lacking + team.format("more", "french:3", ""))
    served = CliRunner().invoke(main, ["simulate", str(scenario), "--json"])

    said = "No handler at all has french at level 2 or above: nobody ever takes what 'calls-there' brings to queue"
    assert f"Warning: {said} 'witness'.\n" in warned.stderr
    assert json.loads(warned.stdout)["warnings"] == [f"{said} 'witness'"]
    assert "Warning" not in served.stderr and json.loads(served.stdout)["warnings"] == []


def test_the_wait_is_near_erlang_c() -> None:
    """Wide bounds for a short run; a million contacts are a benchmark."""
    found = against_theory(handlers=2, per_hour=60, handling=60, contacts=3_000)

    assert found.mean_wait == pytest.approx(found.theory.mean_wait, rel=0.25)
    assert found.answered_within == pytest.approx(found.theory.answered_within, abs=0.05)
    assert found.abandoned == 0


def test_those_who_give_up_are_near_erlang_a() -> None:
    found = against_theory(handlers=10, per_hour=200, handling=180, patience=120, contacts=3_000)

    assert found.abandoned == pytest.approx(found.theory.abandoned, rel=0.25)
    assert found.answered_within == pytest.approx(found.theory.answered_within, abs=0.06)


def test_the_same_seed_gives_the_same_figures_and_another_gives_others() -> None:
    scenario = hours_of("county", 12)

    first, again = (figures(scenario, Simulation(scenario).run()) for _ in range(2))
    other = scenario.model_copy(update={"seed": 2})

    assert first == again
    assert figures(other, Simulation(other).run())["queues"] != first["queues"]


@pytest.mark.parametrize("hours", [9, 24])
def test_everybody_who_came_in_was_answered_gave_up_or_is_still_there(hours: float) -> None:
    scenario = hours_of("county", hours)

    found = figures(scenario, Simulation(scenario).run())

    ended = ("answered", "control_room", "abandoned", "waiting")
    missing = sum(q["offered"] - sum(q[name] for name in ended) for q in found["queues"])
    assert missing == found["left_open"]["arriving"]
    assert sum(q["waiting"] for q in found["queues"]) <= found["left_open"]["waiting"]
    for e in found["emergencies"]:
        assert 0 <= e["offered"] - e["answered"] - e["control_room"] - e["abandoned"] <= found["left_open"]["waiting"]


def nobody_there(tmp_path: Path, more: str = "") -> Path:
    """Callers, but no handler ever."""
    path = tmp_path / "nobody.toml"
    path.write_text(
        """
name = "nobody"
start = 2026-03-05
days = 1
centres = [{ id = "fcc", name = "FCC" }]
queues = [{ id = "general", name = "General", target_seconds = 30 }]
shifts = [{ id = "day", begins = 08:00:00, ends = 16:00:00 }]
teams = [{ id = "fcc", centre = "fcc", posts = 1, rota = ["day"], absent = 1 }]
[[demand]]
id = "calls"
queue = "general"
channel = "voice"
per_hour = 20
emergencies = 0.2
handling = { mean = 60 }
patience = { kind = "fixed", mean = 90 }
"""
        + more,
        encoding="utf-8",
    )
    return path


def test_of_nobody_who_was_answered_no_wait_is_shown_and_no_emergency_goes_out_of_sight(tmp_path: Path) -> None:
    behaviour = '[behaviour]\ncontrol_room = { kind = "fixed", mean = 7200 }\n'

    told = CliRunner().invoke(main, ["simulate", str(nobody_there(tmp_path, behaviour))]).stdout.splitlines()

    queue = next(line for line in told if line.startswith("general")).split()
    emergencies = told[told.index(next(line for line in told if line.startswith("EMERGENCIES"))) + 1].split()
    offered = int(emergencies[1])
    assert "nobody: " in told[0] and " in 1 day (seed 1)" in told[0]
    assert queue[3:5] == ["0", "0"] and queue[6] == "0.0%" and queue[-6:] == ["-"] * 6
    assert offered > 50 and emergencies[2:] == ["0", "0", str(offered), "-", "-", "-", "-"]


def test_who_is_led_on_is_counted_in_the_queue_that_ends_the_wait(tmp_path: Path) -> None:
    """By day somebody is there, who can answer only the queue to which the callers are led."""
    path = nobody_there(tmp_path)
    led = 'skills = ["rare"], longest_wait_seconds = 40, overflow = { longest_wait = [{ queue = "other" }] } }, '
    other = '{ id = "other", name = "Other", target_seconds = 60 }]'
    there = path.read_text().replace("target_seconds = 30 }]", f"target_seconds = 30, {led}{other}")
    path.write_text(there.replace("absent = 1", "absent = 0"))

    told = CliRunner().invoke(main, ["simulate", str(path)]).output
    found = json.loads(CliRunner().invoke(main, ["simulate", str(path), "--json"]).stdout)

    general, second = found["queues"]
    assert (second["queue"], second["target_seconds"]) == ("other", 60)
    assert second["offered"] == general["led_on"] > 50 and second["answered"] > 10
    assert general["offered"] + second["offered"] == found["contacts"]
    assert second["median_wait"] > 40, "the whole wait, from its beginning in the first queue"
    said = f"Led on to another queue, which counts them with the whole wait: {general['led_on']} from general (voice)."
    assert said in told


def test_who_talks_with_the_control_room_does_not_give_up_and_counts_as_heard_in_time(tmp_path: Path) -> None:
    scenario = load_scenario(nobody_there(tmp_path))

    found = figures(scenario, Simulation(scenario).run())

    (queue,), (emergency,) = found["queues"], found["emergencies"]
    assert emergency["offered"] == emergency["control_room"] == queue["control_room"] > 50
    assert queue["abandoned"] == pytest.approx(queue["offered"] - queue["control_room"], abs=2)
    assert queue["service_level"] == pytest.approx(queue["control_room"] / queue["offered"], abs=0.01)


def test_the_end_says_where_those_are_who_are_not_done_with(tmp_path: Path) -> None:
    scenario = load_scenario(nobody_there(tmp_path))
    patient = scenario.demand[0].model_copy(update={"patience": None, "emergencies": 0.0})

    found = figures(scenario, Simulation(scenario.model_copy(update={"demand": (patient,)})).run())

    count = found["contacts"]
    assert left_open(found) == f"At the end {count} contacts are not done with: {count} waiting for an answer."
    assert found["queues"][0]["service_level"] == 0, "who waits past the target is missed"


def test_while_a_centre_is_down_its_callers_go_to_the_other() -> None:
    scenario = hours_of("centre-down", 48)
    lost: list[ev.HandlerLost] = []
    moments: list[tuple[float, str]] = []

    def watch(event: ev.Event, now: float, decision: Decision) -> None:
        if isinstance(event, ev.HandlerLost):
            lost.append(event)
        if isinstance(event, ev.OfferAccepted):
            moments.append((now, event.handler))

    Simulation(scenario, watch).run()

    outage = scenario.outages[0]
    begins = scenario.at(outage.begins)
    during = {handler.split("-")[0] for now, handler in moments if begins < now < begins + outage.minutes * 60}
    assert lost and all(event.handler.startswith("crc") for event in lost)
    assert during == {"fcc"}


def journal_of(scenario: Scenario) -> list[Row]:
    """Every event and what was decided on it, as rows of the journal."""
    rows: list[Row] = []

    def watch(event: ev.Event, now: float, decision: Decision) -> None:
        for change in (event, *decision.commands):
            head = Head(rows[-1].seq, rows[-1].hash) if rows else Head()
            rows.append(write_row(head, change, now, "", reference_of(change)))

    Simulation(scenario, watch).run()
    return rows


def test_the_same_journal_gives_the_same_decisions_byte_for_byte() -> None:
    scenario = hours_of("burst", 9)
    journal = journal_of(scenario)
    board, replayed = Board(scenario.rules), list[Row]()

    for row in journal:
        if row.entry == "event":
            event = load_change(row.kind, row.document)
            for change in (event, *decide(board, event, row.at).commands):
                head = Head(replayed[-1].seq, replayed[-1].hash) if replayed else Head()
                replayed.append(write_row(head, change, row.at, "", reference_of(change)))

    assert len(journal) > 2_000
    assert replayed == journal


# --- the command -------------------------------------------------------------------------------------


@pytest.fixture
def short(tmp_path: Path) -> Path:
    path = tmp_path / "short.toml"
    text = (SCENARIOS / "burst.toml").read_text(encoding="utf-8").partition("[[bursts]]")[0]
    path.write_text(text.replace("\ndays = 3", "\ndays = 0.5"), encoding="utf-8")
    return path


def test_the_command_tells_how_it_went(short: Path) -> None:
    result = CliRunner().invoke(main, ["simulate", str(short)])

    assert result.exit_code == 0, result.output
    assert all(word in result.output for word in ("general", "crime", "texts", "emails", "fcc", "IN TARGET", "BUSY"))


def test_the_command_gives_json_and_writes_plots_without_scripts(short: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["simulate", str(short), "--json", "--plots", str(tmp_path / "plots")])

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["seed"] == 1
    plots = sorted((tmp_path / "plots").iterdir())
    assert [plot.name for plot in plots] == ["short-handlers.svg", "short-waits.svg"]
    assert all("<script" not in plot.read_text(encoding="utf-8") for plot in plots)


def test_the_labels_of_three_days_are_shown_whole() -> None:
    labels = [f"{day} {hour:02}:00" for day in ("Fri", "Sat", "Sun") for hour in range(24)]
    chart = line_chart("Waits", "hour", "seconds", labels, every=6)
    chart.add("calls", [0] * len(labels))
    assert ">Sat 18:00</text>" in chart.render().decode()


def test_where_plots_cannot_be_written_is_said_before_the_work(short: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    result = CliRunner().invoke(main, ["simulate", str(short), "--plots", str(tmp_path / "file" / "plots")])

    assert result.exit_code == 1
    assert f"No plots can be written into {tmp_path / 'file' / 'plots'}: Not a directory." in result.output
    assert result.stdout == "", "no figures: nothing was played"


def test_a_long_scenario_says_how_long_it_will_take_and_ctrl_c_how_far_it_came(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short.write_text(short.read_text().replace("days = 0.5", "days = 3000"))

    def interrupted(self: Simulation, progress: Callable[[float], None]) -> None:
        progress(0.25)
        raise KeyboardInterrupt

    monkeypatch.setattr(Simulation, "run", interrupted)
    result = CliRunner().invoke(main, ["simulate", str(short)])

    assert result.exit_code == 130
    assert "About 6,242,000 contacts come in: that takes some 31 minutes. Ctrl-C stops it." in result.stderr
    assert "Stopped at 25%, on 25 Mar 2028 of the scenario. There are no figures." in result.stderr
    assert gc.isenabled()


def test_the_command_says_what_is_wrong_with_a_scenario(tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text("name = 1\n", encoding="utf-8")

    result = CliRunner().invoke(main, ["simulate", str(tmp_path / "wrong.toml")])

    assert result.exit_code == 2
    assert "The scenario is wrong" in result.output and "wrong.toml: start: is missing" in result.output
