"""What a text takes on its way is known before it is sent."""

from __future__ import annotations

import pytest

from channels.text.consent import asked
from channels.text.segments import Length, measured


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", Length("GSM-7", 0, 1)),
        ("a" * 160, Length("GSM-7", 160, 1)),
        ("a" * 161, Length("GSM-7", 161, 2)),
        ("a" * 306, Length("GSM-7", 306, 2)),
        ("a" * 307, Length("GSM-7", 307, 3)),
        ("£é@", Length("GSM-7", 3, 1)),
        ("[\u20ac]", Length("GSM-7", 6, 1)),
        ("a" * 152 + "\u20ac" + "a" * 152, Length("GSM-7", 306, 3)),
        ("\u2019" * 70, Length("UCS-2", 70, 1, "\u2019")),
        ("\u0175" * 71, Length("UCS-2", 71, 2, "\u0175")),
        ("\U0001f600" * 35, Length("UCS-2", 70, 1, "\U0001f600")),
        ("\U0001f600" * 67, Length("UCS-2", 134, 3, "\U0001f600")),
    ],
)
def test_a_text_is_measured_as_networks_do(text: str, length: Length) -> None:
    """Extension characters take two septets and emoji two units, and neither is cut in two at the end of a part."""
    assert measured(text) == length


@pytest.mark.parametrize(
    ("body", "wish"),
    [
        ("STOP", "stop"),
        (" Stop. ", "stop"),
        ("start", "start"),
        ("stop him", ""),
        ("help", ""),
        ("", ""),
        ("end", "stop"),
        *((word, "stop") for word in ("STOPALL", "UNSUBSCRIBE", "CANCEL", "QUIT", "OPTOUT", "REVOKE")),
        *((word, "start") for word in ("UNSTOP", "OPTIN")),
        ("INFO", ""),
        ("yes", ""),
    ],
)
def test_only_the_word_alone_is_a_wish(body: str, wish: str) -> None:
    assert asked(body) == wish


def test_yes_is_a_start_of_whoever_has_stopped() -> None:
    assert asked("YES", stopped=True) == "start"
    assert asked("yes he is here", stopped=True) == ""
