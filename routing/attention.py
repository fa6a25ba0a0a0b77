"""Which queues need a supervisor, and why: nobody who is there can take what waits, or it waits far too long.

Emergencies are left out: each has an alarm of its own. So is what waits in a closed queue, unless the caller is on the
line. What is told already stays true for longer than it took to become so, so that an alarm does not come and go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from config.alarms import QueueAlarms
from config.settings import Queue
from routing.board import Board
from routing.coverage import attended, could_come, nobody_at_all, open_at, there_for
from routing.model import Channel, Handler, NotServed, PresenceState, Time
from routing.queued import Crowd
from routing.words import duration, listed

NAMED = 3  # in one sentence
KINDS = {Channel.VOICE: "call", Channel.TEXT: "text", Channel.EMAIL: "email"}


@dataclass(frozen=True, slots=True)
class Line:
    """What waits in a queue for one channel, each called a ``kind``. ``caller``: for how many seconds at the longest
    who is on the line has waited, ``other``: what is not; None where there is none."""

    channel: Channel
    kind: str
    waiting: int
    caller: float | None
    other: float | None

    @property
    def longest(self) -> float:
        return max(self.caller or 0.0, self.other or 0.0)


@dataclass(frozen=True, slots=True)
class Trouble:
    """``channel``: whose contacts are meant, None for any. ``line``: what waits, None where nothing does. ``after``: it
    is told when it has been true for so many seconds."""

    queue: str
    cause: NotServed
    channel: Channel | None
    line: Line | None = None
    after: float = 0.0

    @property
    def of_nobody(self) -> bool:
        return self.cause != "queue_overdue"


def troubles(board: Board, now: Time, limits: QueueAlarms, told: Mapping[str, Trouble]) -> list[Trouble]:
    """At most one for each queue, the worst. ``told``: by queue, what the supervisors know of already."""
    waiting = lines(board, now)
    found = (
        _nobody(board, queue, waiting.get(name, []), now, limits, told.get(name))
        or _overdue(queue, waiting.get(name, []), limits, told.get(name))
        for name, queue in board.rules.queues.items()
    )
    return [trouble for trouble in found if trouble]


def lines(board: Board, now: Time) -> dict[str, list[Line]]:
    """By queue, where somebody waits whom no handler has taken; who is being offered waits too. Nobody waits in what is
    only to be looked at once more."""
    by_queue: dict[str, list[Line]] = {}
    for (queue, channel), crowd in board.queued.crowds():
        if crowd.others and not open_at(board, queue, now):
            crowd = Crowd(crowd.callers)
        if crowd.callers or crowd.others:
            waiting = len(crowd.callers) + len(crowd.others)
            callers, others = _longest(crowd.callers, now), _longest(crowd.others, now)
            by_queue.setdefault(queue, []).append(Line(channel, _kind(channel, crowd), waiting, callers, others))
    return by_queue


def _kind(channel: Channel, crowd: Crowd) -> str:
    if not crowd.voicemails:
        return KINDS[channel]
    return "voicemail" if crowd.voicemails == len(crowd.others) else "contact"


def _longest(began: Sequence[Time], now: Time) -> float | None:
    return max(0.0, now - began[0]) if began else None


def unattended(board: Board, queue: Queue, waiting: Iterable[Line]) -> list[Line]:
    """What waits and nobody who is there can take, the most first."""
    lonely = [line for line in waiting if not attended(board, queue.id, line.channel)]
    return sorted(lonely, key=lambda line: (-line.waiting, line.channel))


# --- what is wrong -----------------------------------------------------------------------------------


def _nobody(
    board: Board, queue: Queue, waiting: list[Line], now: Time, limits: QueueAlarms, told: Trouble | None
) -> Trouble | None:
    known = told is not None and told.of_nobody
    channel = told.channel if told and known else None
    lonely = [line for line in unattended(board, queue, waiting) if _due(line, queue, limits)]
    if lonely:
        worst = next((line for line in lonely if line.channel is channel), lonely[0])
        return Trouble(queue.id, _cause(board, queue, worst.channel), worst.channel, worst)
    watched = known or (queue.calendar is not None and limits.open_minutes > 0)
    if not watched or not open_at(board, queue.id, now) or attended(board, queue.id, channel):
        return None
    after = 0.0 if known else limits.open_minutes * 60
    return Trouble(queue.id, _cause(board, queue, channel), channel, None, after)


def _due(line: Line, queue: Queue, limits: QueueAlarms) -> bool:
    called = line.caller is not None and line.caller >= limits.caller_seconds
    return called or (line.other is not None and line.other >= limits.message_share * queue.target_seconds)


def _cause(board: Board, queue: Queue, channel: Channel | None) -> NotServed:
    return "queue_without_handlers" if nobody_at_all(board, queue.id, channel) else "queue_unattended"


def _overdue(queue: Queue, waiting: list[Line], limits: QueueAlarms, told: Trouble | None) -> Trouble | None:
    known = told is not None and told.cause == "queue_overdue"
    limit = limits.overdue_times * queue.target_seconds * (0.5 if known else 1.0)
    worst = max(waiting, key=lambda line: line.longest, default=None)
    if not limit or worst is None or worst.longest <= limit:
        return None
    return Trouble(queue.id, "queue_overdue", worst.channel, worst)


# --- words -------------------------------------------------------------------------------------------


def said(board: Board, trouble: Trouble) -> str:
    """What is wrong, and whom to ask."""
    queue = board.rules.queues[trouble.queue]
    if trouble.line and not trouble.of_nobody:
        return _overdue_said(board, queue, trouble.line)
    return nobody_said(board, queue, trouble.line, trouble.channel)


def nobody_said(board: Board, queue: Queue, line: Line | None, channel: Channel | None = None) -> str:
    """``line``: what waits; None where nothing does, then ``channel`` is what is meant."""
    channel = line.channel if line else channel
    kind = line.kind if line else KINDS[channel] if channel else ""
    what = f"{f'{kind}s' if kind else 'anything'} of '{queue.name}'"
    waits = f"{_waits(line)}." if line else "Nobody waits in it now."
    if lacking := nobody_at_all(board, queue.id, channel):
        return f"{lacking}: nobody can take {what}, whoever signs in. {waits} Change the handlers, or the queue."
    return f"Nobody who is there can take {what}. {waits} {_ask(board, queue, channel)}"


def _overdue_said(board: Board, queue: Queue, line: Line) -> str:
    there = list(there_for(board, queue.id, line.channel))
    free = sum(board.is_free(handler.id, line.channel) for handler in there)
    target = f"{line.longest / queue.target_seconds:.0f} times its target of {duration(queue.target_seconds)}"
    people = f"{'1 handler who is' if len(there) == 1 else f'{len(there)} handlers who are'} there could take them"
    said = f"'{queue.name}' is far behind, {target}: {_waits(line)}. {people}, {free} of them free now."
    return f"{said} {_ask(board, queue, line.channel)}".rstrip()


def _waits(line: Line) -> str:
    if line.waiting == 1:
        return f"1 {line.kind} waits, for {duration(line.longest)}"
    return f"{line.waiting} {line.kind}s wait, the longest for {duration(line.longest)}"


def _ask(board: Board, queue: Queue, channel: Channel | None) -> str:
    """Whom a supervisor could fetch; '' where there is nobody."""
    could = could_come(board, queue.id, channel)
    named = could if len(could) == NAMED + 1 else could[:NAMED]
    names = [f"{handler.id} ({_where(handler)})" for handler in named]
    more = [f"one of {len(could) - len(named)} more"] if could[len(named) :] else []
    return f"Ask {listed([*names, *more], 'or')}." if could else ""


def _where(handler: Handler) -> str:
    if handler.presence.state is PresenceState.OFFLINE:
        return "not signed in"
    return f"away: {handler.presence.reason}" if handler.presence.reason else "away"


def over_said(board: Board, trouble: Trouble, now: Time) -> str:
    """Why what was told is true no more."""
    queue = board.rules.queues.get(trouble.queue)
    if queue is None:
        return f"There is no queue {trouble.queue} any more."
    if trouble.of_nobody and not attended(board, queue.id, trouble.channel):
        return f"'{queue.name}' is closed now, and no caller waits."
    if trouble.of_nobody:
        there = sorted(handler.id for handler in there_for(board, queue.id, trouble.channel))
        return f"Somebody is there for '{queue.name}' again: {listed(there[:NAMED], 'and')}."
    longest = max((line.longest for line in lines(board, now).get(queue.id, [])), default=0.0)
    still = f"the longest wait is {duration(longest)}" if longest else "nobody waits"
    return f"'{queue.name}' is no longer far behind: {still}."
