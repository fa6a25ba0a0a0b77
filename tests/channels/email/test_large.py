"""A large message is taken apart on disk, and read as if it had been in memory."""

from __future__ import annotations

import random
from email.message import EmailMessage
from pathlib import Path

import pytest

from channels.email.large import DIVERTED_BYTES, take_apart
from channels.email.mime import Mail, read, read_large

PICTURE = random.Random(1).randbytes(2 * DIVERTED_BYTES + 1)


def taken_apart(raw: bytes, folder: Path) -> Mail:
    (folder / "message").write_bytes(raw)
    return read_large(take_apart(folder / "message", folder / "media"))


def with_picture() -> bytes:
    message = EmailMessage()
    message["From"], message["Subject"] = "jo@public.example", "Pictures"
    message.set_content("Here they are.\n-- \nJo\n")
    message.add_attachment(PICTURE, maintype="image", subtype="png", filename="one.png")
    message.add_attachment(b"small", maintype="image", subtype="png", filename="two.png")
    return message.as_bytes()


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_a_large_attachment_lies_on_disk_and_everything_else_is_as_ever(tmp_path: Path, line_end: bytes) -> None:
    raw = with_picture().replace(b"\n", line_end)
    mail, whole = taken_apart(raw, tmp_path), read(raw)
    large, small = mail.attachments
    assert large.path is not None
    assert (large.data, large.path.read_bytes()) == (b"", PICTURE)
    assert (small.data, small.path) == (b"small", None)
    named = [(f.filename, f.content_type, f.sha256, f.size) for f in mail.attachments]
    assert named == [(f.filename, f.content_type, f.sha256, f.size) for f in whole.attachments]
    assert (mail.text, mail.subject, mail.sha256, mail.problems) == (whole.text, whole.subject, whole.sha256, ())
    assert {file.name for file in (tmp_path / "media").rglob("*.part")} == set()


def test_one_that_breaks_off_in_its_middle_gives_what_came(tmp_path: Path) -> None:
    raw = with_picture()
    cut = raw[: raw.index(b"iVBOR") if b"iVBOR" in raw else 600_000]
    large = taken_apart(cut, tmp_path).attachments[0]
    assert large.path is not None
    assert PICTURE.startswith(large.path.read_bytes())
    assert large.size > DIVERTED_BYTES


def test_a_long_text_is_no_attachment_even_when_its_type_is_folded(tmp_path: Path) -> None:
    words = b"SGVsbG8u" * 10 + b"\n"
    raw = b"Content-Type:\n text/plain\nContent-Transfer-Encoding:\n base64\n\n" + words * 5_000
    assert taken_apart(raw, tmp_path).text.startswith("Hello.Hello.")


def test_a_rest_that_is_too_large_says_so_and_shows_its_start(tmp_path: Path) -> None:
    mail = taken_apart(b"Subject: Long\n\nThis is its start.\n" + b"and more\n" * 1_000_000, tmp_path)
    assert mail.text.startswith("This is its start.")
    assert "too large" in mail.problems[0]
