"""Importing shifts, who is on duty, and the forecast, over HTTP."""

from __future__ import annotations

from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import pytest

from gateway.rosters.plan import MEETS_NONE
from gateway.rosters.watch import SILENT_SECONDS, RosterWatch
from gateway.store.store import Batch
from routing.board import Touched
from routing.model import Channel, Contact, Party
from tests.gateway.api.site import Desk, Site

DATA = Path(__file__).parents[2] / "data" / "rosters"
NOON = datetime(2026, 11, 30, 12, tzinfo=ZoneInfo("Europe/London")).timestamp()  # a Monday
HEADER = "person,date,begins,ends\n"
BASE = HEADER + "amy,2026-11-30,07:00,15:00\nben,2026-11-30,11:55,19:00\ncat,2026-11-30,15:00,23:00\n"


@pytest.fixture
async def chief(site: Site) -> Desk:
    """An administrator, and three handlers of whom nobody is signed in; it is noon."""
    site.now = lambda: NOON
    desk = await site.signed_in("chief", "administrator")
    for name, centre, extension in (("amy", "fcc", "201"), ("ben", "fcc", "202"), ("cat", "crc", "203")):
        await site.person(name, centre=centre, extension=extension)
    return desk


async def import_file(desk: Desk, text: str | bytes, media: str = "text/csv", **query: str) -> tuple[int, Any]:
    content = text.encode() if isinstance(text, str) else text
    return await desk.post("/shifts/import", data=content, headers={"Content-Type": media}, params=query)


async def test_a_dry_run_says_what_changes_and_changes_nothing(site: Site, chief: Desk) -> None:
    status, told = await import_file(chief, BASE, dry_run="true")

    assert (status, told["roster"], told["added"], told["removed"]) == (200, "", 3, 0)
    assert told["centres"] == ["crc", "fcc"]
    assert told["changes"][0] == {
        "what": "added", "handler": "amy", "begins": "2026-11-30T07:00:00Z", "ends": "2026-11-30T15:00:00Z"
    }  # fmt: skip
    assert (await chief.get("/shifts"))[1] == []
    assert await site.rows("ShiftsImported") == []


async def test_an_import_replaces_the_period_is_journalled_and_is_undone_by_the_file_before(
    site: Site, chief: Desk
) -> None:
    _, first = await import_file(chief, BASE, file="november.csv")
    _, second = await import_file(chief, HEADER + "amy,2026-11-30,08:00,16:00\n", file="worse.csv")
    assert (second["added"], second["removed"], second["left_without"]) == (1, 2, ["ben"])
    assert second["centres"] == ["fcc"]
    assert [s["handler"] for s in (await chief.get("/shifts"))[1]] == ["amy", "cat"]

    _, before = await chief.get(f"/shifts/imports/{first['roster']}/file")
    _, undone = await import_file(chief, before, file="november.csv")

    assert (undone["added"], undone["removed"], undone["unchanged"]) == (2, 1, 1)
    assert [s["handler"] for s in (await chief.get("/shifts"))[1]] == ["amy", "ben", "cat"]
    listed = (await chief.get("/shifts/imports"))[1]
    assert sorted(r["file"] for r in listed) == ["november.csv", "november.csv", "worse.csv"]
    rows = await site.rows("ShiftsImported")
    assert [(row.actor, '"removed":2' in row.document) for row in rows] == [
        ("handler:chief", False), ("handler:chief", True), ("handler:chief", False)
    ]  # fmt: skip


async def test_a_centre_that_is_named_keeps_the_others_as_they_are(chief: Desk) -> None:
    await import_file(chief, BASE)
    lent = HEADER + "ben,2026-11-30,07:00,15:00\ncat,2026-11-30,07:00,15:00\n"

    status, told = await import_file(chief, lent, centre="crc", dry_run="true")

    assert (status, told["centres"], told["left_without"]) == (200, ["crc"], [])
    assert (await import_file(chief, lent, centre="moon"))[1]["errors"][0]["field"] == "centre"


