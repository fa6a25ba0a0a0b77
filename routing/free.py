"""The handlers who are within reach for something, in the order of their turn: by what they can do and for what."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import NamedTuple

from routing.model import Channel

Able = frozenset[str]
# How many contacts they have on offer, and then by how the site chooses (``routing.turns``): the least first.
Turn = tuple[int, float]
NO_CHANNELS: frozenset[Channel] = frozenset()
# By ``Reach``: the channels of which a handler can be offered one contact more by going so far, and not before.
Reachable = tuple[frozenset[Channel], frozenset[Channel], frozenset[Channel]]
OUT_OF_REACH: Reachable = (NO_CHANNELS, NO_CHANNELS, NO_CHANNELS)
# By whether there is room for a call, a text, an email.
ROOM = {
    (voice, text, email): frozenset(c for c, room in zip(Channel, (voice, text, email), strict=True) if room)
    for voice in (True, False)
    for text in (True, False)
    for email in (True, False)
}


class Spot(NamedTuple):
    """Where a handler stands: ``turn``, the least first, among those who can do as much and are free for the same."""

    turn: Turn
    able: Able
    channels: frozenset[Channel]


class FreeHandlers:
    """Those whom one ``Reach`` adds to the ones before it."""

    def __init__(self) -> None:
        self._spots: dict[str, Spot] = {}
        self._groups: dict[tuple[Able, frozenset[Channel]], list[tuple[Turn, str]]] = {}

    def put(self, handler: str, spot: Spot | None) -> bool:
        """None: free for nothing. Whether they are free for more than before, or can do more."""
        was = self._spots.get(handler)
        if spot == was:
            return False
        if was is not None:
            self._leave(handler, was)
        if spot is None:
            return False
        self._spots[handler] = spot
        insort(self._groups.setdefault((spot.able, spot.channels), []), (spot.turn, handler))
        return was is None or not (spot.channels <= was.channels and spot.able <= was.able)

    def _leave(self, handler: str, was: Spot) -> None:
        del self._spots[handler]
        group = self._groups[was.able, was.channels]
        del group[bisect_left(group, (was.turn, handler))]
        if not group:
            del self._groups[was.able, was.channels]

    def is_free(self, handler: str, channel: Channel) -> bool:
        spot = self._spots.get(handler)
        return spot is not None and channel in spot.channels

    def channels(self, handler: str) -> frozenset[Channel]:
        """For which this handler is free."""
        spot = self._spots.get(handler)
        return NO_CHANNELS if spot is None else spot.channels

    def of(self, channel: Channel) -> Iterator[tuple[Able, list[tuple[Turn, str]]]]:
        """The groups of those who are free for this channel: what they can do, and their turns, the next first."""
        for (able, channels), turns in self._groups.items():
            if channel in channels:
                yield able, turns

    def stands(self, handler: str) -> frozenset[Channel]:
        """The channels for which the handler stands among the free. For checking."""
        spot = self._spots.get(handler)
        if spot is None or (spot.turn, handler) not in self._groups.get((spot.able, spot.channels), ()):
            return NO_CHANNELS
        return spot.channels
