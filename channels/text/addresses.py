"""The addresses in texts, as carriers write them, brought into one spelling."""

from __future__ import annotations

import re

from config.numbers import WHATSAPP, e164

SHORT_CODE = re.compile(r"[0-9]{3,8}")
E164 = re.compile(r"\+[1-9][0-9]{6,14}")
DIALLED = re.compile(r"\+?[0-9 ()-]{5,30}")


def address(raw: str) -> tuple[str, bool]:
    """The address in E.164 where it is a telephone number, and whether a text sent to it can arrive.

    A number on WhatsApp keeps its ``whatsapp:``, which an answer needs."""
    if raw.startswith(WHATSAPP):
        number, can_reply = address(raw.removeprefix(WHATSAPP))
        return f"{WHATSAPP}{number}", can_reply
    if SHORT_CODE.fullmatch(raw) or not DIALLED.fullmatch(raw):
        return storable(raw), False
    # A number whose length looks wrong is still tried: rather a refused answer than an unanswered person.
    found = e164(raw)
    return found, bool(E164.fullmatch(found))


def unanswerable(sender: str) -> str:
    """Why no text can be sent to who wrote, in plain words; '' when one can, or when they are not named."""
    named = sender.removeprefix(WHATSAPP)
    if not named or address(sender)[1]:
        return ""
    what = "a short code" if SHORT_CODE.fullmatch(named) else "no telephone number"
    return f"{named} is {what}: no text can be sent there. Find another way to reach whoever wrote"


def storable(text: str) -> str:
    """PostgreSQL stores no NUL, and nothing can send half a character on; a text must not be lost to one."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
