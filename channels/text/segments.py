"""How many messages a text becomes on its way: GSM-7 while every character is in GSM 03.38, otherwise UCS-2.

One message holds 160 septets or 70 UTF-16 units; of a longer text each part loses seven septets or three units to the
header that joins them (3GPP TS 23.040). Nothing that takes two places is cut in two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from gsm0338 import Codec  # type: ignore[import-untyped]

GSM = Codec()


@dataclass(frozen=True, slots=True)
class Length:
    """``units``: septets or UTF-16 units. ``beyond``: the characters that make it UCS-2, each once."""

    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    segments: int
    beyond: str = ""


def measured(text: str) -> Length:
    """Shown before a text is sent: one curly quotation mark can more than double what it takes."""
    beyond = "".join(dict.fromkeys(c for c in text if not _septets(c)))
    if beyond:
        return Length("UCS-2", _total(text, _utf16), _parts(text, _utf16, 70, 67), beyond)
    return Length("GSM-7", _total(text, _septets), _parts(text, _septets, 160, 153))


def _parts(text: str, size: Callable[[str], int], alone: int, joined: int) -> int:
    if _total(text, size) <= alone:
        return 1
    parts, room = 1, joined
    for character in text:
        needed = size(character)
        if needed > room:
            parts, room = parts + 1, joined
        room -= needed
    return parts


def _total(text: str, size: Callable[[str], int]) -> int:
    return sum(size(character) for character in text)


def _septets(character: str) -> int:
    """0 for what GSM 03.38 does not have."""
    try:
        return len(GSM.encode(character)[0])
    except UnicodeEncodeError:
        return 0


def _utf16(character: str) -> int:
    return 1 + (ord(character) > 0xFFFF)
