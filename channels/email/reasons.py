"""Why a mail did not reach its recipient, in words that a handler can act on.

Source: the enhanced status codes of RFC 3463, section 3, and RFC 7372. The words name no address.
"""

from __future__ import annotations

WORDS = {
    "1.1": "their address is unknown",
    "1.2": "the domain of their address is unknown",
    "1.3": "their address is not valid",
    "1.6": "their mailbox has moved and left no new address",
    "1.10": "their domain takes no mail",
    "2.1": "their mailbox is switched off",
    "2.2": "their mailbox is full",
    "2.3": "the mail is too large for their mailbox",
    "3.4": "the mail is too large for their mail server",
    "4.1": "their mail server did not answer",
    "4.4": "no way to their mail server was found",
    "4.7": "their mail server could not be reached in time",
    "7.1": "their mail server refused it, perhaps as spam",
}
# By the second number, where there are no words for both.
KINDS = {
    "1": "something is wrong with their address",
    "2": "their mailbox takes no mail",
    "3": "their mail server cannot take it",
    "4": "their mail server could not be reached",
    "5": "the two mail servers did not understand each other",
    "6": "their mail server cannot take what is in it",
    "7": "their mail server refused it by its rules, perhaps as spam",
}


def in_words(status: str) -> str:
    """What an enhanced status code such as 5.1.1 means; '' for one that says nothing, and for none."""
    _, _, detail = status.strip().partition(".")
    return WORDS.get(detail) or KINDS.get(detail.partition(".")[0], "")
