"""Does a message sound like an emergency, and why.

Its words are weighed; a sign of danger that its context does not set aside adds to that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from config.triage import Kind, Lexicon
from routing.triage import details
from routing.triage.contexts import Contexts
from routing.triage.finding import BY_WEIGHT, Finding, Found, Reason
from routing.triage.phrases import Hit, Phrases, vocabulary
from routing.triage.reading import Word, read
from routing.triage.spelling import Speller
from routing.triage.weighing import Features, Scales, Weighed, pieces_of

SIGN = 1.0  # what a standing sign adds to the weight of the words
SHORT = 5  # words: of so few, that no sign stands says much
ASKED = "asked"  # beside the contexts: a question mark
UNSAFE = "unsafe_to_write"
MOST_CHARACTERS = 50_000
REASON_CHARACTERS = 200  # letters that stand apart ("h e l p") are read as one word, however many they are
SHOWN_BEFORE = 3
NO_CONTEXTS = Contexts((), ())  # most messages have no sign that could be set aside
COURTESIES = frozenset({"please", "now", "me", "hi", "hello", "can", "you", "i", "need", "am", "is", "this"})


@dataclass(frozen=True, slots=True)
class Read:
    """A message as read: the signs of danger that stand, those set aside and why, and the contexts that are said.
    ``feared``: the words by which an answer of ours could be seen by somebody else."""

    words: list[Word]
    contexts: Contexts
    standing: list[Hit]
    aside: list[tuple[Hit, str]]
    said: frozenset[str]
    feared: Hit | None


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
        self._scales = Scales(weights, Features(lexicon.weighed))

    def judge(self, text: str) -> Finding:
        """What this message sounds like. Of a very long one the first 50,000 characters count."""
        read = self._read(text[:MOST_CHARACTERS])
        found = (*details.found(text, read.words), *self._kinds(text, read))
        weighed = self._scales.weigh(read.words)
        if not read.words or not self._enough(read, weighed):
            return Finding(False, found=found)
        return Finding(True, self._reasons(text, read, weighed), found)

    def features(self, text: str) -> tuple[list[list[str]], bool, frozenset[str]]:
        """For those who learn the weights: the plain words, piece by piece; whether a sign stands; what signs say."""
        read = self._read(text[:MOST_CHARACTERS])
        pieces = [[w.text for w in read.words[start:end]] for start, end in pieces_of(read.words)]
        return pieces, bool(read.standing), self._signs(read)

    def set_aside(self, text: str) -> list[tuple[str, str, str]]:
        """Each sign that was set aside: rule, words, and why. For those who tune the rules."""
        read = self._read(text[:MOST_CHARACTERS])
        return [(h.label, _written(text, read.words, h.start, h.end), why) for h, why in read.aside if why]

    def _read(self, text: str) -> Read:
        words = read(text, self._speller.spell)
        hits = list(self._phrases.find(words))
        signs = [h for h in hits if h.label in self._rules]
        contexts = Contexts(words, hits) if signs else NO_CONTEXTS
        standing, aside = [], []
        telling = [n for n, word in enumerate(words) if word.text not in COURTESIES] if signs else []
        for hit in sorted(signs, key=lambda h: (h.start, h.end, h.label)):  # the phrases come in no order of their own
            rule = self._rules[hit.label]
            why = "" if rule.alone else contexts.set_aside(hit, pleads=rule.pleads)
            if rule.alone and not _is_all(hit, telling):
                continue
            if why:
                aside.append((hit, why))
            else:
                standing.append(hit)
        said = frozenset(h.label for h in hits if h.label not in self._rules) | ({ASKED} if "?" in text else set())
        return Read(words, contexts, standing, aside, said, _feared(hits))

    def _signs(self, read: Read) -> frozenset[str]:
        """What signs and contexts are called among the weights."""
        standing = {f"+{h.label}" for h in read.standing}
        short = {f"-{len(read.words)}"} if not standing and len(read.words) <= SHORT else set()
        return frozenset(standing | short | {f"?{why}" for _, why in read.aside} | {f"={name}" for name in read.said})

    def _enough(self, read: Read, weighed: Weighed) -> bool:
        if any(self._rules[h.label].alone for h in read.standing):
            return True
        signs = self._scales.weigh_signs(self._signs(read)) + (SIGN if read.standing else 0.0)
        return weighed.score + signs > 0

    def _reasons(self, text: str, read: Read, weighed: Weighed) -> tuple[Reason, ...]:
        """The first sign of each rule; without any, the words that weigh most."""
        words, contexts = read.words, read.contexts
        first: dict[str, Reason] = {}
        for hit in sorted(read.standing, key=lambda h: (h.start, -h.end, h.label)):
            start = max(contexts.clause_start(hit), hit.start - SHOWN_BEFORE)
            said = _written(text, words, start, hit.end)
            reason = _reason(hit.label, said, words[start].start, contexts.now(hit))
            first.setdefault(hit.label, reason)
        if first:
            return tuple(first.values())
        begin, after = weighed.most()
        start, end = words[begin].start, words[after - 1].end
        return (_reason(BY_WEIGHT, text[start:end], start),)

    def _kinds(self, text: str, read: Read) -> tuple[Found, ...]:
        first: dict[Kind, Found] = {}
        for hit in read.standing:
            kind = self._rules[hit.label].kind
            if kind:
                said = _written(text, read.words, hit.start, hit.end)
                place = read.words[hit.start].start, read.words[hit.end - 1].end
                first.setdefault(kind, Found(kind, said, *place))
        return (*first.values(), *_unsafe_to_write(text, read))


def _feared(hits: Sequence[Hit]) -> Hit | None:
    """The first words that say that an answer is unsafe, and that are not harmless where they stand."""
    harmless = sorted((h.start, h.end) for h in hits if h.label == "harmless_to_write")
    seen, harmless_until = 0, 0
    for hit in sorted((h for h in hits if h.label == UNSAFE), key=lambda h: (h.start, -h.end)):
        while seen < len(harmless) and harmless[seen][0] <= hit.start:
            harmless_until, seen = max(harmless_until, harmless[seen][1]), seen + 1
        if hit.end > harmless_until:
            return hit
    return None


def _unsafe_to_write(text: str, read: Read) -> Iterator[Found]:
    if read.feared:
        start, end = read.feared.start, read.feared.end
        said = _written(text, read.words, start, end)
        yield Found(UNSAFE, said, read.words[start].start, read.words[end - 1].end)


def _reason(rule: str, said: str, start: int, now: bool = False) -> Reason:
    said = said[:REASON_CHARACTERS]
    return Reason(rule, said, start, start + len(said), now)


def _is_all(hit: Hit, telling: Sequence[int]) -> bool:
    """Whether nothing else is said: of the words that are no courtesies, all are its own."""
    return not telling or (hit.start <= telling[0] and telling[-1] < hit.end)


def _written(text: str, words: Sequence[Word], start: int, end: int) -> str:
    return text[words[start].start : words[end - 1].end]
