"""Rosters as HR systems write them: what each line becomes, and what each mistake is called."""

from __future__ import annotations

import time
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
IANA = "export the calendar with a name of the IANA database such as Europe/London, or with a VTIMEZONE in the file"
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
        "line 4: DTSTART: '2026-10-24 2100' is no date and no time such as 20261130T070000Z",
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
        ('person,date,begins,ends\n"amy\n\n', 'line 2: line: a quotation mark (") opens here and is never closed'),
        ('person,date,begins,ends\n"a"my', 'line 2: line: a quotation mark (") stands in the middle of a cell: write'),
        ("person,date,begins,ends\n", "line 1: file: has no shift and no absence"),
        (
            "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
            "line 1: file: has no shift and no absence from 2026-03-01 to 2026-05-30",
        ),
        (CUT_OFF, "line 1: file: is cut off: not every BEGIN:VCALENDAR has its END:VCALENDAR; export it again"),
        (
            "BEGIN:VCALENDAR\r\nrubbish\r\nEND:VCALENDAR\r\n",
            "line 2: line: 'rubbish' is no line of an iCalendar file: export it again",
        ),
        (
            "BEGIN:VCALENDAR\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
            "line 1: file: is no iCalendar file, or a damaged one: export it again",
        ),
        (
            "BEGIN:VCALENDAR\r\nX-WR-TIMEZONE:Mars/Olympus\r\nEND:VCALENDAR\r\n",
            f"line 2: X-WR-TIMEZONE: there is no time zone 'Mars/Olympus': {IANA}",
        ),
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
        "stray mark",
        "no lines",
        "no events",
        "cut off",
        "rubbish",
        "no begin",
        "calendar's zone",
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


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=YEARLY;BYMONTHDAY=30;BYMONTH=2",
        "FREQ=DAILY;BYMONTHDAY=30;BYMONTH=2",
        "FREQ=DAILY;INTERVAL=7;BYDAY=TU",  # the first day is a Monday
        "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=3",
        "FREQ=MONTHLY;BYDAY=6MO",
    ],
)
def test_a_rule_for_days_that_never_come_is_a_mistake_and_costs_nothing(rule: str) -> None:
    """They were looked for until the year 9999: for seconds, in which calls had to share the processor."""
    calendar = "BEGIN:VCALENDAR\r\n" + recurring(rule) * 20 + "END:VCALENDAR\r\n"
    begun = time.process_time()

    told = why(calendar)

    what = f"'{rule}' names no day of the next 28 years: put it right, or take the event out"
    assert told == [f"line {2 + 7 * number}: RRULE: {what}" for number in range(20)]
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=YEARLY;BYMONTHDAY=29;BYMONTH=2;BYDAY=MO", []),  # in 2044; the event's own day counts
        ("FREQ=YEARLY;INTERVAL=2;BYMONTHDAY=29;BYMONTH=2", []),
        ("FREQ=WEEKLY;UNTIL=20260309T070000Z", ["09 Mar 07:00"]),
        ("FREQ=WEEKLY;BYDAY=MO;COUNT=2", ["09 Mar 07:00"]),
    ],
)
def test_a_rule_for_days_that_come_seldom_is_followed(rule: str, days: list[str]) -> None:
    calendar = "BEGIN:VCALENDAR\r\n" + recurring(rule) + "END:VCALENDAR\r\n"
    assert [begins for _, begins, _, _ in local(read(calendar))] == ["02 Mar 07:00", *days]


def recurring(rule: str) -> str:
    lines = ("BEGIN:VEVENT", "DTSTART:20260302T070000Z", "DURATION:PT8H", "SUMMARY:Amy Ash", f"RRULE:{rule}")
    return "".join(f"{line}\r\n" for line in (*lines, "STATUS:CONFIRMED", "END:VEVENT"))


def test_an_event_names_no_more_dates_than_can_be_followed_quickly() -> None:
    dates = ",".join(f"202604{day:02}T{hour:02}{minute:02}00Z" for day in (1, 2) for hour in range(10, 20)
                     for minute in range(60))  # fmt: skip
    event = f"BEGIN:VEVENT\r\nUID:a\r\nDTSTART:20260301T070000Z\r\nSUMMARY:Amy Ash\r\nRDATE:{dates}\r\nEND:VEVENT\r\n"

    assert why(f"BEGIN:VCALENDAR\r\n{event}END:VCALENDAR\r\n") == ["line 2: RDATE: at most 1,000 dates"]


