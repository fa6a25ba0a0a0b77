"""What a mail server says of messages before they are fetched, a page at a time, and how a message is known again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from aioimaplib import aioimaplib

# aioimaplib takes each line of an answer one level deeper, and Python allows about a thousand.
PAGE = 100
BRIEF = "UID RFC822.SIZE INTERNALDATE"
FULL = f"{BRIEF} BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"
BEGINS = re.compile(rb"\d+ FETCH \(")
UID = re.compile(rb"\bUID (\d+)")
SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")
INTERNAL_DATE = re.compile(rb'\bINTERNALDATE "([^"]+)"')
MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)\s*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Headline:
    """``size`` in bytes. ``fingerprint``: the same for the same message whatever its UID; '' when a message with
    nothing to tell it from others cannot be known again."""

    uid: int
    size: int
    internal_date: datetime | None
    fingerprint: str


class Listing(aioimaplib.FetchCommand):  # type: ignore[misc]  # aioimaplib is not typed
    """aioimaplib looks through the whole answer again at each line of it; this one counts as it goes."""

    def __init__(self, tag: str, uids: str, items: str) -> None:
        self._open = 0
        super().__init__(tag, uids, items, prefix="UID")

    def append_to_resp(self, line: bytes, result: str = "Pending") -> None:
        if not isinstance(line, bytearray):  # a literal, what people wrote
            self._open += line.count(b"(") - line.count(b")")
        super().append_to_resp(line, result)

    def wait_data(self) -> bool:
        return self.wait_literal_data() or self._open > 0


def headlines(lines: list[bytes]) -> Iterator[Headline]:
    """From the answer to a FETCH of ``FULL`` or ``BRIEF``; the items of a message can come in any order."""
    said, header = b"", b""
    for line in [*lines, b"0 FETCH ("]:
        if isinstance(line, bytearray):
            header = bytes(line)
        elif BEGINS.match(line):
            if (headline := _headline(said, header)) is not None:
                yield headline
            said, header = line, b""
        else:
            said += b" " + line


def _headline(said: bytes, header: bytes) -> Headline | None:
    uid, size, date = UID.search(said), SIZE.search(said), INTERNAL_DATE.search(said)
    if uid is None or size is None:
        return None
    called = MESSAGE_ID.search(header.replace(b"\r\n", b"\n"))
    came = _moment(date[1]) if date else None
    return Headline(int(uid[1]), int(size[1]), came, _fingerprint(called[1], size[1], came) if called and came else "")


def _fingerprint(called: bytes, size: bytes, came: datetime) -> str:
    moment = str(int(came.timestamp())).encode()  # a server may name another zone after a while
    return hashlib.sha256(b"\n".join((called, size, moment))).hexdigest()[:32]


def _moment(date: bytes) -> datetime | None:
    try:
        return datetime.strptime(date.decode("ascii", "replace").strip(), "%d-%b-%Y %H:%M:%S %z")
    except ValueError:
        return None
