"""Does a message sound like an emergency, and why: signs of danger, less those that its context sets aside."""

from __future__ import annotations

from collections.abc import Set

from config.triage import Kind, Lexicon
from routing.triage import details
from routing.triage.contexts import Contexts
from routing.triage.finding import Finding, Found, Reason
from routing.triage.phrases import Hit, Phrases, vocabulary
from routing.triage.reading import Word, read
from routing.triage.spelling import Speller

ENOUGH = 2
MOST_CHARACTERS = 50_000
SHOWN_BEFORE = 3
COURTESIES = frozenset({"please", "now", "me", "hi", "hello", "can", "you", "i", "need", "am", "is", "this"})


class Triage:
    """Judges messages by one lexicon. Building it takes a moment, judging does not.

    ``english``: words that are spelt right, so that they are not taken for misspelt words of danger.
    """

    def __init__(self, lexicon: Lexicon, english: Set[str]) -> None:
        phrases = dict(lexicon.contexts) | {r.name: r.says for r in lexicon.rules}
        self._rules = {rule.name: rule for rule in lexicon.rules}
        self._phrases = Phrases(phrases, lexicon.words)
        plain = {word for written in lexicon.shorthand.values() for word in written.split()}
        every = [phrase for among in phrases.values() for phrase in among]
        self._speller = Speller(lexicon.shorthand, vocabulary(every, lexicon.words) | plain, english)

    def judge(self, text: str) -> Finding:
        """What this message sounds like. Of a very long one the first 50,000 characters count."""
        text = text[:MOST_CHARACTERS]
        words = read(text, self._speller.spell)
        hits = list(self._phrases.find(words))
        contexts = Contexts(words, hits)
        standing = [h for h in hits if h.label in self._rules and self._stands(h, words, contexts)]
        standing.sort(key=lambda h: (h.start, h.end, h.label))  # the phrases come in no order of their own
        found = (*details.found(text, words), *self._kinds(text, words, standing))
        if self._weight(standing, words, contexts) < ENOUGH:
            return Finding(False, found=found)
        return Finding(True, self._reasons(text, words, standing, contexts), found)

    def set_aside(self, text: str) -> list[tuple[str, str, str]]:
        """Each sign that was set aside: rule, words, and why. For those who tune the rules."""
        words = read(text[:MOST_CHARACTERS], self._speller.spell)
        hits = list(self._phrases.find(words))
        contexts = Contexts(words, hits)
        signs = ((h, contexts.set_aside(h, pleads=self._rules[h.label].pleads)) for h in hits if h.label in self._rules)
        return [(h.label, _written(text, words, h.start, h.end), why) for h, why in signs if why]

    def _stands(self, hit: Hit, words: list[Word], contexts: Contexts) -> bool:
        if self._rules[hit.label].alone:
            others = [w.text for n, w in enumerate(words) if not hit.start <= n < hit.end]
            return COURTESIES.issuperset(others)
        rule = self._rules[hit.label]
        if rule.shy and contexts.everyday(hit):
            return False
        return not contexts.set_aside(hit, pleads=rule.pleads)

    def _weight(self, standing: list[Hit], words: list[Word], contexts: Contexts) -> int:
        if any(self._rules[h.label].weight == ENOUGH for h in standing):
            return ENOUGH
        weak = {words[h.start].text for h in standing}
        return len(weak) + any(contexts.now(h) for h in standing)

    def _reasons(self, text: str, words: list[Word], standing: list[Hit], contexts: Contexts) -> tuple[Reason, ...]:
        """The first sign of each rule, the strongest rules first."""
        first: dict[str, Reason] = {}
        for hit in sorted(standing, key=lambda h: (-self._rules[h.label].weight, h.start, -h.end, h.label)):
            start = max(contexts.clause_start(hit), hit.start - SHOWN_BEFORE)
            said = _written(text, words, start, hit.end)
            reason = Reason(hit.label, said, words[start].start, words[hit.end - 1].end, contexts.now(hit))
            first.setdefault(hit.label, reason)
        plain = tuple(reason for reason in first.values() if not self._rules[reason.rule].shy)
        return plain or tuple(first.values())

    def _kinds(self, text: str, words: list[Word], standing: list[Hit]) -> tuple[Found, ...]:
        first: dict[Kind, Found] = {}
        for hit in standing:
            kind = self._rules[hit.label].kind
            said = _written(text, words, hit.start, hit.end)
            if kind:
                first.setdefault(kind, Found(kind, said, words[hit.start].start, words[hit.end - 1].end))
        return tuple(first.values())


def _written(text: str, words: list[Word], start: int, end: int) -> str:
    return text[words[start].start : words[end - 1].end]
