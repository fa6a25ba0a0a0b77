"""Reading mail that is broken, or made to break us: any bytes at all give a mail, in time."""

from __future__ import annotations

import hashlib
import random
import time
from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from channels.email.mime import read
from channels.email.parts import safe_filename
from channels.email.words import CONTROLS, DIRECTION

CORPUS = sorted((Path(__file__).parents[2] / "data" / "mail").glob("*.msg"))
PAGE = (Path(__file__).parents[3] / "docs" / "emails.md").read_text()
FRAGMENTS = [
    *(
        b"From: ",
        b"To: <a@b.example>, ",
        b"Subject: =?utf-8?b?",
        b"Message-ID: <",
        b"References: <a@b> <c",
        b"?=",
        b"=?",
    ),
    *(
        b"Content-Type: multipart/mixed; boundary=b\r\n",
        b"--b\r\n",
        b"--b--\r\n",
        b"\r\n\r\n",
        b"\n",
        b"\x00",
        b"\xff\xfe",
    ),
    *(b"Content-Type: text/html; charset=", b"utf-7", b"idna", b"<div>", b"<a href='x'>", b'"', b"(", b"<", b">", b";"),
    *(b"Content-Type: message/rfc822\r\n", b"Content-Transfer-Encoding: base64\r\n", b"begin 644 x\r\n"),
    *(b"Content-Disposition: attachment; filename*0*=utf-8''%E2%80%AE", b"Date: 99 Foo -1 25:61:61 +9999\r\n"),
    *(b"Content-Type: multipart/report; boundary=b\r\n", b"Content-Type: message/delivery-status\r\n"),
    *(b"Final-Recipient: rfc822;", b"Auto-Submitted: "),
    *(b"Content-Type: text/calendar; method=REPLY\r\n\r\n", b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;TZID=UTC:"),
    *(b"20261201T100000\r\nDURATION:-P9999999D\r\nATTENDEE;CN=", b"END:VEVENT\r\nEND:VCALENDAR\r\n"),
]


def sound(raw: bytes) -> None:
    """What every caller of ``read`` may rely on."""
    it = read(raw)
    lines = (it.message_id, it.in_reply_to, *it.references, it.from_address, it.from_name, *it.to, *it.cc, it.reply_to)
    for line in (*lines, it.subject, *(file.filename for file in it.attachments)):
        assert not CONTROLS.search(line)
        assert not DIRECTION.search(line)
        assert "\n" not in line
    for text in (it.text, it.html):
        assert not CONTROLS.search(text)
    for file in it.attachments:
        assert file.filename == safe_filename(file.filename) != ""
        assert (file.size, file.sha256) == (len(file.data), hashlib.sha256(file.data).hexdigest())
    assert it.date is None or it.date.tzinfo is UTC
    assert it.sha256 == hashlib.sha256(raw).hexdigest()
    repr(it).encode()


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_every_malformed_message_of_the_corpus_gives_something_to_show(path: Path) -> None:
    raw = path.read_bytes()
    sound(raw)
    assert read(raw).text.strip()


def became(raw: bytes) -> str:
    """What became of a message, in words, as docs/emails.md has it."""
    it = read(raw)
    files = f"{len(it.attachments)} file(s)" if it.attachments else "no files"
    problems = "; ".join(it.problems) or "nothing was wrong with it"
    return f"text of {len(it.text)} characters, {files} | {problems}"


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_what_became_of_each_message_of_the_corpus_stands_in_its_table(path: Path) -> None:
    assert f"| `{path.name}` | {became(path.read_bytes())} |" in PAGE


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_damaged_messages_never_break_the_reader(path: Path) -> None:
    chance = random.Random(path.name)
    raw = path.read_bytes()[:4000]
    for _ in range(25):
        damaged = bytearray(raw)
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(len(damaged))
            damaged[at : at + chance.randrange(30)] = chance.choice([chance.randbytes(3), *FRAGMENTS])
        sound(bytes(damaged))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=2000))
@example(b"")
@example(b"\n")
@example(b"From: \xed\xa0\x80@\xff\n\n\x00")
def test_any_bytes_give_a_mail(raw: bytes) -> None:
    sound(raw)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=8), max_size=40))
def test_any_pieces_of_mail_give_a_mail(pieces: list[bytes]) -> None:
    sound(b"".join(pieces))


def nested(depth: int, lines: int) -> bytes:
    heads = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(depth))
    return heads.encode() + b"\n" + b"x\n" * lines


EXHAUSTING = {
    "nested": nested(150, 2000),
    "nested-deeply": nested(3000, 50_000),
    "rfc822": b"Content-Type: message/rfc822\n\n" * 3000 + b"\nhi",
    "from": b"From: " + b"(" * 200_000 + b"\n\nx",
    "to": b"To: " + b"a@b,((" * 100_000 + b"\n\nx",
    "subject": b"Subject: " + b"=?utf-8?b?" * 100_000 + b"\n\nx",
    "parts": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 20_000,
    "div": b"Content-Type: text/html\n\n" + b"<div>" * 50_000,
    "formatting": b"Content-Type: text/html\n\n<p>" + b"".join(b"<b id=%d>" % n for n in range(300)) + b"<p>x" * 20_000,
    "comments": b"Content-Type: text/html\n\n" + b"<!--" * 50_000,
    "styles": b"Content-Type: text/html\n\n" + b"<style>" * 500_000,
    "punycode": b"Content-Type: text/plain; charset=punycode\n\n" + b"x" * 500_000 + b"-" + b"a" * 500_000,
    "nul": b"\x00" * 500_000,
}


@pytest.mark.parametrize("raw", EXHAUSTING.values(), ids=EXHAUSTING)
def test_mail_made_to_exhaust_us_is_read_in_a_few_seconds(raw: bytes) -> None:
    started = time.process_time()
    it = read(raw)
    assert time.process_time() - started < 5
    assert len(it.text) <= 1_000_000
    assert len(it.html) < 5_000_000
