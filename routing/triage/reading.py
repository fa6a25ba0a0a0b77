"""A message as words: folded, spelt out, each with its place in what was written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import chain, groupby
from typing import NamedTuple

from config.look_alikes import unmasked

# Accents and invisible signs within a word belong to it: they must not hide it.
INSIDE = r"\u0300-\u036f\u00ad\u200b-\u200d\u2060\ufe0f\ufeff"
SIGNS = "😂🤣😆😜🆘🔪🔫🩸"
TOKEN = re.compile(rf"(?P<word>[^\W_](?:[^\W_]|[{INSIDE}]|['’‘`´](?=[^\W_]))*)|(?P<end>[.!?;\n]+)|(?P<sign>[{SIGNS}])")
NUMBER_GOES_ON = re.compile(r"[.:](?=\d)")
MOST_LETTERS = 40
SPACED_OUT = 4
MOST_KEPT = 50_000


class Word(NamedTuple):
    """One word in its plain spelling, from ``start`` to ``end`` of the message. ``sentence`` counts from 0."""

    text: str
    start: int
    end: int
    sentence: int


def read(text: str, spell: Callable[[str], tuple[str, ...]]) -> list[Word]:
    """The words of a message. ``spell`` gives the plain words for one as it was typed."""
    read: list[Word] = []
    for word in _together(list(_typed(text))):
        plain = spell(word.text)
        if plain == (word.text,):
            read.append(word)
        else:
            read += (Word(part, word.start, word.end, word.sentence) for part in plain)
    return read


def _together(typed: list[Word]) -> Iterable[Word]:
    """Letters that were set apart are one word."""
    if [len(word.text) for word in typed].count(1) < SPACED_OUT:
        return typed
    runs = ((spaced, list(run)) for spaced, run in groupby(typed, key=_is_letter))
    return chain.from_iterable([_joined(run)] if spaced and len(run) >= SPACED_OUT else run for spaced, run in runs)


def _is_letter(word: Word) -> bool:
    return len(word.text) == 1 and word.text.isalpha()


def _joined(letters: list[Word]) -> Word:
    first = letters[0]
    return Word("".join(word.text for word in letters), first.start, letters[-1].end, first.sentence)


def _typed(text: str) -> Iterator[Word]:
    sentence, ended = 0, False
    for token in TOKEN.finditer(text):
        if token.lastgroup == "end":
            ended = not NUMBER_GOES_ON.match(text, token.start())
            continue
        sentence += ended
        ended = False
        start, end = token.span()
        yield Word(fold(token[0]), start, end, sentence)


@lru_cache(MOST_KEPT)
def fold(word: str) -> str:
    """Without case, accents, invisible signs, apostrophes and letters that only look like Latin ones; of a very long
    word the beginning."""
    if word.isascii():
        return word[:MOST_LETTERS].casefold().replace("'", "").replace("`", "")
    parts = unicodedata.normalize("NFKD", word[: 8 * MOST_LETTERS])
    letters = "".join(c for c in parts if c.isalnum() or unicodedata.category(c) == "So")
    return unmasked(letters).casefold()[:MOST_LETTERS]
