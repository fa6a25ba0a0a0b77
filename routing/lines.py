"""Who waits, in the order of service: by what they need of a handler, and by the line of their queue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from sortedcontainers import SortedList

from routing.model import Channel, Need, Rank, Reach

Line = tuple[str, Channel]
Able = frozenset[str]
Waiting = tuple[Need, "SortedList[Rank]"]


class Place(NamedTuple):
    """Where a contact waits."""

    need: Need
    rank: Rank
    line: Line


class Lines:
    """Who moves is put in order when somebody looks: most find a free handler at once and never stand in a line.

    A need that anybody may meet is kept when nobody waits with it any more: it is soon wanted again, and there are no
    more of them than the rules have queues and steps."""

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}
        self._standing: dict[str, Place] = {}
        self._moved: dict[str, None] = {}
        self._open: dict[Need, SortedList[Rank]] = {}
        self._alone: dict[str, dict[Need, SortedList[Rank]]] = {}
        self._suiting: dict[tuple[Able, Reach], list[Waiting]] = {}
        self._lines: defaultdict[Line, SortedList[Rank]] = defaultdict(SortedList)

    # --- reading -------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """How many wait."""
        return len(self._places)

    def place_of(self, reference: str) -> Place | None:
        return self._places.get(reference)

    def suiting(self, handler: str, able: Able, least: Reach) -> Iterator[Waiting]:
        """Those who wait and whom this handler, who is ``able`` to do so much, could serve: by need, first in line
        first. Only those for whom we go at ``least`` so far."""
        self._put_in_order()
        known = self._suiting.get((able, least))
        if known is None:
            known = self._suiting[able, least] = [p for p in self._open.items() if _suits(p[0], able, least)]
        for pair in known:
            if pair[1]:
                yield pair
        if handler in self._alone:
            yield from (pair for pair in self._alone[handler].items() if _suits(pair[0], able, least))

    def with_need(self, need: Need) -> SortedList[Rank]:
        """Those who wait with this need, first in line first."""
        self._put_in_order()
        ranks = self._alone.get(need.only, {}).get(need) if need.only else self._open.get(need)
        return SortedList() if ranks is None else ranks

    def in_line(self, line: Line) -> SortedList[Rank]:
        """Those who wait in this queue for this channel."""
        self._put_in_order()
        return self._lines[line]

    def lines(self) -> Iterator[tuple[Line, SortedList[Rank]]]:
        self._put_in_order()
        yield from self._lines.items()

    def needs(self) -> Iterator[Waiting]:
        """Every need that somebody waits with."""
        self._put_in_order()
        yield from (pair for pair in self._open.items() if pair[1])
        for known in self._alone.values():
            yield from known.items()

    # --- changing ------------------------------------------------------------------------------------

    def move(self, reference: str, place: Place | None) -> None:
        """From where it waits, if it does, to this place; None: it waits no more."""
        self._moved[reference] = None
        if place is None:
            self._places.pop(reference, None)
        else:
            self._places[reference] = place

    def _put_in_order(self) -> None:
        while self._moved:
            reference = self._moved.popitem()[0]
            old, new = self._standing.pop(reference, None), self._places.get(reference)
            if old is not None:
                self._lines[old.line].remove(old.rank)
                self._leave(old)
            if new is not None:
                self._standing[reference] = new
                self._lines[new.line].add(new.rank)
                self._ranks(new.need).add(new.rank)

    def _leave(self, place: Place) -> None:
        need = place.need
        if not need.only:
            self._open[need].remove(place.rank)
            return
        known = self._alone[need.only]
        known[need].remove(place.rank)
        if not known[need]:
            del known[need]
            if not known:
                del self._alone[need.only]

    def _ranks(self, need: Need) -> SortedList[Rank]:
        if need.only:
            return self._alone.setdefault(need.only, {}).setdefault(need, SortedList())
        ranks = self._open.get(need)
        if ranks is None:
            ranks = self._open[need] = SortedList()
            for (able, least), known in self._suiting.items():
                if _suits(need, able, least):
                    known.append((need, ranks))
        return ranks


def _suits(need: Need, able: Able, least: Reach) -> bool:
    return need.reach >= least and need.able <= able
