"""Whatever a message holds, it is judged, soon, and the same however it is dressed up."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.triage import english, lexicon
from routing.triage import Triage
from routing.triage.reading import fold
from routing.triage.spelling import Speller
from tests.support.messages import labelled

MESSAGES = [m.text for m in labelled()]
WORDS = sorted({word for text in MESSAGES for word in text.split()})


@given(st.text() | st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join))
@settings(max_examples=60, deadline=None)
def test_every_text_is_judged(triage: Triage, text: str) -> None:
    finding = triage.judge(text)
    assert finding.sounds_like_emergency == bool(finding.why)
    places = [(r.start, r.end, r.words) for r in finding.why] + [(f.start, f.end, f.words) for f in finding.found]
    assert all(text[start:end].strip() == words.strip() for start, end, words in places)


@given(st.sampled_from(MESSAGES), st.data())
@settings(max_examples=60, deadline=None)
def test_case_spaces_apostrophes_and_repeated_marks_change_nothing(
    triage: Triage, text: str, data: st.DataObject
) -> None:
    dress = data.draw(st.sampled_from([str.upper, str.lower, _spaced, _curly, _loud]))
    plain, dressed = triage.judge(text), triage.judge(dress(text))
    assert [r.rule for r in dressed.why] == [r.rule for r in plain.why]


def _spaced(text: str) -> str:
    return f"  {text.replace(' ', '   ')}\t"


def _curly(text: str) -> str:
    return text.replace("'", "’")


def _loud(text: str) -> str:
    return text.replace(",", " ,, ").replace("!", "!!!") + "!!!"


@pytest.mark.parametrize(
    "dressed",
    [
        "ＫＮＩＦＥ man on the train",
        "man with a k\u0301n\u0300ife",
        "man with a kn\u200bife",
        "KNIIIIFE man",
        "man with a kn\u0456f\u0435",  # Cyrillic i and e
        "man with a \u039a\u039d\u0399FE",  # Greek capitals
        "man with a \u043an\u0131f\u0435\u0301",  # Cyrillic k, dotless i, an accent
    ],
)
def test_a_word_is_known_under_signs_that_hide_it(triage: Triage, dressed: str) -> None:
    assert "weapon" in [reason.rule for reason in triage.judge(dressed).why]


def test_what_is_shown_is_what_was_written_and_another_language_stays_itself(triage: Triage) -> None:
    assert triage.judge("h\u0435lp").in_words == 'sounds like an emergency: "h\u0435lp" (only a call for help, now)'
    assert fold("\u043f\u043e\u043c\u043e\u0433\u0438\u0442\u0435") == "помогите"


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "knife ",
        "he is ",
        "not ",
        "k n ",
        "to to ",
        "a\u0301",
        "1 ",
        ".",
        "at x ",
        "\n",
        "he has not hit the the ",
        "7pm to ",
    ],
    ids=repr,
)
def test_time_grows_with_the_length_only(triage: Triage, unit: str) -> None:
    """Four times the text takes about four times as long; ten times would be a sign of something worse."""
    short, long = unit * (3_000 // len(unit)), unit * (12_000 // len(unit))
    _seconds(triage, short)
    assert _seconds(triage, long) < 10 * _seconds(triage, short) + 0.05


@pytest.mark.parametrize(
    "unit", ["is there a bomb ", "what if he has a knife ", "do not reply to this email dont text me "]
)
def test_an_email_without_a_full_stop_is_judged_in_the_time_of_its_length(triage: Triage, unit: str) -> None:
    """Each sign of danger was held against each question before it, and those against every word between them."""
    short, long = unit * (4_000 // len(unit)), unit * (48_000 // len(unit))
    assert _seconds(triage, long) < 25 * _seconds(triage, short) + 0.05


def test_help_after_a_thousand_courtesies_is_judged_in_the_time_of_its_length(triage: Triage) -> None:
    short, long = ("now " * n + "help " * n for n in (1_000, 5_000))
    assert _seconds(triage, long) < 15 * _seconds(triage, short) + 0.05


def test_a_word_as_long_as_a_message_is_spelt_in_the_time_of_its_length(triage: Triage) -> None:
    """Letters set apart make such a word. Each is new here: what was spelt once is remembered."""
    short, long = "kn" * 2_000, "nk" * 16_000
    speller = Speller({}, {"knife", "gun"}, english())
    assert _once(speller, long) < 20 * _once(speller, short) + 0.05


def _once(speller: Speller, word: str) -> float:
    start = time.process_time()
    assert speller.spell(word) == (word,)
    return time.process_time() - start


def _seconds(triage: Triage, text: str) -> float:
    """CPU seconds, the best of two."""
    taken = []
    for _ in range(2):
        start = time.process_time()
        triage.judge(text)
        taken.append(time.process_time() - start)
    return min(taken)


def test_every_list_that_a_phrase_names_exists() -> None:
    assert list(lexicon().mistakes()) == []


def test_what_is_found_stands_where_it_was_written_although_a_small_letter_takes_two_places(triage: Triage) -> None:
    text = "İİİ I am at Leeds Station, Coach B"
    assert [(f.kind, f.words) for f in triage.judge(text).found] == [
        ("carriage", "Coach B"),
        ("place", "at Leeds Station"),
    ]
