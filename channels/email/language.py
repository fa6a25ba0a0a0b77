"""Which language a person writes in, as an ISO 639-1 code."""

from __future__ import annotations

from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

# Fewer letters than these say little: names, places and 'ok thx' look like any language.
LETTERS_NEEDED = 20
SURE = 0.9
LOOKED_AT = 2_000


def language_of(words: str) -> str:
    """For example 'en' or 'cy'; '' when it is not clear, or when ``get_ready`` is not done: no mail waits for that."""
    start = words[:LOOKED_AT]
    if not _identifier.cache_info().currsize or sum(letter.isalpha() for letter in start) < LETTERS_NEEDED:
        return ""
    language, likelihood = _identifier().classify(start)
    return str(language) if likelihood >= SURE else ""


def get_ready() -> None:
    """Load what it knows, which takes seconds on a busy machine."""
    _identifier()


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
