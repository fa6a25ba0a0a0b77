"""Plain words for words as people type them: shorthand, contractions, one wrong letter, letters set apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from functools import lru_cache

DRAWN_OUT = re.compile(r"(.)\1+")
SHORTEST = 4
MOST_KEPT = 50_000


class Speller:
    """``vocabulary``: the words that rules look for; ``english``: words that are no mistakes."""

    def __init__(self, shorthand: Mapping[str, str], vocabulary: Set[str], english: Set[str]) -> None:
        self._shorthand = {typed: tuple(plain.split()) for typed, plain in shorthand.items()}
        self._vocabulary, self._english = vocabulary, english
        self._longest = max(map(len, (*vocabulary, *shorthand, *english)), default=0)
        self._near: dict[str, set[str]] = {}
        for word in vocabulary | {typed for typed in shorthand if len(typed) > SHORTEST}:
            if len(word) >= SHORTEST and word.isalpha():
                for shorter in _less_one(word):
                    self._near.setdefault(shorter, set()).add(word)
        # The plain words for one that was typed; itself when nothing better is known. Most words come again.
        self.spell = lru_cache(MOST_KEPT)(self._spelt)

    def _spelt(self, typed: str) -> tuple[str, ...]:
        if typed in self._shorthand:
            return self._shorthand[typed]
        if self._right(typed) or not typed.isalpha():
            return (typed,)
        for shorter in (DRAWN_OUT.sub(r"\1\1", typed), DRAWN_OUT.sub(r"\1", typed)):
            if shorter in self._shorthand or shorter in self._vocabulary:
                return self._shorthand.get(shorter, (shorter,))
        near = self._nearest(typed)
        if near:
            return self._shorthand.get(near, (near,))
        return tuple(self._apart(typed)) or (typed,)

    def _right(self, word: str) -> bool:
        return word in self._vocabulary or word in self._english

    def _nearest(self, typed: str) -> str:
        """The word of the vocabulary with one letter wrong, missing, too many or out of place; '' if there is none."""
        if not SHORTEST <= len(typed) <= self._longest + 1:
            return ""
        near = {w for shorter in _less_one(typed) for w in self._near.get(shorter, ()) if _one_slip(typed, w)}
        alike = (word for word in near if word[0] == typed[0] or sorted(word) == sorted(typed))
        return min(alike, key=lambda word: (sorted(word) != sorted(typed), len(word) != len(typed), word), default="")

    def _apart(self, typed: str) -> Iterator[str]:
        """Two words without the space between them, or a run of letters that were set apart."""
        found, at = [], 0
        while at < len(typed):
            furthest = min(len(typed), at + self._longest)
            end = next((n for n in range(furthest, at, -1) if self._stands_apart(typed[at:n])), 0)
            if not end:
                return
            found.append(typed[at:end])
            at = end
        yield from found

    def _stands_apart(self, part: str) -> bool:
        return part in self._vocabulary if len(part) < SHORTEST else self._right(part)


def _one_slip(typed: str, word: str) -> bool:
    """Of two words that agree but for a letter each: it is one slip, not two."""
    if len(typed) != len(word) or sorted(typed) == sorted(word):
        return True
    return sum(a != b for a, b in zip(typed, word, strict=True)) == 1


def _less_one(word: str) -> Iterable[str]:
    """The word, and the word with each letter left out."""
    return {word, *(word[:n] + word[n + 1 :] for n in range(len(word)))}
