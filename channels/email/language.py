"""Which language a person writes in, as an ISO 639-1 code."""

from __future__ import annotations

import unicodedata

import pycld2

# Fewer letters than these say little: names, places and 'ok thx' look like any language.
LETTERS_NEEDED = 20
LOOKED_AT = 2_000
ALSO = {"sco": "en"}  # a handler who reads English reads how Scots type


def language_of(words: str) -> str:
    """For example 'en' or 'cy'; '' when it is not clear."""
    start = words[:LOOKED_AT]
    if sum(unicodedata.category(c)[0] in "LM" for c in start) < LETTERS_NEEDED:
        return ""
    # It refuses control characters and what is no character.
    plain = "".join(c if c.isprintable() else " " for c in start)
    sure, _, found = pycld2.detect(plain.encode(), isPlainText=True)
    code = str(found[0][1]).partition("-")[0]
    return ALSO.get(code, code) if sure and code != "un" else ""
