"""The words by which people stop and start texts from a number.

A whole text and nothing else: 'stop him' is a plea, not a wish. Twilio's own lists:
https://help.twilio.com/articles/223134027.
"""

from __future__ import annotations

from typing import Literal

STOP = frozenset({"stop", "stopall", "unsubscribe", "end", "quit", "optout", "revoke"})
START = frozenset({"start", "unstop", "optin"})


def asked(body: str) -> Literal["", "stop", "start"]:
    """What the text asks for, if it is one of those words alone."""
    word = body.strip().strip(".!").casefold()
    if word in STOP:
        return "stop"
    return "start" if word in START else ""