async def test_a_shift_that_meets_one_of_an_earlier_import_is_told_with_both(site: Site, chief: Desk) -> None:
    await import_file(chief, HEADER + "amy,2026-11-29,22:00,07:00\nben,2026-12-01,06:00,14:00\n")

    night = "amy,2026-11-30,06:00,14:00\nben,2026-11-30,22:00,07:00\ncat,2026-11-30,07:00,15:00\n"
    status, told = await import_file(chief, HEADER + night, dry_run="true")

    assert status == 200
    assert told["warnings"] == [
        "amy is on shift twice at the same time: Mon 30 Nov 2026 06:00 to 14:00 of this file, and Sun 29 Nov 2026 "
        "22:00 to Mon 30 Nov 07:00, which is on the roster already and stays. "
        "Mend one of them and import its file again.",
        "ben is on shift twice at the same time: Mon 30 Nov 2026 22:00 to Tue 01 Dec 07:00 of this file, and Tue 01 "
        "Dec 2026 06:00 to 14:00, which is on the roster already and stays. "
        "Mend one of them and import its file again.",
    ]


async def test_shifts_that_only_touch_or_are_replaced_are_no_such_doubt(site: Site, chief: Desk) -> None:
    await import_file(chief, HEADER + "amy,2026-11-29,22:00,07:00\namy,2026-11-30,07:00,15:00\n")

    _, told = await import_file(chief, HEADER + "amy,2026-11-30,07:00,14:00\n")

    assert told["warnings"] == []


async def test_a_time_without_a_zone_is_the_rosters_local_time(chief: Desk) -> None:
    await import_file(chief, HEADER + "amy,2027-07-01,07:00,15:00\n")

    asked = [f"/shifts?begins=2027-07-01T{begins}&ends=2027-07-01T18:00" for begins in ("14:59", "15:00", "14:59Z")]

    assert [len((await chief.get(path))[1]) for path in asked] == [1, 0, 0]


async def test_a_calendar_is_imported_the_same_way(site: Site, chief: Desk) -> None:
    event = "BEGIN:VEVENT\r\nUID:1\r\nDTSTART:20261201T070000\r\nDTEND:20261201T150000\r\nSUMMARY:Amy\r\nEND:VEVENT\r\n"

    calendar = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{event}END:VCALENDAR\r\n"
    status, told = await import_file(chief, calendar, "text/calendar")

    assert (status, told["added"]) == (200, 1)
    answer = await chief.get(f"/shifts/imports/{told['roster']}/file")
    assert answer[1].startswith("BEGIN:VCALENDAR")


async def test_one_wrong_line_and_nothing_is_saved(site: Site, chief: Desk) -> None:
    status, problem = await import_file(chief, (DATA / "broken.csv").read_text())

    assert status == 400
    assert "line 5: ends" in [e["field"] for e in problem["errors"]]
    assert await site.store.shifts(0, 1e12) == []


async def test_absences_alone_take_from_the_shifts_there_are_and_nothing_else(site: Site, chief: Desk) -> None:
    _, base = await import_file(chief, BASE + "amy,2026-12-01,07:00,15:00\n")
    leave = "person,date,begins,ends,code\namy,2026-11-30,,,sick\nben,2026-11-30,13:00,14:00,training\n"

    status, told = await import_file(chief, leave)

    assert (status, told["added"], told["removed"], told["unchanged"], told["centres"]) == (200, 2, 2, 1, [])
    shifts = [(s["handler"], s["begins"], s["ends"]) for s in (await chief.get("/shifts"))[1]]
    assert shifts == [
        ("ben", "2026-11-30T11:55:00Z", "2026-11-30T13:00:00Z"),
        ("ben", "2026-11-30T14:00:00Z", "2026-11-30T19:00:00Z"),
        ("cat", "2026-11-30T15:00:00Z", "2026-11-30T23:00:00Z"),
        ("amy", "2026-12-01T07:00:00Z", "2026-12-01T15:00:00Z"),
    ]
    assert [r["centres"] for r in (await chief.get("/shifts/imports"))[1] if r["id"] != base["roster"]] == [[]]
    _, again = await import_file(chief, leave, dry_run="true")
    assert again["warnings"] == [MEETS_NONE]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
async def test_what_excel_saves_is_read_and_a_guess_is_told(site: Site, chief: Desk, encoding: str) -> None:
    await site.person("zoe", extension="204")
    roster = HEADER.replace("person", "Zoë;person") + "Zoë;zoe,2026-11-30,07:00,15:00\n"

    status, told = await import_file(chief, roster.replace(",", ";").encode(encoding))

    assert (status, told["added"]) == (200, 1)
    assert [w[:46] for w in told["warnings"]] == (
        ["The file is not UTF-8 and was read as Windows-"] if encoding == "cp1252" else []
    )


