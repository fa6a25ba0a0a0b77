"""Finds phrases among words, in time that grows with the number of words only.

The grammar of a phrase stands at the top of ``config/triage.toml``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from routing.triage.reading import Word

GAP = 4
MOST_KEPT = 50_000
Keys = frozenset[str]
NOT = frozenset({"not", "no", "never", "nobody", "nothing", "without", "none"})
# One place of a phrase: the words that fit, and how many others may stand before it.
Step = tuple[Keys, int]
# What is left of a phrase after its first two places: its label, whether it denies, and the steps.
Ending = tuple[str, bool, tuple[Step, ...]]


class Hit(NamedTuple):
    """Words ``start`` to ``end`` (exclusive) of a message say what ``label`` stands for.

    ``denies``: a "not" belongs to it.
    """

    label: str
    start: int
    end: int
    denies: bool = False


@dataclass(frozen=True, slots=True)
class Begun:
    """The phrases that begin with one word: those that end with it, and the others by the second word."""

    whole: list[Ending]
    next: dict[str, list[Ending]]
    later: dict[str, list[Ending]]


# What a word counts as, and the phrases that begin with it.
Known = tuple[Keys, Begun]
NOTHING = Begun([], {}, {})


class Phrases:
    """All phrases of all labels, looked for in one pass."""

    def __init__(self, phrases: Mapping[str, Iterable[str]], lists: Mapping[str, Iterable[str]]) -> None:
        self._lists: dict[str, list[str]] = {}
        for name, members in lists.items():
            for member in members:
                self._lists.setdefault(member, []).append(f"<{name}>")
        self._stems: set[str] = set()
        # A message's words lead straight to the phrases that begin with two of them; few are tried in vain.
        self._begun: dict[str, Begun] = {}
        for label, written in phrases.items():
            for steps in {s for phrase in written for s in _steps(phrase)}:
                self._stems |= {key for keys, _ in steps for key in keys if "*" in key}
                denies = any(not NOT.isdisjoint(keys) for keys, _ in steps)
                self._index(steps, (label, denies, steps[2:]))
        self._stem_lengths = sorted({len(stem) for stem in self._stems})
        self._known = lru_cache(MOST_KEPT)(self._about)  # most words come again

    def find(self, words: Sequence[Word]) -> Iterator[Hit]:
        """Every phrase that stands in these words, never across the end of a sentence."""
        known, sentence = [], -1
        for word in words:
            text = word.text if word.sentence == sentence else f"^{word.text}"
            known.append(self._known(text))
            sentence = word.sentence
        keys = [mine for mine, _ in known]
        ends = _sentence_ends(words)
        for start, (_, begun) in enumerate(known):
            if begun is NOTHING:
                continue
            limit = ends[start]
            for label, denies, _ in begun.whole:
                yield Hit(label, start, start + 1, denies)
            after = start + 1
            if begun.next and after < limit and not begun.next.keys().isdisjoint(keys[after]):
                yield from _going_on(begun.next, keys, after, after + 1, limit)
            if begun.later:
                yield from _going_on(begun.later, keys, after, min(after + 1 + GAP, limit), limit)

    def _index(self, steps: tuple[Step, ...], ending: Ending) -> None:
        for key in steps[0][0]:
            begun = self._begun.setdefault(key, Begun([], {}, {}))
            if len(steps) == 1:
                begun.whole.append(ending)
                continue
            for second in steps[1][0]:
                (begun.later if steps[1][1] else begun.next).setdefault(second, []).append(ending)

    def _about(self, word: str) -> Known:
        mine = self._keys(word[1:]) | {word} if word.startswith("^") else self._keys(word)
        begun = [self._begun[key] for key in mine if key in self._begun]
        return mine, _together(begun) if begun else NOTHING

    def _keys(self, word: str) -> Keys:
        """What a word counts as: itself, the lists it stands in, and how it begins."""
        lengths = [n - 1 for n in self._stem_lengths if n - 1 <= len(word)]
        parts = {part for n in lengths for part in (f"{word[:n]}*", f"*{word[-n:]}")}
        return frozenset((word, *self._lists.get(word, ()), *(parts & self._stems)))


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


def _together(several: Sequence[Begun]) -> Begun:
    if len(several) == 1:
        return several[0]
    all_of = Begun([], {}, {})
    for begun in several:
        all_of.whole.extend(begun.whole)
        for target, source in ((all_of.next, begun.next), (all_of.later, begun.later)):
            for second, endings in source.items():
                target.setdefault(second, []).extend(endings)
    return all_of


def _going_on(
    index: Mapping[str, Sequence[Ending]], keys: Sequence[Keys], after: int, until: int, limit: int
) -> Iterator[Hit]:
    """Each phrase whose second word stands from ``after`` until before ``until``: once, from the first such place."""
    found: set[int] = set()
    seconds = index.keys()
    for here in range(after, until):
        if seconds.isdisjoint(keys[here]):
            continue
        for key in keys[here]:
            for ending in index.get(key, ()):
                label, denies, rest = ending
                end = _end(rest, keys, here + 1, limit)
                if end and id(ending) not in found:
                    found.add(id(ending))
                    yield Hit(label, after - 1, end, denies)


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
