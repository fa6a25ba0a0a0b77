"""Which language somebody writes in is told when it is clear, and left open when it is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.email.language import language_of


@pytest.mark.parametrize(
    ("words", "language"),
    [
        ("Gadewais fy mag ar y trên o Gaerdydd i Abertawe y bore yma, allwch chi helpu?", "cy"),
        ("Dzień dobry, zgubiłem plecak w pociągu do Londynu wczoraj wieczorem", "pl"),
        ("Mi-am pierdut portofelul in trenul de la Londra", "ro"),
        ("میرا بیگ ٹرین میں رہ گیا ہے براہ کرم مدد کریں", "ur"),
        ("ਮੇਰਾ ਬੈਗ ਰੇਲ ਗੱਡੀ ਵਿੱਚ ਰਹਿ ਗਿਆ ਹੈ", "pa"),
        ("I left my bag on the train from Cardiff to Swansea this morning, can you help?", "en"),
        ("hiya lost me phone on bus 42 yday pls help ta", "en"),
        ("there's a boy here wi a blade at Queen Street he's aff his nut", "en"),
        ("ok thx", ""),
        ("", ""),
        ("14:05 14:35 15:05 020 7946 0000", ""),
    ],
)
def test_a_language_is_told_when_it_is_clear(words: str, language: str) -> None:
    assert language_of(words) == language


@given(st.text(max_size=300))
def test_any_text_can_be_asked_about(words: str) -> None:
    language = language_of(words)
    assert language == "" or language.islower()


def test_control_characters_and_halves_of_characters_hide_no_language() -> None:
    words = "I left my bag on the train\x00 from Cardiff\x1b[0m to Swansea \ud83d this morning"
    assert language_of(words) == "en"
