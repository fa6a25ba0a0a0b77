"""When others say that something was written or reached them: whether that can be, and how it is told when not.

What cannot be neither orders nor dates anything: it stands where it came, and says what was said.
"""

from __future__ import annotations

from datetime import UTC, datetime

from routing.events.messages import LATE_SECONDS
from routing.model import Time
from routing.words import duration

DAY = 24 * 3600.0
# No carrier keeps a text for longer before it brings it, and as far back it is asked for those that were missed.
OLDEST = 7 * DAY
# A server's clock may be so far ahead of ours; that of whoever writes a mail may be wrong by its time zone.
SERVER_AHEAD, PERSON_AHEAD = 60.0, DAY
# A mail can have waited on the sender's side too, which only its Date tells, by a clock that may be wrong.
PERSON_LATE = 1800.0


def can_be(said: Time, came: Time, ahead: float = SERVER_AHEAD) -> bool:
    return came - OLDEST <= said <= came + ahead


def impossible(who: str, said: Time, came: Time, ahead: float = SERVER_AHEAD) -> str:
    """What to say of a time that cannot be; '' of one that can. ``who`` says what, for example 'its Date says'."""
    if can_be(said, came, ahead):
        return ""
    return f"{who} {_moment(said)}: it is shown by when it came"


def late(who: str, said: Time, came: Time, after: float = LATE_SECONDS) -> str:
    """What to say of a message that came so much later than ``said``; '' of one that did not."""
    return f"{who} {_moment(said)}, {duration(came - said)} before it came here" if came - said >= after else ""


def _moment(said: Time) -> str:
    return f"{datetime.fromtimestamp(said, UTC):%-d %b %Y %H:%M} UTC"
