"""A message as words: folded, spelt out, each with its place in what was written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import NamedTuple

# Accents and invisible signs within a word belong to it: they must not hide it.
INSIDE = r"\u0300-\u036f\u00ad\u200b-\u200d\u2060\ufe0f\ufeff"
SIGNS = "😂🤣😆😜🆘🔪🔫🩸"
TOKEN = re.compile(rf"(?P<word>[^\W_](?:[^\W_]|[{INSIDE}]|['’‘`´](?=[^\W_]))*)|(?P<end>[.!?;\n]+)|(?P<sign>[{SIGNS}])")
NUMBER_GOES_ON = re.compile(r"[.:](?=\d)")
MOST_LETTERS = 40
SPACED_OUT = 4


class Word(NamedTuple):
    """One word in its plain spelling, from ``start`` to ``end`` of the message. ``sentence`` counts from 0."""

    text: str
    start: int
    end: int
    sentence: int


def read(text: str, spell: Callable[[str], tuple[str, ...]]) -> list[Word]:
    """The words of a message. ``spell`` gives the plain words for one as it was typed."""
    typed = list(_typed(text))
    words: list[Word] = []
    for spaced, run in groupby(typed, key=lambda w: len(w.text) == 1 and w.text.isalpha()):
        together = list(run)
        if spaced and len(together) >= SPACED_OUT:
            letters = "".join(w.text for w in together)
            together = [Word(letters, together[0].start, together[-1].end, together[0].sentence)]
        for word in together:
            words += [Word(plain, word.start, word.end, word.sentence) for plain in spell(word.text)]
    return words


def _typed(text: str) -> Iterator[Word]:
    sentence, ended = 0, False
    for token in TOKEN.finditer(text):
        if token.lastgroup == "end":
            ended = not NUMBER_GOES_ON.match(text, token.start())
            continue
        sentence += ended
        ended = False
        yield Word(fold(token.group()), token.start(), token.end(), sentence)


def fold(word: str) -> str:
    """Without case, accents, invisible signs and apostrophes; of a very long word the beginning."""
    if word.isascii():
        return word[:MOST_LETTERS].casefold().replace("'", "").replace("`", "")
    parts = unicodedata.normalize("NFKD", word[: 8 * MOST_LETTERS])
    return "".join(c for c in parts.casefold() if c.isalnum() or unicodedata.category(c) == "So")[:MOST_LETTERS]
