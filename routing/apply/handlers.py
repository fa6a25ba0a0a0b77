"""What a handler who comes, goes or changes does to the board. Nothing is decided here."""

from __future__ import annotations

from routing import events as ev
from routing.apply.base import apply, turned
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
    was, state = board.handlers[e.handler].presence.state, e.presence.state
    signs_in = was is PresenceState.OFFLINE and state is not PresenceState.OFFLINE
    if signs_in or (state is PresenceState.AVAILABLE and was is not PresenceState.AVAILABLE):
        turned(board, e.handler, now)
    handler = replace(board.handlers[e.handler], presence=e.presence, misses=0)
    board.put_handler(replace(handler, signed_in_at=now, busy_seconds=0.0) if signs_in else handler)
