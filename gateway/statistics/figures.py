"""Counts facts into figures. No I/O: waits, handlings and spells go in, one row for each group and interval comes out.

Every wait is counted in the interval in which it began, so that offered is the sum of all outcomes; time is cut
exactly at the edges of intervals. What each figure means: docs/statistics.md.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Literal

from gateway.simulate.measures import percentile
from gateway.statistics.facts import Handling, Spell, Wait
from gateway.statistics.intervals import Intervals
from gateway.statistics.level import kept
from routing.model import PresenceState, Time

By = Literal["queue", "channel", "centre", "handler"]
Key = tuple[int, str]
Stretch = tuple[Time, Time]
# Of a queue that is not configured any more.
UNKNOWN_TARGET = 30.0
UNKNOWN_THRESHOLD = 60.0


@dataclass(frozen=True, slots=True)
class Targets:
    """``target``: seconds within which a queue's people should be answered; ``threshold``: hang-ups before it are not
    counted as abandoned. Both by queue; one that is not known any more has the defaults."""

    target: Mapping[str, float]
    threshold: Mapping[str, float]
    default_target: float = UNKNOWN_TARGET
    default_threshold: float = UNKNOWN_THRESHOLD

    def target_of(self, queue: str) -> float:
        return self.target.get(queue, self.default_target)

    def threshold_of(self, queue: str) -> float:
        return self.threshold.get(queue, self.default_threshold)


@dataclass(frozen=True, slots=True)
class Spread:
    """Seconds; None of nobody. The median and the 90th percentile by nearest rank."""

    count: int
    mean: float | None = None
    median: float | None = None
    p90: float | None = None
    longest: float | None = None


@dataclass(frozen=True, slots=True)
class Band:
    """How many waited ``from_seconds`` or longer, but less than ``to_seconds`` (None: without end)."""

    from_seconds: float
    to_seconds: float | None
    answered: int
    abandoned: int


@dataclass(frozen=True, slots=True)
class Figures:
    """``begins`` and ``ends`` in local time. ``group``: '' for what belongs to none, so that the rows add up to all.
    Seconds are means, None of nobody. ``service_level_offered``: whom the service level is of."""

    group: str
    begins: datetime
    ends: datetime
    offered: int
    answered: int
    abandoned: int
    abandoned_early: int
    waiting: int
    callback: int
    voicemail: int
    passed: int
    control_room: int
    cut_off: int
    ended: int
    before_queue: int
    led_on: int
    emergencies: int
    answered_in_target: int
    control_room_in_target: int
    waiting_past_target: int
    service_level_offered: int
    service_level: float | None
    wait: Spread
    wait_at_hang_up: Spread
    bands: tuple[Band, ...]
    put_back: int
    put_back_answered: int
    put_back_abandoned: int
    wait_after_put_back: Spread
    handled: int
    talk_seconds: float | None
    hold_seconds: float | None
    wrap_up_seconds: float | None
    handling_seconds: float | None
    follow_ups: int
    follow_ups_reached: int
    staffed_seconds: float
    busy_seconds: float
    away_seconds: float
    occupancy: float | None


def _seconds() -> array[float]:
    return array("d")


@dataclass(slots=True)
class _Tally:
    outcomes: Counter[str] = field(default_factory=Counter)
    waits: array[float] = field(default_factory=_seconds)
    hang_ups: array[float] = field(default_factory=_seconds)
    again: Counter[str] = field(default_factory=Counter)
    waits_again: array[float] = field(default_factory=_seconds)
    early: int = 0
    in_target: Counter[str] = field(default_factory=Counter)
    waiting_past_target: int = 0
    level_offered: int = 0
    led_on: int = 0
    emergencies: int = 0
    follow_ups: int = 0
    reached: int = 0
    talk: array[float] = field(default_factory=_seconds)
    hold: array[float] = field(default_factory=_seconds)
    wrap_up: array[float] = field(default_factory=_seconds)


class Count:
    """``group``: '' stands for nobody in particular, so that the rows always add up to all."""

    def __init__(self, by: By, intervals: Intervals, targets: Targets, bands: Sequence[float], now: Time) -> None:
        self._by, self._intervals, self._targets, self._now = by, intervals, targets, now
        self._bands = (0.0, *bands, math.inf)
        self._tallies: defaultdict[Key, _Tally] = defaultdict(_Tally)
        self._busy: defaultdict[tuple[str, str], list[Stretch]] = defaultdict(list)
        self._writing_up: defaultdict[tuple[str, str], list[Stretch]] = defaultdict(list)
        self._there: defaultdict[str, list[Stretch]] = defaultdict(list)
        self._present: dict[str, defaultdict[tuple[str, str], list[Stretch]]] = {
            state: defaultdict(list) for state in (PresenceState.AVAILABLE, PresenceState.AWAY)
        }

    # --- taking in -----------------------------------------------------------------------------------

    def wait(self, wait: Wait) -> None:
        """Of those that began within the intervals."""
        number = self._intervals.number_of(wait.arrived_at if wait.began_at is None else wait.began_at)
        tally = self._tallies[number, str(getattr(wait, self._by))]
        if wait.again:
            self._count_again(tally, wait)
            return
        if wait.through and self._by == "queue":
            for queue in wait.through:
                self._tallies[number, queue].led_on += 1
        else:
            tally.led_on += len(wait.through)
        if wait.began_at is None and wait.outcome not in ("arriving", "answered"):
            tally.outcomes["before_queue"] += 1
            return
        tally.emergencies += wait.emergency
        if wait.outcome != "arriving":
            self._count_level(tally, wait)
        if wait.outcome == "answered":
            tally.waits.append(self._seconds(wait))
        if wait.outcome == "abandoned":
            tally.hang_ups.append(self._seconds(wait))
            if self._seconds(wait) < self._targets.threshold_of(wait.queue):
                tally.early += 1
                return
        tally.outcomes[wait.outcome] += 1

    def _count_level(self, tally: _Tally, wait: Wait) -> None:
        target, threshold = self._targets.target_of(wait.queue), self._targets.threshold_of(wait.queue)
        in_time = kept(wait.outcome, self._seconds(wait), target, threshold)
        tally.level_offered += in_time is not None
        tally.in_target[wait.outcome] += in_time is True
        tally.waiting_past_target += wait.outcome == "waiting" and in_time is False

    def _seconds(self, wait: Wait) -> float:
        """So far, if it is not over; 0 of who was answered before the queue: a menu led them to a colleague."""
        return 0.0 if wait.began_at is None else self._until(wait.ended_at) - wait.began_at

    def _count_again(self, tally: _Tally, wait: Wait) -> None:
        tally.again[wait.outcome] += 1
        if wait.outcome == "answered":
            tally.waits_again.append(wait.seconds or 0.0)

    def handling(self, handling: Handling) -> None:
        """Of those that overlap the intervals; counted where they began, their time where it was."""
        who, talked_until = (handling.handler, self._group(handling)), self._until(handling.talked_until)
        self._busy[who].append((handling.began_at, talked_until))
        self._writing_up[who].append((talked_until, self._until(handling.ended_at)))
        if not self._intervals.edges[0] <= handling.began_at < self._intervals.edges[-1]:
            return
        tally = self._tallies[self._intervals.number_of(handling.began_at), self._group(handling)]
        if handling.activity == "follow_up":
            tally.follow_ups += 1
            tally.reached += handling.reached
        done = handling.ended_at is not None and handling.talked_until is not None
        if done and handling.activity in ("call", "message"):
            talked, ended = self._until(handling.talked_until), self._until(handling.ended_at)
            tally.talk.append(talked - handling.began_at - handling.hold_seconds)
            tally.hold.append(handling.hold_seconds)
            tally.wrap_up.append(ended - talked)

    def _group(self, fact: Handling | Spell) -> str:
        return str(getattr(fact, self._by))

    def spell(self, spell: Spell) -> None:
        """Presence is of a handler and their centre; by queue or channel it only says when they could write up."""
        stretch = (spell.began_at, self._until(spell.ended_at))
        self._there[spell.handler].append(stretch)
        if self._by in ("handler", "centre"):
            self._present[spell.state][spell.handler, self._group(spell)].append(stretch)

    def _until(self, at: Time | None) -> Time:
        return self._now if at is None else at

    # --- giving out ----------------------------------------------------------------------------------

    def nobody(self) -> Figures:
        """The row of those to whom nothing happened: it has the columns of any other."""
        return self._row((0, ""), 0.0, 0.0, 0.0)

    def figures(self) -> list[Figures]:
        """By interval, then by group."""
        at_work = self._at_work()
        busy = self._summed(at_work)
        away = self._summed(self._present[PresenceState.AWAY])
        staffed = self._staffed(at_work)
        known = {*self._tallies, *busy, *staffed, *away}
        return [self._row(key, busy.get(key, 0.0), staffed.get(key, 0.0), away.get(key, 0.0)) for key in sorted(known)]

    def _at_work(self) -> dict[tuple[str, str], list[Stretch]]:
        """Nobody writes up who has signed out, though the wrap-up is open until they are back."""
        there = {handler: _united(stretches) for handler, stretches in self._there.items()}
        return {
            who: [*talks, *_common(self._writing_up[who], there.get(who[0], []))] for who, talks in self._busy.items()
        }

    def _staffed(self, at_work: Mapping[tuple[str, str], list[Stretch]]) -> dict[Key, float]:
        """Ready for work, or at it: who is set away in the middle of a talk still works."""
        if self._by not in ("handler", "centre"):
            return {}
        ready = self._present[PresenceState.AVAILABLE]
        return self._summed({who: ready.get(who, []) + at_work.get(who, []) for who in {*ready, *at_work}})

    def _summed(self, stretches: Mapping[tuple[str, str], list[Stretch]]) -> dict[Key, float]:
        """Seconds by interval and group. Each handler's time is counted once, however many contacts they had."""
        seconds: defaultdict[Key, float] = defaultdict(float)
        for (_, group), mine in stretches.items():
            for begins, ends in _united(mine):
                for number, since, until in self._intervals.pieces(begins, ends):
                    seconds[number, group] += until - since
        return dict(seconds)

    def _row(self, key: Key, busy: float, staffed: float, away: float) -> Figures:
        number, group = key
        tally = self._tallies.get(key, _Tally())
        outcomes = tally.outcomes
        offered = sum(outcomes.values()) + tally.early - outcomes["before_queue"] - outcomes["arriving"]
        in_time = tally.in_target
        handled = len(tally.talk)
        mean = _mean_of(handled)
        return Figures(
            group=group,
            begins=self._intervals.local_edge(number),
            ends=self._intervals.local_edge(number + 1),
            offered=offered,
            answered=outcomes["answered"],
            abandoned=outcomes["abandoned"],
            abandoned_early=tally.early,
            waiting=outcomes["waiting"],
            callback=outcomes["callback"],
            voicemail=outcomes["voicemail"],
            passed=outcomes["passed"],
            control_room=outcomes["control_room"],
            cut_off=outcomes["cut_off"],
            ended=outcomes["ended"],
            before_queue=outcomes["before_queue"],
            led_on=tally.led_on,
            emergencies=tally.emergencies,
            answered_in_target=in_time["answered"],
            control_room_in_target=in_time["control_room"],
            waiting_past_target=tally.waiting_past_target,
            service_level_offered=tally.level_offered,
            service_level=in_time.total() / tally.level_offered if tally.level_offered else None,
            wait=_spread(tally.waits),
            wait_at_hang_up=_spread(tally.hang_ups),
            bands=self._in_bands(tally),
            put_back=sum(tally.again.values()),
            put_back_answered=tally.again["answered"],
            put_back_abandoned=tally.again["abandoned"],
            wait_after_put_back=_spread(tally.waits_again),
            handled=handled,
            talk_seconds=mean(tally.talk),
            hold_seconds=mean(tally.hold),
            wrap_up_seconds=mean(tally.wrap_up),
            handling_seconds=mean([*tally.talk, *tally.hold, *tally.wrap_up]),
            follow_ups=tally.follow_ups,
            follow_ups_reached=tally.reached,
            staffed_seconds=staffed,
            busy_seconds=busy,
            away_seconds=away,
            occupancy=busy / staffed if staffed else None,
        )

    def _in_bands(self, tally: _Tally) -> tuple[Band, ...]:
        edges = list(zip(self._bands, self._bands[1:], strict=False))
        answered, abandoned = _within(tally.waits, edges), _within(tally.hang_ups, edges)
        return tuple(
            Band(lower, None if math.isinf(upper) else upper, answered[n], abandoned[n])
            for n, (lower, upper) in enumerate(edges)
        )