@pytest.mark.parametrize("content", [HEADER.encode("utf-16-le"), b"\xff\xfep", b"person,date\x81"])
async def test_what_cannot_be_read_says_how_to_save_it(chief: Desk, content: bytes) -> None:
    status, problem = await import_file(chief, content)

    assert status == 400
    assert problem["detail"].startswith("The file is not text in UTF-8. In Excel choose 'Save As' and the type")


def zipped(*names: str) -> bytes:
    content = BytesIO()
    with ZipFile(content, "w") as file:
        for name in names:
            file.writestr(name, "content")
    return content.getvalue()


OPEN_IT = "open it there, choose 'Save As' and the type 'CSV UTF-8 (Comma delimited)', and import that file."
EXPORT_IT = "that is for people to look at. Have the program that made it export the same as CSV (UTF-8), or shifts as "


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", f"The file is a PDF document: {EXPORT_IT}"),
        (zipped("[Content_Types].xml", "xl/workbook.xml"), f"The file is an Excel workbook (.xlsx): {OPEN_IT}"),
        (zipped("word/document.xml"), f"The file is a ZIP file, such as a Word document or an archive: {EXPORT_IT}"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(50), "The file is an Office file of the old kind (.xls): open"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "The file is a picture: that is for people to look at."),
        (b"\r\n<html><table>", f"The file is a web page or XML: {EXPORT_IT}"),
    ],
    ids=["pdf", "xlsx", "docx", "xls", "picture", "html"],
)
async def test_whoever_imports_something_else_is_told_what_it_is_and_what_to_export(
    chief: Desk, content: bytes, said: str
) -> None:
    for path in ("/shifts/import?file=december", "/handlers/import"):
        status, problem = await chief.post(path, data=content, headers={"Content-Type": "text/csv"})
        assert (status, problem["detail"][: len(said)]) == (400, said)


async def test_a_file_of_another_year_is_warned_of_in_the_dry_run(chief: Desk) -> None:
    _, told = await import_file(chief, BASE.replace("2026", "2019"), dry_run="true")

    assert told["warnings"] == ["All of the file lies in the past: its last day is 2019-11-30. Is the year right?"]


async def test_who_may_do_what(site: Site, chief: Desk) -> None:
    handler, supervisor = await site.signed_in("dan"), await site.signed_in("eve", "supervisor")

    assert (await import_file(supervisor, BASE))[0] == 403
    for path in ("/duty", "/forecast", "/shifts"):
        assert (await handler.get(path))[0] == 403
        assert (await supervisor.get(path))[0] == 200
    assert (await import_file(chief, "x" * 5_000_000))[0] == 413
    assert (await import_file(chief, "{}", "application/json"))[0] == 415
    assert (await chief.get("/shifts/imports/none/file"))[0] == 404


async def test_on_duty_and_signed_in_side_by_side(site: Site, chief: Desk) -> None:
    """At noon: Amy should be there since 07:00 and is not, Ben since 11:55, Cat from 15:00 and is there already."""
    await import_file(chief, BASE)
    cat = site.desk()
    await cat.sign_in("cat")
    await cat.send("PUT", "/me/presence", {"state": "away", "reason": "early"})

    _, duty = await chief.get("/duty?hours=4")

    lists = {name: [p["handler"] for p in duty[name]] for name in ("there", "late", "missing", "without_shift")}
    assert lists == {"there": [], "late": ["ben"], "missing": ["amy"], "without_shift": ["cat"]}
    assert [(p["handler"], p["begins"]) for p in duty["coming"]] == [("cat", "2026-11-30T15:00:00Z")]
    assert duty["centres"][0] == {"id": "fcc", "expected": 2, "present": 0, "missing": 1, "without_shift": 0}
    assert duty["queues"][0] == {"id": "general", "expected": 2, "present": 1, "missing": 1, "without_shift": 1}
    assert (await chief.get("/duty?hours=1"))[1]["coming"] == []


