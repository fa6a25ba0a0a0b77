"""Who could serve a queue, whatever they are doing; who of them is there; and what no handler at all has."""

from __future__ import annotations

from collections.abc import Iterator

from routing.abilities import ORDINARY
from routing.board import Board
from routing.groups import Group
from routing.hours import is_open
from routing.model import Channel, Handler, PresenceState, Time
from routing.words import duration, in_words, listed

NO_ROOM = {Channel.VOICE: "has a telephone", Channel.TEXT: "takes texts", Channel.EMAIL: "takes emails"}


def could_serve(board: Board, handler: Handler, queue: str, channel: Channel | None = None) -> bool:
    """Whether they can do what the queue insists on for ever, and take such contacts; None: any of the channels."""
    return _could(board, board.groups.of(handler.id), queue, channel)


def _could(board: Board, group: Group, queue: str, channel: Channel | None) -> bool:
    takes = channel in group.takes if channel else bool(group.takes)
    return takes and board.rules.needs.always(queue) <= group.able


def there_for(board: Board, queue: str, channel: Channel | None = None) -> Iterator[Handler]:
    """Who could serve the queue and is there: busy is there, away is not."""
    there = (h for h in board.handlers.values() if h.presence.state is PresenceState.AVAILABLE)
    return (handler for handler in there if could_serve(board, handler, queue, channel))


def attended(board: Board, queue: str, channel: Channel | None = None) -> bool:
    """Whether anybody is."""
    there = (group for group in board.groups if group.presence is PresenceState.AVAILABLE)
    return any(_could(board, group, queue, channel) for group in there)


def on_duty(board: Board, queue: str, channel: Channel) -> bool:
    """Somebody who could serve the queue is signed in; away is signed in."""
    signed_in = (group for group in board.groups if group.presence is not PresenceState.OFFLINE)
    return any(_could(board, group, queue, channel) for group in signed_in)


def could_come(board: Board, queue: str, channel: Channel | None) -> list[Handler]:
    """Who could serve the queue and is not there: first who is only away."""
    gone = (h for h in board.handlers.values() if h.presence.state is not PresenceState.AVAILABLE)
    could = [handler for handler in gone if could_serve(board, handler, queue, channel)]
    return sorted(could, key=lambda h: (h.presence.state is PresenceState.OFFLINE, h.id))


def open_at(board: Board, queue: str, at: Time) -> bool:
    """A queue without a calendar always is."""
    calendar = board.rules.calendars.get(board.rules.queues[queue].calendar or "")
    return calendar is None or is_open(calendar, at)


def nobody_at_all(board: Board, queue: str, channel: Channel | None = None) -> str:
    """Why no handler could serve it, whoever signs in, as the beginning of a sentence; '' where somebody could."""
    if any(_could(board, group, queue, channel) for group in board.groups):
        return ""
    return _what_is_lacking(board, queue, channel) if board.handlers else "There are no handlers yet"


def without_handlers(board: Board) -> list[str]:
    """One sentence for each queue that no handler could serve, whoever signs in; none while there are no handlers."""
    if not board.handlers:
        return []
    found = {queue.name: nobody_at_all(board, queue.id) for queue in board.rules.queues.values()}
    return [f"{lacking}: nobody can take anything of '{name}'" for name, lacking in found.items() if lacking]


def waits_for_nobody(board: Board) -> list[str]:
    """One sentence for each thing that is insisted on for a while and that no handler at all has."""
    needs, had = board.rules.needs, _had(board)
    found = []
    for queue in board.rules.queues.values() if board.handlers else ():
        first, *later = needs.steps(queue.id, "", emergency=False)
        for what in sorted(first.needed - needs.always(queue.id) - had):
            seconds = next(step.after for step in later if what not in step.needed)
            said = f"'{queue.name}' insists for {duration(seconds)} on {in_words(what)}"
            found.append(f"{said}, and there is none: everybody waits so long for nobody")
    for one in board.rules.routing.languages if board.handlers else ():
        if one.skill not in had:
            said = f"Who chose the language {one.language} waits {duration(one.for_seconds)} for {in_words(one.skill)}"
            found.append(f"{said}, which no handler at all has")
    return found


def _had(board: Board) -> frozenset[str]:
    return frozenset[str]().union(*(board.able(name) for name in board.handlers))


def _what_is_lacking(board: Board, queue: str, channel: Channel | None) -> str:
    skills = sorted(board.rules.needs.always(queue) - {ORDINARY})
    skilled = [h for h in board.handlers.values() if board.able(h.id).issuperset(skills)]
    had = _had(board)
    if missing := [in_words(skill) for skill in skills if skill not in had]:
        return f"No handler at all has {listed(missing, 'or')}"
    if not skilled:
        return f"No handler at all has {listed([in_words(skill) for skill in skills], 'and')} together"
    those = f"handler with {listed([in_words(skill) for skill in skills], 'and')}" if skills else "handler"
    kept = [handler for handler in skilled if handler.reserved]
    if len(kept) == len(skilled):
        return f"Every {those} is kept for emergencies"
    others = " who is not kept for emergencies" if kept else ""
    return f"No {those}{others} {NO_ROOM[channel] if channel else 'takes anything'}"
