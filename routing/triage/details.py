"""What a handler will ask for and the message already says: place, service, direction, carriage, time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby, islice
from operator import itemgetter

from routing.triage.finding import Found
from routing.triage.reading import Word

# A name in small letters cannot be told from other words: it goes on until a word that is never part of one.
STOPS = (
    "a|about|after|ago|an|and|are|as|at|be|because|been|before|behind|being|between|"
    "blood|but|by|can|carriage|child|children|coach|come|do|everyone|for|from|gang|get|"
    "go|going|got|group|guy|has|have|he|hear|help|her|here|hes|him|his|hit|i|if|im|"
    "in|into|is|it|its|just|kids|lad|lads|left|like|man|me|men|mins|my|near|need|"
    "next|no|not|now|of|off|on|opposite|or|our|outside|over|people|platform|please|"
    "police|she|shes|so|someone|stopped|that|the|them|then|there|theres|they|theyre|"
    "this|to|today|towards|train|two|until|us|wants|was|waving|we|were|who|whos|with|"
    "woman|you|your"
)
# By their first letters, for there are many: each word of a message is held against them.
BY_LETTER = "|".join(
    f"{letter}(?:{'|'.join(word[1:] for word in words)})"
    for letter, words in groupby(sorted(STOPS.split("|")), key=itemgetter(0))
)
NAME_WORD = rf"(?!(?:{BY_LETTER})\b)[^\W\d_][\w'’&-]*"
NAME = rf"{NAME_WORD}(?:[ ]{NAME_WORD}){{0,2}}"
CLOCK = r"(?:[01]?\d|2[0-3])[.:][0-5]\d(?:\s?[ap]m)?|(?:1[0-2]|0?[1-9])\s?[ap]m|(?:[01]\d|2[0-3])[0-5]\d"
STREET = (
    "road|rd|street|st|close|avenue|ave|lane|ln|drive|way|court|crescent|cres|terrace|grove|gardens|hill|place|mews"
    "|row|square"
)

STREETS = (
    rf"|\d{{1,4}}[a-d]?\s+{NAME_WORD}(?:\s{NAME_WORD})?\s(?:{STREET})\b"
    rf"|{NAME_WORD}(?:\s{NAME_WORD})?\s(?:{STREET})\b"
)

# Of small letters: to make the text small once is far cheaper than to ignore case at every letter.
PATTERNS = {
    "service": (
        rf"(?<![\d/+.:-])(?:{CLOCK})\s+(?:(?:from\s+)?{NAME}\s+)?(?:to|from)\s+{NAME}"
        rf"|\b(?:train|service|bus|tram)\s+(?:from\s+{NAME}\s+)?to\s+{NAME}"
    ),
    "time": rf"(?<![\d/+.:-])(?:{CLOCK})(?![\d/])",
    "direction": (
        rf"\b(?:north|south|east|west)bound\b"
        rf"|\b(?:towards?|heading (?:to|for)|on (?:its|the) way to)\s+(?:the\s+)?{NAME}"
    ),
    "carriage": (
        r"\b(?:(?:coach|carriage|car|carrage)\s+(?:\d{1,2}|[a-m])\b"
        r"|(?:front|rear|back|middle|first|last|second) (?:coach|carriage|of (?:the )?train)\b)"
    ),
    "place": (
        rf"\b(?:platform\s+\d{{1,2}}[a-d]?\b|[amb]\d{{1,4}}(?:\(m\))?\b|j(?:unction|ct)?\s?\d{{1,2}}\b"
        rf"{STREETS}"
        rf"|(?:flat|no|number)\s+\d{{1,4}}[a-d]?\b|[a-z]{{1,2}}\d[a-z\d]?\s?\d[a-z]{{2}}\b"
        rf"|(?:at|near|outside|behind|opposite|passing|leaving|by)\s+(?:the\s+)?{NAME})"
    ),
}
# Only a message that has such a word is searched for streets, which begin with any word at all.
STREET_WORD = re.compile(rf"\s(?:{STREET})\b")
READY = {kind: re.compile(pattern) for kind, pattern in PATTERNS.items()}
WITHOUT_STREETS = READY | {"place": re.compile(PATTERNS["place"].replace(STREETS, ""))}
# Without such a word, or a digit for what has one, a pattern need not be tried.
NEEDS_A_WORD = {
    "service": frozenset({"train", "service", "bus", "tram"}),
    "time": frozenset[str](),
    "direction": frozenset(
        {"northbound", "southbound", "eastbound", "westbound", "toward", "towards", "heading", "way"}
    ),
    "carriage": frozenset(
        {"coach", "carriage", "car", "carrage", "front", "rear", "back", "middle", "first", "last", "second"}
    ),
    "place": frozenset({"at", "near", "outside", "behind", "opposite", "passing", "leaving", "by"}),
}
OR_A_DIGIT = frozenset({"service", "time", "place"})
# Where these can begin: to find such places first is far cheaper than to try the pattern at every letter.
BEGINS = {
    "service": re.compile(r"(?<!\d)\d|\b(?:train|service|bus|tram)\s"),
    "time": re.compile(r"\d+"),
}
DIGIT = re.compile(r"\d")
MOST_OF_A_KIND = 3
MOST_READ = 2_000


def found(text: str, words: list[Word]) -> Iterator[Found]:
    """Each as written, with where it stands; at most three of a kind, from the first 2,000 characters."""
    small = _small(text[:MOST_READ])
    has_street, has_digit = bool(STREET_WORD.search(small)), bool(DIGIT.search(small))
    said = {word.text for word in words}
    for kind, pattern in (READY if has_street else WITHOUT_STREETS).items():
        by_street, by_digit = has_street and kind == "place", has_digit and kind in OR_A_DIGIT
        if by_street or by_digit or not NEEDS_A_WORD[kind].isdisjoint(said):
            for match in islice(_matches(kind, pattern, small), MOST_OF_A_KIND):
                yield Found(kind, text[match.start() : match.end()].strip(), match.start(), match.end())


def _matches(kind: str, pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    if kind not in BEGINS:
        yield from pattern.finditer(text)
        return
    after = 0
    for begins in BEGINS[kind].finditer(text):
        match = pattern.match(text, begins.start()) if begins.start() >= after else None
        if match:
            after = match.end()
            yield match


def _small(text: str) -> str:
    """In small letters, each where it stood: a few become two, and stay as they are."""
    small = text.lower()
    return small if len(small) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
