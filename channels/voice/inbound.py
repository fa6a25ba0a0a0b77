"""Who is calling: read from the headers of an INVITE.

The network's own statement (P-Asserted-Identity, RFC 3325) goes before what the caller's side writes in From
(RFC 3261, 20.20). ``Privacy: id`` (RFC 3323) withholds the number, and so does a caller's side that writes no
number in From, whatever the network says.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from channels.voice.messages import Arrived
from config.menus import VoiceNumber
from config.numbers import e164
from config.voice import Voice
from routing.model import Party

KEPT = ("from", "to", "p-asserted-identity", "diversion", "privacy", "call-id", "x-requested-uri", "geolocation")
LONGEST_VALUE = 500
PRIVATE = frozenset({"id", "user", "header"})
NOBODY = frozenset({"anonymous", "unavailable", "restricted", "unknown"})

_ADDRESS = re.compile(r'^\s*(?:"(?P<quoted>[^"]*)"|(?P<plain>[^<"]*?))\s*<?(?:sips?|tel):(?P<user>[^@;>\s]+)')


def party_of(arrived: Arrived) -> Party:
    """The caller; a withheld number is the address ''."""
    headers = dict(reversed(arrived.headers))
    wished = {word.strip() for word in headers.get("privacy", "").lower().split(";")}
    sender, asserted = headers.get("from", "") or arrived.from_uri, headers.get("p-asserted-identity", "")
    if wished & PRIVATE or _address(sender)[1].lower() in NOBODY:
        return Party("")
    name, user = _address(asserted or sender)
    if user.lower() in ("", *NOBODY):
        return Party("")
    return Party(e164(user), name)


def called_number(arrived: Arrived) -> str:
    """Which of our numbers was called."""
    _, user = _address(f"<{arrived.request_uri}>")
    return user[:80]


def number_called(called: str, voice: Voice) -> VoiceNumber | None:
    """The number of ours that was called; international or national spelling is the same number."""
    wanted = e164(called)
    return next((n for n in voice.numbers if e164(n.number) == wanted), None)


def queue_of(called: str, voice: Voice) -> str:
    """The queue in which its callers' contacts are opened."""
    listed = number_called(called, voice)
    return listed.queue if listed else voice.default_queue


def kept_headers(arrived: Arrived) -> tuple[tuple[str, str], ...]:
    """The headers that belong in the contact's record."""
    return tuple((name, value[:LONGEST_VALUE]) for name, value in arrived.headers if name in KEPT)


def _address(value: str) -> tuple[str, str]:
    found = _ADDRESS.match(value)
    if found is None:
        return "", ""
    name = (found["quoted"] or found["plain"] or "").strip()
    return name[:80], unquote(found["user"])