def _within(values: Sequence[float], edges: list[tuple[float, float]]) -> list[int]:
    return [sum(lower <= value < upper for value in values) for lower, upper in edges]


def _mean_of(number: int) -> Callable[[Sequence[float]], float | None]:
    return lambda values: sum(values) / number if number else None


def _spread(values: Sequence[float]) -> Spread:
    if not values:
        return Spread(0)
    ordered = sorted(values)
    middle, ninetieth = percentile(ordered, 50), percentile(ordered, 90)
    return Spread(len(ordered), sum(ordered) / len(ordered), middle, ninetieth, ordered[-1])


def _united(stretches: list[Stretch]) -> list[Stretch]:
    """The same time without overlaps."""
    united: list[Stretch] = []
    for begins, ends in sorted(stretches):
        if united and begins <= united[-1][1]:
            united[-1] = (united[-1][0], max(ends, united[-1][1]))
        else:
            united.append((begins, ends))
    return united


def _common(stretches: Iterable[Stretch], others: Sequence[Stretch]) -> Iterator[Stretch]:
    """What of them lies in the others, which are in order and do not overlap."""
    ends_of = [ends for _, ends in others]
    for begins, ends in stretches:
        for since, until in islice(others, bisect_right(ends_of, begins), None):
            if since >= ends:
                break
            yield max(begins, since), min(ends, until)
