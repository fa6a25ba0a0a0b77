"""Finds phrases among words, in time that grows with the number of words only.

The grammar of a phrase stands at the top of ``config/triage.toml``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from routing.triage.reading import Word

GAP = 4
MOST_KEPT = 50_000
Keys = frozenset[str]
NOT = frozenset({"not", "no", "never", "nobody", "nothing", "without", "none"})
NO_KEYS: Keys = frozenset()
# One place of a phrase: the words that fit, and how many others may stand before it.
Step = tuple[Keys, int]


@dataclass(frozen=True, slots=True)
class Hit:
    """Words ``start`` to ``end`` (exclusive) of a message say what ``label`` stands for.

    ``denies``: a "not" belongs to it.
    """

    label: str
    start: int
    end: int
    denies: bool = False


class Phrases:
    """All phrases of all labels, looked for in one pass."""

    def __init__(self, phrases: Mapping[str, Iterable[str]], lists: Mapping[str, Iterable[str]]) -> None:
        self._lists: dict[str, list[str]] = {}
        for name, members in lists.items():
            for member in members:
                self._lists.setdefault(member, []).append(f"<{name}>")
        self._stems: set[str] = set()
        self._by_first: dict[str, list[tuple[str, bool, tuple[Step, ...]]]] = {}
        for label, written in phrases.items():
            for steps in {s for phrase in written for s in _steps(phrase)}:
                self._stems |= {key for keys, _ in steps for key in keys if "*" in key}
                denies = any(not NOT.isdisjoint(keys) for keys, _ in steps)
                for key in steps[0][0]:
                    self._by_first.setdefault(key, []).append((label, denies, steps[1:]))
        self._stem_lengths = sorted({len(stem) for stem in self._stems})
        self._kept: dict[str, Keys] = {}

    def find(self, words: Sequence[Word]) -> Iterator[Hit]:
        """Every phrase that stands in these words, never across the end of a sentence."""
        keys = [self._keys(word.text) for word in words]
        for n, word in enumerate(words):
            if n == 0 or word.sentence != words[n - 1].sentence:
                keys[n] |= {f"^{word.text}"}
        ends = _sentence_ends(words)
        for start, mine in enumerate(keys):
            limit = ends[start]
            following = keys[start + 1] if start + 1 < limit else NO_KEYS
            for key in mine:
                for label, denies, rest in self._by_first.get(key, ()):
                    # Most phrases fail at their second word: that is seen here, without a call.
                    if rest and not rest[0][1] and rest[0][0].isdisjoint(following):
                        continue
                    end = _end(rest, keys, start + 1, limit)
                    if end:
                        yield Hit(label, start, end, denies)

    def _keys(self, word: str) -> Keys:
        """What a word counts as: itself, the lists it stands in, and how it begins."""
        kept = self._kept.get(word)
        if kept is None:
            lengths = [n - 1 for n in self._stem_lengths if n - 1 <= len(word)]
            parts = {part for n in lengths for part in (f"{word[:n]}*", f"*{word[-n:]}")}
            kept = frozenset((word, *self._lists.get(word, ()), *(parts & self._stems)))
            if len(self._kept) < MOST_KEPT:
                self._kept[word] = kept
        return kept


def vocabulary(phrases: Iterable[str], lists: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """Every word that is looked for by itself."""
    written = {word for phrase in phrases for word in re.split(r"[ |?]+", phrase)}
    return frozenset(w for w in written if w.isalnum()) | {word for members in lists.values() for word in members}


def _steps(phrase: str) -> Iterator[tuple[Step, ...]]:
    """The phrase with and without each word that may be missing."""
    parts = phrase.split()
    for taken in product(*((True, False) if part.endswith("?") else (True,) for part in parts)):
        steps: list[Step] = []
        gap = 0
        for part, is_taken in zip(parts, taken, strict=True):
            if part == "..":
                gap = GAP
            elif is_taken:
                steps.append((frozenset(part.removesuffix("?").split("|")), gap if steps else 0))
                gap = 0
        yield tuple(steps)


def _end(steps: tuple[Step, ...], keys: Sequence[Keys], at: int, limit: int) -> int:
    """Where the phrase ends that goes on at this word; 0 if it does not."""
    if not steps:
        return at
    wanted, gap = steps[0]
    for here in range(at, min(at + gap + 1, limit)):
        if not wanted.isdisjoint(keys[here]):
            end = _end(steps[1:], keys, here + 1, limit)
            if end:
                return end
    return 0


def _sentence_ends(words: Sequence[Word]) -> list[int]:
    ends = [len(words)] * len(words)
    for n in range(len(words) - 2, -1, -1):
        ends[n] = ends[n + 1] if words[n].sentence == words[n + 1].sentence else n + 1
    return ends
