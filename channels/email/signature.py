"""Our reference in a subject or an address, signed for one person.

A reference alone can be guessed, overheard or passed on; with its signature only the person to whom we wrote it can
bring it back, so it joins their conversation. A bare one, or one signed for somebody else, only links.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# As gateway/references.py makes them, and mail programs may lower their case.
REFERENCE = r"[2-9A-Z]{4}-[2-9A-Z]{4}"
QUOTED = re.compile(rf"(?<![A-Z0-9-])({REFERENCE})(?:\.([A-Z2-7]{{8}}))?(?![A-Z0-9-])", re.IGNORECASE)
TAG = re.compile(rf"\s*\[{REFERENCE}(?:\.[A-Z2-7]{{8}})?\]", re.IGNORECASE)
SIGNATURE_LETTERS = 8
LOOKED_AT = 10


@dataclass(frozen=True, slots=True)
class Quoted:
    """A reference that a mail brings; ``signed``: we wrote it to this very address."""

    reference: str
    signed: bool


class Signer:
    """Signs with HMAC-SHA256, cut to 40 bits: a guess costs a mail each."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def signed(self, reference: str, address: str) -> str:
        """For example 'K7M2-9QXR.MFZWIZTH'."""
        return f"{reference}.{self._signature(reference, address)}"

    def quoted(self, places: Iterable[str], address: str) -> Iterator[Quoted]:
        """The references in these texts, the last first, as brought by this address; at most ten of each text."""
        for place in places:
            for match in reversed(list(QUOTED.finditer(place))[-LOOKED_AT:]):
                reference, signature = match[1].upper(), (match[2] or "").upper()
                genuine = hmac.compare_digest(signature, self._signature(reference, address))
                yield Quoted(reference, signed=genuine)

    def _signature(self, reference: str, address: str) -> str:
        digest = hmac.digest(self._secret, f"{reference}\n{address.lower()}".encode(), hashlib.sha256)
        return base64.b32encode(digest).decode()[:SIGNATURE_LETTERS]


def untagged(subject: str) -> str:
    """The subject without references in square brackets."""
    return TAG.sub("", subject).strip()
