"""What a person wrote, without the earlier mail below or between it."""

from __future__ import annotations

import pytest

from channels.email.quoting import own_words


@pytest.mark.parametrize(
    ("text", "own"),
    [
        (
            "Yes, Tuesday suits.\n\nOn 3 May 2024 at 10:00, Desk wrote:\n> there was a knife\n> on the train",
            "Yes, Tuesday suits.",
        ),
        ("> is he armed?\nHe has gone now.\n> where are you?\nAt home.", "He has gone now.\nAt home."),
        ("Thanks.\n-----Original Message-----\nFrom: Desk\nhe has a knife", "Thanks."),
        ("Thanks.\n\nFrom: Desk <desk@example.org>\nSent: Monday\nhe has a knife", "Thanks."),
    ],
)
def test_quoted_text_is_left_out(text: str, own: str) -> None:
    assert own_words(text) == own


def test_a_mail_that_only_passes_another_on_is_read_whole() -> None:
    passed_on = "---- Forwarded message ----\nhe has a knife"
    assert own_words(passed_on) == passed_on
    assert own_words("> he has a knife") == "> he has a knife"
