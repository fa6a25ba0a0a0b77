"""What a handler who comes, goes or changes does to the board. Nothing is decided here."""

from __future__ import annotations

from routing import events as ev
from routing.apply.base import apply
from routing.board import Board
from routing.model import PresenceState, Time
from routing.replacing import replace

# What a change of somebody's record leaves as it is.
THEIRS = ("presence", "idle_since", "misses", "missed_at", "signed_in_at", "busy_seconds", "offered_at")


@apply.register
def _(e: ev.HandlerSaved, board: Board, now: Time) -> None:
    was = board.handlers.get(e.handler.id)
    board.put_handler(replace(e.handler, **{name: getattr(was, name) for name in THEIRS}) if was else e.handler)


@apply.register
def _(e: ev.HandlerRemoved, board: Board, now: Time) -> None:
    board.remove_handler(e.handler)


@apply.register
def _(e: ev.BoardRepaired, board: Board, now: Time) -> None:
    board.reindex()


@apply.register
def _(e: ev.PresenceChanged, board: Board, now: Time) -> None:
    handler = board.handlers[e.handler]
    back = e.presence.state is PresenceState.AVAILABLE and handler.presence.state is not PresenceState.AVAILABLE
    signs_in = handler.presence.state is PresenceState.OFFLINE and e.presence.state is not PresenceState.OFFLINE
    handler = replace(handler, presence=e.presence, misses=0)
    if back:
        handler = replace(handler, idle_since=now)
    if signs_in:
        handler = replace(handler, signed_in_at=now, busy_seconds=0.0)
    board.put_handler(handler)
