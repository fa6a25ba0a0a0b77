"""winmail.dat: what Outlook wrapped up is unwrapped, and one made to exhaust us costs a moment."""

from __future__ import annotations

import base64
import hashlib
import random
import struct
from pathlib import Path

import pytest
from compressed_rtf import compress

from channels.email.large import take_apart
from channels.email.mime import Mail, read, read_large

SIGNATURE = struct.pack("<IH", 0x223E9F78, 1)
BODY, RENDERING, TITLE, DATA, PROPERTIES = 0x800C, 0x9002, 0x8010, 0x800F, 0x9003
OF_MESSAGE, OF_ATTACHMENT = 1, 2


def attribute(level: int, name: int, data: bytes) -> bytes:
    kind = {BODY: 2, TITLE: 1}.get(name, 6)
    return struct.pack("<BHHI", level, name, kind, len(data)) + data + struct.pack("<H", sum(data) % 65536)


def wrapped(*attributes: bytes) -> Mail:
    return read(mail_with(*attributes))


def mail_with(*attributes: bytes, kind: str = "application/ms-tnef") -> bytes:
    data = base64.encodebytes(SIGNATURE + b"".join(attributes) + bytes(12)).decode()
    head = "From: jo@public.example\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
    part = f"Content-Type: {kind}; name=winmail.dat\nContent-Transfer-Encoding: base64\n\n"
    return f"{head}{part}{data}\n--b--\n".encode()


def test_the_text_and_the_files_in_a_winmail_dat_are_shown() -> None:
    mail = wrapped(
        attribute(OF_MESSAGE, BODY, b"I left my bag on the train.\0"),
        attribute(OF_ATTACHMENT, RENDERING, bytes(14)),
        attribute(OF_ATTACHMENT, TITLE, b"..\\ticket.pdf\0"),
        attribute(OF_ATTACHMENT, DATA, b"%PDF-1.4"),
    )
    assert mail.text == "I left my bag on the train."
    assert [(file.filename, file.content_type) for file in mail.attachments] == [
        ("winmail.dat", "application/ms-tnef"),
        ("ticket.pdf", "application/pdf"),
    ]
    assert mail.attachments[1].data == b"%PDF-1.4"
    assert mail.problems == ()


def test_text_that_is_there_only_as_compressed_rtf_is_read() -> None:
    rtf = rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}\f0 He has a knife\'85\par on the \u8220?red\u8221? train}"
    compressed = compress(rtf)
    padded = compressed + bytes(-len(compressed) % 4)
    properties = struct.pack("<IHHII", 1, 0x0102, 0x1009, 1, len(compressed)) + padded
    mail = wrapped(attribute(OF_MESSAGE, PROPERTIES, properties))
    assert mail.text == "He has a knife\u2026\non the \u201cred\u201d train"
    assert mail.problems == ()


@pytest.mark.parametrize("kind", ["application/ms-tnef", "application/octet-stream"])
def test_a_large_one_is_opened_on_disk_with_what_is_in_it(tmp_path: Path, kind: str) -> None:
    film = random.Random(1).randbytes(12_000_000)
    raw = mail_with(
        attribute(OF_MESSAGE, BODY, b"He is at the gate at Grays, this is him.\0"),
        attribute(OF_ATTACHMENT, RENDERING, bytes(14)),
        attribute(OF_ATTACHMENT, TITLE, b"film.mp4\0"),
        attribute(OF_ATTACHMENT, DATA, film),
        kind=kind,
    )
    (tmp_path / "message").write_bytes(raw)
    mail = read_large(take_apart(tmp_path / "message", tmp_path / "media"))

    assert mail.text == "He is at the gate at Grays, this is him."
    assert mail.problems == ()
    wrapping, inner = mail.attachments
    assert (wrapping.filename, inner.filename, inner.content_type) == ("winmail.dat", "film.mp4", "video/mp4")
    assert (inner.data, inner.size) == (b"", len(film))
    assert inner.path is not None
    assert inner.path.read_bytes() == film
    assert inner.path.name == inner.sha256 == hashlib.sha256(film).hexdigest()
    assert not list((tmp_path / "media").rglob("*.part"))


def test_one_that_is_broken_or_never_ends_is_kept_as_it_is() -> None:
    # given one that names four thousand million properties
    endless = wrapped(attribute(OF_MESSAGE, PROPERTIES, struct.pack("<I", 0xFFFFFFFF)))
    assert any(problem.startswith("winmail.dat could not be opened") for problem in endless.problems)
    assert [file.filename for file in endless.attachments] == ["winmail.dat"]


def test_one_in_which_nothing_can_be_read_says_so_and_where_all_of_it_is() -> None:
    mail = wrapped(b"")
    assert mail.text == ""
    assert mail.problems == ("winmail.dat is broken or empty: nothing could be read in it; fetch the raw message",)
