"""Why somebody who was rung did not answer, in words for people, from SIP's status (RFC 3261, 21)."""

from __future__ import annotations

WORDS = {
    404: "there is no such number",
    408: "did not answer",
    410: "there is no such number any more",
    480: "could not be reached",
    484: "the number is not complete",
    486: "was busy",
    487: "did not answer",
    600: "was busy",
    603: "declined the call",
    604: "there is no such number",
}


def unanswered(code: int) -> str:
    """For example ``was busy (SIP 486)``."""
    return f"{WORDS.get(code, 'could not be reached')} (SIP {code})"
