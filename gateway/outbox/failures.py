"""What a failed try at sending means for its message. Pure: no clock, no chance, nothing is remembered here.

A way out that is not there, or does not let us in, says nothing of a message: only a failure after which others have
left by the same way does, and these alone are counted. A server that wants a message later (SMTP 4xx) says so for as
long as it likes, so time is the limit there (RFC 5321, section 4.5.4.1), and not the number of tries.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from channels.base import Deferred, NotLetIn, Throttled, Unreachable
from config.settings import Outbox as OutboxSettings
from routing.events import SendingFailed
from routing.model import Time

HOUR, MINUTE = 3600.0, 60.0
# A message that is stuck is told of again while that lasts; one that its server wants later is told of once.
TOLD_AGAIN_SECONDS = 1800.0
LARGEST_DOUBLING = 40


@dataclass(frozen=True, slots=True)
class Failures:
    """Of one message, since we were started; ``deferred_since`` and ``told`` also from before that.

    ``times``: all of them. ``counted``: the tries that are used up. ``alone``: whether it fails for itself, and not
    with all that goes the same way. ``latest``: when it failed last. ``deferred_since``: when its server first wanted
    it later. ``told``: when a person was last told that it takes long. ``waits``: why it is said to wait for its way
    out, '' when that was never said.
    """

    times: int = 0
    counted: int = 0
    alone: bool = False
    latest: Time = math.inf
    deferred_since: Time = math.inf
    told: Time = -math.inf
    waits: str = ""


NONE = Failures()


@dataclass(frozen=True, slots=True)
class Meaning:
    """``then``: it is "given_up"; it "waits" for its way out, and what was written after it waits behind it; or it is
    tried "again" after a pause. ``overtaken``: what was written after it goes before it. ``late``: it takes so long
    that a person must know. ``why``: for people. The pause doubles from try to try, between ``shortest`` and
    ``longest`` seconds."""

    then: Literal["given_up", "waits", "again"]
    why: str
    overtaken: bool = False
    late: bool = False
    shortest: float = 0.0
    longest: float = 0.0


def meaning(
    before: Failures, error: Exception, others_left: Time, now: Time, settings: OutboxSettings
) -> tuple[Failures, Meaning]:
    """``others_left``: when something last left by the same way, 0 for never."""
    failures = _one_more(before, error, now, others=others_left > before.latest)
    if not getattr(error, "retry", True) or failures.counted >= settings.attempts:
        return failures, Meaning("given_up", str(error), overtaken=True)
    if isinstance(error, Deferred) and now - failures.deferred_since >= settings.deferred_hours * HOUR:
        why = f"{error}; this was its answer for {settings.deferred_hours:g} hours"
        return failures, Meaning("given_up", why, overtaken=True)
    late = _is_late(failures, error, settings)
    meant = _goes_on(failures, error, settings, late=late)
    told, waits = now if late else failures.told, meant.why if meant.then == "waits" else failures.waits
    return replace(failures, told=told, waits=waits), meant


def known_before(told: Iterable[tuple[Time, SendingFailed]]) -> Failures:
    """Of a message that failed before we were started, by what was journalled of it, and when: the hours for which its
    server may want it later do not begin anew, nor is a person told anew."""
    known = NONE
    for at, failed in told:
        since = min(known.deferred_since, failed.deferred_since or math.inf)
        known = replace(known, deferred_since=since, told=at if failed.late else known.told)
    return known


def pause(tries: int, first: float, longest: float, chance: float) -> float:
    """In seconds, before the next try: ``first`` after the first, then doubling up to ``longest``, with half of it by
    ``chance`` (from 0 to 1)."""
    doubled = first * 2.0 ** min(max(0, tries - 1), LARGEST_DOUBLING)
    return min(doubled, longest) * (0.5 + chance / 2)


def _one_more(before: Failures, error: Exception, now: Time, *, others: bool) -> Failures:
    """``others``: whether something has left by the same way since it failed before."""
    of_the_way = isinstance(error, Unreachable)
    failures = replace(before, times=before.times + 1, alone=before.alone or others or not of_the_way, latest=now)
    match error:
        case Deferred():  # its server is there, and speaks of a time: what was counted before says no more
            since = min(before.deferred_since, now)
            return replace(failures, counted=0, alone=failures.alone or error.alone, deferred_since=since)
        case Unreachable() if isinstance(error, Throttled) or not others:
            return failures
        case _:
            return replace(failures, counted=before.counted + 1)


def _goes_on(failures: Failures, error: Exception, settings: OutboxSettings, *, late: bool) -> Meaning:
    """What becomes of a message that is not given up."""
    alone, longest = failures.alone or failures.times > settings.attempts, settings.last_retry_seconds
    match error:
        case Throttled():
            return Meaning("again", str(error), alone, late, error.retry_after, longest)
        case Unreachable() if not alone:
            until = "that is mended" if isinstance(error, NotLetIn) else "it is back"
            return Meaning("waits", f"{error}; this message waits until {until}", late=late, longest=longest)
        case Deferred():
            why = f"{error}; this message waits and is tried again, for up to {settings.deferred_hours:g} hours"
            return Meaning("again", why, True, late, longest=settings.deferred_retry_seconds)
        case _:
            return Meaning("again", str(error), True, late, longest=longest)


def _is_late(failures: Failures, error: Exception, settings: OutboxSettings) -> bool:
    """Whether a person is to be told now. Of a way out that does not let us in they are told once for all messages."""
    unheard_for = failures.latest - failures.told
    match error:
        case Deferred():
            waited = failures.latest - failures.deferred_since
            return waited >= settings.deferred_told_minutes * MINUTE and math.isinf(unheard_for)
        case Unreachable() if not isinstance(error, (Throttled, NotLetIn)):
            return failures.times > settings.attempts and unheard_for >= TOLD_AGAIN_SECONDS
        case _:
            return False
