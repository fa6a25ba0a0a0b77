"""The words by which people stop and start texts from a number.

A whole text and nothing else: 'stop him' is a plea, not a wish. Twilio's own lists:
https://help.twilio.com/articles/223134027.
"""

from __future__ import annotations

from typing import Literal

STOP = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "optout", "revoke"})
START = frozenset({"start", "unstop", "optin"})
AGAIN = frozenset({"yes"})  # a start of whoever has stopped; of all others it answers a question


def asked(body: str, *, stopped: bool = False) -> Literal["", "stop", "start"]:
    """What the text asks for, if it is one of those words alone. ``stopped``: they want no texts now.

    HELP and INFO are not among them: HELP may be a cry for help, and is judged like any text.
    """
    word = body.strip().strip(".!").casefold()
    if word in STOP:
        return "stop"
    return "start" if word in START or (stopped and word in AGAIN) else ""
