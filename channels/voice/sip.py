"""Reading what matters out of a raw SIP message (RFC 3261 section 7.3), and refusing what must not go into one."""

from __future__ import annotations

import re
from urllib.parse import unquote

from channels.voice.messages import Arrived

_COMPACT = {
    "b": "referred-by",
    "c": "content-type",
    "f": "from",
    "i": "call-id",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "v": "via",
}
MOST_HEADERS = 200
LONGEST_VALUE = 2000

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_TAG = re.compile(r";\s*tag\s*=\s*([^;,\s>]+)", re.IGNORECASE)
_NAME_ADDR = re.compile(r'^\s*(?:"((?:[^"\\]|\\.)*)"|([^<"]*?))\s*<([^<>]*)>')

_REFER_TO = re.compile(r"<?sips?:([+0-9]{2,16})@[^?<>\s]+(?:\?Replaces=([^?&<>\s]{1,600}))?>?", re.IGNORECASE)

Headers = tuple[tuple[str, str], ...]


def headers(message: str) -> Headers:
    """(lower-case full name, value) in order; folded lines joined; long values cut."""
    found: list[tuple[str, str]] = []
    for line in message.partition("\r\n\r\n")[0].split("\r\n")[1 : MOST_HEADERS + 1]:
        if line[:1] in (" ", "\t") and found:
            name, value = found[-1]
            found[-1] = (name, f"{value} {line.strip()}"[:LONGEST_VALUE])
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            found.append((_COMPACT.get(name, name), value.strip()[:LONGEST_VALUE]))
    return tuple(found)


def first(fields: Headers, name: str) -> str:
    return next((value for key, value in fields if key == name), "")


def outside(number: str, domain: str) -> str:
    """Where a number outside is called; ``number`` as ``as_dialled`` gives it. A short code (111) says that it is a
    telephone number and no extension of ours (RFC 3261 section 19.1.1)."""
    return f"sip:{number}@{domain}" if number.startswith("+") else f"sip:{number}@{domain};user=phone"


def tag(value: str) -> str:
    """The dialog tag of a From or To value; '' without one."""
    parameters = value.rpartition(">")[2] if "<" in value else value
    match = _TAG.search(parameters)
    return match[1] if match else ""


def name_and_uri(value: str) -> tuple[str, str]:
    """The display name and the URI of a From or To value."""
    match = _NAME_ADDR.match(value)
    if match is None:
        return "", value.partition(";")[0].strip()
    quoted, bare, uri = match.groups()
    return re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else (bare or "").strip(), uri.strip()


def refer_to(value: str) -> tuple[str, str]:
    """The extension or number that a Refer-To names, and the value of its Replaces; '' for what is not there.

    The host is left out: who keys a number at a phone means it in our domain.
    """
    match = _REFER_TO.fullmatch(value.strip())
    replaces = unquote(match[2] or "") if match else ""
    return ("", "") if match is None or has_control_characters(replaces) else (match[1], replaces)


def arrived(message: str, source: str) -> Arrived:
    """What an INVITE says. Bytes that are not UTF-8 become question marks."""
    message = message.encode("utf-8", "replace").decode("utf-8")
    fields = headers(message)
    from_name, from_uri = name_and_uri(first(fields, "from"))
    request_line = message.partition("\r\n")[0].split(" ")
    return Arrived(
        sip_call_id=first(fields, "call-id"),
        from_uri=from_uri,
        from_name=from_name,
        to_uri=name_and_uri(first(fields, "to"))[1],
        request_uri=request_line[1] if len(request_line) > 1 else "",
        source=source,
        headers=fields,
    )


def has_control_characters(text: str) -> bool:
    """Whether ``text`` could smuggle a header of its own into a message."""
    return _CONTROL.search(text) is not None
