"""The handlers by what they can do, which channels they take and whether they are there, whatever they are doing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from routing.free import ROOM
from routing.model import Channel, Handler, PresenceState


class Group(NamedTuple):
    able: frozenset[str]
    takes: frozenset[Channel]
    presence: PresenceState


class Groups:
    """There are as many as a site has kinds of handlers, however many handlers. Who has changed is put where they
    belong when somebody looks: most changes are of what they have in hand."""

    def __init__(self, handlers: Mapping[str, Handler], able: Mapping[str, frozenset[str]]) -> None:
        self._handlers, self._able = handlers, able
        self._changed: dict[str, None] = {}
        self._of: dict[str, Group] = {}
        self._sizes: Counter[Group] = Counter()

    def note(self, handler: str) -> None:
        """This handler has changed, or is one no more."""
        self._changed[handler] = None

    def __iter__(self) -> Iterator[Group]:
        """Those that somebody belongs to."""
        self._put_changed()
        return iter(self._sizes)

    def of(self, handler: str) -> Group:
        self._put_changed()
        return self._of[handler]

    def _put_changed(self) -> None:
        while self._changed:
            self._put(self._changed.popitem()[0])

    def _put(self, handler_id: str) -> None:
        handler, was = self._handlers.get(handler_id), self._of.pop(handler_id, None)
        if was is not None:
            self._sizes[was] -= 1
            if not self._sizes[was]:
                del self._sizes[was]
        if handler is not None:
            takes = ROOM[bool(handler.extension), handler.text_capacity > 0, handler.email_capacity > 0]
            group = self._of[handler_id] = Group(self._able[handler_id], takes, handler.presence.state)
            self._sizes[group] += 1