def test_a_period_of_ones_own_refuses_what_lies_outside_it() -> None:
    days = {"first": date(2026, 11, 30), "last": date(2026, 11, 30)}

    assert why(file("plain.csv"), **days) == ["line 5: date: begins on 2026-12-01, not from 2026-11-30 to 2026-11-30"]


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


def test_a_shift_from_the_end_of_a_day_begins_with_the_next() -> None:
    roster = read("person,date,begins,ends\namy,2026-11-30,24:00,07:00\nben,2026-11-30,2400,24:00\n")

    assert local(roster) == [("amy", "01 Dec 00:00", "01 Dec 07:00", 7), ("ben", "01 Dec 00:00", "02 Dec 00:00", 24)]


def calendar(*lines: str) -> str:
    event = ["BEGIN:VEVENT", "UID:1", "SUMMARY:Amy Ash", *lines, "END:VEVENT"]
    return "\r\n".join(["BEGIN:VCALENDAR", *event, "END:VCALENDAR", ""])


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (
            ["DTSTART;TZID=Mars/Olympus:20260302T070000", "DURATION:PT8H"],
            "DTSTART: there is no time zone 'Mars/Olympus'",
        ),
        (["DTSTART:20260302T070000Z", "DTEND;TZID=BST:20260302T150000"], "DTEND: there is no time zone 'BST'"),
        (
            ["DTSTART:20260302T070000Z", "DURATION:PT8H", "RRULE:FREQ=DAILY", "EXDATE;TZID=Foo:20260303T070000"],
            "EXDATE: there is no time zone 'Foo'",
        ),
        (["DTSTART:20260302T070000Z", "DURATION:P9999999D"], "DURATION: must be from nothing to 5 years"),
        (
            ["DTSTART:20260302T070000Z", "DURATION:P99999999999999D"],
            "DURATION: 'P99999999999999D' is no length such as",
        ),
        (["DTSTART;VALUE=DATE:99991231"], "DTSTART: the year 9999 is out of reach: years are from 1900 to 2999"),
        (
            ["DTSTART:20260302T070000Z", "DTEND:99991231T235959Z"],
            "DTEND: the year 9999 is out of reach: years are from 1900 to 2999",
        ),
        (["DTSTART:20260302T070000Z", "RDATE;VALUE=PERIOD:20260303T070000Z/P9999999D"], "RDATE: names a period"),
        (["DTSTART:20260302T070000Z", "RDATE:99991231T070000Z"], "RDATE: has a year that is out of reach"),
        (["DTSTART:20260302T070000Z", "DTEND:20260302T150000Z", "DTEND:20260302T160000Z"], "DTEND: stands there twice"),
        (["DTSTART:070000"], "DTSTART: is no date and no time such as 20261130T070000Z"),
        (["DTSTART:20260302T070000Z", "RRULE:FREQ=DAILY;INTERVAL=0"], "RRULE: is no rule such as FREQ=DAILY;COUNT=5"),
        (["DTSTART:20260302T070000Z", "RRULE:COUNT=3"], "RRULE: is no rule such as FREQ=DAILY;COUNT=5"),
        (["DTSTART:20260302T070000Z", "RRULE:FREQ=OFTEN"], "RRULE: 'FREQ=OFTEN' is no rule such as"),
        (["DTSTART:20260302T070000Z", "RRULE:FREQ=DAILY;BYSETPOS=0"], "RRULE: cannot be followed: name the days by"),
        (
            ["DTSTART:20260302T070000Z", "DURATION:PT8H", "ATTENDEE;CUTYPE:x"],
            "line: cannot be read: 'ATTENDEE;CUTYPE:x'",
        ),
    ],
    ids=lambda given: given[-1] if isinstance(given, list) else "",
)
def test_what_a_calendar_cannot_mean_is_a_mistake_in_plain_words(lines: list[str], told: str) -> None:
    """Never a fault of ours, never without end, and an unknown zone is never taken for the local one."""
    (mistake,) = why(calendar(*lines))

    assert mistake.startswith(f"line 2: {told}")


