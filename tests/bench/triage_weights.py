"""Learns how much each word speaks for an emergency; ``--write`` keeps it in ``config/triage_weights.tsv``.

A logistic regression over the labelled messages, by stochastic gradient descent with AdaGrad steps (Duchi and others,
2011). Without ``--write`` it says how well such weights do on messages they were not learnt from: each of the grids is
left out in turn, and so is a fifth of the senders. ``--margin`` moves the line: more finds more emergencies, and
raises more ordinary messages.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from numpy.typing import NDArray

from config.triage import WEIGHTS, english, lexicon
from routing.triage.judge import SIGN, Triage
from routing.triage.weighing import BIAS, QUARTER, Features, of_many
from tests.support.messages import GRID, SENDERS, Labelled, labelled

ROUNDS = 15
STEP = 0.1
SHRINK = 0.00001
MARGINS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4)
SEEN = 2  # what is longer than a word and stands in fewer messages is left out
FOLDS = 5  # of the senders
LEAST = 0.02  # a weight under this changes nothing
Sample = tuple[dict[str, float], float, bool]  # what is weighed, what its signs add beside, whether an emergency
Row = tuple[NDArray[np.int_], NDArray[np.float64], float, bool]


@dataclass(frozen=True)
class Read:
    """A message, piece by piece: what is weighed of each; what its signs add beside."""

    message: Labelled
    pieces: list[dict[str, float]]
    signs: float

    def samples(self) -> Iterator[Sample]:
        """An ordinary message is ordinary in every piece; of an emergency nobody said in which it is one."""
        if self.message.emergency and len(self.pieces) > 1:
            yield _mean(self.pieces), self.signs, True
        else:
            yield from ((piece, self.signs, self.message.emergency) for piece in self.pieces)

    def score(self, weights: dict[str, float]) -> float:
        """As ``Triage`` has it: by the piece that sounds most like an emergency."""
        most = max(sum(weights.get(f, 0.0) * x for f, x in piece.items()) for piece in self.pieces)
        return self.signs + most - of_many(len(self.pieces))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--margin", type=float, default=0.4)
    parser.add_argument("--write", action="store_true", help="write them to config/triage_weights.tsv")
    chosen = parser.parse_args()
    messages = _read()
    if not chosen.write:
        _cross(messages, chosen.margin)
        return
    weights = learn([sample for read in messages for sample in read.samples()])
    weights[BIAS] += chosen.margin
    lines = sorted(f"{feature}\t{round(100 * weight)}" for feature, weight in weights.items() if abs(weight) >= LEAST)
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
        read.append(Read(message, [_summed(features, piece) | said for piece in pieces or [[]]], SIGN * stands))
    return read


def _mean(pieces: Sequence[dict[str, float]]) -> dict[str, float]:
    names = sorted({name for piece in pieces for name in piece})
    return {name: sum(piece.get(name, 0.0) for piece in pieces) / len(pieces) for name in names}


def _summed(features: Features, texts: Sequence[str]) -> dict[str, float]:
    summed: dict[str, float] = defaultdict(float)
    for feature, share in features.of(texts):
        summed[feature] += share
    return summed


def learn(samples: Sequence[Sample]) -> dict[str, float]:
    """A weight for each feature; the same samples give the same weights."""
    seen = Counter(feature for sample, _, _ in samples for feature in sample)
    kept = [f for f in seen if seen[f] >= SEEN or not (" " in f or ".." in f or f.startswith("~"))]
    place = {feature: n for n, feature in enumerate(kept)}
    rows = [_row(sample, place) for sample in samples]
    shrink = SHRINK * len(samples) / np.array([seen[f] for f in kept])
    shrink[place[BIAS]] = 0.0
    weights, slopes = np.zeros(len(kept)), np.full(len(kept), 1e-8)
    order = random.Random(1)
    for _ in range(ROUNDS):
        order.shuffle(rows)
        for places, shares, beside, emergency in rows:
            here = weights[places]
            error = emergency - 1 / (1 + exp(-float(here @ shares) - beside))
            slope = error * shares - shrink[places] * here
            slopes[places] += slope * slope
            weights[places] += STEP * slope / np.sqrt(slopes[places])
    return dict(zip(kept, weights.tolist(), strict=True))


def _row(sample: Sample, place: dict[str, int]) -> Row:
    weighed, beside, emergency = sample
    known = [feature for feature in weighed if feature in place]
    return np.array([place[f] for f in known]), np.array([weighed[f] for f in known]), beside, emergency


def _cross(messages: Sequence[Read], margin: float) -> None:
    for name, group_of in (("grids", _grid), ("senders", _senders)):
        groups = [group_of(read.message) for read in messages]
        scores: list[tuple[float, bool]] = []
        for left_out in sorted(set(groups) - {""}):
            pairs = list(zip(messages, groups, strict=True))
            weights = learn([s for read, group in pairs if group != left_out for s in read.samples()])
            scores += [(read.score(weights), read.message.emergency) for read, group in pairs if group == left_out]
        _say(name, scores, margin)


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
