"""What the rest of a message does to a sign of danger: what is over, asked, denied or meant otherwise sets it aside.

A sign is set aside only as far as such words reach; what goes on now stands against most of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from routing.triage.phrases import Hit
from routing.triage.reading import Word

NEGATION_REACH = 3
OPENING = 3  # words: what stands there speaks for the whole message
CLAUSE_STARTS = frozenset({"but", "however", "although", "though", "yet", "except"})
SUBJECTS = frozenset({"he", "she", "they", "there", "i", "we", "someone", "somebody", "people", "you", "it"})
PRESENT_VERBS = frozenset({"is", "are", "am", "has", "have", "will", "keeps", "says"})
JOINS = frozenset({"if", "when", "who", "that", "whether", "what", "where", "how", "unless", "or", "which", "while"})
BETWEEN = frozenset({"a", "an", "the", "any", "in", "of", "been", "being", "was", "were", "is", "there", "or", "my"})


class Clause(NamedTuple):
    """Words ``start`` to ``end`` (exclusive), and what they say of their time."""

    start: int
    end: int
    now: bool
    present: bool
    past: bool


class Contexts:
    """The contexts of one message, from the phrases found in it."""

    def __init__(self, words: Sequence[Word], hits: Iterable[Hit]) -> None:
        self._words = words
        self._said: dict[str, list[Hit]] = {}
        for hit in hits:
            self._said.setdefault(hit.label, []).append(hit)
        self._clause_of = self._clauses()
        self._figurative = _covered(self._said.get("figurative", ()), len(words))
        self._businesslike = {self._clause_of[h.start].start for h in self._said.get("business", ())}
        self._past = any(c.past for c in self._clause_of)
        self._joke = "joke" in self._said and "not_joke" not in self._said
        self._first_over = min((h.start for h in self._said.get("over", ())), default=OPENING)
        self._last_over = max((h.end for h in self._said.get("over", ())), default=0)
        self._asked = self._asking()
        self._negations = self._negating()

    def now(self, sign: Hit) -> bool:
        return self._clause_of[sign.start].now

    def clause_start(self, sign: Hit) -> int:
        return self._clause_of[sign.start].start

    def denied_within(self, sign: Hit) -> bool:
        """He never touched me."""
        return any(at in self._negations for at in range(sign.start, sign.end))

    def set_aside(self, sign: Hit, *, pleads: bool = False) -> str:
        """Why this sign says nothing of danger now: the name of a context; '' when it stands.

        ``pleads``: it is a call for help, which a question can be.
        """
        clause = self._clause_of[sign.start]
        if any(self._figurative[sign.start : sign.end]):
            return "figurative"
        if self._negated(sign) or (not sign.denies and self.denied_within(sign)):
            return "negation"
        if not pleads and self._asked[sign.start]:
            return "question"
        if clause.now:
            return ""
        return self._elsewhere(sign, clause)

    def _elsewhere(self, sign: Hit, clause: Clause) -> str:
        if clause.past or (self._past and not clause.present):
            return "past"
        if self._first_over < OPENING or sign.start < self._last_over or (self._last_over and not clause.present):
            return "over"
        if clause.start in self._businesslike or (self._businesslike and not clause.present):
            return "business"
        if "news" in self._said:
            return "news"
        return "joke" if self._joke else ""

    def _negated(self, sign: Hit) -> bool:
        reach = range(max(0, sign.start - 2 * NEGATION_REACH), sign.start)
        for at in reversed(reach):
            word = self._words[at]
            if word.sentence != self._words[sign.start].sentence or word.text in CLAUSE_STARTS:
                return False
            if at in self._negations:
                between = [w.text for w in self._words[self._negations[at] : sign.start] if w.text not in BETWEEN]
                return len(between) < NEGATION_REACH
            if word.text in SUBJECTS and self._words[min(at + 1, len(self._words) - 1)].text in PRESENT_VERBS:
                return False
        return False

    def _asking(self) -> list[bool]:
        """For each word, whether a question of its clause reaches it: it begins there or before, and asks "if", or
        nothing is said of the present since its end. One pass: nobody's message may take the square of its length."""
        ends: dict[int, int] = {}
        for question in self._said.get("question", ()):
            ends[question.start] = max(question.end, ends.get(question.start, 0))
        asked = [False] * len(self._words)
        clause = first = until = last_if = last_verb = -1
        for n, word in enumerate(self._words) if ends else ():
            if self._clause_of[n].start != clause:
                clause, first, until = self._clause_of[n].start, -1, 0
            if n in ends:
                first, until = (n if first < 0 else first), max(until, ends[n])
            asked[n] = first >= 0 and (until > n or last_if >= first or last_verb < until)
            last_if = n if word.text == "if" else last_if
            last_verb = n if word.text in PRESENT_VERBS else last_verb
        return asked

    def _negating(self) -> dict[int, int]:
        """Where a negation starts, and where it ends."""
        nothing = _covered(self._said.get("denies_nothing", ()), len(self._words))
        longest = sorted(self._said.get("negation", ()), key=lambda h: h.end)
        return {h.start: h.end for h in longest if not nothing[h.start]}

    def _clauses(self) -> list[Clause]:
        """For each word, the clause in which it stands."""
        starts = [n for n in range(len(self._words)) if self._starts_clause(n)]
        since = {h.end for h in self._said.get("since", ())}
        past = {h.start for h in self._said.get("past", ()) if h.start not in since}
        told = _covered([*self._said.get("figurative", ()), *self._said.get("over", ())], len(self._words))
        now = {h.start for h in self._said.get("now", ()) if not told[h.start]}
        present = {h.start for h in self._said.get("present", ())}
        clauses: list[Clause] = []
        for start, end in pairwise([*starts, len(self._words)]):
            here = range(start, end)
            clause = Clause(
                start, end, not now.isdisjoint(here), not present.isdisjoint(here), not past.isdisjoint(here)
            )
            clauses += [clause] * (end - start)
        return clauses

    def _starts_clause(self, n: int) -> bool:
        words = self._words
        if n == 0 or words[n].sentence != words[n - 1].sentence or words[n].text in CLAUSE_STARTS:
            return True
        subject = words[n].text in SUBJECTS and n + 1 < len(words) and words[n + 1].text in PRESENT_VERBS
        return subject and words[n - 1].text not in JOINS


def _covered(hits: Iterable[Hit], length: int) -> list[bool]:
    covered = [False] * length
    for hit in hits:
        covered[hit.start : hit.end] = [True] * (hit.end - hit.start)
    return covered
