"""A large message, read from its file: big attachments go straight to disk, what remains is small enough to hold.

A base64 body has no line that begins with '--', so it ends where a boundary or anything else that is no base64 stands
(RFC 2045 section 6.8); nothing more needs to be understood of the message here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

LINE_BYTES = 64 * 1024
# A smaller body is read in memory as any other.
DIVERTED_BYTES = 256 * 1024
REST_BYTES = 8 * 1024 * 1024
BASE64 = re.compile(rb"[A-Za-z0-9+/=\s]*")
ENCODED = re.compile(rb"^content-transfer-encoding:\s*\"?base64", re.IGNORECASE | re.MULTILINE)
# What is shown must be read whole.
READ_WHOLE = re.compile(rb"^content-type:\s*\"?(?:text/|message/|multipart/)", re.IGNORECASE | re.MULTILINE)
HEADER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Diverted:
    """A decoded body on disk, under its hash; ``size`` in bytes."""

    path: Path
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Large:
    """``rest`` is the message with a marker for each diverted body; ``sha256`` is the whole file's. ``cut``: even the
    rest was too large, and only its start is here."""

    rest: bytes
    sha256: str
    diverted: Mapping[bytes, Diverted]
    cut: bool


@dataclass(slots=True)
class _Rest:
    lines: list[bytes] = field(default_factory=list)
    size: int = 0
    cut: bool = False

    def add(self, line: bytes) -> None:
        if self.size + len(line) > REST_BYTES:
            self.cut = True
        else:
            self.lines.append(line)
            self.size += len(line)


def take_apart(message: Path, folder: Path) -> Large:
    """Read the file once; diverted bodies are written into ``folder``. Raises OSError."""
    rest, diverted, digest = _Rest(), dict[bytes, Diverted](), hashlib.sha256()
    with message.open("rb") as file:
        lines = _lines(file, digest)
        held = next(lines, None)
        while held is not None:
            header = b""
            while held is not None and held.strip():
                header += held if len(header) < HEADER_BYTES else b""
                rest.add(held)
                held = next(lines, None)
            if held is not None:
                rest.add(held)
                held = next(lines, None)
            if ENCODED.search(header) and not READ_WHOLE.search(header):
                held = _base64_body(held, lines, folder, rest, diverted)
            while held is not None and not held.startswith(b"--"):
                rest.add(held)
                held = next(lines, None)
    return Large(b"".join(rest.lines), digest.hexdigest(), diverted, rest.cut)


def _base64_body(
    held: bytes | None, lines: Iterator[bytes], folder: Path, rest: _Rest, diverted: dict[bytes, Diverted]
) -> bytes | None:
    """Takes the body's lines; returns the first one behind it."""
    start: list[bytes] = []
    size = 0
    while held is not None and BASE64.fullmatch(held) and size <= DIVERTED_BYTES:
        start.append(held)
        size += len(held)
        held = next(lines, None)
    if size <= DIVERTED_BYTES:
        for line in start:
            rest.add(line)
        return held
    with _Decoder(folder) as decoder:
        for line in start:
            decoder.feed(line)
        while held is not None and BASE64.fullmatch(held):
            decoder.feed(held)
            held = next(lines, None)
        kept = decoder.finish()
    marker = secrets.token_hex(16).encode()
    diverted[marker] = kept
    rest.add(base64.b64encode(marker) + b"\r\n")
    return held


def divert(data: bytes, folder: Path) -> Diverted:
    """These bytes, on disk. Raises OSError."""
    with _Kept(folder) as kept:
        kept.write(data)
        return kept.finish()


class _Kept:
    """A file that gets the name of its hash."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._part = folder / f"{secrets.token_hex(8)}.part"
        self._file: IO[bytes] = self._part.open("wb")
        self._digest = hashlib.sha256()
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._part.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._digest.update(data)
        self._size += len(data)

    def finish(self) -> Diverted:
        self._file.flush()
        os.fsync(self._file.fileno())
        sha256 = self._digest.hexdigest()
        path = self._folder / sha256[:2] / sha256
        path.parent.mkdir(exist_ok=True)
        self._part.rename(path)
        return Diverted(path, sha256, self._size)


class _Decoder(_Kept):
    """Decodes base64 as it comes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._left = b""

    def feed(self, line: bytes) -> None:
        letters = self._left + b"".join(line.split()).rstrip(b"=")
        whole = len(letters) // 4 * 4
        self._left = letters[whole:]
        self.write(binascii.a2b_base64(letters[:whole]))

    def finish(self) -> Diverted:
        # A single letter left over holds less than a byte: the sender cut it off.
        if len(self._left) > 1:
            self.write(binascii.a2b_base64(self._left + b"=" * (4 - len(self._left))))
        return super().finish()


def _lines(file: IO[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    """The file's lines; one without an end comes in pieces."""
    while line := file.readline(LINE_BYTES):
        digest.update(line)
        yield line
