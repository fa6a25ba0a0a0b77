"""What a failed try at sending means for its message: a table of failures, one after the other."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from channels.base import Deferred, NotLetIn, Refused, Throttled, Unreachable
from config.settings import Outbox as OutboxSettings
from gateway.outbox.failures import NONE, Failures, Meaning, known_before, meaning, pause
from routing.events import SendingFailed

SETTINGS = OutboxSettings(
    attempts=3,
    first_retry_seconds=2,
    last_retry_seconds=300,
    deferred_hours=96,
    deferred_told_minutes=60,
    deferred_retry_seconds=900,
    concurrency=1,
)
HOUR = 3600.0
NEVER = 0.0

AWAY, LOGIN, FAULT = Unreachable("refused"), NotLetIn("wrong password"), ValueError("a fault of ours")
SLOWER = Throttled("429", retry_after=7)
GREY, FULL = Deferred("451 greylisted", alone=True), Deferred("452 disk full", alone=False)

# A failure: when, with what, and when something last left by the same way.
Failed = tuple[float, Exception, float]


def after(*failures: Failed) -> tuple[Failures, Meaning]:
    """What the last of these means."""
    known, meant = NONE, Meaning("again", "")
    for at, error, others_left in failures:
        known, meant = meaning(known, error, others_left, at, SETTINGS)
    return known, meant


def every(error: Exception, times: int, *, others_leave: bool) -> Sequence[Failed]:
    """It fails every ten seconds; others leave in between, or nothing does."""
    return [(at, error, at - 5 if others_leave else NEVER) for at in range(100, 100 + 10 * times, 10)]


@pytest.mark.parametrize(
    ("failures", "then", "overtaken"),
    [
        # It was refused: nothing helps.
        ([(100, Refused("no such number"), NEVER)], "given_up", True),
        # Its way out is not there: it waits for that, in its place, however often.
        ([(100, AWAY, NEVER)], "waits", False),
        ([(100, AWAY, 99)], "waits", False),
        (every(AWAY, 3, others_leave=False), "waits", False),
        # Nothing else shows whether it is the way out: after so many tries the next ones may try.
        (every(AWAY, 4, others_leave=False), "again", True),
        (every(AWAY, 100, others_leave=False), "again", True),
        # It has failed for itself before: that its way out is not there either holds up nobody behind it.
        ([(100, FAULT, NEVER), (110, AWAY, NEVER)], "again", True),
        # Others leave: it fails for itself, and these tries count.
        (every(AWAY, 2, others_leave=True), "again", True),
        (every(AWAY, 3, others_leave=True), "again", True),
        (every(AWAY, 4, others_leave=True), "given_up", True),
        # What failed for itself once is not held for the way out afterwards.
        ([(100, AWAY, NEVER), (110, AWAY, 105), (120, AWAY, 105)], "again", True),
        # We are not let in: as if the way out were not there.
        (every(LOGIN, 1, others_leave=False), "waits", False),
        (every(LOGIN, 100, others_leave=False), "again", True),
        (every(LOGIN, 4, others_leave=True), "given_up", True),
        # Asked to slow down: that says nothing of the message.
        (every(SLOWER, 1, others_leave=False), "again", False),
        (every(SLOWER, 100, others_leave=True), "again", True),
        # A fault of ours always counts, and holds up no other.
        (every(FAULT, 1, others_leave=False), "again", True),
        (every(FAULT, 3, others_leave=False), "given_up", True),
        # Its server wants it later: that lasts as long as it may.
        (every(GREY, 1, others_leave=False), "again", True),
        (every(GREY, 1000, others_leave=True), "again", True),
        ([(0, GREY, NEVER), (95 * HOUR, GREY, 1)], "again", True),
        ([(0, GREY, NEVER), (96 * HOUR, GREY, 1)], "given_up", True),
        # What was counted before its server spoke is forgotten.
        ([*every(AWAY, 3, others_leave=True), (130, GREY, 125), (140, AWAY, 135)], "again", True),
        # "Later", said of everything: it waits for its way out, until others leave by it.
        ([(100, FULL, NEVER)], "waits", False),
        ([(100, FULL, NEVER), (110, FULL, 105)], "again", True),
        (every(FULL, 1000, others_leave=True), "again", True),
    ],
)
def test_what_a_failure_means(failures: Sequence[Failed], then: str, overtaken: bool) -> None:
    _, meant = after(*failures)
    assert (meant.then, meant.overtaken) == (then, overtaken)


@pytest.mark.parametrize(
    ("failures", "why"),
    [
        ([(100, AWAY, NEVER)], "refused; this message waits until it is back"),
        ([(100, LOGIN, NEVER)], "wrong password; this message waits until that is mended"),
        ([(100, GREY, NEVER)], "451 greylisted; this message waits and is tried again, for up to 96 hours"),
        ([(0, GREY, NEVER), (97 * HOUR, GREY, 1)], "451 greylisted; this was its answer for 96 hours"),
        ([(100, SLOWER, NEVER)], "429"),
    ],
)
def test_it_says_what_is_waited_for(failures: Sequence[Failed], why: str) -> None:
    assert after(*failures)[1].why == why


@pytest.mark.parametrize(
    ("error", "others_leave", "every_seconds", "told"),
    [
        # More often than it has tries, and again after half an hour, while its way out says that it is there.
        (AWAY, False, 300, [4, 10, 16]),
        # Once, after an hour.
        (GREY, True, 600, [7]),
        (FULL, False, 600, [7]),
        # Of these the carrier's or the mailbox's own alarm tells, for all messages.
        (LOGIN, False, 300, []),
        (SLOWER, False, 300, []),
    ],
)
def test_when_a_person_is_told_that_it_takes_long(
    error: Exception, others_leave: bool, every_seconds: float, told: list[int]
) -> None:
    known, late = NONE, []
    for nth in range(1, 19):
        at = nth * every_seconds
        known, meant = meaning(known, error, at - 1 if others_leave else NEVER, at, SETTINGS)
        late += [nth] if meant.late else []
    assert late == told


def test_what_was_known_before_a_restart_is_known_after_it() -> None:
    """Also of one that was told of, and of one whose way out was away at first."""
    told = [
        (100.0, SendingFailed("R", "m", "refused", final=False)),
        (200.0, SendingFailed("R", "m", "451", final=False, deferred_since=200.0)),
        (4000.0, SendingFailed("R", "m", "451", final=False, deferred_since=200.0, late=True)),
        (4100.0, SendingFailed("R", "m", "refused", final=False, deferred_since=200.0)),
    ]
    known = known_before(told)

    assert known == Failures(deferred_since=200.0, told=4000.0)
    assert meaning(known, GREY, NEVER, 95 * HOUR, SETTINGS)[1].then == "again"
    assert meaning(known, GREY, NEVER, 97 * HOUR, SETTINGS)[1].then == "given_up"
    assert known_before([]) == NONE


def test_the_longest_pause_is_that_of_the_error() -> None:
    longest = {error: after((100, error, NEVER))[1].longest for error in (AWAY, SLOWER, GREY)}
    assert longest == {AWAY: 300, SLOWER: 300, GREY: 900}
    assert after((100, SLOWER, NEVER))[1].shortest == 7, "never sooner than the carrier asks"


@pytest.mark.parametrize(
    ("tries", "longest"), [(0, 2), (1, 2), (2, 4), (3, 8), (8, 256), (9, 300), (50, 300), (5000, 300)]
)
def test_the_pause_doubles_to_its_longest_with_half_of_it_by_chance(tries: int, longest: float) -> None:
    assert [pause(tries, 2, 300, chance) for chance in (0, 0.5, 1)] == [longest / 2, longest * 0.75, longest]
