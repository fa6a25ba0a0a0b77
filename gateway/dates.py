"""When others say that something was written or reached them: whether that can be, and how it is told when not.

What cannot be neither orders nor dates anything: it stands where it came, and says what was said.
"""

from __future__ import annotations

from datetime import UTC, datetime

from routing.model import Time

DAY = 24 * 3600.0
# No carrier keeps a text for longer before it brings it, and as far back it is asked for those that were missed.
OLDEST = 7 * DAY
# A server's clock may be so far ahead of ours; that of whoever writes a mail may be wrong by its time zone.
SERVER_AHEAD, PERSON_AHEAD = 60.0, DAY


def can_be(said: Time, came: Time, ahead: float = SERVER_AHEAD) -> bool:
    return came - OLDEST <= said <= came + ahead


def impossible(who: str, said: Time, came: Time, ahead: float = SERVER_AHEAD) -> str:
    """What to say of a time that cannot be; '' of one that can. ``who`` says what, for example 'its Date says'."""
    if can_be(said, came, ahead):
        return ""
    return f"{who} {datetime.fromtimestamp(said, UTC):%-d %b %Y %H:%M} UTC: it is shown by when it came"
