"""The words of danger: what stands in ``triage.toml``, and what a site adds to it."""

from __future__ import annotations

import gzip
import json
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from config.section import Section

FILE = Path(__file__).parent / "triage.toml"
WEIGHTS = Path(__file__).parent / "triage_weights.tsv"
COMMON = 150  # times in the list's corpus; rarer ones are mostly names and slips of the pen
WORD = re.compile(r"[^\s<>|?*.]+\*?|\*[^\s<>|?*.]+|<[a-z_]+>")
LIST_NAME = re.compile(r"<([a-z_]+)>")


def _phrase(written: str) -> str:
    for part in written.split():
        words = part.removesuffix("?").split("|")
        if part != ".." and not all(WORD.fullmatch(word) and word == word.lower() for word in words):
            kinds = "a word, a beginning (stab*), an ending (*ing), a choice (a|b), a list (<name>) or a gap (..)"
            raise ValueError(f"'{part}' must be {kinds}, in small letters")
    if not any(part != ".." and not part.endswith("?") for part in written.split()):
        raise ValueError("a phrase must have a word that cannot be missing")
    return " ".join(written.split())


Phrase = Annotated[str, AfterValidator(_phrase)]
Phrases = tuple[Phrase, ...]
Plain = Annotated[str, Field(pattern=r"^[^\s<>|?*]+$")]
Kind = Literal["", "weapon", "injury", "self_harm", "cannot_speak"]


class Rule(Section):
    """A sign of danger. ``alone``: only when the message says nothing else, and then always.

    ``pleads``: a call for help, which a question can be. ``raises`` and ``leaves`` are its examples, and its tests.
    """

    name: str
    kind: Kind
    says: Phrases
    raises: tuple[str, ...]
    leaves: tuple[str, ...]
    alone: bool = False
    pleads: bool = False


class Contexts(Section):
    """What else a message says, by which a sign is set aside or its writer marked; each is explained in triage.toml."""

    now: Phrases
    present: Phrases
    past: Phrases
    since: Phrases
    business: Phrases
    news: Phrases
    over: Phrases
    question: Phrases
    figurative: Phrases
    joke: Phrases
    not_joke: Phrases
    negation: Phrases
    denies_nothing: Phrases
    unsafe_to_write: Phrases
    harmless_to_write: Phrases


class Lexicon(Section):
    """Everything triage goes by. ``shorthand``: how people type, and what it is read as.

    ``words``: lists that phrases name; ``topics``: lists that are only weighed.
    """

    shorthand: dict[Plain, str]
    words: dict[str, tuple[str, ...]]
    topics: dict[str, tuple[str, ...]]
    contexts: Contexts
    rules: tuple[Rule, ...]

    def mistakes(self) -> Iterator[str]:
        """Lists that phrases name and that do not exist."""
        phrases = [phrase for rule in self.rules for phrase in rule.says]
        phrases += [phrase for _, among in self.contexts for phrase in among]
        for phrase in phrases:
            for name in LIST_NAME.findall(phrase):
                if name not in self.words:
                    yield f"'{phrase}' names the list <{name}>; there are: {', '.join(sorted(self.words))}"

    def with_more(self, more: Triage) -> Lexicon:
        """With a site's own words."""

        def added(name: str, below: Phrases) -> Phrases:
            return (*below, *more.phrases.get(name, ()))

        return Lexicon.model_construct(
            shorthand={**self.shorthand, **more.shorthand},
            words=self.words,
            topics=self.topics,
            contexts=self.contexts.model_copy(update={name: added(name, below) for name, below in self.contexts}),
            rules=tuple(rule.model_copy(update={"says": added(rule.name, rule.says)}) for rule in self.rules),
        )

    @property
    def weighed(self) -> dict[str, tuple[str, ...]]:
        """Every list whose words weigh as one."""
        return self.words | self.topics

    @property
    def names(self) -> list[str]:
        """What a site can add phrases to."""
        return [*(rule.name for rule in self.rules), *Contexts.model_fields]


class Triage(Section):
    """A site's own words, beside those of ``triage.toml``."""

    shorthand: dict[Plain, str]
    phrases: dict[str, Phrases]

    def mistakes(self) -> list[str]:
        """What does not fit the words that every site starts with; each line begins with its key."""
        if not self.phrases:
            return []
        base = lexicon()
        unknown = [name for name in self.phrases if name not in base.names]
        return [
            *(f"triage.phrases: there is no rule '{name}'; there are: {', '.join(base.names)}" for name in unknown),
            *(f"triage.phrases: {mistake}" for mistake in base.with_more(self).mistakes()),
        ]


def english() -> frozenset[str]:
    """Common English words: what a person typed is none of them before it is taken for a misspelt word."""
    packed = (resources.files("spellchecker") / "resources" / "en.json.gz").read_bytes()
    return frozenset(word for word, times in json.loads(gzip.decompress(packed)).items() if times >= COMMON)


@cache
def weights() -> dict[str, float]:
    """How much words, pairs of words and letters speak for an emergency; written by tests/bench/triage_weights.py."""
    lines = WEIGHTS.read_text(encoding="utf-8").splitlines()
    return {feature: int(hundredths) / 100 for feature, hundredths in (line.split("\t") for line in lines)}


@cache
def lexicon() -> Lexicon:
    """The words that every site starts with."""
    return Lexicon.model_validate(tomllib.loads(FILE.read_text(encoding="utf-8")))
