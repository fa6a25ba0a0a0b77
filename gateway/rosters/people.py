"""Whom an HR system means: by a name of its own from the configuration, a handler's id, their name, or their email.

An email address is a handler's when the part before the @ is their id. Upper and lower case are the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from routing.model import Handler

# What stands between the parts of a calendar entry's summary: "Amy Ash - Early", "N: Ben Beck (crc)".
BETWEEN = re.compile(r"\s+[-–—]\s+|[:;,|/()\[\]]")


class People:
    """``names``: the HR system's own name, number or address of somebody, with the handler's id."""

    def __init__(self, handlers: Mapping[str, Handler], names: Mapping[str, str]) -> None:
        self._by_text: dict[str, set[str]] = {}
        for handler in handlers.values():
            self._know(handler.id, handler.id)
            self._know(handler.name, handler.id)
        for text, handler_id in names.items():
            self._by_text[_folded(text)] = {handler_id} & handlers.keys()
        self._longest_first = sorted(self._by_text, key=len, reverse=True)

    def _know(self, text: str, handler: str) -> None:
        self._by_text.setdefault(_folded(text), set()).add(handler)

    def called(self, text: str) -> str:
        """The one handler who is called so, '' for nobody or for several."""
        folded = _folded(text).removeprefix("mailto:")
        found = self._by_text.get(folded) or self._by_text.get(folded.partition("@")[0] if "@" in folded else "", set())
        return next(iter(found)) if len(found) == 1 else ""

    def unknown(self, text: str) -> str:
        """Why ``called`` finds nobody."""
        folded, shown = _folded(text).removeprefix("mailto:"), text[:60]
        if not folded:
            return "is missing"
        named = self._by_text.get(folded)
        if named:
            return f"{len(named)} handlers are called '{shown}' ({', '.join(sorted(named))}): give the handler's id"
        if named is not None:
            return f"rosters.people gives '{shown}' to a handler whom there is not"
        return f"there is no handler '{shown}'; if it is the HR system's name for one, put it in rosters.people"

    def among(self, texts: Iterable[str]) -> str:
        """The first who is called one of these."""
        return next(iter(self.all_among(texts)), "")

    def all_among(self, texts: Iterable[str]) -> list[str]:
        """Everybody who is called one of these, each once."""
        return list(dict.fromkeys(handler for text in texts if (handler := self.called(text))))

    def in_uid(self, uid: str) -> str:
        """Whose UID it is: it begins with what they are called, and goes on with no letter or digit."""
        folded = _folded(uid)
        for text in self._longest_first:
            if text and folded.startswith(text) and not folded[len(text) : len(text) + 1].isalnum():
                return self.called(text)
        return ""


def parts(summary: str) -> list[str]:
    """The whole first, then what its separators part."""
    return [summary, *(part.strip() for part in BETWEEN.split(summary) if part.strip())]


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
