"""Does a message sound like an emergency, and why.

Its words are weighed; a sign of danger that its context does not set aside adds to that.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from config.triage import Kind, Lexicon
from routing.triage import details
from routing.triage.contexts import Contexts
from routing.triage.finding import Finding, Found, Reason
from routing.triage.phrases import Hit, Phrases, vocabulary
from routing.triage.reading import Word, read
from routing.triage.spelling import Speller
from routing.triage.weighing import Scales, Weighed

SIGN = 2.0  # what a standing sign adds to the weight of the words
BY_WEIGHT = "sounds like others"
MOST_CHARACTERS = 50_000
SHOWN_BEFORE = 3
COURTESIES = frozenset({"please", "now", "me", "hi", "hello", "can", "you", "i", "need", "am", "is", "this"})


class Triage:
    """Judges messages by one lexicon. Building it takes a moment, judging does not.

    ``english``: words that are spelt right, so that they are not taken for misspelt words of danger.
    ``weights``: how much each word speaks for an emergency.
    """

    def __init__(self, lexicon: Lexicon, english: Set[str], weights: Mapping[str, float]) -> None:
        phrases = dict(lexicon.contexts) | {r.name: r.says for r in lexicon.rules}
        self._rules = {rule.name: rule for rule in lexicon.rules}
        self._phrases = Phrases(phrases, lexicon.words)
        plain = {word for written in lexicon.shorthand.values() for word in written.split()}
        every = [phrase for among in phrases.values() for phrase in among]
        self._speller = Speller(lexicon.shorthand, vocabulary(every, lexicon.words) | plain, english)
        self._scales = Scales(weights)

    def judge(self, text: str) -> Finding:
        """What this message sounds like. Of a very long one the first 50,000 characters count."""
        text = text[:MOST_CHARACTERS]
        words = read(text, self._speller.spell)
        hits = list(self._phrases.find(words))
        contexts = Contexts(words, hits)
        standing = [h for h in hits if h.label in self._rules and self._stands(h, words, contexts)]
        standing.sort(key=lambda h: (h.start, h.end, h.label))  # the phrases come in no order of their own
        found = (*details.found(text, words), *self._kinds(text, words, standing))
        weighed = self._scales.weigh(words)
        if not words or not self._enough(standing, weighed):
            return Finding(False, found=found)
        return Finding(True, self._reasons(text, words, standing, contexts, weighed), found)

    def read(self, text: str) -> tuple[list[str], bool]:
        """The plain words of a message, and whether a sign stands in it. For those who learn the weights."""
        words = read(text[:MOST_CHARACTERS], self._speller.spell)
        hits = list(self._phrases.find(words))
        contexts = Contexts(words, hits)
        return [w.text for w in words], any(h.label in self._rules and self._stands(h, words, contexts) for h in hits)

    def set_aside(self, text: str) -> list[tuple[str, str, str]]:
        """Each sign that was set aside: rule, words, and why. For those who tune the rules."""
        words = read(text[:MOST_CHARACTERS], self._speller.spell)
        hits = list(self._phrases.find(words))
        contexts = Contexts(words, hits)
        signs = ((h, contexts.set_aside(h, pleads=self._rules[h.label].pleads)) for h in hits if h.label in self._rules)
        return [(h.label, _written(text, words, h.start, h.end), why) for h, why in signs if why]

    def _stands(self, hit: Hit, words: list[Word], contexts: Contexts) -> bool:
        rule = self._rules[hit.label]
        if rule.alone:
            others = [w.text for n, w in enumerate(words) if not hit.start <= n < hit.end]
            return COURTESIES.issuperset(others)
        return not contexts.set_aside(hit, pleads=rule.pleads)

    def _enough(self, standing: list[Hit], weighed: Weighed) -> bool:
        if any(self._rules[h.label].alone for h in standing):
            return True
        return weighed.score + (SIGN if standing else 0.0) > 0

    def _reasons(
        self, text: str, words: list[Word], standing: list[Hit], contexts: Contexts, weighed: Weighed
    ) -> tuple[Reason, ...]:
        """The first sign of each rule; without any, the words that weigh most."""
        first: dict[str, Reason] = {}
        for hit in sorted(standing, key=lambda h: (h.start, -h.end, h.label)):
            start = max(contexts.clause_start(hit), hit.start - SHOWN_BEFORE)
            said = _written(text, words, start, hit.end)
            reason = Reason(hit.label, said, words[start].start, words[hit.end - 1].end, contexts.now(hit))
            first.setdefault(hit.label, reason)
        if first:
            return tuple(first.values())
        start, end = words[weighed.start].start, words[weighed.end - 1].end
        return (Reason(BY_WEIGHT, text[start:end], start, end),)

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
