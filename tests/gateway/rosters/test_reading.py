"""Rosters as HR systems write them: what each line becomes, and what each mistake is called."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from config.rosters import Rosters
from gateway.rosters import calendar_file
from gateway.rosters.entries import MOST_SHIFTS
from gateway.rosters.reading import Roster, read_roster_file
from routing.model import Handler

DATA = Path(__file__).parents[2] / "data" / "rosters"
WORKED = "BEGIN:VEVENT\r\nUID:amy\r\nDTSTART:20260302T070000Z\r\nDURATION:PT8H\r\nEND:VEVENT\r\n"
# The second calendar's end did not arrive: a library leaves it out without a word.
CUT_OFF = f"BEGIN:VCALENDAR\r\n{WORKED}END:VCALENDAR\r\nBEGIN:VCALENDAR\r\n{WORKED}"
NO_HOURS = "says no hours: name it in rosters.codes, or in rosters.absences if they are not there"
OR_PUT_IT = "; if it is the HR system's name for one, put it in rosters.people"
LONDON = ZoneInfo("Europe/London")
PEOPLE = {
    "amy": Handler("amy", "Amy Ash", "fcc"),
    "ben": Handler("ben", "Ben Beck", "crc"),
    "cat": Handler("cat", "Cat Cole", "fcc"),
}
SAP = {"person": "Personnel no.", "date": "Date", "begins": "Start", "ends": "End", "code": "Shift"}
NUMBERS = {"00012345": "amy", "00012346": "ben", "00012347": "cat", "b.beck@force.example": "ben"}


def rosters(**more: Any) -> Rosters:
    given: dict[str, Any] = {
        "time_zone": "Europe/London",
        "people": NUMBERS,
        "codes": {"E": "07:00-15:00", "N": "22:00-07:00"},
        "absences": ["annual leave", "RD", "training"],
        "weeks_ahead": 13,
        "history_weeks": 8,
        "least_weeks": 4,
        "bank_holidays": "england-and-wales",
        "answered_share": 0.9,
        "breaks_share": 0.15,
        "alarm_hours": 4,
        "late_minutes": 10,
    }
    return Rosters.model_validate(given | more)


def read(
    text: str, *, today: str = "2026-03-01", first: date | None = None, last: date | None = None, **more: Any
) -> Any:
    now = datetime.fromisoformat(today).replace(tzinfo=UTC).timestamp()
    return read_roster_file(text, rosters(**more), PEOPLE, now, first, last)


def file(name: str) -> str:
    return (DATA / name).read_text(encoding="utf-8")


def local(roster: Roster) -> list[tuple[str, str, str, float]]:
    """Each shift: whose, from when, until when by the wall clock, and how many hours really pass."""
    assert isinstance(roster, Roster), roster
    return [(s.handler, wall_clock(s.begins), wall_clock(s.ends), (s.ends - s.begins) / 3600) for s in roster.shifts]


def wall_clock(at: float) -> str:
    return datetime.fromtimestamp(at, LONDON).strftime("%d %b %H:%M")


def why(text: str, **more: Any) -> list[str]:
    mistakes = read(text, **more)
    assert isinstance(mistakes, list), mistakes
    return [f"{m.field}: {m.why}" for m in mistakes]


def test_the_documented_csv_names_people_by_id_name_or_email() -> None:
    roster = read(file("plain.csv"))

    assert local(roster) == [
        ("amy", "30 Nov 07:00", "30 Nov 15:00", 8),
        ("ben", "30 Nov 15:00", "30 Nov 23:00", 8),
        ("cat", "30 Nov 22:00", "01 Dec 07:00", 9),
        ("amy", "01 Dec 07:00", "01 Dec 15:00", 8),
    ]
    assert [wall_clock(roster.begins), wall_clock(roster.ends)] == ["30 Nov 00:00", "02 Dec 00:00"]


def test_an_hr_systems_own_columns_and_codes_and_the_nights_of_both_clock_changes() -> None:
    """29 March 2026 has 23 hours, 25 October 25; 01:30 does not exist on the first, and comes twice on the second.

    A rest day takes no night shift that began on the day before, and a leave the shift that begins on its day."""
    roster = read(file("sap.csv"), columns=SAP)

    assert local(roster) == [
        ("ben", "28 Mar 07:00", "28 Mar 15:00", 8),
        ("amy", "28 Mar 22:00", "29 Mar 07:00", 8),
        ("cat", "29 Mar 02:30", "29 Mar 09:30", 7),
        ("ben", "29 Mar 07:00", "30 Mar 00:00", 17),
        ("ben", "24 Oct 22:00", "25 Oct 07:00", 10),
        ("cat", "25 Oct 01:30", "25 Oct 09:30", 9),
    ]


def test_outlooks_calendar_recurs_by_the_wall_clock_with_its_exceptions() -> None:
    """One night left out, one cancelled, one moved; two whole days by their code, on one of them away."""
    roster = read(file("outlook.ics"))

    assert local(roster) == [
        ("amy", "26 Mar 22:00", "27 Mar 06:00", 8),
        ("amy", "28 Mar 22:00", "29 Mar 06:00", 7),
        ("amy", "29 Mar 22:00", "30 Mar 06:00", 8),
        ("amy", "01 Apr 07:00", "01 Apr 15:00", 8),
        ("amy", "02 Apr 07:00", "02 Apr 15:00", 8),
    ]


def test_a_duty_systems_calendar_names_people_by_uid_summary_and_attendees() -> None:
    """In UTC, without a zone, and in London; Amy's training cuts two hours out of her shift."""
    roster = read(file("dms.ics"), today="2026-10-20")

    assert local(roster) == [
        ("ben", "24 Oct 22:00", "25 Oct 07:00", 10),
        ("cat", "25 Oct 01:30", "25 Oct 08:30", 8),
        ("amy", "26 Oct 07:00", "26 Oct 11:00", 4),
        ("ben", "26 Oct 07:00", "26 Oct 15:00", 8),
        ("amy", "26 Oct 13:00", "26 Oct 15:00", 2),
    ]


