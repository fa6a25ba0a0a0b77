"""How well and how fast triage judges the labelled messages: run with ``python tests/bench/triage.py``.

``--misses`` lists every emergency that was not found and every ordinary message that was raised. ``--judge FILE``
judges the messages of a file instead: lines of a label (``e`` an emergency, ``o`` ordinary), a tab and the text, in
which ``\\n`` or `` / `` is a new line. Times are CPU time of this process, so that what else the machine
does counts little.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from config.triage import english, lexicon, weights
from gateway.interpreter import settle
from routing.triage import Triage
from tests.support.messages import PARTS, Labelled, labelled

ROUNDS = 5
LABELS = {"e": True, "emergency": True, "o": False, "ordinary": False}
LINE_END = re.compile(r"\\n| / ")
LONG = (500, 2_000, 8_000)  # words
NO_STOP = "what should i do if he has a knife is there a bomb " * 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--misses", action="store_true", help="list what is judged wrong")
    parser.add_argument("--judge", type=Path, metavar="FILE", help="judge these messages and list what is judged wrong")
    chosen = parser.parse_args()
    start = time.process_time()
    triage = Triage(lexicon(), english(), weights())
    print(f"built in {(time.process_time() - start) * 1000:.0f} ms")
    messages = list(_of_file(chosen.judge) if chosen.judge else labelled())
    print(f"{'messages':<10}{'found':>7}{'missed':>8}{'of emergencies':>16}{'raised':>9}{'left':>6}{'of ordinary':>13}")
    for part in (chosen.judge.stem,) if chosen.judge else PARTS:
        _matrix(part, [m for m in messages if m.part == part], triage)
    if chosen.misses or chosen.judge:
        _misses(messages, triage)
    if not chosen.judge:
        _speed(messages, triage)


def _of_file(path: Path) -> Iterator[Labelled]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        label, tab, text = line.partition("\t")
        if not tab or label not in LABELS:
            raise SystemExit(f"{path}:{number}: a line is 'e' or 'o', a tab and the text")
        yield Labelled(path.stem, LABELS[label], "", LINE_END.sub("\n", text).removeprefix("Subject: "))


def _matrix(part: str, messages: list[Labelled], triage: Triage) -> None:
    raised = {label: [0, 0] for label in (True, False)}
    for message in messages:
        raised[message.emergency][triage.judge(message.text).sounds_like_emergency] += 1
    (missed, found), (left, wrong) = raised[True], raised[False]
    print(
        f"{part:<10}{found:>7}{missed:>8}{found / max(1, found + missed):>16.1%}"
        f"{wrong:>9}{left:>6}{wrong / max(1, wrong + left):>13.1%}"
    )


def _misses(messages: list[Labelled], triage: Triage) -> None:
    for message in messages:
        finding = triage.judge(message.text)
        if finding.sounds_like_emergency != message.emergency:
            said = " / ".join(message.text.splitlines())
            print(f"- {message.part}, {'missed' if message.emergency else 'raised'}: {said}")


def _speed(messages: list[Labelled], triage: Triage) -> None:
    fresh = Triage(lexicon(), english(), weights())
    settle()  # as the gateway does
    _say_times("a message, its words new to the process", [_microseconds(fresh, m.text) for m in messages])
    _say_times("a message", [_microseconds(triage, m.text) for _ in range(ROUNDS) for m in messages])
    texts = [m.text for m in messages if "\n" not in m.text]
    _say_times("a text", [_microseconds(triage, text) for _ in range(ROUNDS) for text in texts])
    words = " ".join(m.text for m in messages if not m.emergency).split()
    for length in LONG:
        emails = [" ".join(words[start : start + length]) for start in range(0, len(words) - length, length)]
        _say_times(f"an email of {length} words", [_microseconds(triage, email) for email in emails])
    _say_times("50,000 characters without a full stop", [_microseconds(triage, NO_STOP)])


def _microseconds(triage: Triage, text: str) -> float:
    start = time.process_time_ns()
    triage.judge(text)
    return (time.process_time_ns() - start) / 1000


def _say_times(what: str, taken: list[float]) -> None:
    taken = sorted(taken)
    p50, p99 = taken[len(taken) // 2], taken[len(taken) * 99 // 100]
    print(f"{what}: p50 {p50:.0f} us, p99 {p99:.0f} us, mean {sum(taken) / len(taken):.0f} us")


if __name__ == "__main__":
    main()
