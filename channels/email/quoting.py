"""What a person wrote in a mail, and what of earlier mail stands with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

QUOTED_LINE = re.compile(r"\s*>|\s*(?:On|Le|Am|Ar)\b.{4,200}\b(?:wrote|a écrit|schrieb|ysgrifennodd)\s*:\s*$")
# The same line where a mail program has broken it, as Gmail does behind 78 characters; a quotation must follow.
BROKEN_LINE = re.compile(r"\s*(?:On|Le|Am|Ar)\b.{4,300}\b(?:wrote|a écrit|schrieb|ysgrifennodd)\s*:\s*>", re.DOTALL)
BROKEN_INTO = 3
# Outlook puts the whole earlier mail below such a line,
ORIGINAL = re.compile(r"\s*-{2,}\s*Original Message\s*-{2,}", re.IGNORECASE)
# or below its headers, which it may set in bold. One such line alone can be anything: "From: Leeds".
HEADERS_FROM = re.compile(r"\s*\*?(?:From|Von|De|Oddi wrth)\s?:\*?\s*\S")
HEADERS = (
    re.compile(r"\s*\*?(?:Sent|Date|Gesendet|Datum|Envoyé|Anfonwyd|Dyddiad)\s?:"),
    re.compile(r"\s*\*?(?:Subject|Betreff|Objet|Pwnc)\s?:"),
)
HEADER_LINES = 10
RULE = re.compile(r"\s*_{20,}\s*$")
# What is passed on is why the mail was written.
PASSED_ON = re.compile(
    r"\s*-{2,}\s*Forwarded message\s*-{2,}|\s*Begin forwarded message\s*:|\s*-{2,}\s*Weitergeleitete Nachricht",
    re.IGNORECASE,
)
PASSED_ON_SUBJECT = re.compile(r"\s*(?:fwd?|wg|tr)\s*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Piece:
    """Some lines of a mail; ``quoted``: they are of an earlier one."""

    text: str
    quoted: bool


def pieces(text: str, subject: str = "") -> tuple[Piece, ...]:
    """The text in its order. What a mail passes on (as its subject or a line in it says) is not quoted."""
    lines = text.splitlines()
    marked = zip(lines, _quoted(lines, subject), strict=True)
    grouped = (("\n".join(line for line, _ in some), quoted) for quoted, some in groupby(marked, key=lambda m: m[1]))
    return tuple(Piece(words.strip("\n"), quoted) for words, quoted in grouped if words.strip())


def own_words(text: str, subject: str = "") -> str:
    """The text without what is quoted; all of it when nothing else is left."""
    return "\n".join(piece.text for piece in pieces(text, subject) if not piece.quoted).strip() or text


def _quoted(lines: Sequence[str], subject: str) -> list[bool]:
    """For each line whether it is quoted."""
    if PASSED_ON_SUBJECT.match(subject):
        return [False] * len(lines)
    quoted: list[bool] = []
    while (at := len(quoted)) < len(lines):
        if PASSED_ON.match(lines[at]):
            return quoted + [False] * (len(lines) - at)
        if _rest_is_quoted(lines, at) and any(_said(lines, quoted)):
            return quoted + [True] * (len(lines) - at)
        still = not lines[at].strip() and quoted[-1:] == [True]  # an empty line belongs to what stands above it
        quoted += [True] * _broken(lines, at) or [still or bool(QUOTED_LINE.match(lines[at]))]
    return quoted


def _said(lines: Sequence[str], quoted: Sequence[bool]) -> Iterator[bool]:
    return (not is_quoted and bool(line.strip()) for line, is_quoted in zip(lines, quoted, strict=False))


def _rest_is_quoted(lines: Sequence[str], at: int) -> bool:
    if ORIGINAL.match(lines[at]):
        return True
    first = at + 1 if RULE.match(lines[at]) and at + 1 < len(lines) else at
    if not HEADERS_FROM.match(lines[first]):
        return False
    below = lines[first + 1 : first + HEADER_LINES]
    return all(any(header.match(line) for line in below) for header in HEADERS)


def _broken(lines: Sequence[str], at: int) -> int:
    """How many lines from here say who wrote what is quoted below them; 0 for none."""
    for count in range(2, BROKEN_INTO + 1):
        here, below = lines[at : at + count], "\n".join(lines[at + count : at + count + 3]).lstrip()
        if all(line.strip() for line in here) and below.startswith(">") and BROKEN_LINE.match("\n".join([*here, ">"])):
            return count
    return 0