def test_every_mistake_of_every_line_of_a_csv_is_named() -> None:
    assert why(file("broken.csv")) == [
        f"line 3: person: there is no handler 'nobody'{OR_PUT_IT}",
        "line 3: date: '2026-11-31' is no date such as 2026-03-28 or 28/03/2026",
        "line 3: ends: '25:00' is no time of day such as 07:00",
        "line 4: begins: amy is on shift at the same time by line 2",
        "line 5: ends: is missing",
        f"line 6: code: 'XX' {NO_HOURS}",
        "line 7: line: has 3 columns, and the header 5",
    ]


def test_every_mistake_of_a_calendar_is_named_with_the_line_where_its_event_begins() -> None:
    assert why(file("broken.ics"), today="2026-10-20") == [
        "line 4: DTSTART: Wrong datetime format: 2026-10-24 2100",
        "line 9: SUMMARY: no handler is named by 'Somebody else', an attendee, the UID or the calendar",
        "line 15: RRULE: a shift recurs once a day at most: FREQ=DAILY and no BYHOUR",
        f"line 22: code: 'Away day' {NO_HOURS}",
        "line 27: DTSTART: is missing",
        "line 31: DTSTART: recurs since more than 5 years: let it begin anew",
        f"line 38: ATTENDEE: there is no handler 'stranger@example.org'{OR_PUT_IT}",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: header: there must be a column person, date, begins, ends"),
        ("person,date,person,begins,ends\n", "line 1: header: person stands there twice"),
        ('person,date,begins,ends\n"amy', "line 2: line: is not CSV: unexpected end of data"),
        ("person,date,begins,ends\n", "line 1: file: has no shift"),
        ("person,date,code\namy,2026-11-30,RD\n", "line 1: file: has no shift"),
        ("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "line 1: file: has no shift from 2026-03-01 to 2026-05-30"),
        (CUT_OFF, "line 1: file: is cut off: not every BEGIN:VCALENDAR has its END:VCALENDAR; export it again"),
        ("BEGIN:VCALENDAR\r\nrubbish\r\nEND:VCALENDAR\r\n", "line 1: file: is not an iCalendar file: "),
        (
            "BEGIN:VCALENDAR\r\nMETHOD:CANCEL\r\nEND:VCALENDAR\r\n",
            "line 1: file: has the method CANCEL: export the calendar itself",
        ),
        ("person,date,begins,ends\n" + "amy,2026-11-30,07:00,15:00\n" * (MOST_SHIFTS + 1), "line 1: header: at most"),
    ],
    ids=[
        "empty",
        "doubled",
        "not csv",
        "no lines",
        "absences alone",
        "no events",
        "cut off",
        "rubbish",
        "cancels",
        "too many",
    ],
)
def test_what_is_no_roster_is_refused_in_words(text: str, said: str) -> None:
    (told,) = why(text)

    assert told.startswith(said)


