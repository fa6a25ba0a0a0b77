"""Bytes of unknown origin into text that is safe to store, show and log."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# C0 and C1 controls but tab and newline; unpaired surrogates; non-characters that XML and JSON readers reject.
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
# Overrides and isolates of writing direction can make a name read as another one ("annexe.exe" as "annexexe.").
DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
SPACES = re.compile(r"\s+")

# The WHATWG encoding standard reads these as their Windows superset, which is what senders mean.
SUPERSETS = {"iso8859-1": "cp1252", "ascii": "utf-8", "gb2312": "gb18030", "ks_c_5601-1987": "cp949"}
# Codecs for host names; punycode takes quadratic time.
NOT_FOR_TEXT = {"idna", "punycode"}


def decode(data: bytes, charset: str, problems: list[str]) -> str:
    """The bytes as text. A charset that is unknown or wrong gives UTF-8 if it fits, else Windows-1252."""
    for name in (charset or "utf-8", "utf-8"):
        try:
            return data.decode(_codec(name))
        except (LookupError, ValueError):
            problems.append(f"the text is not valid {one_line(name, 40)}")
    return data.decode("cp1252", "replace")


def _codec(charset: str) -> str:
    name = codecs.lookup(charset.strip().lower()).name
    if name in NOT_FOR_TEXT:
        raise LookupError(name)
    return SUPERSETS.get(name, name)


def clean(text: str, limit: int) -> str:
    """Several lines, ended by LF, without control characters, at most ``limit`` characters."""
    text = text[: 2 * limit].replace("\r\n", "\n").replace("\r", "\n")
    return CONTROLS.sub("", text)[:limit]


def one_line(text: str, limit: int) -> str:
    """One line without control or direction characters; nothing in it can start a header or hide what it says."""
    text = SPACES.sub(" ", text[: 4 * limit])
    return DIRECTION.sub("", CONTROLS.sub("", text)).strip()[:limit]


def attempt(work: Callable[[], T], otherwise: T, problem: str, problems: list[str]) -> T:
    """What ``work`` gives, or ``otherwise`` and one more problem.

    The standard library's mail parser raises nearly every kind of exception on hostile mail (AttributeError,
    IndexError, LookupError, RecursionError, ...); this is the one place that catches them.
    """
    try:
        return work()
    except Exception:  # noqa: BLE001 - reported in the mail's own list of problems
        problems.append(problem)
        return otherwise
