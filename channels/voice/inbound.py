"""Who is calling: read from the headers of an INVITE.

The network's own statement (P-Asserted-Identity, RFC 3325) goes before what the caller's side writes in From
(RFC 3261, 20.20). ``Privacy: id`` (RFC 3323) withholds the number.
"""

from __future__ import annotations

import re

import phonenumbers

from channels.voice.messages import Arrived
from config.settings import Voice, VoiceNumber
from routing.model import Party

KEPT = ("from", "to", "p-asserted-identity", "diversion", "privacy", "call-id", "x-requested-uri", "geolocation")
LONGEST_VALUE = 500

_ADDRESS = re.compile(r'^\s*(?:"(?P<quoted>[^"]*)"|(?P<plain>[^<"]*?))\s*<?(?:sips?|tel):(?P<user>[^@;>\s]+)')


def party_of(arrived: Arrived) -> Party:
    """The caller; a withheld number is the address ''."""
    headers = dict(reversed(arrived.headers))
    if any(word in headers.get("privacy", "").lower().split(";") for word in ("id", "user", "header")):
        return Party("")
    name, user = _address(headers.get("p-asserted-identity", "") or headers.get("from", "") or arrived.from_uri)
    if user.lower() in ("", "anonymous", "unavailable", "restricted", "unknown"):
        return Party("")
    return Party(number(user), name)


def number(user: str) -> str:
    """E.164 where it is a British or international number, otherwise as it stands."""
    try:
        parsed = phonenumbers.parse(user, "GB")
    except phonenumbers.NumberParseException:
        return user[:80]
    if not phonenumbers.is_possible_number(parsed):
        return user[:80]
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))


def called_number(arrived: Arrived) -> str:
    """Which of our numbers was called."""
    _, user = _address(f"<{arrived.request_uri}>")
    return user[:80]


def number_called(called: str, voice: Voice) -> VoiceNumber | None:
    """The number of ours that was called; international or national spelling is the same number."""
    wanted = number(called)
    return next((n for n in voice.numbers if number(n.number) == wanted), None)


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
    return name[:80], found["user"]