def test_rules_that_recur_for_ever_are_stopped_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendar_file, "MOST_SHIFTS", 200)
    rule = "BEGIN:VEVENT\r\nUID:{0}\r\nDTSTART:20260301T070000Z\r\nDURATION:PT8H\r\nSUMMARY:Amy Ash\r\n"
    rule += "RRULE:FREQ=DAILY\r\nEND:VEVENT\r\n"

    calendar = "BEGIN:VCALENDAR\r\n" + "".join(rule.format(n) for n in range(3)) + "END:VCALENDAR\r\n"

    assert why(calendar) == ["line 1: file: at most 200 shifts"]


def test_an_event_names_no_more_dates_than_can_be_followed_quickly() -> None:
    dates = ",".join(f"202604{day:02}T{hour:02}{minute:02}00Z" for day in (1, 2) for hour in range(10, 20)
                     for minute in range(60))  # fmt: skip
    event = f"BEGIN:VEVENT\r\nUID:a\r\nDTSTART:20260301T070000Z\r\nSUMMARY:Amy Ash\r\nRDATE:{dates}\r\nEND:VEVENT\r\n"

    assert why(f"BEGIN:VCALENDAR\r\n{event}END:VCALENDAR\r\n") == ["line 2: RDATE: at most 1,000 dates"]


def test_a_period_of_ones_own_refuses_what_lies_outside_it() -> None:
    days = {"first": date(2026, 11, 30), "last": date(2026, 11, 30)}

    assert why(file("plain.csv"), **days) == ["line 5: date: is not between 2026-11-30 and 2026-11-30"]


def test_two_handlers_of_one_name_are_not_guessed_at() -> None:
    twins = {"one": Handler("one", "Jo Joy", "fcc"), "two": Handler("two", "Jo Joy", "crc")}

    read = read_roster_file(
        "person,date,begins,ends\nJo Joy,2026-11-30,07:00,15:00\n", rosters(), twins, 0.0, None, None
    )

    assert isinstance(read, list)
    assert read[0].why == "2 handlers are called 'Jo Joy' (one, two): give the handler's id"


@pytest.mark.parametrize(
    ("person", "told"), [("00099", "rosters.people gives '00099' to a handler whom there is not"), ("", "is missing")]
)
def test_a_name_that_leads_to_nobody_is_told_apart(person: str, told: str) -> None:
    roster = f"person,date,begins,ends\n{person},2026-11-30,07:00,15:00\n"

    assert why(roster, people={"00099": "gone"}) == [f"line 2: person: {told}"]


def test_a_long_leave_at_the_end_does_not_stretch_the_period_that_is_replaced() -> None:
    roster = read("person,date,code\namy,2026-11-30,E\namy,2026-12-24,annual leave\n")

    assert (roster.ends - roster.begins) / 86_400 == 1