async def with_history(site: Site, weeks: int) -> None:
    """On each Monday of so many weeks, from noon to 13:00, two calls each half hour, answered at once for 900 s."""
    contacts = {}
    for number in range(weeks * 4):
        week, rest = divmod(number, 4)
        at = NOON - timedelta(weeks=week + 1).total_seconds() + 1800 * (rest // 2) + 60 * (rest % 2)
        contact = Contact(
            f"H{number}", Channel.VOICE, "general", Party("+441632960001"), "101", at, at + 30, entered_queue_at=at,
            answered_at=at + 5, wait_over_at=at + 5, ended_at=at + 905, closed_at=at + 905,
        )  # fmt: skip
        contacts[contact.reference] = contact
    await site.store.commit(Batch(touched=Touched(contacts=contacts)))


async def test_the_forecast_shows_its_assumptions_beside_the_roster(site: Site, chief: Desk) -> None:
    await with_history(site, weeks=8)
    await import_file(chief, BASE)

    status, found = await chief.get("/forecast?week=2026-11-30")

    assert (status, found["why"], found["days_of_history"]) == (200, "", 55)
    (assumed,) = [a for a in found["assumed"] if a["queue"] == "general"]
    assert (assumed["calls"], assumed["handling_seconds"], assumed["patience_seconds"]) == (28, 900, None)
    busy = [h for h in found["half_hours"] if h["queue"] == "general" and h["calls"]]
    # 4 calls an hour of 900 s are 1 erlang: by Erlang C 3 handlers answer 92% within 30 s, and 2 only 68%.
    assert [(h["at"], h["calls"], h["at_desks"], h["on_shift"], h["rostered"]) for h in busy] == [
        ("2026-11-30T12:00:00Z", 2, 3, 4, 2), ("2026-11-30T12:30:00Z", 2, 3, 4, 2)
    ]  # fmt: skip


async def test_who_goes_from_one_shift_into_the_next_within_a_half_hour_is_on_the_roster_all_the_time(
    site: Site, chief: Desk
) -> None:
    await with_history(site, weeks=8)
    await import_file(chief, HEADER + "amy,2026-11-30,07:00,12:15\namy,2026-11-30,12:15,12:45\n")

    _, found = await chief.get("/forecast?week=2026-11-30")

    noon = [h for h in found["half_hours"] if h["queue"] == "general" and h["calls"]]
    assert [(h["at"], h["rostered"]) for h in noon] == [("2026-11-30T12:00:00Z", 1), ("2026-11-30T12:30:00Z", 0)]


async def test_too_little_history_is_said(site: Site, chief: Desk) -> None:
    await with_history(site, weeks=2)

    _, found = await chief.get("/forecast")

    assert found["half_hours"] == []
    assert found["why"].startswith("There is too little history: 13 whole days of calls")


async def test_supervisors_are_alarmed_once_per_half_hour_and_cause(site: Site, chief: Desk) -> None:
    await with_history(site, weeks=8)
    watch = RosterWatch(site.settings, site.store, site.dispatcher, site.clock)
    assert await watch.look() == []  # nobody has imported a roster
    await import_file(chief, BASE)

    alarmed = await watch.look()

    assert {(e.cause, e.queue): e.why for e in alarmed if e.queue == "general"} == {
        ("handlers_missing", "general"): "0 handlers signed in for general, 3 needed now. On shift and missing: amy.",
        ("roster_short", "general"): "At 12:30 the roster has 2 handlers for general, 4 needed, the first at 12:30.",
    }
    assert await watch.look() == []
    assert len(await site.rows("RaiseAlarm")) == len(alarmed) == 4
    assert {a["what"] for a in (await chief.get("/alarms"))[1]} == {"handlers_missing", "roster_short"}
    site.now = lambda: NOON + SILENT_SECONDS
    assert {e.cause for e in await watch.look()} == {"handlers_missing"}  # nothing more falls short ahead


async def test_who_is_missing_matters_only_where_too_few_are_there(site: Site, chief: Desk) -> None:
    await with_history(site, weeks=8)
    await import_file(chief, BASE)
    for name in ("ben", "cat", "dan", "eve"):
        await site.signed_in(name, available=True, extension=f"30{ord(name[0])}")

    alarmed = await RosterWatch(site.settings, site.store, site.dispatcher, site.clock).look()

    assert {e.cause for e in alarmed} == {"roster_short"}


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
async def test_a_day_at_the_end_of_the_calendar_is_refused_and_breaks_nothing(
    site: Site, chief: Desk, day: str
) -> None:
    await with_history(site, weeks=8)

    status, _ = await chief.get(f"/forecast?week={day}")
    imported, _ = await import_file(chief, BASE, first=day, last=day)

    assert (status, imported) == (400, 400)
