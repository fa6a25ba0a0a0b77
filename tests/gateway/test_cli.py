"""The command line, as its users see it: with and without a running gateway."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from config.ordering import SKILL
from config.words import PATTERNS
from gateway.cli import main
from gateway.cli.explain import latest
from gateway.cli.status import summary
from routing.events import CallbackAsked, CallerLeft, ControlRoomJoined, EmergencyRaised
from tests.gateway.api.site import PASSWORD, Calls, Site, settings_in
from tests.support.postgres import Postgres

SITE = """
[gateway]
data_dir = "{data}"
run_dir = "run"
[voice]
enabled = false
"""
HEADER = "id,name,centre,skills,extension,role,password\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(SITE.format(data=tmp_path / "data"))
    return path


def run(config: Path, *arguments: str, input: str | None = None) -> Result:  # noqa: A002
    """Whatever happens, no traceback."""
    result = CliRunner().invoke(main, arguments, input=input, env={"CONTACT_GATEWAY_CONFIG": str(config)})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def gateway(config: Path, tmp_path: Path) -> Iterator[Site]:
    """A running gateway, in a loop of its own."""
    started, stop, loop = threading.Event(), asyncio.Event(), asyncio.new_event_loop()
    sites: list[Site] = []

    async def serve() -> None:
        async with Site(settings_in(tmp_path / "data"), Calls(), None) as site:
            sites.append(site)
            started.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert started.wait(10)
    yield sites[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    loop.close()
    assert not thread.is_alive()


def add(config: Path, handler: str, *more: str) -> Result:
    run(config, "begin")
    return run(config, "handlers", "add", handler, "--name", handler.title(), "--centre", "fcc", "--no-password", *more)


def test_check_says_that_a_sound_configuration_is_sound(config: Path) -> None:
    result = run(config, "check")

    assert result.exit_code == 0
    assert "The configuration is sound." in result.output
    assert "general, texts, emails" in result.output


def test_check_says_which_queues_no_handler_could_serve(config: Path) -> None:
    with config.open("a") as file:
        file.write(
            '[[queues]]\nid = "general"\nname = "General"\ntarget_seconds = 30\n'
            'wanted = [{ skill = "polish", for_seconds = 20 }]\n'
            '[[queues]]\nid = "witness"\nname = "Witness line"\ntarget_seconds = 30\nskills = ["french:2"]\n'
        )
    assert "not known: there is no database at" in run(config, "check").output
    assert not (config.parent / "data").exists(), "nothing is made"
    add(config, "amy", "--skill", "french")

    warned = run(config, "check")

    assert warned.exit_code == 0 and "handlers:     1\n" in warned.output
    assert warned.output.endswith(
        "Warnings:\n"
        "  No handler at all has french at level 2 or above: nobody can take anything of 'Witness line'.\n"
        "  'General' insists for 20 s on polish, and there is none: everybody waits so long for nobody.\n"
    )
    told = run(config, "status").output
    assert "handlers: No handler at all has french at level 2 or above: nobody can take" in told
    add(config, "ben", "--skill", "french:2", "--skill", "polish")
    assert "Warnings" not in run(config, "check").output


def test_check_says_which_files_the_edge_would_look_for_in_vain(config: Path) -> None:
    (config.parent / "edge.pem").touch()
    with config.open("a") as file:
        file.write(f'[edge]\ntls_certificate = "{config.parent}/edge.pem"\ntls_key = "{config.parent}/edge.key"\n')

    warned = run(config, "check")

    assert warned.exit_code == 0
    assert f"\n  edge.tls_key: {config.parent}/edge.key cannot be read; the edge's TLS needs it." in warned.output
    assert "edge.tls_certificate:" not in warned.output


def test_check_shows_every_mistake_with_file_and_key_and_exits_with_2(config: Path) -> None:
    config.write_text('[http]\nport = 99999\ncolour = "red"\n[gateway]\nlog_level = "loud"\n[voice]\nenabled = false\n')

    result = run(config, "check")

    assert result.exit_code == 2
    assert "3 mistakes" in result.output
    for part in (f"{config}: http.port", "http.colour: there is no such setting", "gateway.log_level", "'warning'"):
        assert part in result.output


def test_a_configuration_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    result = run(tmp_path / "nowhere.toml", "status")

    assert result.exit_code == 2
    assert "cannot be read" in result.output


def test_handlers_are_kept_while_no_gateway_runs_and_it_finds_them_at_its_start(config: Path, tmp_path: Path) -> None:
    run(config, "begin")
    result = run(
        config, "handlers", "add", "amy", "--name", "Amy", "--centre", "crc", "--skill", "welsh", "--skill", "bsl",
        "--extension", "201", "--role", "supervisor", "--password-file", "-", input=f"{PASSWORD}\n",
    )  # fmt: skip
    assert result.stdout == "Added supervisor amy.\n"
    assert "crc" in run(config, "handlers", "list").output

    async def sign_in() -> str:
        async with Site(settings_in(tmp_path / "data"), None, None) as site:
            assert site.dispatcher.board.handlers["amy"].skills == {"welsh", "bsl"}
            return str((await site.desk().sign_in("amy"))[1]["role"])

    assert asyncio.run(sign_in()) == "supervisor"
    assert "sound" in run(config, "journal", "verify").output


def test_handlers_are_saved_through_the_running_gateway(config: Path, gateway: Site) -> None:
    assert add(config, "amy").exit_code == 0

    assert gateway.dispatcher.board.handlers["amy"].name == "Amy"
    assert run(config, "handlers", "remove", "amy").output == "Removed amy.\n"
    assert "amy" not in gateway.dispatcher.board.handlers


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Amy!"], "id: "),
        (["amy", "--extension", "x"], "extension: "),
        (["amy", "--centre", "moon"], "there is no centre 'moon'; there are: fcc, crc"),
        (["amy", "--role", "boss"], "'boss' is not one of"),
    ],
)
def test_what_is_wrong_with_a_handler_is_said_in_words(config: Path, arguments: list[str], said: str) -> None:
    result = add(config, *arguments)

    assert result.exit_code != 0
    assert said in result.output


def test_a_password_is_never_taken_from_the_command_line_and_not_asked_of_a_script(config: Path) -> None:
    asked = run(config, "handlers", "add", "amy", "--name", "Amy", "--centre", "fcc")
    given = run(config, "handlers", "add", "amy", "--name", "Amy", "--centre", "fcc", "--password", PASSWORD)

    assert "use --password-file, or --no-password" in asked.output
    assert "No such option" in given.output


def test_a_roster_is_imported_whole_or_not_at_all(config: Path, tmp_path: Path) -> None:
    run(config, "begin")
    roster = tmp_path / "roster.csv"
    roster.write_text(HEADER + "amy,Amy,fcc,,201,,\nben,Ben,moon,,201,,\n")
    refused = run(config, "handlers", "import", str(roster))
    assert refused.exit_code == 1
    assert "line 3: centre: there is no centre 'moon'" in refused.output
    assert "amy" not in run(config, "handlers", "list").output

    roster.write_text(HEADER + 'Amy,,fcc,French!,20x,boss,short\nben,"Ben,fcc,,201,,\n')
    wrong = run(config, "handlers", "import", str(roster)).output
    assert 'line 3: line: a quotation mark (") opens here and is never closed' in wrong
    roster.write_text(HEADER + "Amy,,fcc,French!,20x,boss,short\nben,Ben,fcc,201,,\n")
    assert run(config, "handlers", "import", str(roster)).output.splitlines()[1:] == [
        "  line 2: id: must be small letters, digits, dots, - and _, beginning with a letter",
        "  line 2: name: must not be empty",
        f"  line 2: skills: {PATTERNS[SKILL]}",
        "  line 2: extension: must be 2 to 6 digits, as the telephone is dialled",
        "  line 2: role: must be 'handler', 'supervisor' or 'administrator'",
        "  line 2: password: must have at least 12 characters",
        "  line 3: line: has 6 columns, and the header 7",
    ]
    roster.write_bytes((HEADER + "zoe,Zoë,fcc,,201,,\n").encode("cp1252"))
    assert "choose 'Save As' and the type 'CSV UTF-8" in run(config, "handlers", "import", str(roster)).output
    roster.write_text("id,name,skills,phone,role\namy,Amy,,201,\n")
    told = run(config, "handlers", "import", str(roster)).output
    assert "line 1: header: there is no column centre, extension; there must not be a column phone. The first" in told

    roster.write_text(HEADER + "amy,Amy,fcc,,201,,\nben,Ben,crc,,202,,\n")

    assert run(config, "handlers", "import", str(roster)).output == "Imported roster.csv: 2 added, 0 changed.\n"


def test_status_shows_queues_and_handlers_of_the_running_gateway(config: Path, gateway: Site) -> None:
    add(config, "amy")

    result = run(config, "status")

    assert result.exit_code == 0
    assert "Everything is well." in result.output
    assert "Handlers signed in: 0 of 1" in result.output
    assert "emails   0        0            -             12 h 0 min  0      -" in result.output


@pytest.mark.parametrize("running", [True, False])
def test_statistics_are_counted_shown_and_made_anew(
    running: bool, config: Path, request: pytest.FixtureRequest
) -> None:
    if running:
        request.getfixturevalue("gateway")
    add(config, "amy")
    period = ("--from", "2026-01-01", "--to", "2026-01-02")

    nothing = run(config, "statistics", "report", *period)
    as_json = run(config, "statistics", "report", *period, "--json")
    as_csv = run(config, "statistics", "report", *period, "--csv")
    rebuilt = run(config, "statistics", "rebuild")
    wrong = run(config, "statistics", "report", "--from", "soon", "--to", "2026-01-02")
    both = run(config, "statistics", "report", *period, "--csv", "--json")

    assert nothing.output == "Nothing was offered or handled in that time.\n"
    assert json.loads(as_json.output)["rows"] == []
    assert as_csv.output.startswith("group,begins,ends,offered,answered,abandoned")
    assert rebuilt.exit_code == 0 and "are made anew: " in rebuilt.output
    assert wrong.exit_code == 1 and "from: must be a date" in wrong.output
    assert both.exit_code == 2 and "--csv and --json exclude each other" in both.output


def test_everybody_who_was_offered_stands_in_the_printed_report(config: Path, tmp_path: Path) -> None:
    """Answered, heard by the control room, gone, gone early or waiting: so much of the sum is never out of sight."""
    at = datetime(2026, 11, 4, 9, tzinfo=ZoneInfo("Europe/London")).timestamp()

    async def a_morning() -> None:
        async with Site(settings_in(tmp_path / "data"), None, None) as site:
            site.now = lambda: at
            for n in range(1, 6):
                await site.call(f"C{n}", f"+44163296000{n}")
            await site.dispatcher.submit(EmergencyRaised("C1", "caller", "pressed 55"))
            site.now = lambda: at + 20
            await site.dispatcher.submit(ControlRoomJoined("C1", "control room"))
            await site.dispatcher.submit(CallerLeft("C2"))
            await site.dispatcher.submit(CallbackAsked("C3", "+441632960003"))
            site.now = lambda: at + 70
            await site.dispatcher.submit(CallerLeft("C4"))

    asyncio.run(a_morning())
    report = run(config, "statistics", "report", "--from", "2026-11-04", "--to", "2026-11-05").output

    headings, row = (line.split("  ") for line in report.splitlines()[:2])
    told = dict(zip((h.strip() for h in headings if h), (cell.strip() for cell in row if cell), strict=True))
    assert (told["OFFERED"], told["ANSWERED"], told["CONTROL ROOM"], told["OTHER"]) == ("5", "0", "1", "1")
    assert (told["ABANDONED"], told["EARLY"], told["WAITING"]) == ("1", "1", "1 (1 late)")
    assert told["LEVEL"] == "25.0%"  # C1 in time, C3 to C5 not; C2 left early
    assert "EARLY: hung up sooner than the threshold" in report


@pytest.mark.parametrize(
    ("emergencies", "unattended", "longest", "says"),
    [
        (2, "", 5.0, "2 emergencies wait for a handler: texts."),
        (0, "No handler at all has french.", 600.0, "No handler at all has french."),
        (0, "", 600.0, "Somebody has waited more than twice the target: texts (10 min 0 s; target 1 min 0 s)."),
        (0, "", 90.0, "Everything is well."),
    ],
)
def test_the_first_line_of_status_says_what_needs_somebody(
    emergencies: int, unattended: str, longest: float, says: str
) -> None:
    queue = {"id": "texts", "emergencies": emergencies, "longest_wait_seconds": longest, "target_seconds": 60.0}
    queue |= {"unattended": unattended}
    told = summary({"ready": True, "wrong": {}, "warnings": {}}, [queue | {"waiting": 1}])
    assert told.splitlines()[0] == says


def test_status_says_when_no_gateway_runs(config: Path) -> None:
    add(config, "amy")
    result = run(config, "status")

    assert result.exit_code == 1
    assert "gateway: is not running" in result.output


def test_a_token_is_shown_once_alone_on_standard_output(config: Path) -> None:
    run(config, "begin")
    made = run(config, "tokens", "add", "board", "--role", "supervisor")

    assert made.stdout.startswith("cg_")
    assert len(made.stdout.split()) == 1
    assert made.stdout.strip() not in run(config, "tokens", "list").output
    assert "board" in run(config, "tokens", "list").output
    assert run(config, "tokens", "remove", "board").output == "Removed board.\n"
    assert "There is no token board." in run(config, "tokens", "remove", "board").output


def with_a_contact(tmp_path: Path) -> None:
    async def arrive() -> None:
        async with Site(settings_in(tmp_path / "data"), None, None) as site:
            await site.text("AAAA-0001")

    asyncio.run(arrive())


def test_the_story_of_a_contact_is_told_and_the_reading_is_part_of_it(config: Path, tmp_path: Path) -> None:
    with_a_contact(tmp_path)

    told = run(config, "journal", "show", "AAAA-0001", "--reason", "complaint")
    again = run(config, "journal", "show", "AAAA-0001", "--json", "--reason", "audit")

    assert "caller sent a message (text) to 61016, queue texts" in told.output
    rows = [json.loads(line) for line in again.output.splitlines()]
    assert rows[0]["kind"] == "MessageArrived"
    assert rows[-2]["sentence"] == "journal read (complaint)"
    assert rows[-1]["actor"].startswith("local:")


def test_a_contact_that_is_not_there_is_one_sentence(config: Path) -> None:
    add(config, "amy")
    result = run(config, "journal", "show", "NONE-0000", "--reason", "x")

    assert (result.exit_code, result.output) == (1, "Error: There is no contact NONE-0000.\n")


def test_why_a_contact_waits_is_told_in_sentences_or_as_data_and_the_reading_is_on_record(
    config: Path, tmp_path: Path
) -> None:
    add(config, "amy")
    with_a_contact(tmp_path)

    told = run(config, "explain", "AAAA-0001", "--reason", "complaint")
    data = run(config, "explain", "AAAA-0001", "--reason", "audit", "--json")

    assert "waits in texts since" in told.stdout
    assert "  1 handler who could take it is not signed in.\n" in told.stdout
    assert run(config, "explain", "aaaa 0001", "--reason", "complaint").stdout.startswith("AAAA-0001 at ")
    assert json.loads(data.stdout)["waiting"]["handlers"][0]["reason"]["code"] == "offline"
    assert "contact read (complaint)" in run(config, "journal", "show", "AAAA-0001", "--reason", "x").output


@pytest.mark.parametrize("command", [("explain",), ("journal", "show")])
def test_who_can_not_be_asked_why_they_read_a_contact_is_told_to_say_it(command: tuple[str, ...], config: Path) -> None:
    result = run(config, *command, "AAAA-0001")

    assert result.exit_code == 2
    assert 'Say why you read this contact: --reason "complaint 12/26".' in result.output


@pytest.mark.parametrize(
    ("contact", "at", "said"),
    [
        ("NONE-0000", "00:00", "There is no contact NONE-0000."),
        ("AAAA-0001", "2026-01-05 03:12", "There was no contact AAAA-0001 yet at 05 Jan 2026 03:12:00 "),
        ("AAAA-0001", "yesterday", "'yesterday' is no time: give 03:12"),
        ("AAAA-0001", "2999-01-01 00:00", "'2999-01-01 00:00' is in the future."),
        ("AAAA-0001", "0001-01-01 00:00", "'0001-01-01 00:00' lies before 1971."),
        ("AAAA-0001", "9999-12-31 23:59", "'9999-12-31 23:59' is in the future."),
    ],
)
def test_what_cannot_be_explained_is_one_sentence(
    config: Path, tmp_path: Path, contact: str, at: str, said: str
) -> None:
    with_a_contact(tmp_path)

    result = run(config, "explain", contact, "--at", at, "--reason", "x")

    assert result.exit_code != 0
    assert said in result.output


@pytest.mark.parametrize(("typed", "shown"), [("03:12", "03:12:00 JST"), ("03:12+00:00", "12:12:00 JST")])
def test_times_are_typed_and_shown_in_the_sites_zone_wherever_the_machine_is(
    config: Path, tmp_path: Path, typed: str, shown: str
) -> None:
    with_a_contact(tmp_path)
    config.write_text(config.read_text() + '[statistics]\ntime_zone = "Asia/Tokyo"\n')

    explained = run(config, "explain", "AAAA-0001", "--at", f"2026-01-05 {typed}", "--reason", "x")
    told = run(config, "journal", "show", "AAAA-0001", "--reason", "x")

    assert f"There was no contact AAAA-0001 yet at 05 Jan 2026 {shown}." in explained.output
    assert {line.split()[4] for line in told.output.splitlines()} == {"JST"}


def test_a_time_of_day_that_is_still_to_come_was_yesterday() -> None:
    london = ZoneInfo("Europe/London")
    half_past_midnight = datetime(2026, 11, 26, 0, 30, tzinfo=london).timestamp()

    asked = {
        text: latest(time.fromisoformat(text).replace(tzinfo=london), half_past_midnight)
        for text in ("23:59", "00:10", "00:31")
    }

    assert {text: f"{at:%Y-%m-%d %H:%M}" for text, at in asked.items()} == {
        "23:59": "2026-11-25 23:59", "00:10": "2026-11-26 00:10", "00:31": "2026-11-25 00:31"
    }  # fmt: skip


@pytest.mark.parametrize(("now", "hour"), [("01:10+00:00", 0), ("12:00+00:00", 1)], ids=["between", "after"])
def test_of_an_hour_that_comes_twice_the_last_is_taken_once_it_has_come(now: str, hour: int) -> None:
    """On 25 October 2026 it is half past one at 00:30 and at 01:30 UTC."""
    half_past_one = time(1, 30, tzinfo=ZoneInfo("Europe/London"))

    asked = latest(half_past_one, datetime.fromisoformat(f"2026-10-25T{now}").timestamp())

    assert asked.astimezone(UTC) == datetime(2026, 10, 25, hour, 30, tzinfo=UTC)


def test_verify_names_the_row_that_was_altered(config: Path, tmp_path: Path) -> None:
    with_a_contact(tmp_path)
    with sqlite3.connect(tmp_path / "data" / "gateway.db") as database:
        database.execute("UPDATE journal SET actor = 'nobody' WHERE seq = 2")

    result = run(config, "journal", "verify")

    assert result.exit_code == 1
    assert "broken at row 2: was altered" in result.output


READING = [
    ("status",), ("drain",), ("explain", "AAAA-0001", "--reason", "x"),
    ("journal", "show", "AAAA-0001", "--reason", "x"),
    ("journal", "verify"), ("statistics", "report", "--from", "2026-11-04", "--to", "2026-11-05"),
    ("statistics", "report", "--from", "2026-11-04", "--to", "2026-11-05", "--csv"), ("statistics", "rebuild"),
    ("handlers", "list"), ("handlers", "remove", "amy"), ("tokens", "list"), ("tokens", "add", "wall"),
    ("handlers", "add", "amy", "--name", "Amy", "--centre", "fcc", "--no-password"), ("tokens", "remove", "wall"),
    ("shifts", "imports"), ("shifts", "file", "5f0c"), ("duty",), ("forecast",),
]  # fmt: skip


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_who_reads_where_there_is_no_database_is_told_so_and_none_is_begun(
    config: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """An empty one would say of every contact that there is none."""
    result = run(config, *command)

    assert result.exit_code == 1
    assert f"here is no database at {tmp_path / 'data' / 'gateway.db'}.\n" in result.output
    assert ("gateway is not running" in result.output) == (command != ("journal", "verify"))
    assert "check --config,\ngateway.data_dir and store.url" in result.output
    assert not (tmp_path / "data").exists()


def test_shifts_are_not_imported_where_there_is_no_database(config: Path, tmp_path: Path) -> None:
    (tmp_path / "november.csv").write_text(SHIFTS, encoding="utf-8")
    result = run(config, "shifts", "import", str(tmp_path / "november.csv"))
    assert result.exit_code == 1 and "there is no database" in result.output


def test_an_empty_file_is_no_database_either(config: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "gateway.db").touch()
    assert "there is no database at" in run(config, "status").output


def test_one_command_begins_a_database_once_and_says_where(config: Path, tmp_path: Path) -> None:
    begun = run(config, "begin")
    add(config, "amy")
    again = run(config, "begin")

    where = tmp_path / "data" / "gateway.db"
    assert begun.output == f"A database is begun at {where}.\n"
    assert again.output == f"Nothing is changed: there is a database already at {where}.\n"
    assert "amy" in run(config, "handlers", "list").output


@pytest.mark.parametrize("beginning", ["nothing", "an empty file"])
def test_a_gateway_begins_no_database_of_its_own(config: Path, tmp_path: Path, beginning: str) -> None:
    """After a restart with a mistyped path every open contact would be out of sight, and the gateway look sound."""
    database = tmp_path / "data" / "gateway.db"
    if beginning == "an empty file":
        database.parent.mkdir()
        database.touch()

    refused = run(config, "serve")

    assert refused.exit_code == 1
    assert f"There is no database at {database}.\nIf the gateway has run before" in refused.output
    assert refused.output.endswith("Only before the very first start: contact-gateway begin\n")
    assert database.exists() == (beginning == "an empty file")


@pytest.mark.parametrize("command", ["serve", "begin", "status"])
def test_a_postgresql_database_that_nobody_has_made_is_told_so_at_once(
    config: Path, postgres: Postgres, command: str
) -> None:
    """Also where only its name is mistyped: it would be waited for in vain."""
    config.write_text(config.read_text() + f'[store]\nurl = "{postgres.url("contcats")}"\n')

    refused = run(config, command)

    assert refused.exit_code == 1
    assert "/contcats: the server has no database of that name.\n" in refused.output
    assert "check --config,\ngateway.data_dir and store.url" in refused.output
    assert refused.output.endswith(
        "Only before the very first start: let the administrator of PostgreSQL make it (createdb contcats), then\n"
        "contact-gateway begin\n"
    )


def test_every_command_helps_with_an_example() -> None:
    for arguments in (
        ["begin"], ["check"], ["serve"], ["status"],
        ["journal", "show"], ["journal", "verify"], ["tokens", "add"], ["explain"],
        ["handlers", "add"], ["handlers", "list"], ["handlers", "remove"], ["handlers", "import"],
        ["shifts", "import"], ["shifts", "imports"], ["shifts", "file"], ["duty"], ["forecast"],
        ["statistics", "report"], ["statistics", "rebuild"],
    ):  # fmt: skip
        assert "Example" in CliRunner().invoke(main, [*arguments, "--help"]).output, arguments


def test_an_operator_drains_the_calls_and_ends_it(config: Path, gateway: Site) -> None:
    drained = run(config, "drain")
    assert drained.output == "No new calls are taken. Calls under way: 2.\n"
    assert gateway.calls is not None and gateway.calls.draining

    assert run(config, "drain", "--undo").output == "New calls are taken.\n"
    assert not gateway.calls.draining


def test_without_a_gateway_there_is_nothing_to_drain(config: Path) -> None:
    add(config, "amy")
    result = run(config, "drain")
    assert result.exit_code == 1 and "the gateway is not running" in result.output


OR_PUT_IT = "; if it is the HR system's name for one, put it in rosters.people"
SHIFTS = "person,date,begins,ends\namy,2026-11-30,22:00,07:00\nben,2026-11-30,07:00,15:00\n"


def test_shifts_are_shown_before_they_are_imported_and_the_file_comes_back(config: Path, tmp_path: Path) -> None:
    """Without a running gateway; with one it is the same API."""
    add(config, "amy")
    add(config, "ben")
    roster, back = tmp_path / "november.csv", tmp_path / "back.csv"
    roster.write_text(SHIFTS)

    preview = run(config, "shifts", "import", str(roster), "--dry-run").output.splitlines()
    imported = run(config, "shifts", "import", str(roster)).output.splitlines()

    period = "(from Mon 30 Nov 2026 00:00 until Tue 01 Dec 2026 00:00, fcc)."
    assert preview == [
        "Nothing was imported. It would be november.csv: 2 added, 0 removed, 0 unchanged " + period,
        "amy: 1 added, 0 removed",
        "ben: 1 added, 0 removed",
        "  + ben  Mon 30 Nov 2026 07:00 to Mon 30 Nov 2026 15:00",
        "  + amy  Mon 30 Nov 2026 22:00 to Tue 01 Dec 2026 07:00",
    ]
    assert imported[0] == "Imported november.csv: 2 added, 0 removed, 0 unchanged " + period
    listed = run(config, "shifts", "imports").output.splitlines()
    assert "november.csv" in listed[1] and "local:" in listed[1]
    back.write_text(run(config, "shifts", "file", listed[1].split()[0]).output)
    assert back.read_text() == SHIFTS
    again = run(config, "shifts", "import", str(back), "--from", "2026-11-30", "--to", "2026-11-30", "--centre", "fcc")
    assert again.output.startswith("Imported back.csv: 0 added, 0 removed, 2 unchanged")


def test_every_mistake_of_a_roster_is_told_and_nothing_is_imported(config: Path, tmp_path: Path) -> None:
    roster = tmp_path / "roster.csv"
    roster.write_text(SHIFTS + "ben,2026-11-30,99:00,15:00\n")
    add(config, "cara")

    result = run(config, "shifts", "import", str(roster))

    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "Error: Nothing was imported: some lines are not right.",
        f"  line 2: person: there is no handler 'amy'{OR_PUT_IT}",
        f"  line 3: person: there is no handler 'ben'{OR_PUT_IT}",
        f"  line 4: person: there is no handler 'ben'{OR_PUT_IT}",
        "  line 4: begins: '99:00' is no time of day such as 07:00",
    ]
    assert run(config, "shifts", "imports").output.count("\n") == 1


def test_duty_and_forecast_are_told_in_words_and_as_json(config: Path, gateway: Site, tmp_path: Path) -> None:
    add(config, "amy")
    today = datetime.now(ZoneInfo("Europe/London")).date()
    roster = tmp_path / "roster.csv"
    roster.write_text(
        f"person,date,begins,ends\namy,{today - timedelta(days=1)},00:00,24:00\namy,{today},00:00,24:00\n"
    )
    assert run(config, "shifts", "import", str(roster)).exit_code == 0

    words = run(config, "duty").output
    data = json.loads(run(config, "duty", "--json").output)

    assert data["centres"][0]["expected"] == 1
    assert "amy      fcc     offline" in words
    assert "There is too little history: 0 whole days of calls" in run(config, "forecast").output
    assert json.loads(run(config, "forecast", "--week", "2026-11-30", "--json").output)["first"] == "2026-11-30"