def test_a_calendars_own_zone_may_have_windows_name() -> None:
    """Recurring at 07:00 of that zone, also after the clock has changed."""
    named = calendar("DTSTART:20260328T070000Z", "DURATION:PT8H", "RRULE:FREQ=DAILY;COUNT=2").replace(
        "BEGIN:VEVENT", "X-WR-TIMEZONE:GMT Standard Time\r\nBEGIN:VEVENT", 1
    )

    assert [begins for _, begins, _, _ in local(read(named))] == ["28 Mar 07:00", "29 Mar 07:00"]


def test_a_date_that_stands_for_ever_is_a_mistake_with_its_line() -> None:
    assert why("person,date,code\namy,2026-11-30,E\nben,9999-12-31,RD\ncat,0026-11-30,E\n") == [
        "line 3: date: '9999-12-31' is out of reach: years are from 1900 to 2999",
        "line 4: date: '0026-11-30' is out of reach: years are from 1900 to 2999",
    ]


def test_one_mistyped_year_does_not_replace_the_years_between() -> None:
    assert why("person,date,code\namy,2026-11-30,E\nben,2062-11-30,E\n") == [
        "line 3: date: is 2062-11-30, and line 2 is 2026-11-30: more than a year is replaced only in parts. "
        "Is the year right?"
    ]


@pytest.mark.parametrize(
    ("day", "warned"),
    [
        ("1990-11-30", ["All of the file lies in the past: its last day is 1990-11-30. Is the year right?"]),
        ("2062-11-30", ["All of the file is more than a year ahead: its first day is 2062-11-30. Is the year right?"]),
        ("2026-03-01", []),
    ],
)
def test_a_file_of_another_year_is_warned_of(day: str, warned: list[str]) -> None:
    assert list(read(f"person,date,code\namy,{day},E\n").warnings) == warned


def test_the_day_of_25_hours_is_one_shift_and_the_hour_that_does_not_exist_is_explained() -> None:
    whole_day = read("person,date,begins,ends\namy,2026-10-25,00:00,24:00\n")
    assert local(whole_day) == [("amy", "25 Oct 00:00", "26 Oct 00:00", 25)]

    assert why("person,date,begins,ends\namy,2026-03-29,01:30,02:15\n") == [
        "line 2: ends: must be after it begins: the clock goes forward on 29 March 2026, and a time that it jumps over "
        "counts as 60 minutes later"
    ]


def test_what_is_taken_for_a_time_that_the_clock_skips_or_repeats_is_told() -> None:
    skipped = "amy,2026-03-28,22:00,01:30\nben,2026-03-29,01:30,09:00\n"

    assert list(read(f"person,date,begins,ends\n{skipped}").warnings) == [
        "Lines 2, 3: 01:30 does not exist on 29 March 2026, when the clock changes: 02:30 is taken."
    ]
    repeated = calendar("DTSTART;TZID=Europe/London:20261025T013000", "DTEND:20261025T073000Z")
    assert list(read(repeated, today="2026-10-20").warnings) == [
        "Line 2: 01:30 comes twice on 25 October 2026, when the clock changes: the first is taken."
    ]


def test_absences_alone_are_kept_for_the_shifts_there_are() -> None:
    """The night shift that began on the day before may run into the first of them."""
    roster = read("person,date,begins,ends,code\namy,2026-11-30,,,RD\nben,2026-12-02,09:00,11:00,training\n")

    assert (roster.shifts, sorted(roster.people)) == ((), ["amy", "ben"])
    assert [(e.handler, e.whole_days) for e in roster.away] == [("amy", True), ("ben", False)]
    assert [wall_clock(roster.begins), wall_clock(roster.ends)] == ["29 Nov 00:00", "03 Dec 00:00"]


def test_a_zone_that_one_file_defines_is_unknown_to_the_next() -> None:
    """Two programs call different hours 'Customized Time Zone'."""
    zone = "\r\n".join([
        "BEGIN:VTIMEZONE", "TZID:Customized", "BEGIN:STANDARD", "DTSTART:19700101T000000", "TZOFFSETFROM:+0200",
        "TZOFFSETTO:+0200", "END:STANDARD", "END:VTIMEZONE", "",
    ])  # fmt: skip
    without = calendar("DTSTART;TZID=Customized:20260302T090000", "DURATION:PT8H")

    defined = read(without.replace("BEGIN:VEVENT", f"{zone}BEGIN:VEVENT", 1))

    assert [begins for _, begins, _, _ in local(defined)] == ["02 Mar 07:00"]
    assert why(without) == [f"line 2: DTSTART: there is no time zone 'Customized': {IANA}"]
