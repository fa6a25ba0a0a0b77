"""A text as its reader sees it, whatever letters it is written with: for words that must not be in it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from config.look_alikes import unmasked_words

DIGITS = {
    **{"zero": "0", "oh": "0", "o": "0", "nought": "0", "one": "1", "two": "2", "three": "3", "four": "4"},
    **{"five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9"},
}
# Marks on letters, and what takes no room: soft hyphens, joiners, direction marks.
UNSEEN = ("Mn", "Me", "Cf")
APART = r"[\s.,_*/|\u00b7\u2022-]{1,3}"
SPELT_OUT = re.compile(rf"\b[^\W_](?:{APART}[^\W_]\b){{2,}}")
DIGITS_APART = re.compile(r"(?<=\d)[ -]+(?=\d)")  # 10.15 is a time
NUMBERS = re.compile(rf"\b(?:{'|'.join(DIGITS)})(?:[\s.-]+(?:{'|'.join(DIGITS)}))+\b")


def plain(text: str) -> str:
    """Without case, accents, invisible signs and forms of letters (NFKD)."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if unicodedata.category(c) not in UNSEEN).casefold()


def readings(text: str) -> Iterator[str]:
    """As it stands, and with letters that only look like Latin ones; each with letters set apart (p.o.l.i.c.e) as
    words, and with digits that are apart (1 0 1) or said in words as numbers."""
    latin = unmasked_words(unicodedata.normalize("NFKD", text))
    for folded in dict.fromkeys((plain(text), plain(latin))):
        yield from _apart_and_together(folded)


def _apart_and_together(folded: str) -> Iterator[str]:
    yield folded
    yield SPELT_OUT.sub(lambda letters: _joined(re.sub(r"[\W_]", "", letters.group())), folded)
    said = NUMBERS.sub(lambda run: "".join(DIGITS[word] for word in re.findall(r"[a-z]+", run.group())), folded)
    yield DIGITS_APART.sub("", said)


def _joined(letters: str) -> str:
    """From each letter on: an "a" before the word is no part of it."""
    return " ".join(letters[n:] for n in range(len(letters)))
