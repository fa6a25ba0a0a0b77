"""Telephone numbers: one spelling to store, one to show to people, and which are never dialled.

Numbers without a country are British. Everything else, for example a name, stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers

COUNTRY, COUNTRY_CODE = "GB", 44
LONGEST = 80
WHATSAPP = "whatsapp:"
EARNING = (phonenumbers.PhoneNumberType.PREMIUM_RATE, phonenumbers.PhoneNumberType.PERSONAL_NUMBER)
_WRITTEN = re.compile(r"[+\d\s()./-]+")
# British, with ten digits that begin with no 0: as every carrier writes it, and as the library would.
_AS_STORED = re.compile(r"\+44[1-9][0-9]{9}")

# What can stand before a number dialled from Britain and still reach it: withhold (141) or show (1470) one's
# own number, the way abroad, the country, the trunk digit.
BEFORE_A_NUMBER = f"(141|1470)?(00)?({COUNTRY_CODE})?0*"


@dataclass(frozen=True, slots=True)
class Dialling:
    """What may be dialled. ``never``: digits of numbers that nobody may call. ``short_codes``: digits of those that
    have no area code, and which the carrier knows (111)."""

    never: tuple[str, ...]
    short_codes: tuple[str, ...] = ()


@lru_cache(4096)  # each call compares its number with every one of ours
def e164(text: str) -> str:
    """``+442079460018`` for ``020 7946 0018``, ``0044 20...``, ``+44 (0)20...``; what is no number as it is."""
    if _AS_STORED.fullmatch(text):
        return text
    parsed = _parsed(text)
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)) if parsed else text[:LONGEST]


def as_dialled(text: str, short_codes: Collection[str]) -> str:
    """How the carrier wants it: in E.164, or a short code without spaces; '' when it cannot be dialled from here."""
    if _parsed(text):
        return e164(text)
    code = digits(text) if _WRITTEN.fullmatch(text) and "+" not in text else ""
    return code if code in short_codes else ""


def can_be_called(text: str) -> bool:
    """Whether a caller may ask to be called there: a number that can exist, by the numbering plan of its country,
    and at which nobody earns by being called."""
    parsed = _parsed(text)
    if parsed is None or not phonenumbers.is_valid_number(parsed):
        return False
    return phonenumbers.number_type(parsed) not in EARNING


def for_people(text: str) -> str:
    """As a person writes it: ``020 7946 0018`` for a British number, ``+33 1 99 00 12 34`` for another; on
    WhatsApp, with its name before."""
    if text.startswith(WHATSAPP):
        return f"WhatsApp {for_people(text.removeprefix(WHATSAPP))}"
    parsed = _parsed(text)
    if parsed is None:
        return text
    ours = parsed.country_code == COUNTRY_CODE
    form = phonenumbers.PhoneNumberFormat.NATIONAL if ours else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return str(phonenumbers.format_number(parsed, form))


def person_of(address: str) -> str:
    """Whom an address reaches, whatever the service: a number on WhatsApp and by text is one person."""
    return address.removeprefix(WHATSAPP).casefold()


def same_person(address: str) -> tuple[str, ...]:
    """The addresses under which this person may be known; none for a withheld one."""
    person = person_of(address)
    return tuple(dict.fromkeys((address, person, f"{WHATSAPP}{person}"))) if person else ()


def digits(text: str) -> str:
    """Its digits alone, those of other scripts too, as a telephone would send them."""
    return str(phonenumbers.normalize_digits_only(text))


def is_emergency(text: str, never: Collection[str]) -> bool:
    """Whether dialling it would reach one of the numbers ``never``, however it is written: ``+44 999``, ``0044 999``.

    A longer number that only begins with one is another number. Another country's emergency number behind that
    country's code reaches nobody from here, and is not meant.
    """
    return any(re.fullmatch(BEFORE_A_NUMBER + number, digits(text)) for number in never)


def never_dialled(key: str, number: str, dialling: Dialling) -> Iterator[str]:
    """What is wrong with a setting under ``key`` that has ``number`` dialled: it is a number that nobody may call."""
    if is_emergency(number, dialling.never):
        yield f"{key}: {number} is never dialled; the control room has its own targets"


def dialling_mistakes(key: str, number: str, dialling: Dialling) -> Iterator[str]:
    """The same for an outside number, which a carrier must know."""
    yield from never_dialled(key, number, dialling)
    if not is_emergency(number, dialling.never) and not as_dialled(number, dialling.short_codes):
        yield f"{key}: {number} is no whole telephone number (such as +441632960200) and not in routing.short_codes"


def _parsed(text: str) -> phonenumbers.PhoneNumber | None:
    if not _WRITTEN.fullmatch(text):  # the library finds numbers in names and email addresses, too
        return None
    try:
        parsed = phonenumbers.parse(text, COUNTRY)
    except phonenumbers.NumberParseException:
        return None
    possible = phonenumbers.is_possible_number_with_reason(parsed) == phonenumbers.ValidationResult.IS_POSSIBLE
    return parsed if possible else None
