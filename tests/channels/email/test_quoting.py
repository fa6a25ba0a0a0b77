"""What a person wrote, without the earlier mail below or between it."""

from __future__ import annotations

import pytest

from channels.email.quoting import Piece, own_words, pieces


@pytest.mark.parametrize(
    ("text", "own"),
    [
        (
            "Yes, Tuesday suits.\n\nOn 3 May 2024 at 10:00, Desk wrote:\n> there was a knife\n> on the train",
            "Yes, Tuesday suits.",
        ),
        ("> is he armed?\nHe has gone now.\n> where are you?\nAt home.", "He has gone now.\nAt home."),
        ("Thanks.\n-----Original Message-----\nFrom: Desk\nhe has a knife", "Thanks."),
        ("Thanks.\n\nFrom: Desk <desk@example.org>\nSent: Monday\nTo: Jo\nSubject: Bag\n\nhe has a knife", "Thanks."),
        (
            f"Thanks.\n{'_' * 32}\nVon: Desk\nGesendet: Montag\nAn: Jo\nBetreff: Bag\n\nhe has a knife",
            "Thanks.",
        ),
        (
            "It is red.\n\nOn Thu, 26 Nov 2026 at 10:34, Contact centre <\ncontact@example.org> wrote:\n\n> a knife?\n",
            "It is red.",
        ),
    ],
)
def test_quoted_text_is_left_out(text: str, own: str) -> None:
    assert own_words(text) == own


def test_a_mail_that_only_passes_another_on_is_read_whole() -> None:
    passed_on = "---- Forwarded message ----\nhe has a knife"
    assert own_words(passed_on) == passed_on
    assert own_words("> he has a knife") == "> he has a knife"


@pytest.mark.parametrize(
    "text",
    [
        "I am on the train\nFrom: Leeds\nTo: York\nthere is a man with a knife",
        f"Help\n{'_' * 30}\nthere is a man with a knife",
        "On the platform he laughed. Then he\nwrote:\nI have a knife",
    ],
)
def test_words_that_only_look_like_a_quotation_count(text: str) -> None:
    assert own_words(text) == text


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("FW: help", "Please see below.\n\nFrom: Jo\nSent: Monday\nTo: Us\nSubject: help\n\nhe has a knife"),
        ("help", "For you.\n\n---------- Forwarded message ---------\nFrom: Jo\nDate: x\nSubject: y\n\nhe has a knife"),
        ("help", "For you.\n\nBegin forwarded message:\n\n> From: Jo\n> he has a knife"),
    ],
)
def test_what_is_passed_on_counts_also_below_a_note(subject: str, text: str) -> None:
    assert own_words(text, subject) == text


def test_the_pieces_of_a_mail_stand_in_their_order() -> None:
    text = "> is he armed?\n> where?\nHe has gone.\n\n> and you?\nAt home."
    assert pieces(text) == (
        Piece("> is he armed?\n> where?", quoted=True),
        Piece("He has gone.", quoted=False),
        Piece("> and you?", quoted=True),
        Piece("At home.", quoted=False),
    )
    assert pieces("") == ()
    gmail = "Yes.\n\nOn Monday Jo\n<jo@example.org> wrote:\n\n> is he armed?\n"
    assert [piece.quoted for piece in pieces(gmail)] == [False, True]
