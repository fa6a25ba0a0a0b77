"""How much the words of a message sound like the emergencies among the labelled messages: a sum, word by word.

A word weighs by itself, by the lists of words it stands in, by its letters, by the word before it, and by the words
two and three before it; the length of a piece weighs too, and every word of the message wherever it stands. Lists and
letters count for a word that no labelled message has, and letters for one that is misspelt. The signs of danger that
stand, those set aside and the contexts weigh as well. The weights were learnt (``tests/bench/triage_weights.py``); a
positive one speaks for an emergency.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log, sqrt
from operator import attrgetter

from routing.triage.reading import Word

BIAS = "*"
START = "^"
GRAMS = (3, 4, 5)  # letters
FAR = (2, 3)  # words
PIECE = 24  # words: an emergency in one sentence must not drown in a long email
MANY, MOST_PIECES = 0.8, 4  # of the logarithm of the pieces: of many some sounds like an emergency by chance
LENGTHS = 6  # steps of four words: a plea is short, and what is told at leisure is not
SHOWN = 4  # words
MOST_KEPT = 50_000
PAIR = 2.0  # what is learnt of two words together counts more: it says more than either
HALF, APART = 0.5, 0.75  # what is learnt of lists in pairs and of words apart counts less: it is right less often
QUARTER = 0.25  # what is learnt of a sign or context: it corrects the rules, and does not replace them
ENDINGS = ("ing", "edly", "ed", "ies", "es", "s", "in", "er", "ly")
Share = tuple[str, float]
Weights = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Weighed:
    """``score`` above 0 sounds like an emergency. ``each``: what the words from ``start`` on add to it."""

    score: float
    start: int
    each: Sequence[float]

    def most(self) -> tuple[int, int]:
        """The words that speak for it most: from, to (exclusive)."""
        first = max(range(len(self.each)), key=lambda n: sum(self.each[n : n + SHOWN]), default=0)
        return self.start + first, self.start + min(first + SHOWN, len(self.each))


class Features:
    """What of a message has a weight, by name, and its share in the sum. ``lists``: the words of each list."""

    def __init__(self, lists: Mapping[str, Iterable[str]]) -> None:
        self._lists: dict[str, tuple[str, ...]] = {}
        for name, members in lists.items():
            for member in members:
                self._lists[member] = (*self._lists.get(member, ()), f"<{name}>")

    def lists_of(self, text: str) -> tuple[str, ...]:
        return self._lists.get(text, ())

    def alone(self, text: str) -> Iterator[Share]:
        yield text, 1.0
        grams = grams_of(text)
        for gram in grams:
            yield gram, 1 / sqrt(len(grams))
        for name in self.lists_of(text):
            yield name, 1.0

    def pair(self, before: str, text: str) -> Iterator[Share]:
        """The two words, and what stands for them: the lists of each, or itself when it stands in none."""
        firsts, seconds = self.lists_of(before) or (before,), self.lists_of(text) or (text,)
        pairs = {f"{before} {text}", *(f"{first} {second}" for first in firsts for second in seconds)}
        yield from ((pair, part_of(pair)) for pair in pairs)

    def apart(self, before: str, text: str) -> Iterator[Share]:
        pair = f"{stem(before)}..{stem(text)}"
        yield pair, part_of(pair)

    def length(self, words: int) -> Share:
        """It weighs the same however many words share the sum."""
        return f"#{min(LENGTHS, words // 4)}", HALF

    def whole(self, texts: Iterable[str]) -> Iterator[Share]:
        """Of all words of a message, once each: what else it says tells what a piece of it means."""
        stems = {stem(text) for text in texts}
        yield from ((f"@{root}", HALF / sqrt(len(stems))) for root in stems)

    def of(self, texts: Sequence[str]) -> Iterator[Share]:
        """What ``Scales`` sums for one piece, beside what the whole adds: this is what the weights are learnt for."""
        share = 1 / sqrt(max(1, len(texts)))
        yield self.length(len(texts))
        for n, text in enumerate(texts):
            each = [*self.alone(text), *self.pair(texts[n - 1] if n else START, text)]
            for far in FAR:
                if n >= far:
                    each += self.apart(texts[n - far], text)
            yield from ((name, share * part) for name, part in each)


@dataclass(frozen=True, slots=True)
class Known:
    """What the weights say of one word: by itself, and of the words that follow it."""

    alone: float
    stem: str
    whole: float  # what it adds to every piece of the message
    names: tuple[str, ...]  # itself, and the lists it stands in
    following: tuple[Weights, ...]  # for each of its names, by the name of the next word
    apart: Weights  # by the stem of a later word


NOTHING = Known(0.0, "", 0.0, (), (), {})


class Scales:
    """``weights``: by feature, and the bias. Those of two words are kept by the first of them."""

    def __init__(self, weights: Mapping[str, float], features: Features) -> None:
        self._weights = weights
        self._features = features
        self._following, self._apart = _by_first(weights, " "), _by_first(weights, "..")
        self._known = lru_cache(MOST_KEPT)(self._about)

    def weigh(self, words: Sequence[Word]) -> Weighed:
        """The piece of the message that sounds most like an emergency; the more pieces, the more it must."""
        known = [self._known(word.text) for word in words]
        pieces = [self._piece(known[start:end], start) for start, end in pieces_of(words)]
        if not pieces:
            return Weighed(self._weights[BIAS], 0, ())
        most = max(pieces, key=attrgetter("score"))
        return Weighed(most.score + _whole(known) - of_many(len(pieces)), most.start, most.each)

    def weigh_signs(self, signs: Iterable[str]) -> float:
        """What the signs and contexts of a message add, by the names that ``Triage`` gives them."""
        return QUARTER * sum(self._weights.get(sign, 0.0) for sign in signs)

    def _piece(self, words: Sequence[Known], start: int) -> Weighed:
        each: list[float] = []
        third = second = NOTHING
        before = self._known(START)
        for word in words:
            here = word.alone + second.apart.get(word.stem, 0.0) + third.apart.get(word.stem, 0.0)
            for weights in before.following:
                for name in word.names:
                    here += weights.get(name, 0.0)
            third, second, before = second, before if each else NOTHING, word
            each.append(here)
        name, part = self._features.length(len(each))
        score = self._weights[BIAS] + self._weights.get(name, 0.0) * part + sum(each) / sqrt(len(each))
        return Weighed(score, start, each)

    def _about(self, text: str) -> Known:
        alone = sum(self._weights.get(name, 0.0) * part for name, part in self._features.alone(text))
        names, root = (text, *self._features.lists_of(text)), stem(text)
        following = tuple(self._following[name] for name in names if name in self._following)
        whole = self._weights.get(f"@{root}", 0.0)
        return Known(alone, root, whole, names, following, self._apart.get(root, {}))


def _whole(words: Iterable[Known]) -> float:
    """Always in one order: a sum must not depend on how a set is kept."""
    by_stem = {word.stem: word.whole for word in words}
    return HALF * sum(by_stem.values()) / sqrt(len(by_stem))


def _by_first(weights: Mapping[str, float], between: str) -> dict[str, dict[str, float]]:
    """What two words add, by the first and then by the second."""
    parted: dict[str, dict[str, float]] = {}
    for feature, weight in weights.items():
        first, found, second = feature.partition(between)
        if found:
            parted.setdefault(first, {})[second] = weight * part_of(feature)
    return parted


def part_of(pair: str) -> float:
    """How much of what is learnt of two words counts."""
    return HALF if "<" in pair else APART if ".." in pair else PAIR


def stem(word: str) -> str:
    """What stabbed, stabs and stabbing have in common: it is compared with others of its kind only."""
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) > len(ending) + 3:
            word = word[: -len(ending)]
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "sl":
        word = word[:-1]
    return word.rstrip("e")


def grams_of(text: str) -> list[str]:
    """Its runs of letters, with its beginning and its end."""
    marked = f"{START}{text}$"
    return [f"~{marked[n : n + size]}" for size in GRAMS for n in range(len(marked) - size + 1)]


def of_many(pieces: int) -> float:
    """What the highest score of so many pieces is lowered by; a sign in the longest email still stands."""
    return MANY * log(min(pieces, MOST_PIECES))


def pieces_of(words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """Whole sentences, as many as fit into ``PIECE`` words; a longer one is cut."""
    start, sentence = 0, 0
    for n, word in enumerate(words):
        if n and word.sentence != words[n - 1].sentence:
            sentence = n
        if n - start == PIECE:
            end = sentence if sentence > start else n
            yield start, end
            start = end
    if start < len(words):
        yield start, len(words)
