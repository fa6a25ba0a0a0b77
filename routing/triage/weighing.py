"""How much the words of a message sound like the emergencies among the labelled messages: a sum, word by word.

A word weighs by itself, by the word before it, and by the letters in it: these count for a word that no labelled
message has, and for one that is misspelt. The weights were learnt (``tests/bench/triage_weights.py``); a positive one
speaks for an emergency.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from routing.triage.reading import Word

BIAS = "*"
START = "^"
GRAMS = (3, 4, 5)  # letters
PIECE = 40  # words: an emergency in one sentence must not drown in a long email
SHOWN = 4  # words
MOST_KEPT = 50_000


@dataclass(frozen=True, slots=True)
class Weighed:
    """``score`` above 0 sounds like an emergency; words ``start`` to ``end`` (exclusive) speak for it most."""

    score: float
    start: int
    end: int


class Scales:
    """``weights``: by word, by pair of words ("he has"), by letters ("~kni"), and the bias."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._weights = weights
        self._kept: dict[str, float] = {}

    def weigh(self, words: Sequence[Word]) -> Weighed:
        """The piece of the message that sounds most like an emergency."""
        pieces = [self._piece(words, start, end) for start, end in pieces_of(words)]
        return max(pieces, key=lambda weighed: weighed.score, default=Weighed(self._weights[BIAS], 0, 0))

    def _piece(self, words: Sequence[Word], start: int, end: int) -> Weighed:
        texts = [word.text for word in words[start:end]]
        pairs = zip([START, *texts], texts, strict=False)
        each = [self._alone(text) + self._weights.get(f"{before} {text}", 0.0) for before, text in pairs]
        score = self._weights[BIAS] + sum(each) / sqrt(len(each))
        first = max(range(len(each)), key=lambda n: sum(each[n : n + SHOWN]))
        return Weighed(score, start + first, start + min(first + SHOWN, len(each)))

    def _alone(self, text: str) -> float:
        kept = self._kept.get(text)
        if kept is None:
            grams = grams_of(text)
            letters = sum(self._weights.get(gram, 0.0) for gram in grams) / sqrt(max(1, len(grams)))
            kept = self._weights.get(text, 0.0) + letters
            if len(self._kept) < MOST_KEPT:
                self._kept[text] = kept
        return kept


def features(texts: Sequence[str]) -> Iterator[tuple[str, float]]:
    """What ``Scales`` sums for the words of one piece, each with its share: this is what the weights are learnt for."""
    share = 1 / sqrt(max(1, len(texts)))
    for before, text in zip([START, *texts], texts, strict=False):
        yield text, share
        yield f"{before} {text}", share
        grams = grams_of(text)
        for gram in grams:
            yield gram, share / sqrt(len(grams))


def grams_of(text: str) -> list[str]:
    """Its runs of letters, with its beginning and its end."""
    marked = f"{START}{text}$"
    return [f"~{marked[n : n + size]}" for size in GRAMS for n in range(len(marked) - size + 1)]


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
