"""References that can be read out on a bad line: eight letters and digits, none that sound or look alike."""

from __future__ import annotations

import re
import secrets

# No 0 O 1 I L (look alike), no B D P T V (sound alike), no vowels (no words by accident).
ALPHABET = "2346789CFGHJKMNQRSWXYZ"


def new_reference() -> str:
    """For example ``K7M2-9QXR``: 22^8, about 5 * 10^10 of them."""
    number, letters = secrets.randbelow(len(ALPHABET) ** 8), ""
    for _ in range(8):
        number, letter = divmod(number, len(ALPHABET))
        letters += ALPHABET[letter]
    return f"{letters[:4]}-{letters[4:]}"


def as_written(reference: str) -> str:
    """As it was given out, however it is typed: ``k7m29qxr`` and ``K7M2 9QXR`` are ``K7M2-9QXR``. What no change of
    case, spaces or dashes makes a reference is left as it is."""
    bare = re.sub(r"[\s\u2010-\u2015-]+", "", reference).upper()
    return f"{bare[:4]}-{bare[4:]}" if re.fullmatch(r"[0-9A-Z]{8}", bare) else reference


def new_id() -> str:
    """An id for what has no reference of its own: messages, follow-ups."""
    return secrets.token_hex(8)
