"""What a person wrote in a mail, without the earlier mail that it quotes."""

from __future__ import annotations

import re

QUOTED_LINE = re.compile(r"\s*>|\s*(?:On|Le|Am|Ar)\b.{4,200}\b(?:wrote|a écrit|schrieb|ysgrifennodd)\s*:\s*$")
# Outlook puts the whole earlier mail below such a line.
REST_IS_QUOTED = re.compile(
    r"\s*-{2,}\s*(?:Original Message|Forwarded message)\s*-{2,}|\s*From:\s.+$|_{20,}\s*$", re.IGNORECASE
)


def own_words(text: str) -> str:
    """The text without quoted lines; all of it when nothing else is left, as in a mail that is passed on."""
    own: list[str] = []
    for line in text.splitlines():
        if REST_IS_QUOTED.match(line) and any(said.strip() for said in own):
            break
        if not QUOTED_LINE.match(line):
            own.append(line)
    written = "\n".join(own).strip()
    return written or text
