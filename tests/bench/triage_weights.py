"""Learns how much each word speaks for an emergency; ``--write`` keeps it in ``config/triage_weights.tsv``.

A logistic regression over the labelled messages, by stochastic gradient descent with AdaGrad steps (Duchi and others,
2011). First it says how well such weights do on messages they were not learnt from: each of the grids is left out in
turn. ``--margin`` moves the line: more finds more emergencies, and raises more ordinary messages.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from math import exp
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from numpy.typing import NDArray

from config.triage import WEIGHTS, english, lexicon
from routing.triage.judge import SIGN, Triage
from routing.triage.weighing import BIAS, features
from tests.support.messages import GRID, labelled

ROUNDS = 15
STEP = 0.1
SHRINK = 0.00002
MARGINS = (-1.0, -0.6, 0.0, 0.3, 0.6, 1.0)
SEEN = 2  # pairs and letters of fewer messages are left out
Sample = tuple[dict[str, float], bool]
Row = tuple[NDArray[np.int_], NDArray[np.float64], bool]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--margin", type=float, default=-0.3)
    parser.add_argument("--write", action="store_true", help="write them to config/triage_weights.tsv")
    chosen = parser.parse_args()
    margin = chosen.margin
    samples, signs = _samples()
    _cross(samples, signs, margin)
    if not chosen.write:
        return
    every = [sample for part in samples.values() for sample in part]
    weights = learn(every)
    weights[BIAS] += margin
    lines = sorted(f"{feature}\t{round(100 * weight)}" for feature, weight in weights.items() if round(100 * weight))
    WEIGHTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines)} weights")


def _samples() -> tuple[dict[str, list[Sample]], dict[str, list[bool]]]:
    """By part: what is weighed of each message, and whether a sign stands in it."""
    triage = Triage(lexicon(), english(), {BIAS: -100.0})
    samples: dict[str, list[Sample]] = defaultdict(list)
    signs: dict[str, list[bool]] = defaultdict(list)
    for message in labelled():
        texts, stands = triage.read(message.text)
        samples[message.part].append((_summed(texts), message.emergency))
        signs[message.part].append(stands)
    for rule in lexicon().rules:
        for examples, emergency in ((rule.raises, True), (rule.leaves, False)):
            samples["examples"] += [(_summed(triage.read(text)[0]), emergency) for text in examples]
    return samples, signs


def _summed(texts: Sequence[str]) -> dict[str, float]:
    summed: dict[str, float] = defaultdict(float)
    for feature, share in features(texts):
        summed[feature] += share
    summed[BIAS] = 1.0
    return summed


def learn(samples: Sequence[Sample]) -> dict[str, float]:
    """A weight for each feature; the same samples give the same weights."""
    seen = Counter(feature for sample, _ in samples for feature in sample)
    kept = [f for f in seen if seen[f] >= SEEN or not (" " in f or f.startswith("~"))]
    place = {feature: n for n, feature in enumerate(kept)}
    rows = [_row(sample, emergency, place) for sample, emergency in samples]
    shrink = SHRINK * len(samples) / np.array([seen[f] for f in kept])
    shrink[place[BIAS]] = 0.0
    weights, slopes = np.zeros(len(kept)), np.full(len(kept), 1e-8)
    order = random.Random(1)
    for _ in range(ROUNDS):
        order.shuffle(rows)
        for places, shares, emergency in rows:
            here = weights[places]
            error = emergency - 1 / (1 + exp(-float(here @ shares)))
            slope = error * shares - shrink[places] * here
            slopes[places] += slope * slope
            weights[places] += STEP * slope / np.sqrt(slopes[places])
    return dict(zip(kept, weights.tolist(), strict=True))


def _row(sample: dict[str, float], emergency: bool, place: dict[str, int]) -> Row:
    known = [feature for feature in sample if feature in place]
    return np.array([place[f] for f in known]), np.array([sample[f] for f in known]), emergency


def _cross(samples: dict[str, list[Sample]], signs: dict[str, list[bool]], margin: float) -> None:
    scores: list[tuple[float, bool]] = []
    for left_out in GRID:
        weights = learn([s for part, among in samples.items() if part != left_out for s in among])
        scores += _scores(samples[left_out], signs[left_out], weights)
    for line in sorted({margin, *MARGINS}):
        found = [score + line > 0 for score, emergency in scores if emergency]
        raised = [score + line > 0 for score, emergency in scores if not emergency]
        print(f"margin {line:+.2f}: {sum(found) / len(found):.1%} found, {sum(raised) / len(raised):.1%} raised")


def _scores(
    samples: Sequence[Sample], signs: Sequence[bool], weights: dict[str, float]
) -> Iterator[tuple[float, bool]]:
    for (sample, emergency), sign in zip(samples, signs, strict=True):
        yield sum(weights.get(f, 0.0) * x for f, x in sample.items()) + SIGN * sign, emergency


if __name__ == "__main__":
    main()
