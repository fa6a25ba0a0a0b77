"""Telephone numbers: how they are stored, shown, and which are never dialled."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis.strategies import from_regex

from config.numbers import as_dialled, can_be_called, e164, for_people, is_emergency

NEVER = ("999", "112", "18000")


@pytest.mark.parametrize(
    "written",
    [
        *("+442079460018", "02079460018", "020 7946 0018", "442079460018", "00442079460018", "00 44 20 7946 0018"),
        *("+44 (0)20 7946 0018", "+44-20-7946-0018", "(020) 7946.0018", "٠٢٠٧٩٤٦٠٠١٨"),
    ],
)
def test_every_spelling_of_a_british_number_is_stored_as_one_and_shown_as_people_write_it(written: str) -> None:
    assert e164(written) == "+442079460018"
    assert for_people(written) == "020 7946 0018"


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("+447700900123", "07700 900123"),
        ("+441632960123", "01632 960123"),
        ("+33199001234", "+33 1 99 00 12 34"),
        ("+12025550123", "+1 202-555-0123"),
        ("61016", "61016"),
        ("101", "101"),
        ("Amazon", "Amazon"),
        ("jo@example.org", "jo@example.org"),
        ("02079460018@example.org", "02079460018@example.org"),
        ("", ""),
    ],
)
def test_others_are_shown_with_their_country_and_what_is_no_number_as_it_is(stored: str, shown: str) -> None:
    assert e164(stored) == stored
    assert for_people(stored) == shown


@pytest.mark.parametrize("short", ["101", "999", "123456", "201"])
def test_a_short_number_is_not_made_longer(short: str) -> None:
    assert e164(short) == short


def test_a_number_that_cannot_exist_cannot_be_called() -> None:
    assert can_be_called("07911 123456")
    assert not any(map(can_be_called, ("999", "0123", "", "hello", "+44 000 000 0000")))
    assert not any(map(can_be_called, ("0909 879 0123", "070 1234 5678"))), "whoever owns it earns by each call"


@pytest.mark.parametrize(
    "written",
    [
        *("999", "112", "18000", "+44999", "+44 999", "0044999", "00 44 999", "0999", "00999", "+44 (0) 999"),
        *("9-9-9", "141999", "141 0999", "1470999", "٩٩٩", "+4418000"),
    ],
)
def test_an_emergency_number_is_known_however_it_is_written(written: str) -> None:
    assert is_emergency(written, NEVER)


@pytest.mark.parametrize("written", ["", "101", "+441129990000", "9991", "1999", "07700900999", "+33112", "+1999"])
def test_what_only_contains_one_is_another_number(written: str) -> None:
    assert not is_emergency(written, NEVER)


@given(national=from_regex(r"[1-9][0-9]{9}", fullmatch=True))
def test_a_british_number_in_e164_is_what_the_library_makes_of_it(national: str) -> None:
    parsed = phonenumbers.parse(f"+44{national}", None)
    assert e164(f"+44{national}") == phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


@pytest.mark.parametrize(
    ("written", "dialled"),
    [
        *(("01632 960200", "+441632960200"), ("+33 1 99 00 12 34", "+33199001234")),
        *(("111", "111"), ("116 123", "116123"), ("１１１", "111")),
        *(("118118", ""), ("00", ""), ("960200", ""), ("+111", ""), ("call 111", ""), ("", "")),
    ],
)
def test_whole_numbers_and_the_short_codes_that_may_be_are_dialled_and_nothing_else(written: str, dialled: str) -> None:
    assert as_dialled(written, ("111", "116123")) == dialled


def test_a_number_on_whatsapp_is_shown_with_the_name_of_the_service() -> None:
    assert for_people("whatsapp:+447700900123") == "WhatsApp 07700 900123"
