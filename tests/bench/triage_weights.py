"""Learns how much each word speaks for an emergency; ``--write`` keeps it in ``config/triage_weights.tsv``.

A logistic regression over the labelled messages, by stochastic gradient descent with AdaGrad steps (Duchi and others,
2011). Of a long message the pieces count by how much they sound like an emergency: nobody said in which it is one.
Without ``--write`` it says how well such weights do on messages they were not learnt from: each set by another pen is
left out in turn, each of the grids, and a fifth of the senders. ``--margin`` moves the line: more finds more
emergencies, and raises more ordinary messages.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from numpy.typing import NDArray

from config.triage import WEIGHTS, english, lexicon
from routing.triage.judge import SIGN, Triage
from routing.triage.weighing import BIAS, QUARTER, Features, of_many
from tests.support.messages import GRID, OTHER, SENDERS, Labelled, labelled

ROUNDS = 8
STEP = 0.2
SHRINK = 0.003
ORDERS = 3  # the mean of what several orders of the messages teach is right more often than one
BY_OTHERS = 4.0  # times as much: what other pens wrote is nearest to what strangers will write
SOFTLY = 0.5  # what a piece must score less to count a third in learning
MARGIN = 1.0
MARGINS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4)
SEEN = 2  # what is longer than a word and stands in fewer messages is left out
FOLDS = 5  # of the senders
LEAST = 0.05  # a weight under this changes nothing
Vector = NDArray[np.float64]
Row = tuple[NDArray[np.int_], Vector, float, bool, float]  # features, pieces by features, beside, emergency, times


@dataclass(frozen=True)
class Read:
    """A message, piece by piece: what is weighed of each; what its signs, and the number of pieces, add beside."""

    message: Labelled
    pieces: list[dict[str, float]]
    beside: float

    def score(self, weights: dict[str, float]) -> float:
        """As ``Triage`` has it: by the piece that sounds most like an emergency."""
        return self.beside + max(sum(weights.get(f, 0.0) * x for f, x in piece.items()) for piece in self.pieces)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--margin", type=float, default=MARGIN)
    parser.add_argument("--write", action="store_true", help="write them to config/triage_weights.tsv")
    chosen = parser.parse_args()
    messages = _read()
    if not chosen.write:
        _cross(messages, chosen.margin)
        return
    weights = learn(messages)
    weights[BIAS] += chosen.margin
    lines = sorted(
        f"{feature}\t{round(100 * weight)}"
        for feature, weight in weights.items()
        if feature == BIAS or abs(weight) >= LEAST
    )
    WEIGHTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines)} weights")


def _read() -> list[Read]:
    words = lexicon()
    triage = Triage(words, english(), {BIAS: -100.0})
    features = Features(words.weighed)
    examples = [
        Labelled("examples", emergency, rule.name, text)
        for rule in words.rules
        for texts, emergency in ((rule.raises, True), (rule.leaves, False))
        for text in texts
    ]
    read: list[Read] = []
    for message in (*labelled(), *examples):
        pieces, stands, signs = triage.features(message.text)
        said = dict.fromkeys(signs, QUARTER) | {BIAS: 1.0}
        said |= features.whole(text for piece in pieces for text in piece)
        weighed = [_summed(features, piece) | said for piece in pieces or [[]]]
        read.append(Read(message, weighed, SIGN * stands - of_many(len(weighed))))
    return read


def _summed(features: Features, texts: Sequence[str]) -> dict[str, float]:
    summed: dict[str, float] = defaultdict(float)
    for feature, share in features.of(texts):
        summed[feature] += share
    return summed


def learn(messages: Sequence[Read]) -> dict[str, float]:
    """A weight for each feature; the same messages give the same weights."""
    seen = Counter(feature for read in messages for piece in read.pieces for feature in piece)
    kept = [f for f in seen if seen[f] >= SEEN or not (" " in f or ".." in f or f.startswith("~"))]
    place = {feature: n for n, feature in enumerate(kept)}
    rows = [_row(read, place) for read in messages]
    shrink = SHRINK / np.array([seen[f] for f in kept])
    shrink[place[BIAS]] = 0.0
    learnt = np.mean([_learn_in_order(rows, shrink, number) for number in range(ORDERS)], axis=0)
    return dict(zip(kept, learnt.tolist(), strict=True))


def _learn_in_order(rows: Sequence[Row], shrink: Vector, number: int) -> Vector:
    rows, order = list(rows), random.Random(number)
    weights, slopes = np.zeros(len(shrink)), np.full(len(shrink), 1e-8)
    for _ in range(ROUNDS):
        order.shuffle(rows)
        for places, pieces, beside, emergency, counts in rows:
            here = weights[places]
            scores = pieces @ here
            parts = np.exp((scores - scores.max()) / SOFTLY)
            score = float(scores.max() + SOFTLY * np.log(parts.sum()))
            error = emergency - 1 / (1 + exp(-score - beside))
            slope = counts * error / parts.sum() * (parts @ pieces) - shrink[places] * here
            slopes[places] += slope * slope
            weights[places] += STEP * slope / np.sqrt(slopes[places])
    return weights


def _row(read: Read, place: dict[str, int]) -> Row:
    known = sorted({feature for piece in read.pieces for feature in piece if feature in place})
    shares = np.array([[piece.get(feature, 0.0) for feature in known] for piece in read.pieces])
    counts = BY_OTHERS if read.message.part in OTHER else 1.0
    return np.array([place[f] for f in known]), shares, read.beside, read.message.emergency, counts


def _cross(messages: Sequence[Read], margin: float) -> None:
    for name, group_of in (("other pens", _pen), ("grids", _grid), ("senders", _senders)):
        groups = [group_of(read.message) for read in messages]
        scores: list[tuple[float, bool]] = []
        for left_out in sorted(set(groups) - {""}):
            pairs = list(zip(messages, groups, strict=True))
            weights = learn([read for read, group in pairs if group != left_out])
            scores += [(read.score(weights), read.message.emergency) for read, group in pairs if group == left_out]
        _say(name, scores, margin)


def _pen(message: Labelled) -> str:
    return message.part if message.part in OTHER else ""


def _grid(message: Labelled) -> str:
    return message.part if message.part in GRID else ""


def _senders(message: Labelled) -> str:
    fold = hashlib.sha256(message.topic.encode()).digest()[0] % FOLDS
    return str(fold) if message.part in SENDERS else ""


def _say(name: str, scores: Sequence[tuple[float, bool]], margin: float) -> None:
    for line in sorted({margin, *MARGINS}):
        found = [score + line > 0 for score, emergency in scores if emergency]
        raised = [score + line > 0 for score, emergency in scores if not emergency]
        shares = sum(found) / len(found), sum(raised) / len(raised)
        print(f"{name}, margin {line:+.2f}: {shares[0]:.1%} found, {shares[1]:.1%} raised", flush=True)


if __name__ == "__main__":
    main()
