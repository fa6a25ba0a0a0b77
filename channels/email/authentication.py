"""What our own mail server found out about the sender (RFC 8601). Anybody can write such a header: only one that names
a server we trust counts, and of several the topmost, which was added last."""

from __future__ import annotations

import re
from collections.abc import Collection
from email.message import Message

from channels.email import headers

SHOWN = ("spf", "dkim", "dmarc")
COMMENT = re.compile(r"\([^()]*\)")
RESULT = re.compile(r"^\s*([a-z0-9-]+)(?:/\d+)?\s*=\s*([a-z]+)", re.IGNORECASE)


def results(message: Message, trusted: Collection[str]) -> str:
    """For example 'spf=pass dkim=fail dmarc=none'; '' when no trusted server says anything."""
    for value in headers.values(message, "Authentication-Results"):
        server, _, rest = COMMENT.sub(" ", value).partition(";")
        if server.split()[:1] and server.split()[0].lower() in trusted:
            return _shown(rest)
    return ""


def _shown(rest: str) -> str:
    """The first result of each method, but a pass where there is one: a mail may carry several DKIM signatures."""
    found: dict[str, str] = {}
    for part in rest.split(";"):
        match = RESULT.match(part)
        if match and (match[1].lower() not in found or match[2].lower() == "pass"):
            found[match[1].lower()] = match[2].lower()
    return " ".join(f"{method}={found[method]}" for method in SHOWN if method in found)
