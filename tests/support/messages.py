"""The labelled messages of ``tests/data/triage``: what people write, and whether it is an emergency.

``emergency.tsv`` and ``ordinary.tsv`` were written before any rule and are split by a hash of their text. Each set
since was written before its author looked at the rules of the time again, was judged once, and was learnt from
afterwards: the weights are learnt from every message here. ``judged`` is a third of what the senders of ``people``
wrote, judged once in the same way; ``aside`` is a fifth of the senders of ``crowd``. ``kinds`` was written to be learnt
from, after ``other_a`` and ``other_b``, by another pen, had been judged; ``other_c`` is by a third pen, and was judged
after that; ``pens_d1`` to ``pens_d3`` are by others again: 17 lines were taken out that had been said
before. What new messages do is in docs/triage.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "data" / "triage"
FIRST = {"emergency": True, "ordinary": False}
LATER = ("later", "fresh", "last", "check")
GRID = ("grid1", "grid2", "grid3", "wide", "mixed")
SENDERS = ("people", "judged", "crowd", "aside")
PEOPLE = (*SENDERS, "contrast", "kinds")
OTHER = ("other_a", "other_b", "other_c", "pens_d1", "pens_d2", "pens_d3")  # by other pens
PARTS = ("tune", "held", *LATER, *GRID, *PEOPLE, *OTHER)


@dataclass(frozen=True, slots=True)
class Labelled:
    part: str
    emergency: bool
    topic: str
    text: str


def labelled() -> Iterator[Labelled]:
    for name, emergency in FIRST.items():
        for _, topic, text in _rows(name):
            yield Labelled(_half(text), emergency, topic, text.removeprefix("Subject: "))
    for name in (*LATER, *GRID, *PEOPLE, *OTHER):
        for label, topic, text in _rows(name):
            yield Labelled(name, label == "e", topic, text.removeprefix("Subject: "))


def _half(text: str) -> str:
    return "held" if hashlib.sha256(text.encode()).digest()[0] % 2 else "tune"


def _rows(name: str) -> Iterator[list[str]]:
    for line in (FOLDER / f"{name}.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        yield line.replace("\\n", "\n").split("\t")
