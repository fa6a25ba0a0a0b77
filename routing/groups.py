"""The handlers by what they can do, which channels they take and whether they are there, whatever they are doing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from routing.free import ROOM
from routing.model import Channel, Handler, PresenceState


class Group(NamedTuple):
    able: frozenset[str]
    takes: frozenset[Channel]
    presence: PresenceState


class Groups:
    """There are as many as a site has kinds of handlers, however many handlers."""

    def __init__(self) -> None:
        self._of: dict[str, Group] = {}
        self._sizes: Counter[Group] = Counter()

    def __iter__(self) -> Iterator[Group]:
        """Those that somebody belongs to."""
        return iter(self._sizes)

    def of(self, handler: str) -> Group:
        return self._of[handler]

    def put(self, handler: Handler, able: frozenset[str]) -> None:
        takes = ROOM[bool(handler.extension), handler.text_capacity > 0, handler.email_capacity > 0]
        group, was = Group(able, takes, handler.presence.state), self._of.get(handler.id)
        if group != was:
            self.remove(handler.id)
            self._of[handler.id] = group
            self._sizes[group] += 1

    def remove(self, handler: str) -> None:
        group = self._of.pop(handler, None)
        if group is None:
            return
        self._sizes[group] -= 1
        if not self._sizes[group]:
            del self._sizes[group]
