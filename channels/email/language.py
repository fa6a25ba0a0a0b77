"""Which language a person writes in, as an ISO 639-1 code."""

from __future__ import annotations

import unicodedata
from itertools import islice

import pycld2

# Fewer letters than these say little: names, places and 'ok thx' look like any language.
LETTERS_NEEDED = 20
LOOKED_AT = 2_000
ALSO = {"sco": "en"}  # a handler who reads English reads how Scots type


def language_of(words: str) -> str:
    """For example 'en' or 'cy'; '' when it is not clear."""
    start = words[:LOOKED_AT]
    letters = (c for c in start if unicodedata.category(c)[0] in "LM")
    if sum(1 for _ in islice(letters, LETTERS_NEEDED)) < LETTERS_NEEDED:
        return ""
    plain = " ".join(line if line.isprintable() else _printable(line) for line in start.splitlines())
    sure, _, found = pycld2.detect(plain.encode(), isPlainText=True)
    code = str(found[0][1]).partition("-")[0]
    return ALSO.get(code, code) if sure and code != "un" else ""


def _printable(line: str) -> str:
    """The detector refuses control characters and what is no character."""
    return "".join(c if c.isprintable() else " " for c in line)
