"""Letters of other alphabets that look like Latin ones, so that "help" can be written with a Cyrillic e.

For judging what a text says, never for showing it. Few enough to be looked through: whatever a person reads as the
Latin letter, in capitals or small letters.
"""

from __future__ import annotations

import re

CYRILLIC = dict(
    zip("АВЕЅІЈКМНОРСТУҮХӀаеѕіјкмнорстухүһԁԛԝӏвпг", "ABESIJKMHOPCTYYXlaesijkmhopctyxyhdqwlbnr", strict=True)
)
GREEK = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαβεγικνορτυχωημ", "ABEZHIKMNOPTYXabeyikvoptuxwnu", strict=True))
LATIN = {"ı": "i", "ɡ": "g", "ɑ": "a", "ʏ": "y", "ɪ": "i"}
LOOKS_LIKE = str.maketrans(CYRILLIC | GREEK | LATIN)
WORD = re.compile(r"\w+")


def unmasked(word: str) -> str:
    """In Latin letters, if each of its others looks like one; else as it is: it is a word of another language."""
    plain = word.translate(LOOKS_LIKE)
    return plain if plain.isascii() else word


def unmasked_words(text: str) -> str:
    return text if text.isascii() else WORD.sub(lambda word: unmasked(word[0]), text)
